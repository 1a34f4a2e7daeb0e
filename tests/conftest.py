"""What every test may use: one PostgreSQL for the session, and an empty, prepared warehouse for each test."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from connectors.config import load_municipalities
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.keys import ensure_keys
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare

# Tests that take minutes. They are begun first, so that no process is left with them alone at the end; the nights,
# which take longest, before the others with an Airflow of their own.
SLOWEST = ("e2e/test_night.py", "truth", "reference", "e2e", "dbt")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(Path(__file__).parent)
        places = [path.as_posix(), *(folder.as_posix() for folder in path.parents)]
        return min((SLOWEST.index(place) for place in places if place in SLOWEST), default=len(SLOWEST))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A running server in a folder whose name has a space, as a clone's may have."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "with space")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def database_name() -> str:
    """What the warehouses of this process are called: dbt parses the project anew for a database of another name."""
    return f"test_{secrets.token_hex(6)}"


@pytest.fixture(scope="session")
def parsed_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What dbt has parsed, from one test to the next; not there before the first build."""
    return tmp_path_factory.mktemp("parsed") / "partial_parse.msgpack"


@pytest.fixture
def settings(
    postgres: EmbeddedPostgres, tmp_path: Path, database_name: str, parsed_project: Path
) -> Iterator[Settings]:
    """Settings of a new, empty warehouse with the four municipalities' codes, and keys of its own."""
    url = postgres.create_database(database_name)
    made = Settings(home=tmp_path, database_url=url, municipalities=PROJECT_ROOT / "municipalities")
    if parsed_project.exists():
        made.dbt_target.mkdir()
        shutil.copy(parsed_project, made.dbt_target)
    municipalities = load_municipalities(made.municipalities)
    names = [one.name for one in municipalities]
    ensure_keys(made, tuple(names))
    with connect(made) as connection:
        prepare(connection, names)
        load_reference(connection, municipalities)
    yield made
    with psycopg.connect(postgres.admin_url, autocommit=True) as admin:
        admin.execute(f'drop database "{database_name}" with (force)')
    if (parsed := made.dbt_target / parsed_project.name).exists():
        shutil.copy(parsed, parsed_project)


@pytest.fixture
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection to the test's warehouse; what is not committed is rolled back."""
    with connect(settings) as made:
        yield made
        made.rollback()
