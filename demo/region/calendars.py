"""School years, working days and timetables of the synthetic region.

Days are whole numbers (days since 1970-01-01) inside the model, so that numpy can count with them; `FAR` stands for
"never" wherever such a number is a moment that has not come.
"""

from datetime import date, timedelta
from functools import cache

import numpy as np

from demo.region.schools import School

FAR = 2**30
"""Day number that no night reaches: the event never happens."""

YEARS = (2024, 2025)
"""The school years of the region, by the calendar year in which they start."""

BREAK = date(2025, 8, 1)
"""First day of the support regime of 2025."""

WORKING_DAYS = {2024: 187, 2025: 188}
"""190 less independence day, Epiphany and May Day when they are not on a weekend."""

# Minimum weekly lessons by grade (government decree 112/2023); Iisalmi teaches more in grades 1-6 and 8.
WEEKLY_LESSONS = {1: 20, 2: 20, 3: 22, 4: 24, 5: 25, 6: 25, 7: 30, 8: 29, 9: 30}
WEEKLY_LESSONS_IISALMI = {1: 22, 2: 22, 3: 24, 4: 26, 5: 27, 6: 27, 7: 30, 8: 30, 9: 30}

_EASTER = {2024: date(2025, 4, 20), 2025: date(2026, 4, 5)}
_CHRISTMAS_FIRST = {2024: date(2024, 12, 21), 2025: date(2025, 12, 20)}


def number(day: date) -> int:
    """The day as days since 1970-01-01."""
    return (day - date(1970, 1, 1)).days


def as_date(day: int) -> date:
    """The inverse of `number`."""
    return date(1970, 1, 1) + timedelta(days=int(day))


def first_day(year: int) -> int:
    """Day number of 1 August, the first day of the school year."""
    return number(date(year, 8, 1))


def last_day(year: int) -> int:
    """Day number of 31 July, the last day of the school year."""
    return number(date(year + 1, 7, 31))


def school_year(night: date) -> int:
    """The school year (1.8.-31.7.) that a night belongs to; ValueError outside the region's years."""
    year = night.year if night.month >= 8 else night.year - 1
    if year not in YEARS:
        raise ValueError(f"the region holds nights from 2024-08-01 to 2026-07-31, not {night.isoformat()}")
    return year


def _span(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


@cache
def holidays(municipality: str, year: int) -> frozenset[date]:
    """Days without school between August and May, weekends not listed."""
    easter = _EASTER[year]
    days = _span(date.fromisocalendar(year, 42, 1), date.fromisocalendar(year, 42, 5))
    days |= _span(_CHRISTMAS_FIRST[year], date(year + 1, 1, 6))
    days |= _span(date.fromisocalendar(year + 1, 10, 1), date.fromisocalendar(year + 1, 10, 5))
    days |= {
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        easter + timedelta(days=39),
    }
    days |= {date(year, 12, 6), date(year + 1, 5, 1)}
    if municipality == "iisalmi":
        # The Friday after Ascension is free, and the year starts a day earlier for it.
        days.add(easter + timedelta(days=40))
    return frozenset(days)


@cache
def _working_days(municipality: str, year: int) -> tuple[int, ...]:
    last = date.fromisocalendar(year + 1, 22, 6)
    free = holidays(municipality, year)
    days = [d for d in sorted(_span(date(year, 8, 1), last)) if (d.weekday() < 5 or d == last) and d not in free]
    return tuple(number(d) for d in days[-WORKING_DAYS[year] :])


def working_days(municipality: str, year: int) -> np.ndarray:
    """Day numbers of the school days; the last is the Saturday of week 22."""
    return np.array(_working_days(municipality, year), dtype=np.int32)


def weekday(days: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday."""
    return (np.asarray(days) + 3) % 7


@cache
def week(school: School, grade: int) -> tuple[int, ...]:
    """Lessons from Monday to Saturday; Monday to Friday sum to the grade's weekly lessons."""
    total = (WEEKLY_LESSONS_IISALMI if school.municipality == "iisalmi" else WEEKLY_LESSONS)[grade]
    base, extra = divmod(total, 5)
    days = [base + (1 if n < extra else 0) for n in range(5)]
    if grade >= 7:
        days[0] += 1
        days[4] -= 1
    turn = int(school.number) % 5
    return (*days[turn:], *days[:turn], 3 if grade <= 6 else 4)


@cache
def first_lesson(school: School, grade: int) -> tuple[int, ...]:
    """The number of the day's first lesson, Monday to Saturday: a day of five lessons can be lessons 2-6."""
    return tuple((int(school.number) + 3 * grade + 5 * n) % 4 // 2 + (1 if grade < 7 else 0) for n in range(6))


def day_lessons(school: School, grade: int, year: int) -> np.ndarray:
    """Lessons of the school's grade on each of `working_days`."""
    lessons: np.ndarray = np.array(week(school, grade), dtype=np.int16)[
        weekday(working_days(school.municipality, year))
    ]
    return lessons


@cache
def workbook_edits(year: int) -> tuple[int, ...]:
    """Days on which Varkaus edits the workbook of the school year: it is made on 31 July, then edited on Mondays to the
    middle of June (not at Christmas), and once more in the next August, for late corrections."""
    first, last = first_day(year), number(date(year + 1, 6, 15))
    christmas = {number(day) for day in _span(_CHRISTMAS_FIRST[year], date(year + 1, 1, 6))}
    mondays = [day for day in range(first, last + 1) if (day + 3) % 7 == 0 and day not in christmas]
    august = next(
        day for day in range(number(date(year + 1, 8, 10)), number(date(year + 1, 8, 17))) if (day + 3) % 7 == 0
    )
    return (first - 1, *mondays, august)


def workbook_edit(year: int, night: int) -> int | None:
    """The day of the last edit that the morning of `night` sees; None before there is a workbook."""
    return max((day for day in workbook_edits(year) if day < night), default=None)


def clock_changes(year: int) -> tuple[int, int]:
    """The Sundays of the school year on which the clocks change: the last ones of October and March."""
    found = []
    for first in (date(year, 11, 1), date(year + 1, 4, 1)):
        last = number(first) - 1
        found.append(last - (last + 4) % 7)
    return found[0], found[1]


def utc_offset_hours(minutes: np.ndarray) -> np.ndarray:
    """Hours that the wall clock of Helsinki is ahead of UTC at wall-clock minutes since 1970-01-01: 3 in summer."""
    found = np.full(len(minutes), 2, dtype=np.int64)
    for year in range(2023, 2027):
        october, _ = clock_changes(year)
        _, march = clock_changes(year - 1)
        found[(minutes >= march * 1440 + 240) & (minutes < october * 1440 + 240)] = 3
    return found
