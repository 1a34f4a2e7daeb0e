"""The harmonised layer and the marts as digests, to tell whether two ways of building end in the same state."""

import psycopg
from psycopg import sql

# What one build hands to its own later steps: which days, months and persons it redoes, and their slices.
_OF_ONE_BUILD = (
    "touched_%",
    "%_change",
    "built_%",
    "path_month",
    "absence_content",
    "absence_from_%",
)
_SCHEMAS = ("harmonised", "candidate", "candidate_municipal")


def state(connection: psycopg.Connection) -> dict[str, tuple[int, str]]:
    """schema.table → (rows, digest of the rows in whatever order) of all that a build leaves to be read."""
    tables = connection.execute(
        """
        select table_schema, table_name from information_schema.tables
        where table_schema = any(%s) and table_type = 'BASE TABLE' and not table_name like any(%s)
        order by 1, 2
        """,
        (list(_SCHEMAS), list(_OF_ONE_BUILD)),
    ).fetchall()
    found = {}
    for schema, table in tables:
        names = connection.execute(
            """
            select column_name, data_type from information_schema.columns
            where table_schema = %s and table_name = %s order by ordinal_position
            """,
            (schema, table),
        ).fetchall()
        # A sum in parts has other trailing zeros than a sum in one go: 2 and 2.00 are the same number.
        columns = [
            sql.SQL("trim_scale({})").format(sql.Identifier(name)) if kind == "numeric" else sql.Identifier(name)
            for name, kind in names
        ]
        query = sql.SQL(
            "select count(*), coalesce(md5(string_agg(line, ' ' order by line)), '') "
            "from (select row({})::text as line from {}) as rows"
        ).format(sql.SQL(", ").join(columns), sql.Identifier(schema, table))
        row = connection.execute(query).fetchone()
        assert row is not None
        found[f"{schema}.{table}"] = (int(row[0]), str(row[1]))
    return found


def unlike(one: dict[str, tuple[int, str]], other: dict[str, tuple[int, str]]) -> dict[str, tuple[object, object]]:
    """The tables that are not the same in both, with both."""
    return {name: (one.get(name), other.get(name)) for name in {*one, *other} if one.get(name) != other.get(name)}
