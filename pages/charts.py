"""Charts as SVG texts, drawn when the pages are made: nothing of a chart is left to be loaded or run by the reader.

A chart is drawn 320 wide, with letters of a page's size, so that a phone shows them as large as its text. Nothing is
told by colour alone. A value that is null has no mark: where a bar would be stands why there is none.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import altair as alt
import vl_convert

WIDTH = 320
# At least 4.5:1 on white for text, 3:1 for marks; bars of the whole region are told from others by weight and position.
INK, MUTED, BAR, REGION_BAR, GRID = "#1d2126", "#56606b", "#2b6ca3", "#143d63", "#d5d9df"
FONT, FONT_SIZE = "sans-serif", 13
# Panels of one picture that must not be cut when it is printed; more of them make more pictures.
MOST_HEIGHT = 620
_LONGEST_NAME_BESIDE = 14
_NAMES_WIDTH, _VALUE_WIDTH, _ROW, _ROW_WITH_NAME = 92, 62, 19, 36
_AXIS_WIDTH, _LINE_HEIGHT = 44, 78
_LONGEST_STEP_DAYS = 31


@dataclass(frozen=True)
class Bar:
    """One bar. value: a fraction or a count, None when there is none to show. text: what stands at its end, the value
    as the language writes it, or why there is none. is_main: the whole region's."""

    name: str
    value: float | None
    text: str
    is_main: bool = False


@dataclass(frozen=True)
class BarPanel:
    """Bars under one title (empty: none)."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Point:
    """A value of a course on a day. regime: points of different regimes are never joined."""

    day: date
    value: float | None
    regime: str = ""


@dataclass(frozen=True)
class LinePanel:
    """A course under one title. last_text: what stands at its last point."""

    title: str
    points: tuple[Point, ...]
    last_text: str = ""


@dataclass(frozen=True)
class Break:
    """A day on which what is counted changed its meaning, with the words for it."""

    day: date
    text: str


@dataclass(frozen=True)
class DayAxis:
    """ticks: day → label."""

    first: date
    last: date
    ticks: dict[date, str] = field(default_factory=dict)


def bars(panels: Sequence[BarPanel]) -> list[str]:
    """Horizontal bars, all on one scale that starts at nought, as one or several pictures."""
    values = [bar.value for panel in panels for bar in panel.bars if bar.value is not None]
    highest = max(values, default=0) or 1
    beside = all(len(bar.name) <= _LONGEST_NAME_BESIDE for panel in panels for bar in panel.bars)
    parts = [(_bar_panel(panel, highest, beside), _bar_height(panel, beside)) for panel in panels if panel.bars]
    return [_svg(alt.vconcat(*charts, spacing=14)) for charts in _pictures(parts)]


def lines(
    panels: Sequence[LinePanel],
    axis: DayAxis,
    breaks: Sequence[Break] = (),
    *,
    percent: str,
    one_scale: bool = True,
) -> list[str]:
    """Courses over days, each in its own panel and from nought, as one or several pictures; with one_scale all panels
    have the same height for the same value. percent: the sign after a number of the axis. A course is not drawn through a day without a value, nor over a break."""

    def highest(of: Iterable[LinePanel]) -> float:
        return max((one.value for panel in of for one in panel.points if one.value is not None), default=0.0) or 1.0

    common = highest(panels)
    parts = [
        (_line_panel(panel, axis, breaks, common if one_scale else highest([panel]), percent), _LINE_HEIGHT + 48)
        for panel in panels
    ]
    return [_svg(alt.vconcat(*charts, spacing=6)) for charts in _pictures(parts)]


def segments(points: Sequence[Point], breaks: Sequence[Break] = ()) -> list[list[Point]]:
    """The stretches of a course that may be joined: a null, a missing month, another regime or a break ends one."""
    found: list[list[Point]] = []
    previous: Point | None = None
    for point in sorted(points, key=lambda one: one.day):
        if point.value is None:
            previous = None
            continue
        joined = (
            previous is not None
            and previous.regime == point.regime
            and (point.day - previous.day).days <= _LONGEST_STEP_DAYS
            and not any(previous.day < one.day <= point.day for one in breaks)
        )
        if joined:
            found[-1].append(point)
        else:
            found.append([point])
        previous = point
    return found


def _bar_height(panel: BarPanel, beside: bool) -> int:
    return len(panel.bars) * (_ROW if beside else _ROW_WITH_NAME) + (26 if panel.title else 0)


def _bar_panel(panel: BarPanel, highest: float, beside: bool) -> alt.LayerChart:
    row = _ROW if beside else _ROW_WITH_NAME
    start = _NAMES_WIDTH if beside else 0
    width = WIDTH - start - _VALUE_WIDTH
    rows = [
        {
            "name": bar.name,
            "text": bar.text,
            # Places are worked out here: a null then simply has no mark, and its words stand at the start.
            "top": place * row + (2 if beside else 19),
            "bottom": place * row + row - (3 if beside else 4),
            "middle": place * row + (row / 2 if beside else 25.5),
            "name_at": place * row + (row / 2 if beside else 10),
            "end": start + width * bar.value / highest if bar.value is not None else start,
            "is_main": bar.is_main,
            "is_null": bar.value is None,
        }
        for place, bar in enumerate(panel.bars)
    ]
    height = row * len(rows)

    def across(column: str) -> alt.X:
        return alt.X(f"{column}:Q", scale=alt.Scale(domain=[0, WIDTH], nice=False), axis=None)

    def down(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)

    main = alt.datum["is_main"]
    base = alt.Chart(alt.InlineData(values=rows))
    drawn = base.transform_filter("!datum.is_null").mark_rect(clip=False)
    layers = [
        drawn.encode(
            x=across("start"),
            x2="end:Q",
            y=down("top"),
            y2="bottom:Q",
            color=alt.when(main).then(alt.value(REGION_BAR)).otherwise(alt.value(BAR)),
        ).transform_calculate(start=str(start)),
        # A nought is a line, so that it is seen to be one.
        base.transform_filter("!datum.is_null")
        .transform_calculate(start=str(start))
        .mark_rule(color=INK)
        .encode(x=across("start"), y=down("top"), y2="bottom:Q"),
        base.transform_filter("!datum.is_null")
        .mark_text(align="left", dx=4, fontSize=FONT_SIZE, color=INK)
        .encode(x=across("end"), y=down("middle"), text="text:N"),
        base.transform_filter("datum.is_null")
        .mark_text(align="left", dx=4, fontSize=FONT_SIZE - 1, fontStyle="italic", color=MUTED)
        .encode(x=across("end"), y=down("middle"), text="text:N"),
        base.transform_calculate(start="0")
        .mark_text(align="left", fontSize=FONT_SIZE, color=INK)
        .encode(
            x=across("start"),
            y=down("name_at"),
            text="name:N",
        ),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=height)
    return chart.properties(title=_title(panel.title)) if panel.title else chart


def _line_panel(
    panel: LinePanel, axis: DayAxis, breaks: Sequence[Break], highest: float, percent: str
) -> alt.LayerChart:
    width = WIDTH - _AXIS_WIDTH - _VALUE_WIDTH

    def place(day: date) -> int:
        return (day - axis.first).days

    last_place = max(place(axis.last), 1)
    stretches = segments(panel.points, breaks)
    rows = [
        {"x": place(point.day), "y": point.value, "stretch": number}
        for number, stretch in enumerate(stretches)
        for point in stretch
    ]
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[0, last_place], nice=False),
        axis=alt.Axis(
            title=None,
            grid=False,
            values=[place(day) for day in axis.ticks],
            labelExpr=_lookup({place(day): text for day, text in axis.ticks.items()}),
            labelFontSize=FONT_SIZE - 1,
            labelFlush=True,
            labelOverlap="greedy",
        ),
    )
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, highest * 1.15], nice=False),
        axis=alt.Axis(
            title=None,
            tickCount=3,
            labelExpr=f"format(datum.value * 100, '.3~g') + '{percent}'",
            labelFontSize=FONT_SIZE - 1,
            gridColor=GRID,
        ),
    )
    base = alt.Chart(alt.InlineData(values=rows))
    layers: list[alt.Chart] = [
        base.mark_line(color=BAR, strokeWidth=2).encode(x=x, y=y, detail="stretch:N"),
        base.mark_point(color=REGION_BAR, filled=True, size=22, opacity=1).encode(x=x, y=y),
    ]
    for one in breaks:
        if not axis.first < one.day <= axis.last:
            continue
        at = [{"x": place(one.day), "y": highest * 1.15}]
        line = alt.Chart(alt.InlineData(values=at))
        layers += [
            line.mark_rule(color=INK, strokeDash=[4, 3], strokeWidth=1.5).encode(x=x),
            line.mark_text(
                align="left", baseline="bottom", dx=-4, dy=-2, fontSize=FONT_SIZE - 2, color=INK, text=one.text
            ).encode(x=x, y=y),
        ]
    if stretches and panel.last_text:
        end = stretches[-1][-1]
        last = alt.Chart(alt.InlineData(values=[{"x": place(end.day), "y": end.value}]))
        layers.append(
            last.mark_text(
                align="left", dx=7, fontSize=FONT_SIZE, fontWeight="bold", color=INK, text=panel.last_text
            ).encode(x=x, y=y)
        )
    title = _title(panel.title, offset=16 if breaks else 8)
    return alt.layer(*layers).properties(width=width, height=_LINE_HEIGHT, title=title)


def _title(text: str, offset: int = 6) -> alt.TitleParams:
    return alt.TitleParams(
        text, anchor="start", frame="group", fontSize=FONT_SIZE, fontWeight="bold", color=INK, offset=offset
    )


def _lookup(labels: dict[int, str]) -> str:
    listed = ", ".join(f"'{value}': '{text}'" for value, text in labels.items())
    return f"({{{listed}}})[datum.value]"


def _pictures(parts: Sequence[tuple[alt.LayerChart, int]]) -> list[list[alt.LayerChart]]:
    pictures: list[list[alt.LayerChart]] = []
    height = MOST_HEIGHT + 1
    for chart, own in parts:
        if height + own > MOST_HEIGHT:
            pictures.append([])
            height = 0
        pictures[-1].append(chart)
        height += own
    return pictures


_ARIA = re.compile(r' (?:role|aria-[a-z]+|pointer-events|xmlns:xlink|version)="[^"]*"')


def _svg(chart: Any) -> str:
    """The chart as an element that stands in a page: without a size of its own, and silent, because the page says what
    it shows."""
    configured = chart.configure(font=FONT, background="#ffffff", padding=2).configure_view(stroke=None)
    # What is drawn is ours: the schema would be asked of every part of it, for longer than the drawing takes.
    drawn = vl_convert.vegalite_to_svg(configured.to_dict(validate=False), allowed_base_urls=[])
    silent = _ARIA.sub("", drawn)
    return re.sub(r' width="[\d.]+" height="[\d.]+"', ' aria-hidden="true" focusable="false"', silent, count=1)
