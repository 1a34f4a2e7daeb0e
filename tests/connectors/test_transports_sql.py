"""Iisalmi's transport against a real PostgreSQL whose views a login role may read."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import psycopg
import pytest

from connectors.config import Municipality
from connectors.connection import SourceConnection, connection_for
from connectors.delivery import SourceRefused, SourceUnavailable
from connectors.transports import fetch, send_receipt, takes_receipts
from demo.servers import RunningSources, start_sources
from demo.servers.database import DATABASE, READER
from pipeline.embedded_postgres import EmbeddedPostgres
from tests.connectors.transport_support import broken, contents, free_port, history, municipality, problem

NIGHT = date(2025, 10, 14)
HETU = "020415A901E"
NAME = "Tuulo Virmakko"
SECRET = "not-to-be-told"

PUPILS = pl.DataFrame(
    {
        "hetu": ["110516A902B", HETU],
        "nimi": [NAME, NAME],
        "koulunro": [7735, 7735],
        "luokka_aste": [4, None],
        "luokka": ["4Ä", ""],
        "kotikunta": [140, 915],
        "opetusmuoto": ["perusopetus", "valmistava"],
        "alku": [date(2025, 8, 7), date(2024, 8, 7)],
        "loppu": [None, date(2025, 10, 1)],
        "muutettu": [datetime(2025, 8, 7, 3, 0, tzinfo=UTC), None],
    },
    schema_overrides={"luokka_aste": pl.Int32},
)
# The school year runs from 1.8.2025 to 31.7.2026: of the days below 2, 3 and 5 are in it; 4 has none.
ABSENT = pl.DataFrame(
    {
        "poissaolo_id": [5, 1, 2, 3, 4],
        "hetu": [HETU] * 5,
        "paiva": [date(2026, 7, 31), date(2025, 7, 31), date(2025, 8, 1), date(2025, 9, 2), None],
        "tunnit": ["1.50", "1", "0.0000001", "4.0", "1"],
        "syy": [1, 9, 9, 3, 1],
        "hyvaksytty": [None, "K", "K", "E", None],
        "poistettu": [False, False, True, False, False],
        "muutettu": [datetime(2025, 9, 1, 12, 0, tzinfo=UTC)] * 5,
    }
)
SUPPORT = pl.DataFrame(
    {
        "tuki_id": [1],
        "hetu": [HETU],
        "tuki": [" Teh.tuki"],
        "alku": [date(2024, 8, 8)],
        "loppu": pl.Series([None], dtype=pl.Date),
        "lisatieto": ['toteutuspaikka 3, "TA"\n'],
        "muutettu": [datetime(2025, 1, 8, 12, 0, tzinfo=UTC)],
    }
)
SCHOOL_DAYS = pl.DataFrame(
    {
        "koulunro": [7735, 7735],
        "paiva": [date(2025, 9, 1), date(2024, 9, 2)],
        "luokka_aste": [4, 4],
        "tunnit": [5, 5],
    }
)


def iisalmi(**options: Any) -> Municipality:
    return municipality("iisalmi", **options)


def write(folder: Path, absent: pl.DataFrame = ABSENT) -> None:
    (folder / "iisalmi").mkdir(exist_ok=True)
    frames = {"oppilas": PUPILS, "poissaolo": absent, "tuki": SUPPORT, "tyopaiva": SCHOOL_DAYS}
    for table, frame in frames.items():
        frame.write_parquet(folder / "iisalmi" / f"v_{table}.parquet")


@pytest.fixture(scope="module")
def admin_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server.admin_url
    server.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lähteet")


@pytest.fixture(scope="module")
def running(folder: Path, admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSources]:
    write(folder)
    state = tmp_path_factory.mktemp("state")
    with start_sources(folder, admin_url, state, municipalities=["iisalmi"]) as running:
        yield running


@pytest.fixture
def connection(running: RunningSources, tmp_path: Path) -> SourceConnection:
    # As the running demo region leaves it for the command line.
    file = tmp_path / "demo" / "connections.json"
    file.parent.mkdir()
    file.write_text(json.dumps(running.connections()))
    return connection_for("iisalmi", tmp_path)


@pytest.fixture
def admin(admin_url: str, running: RunningSources, folder: Path) -> Iterator[psycopg.Connection]:
    """The source's own administrator; what a test does to the views is undone after it."""
    conninfo = psycopg.conninfo.make_conninfo(admin_url, dbname=DATABASE)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        yield connection
        connection.execute("drop schema raportointi cascade")
        connection.execute("drop schema rekisteri cascade")
    write(folder)
    running.refresh()


def test_reads_the_mapped_columns_of_every_view(connection: SourceConnection) -> None:
    told: list[str] = []
    before = datetime.now(UTC)
    (delivery,) = fetch(iisalmi(), NIGHT, connection, history(), told.append)
    after = datetime.now(UTC)
    got = {dataset: content.decode() for dataset, content in contents(delivery).items()}
    # By hand, in the order of municipality.yaml's columns and of the values; 12:00 UTC is 15:00 in Finland in summer.
    assert got["enrolment"] == (
        f'{{"hetu":"{HETU}","koulunro":7735,"luokka_aste":null,"luokka":"","kotikunta":915,'
        '"opetusmuoto":"valmistava","alku":"2024-08-07","loppu":"2025-10-01","muutettu":null}\n'
        '{"hetu":"110516A902B","koulunro":7735,"luokka_aste":4,"luokka":"4Ä","kotikunta":140,'
        '"opetusmuoto":"perusopetus","alku":"2025-08-07","loppu":null,"muutettu":"2025-08-07T06:00:00"}\n'
    )
    stamp = '"muutettu":"2025-09-01T15:00:00"'
    assert got["absence"] == (
        f'{{"poissaolo_id":2,"hetu":"{HETU}","paiva":"2025-08-01","tunnit":"0.0000001","syy":9,"hyvaksytty":"K",'
        f'"poistettu":true,{stamp}}}\n'
        f'{{"poissaolo_id":3,"hetu":"{HETU}","paiva":"2025-09-02","tunnit":"4.0","syy":3,"hyvaksytty":"E",'
        f'"poistettu":false,{stamp}}}\n'
        f'{{"poissaolo_id":4,"hetu":"{HETU}","paiva":null,"tunnit":"1","syy":1,"hyvaksytty":null,'
        f'"poistettu":false,{stamp}}}\n'
        f'{{"poissaolo_id":5,"hetu":"{HETU}","paiva":"2026-07-31","tunnit":"1.50","syy":1,"hyvaksytty":null,'
        f'"poistettu":false,{stamp}}}\n'
    )
    assert [json.loads(line) for line in got["support"].splitlines()] == [
        {
            "tuki_id": 1,
            "hetu": HETU,
            "alku": "2024-08-08",
            "loppu": None,
            "muutettu": "2025-01-08T14:00:00",
            "tuki": " Teh.tuki",
            "lisatieto": 'toteutuspaikka 3, "TA"\n',
        }
    ]
    assert got["school_day"] == '{"koulunro":7735,"paiva":"2025-09-01","luokka_aste":4,"tunnit":"5"}\n'
    assert [file.name for file in delivery.files] == [
        "v_oppilas.ndjson",
        "v_poissaolo.ndjson",
        "v_tuki.ndjson",
        "v_tyopaiva.ndjson",
    ]
    assert NAME not in "".join(got.values())
    assert before <= delivery.as_of <= after
    assert delivery.as_of.utcoffset() in (timedelta(hours=2), timedelta(hours=3))
    assert (delivery.school_year, delivery.since, delivery.first_of_year) == (2025, None, True)
    assert told == ["v_oppilas: 2 rows", "v_poissaolo: 4 rows", "v_tuki: 1 rows", "v_tyopaiva: 1 rows"]


def test_a_name_is_not_even_asked_for(connection: SourceConnection, admin: psycopg.Connection) -> None:
    admin.execute("revoke select on raportointi.v_oppilas from public, " + READER)
    admin.execute(
        "grant select (hetu, koulunro, luokka_aste, luokka, kotikunta, opetusmuoto, alku, loppu, muutettu)"
        f" on raportointi.v_oppilas to {READER}"
    )
    (delivery,) = fetch(iisalmi(), NIGHT, connection, history(has_earlier=True))
    assert contents(delivery)["enrolment"].count(b"\n") == 2
    assert not delivery.first_of_year


def test_all_views_are_of_one_moment(
    connection: SourceConnection, admin: psycopg.Connection, running: RunningSources, folder: Path
) -> None:
    changed: list[str] = []

    def change(message: str) -> None:
        # The source loads its next state after the first view was read.
        if not changed:
            changed.append(message)
            write(folder, ABSENT.clear())
            running.refresh()

    (delivery,) = fetch(iisalmi(), NIGHT, connection, history(), change)
    assert changed == ["v_oppilas: 2 rows"]
    assert contents(delivery)["absence"].count(b"\n") == 4
    (later,) = fetch(iisalmi(), NIGHT, connection, history())
    assert contents(later)["absence"] == b""


def test_the_same_rows_in_another_order_are_the_same_delivery(
    connection: SourceConnection, admin: psycopg.Connection, running: RunningSources, folder: Path
) -> None:
    (first,) = fetch(iisalmi(), NIGHT, connection, history())
    write(folder, ABSENT.reverse())
    running.refresh()
    (second,) = fetch(iisalmi(), NIGHT, connection, history())
    assert first.digest == second.digest


def test_reads_more_rows_than_it_holds_at_once(connection: SourceConnection, admin: psycopg.Connection) -> None:
    admin.execute(
        "insert into rekisteri.tyopaiva select number, date '2025-09-01', 1, 5 from generate_series(1, 12000) number"
    )
    (delivery,) = fetch(iisalmi(), NIGHT, connection, history())
    schools = [json.loads(line)["koulunro"] for line in contents(delivery)["school_day"].splitlines()]
    assert sorted(schools) == sorted([*range(1, 12001), 7735])
    with problem(SourceRefused, "v_tyopaiva", "100000 bytes"):
        fetch(iisalmi(max_file_bytes=100_000), NIGHT, connection, history())


def test_a_date_that_python_does_not_know_costs_its_row_only(
    connection: SourceConnection, admin: psycopg.Connection
) -> None:
    admin.execute("update rekisteri.oppilas set loppu = 'infinity', muutettu = '-infinity' where kotikunta = 140")
    admin.execute("update rekisteri.oppilas set loppu = '12025-01-01' where kotikunta = 915")
    (delivery,) = fetch(iisalmi(), NIGHT, connection, history())
    rows = [json.loads(line) for line in contents(delivery)["enrolment"].splitlines()]
    assert [(row["loppu"], row["muutettu"]) for row in rows] == [("12025-01-01", None), ("infinity", "-infinity")]


def test_a_time_with_a_zone_is_written_as_in_finland(connection: SourceConnection, admin: psycopg.Connection) -> None:
    admin.execute("set timezone to 'Europe/Helsinki'")
    admin.execute("drop view raportointi.v_tuki")
    admin.execute(
        "create view raportointi.v_tuki as select tuki_id, hetu, tuki, alku, loppu, lisatieto,"
        " muutettu::timestamptz as muutettu from rekisteri.tuki"
    )
    admin.execute(f"grant select on raportointi.v_tuki to {READER}")
    for stored, written in (
        ("2025-01-08 14:00", "2025-01-08T14:00:00+02:00"),
        ("2025-07-08 14:00", "2025-07-08T14:00:00+03:00"),
        ("infinity", "infinity"),
    ):
        admin.execute("update rekisteri.tuki set muutettu = %s", [stored])
        (delivery,) = fetch(iisalmi(), NIGHT, connection, history())
        assert json.loads(contents(delivery)["support"])["muutettu"] == written


def test_writes_nothing_even_where_it_could(connection: SourceConnection, admin: psycopg.Connection) -> None:
    admin.execute(f"alter role {READER} set default_transaction_read_only to off")
    admin.execute("create table rekisteri.written (number integer)")
    admin.execute(
        "create function raportointi.write() returns integer language sql security definer volatile"
        " as 'insert into rekisteri.written values (1) returning number'"
    )
    admin.execute(
        "create or replace view raportointi.v_tyopaiva as"
        " select raportointi.write() as koulunro, paiva, luokka_aste, tunnit from rekisteri.tyopaiva"
    )
    with problem(SourceRefused, "raportointi.v_tyopaiva", "SQLSTATE 25006"):
        fetch(iisalmi(), NIGHT, connection, history())
    assert admin.execute("select count(*) from rekisteri.written").fetchone() == (0,)


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("drop view raportointi.v_tuki", "42P01"),
        ("alter view raportointi.v_tuki rename column lisatieto to huomautus", "42703"),
        (f"revoke select on raportointi.v_tuki from {READER}", "42501"),
        ("drop schema raportointi cascade; create schema raportointi", "42501"),
    ],
)
def test_refuses_a_view_that_changed(
    connection: SourceConnection, admin: psycopg.Connection, change: str, state: str
) -> None:
    admin.execute(change)
    with problem(SourceRefused, "raportointi.v_", state):
        fetch(iisalmi(), NIGHT, connection, history())


def test_refuses_a_view_that_fails_on_its_own_row(connection: SourceConnection, admin: psycopg.Connection) -> None:
    admin.execute("drop view raportointi.v_tyopaiva")
    admin.execute(
        "create view raportointi.v_tyopaiva as select hetu::integer as koulunro, date '2025-09-01' as paiva,"
        " 4 as luokka_aste, 5 as tunnit from rekisteri.oppilas"
    )
    admin.execute(f"grant select on raportointi.v_tyopaiva to {READER}")
    with problem(SourceRefused, "raportointi.v_tyopaiva", "22P02", hidden=(HETU, "110516A902B")):
        fetch(iisalmi(), NIGHT, connection, history())


def test_begins_again_when_the_connection_breaks(connection: SourceConnection, admin: psycopg.Connection) -> None:
    told: list[str] = []

    def cut(message: str) -> None:
        told.append(message)
        if len(told) == 1:
            admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [READER])

    (delivery,) = fetch(iisalmi(), NIGHT, connection, history(), cut)
    assert contents(delivery)["absence"].count(b"\n") == 4
    assert told.count("v_oppilas: 2 rows") == 2
    assert any("trying again" in message for message in told)


def test_a_query_has_an_end(connection: SourceConnection, admin: psycopg.Connection) -> None:
    admin.execute(
        "create or replace view raportointi.v_tyopaiva as"
        " select koulunro, paiva, luokka_aste, tunnit from rekisteri.tyopaiva, pg_sleep(10)"
    )
    with problem(SourceUnavailable, "did not finish"):
        fetch(iisalmi(max_seconds=0.2), NIGHT, connection, history())


def test_tells_when_the_database_is_closed(connection: SourceConnection, running: RunningSources) -> None:
    running.stop("iisalmi")
    try:
        with problem(SourceUnavailable, "cannot be read", "3 attempts"):
            fetch(iisalmi(), NIGHT, connection, history())
    finally:
        running.start("iisalmi")
    assert len(fetch(iisalmi(), NIGHT, connection, history())) == 1


def test_tells_when_nobody_listens_or_the_login_is_refused(connection: SourceConnection) -> None:
    for fields in ({"port": free_port()}, {"password": SECRET}, {"schema": "nowhere"}):
        with problem(SourceUnavailable, "iisalmi", "3 attempts", hidden=(SECRET, READER)):
            fetch(iisalmi(), NIGHT, broken(connection, **fields), history())
    with problem(SourceUnavailable, "schema"):
        fetch(iisalmi(), NIGHT, broken(connection, schema=None), history())


def test_tells_when_there_is_no_driver(connection: SourceConnection) -> None:
    for fields in ({"conn_type": "mssql"}, {"extra": {"driver": "mssql+nothing"}}, {"extra": {"driver": "oracle"}}):
        with problem(SourceUnavailable, "no driver"):
            fetch(iisalmi(), NIGHT, broken(connection, **fields), history())


def test_a_read_only_database_takes_no_receipts(connection: SourceConnection) -> None:
    assert not takes_receipts(iisalmi())
    with pytest.raises(ValueError, match="iisalmi: takes no receipts"):
        send_receipt(iisalmi(), connection, NIGHT, "x.json", b"{}")
