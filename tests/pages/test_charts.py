"""Charts: what is joined to what, what a null looks like, and that nothing of a drawing reaches out of it."""

import re
from datetime import date

from pages.charts import Axes, Bar, BarPanel, Break, LinePanel, Point, bars, lines, segments

BREAK = Break(date(2025, 8, 1), "New law")


def days(stretches: list[list[Point]]) -> list[list[str]]:
    return [[f"{point.day:%m-%d}" for point in stretch] for stretch in stretches]


def test_a_course_ends_at_a_null_a_missing_month_another_regime_and_a_break() -> None:
    points = [
        Point(date(2025, 1, 31), 0.1),
        Point(date(2025, 2, 28), 0.1),
        Point(date(2025, 3, 31), None),
        Point(date(2025, 4, 30), 0.1),
        # May and June are not there.
        Point(date(2025, 7, 31), 0.1),
        Point(date(2025, 8, 31), 0.1),
        Point(date(2025, 9, 20), 0.1, regime="2025"),
    ]
    assert days(segments(points, [BREAK])) == [["01-31", "02-28"], ["04-30"], ["07-31"], ["08-31"], ["09-20"]]
    # Without the break, July and August are a month apart and would be joined.
    assert days(segments(points)) == [["01-31", "02-28"], ["04-30"], ["07-31", "08-31"], ["09-20"]]


def test_the_day_of_the_break_itself_is_after_it() -> None:
    points = [Point(date(2025, 7, 31), 0.1), Point(date(2025, 8, 1), 0.1)]
    assert days(segments(points, [BREAK])) == [["07-31"], ["08-01"]]


def test_no_line_is_drawn_over_the_break_and_the_break_is() -> None:
    points = tuple(Point(date(2025, month, 1), 0.1) for month in range(5, 12))
    axes = Axes(date(2025, 5, 1), date(2025, 11, 1), {date(2025, 5, 1): "5/2025"}, "en-US", "%")
    (joined,) = lines([LinePanel("S2", points)], axes)
    (broken,) = lines([LinePanel("S2", points)], axes, [BREAK])
    assert (courses(joined), courses(broken)) == (1, 2)
    assert ">New law<" in broken


def courses(picture: str) -> int:
    return len(re.findall(r'<path d="M[^"]*L[^"]*" stroke="#2b6ca3"', picture))


def test_a_null_has_words_and_no_bar_and_a_nought_has_a_line() -> None:
    shown = Bar("Kuopio", 0.2, "20.0%", is_main=True)
    nought, withheld = Bar("Iisalmi", 0.0, "0.0%"), Bar("Varkaus", None, "withheld")
    (picture,) = bars([BarPanel("A3", (shown, nought, withheld))])
    assert [text in picture for text in (">20.0%<", ">0.0%<", ">withheld<", ">A3<")] == [True] * 4
    (without,) = bars([BarPanel("A3", (shown, nought))])
    marks = [len(re.findall(r'<path d="M[^"]*h[^"]*" fill="#', one)) for one in (picture, without)]
    assert marks[0] == marks[1] == 2


def test_a_picture_that_is_too_tall_for_a_page_becomes_several() -> None:
    panel = BarPanel("A0", tuple(Bar(f"Town {number}", 0.5, "50.0%") for number in range(20)))
    assert [len(bars([panel] * count)) for count in (1, 2, 3)] == [1, 2, 3]


def test_a_drawing_holds_nothing_that_is_asked_for_or_that_speaks() -> None:
    (picture,) = bars([BarPanel("<A0>", (Bar("a & b", 1.0, "100.0%"),))])
    assert not re.search(r'href|url\(|<style|style=|<script|<image| id="|aria-label|role=', picture)
    assert picture.startswith("<svg")
    assert 'aria-hidden="true"' in picture.split(">")[0]
    assert "&lt;A0&gt;" in picture
    assert "a &amp; b" in picture
