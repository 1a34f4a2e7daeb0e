"""Parquet files with exact decimals, the same bytes for the same values."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from demo.region.calendars import FAR


def decimals(values: np.ndarray, precision: int, scale: int) -> pa.Array:
    """Decimals from whole numbers of units of the last place."""
    halves = np.zeros((len(values), 2), dtype=np.int64)
    halves[:, 0] = values
    halves[:, 1] = np.where(values < 0, -1, 0)
    return pa.Array.from_buffers(pa.decimal128(precision, scale), len(values), [None, pa.py_buffer(halves.tobytes())])


def days(values: Any) -> pa.Array:
    """Dates from day numbers; `FAR` becomes null."""
    numbers = np.asarray(values, dtype=np.int64)
    return pa.array(np.where(numbers == FAR, 0, numbers).astype("datetime64[D]"), mask=numbers == FAR).cast(pa.date32())


def write(path: Path, columns: dict[str, pa.Array | pa.ChunkedArray]) -> None:
    """Writes the columns as one table, in their order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
