"""The marts of support and of pupils: levels, timeliness, places, homes, groups, transitions, early warnings."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from tests.reference.attendance import share
from tests.reference.definitions import (
    ALL,
    BREAK,
    HORIZONS,
    LAST_OF_2011,
    LEVELS,
    MONTHLY,
    MUNICIPALITIES,
    NO_TIER,
    PLACES,
    REGION,
    SIZES,
    TIERS,
    UNIT,
    UNKNOWN,
    comparability,
    in_regime,
    last_sunday,
    month_end,
    month_start,
    regime,
    school_year,
    school_year_start,
    twelve_weeks,
)
from tests.reference.facts import Facts, Stay
from tests.reference.periods import (
    ALL_BANDS,
    Period,
    Row,
    Table,
    bands_of,
    closed_months,
    count_days,
    day,
    home_of,
    named,
    oldest,
    places,
    tier_of,
    with_rows,
)


def support_levels(facts: Facts) -> Table:
    found: Table = {}
    for on in count_days(facts):
        population = facts.population(on)
        levels = {person: facts.level(person, stay.municipality, on) for person, stay in population.items()}
        for name, members in places(population):
            for grade_band in ALL_BANDS:
                own = [levels[person] for person in _of(population, members, grade_band)]
                for level in (*LEVELS, UNKNOWN):
                    there = in_regime(level, on)
                    found[day(on), name, grade_band, level] = {
                        "pupils": own.count(level) if there else None,
                        "population": len(own),
                        "share": share(own.count(level), len(own)) if there else None,
                        "regime": regime(level, on),
                        "comparability": comparability(level),
                        "null_reason": None if there else "not_in_regime",
                        "as_of": _as_of(facts, members, on),
                    }
    return found


@dataclass(frozen=True)
class _Reach:
    """A pupil's first Sunday of a school year with a rate of 10 %. `days` to the next start at a higher level."""

    sunday: int
    stay: Stay
    level: str
    days: int | None


def _sundays(facts: Facts, municipality: str) -> list[int]:
    """The covered Sundays, in order."""
    first = last_sunday(facts.first_day + 6)
    return [one for one in range(first, facts.night, 7) if facts.covers_sunday(municipality, one)]


def _reaches(facts: Facts) -> Iterator[_Reach]:
    covered = {name: _sundays(facts, name) for name in MUNICIPALITIES}
    every = sorted({sunday for sundays in covered.values() for sunday in sundays})
    for person in facts.stays:
        done: set[int] = set()
        for sunday in every:
            year = school_year(sunday)
            stay = facts.stay(person, sunday)
            if year in done or stay is None or sunday not in covered[stay.municipality]:
                continue
            if tier_of(facts, person, _twelve_weeks(sunday)) not in ("A2", "A3"):
                continue
            done.add(year)
            if stay.counts:
                level = _level_at_reach(facts, person, stay.municipality, sunday)
                yield _Reach(sunday, stay, level, _days_to_start(facts, person, sunday, level))


def _level_at_reach(facts: Facts, person: int, municipality: str, sunday: int) -> str:
    """The level of the day before; of the Sunday itself for a pupil who came to the municipality on it."""
    before = facts.stay(person, sunday - 1)
    here = before is not None and before.municipality == municipality
    return facts.level(person, municipality, sunday - 1 if here else sunday)


def _days_to_start(facts: Facts, person: int, sunday: int, level: str) -> int | None:
    if level not in LEVELS:
        return None
    for on in range(sunday, facts.night):
        stay = facts.stay(person, on)
        now = UNKNOWN if stay is None else facts.level(person, stay.municipality, on)
        if now in LEVELS and LEVELS.index(now) > LEVELS.index(level):
            return on - sunday
    return None


def support_timeliness(facts: Facts) -> Table:
    found: Table = {}
    reaches = list(_reaches(facts))
    with_sunday = {
        name: {month_start(one) for one in _sundays(facts, name)} for name in MUNICIPALITIES if name not in MONTHLY
    }
    for month in sorted({one for own in with_sunday.values() for one in own}):
        daily = [name for name in MUNICIPALITIES if month in with_sunday.get(name, ())]
        last = month_end(month)
        population = facts.population(last)
        daily = [name for name in daily if name in with_rows(population)]
        for horizon in HORIZONS:
            if last + horizon >= facts.night:
                continue
            for name, members in [*((name, [name]) for name in daily), *([(REGION, daily)] if daily else [])]:
                known = all(facts.support_is_covered(member, last + horizon) for member in members)
                for grade_band in ALL_BANDS:
                    own = [
                        reach
                        for reach in reaches
                        if month_start(reach.sunday) == month
                        and reach.stay.municipality in members
                        and grade_band in bands_of(reach.stay)
                    ]
                    counted = [reach for reach in own if reach.level in ("S0", "S1", "S2")]
                    started = sum(1 for reach in counted if reach.days is not None and reach.days <= horizon)
                    found[day(month), name, grade_band, horizon] = {
                        "pupils": len(counted),
                        "pupils_at_highest": sum(1 for reach in own if reach.level == "S3"),
                        "pupils_unknown": sum(1 for reach in own if reach.level == UNKNOWN),
                        "started": started if known else None,
                        "share_started": share(started, len(counted)) if known else None,
                        "null_reason": None if known else "support_not_covered",
                        "municipalities": named(members),
                        "as_of": _as_of(facts, members, last + horizon),
                    }
    return found


def home_and_teaching(facts: Facts) -> Table:
    homes = (*MUNICIPALITIES, "other", UNKNOWN)
    found: Table = {}
    for on in count_days(facts):
        population = facts.population(on)
        for name, members in places(population):
            for grade_band in ALL_BANDS:
                own = [home_of(population[person]) for person in _of(population, members, grade_band)]
                for home in homes:
                    found[day(on), home, name, grade_band] = {
                        "pupils": own.count(home),
                        "population": len(own),
                        "share": share(own.count(home), len(own)),
                        "as_of": _as_of(facts, members, on),
                    }
    return found


def transition_to_grade_7(facts: Facts) -> Table:
    found: Table = {}
    for _, december in closed_months(facts):
        if date.fromordinal(december).month != 12:
            continue
        year = date.fromordinal(december).year
        may = date(year, 5, 31).toordinal()
        cohort = {person: stay for person, stay in facts.population(may).items() if stay.grade == 6}
        for moment, on, grade in (("before", may, 6), ("after", december, 7)):
            period = Period("school_year", school_year_start(on), on)
            there = {person: facts.population(on).get(person) for person in cohort}
            for measure in ("tier", "support_level"):
                categories = _categories(facts, cohort, there, grade, period, measure)
                listed = [*TIERS, NO_TIER] if measure == "tier" else [*LEVELS, UNKNOWN]
                listed += ["other_grade", "not_in_region", "not_delivered"] if moment == "after" else []
                for name, members in places(cohort):
                    own = [person for person, stay in cohort.items() if stay.municipality in members]
                    for category in listed:
                        found[year, name, moment, measure, category] = _transition(
                            facts, [p for p in own if categories[p] == category], len(own), category, period, measure
                        ) | {"as_of": _transition_as_of(facts, members, period, measure)}
    return found


def _categories(
    facts: Facts, cohort: dict[int, Stay], there: dict[int, Stay | None], grade: int, period: Period, measure: str
) -> dict[int, str]:
    """The category of each pupil of the cohort, which is in `grade` if nothing unusual happened. Of a municipality that
    has not reported one pupil of the period's last day nobody can be said to be gone."""
    reported = with_rows(facts.population(period.last))

    def one(person: int, stay: Stay | None) -> str:
        if stay is None:
            return "not_in_region" if cohort[person].municipality in reported else "not_delivered"
        if stay.grade != grade:
            return "other_grade"
        if measure == "tier":
            return tier_of(facts, person, period)
        return facts.level(person, stay.municipality, period.last)

    return {person: one(person, stay) for person, stay in there.items()}


def _transition(facts: Facts, pupils: list[int], population: int, category: str, period: Period, measure: str) -> Row:
    sums = [facts.sums(person, period.first, period.last) for person in pupils]
    covered, absent = sum(one.covered for one in sums), sum(one.absent for one in sums)
    scheduled = sum(one.scheduled for one in sums)
    is_level = measure == "support_level" and category in (*LEVELS, UNKNOWN)
    row: Row = {
        "pupils": len(pupils),
        "share": share(len(pupils), population),
        "scheduled_lessons": Fraction(scheduled, UNIT),
        "covered_lessons": Fraction(covered, UNIT),
        "coverage": share(covered, scheduled),
        "absent_lessons": Fraction(absent, UNIT),
        "absence_rate": share(absent, covered),
    }
    reason = None
    if category in ("not_in_region", "not_delivered"):
        row |= dict.fromkeys(("scheduled_lessons", "covered_lessons", "coverage", "absent_lessons", "absence_rate"))
    elif is_level and not in_regime(category, period.last):
        row, reason = dict.fromkeys(row), "not_in_regime"
    return row | {
        "population": population,
        "regime": regime(category, period.last) if is_level else None,
        "comparability": comparability(category) if is_level else None,
        "null_reason": reason,
    }


def _transition_as_of(facts: Facts, members: list[str], period: Period, measure: str) -> object:
    if measure == "support_level":
        return _as_of(facts, members, period.last)
    return oldest(facts, members, lambda name: facts.attendance_as_of(name, period.first, period.last))


def inclusion(facts: Facts) -> Table:
    found: Table = {}
    for on in count_days(facts):
        population = facts.population(on)
        where = {person: _place(facts, person, stay, on) for person, stay in population.items()}
        nobody_knows = {
            person for person, stay in population.items() if facts.level(person, stay.municipality, on) == UNKNOWN
        }
        for regime_, categories in PLACES.items():
            if (on > LAST_OF_2011) if regime_ == "2011" else (on < BREAK):
                continue
            for name, members in places(population):
                for grade_band in ALL_BANDS:
                    everybody = _of(population, members, grade_band)
                    unknown = sum(1 for person in everybody if person in nobody_knows)
                    own = [one for person in everybody if (one := where[person]) is not None and one[0] == regime_]
                    for place in categories:
                        count = own.count((regime_, place))
                        found[day(on), name, grade_band, regime_, place] = {
                            "pupils": count,
                            "population": len(own),
                            "share": share(count, len(own)),
                            "pupils_unknown": unknown,
                            "as_of": _as_of(facts, members, on),
                        }
    return found


def _place(facts: Facts, person: int, stay: Stay, on: int) -> tuple[str, str] | None:
    """The regime and place of a pupil whose level on the day is by decision."""
    if facts.level(person, stay.municipality, on) not in ("S2", "S3"):
        return None
    rows = list(facts.in_force(person, stay.municipality, on))
    old = [row for row in rows if row.scheme == "2011" and row.kind == "SPECIAL"]
    new = [row for row in rows if row.scheme == "2025" and row.kind == "DECISION"]
    assert bool(old) != bool(new), "a pupil at S2 or S3 has rows of one regime"
    if old:
        return "2011", min("placement_missing" if r.placement is None else f"placement_{r.placement}" for r in old)
    has = {"no_place_measure"}.union(*(row.marks for row in new))
    return "2025", next(place for place in PLACES["2025"] if place in has)


def group_sizes(facts: Facts) -> Table:
    found: Table = {}
    for on in count_days(facts):
        population = facts.population(on)
        groups: dict[tuple[str, str, str], list[int]] = defaultdict(list)
        for person, stay in population.items():
            if stay.class_name is not None:
                groups[stay.municipality, stay.school, stay.class_name].append(person)
        for name, members in places(population):
            for grade_band in ALL_BANDS:
                own = set(_of(population, members, grade_band))
                classless = sum(1 for person in own if population[person].class_name is None)
                as_of = _as_of(facts, members, on)
                for label, least, most in SIZES:
                    fit = {
                        key: pupils
                        for key, pupils in groups.items()
                        if key[0] in members and least <= len(pupils) <= most and own & set(pupils)
                    }
                    count = sum(len(own & set(pupils)) for pupils in fit.values())
                    found[day(on), name, grade_band, label] = {
                        "pupils": count,
                        "population": len(own),
                        "share": share(count, len(own)),
                        "groups": len(fit),
                        "mean_group_size": share(sum(len(pupils) for pupils in fit.values()), len(fit)),
                        "as_of": as_of,
                    }
                found[day(on), name, grade_band, UNKNOWN] = {
                    "pupils": classless,
                    "population": len(own),
                    "share": share(classless, len(own)),
                    "groups": None,
                    "mean_group_size": None,
                    "as_of": as_of,
                }
    return found


def early_warning(facts: Facts) -> Table:
    """By municipality and person."""
    found: Table = {}
    for name, person, stay, sunday, before in _crossings(facts):
        sums, earlier = (facts.sums(person, twelve_weeks(one), one, daily=True) for one in (sunday, before))
        tier, previous = (tier_of(facts, person, _twelve_weeks(one)) for one in (sunday, before))
        found[name, person] = {
            "week_end": day(sunday),
            "school_key": f"{name}/{stay.school}",
            "school_number": stay.school,
            "grade": stay.grade,
            "class_name": stay.class_name,
            "previous_tier": previous,
            "tier": tier,
            "direction": "up" if tier > previous else "down",
            "previous_rate": share(earlier.absent, earlier.covered),
            "previous_coverage": share(earlier.covered, earlier.scheduled),
            "absence_rate": share(sums.absent, sums.covered),
            "coverage": share(sums.covered, sums.scheduled),
            "scheduled_lessons": Fraction(sums.scheduled, UNIT),
            "covered_lessons": Fraction(sums.covered, UNIT),
            "absent_lessons": Fraction(sums.absent, UNIT),
        }
    return found


def early_warning_week(facts: Facts) -> Table:
    """By municipality, person and the week's Sunday."""
    found: Table = {}
    for name, person, _, sunday, _ in _crossings(facts):
        first = twelve_weeks(sunday)
        for end in range(last_sunday(first + 6), sunday + 1, 7):
            sums = facts.sums(person, max(first, end - 6), end, daily=True)
            found[name, person, day(end)] = {
                "scheduled_lessons": Fraction(sums.scheduled, UNIT),
                "covered_lessons": Fraction(sums.covered, UNIT),
                "coverage": share(sums.covered, sums.scheduled),
                "absent_lessons": Fraction(sums.absent, UNIT) if sums.covered else None,
                "absence_rate": share(sums.absent, sums.covered),
            }
    return found


def _crossings(facts: Facts) -> Iterator[tuple[str, int, Stay, int, int]]:
    """Municipality, person, enrolment, its last covered Sunday and the one before, of those whose tier changed."""
    for name in MUNICIPALITIES:
        sundays = _sundays(facts, name)
        if len(sundays) < 2 or school_year(sundays[-1]) != school_year(sundays[-2]):
            continue
        before, sunday = sundays[-2:]
        for person, stay in facts.population(sunday).items():
            if stay.municipality != name or facts.stay(person, before) is None:
                continue
            tiers = {tier_of(facts, person, _twelve_weeks(one)) for one in (before, sunday)}
            if len(tiers) == 2 and NO_TIER not in tiers:
                yield name, person, stay, sunday, before


def _twelve_weeks(sunday: int) -> Period:
    return Period("last_12_weeks", twelve_weeks(sunday), sunday)


def _of(population: dict[int, Stay], members: list[str], grade_band: str) -> list[int]:
    """The pupils of the municipalities and the band."""
    return [
        person
        for person, stay in population.items()
        if stay.municipality in members and (grade_band == ALL or grade_band in bands_of(stay))
    ]


def _as_of(facts: Facts, members: list[str], on: int) -> object:
    return oldest(facts, members, lambda name: facts.support_as_of(name, on))


PUPILS: dict[str, Callable[[Facts], Table]] = {
    "support_levels": support_levels,
    "support_timeliness": support_timeliness,
    "home_and_teaching": home_and_teaching,
    "transition_to_grade_7": transition_to_grade_7,
    "inclusion": inclusion,
    "group_sizes": group_sizes,
}

WARNINGS: dict[str, Callable[[Facts], Table]] = {
    "early_warning": early_warning,
    "early_warning_week": early_warning_week,
}
