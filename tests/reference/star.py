"""The facts of the star in `municipal`, where a municipality sees its own pupils; rows are of persons, not of keys.

docs/municipal.md says which rows there are and how a month of two schools is split, the definitions all else.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction

from tests.reference.attendance import share
from tests.reference.definitions import (
    BREAK,
    COLLECT_LATE,
    COMPONENTS,
    FORMS,
    LAST_OF_2011,
    MONTHLY,
    NO_TIER,
    RULES,
    UNIT,
    UNKNOWN,
    band,
    comparability,
    enough,
    month_end,
    month_start,
    school_year_end,
    school_year_start,
)
from tests.reference.facts import Facts, Lessons, PupilDay, Stay, SupportPeriod
from tests.reference.periods import Key, Period, Row, Table, day, home_of, numbered, so_far, tier_in


def fact_enrolment(facts: Facts) -> Table:
    """By municipality, person and the span's first day; an enrolment ends with its school year at the latest."""
    found: Table = {}
    for stay in _stays(facts):
        found[stay.municipality, stay.person, day(stay.first)] = {
            "valid_to": day(min(stay.last, school_year_end(stay.year))),
            "school_key": _school(stay),
            "home_municipality": home_of(stay),
            "school_year_start": stay.year,
            **_grade(stay),
            "class_name": stay.class_name,
            "form": FORMS[stay.form],
            "is_population": stay.counts,
        }
    return found


def fact_attendance_month(facts: Facts) -> Table:
    """By municipality, person and the month's last day, of every month with an enrolled day before the night, and of
    its days before the night."""
    found: Table = {}
    # Of the enrolments of a month the last one stays.
    stays = {
        (stay.municipality, stay.person, month): stay
        for stay in sorted(_stays(facts), key=lambda one: one.first)
        for month in _months_of(stay, facts.night - 1)
    }
    for (name, person, month), stay in stays.items():
        last = month_end(month)
        # A month that still runs is as of the day before the night.
        counted = facts.population(min(last, facts.night - 1)).get(person)
        own = facts.months.get((name, person, month), [])
        covered = [one for one in own if one.covered]
        absent = sum(sum(one.absent.values()) for one in covered)
        lessons = sum(one.scheduled for one in covered)
        late = [one.late for one in covered if one.late is not None]
        found[name, person, day(last)] = {
            "school_key": _school(stay),
            "month": day(month),
            **_grade(stay),
            "is_population": counted is not None and counted.municipality == name,
            "scheduled_lessons": Fraction(sum(one.scheduled for one in own), UNIT),
            "covered_lessons": Fraction(lessons, UNIT),
            "absent_lessons": Fraction(absent, UNIT) if covered else None,
            "absence_rate": share(absent, lessons),
            "scheduled_days": len(own),
            "covered_days": len(covered),
            "late_marks": sum(one.marks for one in late) if covered and name in COLLECT_LATE else None,
            # Where none is given, there is nothing to sum.
            "late_minutes": sum(one.minutes for one in late) if late else None,
        }
    return found


def _months_of(stay: Stay, upto: int) -> Iterator[int]:
    """The first day of each month with a day of the enrolment until `upto`."""
    month = month_start(stay.first)
    while month <= min(stay.last, upto):
        if stay.first <= upto:
            yield month
        month = month_end(month) + 1


def fact_attendance_tier(facts: Facts) -> Table:
    """By municipality, person, the period's kind and last day, of whoever is enrolled on that day."""
    found: Table = {}
    for period in so_far(facts):
        for person in facts.stays:
            stay = facts.stay(person, period.last)
            if stay is None:
                continue
            sums = facts.sums(person, period.first, period.last, period.daily)
            tier = tier_in(sums, period)
            found[stay.municipality, person, period.kind, day(period.last)] = {
                "tier": tier,
                "school_key": _school(stay),
                "period_start": day(period.first),
                **_grade(stay),
                "is_population": stay.counts,
                "no_tier_reason": _why_no_tier(sums, period) if tier == NO_TIER else None,
                "scheduled_lessons": Fraction(sums.scheduled, UNIT),
                "covered_lessons": Fraction(sums.covered, UNIT),
                "covered_days": sums.covered_days,
                "absent_lessons": Fraction(sums.absent, UNIT) if sums.covered else None,
                "absence_rate": share(sums.absent, sums.covered),
            }
    return found


def _why_no_tier(sums: Lessons, period: Period) -> frozenset[str]:
    """Nothing says which of two reasons stands first."""
    few = {"too_few_lessons"} if sums.covered_days < period.least_days else set()
    # Nothing scheduled is no lack of reports.
    little = {"low_coverage"} if sums.scheduled and not enough(sums.covered, sums.scheduled) else set()
    return frozenset(few | little)


def fact_absence(facts: Facts) -> Table:
    """By municipality, person, day (or the month's last day), class, school and grain: absences, and late marks."""
    found: Table = {}
    for person, days in facts.days.items():
        for one in days:
            if one.municipality in MONTHLY:
                continue
            school = f"{one.municipality}/{one.school}"
            for absence_class, lessons in one.absent.items():
                found[one.municipality, person, day(one.day), absence_class, school, "day"] = _absence(lessons)
            if one.late is not None:
                row = _absence(0) | {"late_marks": one.late.marks, "late_minutes": one.late.minutes}
                found[one.municipality, person, day(one.day), "late", school, "day"] = row
    for (name, person, month), own in facts.months.items():
        if name in MONTHLY:
            for absence_class, school, lessons, schools in split(own):
                key = (name, person, day(month_end(month)), absence_class, f"{name}/{school}", "month")
                found[key] = _absence(lessons) | {"is_split": schools > 1}
    return found


def _absence(lessons: int) -> Row:
    return {"lessons": Fraction(lessons, UNIT), "late_marks": 0, "late_minutes": None, "is_split": False}


def split(days: list[PupilDay]) -> Iterator[tuple[str, str, int, int]]:
    """Class, school, lessons and how many schools there are, of a pupil's month of which only the sum is known: it is
    split by the schools' scheduled lessons, rounded half up so that the parts are the sum, in the schools' order."""
    scheduled: dict[str, int] = defaultdict(int)
    absent: dict[str, int] = defaultdict(int)
    for one in days:
        scheduled[one.school] += one.scheduled
        for absence_class, lessons in one.absent.items():
            absent[absence_class] += lessons
    every = sum(scheduled.values())
    for absence_class, lessons in absent.items():
        before = upto = 0
        for school in sorted(scheduled):
            upto += scheduled[school]
            parts = [(2 * lessons * part + every) // (2 * every) for part in (before, upto)]
            before = upto
            if parts[1] > parts[0]:
                yield absence_class, school, parts[1] - parts[0], len(scheduled)


def fact_support(facts: Facts) -> Table:
    """By municipality, person and first day: the levels of a school year's pupil, from the first to the last enrolled
    day there, as far as the day before the night. A span is as long as what is known stays the same."""
    found: Table = {}
    for (name, person, year), (first, upto) in _enrolled(facts).items():
        last = min(upto, facts.night - 1)
        edges = {first}
        for span in facts.levels.get((person, name), ()):
            edges |= {span.first, span.last + 1}
        for period in facts.periods.get((person, name, year), ()):
            edges |= {period.first, period.last + 1}
        before: Row | None = None
        for edge in sorted(one for one in edges if first <= one <= last):
            row = _level(facts, name, person, edge) | {"school_year_start": year, "valid_to": day(last)}
            if before is not None:
                if all(before[column] == row[column] for column in row if column != "valid_to"):
                    continue
                before["valid_to"] = day(edge - 1)
            found[name, person, day(edge)] = before = row
    return found


def _enrolled(facts: Facts) -> dict[tuple[str, int, int], tuple[int, int]]:
    """The first and the last enrolled day by municipality, person and school year."""
    found: dict[tuple[str, int, int], tuple[int, int]] = {}
    for stay in _stays(facts):
        key = (stay.municipality, stay.person, stay.year)
        last = min(stay.last, school_year_end(stay.year))
        first, upto = found.get(key, (stay.first, last))
        found[key] = min(first, stay.first), max(upto, last)
    return found


def _level(facts: Facts, municipality: str, person: int, on: int) -> Row:
    """What is known of the level on the day. Where there is no level the regime is the date's."""
    span = facts.level_span(person, municipality, on)
    level = UNKNOWN if span is None else span.level
    regime = 2011 if on < BREAK else 2025
    if span is not None and level != UNKNOWN and span.regime is not None:
        regime = span.regime
    mappings = {mapping for said, mapping in map(mapped, facts.in_force(person, municipality, on)) if said == level}
    reason = "not_covered" if span is None else None
    if span is not None and span.reason is not None:
        reason = min(RULES[span.reason], *_unknown_by(list(facts.in_force(person, municipality, on)), on))
    # Of several rows one that says the level exactly is enough; that there is none says S0 exactly.
    mapping = "approximate" if mappings == {"approximate"} else "exact"
    return {
        "support_level": level,
        "regime": regime,
        "comparability": comparability(level),
        "mapping": None if level == UNKNOWN else mapping,
        "reason": reason,
    }


def _unknown_by(rows: list[SupportPeriod], on: int) -> Iterator[str]:
    """Every rule of definitions section 3 that leaves the level of the day unknown, of rows in force on it. Of several
    the first by its name is told (docs/municipal.md)."""
    known = [row for row in rows if mapped(row)[0] != UNKNOWN]
    decided = [row for row in known if row.kind == "DECISION"]
    special = [row for row in known if row.kind == "SPECIAL"]
    intensified = [row for row in known if row.kind == "INTENSIFIED" and on < BREAK]
    if any(row.kind is None for row in rows):
        yield "measures_without_level"
    if any(row.kind is not None and mapped(row)[0] == UNKNOWN for row in rows):
        yield "scheme_kind_disagree"
    if decided and on < BREAK:
        yield "starts_before_break"
    if any(row.first >= BREAK for row in special):
        yield "starts_after_break"
    if decided and (special or intensified) and on <= LAST_OF_2011:
        yield "regimes_overlap"


def mapped(row: SupportPeriod) -> tuple[str, str | None]:
    """The level of a register's row by the table of definitions section 3, and how it was mapped."""
    if row.kind is None or (row.scheme == "2011") == (row.kind == "DECISION"):
        return UNKNOWN, None
    if row.kind == "INTENSIFIED":
        return "S1", "exact"
    if row.kind == "DECISION":
        wide = row.marks & {"special_class", "disability_based", "functional_areas"}
        return "S3" if wide else "S2", "exact"
    if row.placement == 1 or row.marks & {"functional_areas", "extended"}:
        return "S3", "exact"
    if row.placement is not None:
        return "S2", "exact"
    return "S3" if "special_class" in row.marks else "S2", "approximate"


def fact_support_component(facts: Facts) -> Table:
    """By municipality, person, school year, first and last day, level, kind, component and a number: what a register's
    row has beside its level, on the days of which it says a level or something that is none."""
    found: list[tuple[Key, Row]] = []
    for (person, name, year), rows in facts.periods.items():
        for row in rows:
            kind = row.kind and row.kind.lower()
            for first, last, level, mapping in _said(row, year):
                missing = level == "S2" and mapping == "approximate"
                common = {"mapping": mapping, "mapping_finding": "placement_missing" if missing else None}
                for component, own in _components(row).items():
                    key = (name, person, year, day(first), day(last), level, kind, component)
                    found.append((key, own | common))
    return numbered(found)


def _components(row: SupportPeriod) -> dict[str, Row]:
    """What the row has beside its level; on a decision placement and extended education count for nothing."""
    values: dict[str, str | None] = {} if row.placement is None else {"placement": str(row.placement)}
    values |= dict.fromkeys(row.marks)
    return {
        component: {
            "value": value,
            "comparability": COMPONENTS[component],
            "is_ignored": row.kind == "DECISION" and component in ("placement", "extended"),
            # Marks without a level are in no scheme either.
            "regime": int(row.scheme) if row.kind else None,
        }
        for component, value in values.items()
    }


def _said(row: SupportPeriod, year: int) -> Iterator[tuple[int, int, str, str | None]]:
    """First day, last day, level and mapping of what the row says of days of the school year. Intensified support ends
    with its regime; special support that starts after it, and a decision before 1.8.2025, say nothing that is known."""
    end = school_year_end(year)
    first, last = max(row.first, school_year_start(end)), min(row.last, end)
    level, mapping = mapped(row)
    if level == "S1":
        last = min(last, BREAK - 1)
    spans = [(first, last, level, mapping)]
    if row.kind == "SPECIAL" and level != UNKNOWN:
        spans = [(first, min(last, LAST_OF_2011), level, mapping), (max(first, LAST_OF_2011 + 1), last, UNKNOWN, None)]
        if row.first >= BREAK:
            spans = [(first, last, UNKNOWN, None)]
    if row.kind == "DECISION" and level != UNKNOWN:
        spans = [(first, min(last, BREAK - 1), UNKNOWN, None), (max(first, BREAK), last, level, mapping)]
    yield from (span for span in spans if span[0] <= span[1])


def _stays(facts: Facts) -> Iterator[Stay]:
    for own in facts.stays.values():
        yield from own


def _school(stay: Stay) -> str:
    return f"{stay.municipality}/{stay.school}"


def _grade(stay: Stay) -> Row:
    return {"grade": stay.grade, "grade_band": None if stay.grade is None else band(stay.grade)}


STAR: dict[str, Callable[[Facts], Table]] = {
    "fact_enrolment": fact_enrolment,
    "fact_attendance_month": fact_attendance_month,
    "fact_attendance_tier": fact_attendance_tier,
    "fact_absence": fact_absence,
    "fact_support": fact_support,
    "fact_support_component": fact_support_component,
}
