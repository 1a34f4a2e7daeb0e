"""Definitions §2, Rates, periods, tiers, in hand-worked cases.

Every pupil is in a school of its own in Iisalmi (`iisalmi-2` works like it), with lessons on the days that the case
needs; absences are hours of code 1.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
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
    weekdays,
)

NIGHT = "2026-01-20"
SEPTEMBER = weekdays("2025-09-01", 22)
OCTOBER = weekdays("2025-10-01", 23)
NOVEMBER = weekdays("2025-11-03", 20)

Lessons = Sequence[tuple[Iterable[date], Any]]


@dataclass
class Filling:
    """The rows of one municipality, pupil by pupil."""

    municipality: str
    enrolments: list[Row] = field(default_factory=list)
    days: list[Row] = field(default_factory=list)
    absences: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)

    def pupil(
        self,
        name: str,
        lessons: Lessons,
        away: Sequence[tuple[str, Any]] = (),
        unreadable: Iterable[date] = (),
        **more: Any,
    ) -> None:
        """`lessons`: (days, lessons of each); `away`: (day, lessons absent); `unreadable`: days of rejected rows."""
        school = f"{20000 + len(self.enrolments)}"
        self.enrolments.append(enrolment(self.municipality, name, school=school, **more))
        for days, count in lessons:
            self.days += school_days(self.municipality, days, lessons=count, school=school)
        for number, (on, count) in enumerate(away):
            record = key(name, "away", str(number))
            self.absences.append(hours(name, on, count, "1", at=self.municipality, record_key=record))
        self.rejected += [{"pupil_ref": key(self.municipality, name), "day": one} for one in unreadable]

    def deliver(self, warehouse: TinyWarehouse, night: str) -> None:
        warehouse.deliver(
            self.municipality,
            night,
            enrolment=self.enrolments,
            school_day=self.days,
            support=[],
            absence=self.absences,
            rejected={"absence": self.rejected},
        )


def _tiers(iisalmi: Filling) -> None:
    """October of 10 days × 6 = 60 lessons: 5 % are 3, 10 % are 6, 20 % are 12."""
    for hundredths in (299, 300, 599, 600, 1200, 1201):
        whole, rest = divmod(Decimal(hundredths) / 100, 6)
        away = [(f"2025-10-{number + 1:02}", 6) for number in range(int(whole))]
        iisalmi.pupil(f"tier-{hundredths}", [(OCTOBER[:10], 6)], [*away, ("2025-10-14", rest)] if rest else away)
    # 10 days of 1.6 are 16 lessons; 0.7 + 0.1 are 5 % of them, and less than 0.8 in binary fractions.
    iisalmi.pupil(
        "tenths", [(OCTOBER[:10], Decimal("1.6"))], [("2025-10-01", Decimal("0.7")), ("2025-10-02", Decimal("0.1"))]
    )
    # 10 days of 0.3 are 3 lessons; 0.1 + 0.2 are 10 %, and more than 0.3 in binary fractions.
    iisalmi.pupil(
        "tenths-2", [(OCTOBER[:10], Decimal("0.3"))], [("2025-10-01", Decimal("0.1")), ("2025-10-02", Decimal("0.2"))]
    )
    # And 0.6 of 3 lessons are 20 %.
    iisalmi.pupil(
        "tenths-3", [(OCTOBER[:10], Decimal("0.3"))], [(f"2025-10-0{place}", Decimal("0.3")) for place in (1, 2)]
    )


def _enough(iisalmi: Filling) -> None:
    """What is enough to have a tier: covered days, and coverage."""
    iisalmi.pupil("days-9", [(OCTOBER[:9], 6)])
    iisalmi.pupil("days-10", [(OCTOBER[:10], 6)])
    # The tenth day has no lessons.
    iisalmi.pupil("days-9-and-empty", [(OCTOBER[:9], 6), (OCTOBER[9:10], 0)])
    # 12 scheduled, 2 of them not covered: 10 covered, 83 %; and 11 with 2: 9 covered, 82 %.
    iisalmi.pupil("days-10-of-12", [(OCTOBER[:12], 6)], unreadable=OCTOBER[:2])
    iisalmi.pupil("days-9-of-11", [(OCTOBER[:11], 6)], unreadable=OCTOBER[:2])
    # A school year to date of 19 and of 20 days; in October, with 10 days of it, there is a tier.
    iisalmi.pupil("year-19", [(SEPTEMBER[:9], 6), (OCTOBER[:10], 6)])
    iisalmi.pupil("year-20", [(SEPTEMBER[:10], 6), (OCTOBER[:10], 6)])
    # 12 weeks to 28 December start on 6 October: 19 and 20 days of November, the others before.
    iisalmi.pupil("weeks-19", [(SEPTEMBER[:10], 6), (OCTOBER[:3], 6), (NOVEMBER[:19], 6)])
    iisalmi.pupil("weeks-20", [(SEPTEMBER[:10], 6), (OCTOBER[:3], 6), (NOVEMBER[:20], 6)])
    # 20 days of 6 are 120 lessons. 4 days of 6 not covered: 96 of 120 are 80 %.
    iisalmi.pupil("coverage-80", [(OCTOBER[:20], 6)], unreadable=OCTOBER[:4])
    # One of the four has 6.01: 96 of 120.01 are less than 80 %.
    iisalmi.pupil("coverage-under", [(OCTOBER[:1], Decimal("6.01")), (OCTOBER[1:20], 6)], unreadable=OCTOBER[:4])
    # The rate is over covered days: 12 of 96 are 12.5 %, though 12 of 120 are 10 %; 9.6 of 96 are 10 %.
    iisalmi.pupil("covered-rate", [(OCTOBER[:20], 6)], [("2025-10-20", 6), ("2025-10-21", 3)], unreadable=OCTOBER[:4])


def _periods(iisalmi: Filling) -> None:
    # September 11 of 22 lessons, October 0 of 207: 11 ÷ 229 = 4.8 %, while the mean of 50 % and 0 % is 25 %.
    iisalmi.pupil("sums", [(SEPTEMBER, 1), (OCTOBER, 9)], [(one.isoformat(), 1) for one in SEPTEMBER[:11]])
    # 12 weeks to Sunday 28 December: Monday 6 October to that Sunday, which is a school day here. Away on the Friday
    # before, on both ends, and on the Monday after.
    around = [day("2025-10-03"), *weekdays("2025-10-06", 60), day("2025-12-28")]
    iisalmi.pupil(
        "weeks",
        [(around, 6)],
        [("2025-10-03", 6), ("2025-10-06", 5), ("2025-12-28", 4), ("2025-12-29", 3)],
    )
    # 31 July and 1 August 2025, a Thursday and a Friday.
    early = [day("2025-08-01"), *weekdays("2025-08-11", 15)]
    iisalmi.pupil("august", [(early, 6)], [("2025-08-01", 5)], first="2024-08-08")
    # A month is all of it: away on the first and on the last weekday.
    iisalmi.pupil(
        "month",
        [(SEPTEMBER, 6), (OCTOBER, 6), (NOVEMBER, 6)],
        [("2025-09-30", 6), ("2025-10-01", 5), ("2025-10-31", 4), ("2025-11-03", 3)],
    )


def _year_before(warehouse: TinyWarehouse) -> None:
    """The school year 2024–25 of the pupil `august`: 31 July is a school day, and the pupil was away."""
    before = Filling("iisalmi")
    before.pupil(
        "august", [(weekdays("2025-05-05", 20), 6), ([day("2025-07-31")], 6)], [("2025-07-31", 4)], first="2024-08-08"
    )
    warehouse.deliver(
        "iisalmi",
        "2025-08-01",
        school_year=2024,
        covers=("2024-08-01", "2025-07-31"),
        enrolment=before.enrolments,
        school_day=before.days,
        support=[],
        absence=before.absences,
    )


def _two_municipalities(warehouse: TinyWarehouse, iisalmi: Filling) -> None:
    """Iisalmi to 15 October, 11 weekdays of 6; then Kuopio (12 weekdays of 6), or Varkaus, whose months are no days."""
    for name in ("to-kuopio", "to-varkaus"):
        iisalmi.pupil(name, [(SEPTEMBER, 6), (OCTOBER, 6)], [("2025-10-01", 6)], last="2025-10-15")
    warehouse.deliver(
        "kuopio",
        NIGHT,
        covers=("2025-08-01", "2026-01-19"),
        enrolment=[enrolment("kuopio", "to-kuopio", first="2025-10-16")],
        school_day=school_days("kuopio", OCTOBER),
        support=[],
        absence=[mark("to-kuopio", "2025-10-16", 1, "S")],
    )
    warehouse.deliver(
        "varkaus",
        "2026-01-02",
        enrolment=[enrolment("varkaus", "to-varkaus", first="2025-10-16")],
        school_day=school_days("varkaus", [*OCTOBER, *NOVEMBER]),
        support=[],
        absence=[
            *month_hours("to-varkaus", "2025-10-01", 1, 0, 0, 0),
            *month_hours("to-varkaus", "2025-11-01", 0, 0, 0, 0),
        ],
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    iisalmi = Filling("iisalmi")
    for fill in (_tiers, _enough, _periods):
        fill(iisalmi)
    _two_municipalities(shared_warehouse, iisalmi)
    _year_before(shared_warehouse)
    iisalmi.deliver(shared_warehouse, NIGHT)
    shared_warehouse.build(select=models("pupil_period_tier"))
    return shared_warehouse


def _tier(built: TinyWarehouse, pupil: str, period_type: str, period_end: str) -> tuple[Any, Any]:
    row = built.period(pupil, period_type, period_end)
    return row["tier"], row["no_tier_reason"]


@pytest.mark.parametrize(
    ("pupil", "tier"),
    [
        # 2.99 of 60 are 4.98 %.
        ("tier-299", "A0"),
        ("tier-300", "A1"),
        # 5.99 of 60 are 9.98 %.
        ("tier-599", "A1"),
        ("tier-600", "A2"),
        ("tier-1200", "A2"),
        # 12.01 of 60 are 20.02 %.
        ("tier-1201", "A3"),
        ("tenths", "A1"),
        ("tenths-2", "A2"),
        ("tenths-3", "A2"),
    ],
)
def test_tier_of_a_month(built: TinyWarehouse, pupil: str, tier: str) -> None:
    assert _tier(built, pupil, "month", "2025-10-31") == (tier, None)


@pytest.mark.parametrize(
    ("pupil", "period_type", "period_end", "expected"),
    [
        ("days-9", "month", "2025-10-31", (None, "too_few_lessons")),
        ("days-10", "month", "2025-10-31", ("A0", None)),
        ("days-9-and-empty", "month", "2025-10-31", (None, "too_few_lessons")),
        ("days-10-of-12", "month", "2025-10-31", ("A0", None)),
        ("days-9-of-11", "month", "2025-10-31", (None, "too_few_lessons")),
        ("year-19", "month", "2025-10-31", ("A0", None)),
        ("year-19", "school_year", "2025-12-31", (None, "too_few_lessons")),
        ("year-20", "school_year", "2025-12-31", ("A0", None)),
        ("weeks-19", "school_year", "2025-12-31", ("A0", None)),
        ("weeks-19", "last_12_weeks", "2025-12-28", (None, "too_few_lessons")),
        ("weeks-20", "last_12_weeks", "2025-12-28", ("A0", None)),
        ("coverage-80", "month", "2025-10-31", ("A0", None)),
        ("coverage-under", "month", "2025-10-31", (None, "low_coverage")),
    ],
)
def test_enough_to_have_a_tier(
    built: TinyWarehouse, pupil: str, period_type: str, period_end: str, expected: tuple[str | None, str | None]
) -> None:
    assert _tier(built, pupil, period_type, period_end) == expected


def test_the_rate_is_over_covered_days(built: TinyWarehouse) -> None:
    # 9 of the 96 covered lessons are 9.4 %, of the 120 scheduled ones 7.5 %.
    row = built.period("covered-rate", "month", "2025-10-31")
    assert (row["absent_lessons"], row["covered_lessons"], row["scheduled_lessons"]) == (9, 96, 120)
    assert (row["covered_days"], row["tier"]) == (16, "A1")


def test_a_rate_is_made_of_sums(built: TinyWarehouse) -> None:
    row = built.period("sums", "school_year", "2025-12-31")
    assert (row["absent_lessons"], row["covered_lessons"], row["tier"]) == (11, 229, "A0")
    assert _tier(built, "sums", "month", "2025-09-30") == ("A3", None)


def _to_date(built: TinyWarehouse, pupil: str, month: str) -> tuple[Any, Any]:
    """(absent, covered) lessons of the school year to the end of the month."""
    rows = built.query(
        """
        select year_absent_lessons, year_covered_lessons from harmonised.pupil_sum
        where person_key = %s and month = %s
        """,
        key("hetu", pupil),
        day(month),
    )
    return (rows[0]["year_absent_lessons"], rows[0]["year_covered_lessons"]) if rows else (0, 0)


def test_the_school_year_to_date_is_kept_for_term_ends_and_the_running_month(built: TinyWarehouse) -> None:
    ends = built.query("select period_end from harmonised.period where period_type = 'school_year' order by 1")
    running = built.value("select max(period_end) from harmonised.period where period_type = 'school_year'")
    assert {(one["period_end"].month, one["period_end"].day) for one in ends if one["period_end"] != running} == {
        (12, 31),
        (5, 31),
    }


def test_a_month_is_from_its_first_to_its_last_day(built: TinyWarehouse) -> None:
    months = [built.period("month", "month", f"2025-{end}")["absent_lessons"] for end in ("09-30", "10-31", "11-30")]
    assert months == [6, 5 + 4, 3]
    assert [_to_date(built, "month", f"2025-{month}")[0] for month in ("09-01", "10-01", "11-01")] == [6, 15, 18]


def test_twelve_weeks_are_84_days_that_end_on_a_sunday(built: TinyWarehouse) -> None:
    # 60 weekdays from 6 October are 12 weeks to Friday 26 December; with the Sunday 61 days of 6 lessons. 5 + 4 absent.
    row = built.period("weeks", "last_12_weeks", "2025-12-28")
    assert (row["absent_lessons"], row["covered_lessons"], row["covered_days"]) == (9, 366, 61)
    start = built.value(
        "select period_start from harmonised.period where period_type = 'last_12_weeks' and period_end = '2025-12-28'"
    )
    assert start == day("2025-10-06")


def test_twelve_weeks_end_on_the_last_sunday_of_a_month(built: TinyWarehouse) -> None:
    ends = built.query(
        "select period_end from harmonised.period where period_type = 'last_12_weeks' and period_end > '2025-08-01'"
    )
    sundays = {"2025-08-31", "2025-09-28", "2025-10-26", "2025-11-30", "2025-12-28"}
    assert sundays <= {row["period_end"].isoformat() for row in ends}
    assert {row["period_end"].isoweekday() for row in ends} == {7}


def test_nothing_reaches_over_the_first_of_august(built: TinyWarehouse) -> None:
    # 84 days to Sunday 31 August would start on 9 June; the school year starts on 1 August. 16 days × 6, 5 absent.
    start = built.value(
        "select period_start from harmonised.period where period_type = 'last_12_weeks' and period_end = '2025-08-31'"
    )
    assert start == day("2025-08-01")
    for period_type in ("last_12_weeks", "month"):
        row = built.period("august", period_type, "2025-08-31")
        assert (row["absent_lessons"], row["covered_lessons"]) == (5, 96), period_type
    assert _to_date(built, "august", "2025-08-01") == (5, 96)
    # The year before ends on 31 July, with 4 absent.
    assert max(_to_date(built, "august", f"2025-{month}-01") for month in ("06", "07")) == (4, 126)


def test_the_tier_is_over_all_lessons_in_the_region(built: TinyWarehouse) -> None:
    # 6 + 1 of 66 + 72 lessons are 5.07 %: A1, where Iisalmi alone would say A1 (9 %) and Kuopio alone A0 (1.4 %).
    rows = built.query(
        """
        select municipality, tier, absent_lessons, covered_lessons from harmonised.pupil_period_tier
        where person_key = %s and period_type = 'month' and period_end = '2025-10-31'
        """,
        key("hetu", "to-kuopio"),
    )
    assert [tuple(row.values()) for row in rows] == [("kuopio", "A1", 7, 138)]


def test_days_of_a_monthly_source_are_not_covered_in_twelve_weeks(built: TinyWarehouse) -> None:
    # To Sunday 30 November from 8 September: Iisalmi's 17 weekdays of September and 11 of October, 168 lessons, are
    # covered; Varkaus' 12 of October and 20 of November, 192 lessons, are not: 47 %.
    row = built.period("to-varkaus", "last_12_weeks", "2025-11-30")
    assert (row["covered_lessons"], row["scheduled_lessons"], row["no_tier_reason"]) == (168, 360, "low_coverage")
    # In the month all are: 66 + 72, and 6 + 1 absent.
    row = built.period("to-varkaus", "month", "2025-10-31")
    assert (row["covered_lessons"], row["absent_lessons"], row["tier"]) == (138, 7, "A1")
