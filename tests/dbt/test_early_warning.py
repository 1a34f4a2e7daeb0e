"""Who crosses a tier on a municipality's last covered Sunday, and the course of the weeks, worked out on paper.

6 lessons on every weekday from Monday 11 August 2025: 120 up to Sunday 7 September, 150 up to the 14th, 180 up to
the 21st. All are of grade 7.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from pipeline.transform import published_marts
from tests.dbt.tiny import Row, TinyWarehouse, day, enrolment, hours, key, mark, models, school_days, weekdays

YEAR = weekdays("2025-08-11", 210)
SELECT = models("support_timeliness", "early_warning_week")


def _away(pupil: str, lessons: int, first: str) -> list[Row]:
    """That many lessons away, six a weekday from `first` on, in Iisalmi."""
    days = weekdays(first, (lessons + 5) // 6)
    return [hours(pupil, one, min(6, lessons - 6 * number), "1") for number, one in enumerate(days)]


def _marks(pupil: str, lessons: int, first: str) -> list[Row]:
    """The same in Kuopio, a mark a lesson."""
    days = weekdays(first, (lessons + 5) // 6)
    return [mark(pupil, days[number // 6].isoformat(), number % 6 + 1, "S") for number in range(lessons)]


# Lessons away in the warehouse of early warnings, by 14 September and after it: 150 and 180 covered lessons.
CROSSING = {
    "up": (14, 4),
    "down": (15, 0),
    "stays": (15, 4),
    "none": (0, 0),
    # One day of the last week is not covered: 15 of 174.
    "gap": (15, 0),
}
FRIDAY = "2025-09-18"


@pytest.fixture(scope="module")
def warned(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    """Iisalmi's last two covered Sundays are the 14th and the 21st. Kuopio did not report on the 14th, so the 7th and
    the 21st are compared there: 11 of 120 lessons and 18 of 180."""
    shared_warehouse.deliver(
        "iisalmi",
        "2025-09-22",
        enrolment=[
            *(enrolment("iisalmi", name) for name in CROSSING),
            enrolment("iisalmi", "newcomer", first="2025-09-15"),
            enrolment("iisalmi", "mover", first="2025-09-15"),
        ],
        school_day=school_days("iisalmi", YEAR),
        support=[],
        absence=[
            row
            for name, (before, after) in {**CROSSING, "mover": (0, 4), "newcomer": (0, 12)}.items()
            for row in (*_away(name, before, "2025-08-11"), *_away(name, after, "2025-09-15"))
        ],
        rejected={"absence": [{"pupil_ref": key("iisalmi", "gap"), "day": day(FRIDAY)}]},
    )
    kuopio: dict[str, Any] = {
        "enrolment": [
            enrolment("kuopio", "gone", last="2025-09-14", person="mover"),
            enrolment("kuopio", "stayed"),
        ],
        "school_day": school_days("kuopio", YEAR),
        "support": [],
    }
    marks = [*_marks("gone", 14, "2025-08-11"), *_marks("stayed", 11, "2025-08-11")]
    shared_warehouse.deliver("kuopio", "2025-09-14", covers=("2025-08-01", "2025-09-13"), absence=marks, **kuopio)
    shared_warehouse.deliver(
        "kuopio",
        "2025-09-22",
        covers=("2025-09-15", "2025-09-21"),
        absence=_marks("stayed", 7, "2025-09-15"),
        **kuopio,
    )
    shared_warehouse.build("2025-09-22", SELECT)
    return shared_warehouse


def test_who_crosses_a_tier(warned: TinyWarehouse) -> None:
    rows = warned.query(
        """
        select municipality, pupil_key, week_end, school_number, grade, class_name, previous_tier, tier, direction,
            covered_lessons, absent_lessons
        from candidate_municipal.early_warning
        """
    )
    sunday = day("2025-09-21")
    iisalmi, kuopio = ("05994", 7, "A"), ("07522", 7, "A")
    assert {tuple(row.values()) for row in rows} == {
        ("iisalmi", key("iisalmi", "up"), sunday, *iisalmi, "A1", "A2", "up", 180, 18),
        ("iisalmi", key("iisalmi", "down"), sunday, *iisalmi, "A2", "A1", "down", 180, 15),
        ("iisalmi", key("iisalmi", "gap"), sunday, *iisalmi, "A2", "A1", "down", 174, 15),
        # In Kuopio a week before: the tier is over the lessons of both.
        ("iisalmi", key("iisalmi", "mover"), sunday, *iisalmi, "A1", "A2", "up", 180, 18),
        ("kuopio", key("kuopio", "stayed"), sunday, *kuopio, "A1", "A2", "up", 180, 18),
    }


def test_rates_of_both_sundays(warned: TinyWarehouse) -> None:
    rows = warned.query(
        "select previous_rate, absence_rate from candidate_municipal.early_warning where municipality = 'kuopio'"
    )
    assert rows[0]["previous_rate"] == pytest.approx(Decimal(11) / 120)
    assert rows[0]["absence_rate"] == Decimal("0.1")


def _course(warned: TinyWarehouse, pupil: str) -> dict[date, tuple[Any, ...]]:
    rows = warned.query(
        """
        select week_end, scheduled_lessons, covered_lessons, absent_lessons, absence_rate
        from candidate_municipal.early_warning_week where municipality = 'iisalmi' and pupil_key = %s
        """,
        key("iisalmi", pupil),
    )
    return {row.pop("week_end"): tuple(row.values()) for row in rows}


def test_the_course_of_the_weeks(warned: TinyWarehouse) -> None:
    """The period is cut at Friday 1 August; school starts in the third week."""
    course = _course(warned, "up")
    assert sorted(course) == [
        *map(day, ("2025-08-03", "2025-08-10", "2025-08-17", "2025-08-24", "2025-08-31")),
        *map(day, ("2025-09-07", "2025-09-14", "2025-09-21")),
    ]
    assert course[day("2025-08-03")] == (0, 0, None, None)
    assert course[day("2025-08-17")] == (30, 30, 14, pytest.approx(Decimal(14) / 30))
    assert course[day("2025-08-24")] == (30, 30, 0, 0)
    assert course[day("2025-09-21")] == (30, 30, 4, pytest.approx(Decimal(4) / 30))
    assert _course(warned, "gap")[day("2025-09-21")] == (30, 24, 0, 0)
    # What the pupil had in Kuopio is in it.
    assert _course(warned, "mover")[day("2025-08-17")] == course[day("2025-08-17")]
    assert _course(warned, "stays") == {}


def test_nothing_of_one_municipality_is_published_with_the_marts(warned: TinyWarehouse) -> None:
    assert "support_timeliness" in published_marts(warned.target)
    assert not {"early_warning", "early_warning_week"} & set(published_marts(warned.target))
