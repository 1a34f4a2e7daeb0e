"""The weekly evaluations and what hangs on them, worked out on paper: reach, start, timeliness, early warning.

6 lessons on every weekday from Monday 11 August 2025, so the twentieth school day is Friday 5 September, and Sunday
7 September is the first with a tier, of 120 lessons; then 150 on the 14th and 180 on the 21st. All are of grade 7.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.tiny import (
    Row,
    TinyWarehouse,
    day,
    enrolment,
    hours,
    key,
    mark,
    models,
    month_hours,
    school_days,
    support,
    weekdays,
)

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


# Pupil of Iisalmi → lessons away from a first day on; each in August alone unless it says more.
AWAY: dict[str, Sequence[tuple[int, str]]] = {
    "exact": [(12, "2025-08-11")],
    "under": [(11, "2025-08-11")],
    "again": [(12, "2025-08-11"), (12, "2025-09-15")],
    # 6 of 150 on the 14th, 18 of 180 on the 21st.
    "later": [(6, "2025-08-11"), (12, "2025-09-15")],
    # 84 days up to 31 May 2026: 60 school days from 9 March, 360 lessons; 6 days are 36, and one a week before 6.
    "spring": [(36, "2026-05-22")],
    **{
        name: [(12, "2025-08-11")]
        for name in (
            "same-day",
            "day-before",
            "thirty",
            "thirty-one",
            "raised",
            "not-higher",
            "highest",
            "unknown",
            "known-later",
            "mover",
        )
    },
}

# Pupil → what is typed, from and to.
SUPPORT: dict[str, list[tuple[str, str, str | None]]] = {
    # A start on the Sunday itself: the level at the reach is that of the day before.
    "same-day": [("tuen päätös", "2025-09-07", None)],
    "day-before": [("tuen päätös", "2025-09-06", None)],
    "thirty": [("tuen päätös", "2025-10-07", None)],
    "thirty-one": [("tuen päätös", "2025-10-08", None)],
    "raised": [("tuen päätös", "2025-08-11", "2025-09-16"), ("tuen päätös erityisluokka", "2025-09-17", None)],
    # The same level anew is no higher one.
    "not-higher": [("tuen päätös", "2025-08-11", "2025-09-16"), ("tuen päätös", "2025-10-01", None)],
    "highest": [("tuen päätös erityisluokka", "2025-08-11", None)],
    "unknown": [("jotakin", "2025-08-11", "2025-09-16"), ("tuen päätös", "2025-09-17", None)],
    # On days that nobody can read it has begun already.
    "known-later": [("jotakin", "2025-09-10", "2025-09-19"), ("tuen päätös", "2025-09-15", None)],
}


def _iisalmi(warehouse: TinyWarehouse) -> None:
    def rows(pupils: Sequence[str]) -> list[Row]:
        return [
            support("iisalmi", name, code, first, last)
            for name in pupils
            for code, first, last in SUPPORT.get(name, ())
        ]

    last = {"mover": "2025-09-19"}
    warehouse.deliver(
        "iisalmi",
        "2026-06-25",
        enrolment=[enrolment("iisalmi", name, last=last.get(name)) for name in AWAY],
        school_day=school_days("iisalmi", YEAR),
        support=rows(list(AWAY)),
        absence=[row for name, spells in AWAY.items() for count, first in spells for row in _away(name, count, first)],
    )
    warehouse.deliver(
        "iisalmi",
        "2026-09-15",
        enrolment=[enrolment("iisalmi", "spring", first="2026-08-10", grade=8)],
        school_day=[],
        # 76 days after 31 May, in the next school year.
        support=[support("iisalmi", "spring", "tuen päätös", "2026-08-15")],
        absence=[],
    )


def _kuopio(warehouse: TinyWarehouse) -> None:
    """All school days are covered, the Sunday of 7 September is not: 15 lessons away are 15 of 150 on the 14th."""
    pupils: dict[str, Any] = {
        "enrolment": [
            enrolment("kuopio", "skipped"),
            enrolment("kuopio", "mover", first="2025-09-20"),
        ],
        "school_day": school_days("kuopio", YEAR),
        "support": [support("kuopio", "mover", "TUPA", "2025-10-01")],
    }
    marks = _marks("skipped", 15, "2025-08-11")
    warehouse.deliver("kuopio", "2025-09-07", covers=("2025-08-01", "2025-09-06"), absence=marks, **pupils)
    warehouse.deliver("kuopio", "2026-06-25", covers=("2025-09-08", "2026-06-24"), absence=[], **pupils)


def _varkaus(warehouse: TinyWarehouse) -> None:
    """A monthly source has no covered Sunday: nobody there reaches anything."""
    warehouse.deliver(
        "varkaus",
        "2025-10-04",
        enrolment=[enrolment("varkaus", "monthly")],
        school_day=school_days("varkaus", YEAR),
        support=[],
        absence=month_hours("monthly", "2025-09-01", 60, 0, 0, 0),
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_iisalmi, _kuopio, _varkaus):
        fill(shared_warehouse)
    shared_warehouse.build("2026-09-15", SELECT)
    return shared_warehouse


@pytest.mark.parametrize(
    ("pupil", "expected"),
    [
        ("exact", ("2025-09-07", "iisalmi", "S0", None)),
        ("under", None),
        ("again", ("2025-09-07", "iisalmi", "S0", None)),
        ("later", ("2025-09-21", "iisalmi", "S0", None)),
        ("skipped", ("2025-09-14", "kuopio", "S0", None)),
        ("monthly", None),
        ("same-day", ("2025-09-07", "iisalmi", "S0", "2025-09-07")),
        ("day-before", ("2025-09-07", "iisalmi", "S2", None)),
        ("thirty", ("2025-09-07", "iisalmi", "S0", "2025-10-07")),
        ("thirty-one", ("2025-09-07", "iisalmi", "S0", "2025-10-08")),
        ("raised", ("2025-09-07", "iisalmi", "S2", "2025-09-17")),
        ("not-higher", ("2025-09-07", "iisalmi", "S2", None)),
        ("highest", ("2025-09-07", "iisalmi", "S3", None)),
        ("unknown", ("2025-09-07", "iisalmi", "unknown", None)),
        ("known-later", ("2025-09-07", "iisalmi", "S0", "2025-09-20")),
        ("mover", ("2025-09-07", "iisalmi", "S0", "2025-10-01")),
        ("spring", ("2026-05-31", "iisalmi", "S0", "2026-08-15")),
    ],
)
def test_reach_and_start(built: TinyWarehouse, pupil: str, expected: tuple[str, str, str, str | None] | None) -> None:
    rows = built.query(
        """
        select reach_day::text, municipality, support_level, start_day::text from harmonised.support_reach
        where person_key = %s
        """,
        key("hetu", pupil),
    )
    assert [tuple(row.values()) for row in rows] == ([expected] if expected else [])


def test_no_tier_is_no_reach(built: TinyWarehouse) -> None:
    """13.3 % on 31 August, but of 15 covered days."""
    rows = built.query(
        """
        select week_end, covered_days, absent_lessons, covered_lessons, tier from harmonised.pupil_twelve_weeks
        where person_key = %s order by week_end
        """,
        key("hetu", "exact"),
    )
    assert rows[0] == {
        "week_end": day("2025-09-07"),
        "covered_days": 20,
        "absent_lessons": 12,
        "covered_lessons": 120,
        "tier": "A2",
    }
    # 12 of 150 is under 10 %; of June are all rows of the last two covered Sundays of Kuopio.
    assert [row["week_end"] for row in rows if row["week_end"] < day("2026-06-01")] == [day("2025-09-07")]


def _timeliness(built: TinyWarehouse, municipality: str, month: str, band: str = "7-9") -> dict[int, tuple[Any, ...]]:
    rows = built.query(
        """
        select horizon, pupils, pupils_at_highest, pupils_unknown, started, share_started, null_reason,
            municipalities
        from candidate.support_timeliness where municipality = %s and month = %s and grade_band = %s
        """,
        municipality,
        day(month),
        band,
    )
    return {row.pop("horizon"): tuple(row.values()) for row in rows}


def test_starts_within_each_horizon(built: TinyWarehouse) -> None:
    """September in Iisalmi: 11 of S0 or S2 (exact, again, later, same-day, day-before, thirty, thirty-one, raised,
    not-higher, known-later, mover), one of S3, one unknown. Within 30 days: same-day 0, raised 10, known-later 13,
    mover 24, thirty 30; thirty-one within 60."""
    found = _timeliness(built, "iisalmi", "2025-09-01")
    assert found[30] == (11, 1, 1, 5, pytest.approx(Decimal(5) / 11), None, "iisalmi")
    assert found[60] == found[90] == (11, 1, 1, 6, pytest.approx(Decimal(6) / 11), None, "iisalmi")
    assert _timeliness(built, "iisalmi", "2025-09-01", "all") == found
    assert _timeliness(built, "iisalmi", "2025-09-01", "1-2")[30] == (0, 0, 0, 0, None, None, "iisalmi")


def test_a_start_over_the_school_years_end(built: TinyWarehouse) -> None:
    assert _timeliness(built, "iisalmi", "2026-05-01") == {
        30: (1, 0, 0, 0, 0, None, "iisalmi"),
        60: (1, 0, 0, 0, 0, None, "iisalmi"),
        90: (1, 0, 0, 1, 1, None, "iisalmi"),
    }


def test_the_region_is_the_municipalities_with_daily_data(built: TinyWarehouse) -> None:
    assert _timeliness(built, "varkaus", "2025-09-01") == {}
    region = _timeliness(built, "region", "2025-09-01")
    assert region[90][:4] == (12, 1, 1, 6)
    assert region[90][-1] == "iisalmi,kuopio"


def test_support_that_is_not_told_to_the_horizons_end_has_no_starts(built: TinyWarehouse) -> None:
    """Kuopio's last extract is of 25 June 2026: 30 April and 60 days are 29 June, 30 days 30 May."""
    found = _timeliness(built, "kuopio", "2026-04-01")
    assert found[30] == (0, 0, 0, 0, None, None, "kuopio")
    assert found[60] == (0, 0, 0, None, None, "support_not_covered", "kuopio")
    region = _timeliness(built, "region", "2026-04-01")
    assert region[60] == (0, 0, 0, None, None, "support_not_covered", "iisalmi,kuopio")


def test_a_horizon_is_shown_when_it_has_passed_for_the_whole_cohort(warehouse: TinyWarehouse) -> None:
    """30 days after 30 September is 30 October."""
    pupils: dict[str, Any] = {
        "enrolment": [enrolment("iisalmi", "exact")],
        "school_day": school_days("iisalmi", YEAR),
        "support": [],
        "absence": _away("exact", 12, "2025-08-11"),
    }
    warehouse.deliver("iisalmi", "2025-10-30", **pupils)
    warehouse.build("2025-10-30", SELECT)
    assert _timeliness(warehouse, "iisalmi", "2025-09-01") == {}
    # In August nobody can reach anything yet: too few days.
    assert _timeliness(warehouse, "iisalmi", "2025-08-01")[30] == (0, 0, 0, 0, None, None, "iisalmi")
    warehouse.deliver("iisalmi", "2025-10-31", **pupils)
    warehouse.build("2025-10-31", SELECT)
    assert _timeliness(warehouse, "iisalmi", "2025-09-01") == {30: (1, 0, 0, 0, 0, None, "iisalmi")}
