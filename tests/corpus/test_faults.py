"""Every fault of a source, done to a real server, held against what was written down for it."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from connectors.connection import connection_for
from connectors.delivery import RawDelivery
from demo.servers import RunningSources, start_sources
from demo.servers.database import DATABASE
from pipeline.embedded_postgres import EmbeddedPostgres
from tests.connectors.test_transports_rest import Scripted
from tests.corpus import siilinjarvi
from tests.corpus.faults import DELIVERED, FAULTS, RETRIED, Answer, Fault, page
from tests.corpus.sites import Site, fill_iisalmi, fill_kuopio, fill_siilinjarvi, fill_varkaus

RETRIES = ("once more", "waiting", "trying again", "the token has ended")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("corpus")
    fill_kuopio(root / "kuopio")
    fill_siilinjarvi(root / "siilinjarvi")
    fill_iisalmi(root / "iisalmi")
    fill_varkaus(root / "varkaus")
    return root


@pytest.fixture(scope="module")
def running(
    root: Path, postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSources]:
    with start_sources(root, postgres.admin_url, tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(root: Path, running: RunningSources) -> dict[str, RawDelivery]:
    """Source → its delivery on a good night."""
    return {name: site(name, root, running).fetch() for name in running.connections()}


def site(source: str, root: Path, running: RunningSources) -> Site:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"AIRFLOW_CONN_{source.upper()}", running.connections()[source])
        return Site(source, root / source, connection_for(source, root))


@pytest.fixture
def fresh(root: Path, running: RunningSources, postgres: EmbeddedPostgres) -> Iterator[Callable[[str], Site]]:
    """A site by its source, filled again after the test."""
    made: list[Site] = []
    conninfo = psycopg.conninfo.make_conninfo(postgres.admin_url, dbname=DATABASE)

    def make(source: str) -> Site:
        one = site(source, root, running)

        def execute(statement: str) -> None:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                connection.execute(statement)

        made.append(replace(one, admin=execute))
        return made[-1]

    yield make
    for one in made:
        refill(one, running)


def refill(one: Site, running: RunningSources) -> None:
    if one.source == "kuopio":
        shutil.rmtree(one.folder / "lahtevat")
        fill_kuopio(one.folder)
    elif one.source == "varkaus":
        book = one.folder / "Varkaus_2025-2026.xlsx"
        if book.is_dir():
            book.rmdir()
        (one.folder / "~$Varkaus_2025-2026.xlsx").unlink(missing_ok=True)
        fill_varkaus(one.folder)
    elif one.source == "iisalmi":
        one.admin("drop schema raportointi cascade")
        one.admin("drop schema rekisteri cascade")
        running.refresh()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_ends_as_written_down(
    fault: Fault,
    fresh: Callable[[str], Site],
    undisturbed: dict[str, RawDelivery],
    running: RunningSources,
    root: Path,
) -> None:
    one = fresh(fault.source)
    whole = undisturbed[fault.source]
    with ExitStack() as stack:
        if fault.script is not None:
            one.connection = stack.enter_context(_Script(fault.script))
        stack.enter_context(fault.arrange(one))
        outcome = one.outcome()
        if fault.outcome in (DELIVERED, RETRIED):
            assert isinstance(outcome, RawDelivery), outcome
            if one.source != "iisalmi" and "field of two hundred" not in fault.name:
                assert outcome.digest == whole.digest
            told = any(word in message for message in one.told for word in RETRIES)
            assert told is (fault.outcome == RETRIED)
        else:
            assert outcome == fault.outcome
    # What was broken and is mended gives the whole delivery.
    refill(one, running)
    assert site(fault.source, root, running).fetch().digest == whole.digest


class _Script:
    """A REST service whose absences a script answers; the rest is as it should be."""

    def __init__(self, script: Callable[[dict[str, str], int], Answer]) -> None:
        count = iter(range(1, 100_000))
        rows = siilinjarvi.extract().rows
        resources: dict[str, list[Any]] = {
            "students": rows["enrolment"],
            "support-periods": rows["support"],
            "school-days": rows["school_day"],
        }

        def answer(path: str, query: dict[str, str], number: int) -> Answer:
            if path == "absences":
                return script(query, next(count))
            return page(resources[path], total=len(resources[path]))

        self._server = Scripted(answer)

    def __enter__(self) -> Any:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self._server.connection

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
