"""Iisalmi: a reporting database whose views one login role may read, in a PostgreSQL that the caller gives."""

from datetime import datetime
from pathlib import Path

import polars as pl
import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

DATABASE = "iisalmi_raportointi"
READER = "iisalmi_raportointi_lukija"
SCHEMA = "raportointi"
BASE_SCHEMA = "rekisteri"
# Holds `now()`: the reader of a synthetic night sees that morning on the clock, not ours.
CLOCK_SCHEMA = "kello"

# Base table -> its columns with their types; each has a view `v_<table>` of the same columns in the same order.
# Times are local, without a zone, as a Finnish register keeps them.
TABLES: dict[str, dict[str, str]] = {
    "oppilas": {
        "hetu": "text",
        "nimi": "text",
        "koulunro": "integer",
        "luokka_aste": "integer",
        "luokka": "text",
        "kotikunta": "integer",
        "opetusmuoto": "text",
        "alku": "date",
        "loppu": "date",
        "muutettu": "timestamp without time zone",
    },
    "poissaolo": {
        "poissaolo_id": "bigint",
        "hetu": "text",
        "paiva": "date",
        "tunnit": "numeric",
        "syy": "integer",
        "hyvaksytty": "text",
        "poistettu": "boolean",
        "muutettu": "timestamp without time zone",
    },
    "tuki": {
        "tuki_id": "bigint",
        "hetu": "text",
        "tuki": "text",
        "alku": "date",
        "loppu": "date",
        "lisatieto": "text",
        "muutettu": "timestamp without time zone",
    },
    "tyopaiva": {"koulunro": "integer", "paiva": "date", "luokka_aste": "integer", "tunnit": "numeric"},
}


def parquet_files(folder: Path) -> list[Path]:
    """The files that hold the views' rows: `<folder>/v_<table>.parquet`."""
    return [folder / f"v_{table}.parquet" for table in TABLES]


def load_database(
    admin_url: str, folder: Path, password: str, *, open_to_reader: bool = True, clock: datetime | None = None
) -> str:
    """Create or refresh the reporting database from `folder/v_*.parquet` and return the reader's SQLAlchemy URL.

    `admin_url`: libpq or SQLAlchemy URL, over TCP, of a role that may create databases and roles. `password`: of the
    reader. `clock`: what `now()` says to the reader; None is the real time. Everything but CREATE DATABASE is one
    transaction: readers see the night before or this one. With `open_to_reader` false the right to connect stays as it
    is.

    Raises FileNotFoundError for a missing file, ValueError for columns or values that do not fit a view (the value is
    not named) and for an admin URL without a TCP host.
    """
    frames = {table: _read(folder / f"v_{table}.parquet", table) for table in TABLES}
    admin = make_url(admin_url)
    _create_database(admin)
    with psycopg.connect(_conninfo(admin.set(database=DATABASE))) as connection:
        connection.execute("set local lock_timeout to '60s'")
        connection.execute("select pg_advisory_xact_lock(hashtext(%s))", [DATABASE])
        _create_reader(connection, password)
        _create_schema(connection)
        _set_clock(connection, clock)
        for table, frame in frames.items():
            _copy(connection, table, frame)
        _grant(connection, open_to_reader)
        host, port = connection.info.host, connection.info.port
    if not host or host.startswith("/"):
        raise ValueError("iisalmi: the admin URL needs a TCP host, the reader logs in with a password over it")
    reader = URL.create("postgresql+psycopg", READER, password, host, port, DATABASE)
    return reader.render_as_string(hide_password=False)


def close_to_reader(admin_url: str) -> None:
    """Take the database away from the reader: no new connection, and those that are open end now."""
    with psycopg.connect(_conninfo(make_url(admin_url)), autocommit=True) as connection:
        connection.execute(_connect_right("revoke connect on database {} from {}"))
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and usename = %s",
            [DATABASE, READER],
        )


def open_to_reader(admin_url: str) -> None:
    """Let the reader connect again after `close_to_reader`."""
    with psycopg.connect(_conninfo(make_url(admin_url)), autocommit=True) as connection:
        connection.execute(_connect_right("grant connect on database {} to {}"))


def _connect_right(statement: str) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(DATABASE), sql.Identifier(READER))


def _conninfo(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _read(path: Path, table: str) -> pl.DataFrame:
    frame = pl.read_parquet(path)
    if set(frame.columns) != set(TABLES[table]):
        differing = sorted(set(frame.columns) ^ set(TABLES[table]))
        raise ValueError(f"iisalmi: v_{table}: the columns of {path.name} differ from the view's in {differing}")
    zoned = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime) and kind.time_zone]
    local = [pl.col(name).dt.convert_time_zone("Europe/Helsinki").dt.replace_time_zone(None) for name in zoned]
    return frame.with_columns(local).select(list(TABLES[table]))


def _create_database(admin: URL) -> None:
    with psycopg.connect(_conninfo(admin), autocommit=True) as connection:
        if connection.execute("select from pg_database where datname = %s", [DATABASE]).fetchone() is None:
            try:
                statement = sql.SQL("create database {} template template0 encoding 'UTF8'")
                connection.execute(statement.format(sql.Identifier(DATABASE)))
            except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                # Somebody else created it in between.
                pass


def _create_reader(connection: psycopg.Connection, password: str) -> None:
    if connection.execute("select from pg_roles where rolname = %s", [READER]).fetchone() is None:
        connection.execute(sql.SQL("create role {} nologin").format(sql.Identifier(READER)))
    # The server gets the verifier only: the password itself could end up in its log.
    verifier = connection.pgconn.encrypt_password(password.encode(), READER.encode(), b"scram-sha-256")
    statement = sql.SQL("alter role {} login noinherit nocreatedb nocreaterole password {}")
    connection.execute(statement.format(sql.Identifier(READER), sql.Literal(verifier.decode())))
    connection.execute(sql.SQL("alter role {} set default_transaction_read_only to on").format(sql.Identifier(READER)))


def _create_schema(connection: psycopg.Connection) -> None:
    for schema in (BASE_SCHEMA, SCHEMA):
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(schema)))
    for table, columns in TABLES.items():
        # Only when missing or of another shape: replacing a view would wait for every reader's open transaction.
        if _columns(connection, BASE_SCHEMA, table) == _columns(connection, SCHEMA, f"v_{table}") == columns:
            continue
        base, view = sql.Identifier(BASE_SCHEMA, table), sql.Identifier(SCHEMA, f"v_{table}")
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        typed = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in columns.items()
        )
        connection.execute(sql.SQL("drop view if exists {}").format(view))
        connection.execute(sql.SQL("drop table if exists {}").format(base))
        connection.execute(sql.SQL("create table {} ({})").format(base, typed))
        connection.execute(sql.SQL("create view {} as select {} from {}").format(view, names, base))


def _set_clock(connection: psycopg.Connection, clock: datetime | None) -> None:
    schema, reader = sql.Identifier(CLOCK_SCHEMA), sql.Identifier(READER)
    moment = sql.SQL("pg_catalog.now()") if clock is None else sql.SQL("{}::timestamptz").format(clock.isoformat())
    connection.execute(sql.SQL("create schema if not exists {}").format(schema))
    body = sql.SQL("create or replace function {}.now() returns timestamptz language sql stable return {}")
    connection.execute(body.format(schema, moment))
    connection.execute(sql.SQL("grant usage on schema {} to {}").format(schema, reader))
    path = sql.SQL("alter role {} in database {} set search_path to {}, pg_catalog")
    connection.execute(path.format(reader, sql.Identifier(DATABASE), schema))


def _columns(connection: psycopg.Connection, schema: str, relation: str) -> dict[str, str]:
    """The columns of a table or view with their types, in order; empty when it does not exist."""
    found = connection.execute(
        "select attname, format_type(atttypid, atttypmod) from pg_attribute join pg_class on pg_class.oid = attrelid"
        " where relnamespace = %s::regnamespace and relname = %s and attnum > 0 and not attisdropped order by attnum",
        [schema, relation],
    )
    return {str(name): str(kind) for name, kind in found}


def _copy(connection: psycopg.Connection, table: str, frame: pl.DataFrame) -> None:
    base = sql.Identifier(BASE_SCHEMA, table)
    try:
        # Not truncate: a reader's open snapshot must go on seeing the rows of the night before.
        connection.execute(sql.SQL("delete from {}").format(base))
        with connection.cursor().copy(sql.SQL("copy {} from stdin (format csv)").format(base)) as copy:
            copy.write(frame.write_csv(include_header=False))
        connection.execute(sql.SQL("analyze {}").format(base))
    except psycopg.DataError as error:
        # The server's message quotes the value.
        raise ValueError(f"iisalmi: v_{table}: a value does not fit its column (SQLSTATE {error.sqlstate})") from None


def _grant(connection: psycopg.Connection, open_to_reader: bool) -> None:
    names = {
        "database": sql.Identifier(DATABASE),
        "reader": sql.Identifier(READER),
        "schema": sql.Identifier(SCHEMA),
        "base": sql.Identifier(BASE_SCHEMA),
    }
    statements = [
        "revoke all on database {database} from public",
        "revoke all on schema public from public",
        "revoke all on schema {base} from public, {reader}",
        "revoke all on all tables in schema {base} from public, {reader}",
        "grant usage on schema {schema} to {reader}",
        "grant select on all tables in schema {schema} to {reader}",
    ]
    if open_to_reader:
        statements.append("grant connect on database {database} to {reader}")
    for statement in statements:
        connection.execute(sql.SQL(statement).format(**names))
