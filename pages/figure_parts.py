"""What the report's figures are put together from: tables, bars, notes, axes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from pages.charts import Axes, Bar, BarPanel
from pages.figures import Cell, Figure, Source, Table
from pages.labels import REGION, codes

COVERAGE_MINIMUM = Decimal(codes("definition")["coverage_minimum"]["value"])
_LOW_COVERAGE = "*"


def figure(
    source: Source,
    name: str,
    said: Sequence[str],
    pictures: Sequence[str],
    table: Table,
    coverage: str,
    *,
    when: str = "",
    extra: Sequence[str] = (),
) -> Figure:
    """The figure of that name: its heading, what is said, its pictures and table, and the notes that every figure has.
    coverage: the note on it. when: the period or day, for the table's caption. extra: further notes."""
    words = source.words
    cells = table.cells
    days = [cell.as_of for cell in cells if cell.as_of]
    notes = [
        _as_of(source, days),
        coverage,
        words("note.withheld" if table.withheld else "note.none_withheld", withheld=table.withheld, all=len(cells)),
        *([words("note.low_coverage", minimum=words.percent(COVERAGE_MINIMUM, 0))] if _is_marked(cells) else ()),
        *extra,
    ]
    used = dict.fromkeys(f"{cell.table}.{cell.column}" for cell in cells)
    if when:
        table = replace(table, caption=f"{table.caption}, {when}")
    heading = words(f"{name}.heading")
    return Figure(
        name,
        heading,
        tuple(said) or (words("no_sentence"),),
        tuple(pictures),
        table,
        tuple(notes),
        tuple((one, f"dictionary.html#{one}") for one in used),
    )


def grid(
    source: Source,
    name: str,
    rows: Sequence[tuple[str, Sequence[Cell]]],
    heads: Sequence[str],
    *,
    first: str,
) -> Table:
    """A table of (name, cells) rows, with the caption of the figure `name`; first: the head over the rows' names."""
    return Table(
        source.words(f"{name}.caption"),
        (first, *heads),
        tuple((title, tuple(cells)) for title, cells in rows),
    )


def over_places(cell: Callable[[str, str], Cell], code: str, places: Sequence[str]) -> Iterator[tuple[str, Cell]]:
    """(place, its cell) of one code."""
    return ((place, cell(code, place)) for place in places)


def places_panel(source: Source, title: str, cells: Iterator[tuple[str, Cell]]) -> BarPanel:
    """Bars of places side by side, the region's told apart."""
    return BarPanel(
        title, tuple(bar_of(source.labels.place(place), cell, is_main=place == REGION) for place, cell in cells)
    )


def bar_of(name: str, cell: Cell, *, is_main: bool = False) -> Bar:
    """A cell as a bar."""
    return Bar(name, number_of(cell), cell.marked, is_main)


def level_name(source: Source, level: str) -> str:
    """`S2 Support by decision`."""
    label = source.labels.code("support_level", level)
    return label if level == "unknown" else f"{level} {label}"


def each(source: Source, key: str, named: Sequence[tuple[str, Cell]], **values: str) -> str:
    """A sentence that lists the numbers that are there."""
    items = [f"{name} ({cell.marked})" for name, cell in named if cell.value is not None]
    return source.words(key, items=source.words.listed(items), **values) if items else source.words("no_sentence")


def with_coverage(rate: Cell, coverage: Cell) -> Cell:
    """The rate, marked where less of its lessons is reported than a municipality of the region's figure needs."""
    if rate.value is None or coverage.value is None or Decimal(coverage.value) >= COVERAGE_MINIMUM:
        return rate
    return replace(rate, mark=_LOW_COVERAGE)


def coverage_row(source: Source, name: str, coverages: Sequence[Cell]) -> tuple[str, Sequence[Cell]]:
    """The row of a table that stands below the rates `name` and tells how much of their lessons is reported."""
    return source.words("coverage_of", name=name), coverages


def covered(source: Source, coverage: Cell) -> str:
    """The note on the share of lessons that is reported."""
    return source.words("note.coverage", coverage=coverage.text)


def known_share(source: Source, what: str, unknown: Cell) -> str:
    """The note on how many have the thing that is counted: all but the unknown ones, whose share is published."""
    words = source.words
    if unknown.value is None:
        return words(f"note.known_{what}_withheld")
    return words(f"note.known_{what}", share=words.percent(1 - Decimal(unknown.value)))


def tier_period(source: Source, table: str) -> tuple[str, date, date] | None:
    """The last school year to date, else the last month, of which the region's figures are shown."""
    for period_type in ("school_year", "month"):
        ends = [
            (row["period_end"], row["period_start"])
            for row in source.published.rows(table, municipality=REGION, period_type=period_type)
            if row["share"] is not None
        ]
        if ends:
            end, start = max(ends)
            return period_type, start, end
    return None


def axes(source: Source, days: Sequence[date]) -> Axes:
    """Axes with the Augusts and Januaries on them."""
    first, last = days[0], days[-1]
    ticks = {}
    day = first.replace(day=1)
    while day <= last:
        if day.month in (1, 8) and day >= first - timedelta(days=31):
            ticks[max(day, first)] = f"{day.month}/{day.year}"
        day = (day + timedelta(days=32)).replace(day=1)
    return Axes(first, last, ticks, source.words.locale, source.words.percent_sign)


def largest(cells: Mapping[str, Cell]) -> str | None:
    """Which of the shares of a whole is the largest; None where a share that is not shown could be larger."""
    shown = {name: Decimal(cell.value) for name, cell in cells.items() if cell.value is not None}
    if not shown:
        return None
    name = max(shown, key=lambda one: shown[one])
    return name if len(shown) == len(cells) or shown[name] >= 1 - sum(shown.values()) else None


def sum_of(cells: Sequence[Cell]) -> Decimal:
    """The sum of cells that all have a value."""
    return sum((Decimal(cell.value) for cell in cells if cell.value is not None), Decimal(0))


def number_of(cell: Cell) -> float | None:
    """The value for a drawing."""
    return None if cell.value is None else float(cell.value)


def last_text(cells: Sequence[Cell]) -> str:
    """The last value of a course as it is written."""
    return next((cell.marked for cell in reversed(cells) if cell.value is not None), "")


def _is_marked(cells: Sequence[Cell]) -> bool:
    return any(cell.mark == _LOW_COVERAGE for cell in cells)


def _as_of(source: Source, days: Sequence[date]) -> str:
    words = source.words
    if not days:
        return words("note.no_as_of")
    first, last = min(days), max(days)
    if first == last:
        return words("note.as_of", day=words.day(first))
    return words("note.as_of_range", first=words.day(first), last=words.day(last))
