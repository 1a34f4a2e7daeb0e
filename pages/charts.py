"""Charts as SVG texts, drawn when the pages are made: nothing of a chart is left to be loaded or run by the reader.

A chart is drawn 320 wide, with letters of a page's size, so that a phone shows them as large as its text. Nothing is
told by colour alone. A value that is null has no mark: where a bar would be stands why there is none.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import altair as alt
import vl_convert

from pages.language import Locale

WIDTH = 320
# At least 4.5:1 on white for text, 3:1 for marks; bars of the whole region are told from others by weight and position.
INK, MUTED, BAR, REGION_BAR, GRID = "#1d2126", "#56606b", "#2b6ca3", "#143d63", "#d5d9df"
FONT, FONT_SIZE = "sans-serif", 13
# Panels of one picture that must not be cut when it is printed; more of them make more pictures.
MOST_HEIGHT = 620
_LONGEST_NAME_BESIDE = 14
_NAMES_WIDTH, _VALUE_WIDTH, _ROW, _ROW_WITH_NAME, _TITLE, _SPACE = 92, 62, 19, 36, 24, 14
_AXIS_WIDTH, _LINE_HEIGHT = 44, 78
_LONGEST_STEP_DAYS = 31

_Part = TypeVar("_Part")


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
class Axes:
    """Days across, from first to last, with the ticks day → label; fractions upwards, in per cent as `locale` writes
    numbers, with the sign `percent`."""

    first: date
    last: date
    ticks: Mapping[date, str]
    locale: Locale
    percent: str


def bars(panels: Sequence[BarPanel]) -> list[str]:
    """Horizontal bars, all on one scale that starts at nought, as one or several pictures."""
    values = [bar.value for panel in panels for bar in panel.bars if bar.value is not None]
    highest = max(values, default=0) or 1
    beside = all(len(bar.name) <= _LONGEST_NAME_BESIDE for panel in panels for bar in panel.bars)
    parts = [(panel, _bar_height(panel, beside)) for panel in panels if panel.bars]
    return [_svg(_bar_chart(picture, highest, beside)) for picture in _pictures(parts)]


def lines(
    panels: Sequence[LinePanel],
    axes: Axes,
    breaks: Sequence[Break] = (),
    *,
    one_scale: bool = True,
) -> list[str]:
    """Courses over days, each in its own panel and from nought, as one or several pictures; with one_scale all panels
    have the same height for the same value. A course is not drawn through a day without a value, nor over a break."""

    def highest(of: Iterable[LinePanel]) -> float:
        return max((one.value for panel in of for one in panel.points if one.value is not None), default=0.0) or 1.0

    common = highest(panels)
    parts = [
        (_line_panel(panel, axes, breaks, common if one_scale else highest([panel])), _LINE_HEIGHT + 52)
        for panel in panels
    ]
    return [_svg(alt.vconcat(*charts, spacing=14), axes.locale) for charts in _pictures(parts)]


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
    return len(panel.bars) * (_ROW if beside else _ROW_WITH_NAME) + (_TITLE if panel.title else 0) + _SPACE


def _bar_chart(panels: Sequence[BarPanel], highest: float, beside: bool) -> alt.LayerChart | alt.FacetChart:
    """The panels under each other in one drawing, every place of which is worked out here: a null then has no mark, and
    its words stand where its bar would start."""
    row = _ROW if beside else _ROW_WITH_NAME
    start = _NAMES_WIDTH if beside else 0
    width = WIDTH - start - _VALUE_WIDTH
    shown: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    titles: list[dict[str, Any]] = []
    y = 0.0
    for panel in panels:
        if panel.title:
            titles.append({"x": 0, "y": y + _TITLE / 2 - 3, "text": panel.title})
            y += _TITLE
        for bar in panel.bars:
            middle = y + (row / 2 if beside else 25.5)
            names.append({"x": 0, "y": y + (row / 2 if beside else 10), "text": bar.name})
            if bar.value is None:
                missing.append({"x": start, "y": middle, "text": bar.text})
            else:
                shown.append(
                    {
                        "start": start,
                        "x": start + width * bar.value / highest,
                        "top": y + (2 if beside else 19),
                        "bottom": y + row - (3 if beside else 4),
                        "y": middle,
                        "text": bar.text,
                        "colour": REGION_BAR if bar.is_main else BAR,
                    }
                )
            y += row
        y += _SPACE
    height = y - _SPACE

    def across(column: str) -> alt.X:
        return alt.X(column, type="quantitative", scale=alt.Scale(domain=[0, WIDTH], nice=False), axis=None)

    def down(column: str) -> alt.Y:
        return alt.Y(column, type="quantitative", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)

    def written(rows: list[dict[str, Any]], **style: Any) -> alt.Chart:
        mark: alt.Chart = alt.Chart(alt.InlineData(values=rows)).mark_text(align="left", **style)
        encoded: alt.Chart = mark.encode(x=across("x"), y=down("y"), text=alt.Text("text", type="nominal"))
        return encoded

    drawn = alt.Chart(alt.InlineData(values=shown))
    layers = [
        drawn.mark_rect().encode(
            x=across("start"),
            x2=alt.X2("x"),
            y=down("top"),
            y2=alt.Y2("bottom"),
            color=alt.Color("colour", type="nominal", scale=None),
        ),
        # A nought is a line, so that it is seen to be one.
        drawn.mark_rule(color=INK).encode(x=across("start"), y=down("top"), y2=alt.Y2("bottom")),
        written(shown, dx=4, fontSize=FONT_SIZE, color=INK),
        written(missing, dx=4, fontSize=FONT_SIZE - 1, fontStyle="italic", color=MUTED),
        written(names, fontSize=FONT_SIZE, color=INK),
        written(titles, fontSize=FONT_SIZE, fontWeight="bold", color=INK),
    ]
    return alt.layer(*layers).properties(width=WIDTH, height=height)


def _line_panel(
    panel: LinePanel, axes: Axes, breaks: Sequence[Break], highest: float
) -> alt.LayerChart | alt.FacetChart:
    width = WIDTH - _AXIS_WIDTH - _VALUE_WIDTH

    def place(day: date) -> int:
        return (day - axes.first).days

    last_place = max(place(axes.last), 1)
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
            values=[place(day) for day in axes.ticks],
            labelExpr=_lookup({place(day): text for day, text in axes.ticks.items()}),
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
            labelExpr=f"format(datum.value * 100, '.2~f') + '{axes.percent}'",
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
        if not axes.first < one.day <= axes.last:
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


def _lookup(labels: Mapping[int, str]) -> str:
    listed = ", ".join(f"'{value}': '{text}'" for value, text in labels.items())
    return f"({{{listed}}})[datum.value]"


def _pictures(parts: Sequence[tuple[_Part, int]]) -> list[list[_Part]]:
    """Parts and their heights, as many to a picture as fit."""
    pictures: list[list[_Part]] = []
    height = MOST_HEIGHT + 1
    for part, own in parts:
        if height + own > MOST_HEIGHT:
            pictures.append([])
            height = 0
        pictures[-1].append(part)
        height += own
    return pictures


_ARIA = re.compile(r' (?:role|aria-[a-z]+|pointer-events|xmlns:xlink|version)="[^"]*"')


def _svg(chart: Any, locale: Locale = "en-US") -> str:
    """The chart as an element that stands in a page: without a size of its own, and silent, because the page says what
    it shows."""
    configured = chart.configure(font=FONT, background="#ffffff", padding=2).configure_view(stroke=None)
    # What is drawn is ours: the schema would be asked of every part of it, for longer than the drawing takes.
    drawn = vl_convert.vegalite_to_svg(configured.to_dict(validate=False), allowed_base_urls=[], format_locale=locale)
    silent = _ARIA.sub("", drawn)
    return re.sub(r' width="[\d.]+" height="[\d.]+"', ' aria-hidden="true" focusable="false"', silent, count=1)
