"""The embedded server: on loopback, with a password, startable again."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from pipeline import embedded_postgres
from pipeline.embedded_postgres import LARGE_PAGES, EmbeddedPostgres


def test_it_starts_stops_and_starts_again_at_the_same_address(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "a folder")
    try:
        url = server.start()
        with psycopg.connect(url) as connection:
            connection.execute("create table kept as select 1 as one")
        server.stop()
        assert not server.is_running()
        assert server.start() == url
        with psycopg.connect(url) as connection:
            assert connection.execute("select one from kept").fetchone() == (1,)
    finally:
        server.stop()


def test_it_runs_from_below_a_closed_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root the server runs as another account, which must still find its programs in a clone below /root."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    installed = embedded_postgres.binaries().parent
    shutil.copytree(installed.parent.parent / "embedded_postgres.libs", closed / "embedded_postgres.libs")
    shutil.copytree(installed, closed / "embedded_postgres" / "pginstall")
    monkeypatch.setattr(embedded_postgres, "binaries", lambda: closed / "embedded_postgres" / "pginstall" / "bin")
    server = EmbeddedPostgres(closed / "data")
    try:
        with psycopg.connect(server.start()) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        server.stop()


def test_nobody_comes_in_without_the_password(postgres: EmbeddedPostgres) -> None:
    address = postgres.start().rsplit("@", 1)[1]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://tukiverkko_pipeline:wrong@{address}")


def test_it_listens_on_loopback_only(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)


def test_a_separate_database_is_of_a_login_that_reaches_nothing_else(postgres: EmbeddedPostgres) -> None:
    url = postgres.create_separate_database("apart")
    assert postgres.create_separate_database("apart") == url
    with psycopg.connect(url) as connection:
        assert connection.execute("select current_user, current_database()").fetchone() == ("apart", "apart")
        connection.execute("create table kept as select 1 as one")
    other = urlsplit(postgres.create_database("not_its_own")).path.lstrip("/")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(url, dbname=other)


def test_its_log_is_closed_and_holds_no_value_of_a_row(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "own")
    # As an earlier version left them: open to all, and the data folder without the setting.
    server.folder.mkdir(mode=0o755)
    server.log.touch(mode=0o644)
    row = "11111111-1111-1111-1111-111111111111\tSECRET-DAY\tSECRET-CLASS\n"
    try:
        with psycopg.connect(server.start(), autocommit=True) as connection:
            connection.execute("create table t (pupil_ref uuid primary key, day date not null, class_name text)")
            statement = "insert into t values ('22222222-2222-2222-2222-222222222222', %s, 'SECRET-CLASS')"
            connection.execute(statement, ("2025-10-01",))
            for day in ("2025-10-02", None, "SECRET-DAY"):
                with pytest.raises(psycopg.DataError if day == "SECRET-DAY" else psycopg.IntegrityError):
                    connection.execute(statement, (day,))
            with pytest.raises(psycopg.DataError), connection.cursor().copy("copy t from stdin") as copy:
                copy.write(row)
        # Whoever else comes in gives the log no more than an error's first line.
        admin_url, warehouse = server.admin_url, embedded_postgres.WAREHOUSE
        with psycopg.connect(admin_url, dbname=warehouse) as admin, pytest.raises(psycopg.IntegrityError):
            admin.execute(statement, ("2025-10-02",))
    finally:
        server.stop()
    log = server.log.read_text(encoding="utf-8")
    assert "duplicate key" in log
    assert [one for one in ("SECRET", "2222", "1111", "DETAIL", "CONTEXT") if one in log] == []
    assert [path.stat().st_mode & 0o777 for path in (server.folder, server.log)] == [0o700, 0o600]


def test_it_asks_for_large_pages(postgres: EmbeddedPostgres) -> None:
    postgres.start()
    server = (postgres.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0]
    environment = Path("/proc", server, "environ").read_bytes().split(b"\0")
    assert [f"{name}={value}".encode() for name, value in LARGE_PAGES.items()] == [
        setting for setting in environment if setting.startswith(b"GLIBC_TUNABLES=")
    ]
