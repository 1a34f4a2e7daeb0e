"""Checked rows go into landing by binary COPY: Arrow batches, encoded by pgpq."""

from typing import Any

import polars as pl
import psycopg
from pgpq import ArrowToPostgresBinaryEncoder
from psycopg import sql

# Small enough that encoding one batch overlaps with the server's work on the one before it.
_BATCH_ROWS = 20_000

# What each kind of column must be in Arrow, so that its bytes are those that PostgreSQL expects.
_ARROW = {
    "integer": pl.Int32,
    "smallint": pl.Int16,
    # A uuid and a bytea of 16 bytes are the same on the wire.
    "uuid": pl.Binary,
    "text": pl.String,
    "boolean": pl.Boolean,
    "date": pl.Date,
    "time without time zone": pl.Time,
    "timestamp with time zone": pl.Datetime("us", "UTC"),
    "text[]": pl.List(pl.String),
}


def copy_frame(connection: psycopg.Connection, table: str, frame: pl.DataFrame, delivery_id: int) -> int:
    """Adds the frame's rows to `table` (`landing.…`) under the delivery, in the caller's transaction.

    frame: the table's columns but `delivery_id`, in any order, pseudonyms as 16-byte Binary, numerics as Decimal with
    the column's scale. Returns the number of rows. Raises TypeError when the frame does not fit the table.
    """
    wanted = _columns(connection, table)
    _require_fit(table, wanted, frame)
    names = [name for name in wanted if name != "delivery_id"]
    statement = sql.SQL("copy {} ({}) from stdin (format binary)").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, ["delivery_id", *names]))
    )
    whole = frame.select(pl.lit(delivery_id, dtype=pl.Int32).alias("delivery_id"), *names)
    encoder = ArrowToPostgresBinaryEncoder(_arrow(whole.head(0)).schema)
    cursor = connection.cursor()
    with cursor.copy(statement) as copy:
        copy.write(encoder.write_header())
        for part in whole.iter_slices(_BATCH_ROWS):
            for batch in _arrow(part).to_batches():
                copy.write(encoder.write_batch(batch))
        copy.write(encoder.finish())
    if cursor.rowcount != frame.height:
        raise RuntimeError(f"{table}: {cursor.rowcount} rows were taken of {frame.height}")
    return frame.height


def _arrow(frame: pl.DataFrame) -> Any:
    """The frame as an Arrow table, times of day in microseconds: PostgreSQL has no nanoseconds."""
    table: Any = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    for place, kind in enumerate(table.schema.types):
        if str(kind) == "time64[ns]":
            column = table.column(place).cast("time64[us]")
            table = table.set_column(place, table.schema.names[place], column)
    return table


def _columns(connection: psycopg.Connection, table: str) -> dict[str, str]:
    query = """
        select attname, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
    """
    return dict(connection.execute(query, (table,)).fetchall())


def _require_fit(table: str, wanted: dict[str, str], frame: pl.DataFrame) -> None:
    """Binary COPY trusts its bytes, so a wrong type must be found here."""
    missing = set(wanted) - {"delivery_id"} ^ set(frame.columns)
    if missing:
        raise TypeError(f"{table}: the frame's columns do not fit: {', '.join(sorted(missing))}")
    for name, kind in wanted.items():
        if name == "delivery_id":
            continue
        if kind.startswith("numeric"):
            precision, scale = (int(part) for part in kind[8:-1].split(","))
            expected: object = pl.Decimal(precision, scale)
        else:
            expected = _ARROW.get(kind)
        if frame.schema[name] != expected:
            raise TypeError(f"{table}.{name} is {kind}, the frame has {frame.schema[name]}")
