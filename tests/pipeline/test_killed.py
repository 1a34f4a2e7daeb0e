"""A night's ingest killed (SIGKILL) at every boundary of its steps, and run again: the state of an undisturbed one.

A boundary is the moment before or after what others can see: a commit, a file's rename, a table's rows, the receipt.
"""

import json
import multiprocessing
import os
import re
import secrets
import shutil
import signal
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import _connection_base, sql

from connectors.config import load_municipalities
from demo.servers import RunningSources, start_sources
from pipeline import archive, ingest, keys, receipt_post
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare
from tests.connectors import samples
from tests.corpus.sites import list_kuopio
from tests.pipeline.small_kuopio import MARKS, NIGHT, oid, raw_kuopio

# A pupil whose school day has no such number is rejected; the others are in order.
UNREADABLE = f"2;{samples.OID_1};07522;32.10.2025;1;MA;S;;;"
# A code that nobody knows: the delivery is held.
UNKNOWN = f"3;{samples.OID_1};07522;07.10.2025;1;MA;Q9;;;"


@dataclass(frozen=True)
class Trial:
    """An empty warehouse with a state folder of its own, and the source that it asks."""

    settings: Settings
    connection: str
    receipts: Path


def run(trial: Trial, kill_at: int | None, reached: Any) -> None:
    """The ingest in a process of its own, killed at that boundary (1 = first). reached: shared count of boundaries."""
    os.environ["AIRFLOW_CONN_KUOPIO"] = trial.connection

    def boundary() -> None:
        reached.value += 1
        if reached.value == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def between(place: Any, name: str) -> None:
        original = getattr(place, name)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            boundary()
            done = original(*arguments, **named)
            boundary()
            return done

        setattr(place, name, wrapped)

    execute = _connection_base.BaseConnection._exec_command

    def committed(self: Any, command: Any, *arguments: Any, **named: Any) -> Generator[Any, Any, Any]:
        ends = isinstance(command, bytes) and command.upper().startswith(b"COMMIT")
        if ends:
            boundary()
        result = yield from execute(self, command, *arguments, **named)
        if ends:
            boundary()
        return result

    _connection_base.BaseConnection._exec_command = committed  # type: ignore[method-assign,assignment]
    between(os, "rename")
    between(os, "replace")
    between(ingest, "copy_frame")
    between(receipt_post, "send_receipt")
    ingest.ingest(trial.settings, "kuopio", NIGHT)


@pytest.fixture(scope="module")
def context() -> ForkServerContext:
    """Processes that have imported everything before they begin, as Airflow's task processes have."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(["great_expectations", "tests.pipeline.test_killed"])
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


@pytest.fixture(scope="module")
def running(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSources]:
    with start_sources(root, None, tmp_path_factory.mktemp("servers"), municipalities=["kuopio"]) as made:
        yield made


@pytest.fixture(scope="module")
def new_trial(
    postgres: EmbeddedPostgres, running: RunningSources, root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[], Trial]]:
    """Makes trials: warehouses copied from one that is prepared, all with the same keys."""
    first = tmp_path_factory.mktemp("first")
    pattern = f"killed_{secrets.token_hex(4)}"
    settings = Settings(first, postgres.create_database(pattern), PROJECT_ROOT / "municipalities")
    municipalities = load_municipalities(settings.municipalities)
    names = tuple(one.name for one in municipalities)
    keys.ensure_keys(settings, names)
    with connect(settings) as connection:
        prepare(connection, names)
        load_reference(connection, municipalities)
    made: list[str] = []

    def make() -> Trial:
        name = f"{pattern}_{len(made)}"
        with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
            admin.execute(sql.SQL("create database {} template {}").format(*map(sql.Identifier, (name, pattern))))
        made.append(name)
        home = tmp_path_factory.mktemp("home")
        shutil.copytree(settings.keys, replace(settings, home=home).keys)
        receipts = root / "kuopio" / "kuittaukset"
        shutil.rmtree(receipts, ignore_errors=True)
        receipts.mkdir(parents=True)
        own = Settings(home, postgres.create_database(name), settings.municipalities)
        return Trial(own, running.connections()["kuopio"], receipts)

    yield make
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        for name in [*made, pattern]:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def deliver(root: Path, *marks: str) -> None:
    """What the source has that night: the small delivery with these marks more."""
    pupils = [f"{oid(900)};;07522;x;7A;297;PO;11.08.2025;"]
    raw = raw_kuopio(Settings(root, None, PROJECT_ROOT / "municipalities"), marks=[*MARKS, *marks], pupils=pupils)
    folder = root / "kuopio" / "lahtevat" / NIGHT.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for file in raw.files:
        (folder / file.name).write_bytes(file.read_bytes())
    list_kuopio(folder, toimitus=NIGHT.isoformat())


# What differs from run to run by its nature: when it was, and numbers that are drawn.
DRAWN = {
    "delivery": {"received_at", "decided_at"},
    "quality_result": {"run_id", "checked_at"},
    "night_outcome": {"reported_at", "durations"},
    "finding_look": {"look_id", "looked_at"},
    "finding_observation": {"look_id"},
    # A receipt may be sent twice: the second time it is the same file.
    "receipt": {"made_at", "sent_at", "attempts"},
}

# A delivery's number is drawn too, and is told in messages.
NUMBER = re.compile(r'("delivery_id": |kuopio, delivery |kuopio, toimitus )\d+')


def state(trial: Trial) -> dict[str, Any]:
    """All that the ingest leaves: every row of landing and ops, the archive, the receipts at the source."""
    found: dict[str, Any] = {}
    with connect(trial.settings) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname in ('landing', 'ops') order by 1, 2"
        ).fetchall()
        for schema, table in tables:
            query = sql.SQL("select to_jsonb(one) from {} as one").format(sql.Identifier(schema, table))
            rows = [row for (row,) in connection.execute(query)]
            drawn = DRAWN.get(table, set())
            kept = [{name: value for name, value in row.items() if name not in drawn} for row in rows]
            told = [NUMBER.sub(r"\g<1>0", json.dumps(row, sort_keys=True)) for row in kept]
            # A held delivery is read again by every run of its night, and each run of the gate is kept.
            found[table] = sorted(set(told) if table == "quality_result" else told)
    folder = trial.settings.archive
    found["archived"] = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    key = keys.archive_key(trial.settings)
    found["archive"] = [
        (file.dataset, file.read_bytes())
        for delivery in sorted({row["delivery"] for row in map(json.loads, found["delivery"])})
        for file in archive.load(folder, key, "kuopio", delivery).files
    ]
    found["receipts"] = {file.name: said(file) for file in sorted(trial.receipts.iterdir())}
    return found


def said(file: Path) -> object:
    """What a receipt says; a part-written file would be found by its name."""
    return json.loads(file.read_text("utf-8")) if file.suffix == ".json" else file.read_text("utf-8")


def killed_and_run_again(context: ForkServerContext, trial: Trial, kill_at: int | None) -> int:
    """How many boundaries the first run reached; the second one is not disturbed."""
    reached = context.Value("i", 0)
    for kill in (kill_at, None):
        process = context.Process(target=run, args=(trial, kill, reached))
        process.start()
        process.join()
        count = int(reached.value)
        if kill is None:
            assert process.exitcode == 0
            return count
        assert process.exitcode == -signal.SIGKILL
        reached.value = 0
    raise AssertionError


def differences(
    context: ForkServerContext, new_trial: Callable[[], Trial], status: str, step: int
) -> dict[int, list[str]]:
    """Every `step`th boundary → the parts of the state that differ from those of an undisturbed night."""
    undisturbed = new_trial()
    boundaries = killed_and_run_again(context, undisturbed, None)
    expected = state(undisturbed)
    assert {json.loads(row)["status"] for row in expected["delivery"]} == {status}
    assert len(expected["rejected_row"]) == 2
    assert expected["receipts"]
    assert boundaries > 20
    different = {}
    for number in range(1, boundaries + 1, step):
        trial = new_trial()
        killed_and_run_again(context, trial, number)
        found = state(trial)
        different[number] = [name for name in expected if found[name] != expected[name]]
    return {number: names for number, names in different.items() if names}


def test_killed_and_run_again_is_as_if_undisturbed(
    context: ForkServerContext, new_trial: Callable[[], Trial], root: Path
) -> None:
    deliver(root, UNREADABLE)
    # Seven is prime to the two moments of a boundary and to the four tables: all kinds come up.
    assert differences(context, new_trial, "accepted", step=7) == {}


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("status", ["accepted", "held"])
def test_killed_anywhere_and_run_again_is_as_if_undisturbed(
    context: ForkServerContext, new_trial: Callable[[], Trial], root: Path, status: str
) -> None:
    deliver(root, UNREADABLE, *([UNKNOWN] if status == "held" else []))
    assert differences(context, new_trial, status, step=1) == {}
