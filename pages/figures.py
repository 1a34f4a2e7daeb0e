"""A figure of the report: what it shows in a sentence, its picture, the table behind it, where its numbers are from.

Every number is a `Cell`: the text that is printed, and the address of the value in `reporting`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from pages.labels import Labels
from pages.language import Words
from pages.snapshot import Published, Row

# Columns that are fractions; every other one is a count, but for the means.
FRACTIONS = frozenset({"absence_rate", "coverage", "share", "share_started"})
MEANS = frozenset({"mean_group_size"})
# Columns that a structural reason (a class that is not collected) leaves as they are: null, they are withheld.
_ALWAYS_KNOWN = frozenset({"pupils", "population"})


@dataclass(frozen=True)
class Cell:
    """A value of `reporting` as it is printed.

    value: None when there is none to show; text then says why. is_withheld: withheld to protect pupils. table, key and
    column: where it is from; key in the form `month=2025-12-01;municipality=kuopio`. as_of: of its row. mark: a sign
    of a note that holds for it.
    """

    value: float | Decimal | int | None
    text: str
    is_withheld: bool
    table: str
    key: str
    column: str
    as_of: date | None
    mark: str = ""

    @property
    def marked(self) -> str:
        """The text with its mark."""
        return self.text + self.mark


@dataclass(frozen=True)
class Table:
    """rows: the row's name and its cells, one a column of `heads` but the first, which heads the names."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]

    @property
    def cells(self) -> list[Cell]:
        return [cell for _, cells in self.rows for cell in cells]

    @property
    def withheld(self) -> int:
        return sum(cell.is_withheld for cell in self.cells)


@dataclass(frozen=True)
class Figure:
    """pictures: SVG elements; none where the table is the picture. notes: as of when, how much is covered, how many of
    the table's values are withheld. definitions: (name, address) of what the numbers mean."""

    name: str
    heading: str
    sentences: tuple[str, ...]
    pictures: tuple[str, ...]
    table: Table
    notes: tuple[str, ...]
    definitions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Source:
    """The published tables as cells in one language."""

    published: Published
    labels: Labels

    @property
    def words(self) -> Words:
        return self.labels.words

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The region and then its municipalities by name, as far as any table has them."""
        found = {
            row["municipality"] for rows in self.published.tables.values() for row in rows if "municipality" in row
        }
        return ("region", *sorted(found - {"region"}, key=self.labels.place))

    @cached_property
    def _indexes(self) -> dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], Row]]:
        return {}

    def row(self, table: str, **key: Any) -> Row | None:
        """The row of that key; None when there is none."""
        columns = tuple(key)
        index = self._indexes.get((table, columns))
        if index is None:
            index = {tuple(row[column] for column in columns): row for row in self.published.rows(table)}
            self._indexes[(table, columns)] = index
        return index.get(tuple(key.values()))

    def cell(self, table: str, column: str, **key: Any) -> Cell:
        """One value; a row that is not there is `no data`."""
        row = self.row(table, **key)
        address = ";".join(f"{name}={value}" for name, value in key.items())
        value = row[column] if row else None
        text, is_withheld = self._text(column, value, row)
        return Cell(value, text, is_withheld, table, address, column, row["as_of"] if row else None)

    def latest(self, table: str, column: str, of: str = "region", accept: Callable[[Row], bool] | None = None) -> Any:
        """The greatest value of a column among a place's rows; with `accept`, among those it accepts; None: no row."""
        rows = (row for row in self.published.rows(table) if row["municipality"] == of)
        return max((row[column] for row in rows if accept is None or accept(row)), default=None)

    def _text(self, column: str, value: Any, row: Row | None) -> tuple[str, bool]:
        words = self.words
        if value is not None:
            if column in FRACTIONS:
                return words.percent(value), False
            return (words.decimal(value) if column in MEANS else words.count(value)), False
        if row is None:
            return words("null.no_row"), False
        reason = row.get("null_reason")
        if row["suppressed"] and (reason is None or column in _ALWAYS_KNOWN):
            return words("null.withheld"), True
        if reason is not None:
            return words.either(f"null.{reason}", reason), False
        return words("null.nothing"), False


def known(cells: Sequence[Cell]) -> bool:
    """Whether every one of the cells has a value: a sentence is made of nothing else."""
    return all(cell.value is not None for cell in cells)
