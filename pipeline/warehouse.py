"""The warehouse: its address, its connections, its fixed tables and roles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.settings import Settings

FIXED_TABLES = Path(__file__).parent / "sql" / "warehouse.sql"
# Whoever holds this lock may change harmonised, candidate and reporting.
RELEASE_LOCK = 0x7455_6B69
PREPARE_LOCK = 0x7455_6B6A


def warehouse_url(settings: Settings) -> str:
    """The warehouse's URL, which SQLAlchemy 2.1 and psql both open; starts the embedded server when that is used."""
    if settings.database_url:
        return settings.database_url
    return EmbeddedPostgres(settings.postgres).start()


@contextmanager
def connect(settings: Settings, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """A connection as the pipeline's role; commits at the end of the block, rolls back on an error."""
    url = warehouse_url(settings).replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url, autocommit=autocommit, application_name="tukiverkko") as connection:
        yield connection


def prepare(connection: psycopg.Connection, municipalities: Sequence[str]) -> None:
    """Makes schemas, fixed tables, landing tables (from the contracts) and the roles of the municipalities, which are
    given by name; safe to run at any time."""
    from connectors.contract import landing_ddl

    # Two ingests that start at once would both create the same object.
    connection.execute("select pg_advisory_xact_lock(%s)", (PREPARE_LOCK,))
    connection.execute("set local client_min_messages = warning")
    connection.execute(FIXED_TABLES.read_text(encoding="utf-8"))
    connection.execute(landing_ddl())
    _ensure_roles(connection, municipalities)
    connection.commit()


def _ensure_roles(connection: psycopg.Connection, municipalities: Sequence[str]) -> None:
    """`bi_region` reads `reporting`; `bi_<municipality>` also its own rows of `municipal` (granted with its tables).
    They are group roles without login: a person's or a tool's login is made a member."""
    existing = {row[0] for row in connection.execute("select rolname from pg_roles where rolname like 'bi\\_%'")}
    for role in ("bi_region", *(f"bi_{municipality}" for municipality in municipalities)):
        name = sql.Identifier(role)
        if role not in existing:
            connection.execute(sql.SQL("create role {} nologin").format(name))
        connection.execute(sql.SQL("grant usage on schema reporting to {}").format(name))
        connection.execute(sql.SQL("grant select, references on all tables in schema reporting to {}").format(name))
    connection.execute("delete from reference.municipal_reader where municipality <> all(%s)", (list(municipalities),))
    for municipality in municipalities:
        role = f"bi_{municipality}"
        name = sql.Identifier(role)
        connection.execute(
            "insert into reference.municipal_reader (role_name, municipality) values (%s, %s) on conflict do nothing",
            (role, municipality),
        )
        # A policy reads the mapping with the rights of whoever asks.
        connection.execute(sql.SQL("grant usage on schema municipal, reference to {}").format(name))
        connection.execute(sql.SQL("grant select on reference.municipal_reader to {}").format(name))
