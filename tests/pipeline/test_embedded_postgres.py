"""The embedded server: on loopback, with a password, startable again."""

from pathlib import Path

import psycopg
import pytest

from pipeline.embedded_postgres import EmbeddedPostgres


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


def test_nobody_comes_in_without_the_password(postgres: EmbeddedPostgres) -> None:
    address = postgres.start().rsplit("@", 1)[1]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"postgresql://tukiverkko_pipeline:wrong@{address}")


def test_it_listens_on_loopback_only(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.start()) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("127.0.0.1",)
