"""What the pages are made from, read from the warehouse in one repeatable-read snapshot: a release that is published
meanwhile is either wholly in it or not at all."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pipeline.settings import Settings
from pipeline.warehouse import warehouse_url

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Release:
    """The release that `reporting` shows."""

    release_number: int
    night: date
    published_at: datetime
    code_version: str


@dataclass(frozen=True)
class Published:
    """Schema `reporting`, whole. release: None before the first one. tables: name → its rows."""

    release: Release | None
    tables: Mapping[str, Sequence[Row]]

    def rows(self, table: str, **wanted: Any) -> list[Row]:
        """The rows of a table (none when it is not there) whose columns have the wanted values."""
        return [
            row
            for row in self.tables.get(table, ())
            if all(row.get(column) == value for column, value in wanted.items())
        ]


@contextmanager
def snapshot(settings: Settings) -> Iterator[psycopg.Connection]:
    """A connection whose statements all see the warehouse of one moment, and can change nothing.

    Schema `reporting` is locked against being altered (not against new rows) before that moment: a table that is made
    anew meanwhile would be empty in it.
    """
    url = warehouse_url(settings).replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url, application_name="tukiverkko-pages") as connection:
        tables = _reporting_tables(connection)
        connection.rollback()
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        if tables:
            names = sql.SQL(", ").join(sql.Identifier("reporting", table) for table in tables)
            connection.execute(sql.SQL("lock table {} in access share mode").format(names))
        yield connection
        connection.rollback()


def read_published(connection: psycopg.Connection) -> Published:
    """All of `reporting`, and nothing else: a reader's rights are enough."""
    with connection.cursor(row_factory=dict_row) as cursor:
        tables: dict[str, Sequence[Row]] = {
            table: cursor.execute(sql.SQL("select * from {}").format(sql.Identifier("reporting", table))).fetchall()
            for table in _reporting_tables(connection)
        }
    shown = tables.pop("release", ())
    columns = tuple(Release.__dataclass_fields__)
    release = Release(**{column: shown[0][column] for column in columns}) if shown else None
    return Published(release, tables)


def _reporting_tables(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute(
        """
        select c.relname from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname = 'reporting' and c.relkind = 'r' and has_table_privilege(c.oid, 'select')
        order by 1
        """
    ).fetchall()
    return [name for (name,) in rows]
