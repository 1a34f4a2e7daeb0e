"""Two nights of a small region through real sources, a real Airflow scheduler and a real PostgreSQL.

The first night is whole; in the second one Siilinjärvi's server is down and Varkaus' workbook is unchanged.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest
from psycopg.rows import dict_row

from demo.night import CLOSING_NIGHT, NIGHT_TIMEOUT_S, RunningRegion, in_background, run_night, running_region
from demo.region import identifiers
from pages.site import publish
from pipeline.embedded_postgres import EmbeddedPostgres, binaries
from pipeline.ingest import Outcome
from pipeline.release import release, rollback
from pipeline.scheduler import RunningAirflow, command
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect
from tests.mail_server import MailServer, mail_server, words_of
from tests.pages.reading import LANGUAGES, WITHHELD, broken_links, shown_cells, soup, wrong_cells
from tests.pipeline.test_cli import tukiverkko

# A Tuesday and the day after it: Varkaus edits its workbook on Mondays.
FIRST, SECOND = date(2026, 2, 3), date(2026, 2, 4)
# A night that does not end has a deadline of its own, which tells what it waits for.
pytestmark = pytest.mark.timeout(2 * NIGHT_TIMEOUT_S)
MARTS = ("attendance_monthly", "attendance_tiers", "support_levels")
ON_DUTY = "aino@alue.example"


Figures = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Begun:
    """The region with its closing night taken in, by hand, and nothing published; its Airflow runs."""

    running: RunningRegion
    settings: Settings
    airflow: RunningAirflow
    closing: list[Outcome]


@dataclass(frozen=True)
class Nights:
    """What the two nights left: figures after each, and the runs of the release."""

    running: RunningRegion
    settings: Settings
    airflow: RunningAirflow
    after_first: Figures
    after_same_again: Figures
    after_second: Figures
    mails: MailServer


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def mails(monkeypatch_module: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """The mail server of the nights, as the environment names it."""
    with mail_server() as server:
        monkeypatch_module.setenv("AIRFLOW_CONN_POSTI", server.connection)
        monkeypatch_module.setenv("TUKIVERKKO_MAIL_CONNECTION", "posti")
        monkeypatch_module.setenv("TUKIVERKKO_ALERT_TO", ON_DUTY)
        yield server


@pytest.fixture(scope="module")
def begun(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch, mails: MailServer
) -> Iterator[Begun]:
    # A source that is down is asked nine times six times; here without hours in between.
    monkeypatch_module.setenv("TUKIVERKKO_RETRY_SECONDS", "0.01")
    folder = tmp_path_factory.mktemp("night")
    municipalities = Path(shutil.copytree(PROJECT_ROOT / "municipalities", folder / "municipalities"))
    impatient = municipalities / "siilinjarvi" / "municipality.yaml"
    text = impatient.read_text(encoding="utf-8")
    impatient.write_text(
        text.replace("  kind: rest\n", "  kind: rest\n  retry_wait_seconds: 0.01\n", 1), encoding="utf-8"
    )
    home = folder / "a home"
    settings = Settings(home, None, municipalities, mail_connection="posti", alert_to=(ON_DUTY,))
    with running_region(settings, seed=7, scale=0.1) as running, in_background(running.start_airflow) as starting:
        closing = running.take_in(CLOSING_NIGHT)
        yield Begun(running, settings, starting.result(), closing)


# One fixture a night, each asked for by a test of its own first, so that none waits for more than one of them.
@pytest.fixture(scope="module")
def after_first(begun: Begun) -> Figures:
    begun.running.move_to(FIRST)
    assert run_night(begun.airflow, FIRST, begun.running.municipalities) == "success"
    return figures(begun.settings)


@pytest.fixture(scope="module")
def after_same_again(begun: Begun, after_first: Figures) -> Figures:
    again = begun.running.take_in(FIRST)
    assert {outcome.status for outcome in again} == {"accepted"}
    release(begun.settings, FIRST, by_hand=True)
    return figures(begun.settings)


@pytest.fixture(scope="module")
def nights(begun: Begun, mails: MailServer, after_first: Figures, after_same_again: Figures) -> Nights:
    begun.running.move_to(SECOND)
    begun.running.sources.stop("siilinjarvi")
    assert run_night(begun.airflow, SECOND, begun.running.municipalities) == "success"
    after_second = figures(begun.settings)
    return Nights(begun.running, begun.settings, begun.airflow, after_first, after_same_again, after_second, mails)


def figures(settings: Settings) -> Figures:
    """Every row of the published figures."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return {
            mart: cursor.execute(f"select * from reporting.{mart} order by 1, 2, 3, 4, 5").fetchall() for mart in MARTS
        }


def test_what_comes_on_one_night_by_hand_is_accepted_from_all_four(begun: Begun) -> None:
    assert [outcome.status for outcome in begun.closing] == ["accepted"] * 4, begun.closing


def test_all_four_municipalities_and_the_region_are_published(after_first: Figures) -> None:
    shown = {row["municipality"] for row in after_first["attendance_monthly"]}
    assert shown == {"iisalmi", "kuopio", "region", "siilinjarvi", "varkaus"}


def test_the_same_night_again_changes_no_figure(after_first: Figures, after_same_again: Figures) -> None:
    assert after_same_again == after_first


def test_the_next_night_leaves_closed_months_as_they_were(nights: Nights) -> None:
    """No month closes between the two nights; that the data has come a day further, `data_status` says alone."""
    assert nights.after_second == nights.after_first
    with connect(nights.settings) as connection:
        newest = connection.execute("select max(as_of)::date from reporting.data_status").fetchone()
        assert newest is not None
        assert newest[0] >= SECOND - timedelta(days=1)


def test_one_scheduled_release_a_night(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        rows = connection.execute(
            """
            select night, count(*) from ops.release
            where status = 'published' and not by_hand group by night order by night
            """
        ).fetchall()
    assert rows == [(FIRST, 1), (SECOND, 1)]


def test_the_release_was_triggered_by_the_outcomes_and_not_by_the_clock(nights: Nights) -> None:
    runs = nights.airflow.dag_runs("regional_release")
    assert [run["run_type"] for run in runs if run["state"] == "success"][-2:] == ["asset_triggered"] * 2


def test_with_one_source_down_the_others_are_published_and_the_old_one_is_named(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        rows = connection.execute(
            """
            select municipality, last_night, last_status, accepted_night
            from reporting.data_status where dataset = 'absence' order by municipality
            """
        ).fetchall()
    assert rows == [
        ("iisalmi", SECOND, "accepted", SECOND),
        ("kuopio", SECOND, "accepted", SECOND),
        ("siilinjarvi", SECOND, "failed", FIRST),
        ("varkaus", SECOND, "unchanged", FIRST),
    ]


def test_status_of_the_failing_night_begins_with_cause_page_and_next_command(nights: Nights) -> None:
    shown = tukiverkko(nights.settings.home, "status", municipalities=nights.settings.municipalities)
    assert shown.returncode == 1
    headline, problem, command, *_ = shown.stdout.splitlines()
    assert headline.startswith("NOT WELL: 1 problem.")
    assert problem.startswith("1. siilinjarvi: A delivery could not be had: fetch: ")
    assert command.split() == [
        *("next:", "tukiverkko", "ingest", "siilinjarvi", "--night", f"{SECOND}"),
        *("page:", "docs/runbook/ingest-failed.md"),
    ]


def test_the_failing_night_is_told_to_the_engineers_and_to_its_own_municipality_once(nights: Nights) -> None:
    def alerts() -> dict[str, EmailMessage]:
        told = [(", ".join(addresses), mail) for addresses, mail in nights.mails.mails if not mail.is_multipart()]
        assert len(dict(told)) == len(told)
        return dict(told)

    # Mails go when the release has ended.
    deadline = time.monotonic() + 300
    while len(alerts()) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    told = alerts()
    assert set(told) == {ON_DUTY, "sivistys@siilinjarvi.example"}
    for part in ("siilinjarvi: A delivery could not be had", "docs/runbook/ingest-failed.md"):
        assert part in words_of(told[ON_DUTY])
    assert "Toimitusta ei saatu haettua tai luettua." in words_of(told["sivistys@siilinjarvi.example"])


def test_rows_in_are_rows_landed_and_rejected(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        deliveries = connection.execute(
            """
            select delivery_id, dataset, delivery, rows_in, rows_landed, rows_rejected from ops.delivery
            where status = 'accepted' order by delivery_id, dataset
            """
        ).fetchall()
        for delivery_id, dataset, delivery, rows_in, rows_landed, rows_rejected in deliveries:
            assert rows_in == rows_landed + rows_rejected, (delivery, dataset)
            tables = connection.execute(
                "select tablename from pg_tables where schemaname = 'landing' and tablename like %s",
                (f"{dataset}%",),
            ).fetchall()
            landed = sum(
                connection.execute(
                    f"select count(distinct row_number) from landing.{table} where delivery_id = %s", (delivery_id,)
                ).fetchone()[0]  # type: ignore[index]
                for (table,) in tables
            )
            assert landed == rows_landed, (delivery, dataset)
            rejected = connection.execute(
                "select count(*) from ops.rejected_row where delivery_id = %s and dataset = %s", (delivery_id, dataset)
            ).fetchone()
            assert rejected == (rows_rejected,), (delivery, dataset)


def test_small_counts_are_nowhere_in_reporting(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        for mart, column in (
            ("attendance_monthly", "pupils"),
            ("attendance_monthly", "pupils_with_absence"),
            ("attendance_tiers", "pupils"),
            ("support_levels", "pupils"),
        ):
            query = f"select count(*) from reporting.{mart} where {column} between 1 and 4"
            assert connection.execute(query).fetchone() == (0,), (mart, column)


def test_readers_see_what_is_published_and_nothing_else(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        granted = connection.execute(
            """
            select distinct grantee, table_schema from information_schema.role_table_grants
            where grantee like 'bi\\_%'
                or grantee = 'PUBLIC' and table_schema not in ('pg_catalog', 'information_schema')
            """
        ).fetchall()
        in_reference = connection.execute(
            """
            select distinct table_name from information_schema.role_table_grants
            where table_schema = 'reference' and grantee like 'bi\\_%'
            """
        ).fetchall()
    roles = [f"bi_{municipality}" for municipality in nights.running.municipalities]
    assert set(granted) == {
        ("bi_region", "reporting"),
        *((role, schema) for role in roles for schema in ("municipal", "reference", "reporting")),
    }
    # Whose rows a role reads, which the policies look up.
    assert in_reference == [("municipal_reader",)]


def test_each_municipality_reads_its_own_detail_as_the_release_built_it(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        tables = [
            row[0] for row in connection.execute("select tablename from pg_tables where schemaname = 'municipal'")
        ]
        assert {"dim_pupil", "fact_absence", "fact_support"} <= set(tables)
        for table in tables:
            difference = connection.execute(
                f"select * from candidate_municipal.{table} except all select * from municipal.{table}"
            ).fetchall()
            assert difference == [], table
    server = EmbeddedPostgres(nights.settings.postgres)
    with psycopg.connect(server.admin_url.rsplit("/", 1)[0] + "/tukiverkko") as connection:
        for municipality in nights.running.municipalities:
            connection.execute(f"set role bi_{municipality}")
            seen = connection.execute("select distinct municipality from municipal.fact_absence").fetchall()
            assert seen == [(municipality,)]


def test_a_rollback_restores_the_release_before_to_the_byte(nights: Nights) -> None:
    with connect(nights.settings) as connection:
        before = connection.execute("select max(release_number) from ops.release where status = 'published'").fetchone()
    try:
        rollback(nights.settings)
        assert figures(nights.settings) == nights.after_same_again
    finally:
        assert before is not None
        rollback(nights.settings, before[0])
    assert figures(nights.settings) == nights.after_second


def test_no_identity_is_anywhere_outside_the_sources(nights: Nights) -> None:
    """Every HETU, person OID, local id and name of the region is searched for in dumps of both databases, in the logs,
    the Data Docs and every other file of the installation but the sources themselves."""
    secret = sorted(identifiers(nights.running.region))
    assert len(secret) > 10_000
    server = EmbeddedPostgres(nights.settings.postgres)
    texts = [
        *((database, dump(server, database)) for database in ("tukiverkko", "airflow")),
        *(
            (str(path.relative_to(nights.settings.home)), path.read_text("utf-8", "replace"))
            for path in readable(nights.settings.home)
        ),
    ]
    assert places(texts, secret) == {}


def places(texts: Sequence[tuple[str, str]], secret: Sequence[str]) -> dict[str, int]:
    """Name of a text → its lines in which any of the secrets stands, where there are any."""
    # All lines together: for each search the secrets are made into one automaton first.
    lines = pl.DataFrame(
        {"name": [name for name, _ in texts], "line": [text.splitlines() for _, text in texts]},
        schema={"name": pl.String, "line": pl.List(pl.String)},
    ).explode("line")
    found = lines.filter(pl.col("line").str.contains_any(list(secret)))
    return dict(found.group_by("name").len().iter_rows())


def test_the_search_for_identities_finds_one_when_it_is_there(nights: Nights) -> None:
    secret = sorted(identifiers(nights.running.region))
    texts = [("clean", "copy 1\t2\n"), ("empty", ""), ("dirty", f"copy 1\t2\ncopy 1\t{secret[0]}\t2\n")]
    assert places(texts, secret) == {"dirty": 1}


def dump(server: EmbeddedPostgres, database: str) -> str:
    """The whole database as text."""
    url = server.admin_url.rsplit("/", 1)[0] + f"/{database}"
    result = subprocess.run([binaries() / "pg_dump", "--dbname", url], capture_output=True, check=True)
    text = result.stdout.decode()
    assert "COPY" in text
    return text


def readable(home: Path) -> Iterator[Path]:
    """Files of the installation: logs, documents, settings; not the sources and not PostgreSQL's own pages (dumped)."""
    left_out = (home / "demo", home / "postgres" / "data")
    for path in home.rglob("*"):
        if path.is_file() and not any(path.is_relative_to(folder) for folder in left_out):
            yield path


def test_the_address_that_is_printed_opens(nights: Nights) -> None:
    with psycopg.connect(EmbeddedPostgres(nights.settings.postgres).start()) as connection:
        assert connection.execute("select count(*) from reporting.release").fetchone() == (1,)


def test_a_backfill_takes_in_the_nights_that_were_missed(nights: Nights) -> None:
    """Last, since it adds nights: the command that the DAG's page names, for a municipality that missed two."""
    missed = (date(2026, 2, 5), date(2026, 2, 6))
    for night in missed:
        nights.running.move_to(night)
    dates = ("--from-date", missed[0].isoformat(), "--to-date", f"{missed[1]}T23:59")
    made = command(nights.airflow.stack, "backfill", "create", "--dag-id", "ingest_kuopio", *dates)
    assert made.returncode == 0, made.stderr
    runs = [run for run in nights.airflow.dag_runs("ingest_kuopio") if run["run_type"] == "backfill"]
    assert len(runs) == 2
    for run in runs:
        assert nights.airflow.wait_for_run("ingest_kuopio", run["dag_run_id"], NIGHT_TIMEOUT_S) == "success"
    with connect(nights.settings) as connection:
        outcomes = connection.execute(
            "select night, status from ops.night_outcome where municipality = 'kuopio' and night = any(%s) order by 1",
            (list(missed),),
        ).fetchall()
    assert outcomes == [(night, "accepted") for night in missed]


def test_the_pages_show_what_is_published_and_nothing_that_is_withheld(nights: Nights) -> None:
    site = publish(nights.settings)
    assert broken_links(site.folder) == []
    for language in LANGUAGES:
        cells = shown_cells(soup(site.folder / language / "report.html"), language)
        with connect(nights.settings) as connection:
            assert wrong_cells(connection, cells) == []
        assert {cell.text for cell in cells} >= {WITHHELD[language]}
        assert {cell.table for cell in cells} >= {*MARTS, "inclusion", "transition_to_grade_7", "support_timeliness"}
    lineage = (site.folder / "lineage.html").read_text(encoding="utf-8")
    assert "attendance_monthly" in lineage
    assert str(PROJECT_ROOT) not in lineage
    assert str(nights.settings.home) not in lineage
