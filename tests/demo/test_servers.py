"""The four source servers, spoken to by real clients: SFTP, HTTP, PostgreSQL, fsspec."""

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import fsspec
import httpx
import polars as pl
import psycopg
import pytest

from demo.servers import Faults, RunningSources, Sources, start_sources
from demo.servers.database import DATABASE, load_database
from pipeline.embedded_postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")

CSV = b"\xef\xbb\xbfOppijanumero;Koulunro\r\n1.2.246.562.98.10000000001;03239\r\n"
ABSENCES = [
    {"id": f"absence-{number}", "type": "SICK", "deleted": False, "updatedAt": f"2025-10-{number:02d}T06:00:00+03:00"}
    for number in range(1, 8)
]
PUPILS = pl.DataFrame(
    {
        "hetu": ["010115A901C", "020214A902L"],
        "nimi": ["Tuulo Virmakko", 'Aave; "Lumma", Ö'],
        "koulunro": [7735, 7735],
        "luokka_aste": [4, None],
        "luokka": ["4A", ""],
        "kotikunta": [140, 915],
        "opetusmuoto": ["perusopetus", "valmistava"],
        "alku": [date(2025, 8, 7), date(2025, 8, 7)],
        "loppu": [None, date(2025, 10, 1)],
        "muutettu": [datetime(2025, 8, 7, 3, 0, tzinfo=UTC), None],
    }
)
ABSENT = pl.DataFrame(
    {
        "poissaolo_id": [1, 2],
        "hetu": ["010115A901C", "020214A902L"],
        "paiva": [date(2025, 9, 1), date(2025, 9, 2)],
        "tunnit": [1.5, 4.0],
        "syy": [1, 9],
        "hyvaksytty": [None, "K"],
        "poistettu": [False, True],
        "muutettu": [datetime.fromisoformat("2025-09-01T12:00"), datetime.fromisoformat("2025-09-02T12:00")],
    }
)
SUPPORT = pl.DataFrame(
    {
        "tuki_id": [1],
        "hetu": ["010115A901C"],
        "tuki": [" Teh.tuki"],
        "alku": [date(2024, 8, 8)],
        "loppu": pl.Series([None], dtype=pl.Date),
        "lisatieto": ["toteutuspaikka 3"],
        "muutettu": [datetime.fromisoformat("2024-08-08T12:00")],
    }
)
SCHOOL_DAYS = pl.DataFrame(
    {"koulunro": [7735], "paiva": [date(2025, 9, 1)], "luokka_aste": [4], "tunnit": [Decimal("5.00")]}
)


def write_night(folder: Path) -> None:
    """A small morning in the shapes that the servers serve."""
    delivery = folder / "kuopio" / "lahtevat" / "2025-10-14"
    delivery.mkdir(parents=True)
    (delivery / "oppilaat.csv").write_bytes(CSV)
    (delivery / "valmis.json").write_text('{"toimitus": "2025-10-14"}')
    rest = folder / "siilinjarvi"
    rest.mkdir()
    (rest / "students.json").write_text(json.dumps([{"id": "pupil-1", "className": "4Ä"}]))
    (rest / "absences.json").write_text(json.dumps(ABSENCES))
    (rest / "support-periods.json").write_text("[]")
    (rest / "school-days.json").write_text(json.dumps([{"schoolNumber": "07735", "date": "2025-09-01"}]))
    (rest / "clock.json").write_text('{"asOf": "2025-10-14T05:00:00+03:00"}')
    write_views(folder / "iisalmi")
    (folder / "varkaus").mkdir()
    (folder / "varkaus" / "Varkaus_2025-2026.xlsx").write_bytes(b"workbook")


def write_views(folder: Path, absent: pl.DataFrame = ABSENT) -> None:
    folder.mkdir(exist_ok=True)
    PUPILS.write_parquet(folder / "v_oppilas.parquet")
    absent.write_parquet(folder / "v_poissaolo.parquet")
    SUPPORT.write_parquet(folder / "v_tuki.parquet")
    SCHOOL_DAYS.write_parquet(folder / "v_tyopaiva.parquet")


@pytest.fixture(scope="module")
def admin_url(postgres: EmbeddedPostgres) -> str:
    return postgres.admin_url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # A space and letters outside ASCII: a clone may lie in such a folder.
    folder = tmp_path_factory.mktemp("yö") / "the sources"
    folder.mkdir()
    write_night(folder)
    return folder


@pytest.fixture(scope="module")
def running(folder: Path, admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSources]:
    with start_sources(folder, admin_url, tmp_path_factory.mktemp("state") / "of servers") as running:
        yield running


@pytest.fixture
def start_rest(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Sources]]:
    """Starts a REST service of its own over a copy of the night."""
    started: list[RunningSources] = []

    def start(**options: Any) -> Sources:
        copy = tmp_path / "night"
        shutil.copytree(folder, copy)
        started.append(start_sources(copy, None, tmp_path / "state", municipalities=["siilinjarvi"], **options))
        return started[-1].sources

    yield start
    for running in started:
        running.stop_all()


def login(sources: Sources) -> dict[str, Any]:
    """What the region logs in with; nothing of the machine's own SSH configuration."""
    return {
        "host": sources.sftp_host,
        "port": sources.sftp_port,
        "username": sources.sftp_login,
        "client_keys": [str(sources.sftp_key_file)],
        "known_hosts": str(sources.sftp_known_hosts_file),
        "config": None,
        "agent_path": None,
    }


def sftp(sources: Sources, act: Callable[[asyncssh.SFTPClient], Awaitable[T]], version: int = 3, **options: Any) -> T:
    """Log in, do `act` in an SFTP session, log out."""

    async def run() -> T:
        async with (
            asyncssh.connect(**{**login(sources), **options}) as connection,
            connection.start_sftp_client(sftp_version=version) as client,
        ):
            return await act(client)

    return asyncio.run(run())


async def list_root(client: asyncssh.SFTPClient) -> list[str]:
    return sorted(str(name) for name in await client.listdir("/") if name not in (".", ".."))


def rest(sources: Sources, token: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token or new_token(sources)}"}
    return httpx.Client(base_url=sources.rest_url, headers=headers, trust_env=False)


def new_token(sources: Sources) -> str:
    answer = ask_token(sources, sources.rest_client_secret)
    answer.raise_for_status()
    return str(answer.json()["access_token"])


def ask_token(sources: Sources, secret: str, grant: str = "client_credentials") -> httpx.Response:
    with httpx.Client(base_url=sources.rest_url, trust_env=False) as client:
        return client.post("/oauth/token", data={"grant_type": grant}, auth=(sources.rest_client_id, secret))


def read_pages(client: httpx.Client, resource: str, **parameters: str | int) -> list[dict[str, Any]]:
    pages = [client.get(f"/v1/{resource}", params=parameters).raise_for_status().json()]
    while pages[-1]["next"] is not None:
        pages.append(
            client.get(f"/v1/{resource}", params={**parameters, "cursor": pages[-1]["next"]}).raise_for_status().json()
        )
    return pages


def reader(running: RunningSources) -> psycopg.Connection:
    url = running.sources.database_url
    assert url is not None
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True)


class TestSftp:
    def test_reads_a_delivery_by_key(self, running: RunningSources) -> None:
        async def act(client: asyncssh.SFTPClient) -> tuple[list[str], bytes]:
            async with client.open("/lahtevat/2025-10-14/oppilaat.csv", "rb") as file:
                return await list_root(client), await file.read()

        assert sftp(running.sources, act) == (["kuittaukset", "lahtevat"], CSV)

    @pytest.mark.parametrize("version", [3, 6])
    def test_a_receipt_is_written_and_renamed(self, running: RunningSources, folder: Path, version: int) -> None:
        async def act(client: asyncssh.SFTPClient) -> None:
            async with client.open(f"/kuittaukset/{version}.part", "wb") as file:
                await file.write(b"{}")
            await client.posix_rename(f"/kuittaukset/{version}.part", f"/kuittaukset/{version}.json")

        sftp(running.sources, act, version)
        assert (folder / "kuopio" / "kuittaukset" / f"{version}.json").read_bytes() == b"{}"

    def test_a_password_is_refused(self, running: RunningSources) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            sftp(running.sources, list_root, client_keys=None, password="guess")

    def test_a_wrong_key_is_refused(self, running: RunningSources) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            sftp(running.sources, list_root, client_keys=[asyncssh.generate_private_key("ssh-ed25519")])

    def test_another_login_is_refused(self, running: RunningSources) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            sftp(running.sources, list_root, username="root")

    def test_another_host_key_is_not_trusted(self, running: RunningSources, tmp_path: Path) -> None:
        public = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(f"[{running.sources.sftp_host}]:{running.sources.sftp_port} {public}")
        with pytest.raises(asyncssh.HostKeyNotVerifiable):
            sftp(running.sources, list_root, known_hosts=str(known_hosts))

    @pytest.mark.parametrize("path", ["/../siilinjarvi/students.json", "/out/students.json", "../../../etc/passwd"])
    def test_nothing_outside_the_root_is_reached(self, running: RunningSources, folder: Path, path: str) -> None:
        link = folder / "kuopio" / "out"
        if not link.is_symlink():
            link.symlink_to(folder / "siilinjarvi")

        async def act(client: asyncssh.SFTPClient) -> None:
            async with client.open(path, "rb"):
                pass

        try:
            with pytest.raises(asyncssh.SFTPNoSuchFile):
                sftp(running.sources, act)
        finally:
            link.unlink()

    @pytest.mark.parametrize("version", [3, 6])
    def test_nothing_outside_the_receipts_is_written(self, running: RunningSources, folder: Path, version: int) -> None:
        marker = "/lahtevat/2025-10-14/valmis.json"

        async def opened(client: asyncssh.SFTPClient) -> None:
            async with client.open(marker, "rb") as file:
                await file.setstat(asyncssh.SFTPAttrs(permissions=0o777))

        attempts: list[Callable[[asyncssh.SFTPClient], Awaitable[object]]] = [
            lambda client: client.open(marker, "wb"),
            lambda client: client.open(marker, "ab"),
            lambda client: client.open(marker, "r+b"),
            lambda client: client.open("/lahtevat/new", "xb"),
            lambda client: client.open("/kuittaukset/../new", "wb"),
            lambda client: client.open("/kuittauksetX", "wb"),
            lambda client: client.remove(marker),
            lambda client: client.rename(marker, "/kuittaukset/valmis.json"),
            lambda client: client.posix_rename(marker, "/kuittaukset/valmis.json"),
            lambda client: client.mkdir("/lahtevat/2025-10-15"),
            lambda client: client.rmdir("/kuittaukset"),
            lambda client: client.chmod(marker, 0o777),
            lambda client: client.symlink(marker, "/kuittaukset/link"),
            lambda client: client.link(marker, "/kuittaukset/link"),
            opened,
        ]

        async def act(client: asyncssh.SFTPClient) -> list[str]:
            allowed = []
            for number, attempt in enumerate(attempts):
                try:
                    await attempt(client)
                    allowed.append(f"attempt {number}")
                except asyncssh.SFTPPermissionDenied:
                    pass
            return allowed

        def state() -> list[tuple[str, int, int]]:
            return sorted((str(path), path.stat().st_mode, path.stat().st_size) for path in folder.rglob("*"))

        before = state()
        assert sftp(running.sources, act, version) == []
        assert state() == before

    def test_there_is_no_shell_and_no_tunnel(self, running: RunningSources) -> None:
        sources = running.sources

        async def run() -> None:
            async with asyncssh.connect(**login(sources)) as connection:
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.run("id")
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.open_connection("127.0.0.1", sources.rest_port)

        asyncio.run(run())

    def test_private_keys_and_secrets_are_for_their_owner_only(self, running: RunningSources) -> None:
        keys = running.sources.sftp_key_file.parent
        files = [keys / "client_key", keys / "host_key", keys.parent / "secrets.json"]
        assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600] * 3


class TestRest:
    def test_a_token_needs_the_secret_and_the_grant(self, running: RunningSources) -> None:
        sources = running.sources
        answer = ask_token(sources, sources.rest_client_secret)
        assert (answer.status_code, answer.json()["expires_in"]) == (200, 300)
        assert ask_token(sources, "guess").status_code == 401
        assert ask_token(sources, "").status_code == 401
        assert ask_token(sources, sources.rest_client_secret, grant="password").status_code == 400

    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic Z3Vlc3M="}])
    def test_data_and_receipts_need_a_token(self, running: RunningSources, headers: dict[str, str]) -> None:
        with httpx.Client(base_url=running.sources.rest_url, headers=headers, trust_env=False) as client:
            assert client.get("/v1/students").status_code == 401
            assert client.post("/v1/receipts", json={}).status_code == 401

    def test_pages_hold_every_item_once(self, running: RunningSources) -> None:
        with rest(running.sources) as client:
            pages = read_pages(client, "absences", limit=3)
        assert [len(page["items"]) for page in pages] == [3, 3, 1]
        assert [item for page in pages for item in page["items"]] == ABSENCES
        assert {page["total"] for page in pages} == {7}
        assert {page["asOf"] for page in pages} == {"2025-10-14T05:00:00+03:00"}

    def test_a_last_page_that_is_full_and_no_items_at_all(self, running: RunningSources) -> None:
        with rest(running.sources) as client:
            assert [len(page["items"]) for page in read_pages(client, "absences", limit=7)] == [7]
            assert client.get("/v1/support-periods").json() == {
                "items": [],
                "next": None,
                "total": 0,
                "asOf": "2025-10-14T05:00:00+03:00",
            }
            assert client.get("/v1/students").json()["items"] == [{"id": "pupil-1", "className": "4Ä"}]

    # absence-5 was updated on 2025-10-05 at 06:00+03:00, which is 03:00 UTC.
    @pytest.mark.parametrize(
        ("since", "first"), [("2025-10-05T03:00:00Z", 5), ("2025-10-05T06:00:01+03:00", 6), ("2025-11-01T00:00:00Z", 8)]
    )
    def test_updated_since_holds_over_all_pages(self, running: RunningSources, since: str, first: int) -> None:
        with rest(running.sources) as client:
            pages = read_pages(client, "absences", limit=2, updatedSince=since)
        assert [item["id"] for page in pages for item in page["items"]] == [f"absence-{n}" for n in range(first, 8)]
        assert {page["total"] for page in pages} == {8 - first}

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("absences?limit=0", 400),
            ("absences?limit=501", 400),
            ("absences?limit=many", 400),
            ("absences?updatedSince=yesterday", 400),
            ("absences?updatedSince=2025-10-05T03:00:00", 400),
            ("students?updatedSince=2025-10-05T03:00:00Z", 400),
            ("absences?cursor=guess", 400),
            ("marks", 404),
        ],
    )
    def test_a_wrong_request_is_told_so(self, running: RunningSources, path: str, status: int) -> None:
        with rest(running.sources) as client:
            assert client.get(f"/v1/{path}").status_code == status

    def test_a_cursor_belongs_to_its_resource(self, running: RunningSources) -> None:
        with rest(running.sources) as client:
            cursor = client.get("/v1/absences", params={"limit": 1}).json()["next"]
            assert client.get("/v1/students", params={"cursor": cursor}).status_code == 400

    def test_a_token_expires_in_mid_run(self, start_rest: Callable[..., Sources]) -> None:
        sources = start_rest(token_lifetime_s=1)
        with rest(sources) as client:
            first = client.get("/v1/absences", params={"limit": 4}).raise_for_status().json()
            deadline = time.monotonic() + 60
            while (answer := client.get("/v1/absences", params={"limit": 4, "cursor": first["next"]})).is_success:
                assert time.monotonic() < deadline
                time.sleep(0.1)
            assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
        with rest(sources) as client:
            second = client.get("/v1/absences", params={"limit": 4, "cursor": first["next"]}).json()
        assert first["items"] + second["items"] == ABSENCES

    def test_faults_come_by_the_number_of_the_request(self, start_rest: Callable[..., Sources]) -> None:
        faults = Faults(too_many_every=3, unavailable_every=4, expired_every=10, retry_after_s=2)
        sources = start_rest(faults=faults)
        with rest(sources) as client:
            answers = [client.get("/v1/students") for _ in range(12)]
        # 3, 6, 9, (12): 429. 4, 8, (12): 503. 10: the token ends; what comes without one is not counted.
        assert [answer.status_code for answer in answers[:10]] == [200, 200, 429, 503, 200, 429, 200, 503, 429, 401]
        assert [answer.status_code for answer in answers[10:]] == [401, 401]
        assert {answer.headers.get("Retry-After") for answer in answers if answer.status_code == 429} == {"2"}
        with rest(sources) as client:
            assert [client.post("/v1/receipts", json={"n": 1}).status_code for _ in range(2)] == [201, 429]

    @pytest.mark.parametrize("wrong", [{"too_many_every": -1}, {"retry_after_s": -1}])
    def test_a_fault_cannot_be_negative(self, wrong: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="n-th request"):
            Faults(**wrong)

    def test_a_new_night_needs_no_restart_and_does_not_mix_pages(
        self, start_rest: Callable[..., Sources], tmp_path: Path
    ) -> None:
        sources = start_rest()
        night = tmp_path / "night" / "siilinjarvi"
        with rest(sources) as client:
            first = client.get("/v1/absences", params={"limit": 4}).json()
            (night / "absences.json").write_text(json.dumps(ABSENCES[:1]))
            (night / "clock.json").write_text('{"asOf": "2025-10-15T05:00:00+03:00"}')
            new = client.get("/v1/absences").json()
            rest_of_old = client.get("/v1/absences", params={"cursor": first["next"]}).json()
            (night / "absences.json").write_text("[half a fi")
            while_written = client.get("/v1/absences").json()
        assert (new["items"], new["total"], new["asOf"]) == (ABSENCES[:1], 1, "2025-10-15T05:00:00+03:00")
        assert first["items"] + rest_of_old["items"] == ABSENCES
        assert while_written == new

    def test_a_receipt_is_stored_once(self, start_rest: Callable[..., Sources], tmp_path: Path) -> None:
        sources = start_rest()
        receipt = {"delivery": "2025-10-14", "text": "Puuttuva päivä"}
        with rest(sources) as client:
            answers = [client.post("/v1/receipts", json=receipt) for _ in range(2)]
            assert client.post("/v1/receipts", content=b"{").status_code == 400
            assert client.post("/v1/receipts", json=[]).status_code == 400
        assert [answer.status_code for answer in answers] == [201, 200]
        stored = list((tmp_path / "night" / "siilinjarvi" / "receipts").iterdir())
        assert [json.loads(path.read_text()) for path in stored] == [receipt]


class TestDatabase:
    def test_the_views_hold_what_the_files_hold(self, running: RunningSources) -> None:
        with reader(running) as connection:
            pupils = connection.execute("select * from raportointi.v_oppilas order by hetu")
            assert [column.name for column in pupils.description or []] == PUPILS.columns
            # 3:00 UTC in August is 6:00 in Helsinki: the register keeps local time.
            first, second = PUPILS.rows()
            assert pupils.fetchall() == [(*first[:-1], datetime.fromisoformat("2025-08-07T06:00")), second]
            absent = connection.execute(
                "select poissaolo_id, tunnit::text, hyvaksytty, poistettu, muutettu from raportointi.v_poissaolo"
            ).fetchall()
            assert sorted(absent) == [
                (1, "1.5", None, False, datetime.fromisoformat("2025-09-01T12:00")),
                (2, "4.0", "K", True, datetime.fromisoformat("2025-09-02T12:00")),
            ]
            assert connection.execute("select tuki, lisatieto from raportointi.v_tuki").fetchall() == [
                (" Teh.tuki", "toteutuspaikka 3")
            ]
            assert connection.execute("select * from raportointi.v_tyopaiva").fetchall() == SCHOOL_DAYS.rows()

    @pytest.mark.parametrize(
        "statement",
        [
            "select from rekisteri.oppilas",
            "insert into rekisteri.oppilas (hetu) values ('x')",
            "delete from raportointi.v_poissaolo",
            "update raportointi.v_tuki set tuki = 'x'",
            "create table raportointi.t (a int)",
            "create table public.t (a int)",
            "create temporary table t (a int)",
            "create schema s",
            "create role r",
            "copy raportointi.v_tuki to program 'true'",
        ],
    )
    def test_the_reader_can_only_select_from_the_views(self, running: RunningSources, statement: str) -> None:
        with reader(running) as connection:
            # The role's default is a courtesy that a session can undo; its rights have to be enough.
            connection.execute("set default_transaction_read_only to off")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)

    def test_transactions_are_read_only_by_default(self, running: RunningSources) -> None:
        with reader(running) as connection:
            assert connection.execute("show transaction_read_only").fetchall() == [("on",)]

    def test_a_wrong_password_is_refused(self, running: RunningSources) -> None:
        url = str(running.sources.database_url).replace("+psycopg", "")
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(psycopg.conninfo.make_conninfo(url, password="guess"))

    def test_a_refresh_replaces_the_rows_and_keeps_an_open_snapshot(
        self, running: RunningSources, folder: Path
    ) -> None:
        count = "select count(*) from raportointi.v_poissaolo"
        with reader(running) as connection:
            connection.execute("begin isolation level repeatable read")
            assert connection.execute(count).fetchone() == (2,)
            write_views(folder / "iisalmi", ABSENT.head(1))
            running.refresh()
            assert connection.execute(count).fetchone() == (2,)
            connection.execute("commit")
            assert connection.execute(count).fetchone() == (1,)
        write_views(folder / "iisalmi")
        running.refresh()
        running.refresh()
        with reader(running) as connection:
            assert connection.execute(count).fetchone() == (2,)

    def test_a_value_that_does_not_fit_is_not_named_and_changes_nothing(
        self, running: RunningSources, admin_url: str, tmp_path: Path
    ) -> None:
        write_views(tmp_path, ABSENT.with_columns(paiva=pl.lit("the 1st of September")))
        with pytest.raises(ValueError, match="v_poissaolo") as raised:
            load_database(admin_url, tmp_path, "another")
        assert "September" not in str(raised.value)
        assert raised.value.__suppress_context__
        with reader(running) as connection:
            assert connection.execute("select count(*) from raportointi.v_poissaolo").fetchone() == (2,)

    def test_other_columns_are_refused(self, admin_url: str, tmp_path: Path) -> None:
        write_views(tmp_path, ABSENT.drop("syy"))
        with pytest.raises(ValueError, match=r"v_poissaolo.*syy"):
            load_database(admin_url, tmp_path, "another")

    def test_a_missing_file_is_refused(self, admin_url: str, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            load_database(admin_url, tmp_path, "another")


class TestShare:
    def test_the_workbook_is_read_and_a_receipt_written(self, running: RunningSources, folder: Path) -> None:
        url = json.loads(running.connections()["varkaus"])["extra"]["url"]
        assert url.startswith("file:///")
        filesystem, path = fsspec.url_to_fs(url)
        names = [Path(name).name for name in filesystem.ls(path, detail=False)]
        assert sorted(names) == ["Varkaus_2025-2026.xlsx", "kuittaukset"]
        assert filesystem.cat(f"{path}/Varkaus_2025-2026.xlsx") == b"workbook"
        with fsspec.open(f"{url}/kuittaukset/receipt.json", "wb") as file:
            file.write(b"{}")
        assert (folder / "varkaus" / "kuittaukset" / "receipt.json").read_bytes() == b"{}"


class TestLifeCycle:
    def test_connections_are_airflow_connections(self, running: RunningSources) -> None:
        sources = running.sources
        connections = {name: json.loads(value) for name, value in running.connections().items()}
        assert list(connections) == ["kuopio", "siilinjarvi", "iisalmi", "varkaus"]
        assert connections["kuopio"] == {
            "conn_type": "sftp",
            "host": "127.0.0.1",
            "port": sources.sftp_port,
            "login": "tukiverkko",
            "extra": {
                "key_file": str(sources.sftp_key_file),
                "known_hosts_file": str(sources.sftp_known_hosts_file),
            },
        }
        assert connections["siilinjarvi"]["password"] == sources.rest_client_secret
        iisalmi = connections["iisalmi"]
        assert (iisalmi["conn_type"], iisalmi["schema"]) == ("postgres", DATABASE)
        given = {"user": iisalmi["login"], "password": iisalmi["password"], "dbname": iisalmi["schema"]}
        with psycopg.connect(host=iisalmi["host"], port=iisalmi["port"], **given) as connection:
            assert connection.execute("select count(*) from raportointi.v_oppilas").fetchone() == (2,)

    def test_no_secret_is_shown(self, running: RunningSources) -> None:
        password = json.loads(running.connections()["iisalmi"])["password"]
        shown = repr(running.sources)
        for municipality in ("kuopio", "siilinjarvi"):
            shown += Path(f"/proc/{running.pid(municipality)}/cmdline").read_text()
        assert password not in shown
        assert running.sources.rest_client_secret not in shown

    def test_each_is_stopped_and_started_by_itself(self, running: RunningSources) -> None:
        before = running.sources

        def reachable() -> set[str]:
            checks: dict[str, Callable[[], object]] = {
                "kuopio": lambda: sftp(before, list_root),
                "siilinjarvi": lambda: new_token(before),
                "iisalmi": lambda: reader(running).close(),
                "varkaus": lambda: fsspec.url_to_fs(before.share_url)[0].ls(fsspec.url_to_fs(before.share_url)[1]),
            }
            found = set()
            for name, check in checks.items():
                try:
                    check()
                    found.add(name)
                except (OSError, httpx.ConnectError, psycopg.OperationalError):
                    pass
            return found

        everything = {"kuopio", "siilinjarvi", "iisalmi", "varkaus"}
        assert reachable() == everything
        for name in sorted(everything):
            running.stop(name)
            assert reachable() == everything - {name}
            running.start(name)
            assert reachable() == everything
        assert running.sources == before

    def test_stopping_the_database_ends_open_connections_and_a_refresh_does_not_open_it(
        self, running: RunningSources
    ) -> None:
        with reader(running) as connection:
            running.stop("iisalmi")
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")
        running.refresh()
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            reader(running)
        running.start("iisalmi")
        reader(running).close()

    def test_a_killed_server_is_started_again(self, running: RunningSources) -> None:
        pid = running.pid("kuopio")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: running.pid("kuopio") is None)
        running.start("kuopio")
        assert running.pid("kuopio") not in (None, pid)
        assert "lahtevat" in sftp(running.sources, list_root)

    def test_an_unknown_server_is_named(self, running: RunningSources) -> None:
        with pytest.raises(ValueError, match="pielavesi"):
            running.stop("pielavesi")

    def test_secrets_and_keys_outlive_a_restart(self, folder: Path, tmp_path: Path) -> None:
        two = ["kuopio", "siilinjarvi"]
        with start_sources(folder, None, tmp_path, municipalities=two) as running:
            first = running.sources
            key = first.sftp_key_file.read_bytes()
        with start_sources(folder, None, tmp_path, municipalities=two) as running:
            second = running.sources
            assert "lahtevat" in sftp(second, list_root)
        assert replace(second, sftp_port=0, rest_port=0) == replace(first, sftp_port=0, rest_port=0)
        assert second.sftp_key_file.read_bytes() == key
        assert list(second.connections()) == two

    def test_a_server_that_does_not_come_up_is_named(
        self, running: RunningSources, folder: Path, tmp_path: Path
    ) -> None:
        port = running.sources.rest_port
        with pytest.raises(RuntimeError, match="siilinjarvi"):
            start_sources(folder, None, tmp_path, municipalities=["siilinjarvi"], siilinjarvi_port=port)

    def test_servers_end_with_their_parent(self, folder: Path, tmp_path: Path) -> None:
        program = textwrap.dedent(
            """
            import os, signal, sys
            from pathlib import Path
            from demo.servers import start_sources
            two = ("kuopio", "siilinjarvi")
            running = start_sources(Path(sys.argv[1]), None, Path(sys.argv[2]), municipalities=two)
            print(*[running.pid(name) for name in two], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
            """
        )
        result = subprocess.run(
            [sys.executable, "-c", program, str(folder), str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        pids = [int(pid) for pid in result.stdout.split()]
        assert len(pids) == 2
        wait_for(lambda: not any(alive(pid) for pid in pids))


class TestForeground:
    def test_it_serves_loads_a_new_night_and_ends_on_sigterm(
        self, folder: Path, running: RunningSources, admin_url: str, tmp_path: Path
    ) -> None:
        night = tmp_path / "night"
        shutil.copytree(folder, night, ignore=shutil.ignore_patterns("out"))
        state = tmp_path / "state"
        state.mkdir()
        # The reader's password belongs to the PostgreSQL, which this test shares with the others.
        shutil.copy(running.sources.sftp_key_file.parents[1] / "secrets.json", state)
        file = tmp_path / "connections.json"
        command = [sys.executable, "-m", "demo.servers", "--folder", str(night), "--state", str(state)]
        command += ["--connections", str(file), "--faults", "{}"]
        with (tmp_path / "log").open("wb") as log:
            environment = {**os.environ, "TUKIVERKKO_ADMIN_URL": admin_url}
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_for(file.exists)
            connections = json.loads(file.read_text())
            assert list(connections) == ["kuopio", "siilinjarvi", "iisalmi", "varkaus"]
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            write_views(night / "iisalmi", ABSENT.head(1))

            def loaded() -> bool:
                with reader(running) as connection:
                    row = connection.execute("select count(*) from raportointi.v_poissaolo").fetchone()
                    return row == (1,)

            wait_for(loaded)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(60)
            running.stop("iisalmi")
            running.start("iisalmi")
            running.refresh()
        assert code == 0
        with pytest.raises(httpx.ConnectError), httpx.Client(trust_env=False) as client:
            client.get(f"http://127.0.0.1:{connections['siilinjarvi']['port']}/v1/students")


def alive(pid: int) -> bool:
    """True while a process runs; one that has ended and waits for its parent to look counts as ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it has not happened in time"
        time.sleep(0.1)
