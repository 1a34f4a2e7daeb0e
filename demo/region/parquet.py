"""Parquet files with exact decimals, the same bytes for the same values."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from demo.region.calendars import FAR


def texts(values: Iterable[str | None]) -> pl.Series:
    """Text, with nulls."""
    return pl.Series(list(values), dtype=pl.String)


def whole(values: Sequence[int | None] | np.ndarray, dtype: type[pl.DataType] = pl.Int64) -> pl.Series:
    """Whole numbers, with nulls."""
    return pl.Series(values, dtype=dtype)


def decimals(units: np.ndarray, precision: int, scale: int) -> pl.Series:
    """Decimals from whole numbers of units of the last place: 12345 at scale 4 is 1.2345."""
    values = pl.Series("units", units, dtype=pl.Int64)
    exact = values.cast(pl.Decimal(18, 0)) * pl.Series([Decimal(1).scaleb(-scale)])
    return exact.cast(pl.Decimal(precision, scale))


def days(values: Sequence[int] | np.ndarray) -> pl.Series:
    """Dates from day numbers; `FAR` becomes null."""
    numbers = pl.Series("days", np.asarray(values, dtype=np.int64), dtype=pl.Int64)
    return numbers.replace(FAR, None).cast(pl.Int32).cast(pl.Date)


def write(path: Path, columns: Mapping[str, pl.Series]) -> None:
    """Writes the columns as one table, in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(dict(columns)).write_parquet(path)
