"""A column of texts by its distinct ones."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Distinct:
    """A column by its distinct texts: `texts` (trimmed, empty = null) and, for each row, its place among them.

    codes None: the texts are the rows themselves.
    """

    texts: pl.Series
    codes: pl.Series | None
    has_empty: bool

    @classmethod
    def of(cls, column: pl.Series) -> "Distinct":
        if column.dtype == pl.String:
            column = column.cast(pl.Categorical(pl.Categories.random()))
        codes = column.to_physical()
        has_empty = codes.null_count() > 0
        highest: Any = codes.max()
        size = 0 if highest is None else int(highest) + 1
        # The last place is that of the empty cell.
        codes = codes.fill_null(size)
        # Some row of each place shows its text; it is cheaper to remember any than to look for distinct ones.
        shown_by = np.full(size + 1, -1, dtype=np.int64)
        shown_by[codes.to_numpy()] = np.arange(len(codes))
        rows = pl.Series(shown_by)
        texts = column.gather(rows.set(rows < 0, None)).cast(pl.String).str.strip_chars().replace("", None)
        # Besides the last place, only a text of blanks is null (or a place that no row has, which costs a look).
        return cls(texts, codes, has_empty or texts.null_count() > 1)

    @classmethod
    def rows(cls, column: pl.Series) -> "Distinct":
        texts = column.cast(pl.String).str.strip_chars().replace("", None)
        return cls(texts, None, texts.null_count() > 0)

    def spread(self, values: pl.Series) -> pl.Series:
        """Values of the distinct texts, one for each row."""
        return values if self.codes is None else values.gather(self.codes)

    def where(self, bad: pl.Series) -> pl.Series:
        """Places of the rows whose text is marked."""
        if not bad.any():
            return pl.Series([], dtype=pl.UInt32)
        return self.spread(bad).fill_null(value=False).arg_true()
