"""What the report reads: made of a region in which every table has rows, with each column that it asks for noted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

from bi.published import Column, Table, published_tables
from pages import report
from pages.figures import Source
from pages.labels import codes, municipality_labels
from pages.language import LANGUAGES, Language, words
from pages.snapshot import Published, Release
from pipeline.settings import PROJECT_ROOT

# The values of each column of a key; regimes, tiers and levels as the seeds have them.
KEY_VALUES: Mapping[str, tuple[Any, ...]] = {
    "municipality": ("kuopio", "region"),
    "grade_band": ("all", "1-2", "3-6", "7-9"),
    "month": (date(2025, 11, 1), date(2025, 12, 1)),
    "count_day": (date(2025, 5, 31), date(2025, 9, 20), date(2026, 1, 20)),
    "period_type": ("school_year", "last_12_weeks"),
    "period_start": (date(2025, 8, 1),),
    "period_end": (date(2025, 12, 31),),
    "school_year": (2025,),
    "absence_class": ("all", *codes("absence_class")),
    "tier": tuple(codes("attendance_tier")),
    "support_level": tuple(codes("support_level")),
    "place": tuple(codes("inclusion_place")),
    "regime": ("2011", "2025"),
    "horizon": (30, 60, 90),
    "group_size": tuple(codes("group_size")),
    "home_municipality": ("kuopio", "other", "unknown"),
    "moment": ("before", "after"),
    "measure": ("tier", "support_level"),
    "category": (*codes("attendance_tier"), *codes("support_level"), *codes("transition_category")),
    "dataset": ("absence", "enrolment"),
}
# What a column holds that is not of a key, by its type.
VALUES: Mapping[str, Any] = {
    "bigint": 20,
    "integer": 20,
    "numeric": 0.2,
    "date": date(2026, 2, 2),
    "text": "exact",
    "boolean": False,
}


class NotedRow(dict[str, Any]):
    """A row that notes which of its columns are asked for."""

    def __init__(self, content: Mapping[str, Any], noted: set[str]) -> None:
        super().__init__(content)
        self._noted = noted

    def __getitem__(self, column: str) -> Any:
        self._noted.add(column)
        return super().__getitem__(column)

    def get(self, column: str, default: Any = None) -> Any:
        if column in self:
            self._noted.add(column)
        return super().get(column, default)


@dataclass(frozen=True)
class Reading:
    """figures: how many the report has. columns: table → the columns that it asked for."""

    figures: int
    columns: Mapping[str, frozenset[str]]


def read_report() -> Reading:
    """Makes the report in both languages: where only the region's own figures are known, and where none is."""
    noted: dict[str, set[str]] = {}
    figures = {_make(language, known=("region",), noted=noted) for language in LANGUAGES}
    _make("fi", known=(), noted=noted)
    return Reading(max(figures), {name: frozenset(columns) for name, columns in noted.items() if columns})


def _make(language: Language, *, known: Sequence[str], noted: dict[str, set[str]]) -> int:
    tables = {table.full_name: table for table in published_tables().values() if table.schema == "reporting"}
    published = Published(
        Release(1, date(2026, 2, 3), datetime(2026, 2, 3, 5, 10, tzinfo=UTC), "-"),
        {
            table.name: [NotedRow(row, noted.setdefault(name, set())) for row in _rows(table, known)]
            for name, table in tables.items()
        },
    )
    source = Source(published, municipality_labels(words(language), PROJECT_ROOT / "municipalities"))
    report.data_status(source)
    return sum(len(section.figures) for section in report.sections(source))


def _rows(table: Table, known: Sequence[str]) -> Iterator[dict[str, Any]]:
    for values in product(*(KEY_VALUES[column] for column in table.key)):
        key = dict(zip(table.key, values, strict=True))
        yield {column.name: _value(column, key["municipality"] in known) for column in table.columns} | key


def _value(column: Column, known: bool) -> Any:
    if column.name == "regime":
        return "2025"
    if column.name == "null_reason" or (not known and column.type in ("numeric", "bigint")):
        return None
    return VALUES[column.type]
