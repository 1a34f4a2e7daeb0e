"""Figures of attendance: how much pupils are absent, of what kind, at what age, and how many often."""

from calendar import monthrange
from collections.abc import Collection, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from pages import charts
from pages.charts import BarPanel, LinePanel, Point
from pages.figure_parts import (
    axes,
    bar_of,
    coverage_row,
    covered,
    each,
    figure,
    grid,
    known_share,
    last_text,
    number_of,
    over_places,
    places_panel,
    sum_of,
    tier_period,
    with_coverage,
)
from pages.figures import Cell, Figure, Source, known
from pages.labels import REGION, codes
from pages.language import lowered, sentence


def absence_by_month(source: Source) -> Figure | None:
    """The share of lessons absent by month, each place in a panel of its own."""

    def key(month: date, place: str) -> dict[str, Any]:
        return {"month": month, "municipality": place, "grade_band": "all", "absence_class": "all"}

    months = sorted({row["month"] for row in source.published.rows("attendance_monthly")})
    if not months:
        return None
    words = source.words
    coverage = {
        (month, place): source.cell("attendance_monthly", "coverage", **key(month, place))
        for month in months
        for place in source.places
    }
    rate = {
        (month, place): with_coverage(source.cell("attendance_monthly", "absence_rate", **key(month, place)), reported)
        for (month, place), reported in coverage.items()
    }
    latest = _latest_month(source)
    said = []
    if latest:
        now = rate[latest, REGION]
        said.append(words("absence_by_month.now", when=sentence(words.in_month(latest)), rate=now.text))
        before = rate.get((latest.replace(year=latest.year - 1), REGION))
        if before and known([before]):
            said.append(words("absence_by_month.year_ago", rate=before.text))
        row = source.row("attendance_monthly", **key(latest, REGION)) or {}
        among = frozenset((row.get("municipalities") or "").split(","))
        said += _extremes(source, {place: rate[latest, place] for place in source.places if place != REGION}, among)
    else:
        said.append(words("no_figure", reason=rate[months[-1], REGION].text))
    panels = [
        LinePanel(
            source.labels.place(place),
            tuple(Point(month, number_of(rate[month, place])) for month in months),
            last_text([rate[month, place] for month in months]),
        )
        for place in source.places
    ]
    table = grid(
        source,
        "absence_by_month",
        [
            row
            for month in reversed(months)
            for row in (
                (words.month(month), [rate[month, place] for place in source.places]),
                coverage_row(source, words.month(month), [coverage[month, place] for place in source.places]),
            )
        ],
        [source.labels.place(place) for place in source.places],
        first=words("head.month"),
    )
    pictures = charts.lines(panels, axes(source, months))
    note = covered(source, coverage[latest or months[-1], REGION])
    return figure(source, "absence_by_month", said, pictures, table, note)


def absence_by_class(source: Source) -> Figure | None:
    """The share of lessons absent by class, in the latest month that has a figure."""
    month = _latest_month(source)
    if month is None:
        return None
    words, labels = source.words, source.labels
    classes = [name for name in labels.order("absence_class") if codes("absence_class")[name]["is_absence"] == "true"]

    def value(absence_class: str, place: str, column: str) -> Cell:
        key = {"month": month, "municipality": place, "grade_band": "all", "absence_class": absence_class}
        return source.cell("attendance_monthly", column, **key)

    def cell(absence_class: str, place: str) -> Cell:
        return with_coverage(value(absence_class, place, "absence_rate"), value(absence_class, place, "coverage"))

    shown = {name: cell(name, REGION) for name in classes}
    said = []
    if not any(one.is_withheld for one in shown.values()):
        ranked = {name: Decimal(one.value) for name, one in shown.items() if one.value is not None}
        most = max(ranked, key=lambda name: ranked[name], default=None)
        if most:
            said.append(
                words(
                    "absence_by_class.most",
                    when=sentence(words.in_month(month)),
                    name=lowered(labels.code("absence_class", most)),
                    rate=shown[most].text,
                )
            )
    if known([shown["unauthorised"]]):
        said.append(words("absence_by_class.unauthorised", rate=shown["unauthorised"].text))
    bars = tuple(bar_of(labels.code("absence_class", name), shown[name]) for name in classes)
    table = grid(
        source,
        "absence_by_class",
        [
            *(
                (labels.code("absence_class", name) or words("all_classes"), [cell(name, at) for at in source.places])
                for name in (*classes, "all")
            ),
            coverage_row(source, words("all_classes"), [value("all", place, "coverage") for place in source.places]),
        ],
        [labels.place(place) for place in source.places],
        first=words("head.absence_class"),
    )
    coverage = covered(source, value("all", REGION, "coverage"))
    return figure(
        source, "absence_by_class", said, charts.bars([BarPanel("", bars)]), table, coverage, when=words.month(month)
    )


def absence_by_band(source: Source) -> Figure | None:
    """The share of lessons absent by grade band, in the same month."""
    month = _latest_month(source)
    if month is None:
        return None
    words, labels = source.words, source.labels
    bands = _bands(source, "attendance_monthly")

    def value(band: str, place: str, column: str) -> Cell:
        key = {"month": month, "municipality": place, "grade_band": band, "absence_class": "all"}
        return source.cell("attendance_monthly", column, **key)

    def cell(band: str, place: str) -> Cell:
        return with_coverage(value(band, place, "absence_rate"), value(band, place, "coverage"))

    said = [
        each(source, "absence_by_band.each", [(lowered(_band(source, band)), cell(band, REGION)) for band in bands])
    ]
    panels = [places_panel(source, _band(source, band), over_places(cell, band, source.places)) for band in bands]
    table = grid(
        source,
        "absence_by_band",
        [
            row
            for band in (*bands, "all")
            for row in (
                (_band(source, band), [cell(band, place) for place in source.places]),
                coverage_row(source, _band(source, band), [value(band, at, "coverage") for at in source.places]),
            )
        ],
        [labels.place(place) for place in source.places],
        first=words("head.grade_band"),
    )
    coverage = covered(source, value("all", REGION, "coverage"))
    return figure(source, "absence_by_band", said, charts.bars(panels), table, coverage, when=words.month(month))


def tiers(source: Source) -> Figure | None:
    """Pupils by tier, of the latest school year to date."""
    period = tier_period(source, "attendance_tiers")
    if period is None:
        return None
    words, labels = source.words, source.labels
    period_type, start, end = period
    tiers = labels.order("attendance_tier")

    def cell(tier: str, place: str, period: tuple[date, date] = (start, end)) -> Cell:
        return source.cell(
            "attendance_tiers",
            "share",
            period_type=period_type,
            period_start=period[0],
            period_end=period[1],
            municipality=place,
            grade_band="all",
            tier=tier,
        )

    when = words("between", first=words.day(start), last=words.day(end))
    often = [cell("A2", REGION), cell("A3", REGION)]
    said = []
    if known(often):
        said.append(words("tiers.often", when=when, share=words.percent(sum_of(often))))
        year_ago = (start.replace(year=start.year - 1), _month_end_year_ago(end))
        before = [cell("A2", REGION, year_ago), cell("A3", REGION, year_ago)]
        if known(before):
            said.append(words("tiers.year_ago", share=words.percent(sum_of(before))))
    if known([cell("A3", REGION)]):
        said.append(words("tiers.very_often", share=cell("A3", REGION).text))
    panels = [
        places_panel(source, labels.code("attendance_tier", tier), over_places(cell, tier, source.places))
        for tier in tiers
    ]
    table = grid(
        source,
        "tiers",
        [(labels.code("attendance_tier", tier), [cell(tier, place) for place in source.places]) for tier in tiers],
        [labels.place(place) for place in source.places],
        first=words("head.tier"),
    )
    return figure(
        source,
        "tiers",
        said,
        charts.bars(panels),
        table,
        known_share(source, "tiers", cell("none", REGION)),
        when=when,
    )


def _latest_month(source: Source) -> date | None:
    def has_rate(row: Mapping[str, Any]) -> bool:
        return bool(row["grade_band"] == "all" and row["absence_class"] == "all" and row["absence_rate"] is not None)

    month: date | None = source.latest("attendance_monthly", "month", accept=has_rate)
    return month


def _bands(source: Source, table: str) -> list[str]:
    return sorted({row["grade_band"] for row in source.published.rows(table)} - {"all"})


def _band(source: Source, band: str) -> str:
    return source.words("all_grades") if band == "all" else source.words("grades", band=band.replace("-", "–"))


def _month_end_year_ago(end: date) -> date:
    # A February's last day is another one in a leap year.
    return date(end.year - 1, end.month, monthrange(end.year - 1, end.month)[1])


def _extremes(source: Source, cells: Mapping[str, Cell], among: Collection[str]) -> list[str]:
    """Who has the most and the least of those that are `among` the region's figure, and who is not among them."""
    words, name = source.words, source.labels.place
    said = []
    compared = {place: cell for place, cell in cells.items() if place in among}
    shown = sorted((float(cell.value), place) for place, cell in compared.items() if cell.value is not None)
    # Which place has the most could be told of a withheld one.
    if len(shown) >= 2 and not any(cell.is_withheld for cell in compared.values()):
        (_, least), (_, most) = shown[0], shown[-1]
        said.append(
            words(
                "absence_by_month.extremes",
                most=f"{name(most)} ({cells[most].text})",
                least=f"{name(least)} ({cells[least].text})",
            )
        )
    if left_out := [name(place) for place in cells if place not in compared]:
        said.append(words("absence_by_month.left_out", places=words.listed(left_out)))
    return said
