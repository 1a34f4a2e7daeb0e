"""The regional report, from schema `reporting` alone: what each figure shows in a sentence, its picture and its table.

A sentence is made from shown numbers only. Nothing is compared over the change of the law on 1 August 2025
(docs/definitions.md §3).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pages import charts
from pages.charts import Axes, Bar, BarPanel, Break, LinePanel, Point
from pages.figures import Cell, Figure, Source, Table, known
from pages.labels import REGION, codes
from pages.language import lowered, sentence

REGIME_STARTS = date.fromisoformat(codes("definition")["regime_2025_starts"]["value"])
_MONTHS_OF_TIMELINESS = 6


@dataclass(frozen=True)
class Section:
    """A chapter: figures about one thing. name: its anchor."""

    name: str
    heading: str
    figures: tuple[Figure, ...]


def sections(source: Source) -> tuple[Section, ...]:
    """The chapters of the report; a table without rows gives no figure, and a chapter without figures is left out."""
    chapters: Mapping[str, tuple[Callable[[Source], Figure | None], ...]] = {
        "attendance": (_absence_by_month, _absence_by_class, _absence_by_band),
        "tiers": (_tiers,),
        "support": (_levels_by_place, _levels_over_time),
        "together": (_absence_by_level, _tiers_by_level),
        "timeliness": (_timeliness,),
        "transition": (_transition_tiers, _transition_levels),
        "inclusion": (_inclusion,),
        "groups": (_group_sizes,),
        "flows": (_flows,),
    }
    made = (
        Section(
            name,
            source.words(f"section.{name}"),
            tuple(figure for make in makers if (figure := make(source)) is not None),
        )
        for name, makers in chapters.items()
    )
    return tuple(section for section in made if section.figures)


@dataclass(frozen=True)
class Freshness:
    """How fresh a municipality's data is. as_of: of the oldest dataset."""

    place: str
    as_of: date | None
    messages: tuple[str, ...]


def data_status(source: Source) -> tuple[Freshness, ...]:
    """Each municipality's state by name; none before the first release."""
    column = f"message_{source.words.language}"
    return tuple(
        Freshness(
            source.labels.place(place),
            min((row["as_of"] for row in rows if row["as_of"]), default=None),
            tuple(dict.fromkeys(row[column] for row in rows)),
        )
        for place in source.places
        if (rows := source.published.rows("data_status", municipality=place))
    )


# Attendance


def _absence_by_month(source: Source) -> Figure | None:
    def key(month: date, place: str) -> dict[str, Any]:
        return {"month": month, "municipality": place, "grade_band": "all", "absence_class": "all"}

    months = sorted({row["month"] for row in source.published.rows("attendance_monthly")})
    if not months:
        return None
    words = source.words
    rate = {
        (month, place): source.cell("attendance_monthly", "absence_rate", **key(month, place))
        for month in months
        for place in source.places
    }
    latest = _latest_month(source)
    said = []
    if latest:
        now = rate[latest, REGION]
        said.append(words("absence_by_month.now", when=sentence(words.in_month(latest)), rate=now.text))
        before = rate.get((latest.replace(year=latest.year - 1), REGION))
        if before and known([before]):
            said.append(words("absence_by_month.year_ago", rate=before.text))
        said += _extremes(source, {place: rate[latest, place] for place in source.places if place != REGION})
    else:
        said.append(words("no_figure", reason=rate[months[-1], REGION].text))
    panels = [
        LinePanel(
            source.labels.place(place),
            tuple(Point(month, _float(rate[month, place])) for month in months),
            _last_text([rate[month, place] for month in months]),
        )
        for place in source.places
    ]
    table = _grid(
        source,
        "absence_by_month",
        [(words.month(month), [rate[month, place] for place in source.places]) for month in reversed(months)],
        [source.labels.place(place) for place in source.places],
        first=words("head.month"),
    )
    coverage = source.cell("attendance_monthly", "coverage", **key(latest or months[-1], REGION))
    pictures = charts.lines(panels, _axes(source, months))
    return _figure(source, "absence_by_month", said, pictures, table, _covered(source, coverage))


def _absence_by_class(source: Source) -> Figure | None:
    month = _latest_month(source)
    if month is None:
        return None
    words, labels = source.words, source.labels
    classes = [name for name in labels.order("absence_class") if codes("absence_class")[name]["is_absence"] == "true"]

    def cell(absence_class: str, place: str, column: str = "absence_rate") -> Cell:
        key = {"month": month, "municipality": place, "grade_band": "all", "absence_class": absence_class}
        return source.cell("attendance_monthly", column, **key)

    shown = {name: cell(name, REGION) for name in classes}
    ranked = sorted(
        ((one.value, name) for name, one in shown.items() if one.value is not None), key=lambda pair: -pair[0]
    )
    said = [
        words(
            "absence_by_class.most",
            when=sentence(words.in_month(month)),
            name=lowered(labels.code("absence_class", name)),
            rate=shown[name].text,
        )
        for _, name in ranked[:1]
    ]
    if known([shown["unauthorised"]]) and ranked[0][1] != "unauthorised":
        said.append(words("absence_by_class.unauthorised", rate=shown["unauthorised"].text))
    bars = tuple(_bar(labels.code("absence_class", name), shown[name]) for name in classes)
    table = _grid(
        source,
        "absence_by_class",
        [
            (labels.code("absence_class", name) or words("all_classes"), [cell(name, place) for place in source.places])
            for name in (*classes, "all")
        ],
        [labels.place(place) for place in source.places],
        first=words("head.absence_class"),
    )
    coverage = _covered(source, cell("all", REGION, "coverage"))
    return _figure(
        source, "absence_by_class", said, charts.bars([BarPanel("", bars)]), table, coverage, when=words.month(month)
    )


def _absence_by_band(source: Source) -> Figure | None:
    month = _latest_month(source)
    if month is None:
        return None
    words, labels = source.words, source.labels
    bands = _bands(source, "attendance_monthly")

    def cell(band: str, place: str, column: str = "absence_rate") -> Cell:
        key = {"month": month, "municipality": place, "grade_band": band, "absence_class": "all"}
        return source.cell("attendance_monthly", column, **key)

    said = [
        _each(source, "absence_by_band.each", [(lowered(_band(source, band)), cell(band, REGION)) for band in bands])
    ]
    panels = [_places_panel(source, _band(source, band), _over_places(cell, band, source.places)) for band in bands]
    table = _grid(
        source,
        "absence_by_band",
        [(_band(source, band), [cell(band, place) for place in source.places]) for band in (*bands, "all")],
        [labels.place(place) for place in source.places],
        first=words("head.grade_band"),
    )
    coverage = _covered(source, cell("all", REGION, "coverage"))
    return _figure(source, "absence_by_band", said, charts.bars(panels), table, coverage, when=words.month(month))


# Tiers


def _tier_period(source: Source, table: str) -> tuple[str, date, date] | None:
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


def _tiers(source: Source) -> Figure | None:
    period = _tier_period(source, "attendance_tiers")
    if period is None:
        return None
    words, labels = source.words, source.labels
    period_type, start, end = period
    tiers = labels.order("attendance_tier")

    def cell(tier: str, place: str, column: str = "share", back: int = 0) -> Cell:
        return source.cell(
            "attendance_tiers",
            column,
            period_type=period_type,
            period_start=start.replace(year=start.year - back),
            period_end=end.replace(year=end.year - back),
            municipality=place,
            grade_band="all",
            tier=tier,
        )

    when = words("between", first=words.day(start), last=words.day(end))
    often = [cell("A2", REGION), cell("A3", REGION)]
    said = []
    if known(often):
        said.append(words("tiers.often", when=when, share=words.percent(_sum(often))))
        before = [cell("A2", REGION, back=1), cell("A3", REGION, back=1)]
        if known(before):
            said.append(words("tiers.year_ago", share=words.percent(_sum(before))))
    if known([cell("A3", REGION)]):
        said.append(words("tiers.very_often", share=cell("A3", REGION).text))
    panels = [
        _places_panel(source, labels.code("attendance_tier", tier), _over_places(cell, tier, source.places))
        for tier in tiers
    ]
    table = _grid(
        source,
        "tiers",
        [(labels.code("attendance_tier", tier), [cell(tier, place) for place in source.places]) for tier in tiers],
        [labels.place(place) for place in source.places],
        first=words("head.tier"),
    )
    return _figure(
        source,
        "tiers",
        said,
        charts.bars(panels),
        table,
        _known_share(source, "tiers", cell("none", REGION)),
        when=when,
    )


# Support


def _level_key(day: date, place: str, level: str) -> dict[str, Any]:
    return {"count_day": day, "municipality": place, "grade_band": "all", "support_level": level}


def _levels_over_time(source: Source) -> Figure | None:
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
            _level_name(source, level),
            tuple(Point(day, _float(share[day, level]), regime[day, level]) for day in days),
            _last_text([share[day, level] for day in days]),
        )
        for level in levels
    ]
    table = _grid(
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
    pictures = charts.lines(panels, _axes(source, days), breaks, one_scale=False)
    note = _known_share(source, "level", share[days[-1], "unknown"])
    return _figure(source, "levels_over_time", said, pictures, table, note, extra=[words("break.note")])


def _levels_by_place(source: Source) -> Figure | None:
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
        said.append(words("levels_by_place.decision", when=words.day(day), share=words.percent(_sum(by_decision))))
        said.append(words("levels_by_place.parts", s2=by_decision[0].text, s3=by_decision[1].text))
    panels = [
        _places_panel(source, _level_name(source, level), _over_places(cell, level, source.places)) for level in levels
    ]
    table = _grid(
        source,
        "levels_by_place",
        [(labels.code("support_level", level), [cell(level, place) for place in source.places]) for level in levels],
        [labels.place(place) for place in source.places],
        first=words("head.support_level"),
    )
    note = _known_share(source, "level", cell("unknown", REGION))
    return _figure(source, "levels_by_place", said, charts.bars(panels), table, note, when=words.day(day))


# Attendance and support together


def _absence_by_level(source: Source) -> Figure | None:
    def has_rate(row: Mapping[str, Any]) -> bool:
        return bool(row["grade_band"] == "all" and row["absence_rate"] is not None)

    month = source.latest("attendance_by_support_level", "month", accept=has_rate)
    if month is None:
        return None
    words, labels = source.words, source.labels
    levels = labels.order("support_level")

    def cell(level: str, place: str, column: str = "absence_rate") -> Cell:
        key = {"month": month, "municipality": place, "grade_band": "all", "support_level": level}
        return source.cell("attendance_by_support_level", column, **key)

    named = [
        (lowered(labels.code("support_level", level)), cell(level, REGION)) for level in levels if level != "unknown"
    ]
    said = [_each(source, "absence_by_level.each", named, when=sentence(words.in_month(month)))]
    bars = tuple(_bar(_level_name(source, level), cell(level, REGION)) for level in levels)
    table = _grid(
        source,
        "absence_by_level",
        [(labels.code("support_level", level), [cell(level, place) for place in source.places]) for level in levels],
        [labels.place(place) for place in source.places],
        first=words("head.support_level"),
    )
    coverage = source.cell(
        "attendance_monthly", "coverage", month=month, municipality=REGION, grade_band="all", absence_class="all"
    )
    return _figure(
        source,
        "absence_by_level",
        said,
        charts.bars([BarPanel("", bars)]),
        table,
        _covered(source, coverage),
        when=words.month(month),
    )


def _tiers_by_level(source: Source) -> Figure | None:
    period = _tier_period(source, "tiers_by_support_level")
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
                    f"{lowered(labels.code('support_level', level))} ({words.percent(_sum(cells))})"
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
            _level_name(source, level),
            tuple(_bar(words(f"tier_short.{tier}"), cell(level, tier)) for tier in tiers),
        )
        for level in levels
    ]
    table = _grid(
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
    return _figure(
        source, "tiers_by_level", said, charts.bars(panels), table, _known_share(source, "tiers", none), when=when
    )


# Timeliness


def _timeliness(source: Source) -> Figure | None:
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
            tuple(_bar(labels.code("support_horizon", str(one)), cell(month, one)) for one in horizons),
        )
        for month in months
    ]
    table = _grid(
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
    return _figure(
        source,
        "timeliness",
        said,
        charts.bars(panels),
        table,
        words("note.daily_sources", places=places),
        extra=[words("timeliness.note")],
    )


# Transition


def _transition_tiers(source: Source) -> Figure | None:
    return _transition(source, "tier")


def _transition_levels(source: Source) -> Figure | None:
    return _transition(source, "support_level")


def _transition(source: Source, measure: str) -> Figure | None:
    year = source.latest("transition_to_grade_7", "school_year")
    if year is None:
        return None
    words, labels = source.words, source.labels
    seed = "attendance_tier" if measure == "tier" else "support_level"
    categories = (*labels.order(seed), *labels.order("transition_category"))
    moments = {"before": date(year, 5, 31), "after": date(year, 12, 31)}

    def cell(moment: str, category: str, column: str = "share") -> Cell:
        key = {"school_year": year, "municipality": REGION, "moment": moment, "measure": measure, "category": category}
        return source.cell("transition_to_grade_7", column, **key)

    def name(category: str) -> str:
        return labels.code(seed, category) or labels.code("transition_category", category)

    # A pupil of the cohort before the move is in grade 6 and in the region.
    listed = {
        "before": labels.order(seed),
        "after": categories,
    }
    figure = f"transition_{measure}"
    said = []
    if measure == "tier":
        often = {moment: [cell(moment, "A2"), cell(moment, "A3")] for moment in moments}
        if known(often["before"]) and known(often["after"]):
            said.append(
                words(
                    "transition_tier.often",
                    before=words.percent(_sum(often["before"])),
                    after=words.percent(_sum(often["after"])),
                )
            )
    else:
        for moment, day in moments.items():
            decided = [cell(moment, "S2"), cell(moment, "S3")]
            if known(decided):
                text = words.percent(_sum(decided))
                said.append(words(f"transition_support_level.{moment}", when=words.day(day), share=text))
        if moments["before"] < REGIME_STARTS <= moments["after"]:
            said.append(words("transition_support_level.break"))
    left = cell("after", "not_in_region")
    if measure == "tier" and known([left]):
        said.append(words("transition.left", share=left.text))
    panels = [
        BarPanel(
            words(f"transition.{moment}", when=words.day(moments[moment])),
            tuple(_bar(name(category), cell(moment, category)) for category in listed[moment]),
        )
        for moment in moments
    ]
    columns = [(moment, column) for moment in moments for column in ("share", "pupils")]
    table = Table(
        words(f"{figure}.caption", year=words.school_year(year)),
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
    unknown = cell("after", "none" if measure == "tier" else "unknown")
    note = _known_share(source, "tiers" if measure == "tier" else "level", unknown)
    return _figure(source, figure, said, charts.bars(panels), table, note, when=words.school_year(year))


# Inclusion, group sizes, flows


def _inclusion(source: Source) -> Figure | None:
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
        shown = [(one.value, place) for place in of(regime) if (one := cell(place, REGION)).value is not None]
        population = cell(of(regime)[0], REGION, "population")
        if shown and known([population]):
            most = max(shown, key=lambda pair: pair[0])[1]
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
            tuple(_bar(labels.code("inclusion_place", place), cell(place, REGION)) for place in of(regime)),
        )
        for regime in regimes
    ]
    table = _grid(
        source,
        "inclusion",
        [
            (
                f"{labels.code('inclusion_place', place)} ({codes('inclusion_place')[place]['regime']})",
                [cell(place, municipality) for municipality in source.places],
            )
            for place in places
        ],
        [labels.place(place) for place in source.places],
        first=words("head.place"),
    )
    missing = cell("placement_missing", REGION) if "2011" in regimes else None
    note = _known_share(source, "placement", missing) if missing else words("note.all_known")
    extra = [words("inclusion.note")] if len(regimes) > 1 else []
    return _figure(source, "inclusion", said, charts.bars(panels), table, note, when=words.day(day), extra=extra)


def _group_sizes(source: Source) -> Figure | None:
    day = source.latest("group_sizes", "count_day")
    if day is None:
        return None
    words, labels = source.words, source.labels
    sizes = labels.order("group_size")

    def cell(size: str, place: str, column: str = "share") -> Cell:
        key = {"count_day": day, "municipality": place, "grade_band": "all", "group_size": size}
        return source.cell("group_sizes", column, **key)

    shown = [(one.value, size) for size in sizes if (one := cell(size, REGION)).value is not None]
    said = []
    if shown:
        most = max(shown, key=lambda pair: pair[0])[1]
        said.append(
            words(
                "group_sizes.most",
                when=words.day(day),
                name=labels.code("group_size", most),
                share=cell(most, REGION).text,
            )
        )
    panels = [
        _places_panel(source, labels.code("group_size", size), _over_places(cell, size, source.places))
        for size in sizes
    ]
    table = _grid(
        source,
        "group_sizes",
        [(labels.code("group_size", size), [cell(size, place) for place in source.places]) for size in sizes],
        [labels.place(place) for place in source.places],
        first=words("head.group_size"),
    )
    note = _known_share(source, "class", cell("unknown", REGION))
    return _figure(source, "group_sizes", said, charts.bars(panels), table, note, when=words.day(day))


def _flows(source: Source) -> Figure | None:
    day = source.latest("home_and_teaching", "count_day")
    if day is None:
        return None
    words, labels = source.words, source.labels
    rest = labels.order("home_category")
    homes = {row["home_municipality"] for row in source.published.rows("home_and_teaching", count_day=day)}
    ordered = [*sorted(homes - set(rest), key=labels.place), *(home for home in rest if home in homes)]

    def cell(home: str, place: str, column: str = "pupils") -> Cell:
        key = {"count_day": day, "home_municipality": home, "municipality": place, "grade_band": "all"}
        return source.cell("home_and_teaching", column, **key)

    said = []
    other = cell("other", REGION), cell("other", REGION, "share")
    if known(other):
        said.append(words("flows.other", when=words.day(day), pupils=other[0].text, share=other[1].text))
    table = _grid(
        source,
        "flows",
        [(labels.place(home), [cell(home, place) for place in source.places]) for home in ordered],
        [labels.place(place) for place in source.places],
        first=words("head.home"),
    )
    note = _known_share(source, "home", cell("unknown", REGION, "share"))
    return _figure(source, "flows", said, [], table, note, when=words.day(day), extra=[words("flows.note")])


# Parts of figures


def _figure(
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
    words = source.words
    cells = table.cells
    days = [cell.as_of for cell in cells if cell.as_of]
    notes = [
        _as_of(source, days),
        coverage,
        words("note.withheld" if table.withheld else "note.none_withheld", withheld=table.withheld, all=len(cells)),
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


def _as_of(source: Source, days: Sequence[date]) -> str:
    words = source.words
    if not days:
        return words("note.no_as_of")
    first, last = min(days), max(days)
    if first == last:
        return words("note.as_of", day=words.day(first))
    return words("note.as_of_range", first=words.day(first), last=words.day(last))


def _grid(
    source: Source,
    name: str,
    rows: Sequence[tuple[str, Sequence[Cell]]],
    heads: Sequence[str],
    *,
    first: str,
) -> Table:
    return Table(
        source.words(f"{name}.caption"),
        (first, *heads),
        tuple((title, tuple(cells)) for title, cells in rows),
    )


def _over_places(cell: Callable[[str, str], Cell], code: str, places: Sequence[str]) -> Iterator[tuple[str, Cell]]:
    return ((place, cell(code, place)) for place in places)


def _places_panel(source: Source, title: str, cells: Iterator[tuple[str, Cell]]) -> BarPanel:
    return BarPanel(
        title, tuple(_bar(source.labels.place(place), cell, is_main=place == REGION) for place, cell in cells)
    )


def _bar(name: str, cell: Cell, *, is_main: bool = False) -> Bar:
    return Bar(name, _float(cell), cell.text, is_main)


def _float(cell: Cell) -> float | None:
    return None if cell.value is None else float(cell.value)


def _sum(cells: Sequence[Cell]) -> Decimal:
    return sum((Decimal(cell.value) for cell in cells if cell.value is not None), Decimal(0))


def _last_text(cells: Sequence[Cell]) -> str:
    return next((cell.text for cell in reversed(cells) if cell.value is not None), "")


def _latest_month(source: Source) -> date | None:
    def has_rate(row: Mapping[str, Any]) -> bool:
        return bool(row["grade_band"] == "all" and row["absence_class"] == "all" and row["absence_rate"] is not None)

    month: date | None = source.latest("attendance_monthly", "month", accept=has_rate)
    return month


def _bands(source: Source, table: str) -> list[str]:
    return sorted({row["grade_band"] for row in source.published.rows(table)} - {"all"})


def _band(source: Source, band: str) -> str:
    return source.words("all_grades") if band == "all" else source.words("grades", band=band.replace("-", "–"))


def _level_name(source: Source, level: str) -> str:
    label = source.labels.code("support_level", level)
    return label if level == "unknown" else f"{level} {label}"


def _each(source: Source, key: str, named: Sequence[tuple[str, Cell]], **values: str) -> str:
    """A sentence that lists the numbers that are there."""
    items = [f"{name} ({cell.text})" for name, cell in named if cell.value is not None]
    return source.words(key, items=source.words.listed(items), **values) if items else source.words("no_sentence")


def _extremes(source: Source, cells: Mapping[str, Cell]) -> list[str]:
    shown = sorted((float(cell.value), place) for place, cell in cells.items() if cell.value is not None)
    if len(shown) < 2:
        return []
    least, most = shown[0][1], shown[-1][1]
    name = source.labels.place
    text = source.words(
        "absence_by_month.extremes",
        most=f"{name(most)} ({cells[most].text})",
        least=f"{name(least)} ({cells[least].text})",
    )
    return [text]


def _covered(source: Source, coverage: Cell) -> str:
    return source.words("note.coverage", coverage=coverage.text)


def _known_share(source: Source, what: str, unknown: Cell) -> str:
    """How many have the thing that is counted: all but the unknown ones, whose share is published."""
    words = source.words
    if unknown.value is None:
        return words(f"note.known_{what}_withheld")
    return words(f"note.known_{what}", share=words.percent(1 - Decimal(unknown.value)))


def _axes(source: Source, days: Sequence[date]) -> Axes:
    """Axes with the Augusts and Januaries on them."""
    first, last = days[0], days[-1]
    ticks = {}
    day = first.replace(day=1)
    while day <= last:
        if day.month in (1, 8) and day >= first - timedelta(days=31):
            ticks[max(day, first)] = f"{day.month}/{day.year}"
        day = (day + timedelta(days=32)).replace(day=1)
    return Axes(first, last, ticks, source.words.locale, source.words.percent_sign)
