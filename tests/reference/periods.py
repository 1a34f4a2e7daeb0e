"""Which periods and count days are shown on a night, and who is counted in them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from tests.reference.definitions import (
    ALL,
    BANDS,
    CODES,
    DAYS_TO_CLOSE,
    LEAST_DAYS,
    LEAST_DAYS_OF_A_MONTH,
    MUNICIPALITIES,
    REGION,
    UNKNOWN,
    band,
    enough,
    is_term_end,
    last_sunday,
    month_end,
    month_start,
    school_year_start,
    tier,
    twelve_weeks,
)
from tests.reference.facts import Facts, Lessons, Stay

Key = tuple[Any, ...]
Row = dict[str, Any]
Table = dict[Key, Row]
"""The rows of a mart by their key; lessons and rates as fractions, days as dates."""


def numbered(rows: Iterable[tuple[Key, Row]]) -> Table:
    """The rows by their key and a number, which tells rows of one key apart in the order of what they say."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for key, row in rows:
        found[key].append(row)
    return {
        (*key, n): row
        for key, own in found.items()
        for n, row in enumerate(sorted(own, key=lambda one: str(sorted(one.items()))))
    }


@dataclass(frozen=True)
class Period:
    kind: str
    first: int
    last: int

    @property
    def daily(self) -> bool:
        """Whether days of a source with months count as not covered."""
        return self.kind == "last_12_weeks"

    @property
    def least_days(self) -> int:
        return LEAST_DAYS_OF_A_MONTH if self.kind == "month" else LEAST_DAYS


def closed_months(facts: Facts) -> Iterator[tuple[int, int]]:
    """First and last day of each month that is closed on the night, from the first with a pupil."""
    first = month_start(facts.first_day)
    while (last := month_end(first)) + DAYS_TO_CLOSE <= facts.night:
        yield first, last
        first = last + 1


def months(facts: Facts) -> list[Period]:
    return [Period("month", first, last) for first, last in closed_months(facts)]


def periods(facts: Facts) -> list[Period]:
    """The periods of the published tiers."""
    found = months(facts)
    for _, last in closed_months(facts):
        if is_term_end(last):
            found.append(Period("school_year", school_year_start(last), last))
        sunday = last_sunday(last)
        found.append(Period("last_12_weeks", twelve_weeks(sunday), sunday))
    return found


def so_far(facts: Facts) -> Iterator[Period]:
    """The periods of a pupil's tiers, also of what has not closed: each month, the school year at each term end, twelve
    weeks to each month's last Sunday, and all three up to the day before the night."""
    yesterday = facts.night - 1
    first = month_start(facts.first_day)
    while first <= yesterday:
        last = min(month_end(first), yesterday)
        yield Period("month", first, last)
        if is_term_end(last) or last == yesterday:
            yield Period("school_year", school_year_start(last), last)
        sunday = last_sunday(last)
        # A month that has no Sunday yet has none of its own.
        if sunday >= first:
            yield Period("last_12_weeks", twelve_weeks(sunday), sunday)
        first = month_end(first) + 1


def count_days(facts: Facts) -> list[int]:
    """Each closed month's last day, with 20 September and 20 January."""
    found = []
    for first, last in closed_months(facts):
        if date.fromordinal(first).month in (9, 1):
            found.append(first + 19)
        found.append(last)
    return found


def day(value: int | None) -> date | None:
    return None if value is None else date.fromordinal(value)


def bands_of(stay: Stay) -> tuple[str, str]:
    """The bands in which the pupil is counted."""
    assert stay.grade is not None
    return band(stay.grade), ALL


def home_of(stay: Stay) -> str:
    """The pupil's home municipality as a column has it."""
    return UNKNOWN if stay.home is None else CODES.get(stay.home, "other")


ALL_BANDS = (*BANDS, ALL)


def with_rows(population: dict[int, Stay]) -> list[str]:
    """The municipalities that have a pupil, which are those with rows."""
    there = {stay.municipality for stay in population.values()}
    return [name for name in MUNICIPALITIES if name in there]


def in_figure(facts: Facts, period: Period) -> list[str]:
    """The municipalities but those with a coverage of the period under 80 %; all where nothing at all was scheduled."""
    if period not in facts.figures:
        facts.figures[period] = _in_figure(facts, period)
    return facts.figures[period]


def _in_figure(facts: Facts, period: Period) -> list[str]:
    population = facts.population(period.last)
    scheduled: dict[str, int] = defaultdict(int)
    covered: dict[str, int] = defaultdict(int)
    for person in population:
        for one in facts.days.get(person, ()):
            if period.first <= one.day <= period.last:
                scheduled[one.municipality] += one.scheduled
                if one.daily if period.daily else one.covered:
                    covered[one.municipality] += one.scheduled
    there = with_rows(population)
    return [name for name in there if enough(covered[name], scheduled[name])] if any(scheduled.values()) else there


def named(municipalities: list[str]) -> str | None:
    return ",".join(sorted(municipalities)) or None


def places(population: dict[int, Stay], in_region: list[str] | None = None) -> list[tuple[str, list[str]]]:
    """Each municipality with rows, then the region with the municipalities in its figure (None: all)."""
    own = with_rows(population)
    found = [(name, [name]) for name in own]
    return [*found, (REGION, own if in_region is None else in_region)] if own else []


def oldest(facts: Facts, members: list[str], of: Callable[[str], int | None]) -> date | None:
    """The oldest of the days that the members' data is from."""
    return day(min((value for name in members if (value := of(name)) is not None), default=None))


def tier_of(facts: Facts, person: int, period: Period) -> str:
    """The pupil's tier over all its lessons in the region."""
    return tier_in(facts.sums(person, period.first, period.last, period.daily), period)


def tier_in(sums: Lessons, period: Period) -> str:
    """The tier of what is known of the period."""
    return tier(sums.absent, sums.covered, sums.scheduled, sums.covered_days, period.least_days)
