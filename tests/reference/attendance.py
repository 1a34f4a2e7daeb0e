"""The marts of attendance, worked out pupil by pupil and day by day."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from fractions import Fraction

from tests.reference.definitions import (
    ALL,
    CLASSES,
    LEVELS,
    NO_TIER,
    NOT_COLLECTED,
    REGION,
    TIERS,
    UNIT,
    UNKNOWN,
    comparability,
    in_regime,
    regime,
)
from tests.reference.facts import Facts
from tests.reference.periods import (
    ALL_BANDS,
    Period,
    Row,
    Table,
    bands_of,
    day,
    in_figure,
    months,
    named,
    oldest,
    periods,
    places,
    tier_of,
)


class _Sums:
    """Lessons by any key, in ten-thousandths."""

    def __init__(self) -> None:
        self.scheduled: dict[object, int] = defaultdict(int)
        self.covered: dict[object, int] = defaultdict(int)
        self.absent: dict[object, int] = defaultdict(int)
        self.pupils: dict[object, set[int]] = defaultdict(set)


def share(part: int, whole: int) -> Fraction | None:
    return Fraction(part, whole) if whole else None


def attendance_monthly(facts: Facts) -> Table:
    found: Table = {}
    for period in months(facts):
        population = facts.population(period.last)
        sums = _Sums()
        pupils: dict[object, int] = defaultdict(int)
        for person, stay in population.items():
            for grade_band in bands_of(stay):
                pupils[stay.municipality, grade_band] += 1
            for one in facts.days.get(person, ()):
                if not period.first <= one.day <= period.last:
                    continue
                for grade_band in bands_of(stay):
                    place = (one.municipality, grade_band)
                    sums.scheduled[place] += one.scheduled
                    if not one.covered:
                        continue
                    sums.covered[place] += one.scheduled
                    for absence_class, lessons in one.absent.items():
                        for name in (absence_class, ALL):
                            sums.absent[*place, name] += lessons
                            sums.pupils[*place, name].add(person)
        figure = in_figure(facts, period)
        for absence_class in (*CLASSES, ALL):
            collecting = [name for name in figure if (name, absence_class) not in NOT_COLLECTED]
            for name, members in places(population, collecting):
                as_of = _as_of(facts, members, period)
                for grade_band in ALL_BANDS:
                    keys = [(member, grade_band) for member in members]
                    scheduled, covered = (sum(of[key] for key in keys) for of in (sums.scheduled, sums.covered))
                    reason = None
                    if name == REGION and not members:
                        reason = "not_collected" if figure else "below_coverage"
                    elif (name, absence_class) in NOT_COLLECTED:
                        reason = "not_collected"
                    elif not scheduled:
                        reason = "nothing_scheduled"
                    elif not covered:
                        reason = "not_reported"
                    absent = sum(sums.absent[*key, absence_class] for key in keys)
                    with_absence = sum(len(sums.pupils[*key, absence_class]) for key in keys)
                    row: Row = {
                        "pupils": sum(pupils[key] for key in keys),
                        "pupils_with_absence": None if reason else with_absence,
                        "scheduled_lessons": Fraction(scheduled, UNIT),
                        "covered_lessons": Fraction(covered, UNIT),
                        "coverage": share(covered, scheduled),
                        "absent_lessons": None if reason else Fraction(absent, UNIT),
                        "absence_rate": None if reason else share(absent, covered),
                        "null_reason": reason,
                        "municipalities": named(members),
                        "as_of": as_of,
                    }
                    if not members:
                        row |= dict.fromkeys(("pupils", "scheduled_lessons", "covered_lessons", "coverage"))
                    found[day(period.first), name, grade_band, absence_class] = row
    return found


def attendance_tiers(facts: Facts) -> Table:
    found: Table = {}
    for period in periods(facts):
        population = facts.population(period.last)
        tiers = {person: tier_of(facts, person, period) for person in population}
        for name, members in places(population, in_figure(facts, period)):
            as_of = _as_of(facts, members, period)
            counted = [person for person, stay in population.items() if stay.municipality in members]
            for grade_band in ALL_BANDS:
                own = [tiers[person] for person in counted if grade_band in bands_of(population[person])]
                for tier in (*TIERS, NO_TIER):
                    known = bool(members)
                    found[_key(period, name, grade_band, tier)] = {
                        "pupils": own.count(tier) if known else None,
                        "population": len(own) if known else None,
                        "share": share(own.count(tier), len(own)),
                        "null_reason": None if known else "below_coverage",
                        "municipalities": named(members),
                        "as_of": as_of,
                    }
    return found


def tiers_by_support_level(facts: Facts) -> Table:
    found: Table = {}
    for period in periods(facts):
        population = facts.population(period.last)
        both = {
            person: (facts.level(person, stay.municipality, period.last), tier_of(facts, person, period))
            for person, stay in population.items()
        }
        for name, members in places(population, in_figure(facts, period)):
            as_of = _as_of(facts, members, period)
            counted = [person for person, stay in population.items() if stay.municipality in members]
            for grade_band in ALL_BANDS if name == REGION else (ALL,):
                own = [both[person] for person in counted if grade_band in bands_of(population[person])]
                for level in (*LEVELS, UNKNOWN):
                    of_level = sum(1 for found_level, _ in own if found_level == level)
                    reason = _reason(level, period.last, members)
                    for tier in (*TIERS, NO_TIER):
                        count = own.count((level, tier))
                        found[_key(period, name, grade_band, level, tier)] = {
                            "pupils": None if reason else count,
                            "population": None if reason else of_level,
                            "share": None if reason else share(count, of_level),
                            "regime": regime(level, period.last),
                            "comparability": comparability(level),
                            "null_reason": reason,
                            "municipalities": named(members),
                            "as_of": as_of,
                        }
    return found


def attendance_by_support_level(facts: Facts) -> Table:
    found: Table = {}
    for period in months(facts):
        population = facts.population(period.last)
        levels = {person: facts.level(person, stay.municipality, period.last) for person, stay in population.items()}
        sums = _Sums()
        for person, stay in population.items():
            for grade_band in bands_of(stay):
                sums.pupils[stay.municipality, grade_band, levels[person]].add(person)
            for one in facts.days.get(person, ()):
                if period.first <= one.day <= period.last:
                    for grade_band in bands_of(stay):
                        key = (one.municipality, grade_band, levels[person])
                        sums.scheduled[key] += one.scheduled
                        if one.covered:
                            sums.covered[key] += one.scheduled
                            sums.absent[key] += sum(one.absent.values())
        for name, members in places(population, in_figure(facts, period)):
            as_of = _as_of(facts, members, period)
            for grade_band in ALL_BANDS:
                for level in (*LEVELS, UNKNOWN):
                    keys = [(member, grade_band, level) for member in members]
                    scheduled, covered, absent = (
                        sum(of[key] for key in keys) for of in (sums.scheduled, sums.covered, sums.absent)
                    )
                    reason = _reason(level, period.last, members)
                    row: Row = {
                        "pupils": sum(len(sums.pupils[key]) for key in keys),
                        "scheduled_lessons": Fraction(scheduled, UNIT),
                        "covered_lessons": Fraction(covered, UNIT),
                        "coverage": share(covered, scheduled),
                        "absent_lessons": Fraction(absent, UNIT),
                        "absence_rate": share(absent, covered),
                    }
                    if reason:
                        row = dict.fromkeys(row)
                    elif not covered:
                        reason = "not_reported" if scheduled else "nothing_scheduled"
                        row |= {"absent_lessons": None}
                    found[day(period.first), name, grade_band, level] = row | {
                        "regime": regime(level, period.last),
                        "comparability": comparability(level),
                        "null_reason": reason,
                        "municipalities": named(members),
                        "as_of": as_of,
                    }
    return found


def _reason(level: str, on: int, members: Iterable[str]) -> str | None:
    if not in_regime(level, on):
        return "not_in_regime"
    return None if list(members) else "below_coverage"


def _key(period: Period, *rest: str) -> tuple[object, ...]:
    return (period.kind, day(period.first), day(period.last), *rest)


def _as_of(facts: Facts, members: list[str], period: Period) -> object:
    def of(name: str) -> int | None:
        return facts.attendance_as_of(name, period.first, period.last, period.daily)

    return oldest(facts, members, of)


ATTENDANCE: dict[str, Callable[[Facts], Table]] = {
    "attendance_monthly": attendance_monthly,
    "attendance_tiers": attendance_tiers,
    "tiers_by_support_level": tiers_by_support_level,
    "attendance_by_support_level": attendance_by_support_level,
}
