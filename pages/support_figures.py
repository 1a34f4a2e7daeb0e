"""Figures of support: levels by regime, with attendance, how soon support starts, grade 6 to 7, and where it is given.

Nothing is compared over the change of the law on 1 August 2025 (docs/definitions.md §3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from pages import charts
from pages.charts import BarPanel, Break, LinePanel, Point
from pages.figure_parts import (
    axes,
    bar_of,
    coverage_row,
    covered,
    each,
    figure,
    grid,
    known_share,
    largest,
    last_text,
    level_name,
    number_of,
    over_places,
    places_panel,
    sum_of,
    tier_period,
    with_coverage,
)
from pages.figures import Cell, Figure, Source, Table, known
from pages.labels import REGION, codes
from pages.language import lowered, sentence
from pipeline.disclosure import SMALLEST_DENOMINATOR

REGIME_STARTS = date.fromisoformat(codes("definition")["regime_2025_starts"]["value"])
_MONTHS_OF_TIMELINESS = 6


@dataclass(frozen=True)
class _Known:
    """Of how many of a cohort something is known. of_cohort: their share of it. often: the share of them that is asked
    for; None where they are too few for a share."""

    of_cohort: Decimal
    often: Decimal | None


def levels_by_place(source: Source) -> Figure | None:
    """Pupils by level on the latest count day."""
    day = source.latest("support_levels", "count_day")
    if day is None:
        return None
    words, labels = source.words, source.labels
    levels = labels.order("support_level")

    def cell(level: str, place: str) -> Cell:
        return source.cell("support_levels", "share", **_level_key(day, place, level))

    by_decision = [cell("S2", REGION), cell("S3", REGION)]
    said = []
    if known(by_decision):
        said.append(words("levels_by_place.decision", when=words.day(day), share=words.percent(sum_of(by_decision))))
        said.append(words("levels_by_place.parts", s2=by_decision[0].text, s3=by_decision[1].text))
    panels = [
        places_panel(source, level_name(source, level), over_places(cell, level, source.places)) for level in levels
    ]
    table = grid(
        source,
        "levels_by_place",
        [(labels.code("support_level", level), [cell(level, place) for place in source.places]) for level in levels],
        [labels.place(place) for place in source.places],
        first=words("head.support_level"),
    )
    note = known_share(source, "level", cell("unknown", REGION))
    return figure(source, "levels_by_place", said, charts.bars(panels), table, note, when=words.day(day))


def levels_over_time(source: Source) -> Figure | None:
    """The region's levels by count day, with the break between the regimes."""
    days = sorted({row["count_day"] for row in source.published.rows("support_levels", municipality=REGION)})
    if not days:
        return None
    words, labels = source.words, source.labels
    levels = labels.order("support_level")
    share = {
        (day, level): source.cell("support_levels", "share", **_level_key(day, REGION, level))
        for day in days
        for level in levels
    }
    regime = {
        (day, level): (source.row("support_levels", **_level_key(day, REGION, level)) or {}).get("regime", "")
        for day in days
        for level in levels
    }
    # What was S0 to S3 before the break is not what it is after it: each side has its own sentence.
    said = [words("levels_over_time.two_regimes")] if days[0] < REGIME_STARTS <= days[-1] else []
    stretch = [day for day in days if day >= REGIME_STARTS] or days
    first, last = stretch[0], stretch[-1]
    for level in ("S2", "S3"):
        pair = [share[first, level], share[last, level]]
        if first != last and known(pair):
            said.append(
                words(
                    "levels_over_time.course",
                    name=labels.code("support_level", level),
                    first=words.day(first),
                    before=pair[0].text,
                    last=words.day(last),
                    after=pair[1].text,
                )
            )
    panels = [
        LinePanel(
            level_name(source, level),
            tuple(Point(day, number_of(share[day, level]), regime[day, level]) for day in days),
            last_text([share[day, level] for day in days]),
        )
        for level in levels
    ]
    table = grid(
        source,
        "levels_over_time",
        [
            (
                f"{words.day(day)} ({words('regime_of.' + regime[day, 'S2'])})"
                if regime[day, "S2"]
                else words.day(day),
                [share[day, level] for level in levels],
            )
            for day in reversed(days)
        ],
        [labels.code("support_level", level) for level in levels],
        first=words("head.count_day"),
    )
    breaks = [Break(REGIME_STARTS, words("break.short"))] if days[0] < REGIME_STARTS <= days[-1] else []
    pictures = charts.lines(panels, axes(source, days), breaks, one_scale=False)
    note = known_share(source, "level", share[days[-1], "unknown"])
    return figure(source, "levels_over_time", said, pictures, table, note, extra=[words("break.note")])


def absence_by_level(source: Source) -> Figure | None:
    """The share of lessons absent by level, in the latest month that has a figure."""

    def has_rate(row: Mapping[str, Any]) -> bool:
        return bool(row["grade_band"] == "all" and row["absence_rate"] is not None)

    month = source.latest("attendance_by_support_level", "month", accept=has_rate)
    if month is None:
        return None
    words, labels = source.words, source.labels
    levels = labels.order("support_level")

    def value(level: str, place: str, column: str) -> Cell:
        key = {"month": month, "municipality": place, "grade_band": "all", "support_level": level}
        return source.cell("attendance_by_support_level", column, **key)

    def cell(level: str, place: str) -> Cell:
        return with_coverage(value(level, place, "absence_rate"), value(level, place, "coverage"))

    named = [
        (lowered(labels.code("support_level", level)), cell(level, REGION)) for level in levels if level != "unknown"
    ]
    said = [each(source, "absence_by_level.each", named, when=sentence(words.in_month(month)))]
    bars = tuple(bar_of(level_name(source, level), cell(level, REGION)) for level in levels)
    table = grid(
        source,
        "absence_by_level",
        [
            row
            for level in levels
            for name in [labels.code("support_level", level)]
            for row in (
                (name, [cell(level, place) for place in source.places]),
                coverage_row(source, name, [value(level, place, "coverage") for place in source.places]),
            )
        ],
        [labels.place(place) for place in source.places],
        first=words("head.support_level"),
    )
    coverage = source.cell(
        "attendance_monthly", "coverage", month=month, municipality=REGION, grade_band="all", absence_class="all"
    )
    return figure(
        source,
        "absence_by_level",
        said,
        charts.bars([BarPanel("", bars)]),
        table,
        covered(source, coverage),
        when=words.month(month),
    )


def tiers_by_level(source: Source) -> Figure | None:
    """The region's pupils of each level by tier, of the latest school year to date."""
    period = tier_period(source, "tiers_by_support_level")
    if period is None:
        return None
    words, labels = source.words, source.labels
    period_type, start, end = period
    levels, tiers = labels.order("support_level"), labels.order("attendance_tier")

    def cell(level: str, tier: str) -> Cell:
        return source.cell(
            "tiers_by_support_level",
            "share",
            period_type=period_type,
            period_start=start,
            period_end=end,
            municipality=REGION,
            grade_band="all",
            support_level=level,
            tier=tier,
        )

    often = {level: [cell(level, "A2"), cell(level, "A3")] for level in levels}
    said = [
        words(
            "tiers_by_level.often",
            items=words.listed(
                [
                    f"{lowered(labels.code('support_level', level))} ({words.percent(sum_of(cells))})"
                    for level, cells in often.items()
                    if level != "unknown" and known(cells)
                ]
            ),
        )
    ]
    if not any(known(cells) for cells in often.values()):
        said = []
    panels = [
        BarPanel(
            level_name(source, level),
            tuple(bar_of(words(f"tier_short.{tier}"), cell(level, tier)) for tier in tiers),
        )
        for level in levels
    ]
    table = grid(
        source,
        "tiers_by_level",
        [(labels.code("support_level", level), [cell(level, tier) for tier in tiers]) for level in levels],
        [labels.code("attendance_tier", tier) for tier in tiers],
        first=words("head.support_level"),
    )
    when = words("between", first=words.day(start), last=words.day(end))
    none = source.cell(
        "attendance_tiers",
        "share",
        period_type=period_type,
        period_start=start,
        period_end=end,
        municipality=REGION,
        grade_band="all",
        tier="none",
    )
    return figure(
        source, "tiers_by_level", said, charts.bars(panels), table, known_share(source, "tiers", none), when=when
    )


def timeliness(source: Source) -> Figure | None:
    """How many got higher support within 30, 60 and 90 days, by month of reach."""
    rows = source.published.rows("support_timeliness", municipality=REGION, grade_band="all")
    months = sorted({row["month"] for row in rows if row["pupils"] != 0})[-_MONTHS_OF_TIMELINESS:]
    if not months:
        return None
    words, labels = source.words, source.labels
    horizons = [int(horizon) for horizon in labels.order("support_horizon")]

    def cell(month: date, horizon: int, column: str = "share_started") -> Cell:
        key = {"month": month, "municipality": REGION, "grade_band": "all", "horizon": horizon}
        return source.cell("support_timeliness", column, **key)

    said = []
    told = [(month, horizon) for month in months for horizon in horizons if known([cell(month, horizon)])]
    # The longest horizon says most; the latest month with it.
    if told:
        horizon = max(horizon for _, horizon in told)
        month = max(month for month, one in told if one == horizon)
        pupils = cell(month, horizon, "pupils")
        if known([pupils]):
            said.append(
                words(
                    "timeliness.started",
                    when=sentence(words.in_month(month)),
                    pupils=pupils.text,
                    share=cell(month, horizon).text,
                    horizon=horizon,
                )
            )
    panels = [
        BarPanel(
            sentence(words.month(month)),
            tuple(bar_of(labels.code("support_horizon", str(one)), cell(month, one)) for one in horizons),
        )
        for month in months
    ]
    table = grid(
        source,
        "timeliness",
        [
            (
                sentence(words.month(month)),
                [
                    cell(month, horizons[0], "pupils"),
                    *(cell(month, horizon, column) for horizon in horizons for column in ("started", "share_started")),
                ],
            )
            for month in reversed(months)
        ],
        [
            words("head.reached"),
            *(
                f"{labels.code('support_horizon', str(horizon))}: {words(f'head.{column}')}"
                for horizon in horizons
                for column in ("started", "share_started")
            ),
        ],
        first=words("head.reach_month"),
    )
    names = next((row["municipalities"] for row in rows if row["month"] == months[-1]), None) or ""
    places = words.listed([labels.place(name) for name in names.split(",") if name])
    return figure(
        source,
        "timeliness",
        said,
        charts.bars(panels),
        table,
        words("note.daily_sources", places=places),
        extra=[words("timeliness.note")],
    )


def transition_tiers(source: Source) -> Figure | None:
    """One cohort by tier, before and after the move to grade 7."""
    return _transition(source, "tier")


def transition_levels(source: Source) -> Figure | None:
    """The same by level."""
    return _transition(source, "support_level")


def inclusion(source: Source) -> Figure | None:
    """Where pupils with a decision are taught on the latest count day, each regime in its own terms."""
    day = source.latest("inclusion", "count_day")
    if day is None:
        return None
    words, labels = source.words, source.labels
    present = {row["regime"] for row in source.published.rows("inclusion", municipality=REGION, count_day=day)}
    regimes = sorted(present)
    places = [
        place for place in labels.order("inclusion_place") if codes("inclusion_place")[place]["regime"] in regimes
    ]

    def cell(place_of_teaching: str, place: str, column: str = "share") -> Cell:
        return source.cell(
            "inclusion",
            column,
            count_day=day,
            municipality=place,
            grade_band="all",
            regime=codes("inclusion_place")[place_of_teaching]["regime"],
            place=place_of_teaching,
        )

    def of(regime: str) -> list[str]:
        return [place for place in places if codes("inclusion_place")[place]["regime"] == regime]

    said = []
    for regime in regimes:
        population = cell(of(regime)[0], REGION, "population")
        most = largest({place: cell(place, REGION) for place in of(regime)})
        if most and known([population]):
            said.append(
                words(
                    f"inclusion.most_{regime}",
                    when=words.day(day),
                    pupils=population.text,
                    name=labels.code("inclusion_place", most),
                    share=cell(most, REGION).text,
                )
            )
    panels = [
        BarPanel(
            words(f"regime.{regime}"),
            tuple(bar_of(labels.code("inclusion_place", place), cell(place, REGION)) for place in of(regime)),
        )
        for regime in regimes
    ]
    rows = [
        (
            f"{labels.code('inclusion_place', place)} ({codes('inclusion_place')[place]['regime']})",
            [cell(place, municipality) for municipality in source.places],
        )
        for place in places
    ]
    # The tables of a release that was made before the column was there do not have it.
    told = any("pupils_unknown" in row for row in source.published.rows("inclusion"))
    # Every row of a day and municipality tells the same number.
    unknown = [cell(places[0], municipality, "pupils_unknown") for municipality in source.places] if told else []
    if unknown:
        rows.append((words("head.pupils_unknown"), unknown))
    table = grid(source, "inclusion", rows, [labels.place(place) for place in source.places], first=words("head.place"))
    note = _unknown_support(source, unknown[0] if unknown else None)
    extra = [known_share(source, "placement", cell("placement_missing", REGION))] if "2011" in regimes else []
    if len(regimes) > 1:
        extra.append(words("inclusion.note"))
    return figure(source, "inclusion", said, charts.bars(panels), table, note, when=words.day(day), extra=extra)


def _unknown_support(source: Source, unknown: Cell | None) -> str:
    """The note on how many pupils could have a decision that nobody knows of; None: the release does not tell."""
    words = source.words
    if unknown is None or unknown.value is None:
        return words("note.unknown_support_withheld")
    return words("note.unknown_support", pupils=unknown.text) if unknown.value else words("note.all_support_known")


def _transition(source: Source, measure: str) -> Figure | None:
    year = source.latest("transition_to_grade_7", "school_year")
    if year is None:
        return None
    words, labels = source.words, source.labels
    seed = "attendance_tier" if measure == "tier" else "support_level"
    categories = (*labels.order(seed), *labels.order("transition_category"))
    moments = {"before": date(year, 5, 31), "after": date(year, 12, 31)}
    nothing, asked = ("none", ("A2", "A3")) if measure == "tier" else ("unknown", ("S2", "S3"))

    def key(moment: str, category: str) -> dict[str, Any]:
        place = {"school_year": year, "municipality": REGION}
        return {**place, "moment": moment, "measure": measure, "category": category}

    def cell(moment: str, category: str, column: str = "share") -> Cell:
        return source.cell("transition_to_grade_7", column, **key(moment, category))

    def name(category: str) -> str:
        return labels.code(seed, category) or labels.code("transition_category", category)

    def exists(moment: str, category: str) -> bool:
        row = source.row("transition_to_grade_7", **key(moment, category)) or {}
        return row.get("null_reason") != "not_in_regime"

    def known_of(moment: str) -> _Known | None:
        real = [category for category in labels.order(seed) if category != nothing and exists(moment, category)]
        counts = {category: cell(moment, category, "pupils") for category in real}
        return _known_of(counts, cell(moment, nothing, "population"), asked)

    # A pupil of the cohort before the move is in grade 6 and in the region.
    listed = {
        "before": labels.order(seed),
        "after": categories,
    }
    title = f"transition_{measure}"
    known_at = {moment: known_of(moment) for moment in moments}
    share = {moment: words.percent(one.often) for moment, one in known_at.items() if one and one.often is not None}
    said = []
    if measure == "tier":
        if len(share) == len(moments):
            said.append(words("transition_tier.often", before=share["before"], after=share["after"]))
    else:
        said += [words(f"{title}.{at}", when=words.day(moments[at]), share=text) for at, text in share.items()]
    known_after = known_at["after"]
    if said and known_after and "after" in share and known_after.of_cohort < 1:
        said.append(words(f"{title}.without", share=words.percent(1 - known_after.of_cohort)))
    if measure == "support_level" and moments["before"] < REGIME_STARTS <= moments["after"]:
        said.append(words("transition_support_level.break"))
    left = cell("after", "not_in_region")
    if measure == "tier" and known([left]):
        said.append(words("transition.left", share=left.text))
    panels = [
        BarPanel(
            words(f"transition.{moment}", when=words.day(moments[moment])),
            tuple(bar_of(name(category), cell(moment, category)) for category in listed[moment]),
        )
        for moment in moments
    ]
    columns = [(moment, column) for moment in moments for column in ("share", "pupils")]
    table = Table(
        words(f"{title}.caption", year=words.school_year(year)),
        (
            words("head.category"),
            *(
                f"{words(f'transition.{moment}', when=words.day(moments[moment]))}: {words(f'head.{column}')}"
                for moment, column in columns
            ),
        ),
        tuple(
            (
                name(category),
                tuple(cell(moment, category, column) for moment, column in columns),
            )
            for category in categories
        ),
    )
    if known_after:
        note = words(f"note.known_{title}", share=words.percent(known_after.of_cohort))
    else:
        note = words(f"note.known_{title}_withheld")
    return figure(source, title, said, charts.bars(panels), table, note, when=words.school_year(year))


def _known_of(counts: Mapping[str, Cell], cohort: Cell, asked: Sequence[str]) -> _Known | None:
    """Of how many of the cohort a tier or level is known, and the share of `asked` among them. counts: the pupils of
    each tier or level that there is. None where one of the numbers is not shown: a part of them would be taken for all.
    """
    if not known([*counts.values(), cohort]) or not cohort.value:
        return None
    together = sum_of([*counts.values()])
    # A count that a small correction has not reached yet can be more than what is left of a corrected cohort.
    of_cohort = min(together / Decimal(cohort.value), Decimal(1))
    often = sum_of([counts[category] for category in asked])
    return _Known(of_cohort, often / together if together >= SMALLEST_DENOMINATOR else None)


def _level_key(day: date, place: str, level: str) -> dict[str, Any]:
    return {"count_day": day, "municipality": place, "grade_band": "all", "support_level": level}
