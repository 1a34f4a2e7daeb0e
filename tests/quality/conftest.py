"""A real PostgreSQL with the warehouse's tables, for the quality gates."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.contract import landing_ddl
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.warehouse import FIXED_TABLES
from tests.quality import marts


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a warehouse with its fixed and landing tables, all empty."""
    server = EmbeddedPostgres(Path(tmp_path_factory.mktemp("postgres")))
    url = server.start()
    try:
        with psycopg.connect(url) as connection:
            connection.execute(FIXED_TABLES.read_text(encoding="utf-8"))
            connection.execute(landing_ddl())
            connection.execute(marts.TABLES)
        yield url
    finally:
        server.stop()


@pytest.fixture
def connection(warehouse: str) -> Iterator[psycopg.Connection]:
    """A connection whose statements are seen at once by the gate, on tables that are emptied first; landing's are made
    anew, because a test may have altered them."""
    with psycopg.connect(warehouse, autocommit=True) as connection:
        connection.execute("drop schema landing cascade")
        connection.execute(landing_ddl())
        tables = connection.execute(
            "select format('%I.%I', schemaname, tablename) from pg_tables "
            "where schemaname in ('ops', 'reference', 'candidate', 'harmonised')"
        ).fetchall()
        # Truncating writes a new file a table, which takes longer than the tests.
        with connection.transaction():
            for (name,) in tables:
                connection.execute(f"delete from {name}")
        yield connection
