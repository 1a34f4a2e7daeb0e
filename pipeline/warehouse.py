"""The warehouse: its address, its connections, its fixed tables and roles."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.settings import Settings

FIXED_TABLES = Path(__file__).parent / "sql" / "warehouse.sql"
REGION_ROLE = "bi_region"
# Whoever holds this lock may change harmonised, candidate and reporting, and rows of landing that a build may read.
RELEASE_LOCK = 0x7455_6B69
PREPARE_LOCK = 0x7455_6B6A
# Whoever holds this lock tells what is wrong: nothing is told twice.
ALERT_LOCK = 0x7455_6B6B


class WarehouseUnreachable(RuntimeError):
    """The warehouse does not answer; the message says where it was looked for, and never a password."""


def warehouse_url(settings: Settings) -> str:
    """The warehouse's URL, which SQLAlchemy 2.1 and psql both open; starts the embedded server when that is used."""
    if settings.database_url:
        return settings.database_url
    return EmbeddedPostgres(settings.postgres).start()


@contextmanager
def connect(settings: Settings, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
    """A connection as the pipeline's role; commits at the end of the block, rolls back on an error. Raises
    WarehouseUnreachable when there is none to be had."""
    try:
        url = warehouse_url(settings).replace("postgresql+psycopg://", "postgresql://", 1)
        opened = psycopg.connect(url, autocommit=autocommit, application_name="tukiverkko")
    except (psycopg.OperationalError, OSError, RuntimeError) as error:
        where = "TUKIVERKKO_DATABASE_URL" if settings.database_url else str(settings.postgres)
        raise WarehouseUnreachable(f"The warehouse of {where} cannot be reached: {error}") from error
    with opened as connection:
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
    _ensure_closed(connection)
    _ensure_roles(connection, municipalities)
    connection.commit()


def reader_roles(connection: psycopg.Connection) -> list[str]:
    """The roles that read `reporting`: the region's, and that of each municipality."""
    rows = connection.execute("select role_name from reference.municipal_reader order by 1")
    return [REGION_ROLE, *(role for (role,) in rows)]


def _ensure_closed(connection: psycopg.Connection) -> None:
    """Without a right of its own nobody comes in, makes temporary tables or functions, or anything in `public`."""
    row = connection.execute(
        """
        select quote_ident(datname), coalesce(datacl, acldefault('d', datdba))::text ~ '[{,]=[a-zA-Z]',
            has_schema_privilege('public', 'public', 'create')
        from pg_database where datname = current_database()
        """
    ).fetchone()
    assert row is not None
    database, is_open, can_create = row
    if is_open:
        connection.execute(sql.SQL("revoke all on database {} from public").format(sql.SQL(database)))
    if can_create:
        connection.execute("revoke create on schema public from public")


def _ensure_roles(connection: psycopg.Connection, municipalities: Sequence[str]) -> None:
    """`bi_region` reads `reporting`; `bi_<municipality>` also its own rows of `municipal` (granted with its tables).
    They are group roles without login: a person's or a tool's login is made a member. The role of a municipality that
    left keeps its members and loses its rights."""
    existing = {row[0] for row in connection.execute("select rolname from pg_roles where rolname like 'bi\\_%'")}
    database = sql.Identifier(connection.info.dbname)
    wanted = [REGION_ROLE, *(f"bi_{municipality}" for municipality in municipalities)]
    for role in wanted:
        name = sql.Identifier(role)
        if role not in existing:
            connection.execute(sql.SQL("create role {} nologin").format(name))
        connection.execute(sql.SQL("grant connect on database {} to {}").format(database, name))
        connection.execute(sql.SQL("grant usage on schema reporting to {}").format(name))
        connection.execute(sql.SQL("grant select, references on all tables in schema reporting to {}").format(name))
    for role in sorted(_granted_roles(connection) & existing - set(wanted)):
        name, schemas = sql.Identifier(role), sql.SQL("municipal, reporting, reference")
        connection.execute(sql.SQL("revoke all on all tables in schema {} from {}").format(schemas, name))
        connection.execute(sql.SQL("revoke all on schema {} from {}").format(schemas, name))
        connection.execute(sql.SQL("revoke all on database {} from {}").format(database, name))
    connection.execute("delete from reference.municipal_reader where municipality <> all(%s)", (list(municipalities),))
    for municipality in municipalities:
        role = f"bi_{municipality}"
        name = sql.Identifier(role)
        connection.execute(
            """
            insert into reference.municipal_reader (role_name, municipality) values (%s, %s)
            on conflict (role_name) do update set municipality = excluded.municipality
            where municipal_reader.municipality <> excluded.municipality
            """,
            (role, municipality),
        )
        # A policy reads the mapping with the rights of whoever asks.
        connection.execute(sql.SQL("grant usage on schema municipal, reference to {}").format(name))
        connection.execute(sql.SQL("grant select on reference.municipal_reader to {}").format(name))


def _granted_roles(connection: psycopg.Connection) -> set[str]:
    """The roles that have a right of their own on something in this database."""
    rows = connection.execute(
        """
        select distinct r.rolname
        from pg_shdepend as d inner join pg_roles as r on d.refobjid = r.oid
        where
            d.deptype = 'a' and d.refclassid = 'pg_authid'::regclass
            and (select oid from pg_database where datname = current_database())
                in (d.dbid, case when d.classid = 'pg_database'::regclass then d.objid end)
        """
    )
    return {name for (name,) in rows}
