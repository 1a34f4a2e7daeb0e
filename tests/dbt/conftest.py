"""A prepared, empty warehouse for each test module of this folder, and one for each test that asks for its own."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from connectors.config import load_municipalities
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT
from pipeline.warehouse import prepare
from tests.dbt.tiny import OWN, SHARED, TinyWarehouse


@contextmanager
def _prepared(postgres: EmbeddedPostgres, name: str, target: Path) -> Iterator[TinyWarehouse]:
    url = postgres.create_database(name)
    municipalities = load_municipalities(PROJECT_ROOT / "municipalities")
    with psycopg.connect(url) as connection:
        prepare(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)
        connection.commit()
        yield TinyWarehouse(connection, url, target)
        connection.rollback()
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute(f'drop database "{name}" with (force)')


@pytest.fixture(scope="session")
def dbt_database() -> str:
    """What the databases of this process are called: dbt parses the project anew for a database of another name."""
    return f"dbt_{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for dbt's own files, with one in it for each database."""
    return tmp_path_factory.mktemp("dbt target")


@pytest.fixture(scope="module")
def shared_warehouse(postgres: EmbeddedPostgres, dbt_database: str, dbt_target: Path) -> Iterator[TinyWarehouse]:
    with _prepared(postgres, f"{dbt_database}_{SHARED}", dbt_target / SHARED) as warehouse:
        yield warehouse


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres, dbt_database: str, dbt_target: Path) -> Iterator[TinyWarehouse]:
    with _prepared(postgres, f"{dbt_database}_{OWN}", dbt_target / OWN) as made:
        yield made
