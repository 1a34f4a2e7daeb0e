"""What is so, as the registers said it up to a given morning: the expectation for everything downstream.

Worked out from the model's own state and the text of the regional definitions, never by the code that reads the
extracts.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from demo.region import parquet, support
from demo.region.absences import CLASSES, LATE, SCHOOL_ACTIVITY, UNIT, Array, Lessons
from demo.region.calendars import (
    FAR,
    YEARS,
    as_date,
    day_lessons,
    first_day,
    last_day,
    number,
    school_year,
    workbook_edit,
    working_days,
)
from demo.region.deliveries import WINDOW, Reach, delivered, reaches
from demo.region.enrolments import HOME, Enrolment, supersede
from demo.region.model import Region, month_of
from demo.region.parquet import texts, whole
from demo.region.schools import IISALMI, KUOPIO, MUNICIPALITIES, SIILINJARVI, VARKAUS, of
from demo.region.support import AIDS, ASSISTANT, INTERPRETATION, PART_SMALL_GROUP, SMALL_GROUP, SPECIAL_CLASS

_ABSENCES = range(LATE)

Reaches = Mapping[tuple[str, int], Reach]

Nights = Collection[date] | Mapping[str, Collection[date]]
"""Nights that were delivered: the same of all municipalities, or by municipality."""


def _reach(night: date, nights: Nights | None) -> dict[tuple[str, int], Reach]:
    """What the deliveries of each municipality reach, by municipality and school year."""
    if not isinstance(nights, Mapping):
        return reaches(delivered(night, nights))
    found: dict[tuple[str, int], Reach] = {}
    for municipality, own in nights.items():
        every = reaches(delivered(night, own))
        found.update({key: one for key, one in every.items() if key[0] == municipality})
    return found


def enrolments(region: Region, reach: Reaches) -> list[Enrolment]:
    """The rows known from the deliveries, each with the day on which it stops to count."""
    groups: dict[tuple[int, int], list[Enrolment]] = {}
    for (municipality, year), one in reach.items():
        for entry in region.enrolled(municipality, year, one.state):
            groups.setdefault((year, entry.person_id), []).append(entry)
    found = [entry for group in groups.values() for entry in supersede(group)]
    return sorted(found, key=lambda e: e.enrolment_id)


def _spans(region: Region, rows: list[Enrolment], night: int, reach: Reaches) -> dict[str, pl.Series]:
    """One row an enrolment, two where class or home municipality changed under it."""
    found: list[tuple[Enrolment, int, int]] = []
    for entry in rows:
        original = region.enrolments[entry.enrolment_id]
        last = min(entry.end, entry.effective_end)
        if entry.start > last:
            continue
        # The row is open in its own school year, and over with it.
        last = last if last <= last_day(entry.year) else FAR if night <= last_day(entry.year) else last_day(entry.year)
        seen = reach[entry.municipality, entry.year].seen(entry.changed, entry.known_from)
        if seen <= entry.start or seen == FAR:
            found.append((entry, entry.start, last))
        elif seen > last:
            found.append((original, entry.start, last))
        else:
            found.append((original, entry.start, seen - 1))
            found.append((entry, seen, last))
    entries = [entry for entry, _, _ in found]
    return {
        "person_id": whole([e.person_id for e in entries]),
        "municipality": texts([e.municipality for e in entries]),
        "school_year": whole([e.year for e in entries], pl.Int16),
        "school_number": texts([e.school.number for e in entries]),
        "grade": whole([e.grade for e in entries], pl.Int16),
        "class_name": texts([e.class_name for e in entries]),
        "form": texts([e.form for e in entries]),
        "home_municipality": texts([e.home for e in entries]),
        "valid_from": parquet.days([first for _, first, _ in found]),
        "valid_to": parquet.days([last for _, _, last in found]),
    }


class _Timetable:
    """Lessons of a school's grade on a day."""

    def __init__(self) -> None:
        self._tables: dict[tuple[str, int, int], tuple[Array, Array]] = {}

    def of(self, entry: Enrolment) -> tuple[Array, Array]:
        """(day numbers, lessons on them) of the enrolment's school and grade in its school year."""
        assert entry.grade is not None
        key = (entry.school.number, entry.grade, entry.year)
        if key not in self._tables:
            days = working_days(entry.municipality, entry.year).astype(np.int64)
            self._tables[key] = (days, day_lessons(entry.school, entry.grade, entry.year).astype(np.int64))
        return self._tables[key]


Absences = tuple[Array, Array, Array, Array]
"""Person, day, class and amount in ten-thousandths of a lesson."""

Late = tuple[Array, Array, Array, Array]
"""Person, day, late marks and their minutes."""


def _capped(person: Array, day: Array, absence_class: Array, amount: Array, most: Array) -> Absences:
    """The sums by person, day and class, cut at the day's lessons in the order of the classes."""
    key = (person * 2**16 + day) * 8 + absence_class
    key, first, group = np.unique(key, return_index=True, return_inverse=True)
    total = np.zeros(len(key), dtype=np.int64)
    np.add.at(total, group, amount)
    person, day, absence_class, most = person[first], day[first], absence_class[first], most[first] * UNIT
    running = np.cumsum(total)
    new = np.ones(len(key), dtype=bool)
    new[1:] = (person[1:] != person[:-1]) | (day[1:] != day[:-1])
    before_day = np.maximum.accumulate(np.where(new, running - total, 0))
    upto = running - before_day
    kept = np.minimum(upto, most) - np.minimum(upto - total, most)
    some = kept > 0
    return person[some], day[some], absence_class[some], kept[some]


def _scheduled(entries: Iterable[Enrolment]) -> dict[int, Enrolment]:
    """The enrolments that schedule lessons, by id; home education is left out everywhere."""
    return {e.enrolment_id: e for e in entries if e.grade is not None and e.form != HOME and e.start <= e.last}


def _told(region: Region, reach: Reach) -> Lessons:
    """The marks of each day as the delivery that decides the day has them."""
    lessons = region.lessons[reach.municipality, reach.year]
    known_at = reach.known_at()[np.searchsorted(reach.days, lessons.day)]
    if reach.municipality == VARKAUS:
        silent = [person * 2**16 + (year - 1970) * 12 + month - 1 for person, year, month in region.unreported]
        known_at = np.where(np.isin(lessons.person * 2**16 + month_of(lessons.day), silent), -1, known_at)
    return lessons.known(known_at)


def _most(lessons: Lessons, rows: dict[int, Enrolment]) -> Array:
    """The lessons that each mark's enrolment schedules on its day."""
    timetable = _Timetable()
    most = np.zeros(len(lessons.day), dtype=np.int64)
    order = np.argsort(lessons.enrolment, kind="stable")
    ids, starts = np.unique(lessons.enrolment[order], return_index=True)
    # Before the first absence there is nothing to split, and numpy would make one empty part of it.
    for enrolment, part in zip(ids.tolist(), np.split(order, starts[1:]) if len(ids) else (), strict=True):
        entry = rows.get(enrolment)
        if entry is not None:
            days, table = timetable.of(entry)
            inside = (lessons.day[part] >= entry.start) & (lessons.day[part] <= entry.last)
            most[part] = np.where(inside, table[np.searchsorted(days, lessons.day[part])], 0)
    return most


def _from_lessons(region: Region, reach: Reach, rows: dict[int, Enrolment]) -> Absences:
    lessons = _told(region, reach)
    lessons = lessons.take((lessons.twin == 0) & np.isin(lessons.later, _ABSENCES))
    return _capped(lessons.person, lessons.day, lessons.later, lessons.amount, _most(lessons, rows))


def _late_from_lessons(region: Region, reach: Reach, rows: dict[int, Enrolment]) -> Late:
    """The lessons whose first class is late. Two teachers' marks are one, as long as the longer of them."""
    lessons = _told(region, reach)
    lessons = lessons.take(_most(lessons, rows) > 0)
    key = (lessons.person * 2**16 + lessons.day) * 16 + lessons.lesson
    # The longest first among the marks of a lesson that have its class.
    order = np.lexsort((-lessons.minutes, lessons.later, key))
    firsts = lessons.take(order[np.unique(key[order], return_index=True)[1]])
    firsts = firsts.take(firsts.later == LATE)
    day, group, marks = np.unique(firsts.person * 2**16 + firsts.day, return_inverse=True, return_counts=True)
    minutes = np.zeros(len(day), dtype=np.int64)
    np.add.at(minutes, group, firsts.minutes)
    return day // 2**16, day % 2**16, marks, minutes


@dataclass(frozen=True)
class _Day:
    """A pupil's school day with intervals: of each of its minutes the first class (`SCHOOL_ACTIVITY` if there is none
    before it), and the first minute of each late interval with the one after its last."""

    person: int
    day: int
    slot: int
    minutes: Array
    late: list[tuple[int, int]]


def _interval_days(region: Region, reach: Reach, rows: dict[int, Enrolment]) -> Iterator[_Day]:
    """Each minute of a school day takes the first class that covers it."""
    state = reach.state
    items = region.intervals[reach.year]
    items = items.take((items.created <= state) & (state < items.deleted) & np.isin(items.enrolment, list(rows)))
    classes = np.where(items.changed <= state, items.later, items.first)
    items, classes = items.take(classes < SCHOOL_ACTIVITY), classes[classes < SCHOOL_ACTIVITY]
    # Without an end: until the end of the last covered day.
    end = np.where(items.closed <= state, items.end, state * 1440)
    timetable = _Timetable()
    # Minutes by person and day: a list of (class, first minute, last minute) to be laid over each other.
    days_of: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    slots: dict[tuple[int, int], int] = {}
    for enrolment, person, absence_class, begin, finish in zip(
        items.enrolment.tolist(),
        items.person.tolist(),
        classes.tolist(),
        items.start.tolist(),
        end.tolist(),
        strict=True,
    ):
        entry = rows[enrolment]
        days, table = timetable.of(entry)
        low = max(begin // 1440, entry.start)
        high = min(-(-finish // 1440) - 1, entry.last, state - 1)
        for index in range(int(np.searchsorted(days, low)), int(np.searchsorted(days, high, side="right"))):
            day = int(days[index])
            opening = day * 1440 + entry.school.day_start
            closing = opening + int(table[index]) * entry.school.slot_minutes
            first, last = max(begin, opening), min(finish, closing)
            if first < last:
                days_of.setdefault((person, day), []).append((absence_class, first - opening, last - opening))
                slots[person, day] = entry.school.slot_minutes
    for (person, day), pieces in sorted(days_of.items()):
        minutes = np.full(max(last for _, _, last in pieces), SCHOOL_ACTIVITY)
        for absence_class, first, last in sorted(pieces, reverse=True):
            minutes[first:last] = absence_class
        late = [(first, last) for absence_class, first, last in pieces if absence_class == LATE]
        yield _Day(person, day, slots[person, day], minutes, late)


def _from_intervals(region: Region, reach: Reach, rows: dict[int, Enrolment]) -> Absences:
    """Lessons are minutes by the slot's length."""
    found: list[tuple[int, int, int, int]] = []
    for one in _interval_days(region, reach, rows):
        for absence_class in _ABSENCES:
            count = int(np.count_nonzero(one.minutes == absence_class))
            if count:
                # Rounded half up in whole numbers.
                found.append((one.person, one.day, absence_class, (2 * count * UNIT + one.slot) // (2 * one.slot)))
    return _columns(found)


def _late_from_intervals(region: Region, reach: Reach, rows: dict[int, Enrolment]) -> Late:
    """The intervals that are late with any minute of theirs; a minute of two of them is one."""
    found: list[tuple[int, int, int, int]] = []
    for one in _interval_days(region, reach, rows):
        is_late = one.minutes == LATE
        marks = sum(1 for first, last in one.late if is_late[first:last].any())
        if marks:
            found.append((one.person, one.day, marks, int(np.count_nonzero(is_late))))
    return _columns(found)


def _columns(rows: list[tuple[int, int, int, int]]) -> tuple[Array, Array, Array, Array]:
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return columns[0], columns[1], columns[2], columns[3]


def _late_columns(region: Region, reach: Reaches) -> dict[str, pl.Series]:
    """By municipality, person and day, on covered days."""
    known = _scheduled(enrolments(region, reach))
    parts: list[Late] = []
    names: list[str] = []
    for (municipality, year), one in reach.items():
        rows = {n: e for n, e in known.items() if e.municipality == municipality and e.year == year}
        find = _late_from_intervals if municipality == SIILINJARVI else _late_from_lessons
        parts.append(find(region, one, rows))
        names += [municipality] * len(parts[-1][0])
    person, day, marks, minutes = (np.concatenate([part[n] for part in parts]) for n in range(4))
    return {
        "person_id": whole(person),
        "municipality": texts(names),
        "day": parquet.days(day),
        "marks": whole(marks, pl.Int16),
        "minutes": whole(minutes, pl.Int16),
    }


def absences(region: Region, reach: Reaches) -> dict[str, Absences]:
    """Absent lessons by municipality, on covered days; of Varkaus in the months that the workbook reports."""
    known = _scheduled(enrolments(region, reach))
    empty = np.zeros(0, dtype=np.int64)
    parts: dict[str, list[Absences]] = {m: [(empty, empty, empty, empty)] for m in MUNICIPALITIES}
    for (municipality, year), one in reach.items():
        rows = {n: e for n, e in known.items() if e.municipality == municipality and e.year == year}
        find = _from_intervals if municipality == SIILINJARVI else _from_lessons
        parts[municipality].append(find(region, one, rows))

    def joined(municipality: str, column: int) -> Array:
        return np.concatenate([part[column] for part in parts[municipality]])

    return {m: (joined(m, 0), joined(m, 1), joined(m, 2), joined(m, 3)) for m in MUNICIPALITIES}


def _absence_columns(region: Region, reach: Reaches) -> dict[str, pl.Series]:
    found = absences(region, reach)
    columns = [np.concatenate([found[m][n] for m in MUNICIPALITIES]) for n in range(4)]
    where = np.repeat(np.arange(4), [len(found[m][0]) for m in MUNICIPALITIES])
    return {
        "person_id": whole(columns[0]),
        "municipality": texts(MUNICIPALITIES[n] for n in where.tolist()),
        "day": parquet.days(columns[1]),
        "absence_class": texts(CLASSES[n] for n in columns[2].tolist()),
        "lessons": parquet.decimals(columns[3], 8, 4),
    }


def _covered_days(reach: Reaches) -> dict[str, pl.Series]:
    """The school days that a delivery reports on; of Varkaus those of the months that had ended."""
    parts = [(one.municipality, one.days[one.known_at() >= 0]) for one in reach.values()]
    return {
        "municipality": texts(np.repeat([m for m, _ in parts], [len(days) for _, days in parts]).tolist()),
        "day": parquet.days(np.concatenate([days for _, days in parts])),
    }


def _not_reported(region: Region, rows: list[Enrolment], reach: Reaches) -> dict[str, pl.Series]:
    """Varkaus' pupils and months that have ended and of which the workbook says nothing."""
    enrolled = {(e.person_id, e.year) for e in rows if e.municipality == VARKAUS}
    found = []
    for person, year, month in sorted(region.unreported):
        school = year if month >= 8 else year - 1
        first, one = number(date(year, month, 1)), reach.get((VARKAUS, school))
        if one is not None and (person, school) in enrolled:
            covered = one.days[one.known_at() >= 0]
            if first <= int(covered.max(initial=0)):
                found.append((person, first))
    return {
        "person_id": whole([person for person, _ in found]),
        "municipality": texts([VARKAUS] * len(found)),
        "month": parquet.days([first for _, first in found]),
    }


def _support_columns(region: Region, rows: list[Enrolment], reach: Reaches) -> dict[str, pl.Series]:
    """The levels of each pupil of a municipality's school year, by calendar day as far as it is covered."""
    pupils: dict[tuple[str, int], set[int]] = {}
    for e in rows:
        pupils.setdefault((e.municipality, e.year), set()).add(e.person_id)
    held: dict[tuple[str, int], list[support.Support]] = {}
    for row in region.support:
        held.setdefault((row.municipality, row.person_id), []).append(row)
    found: list[tuple[int, str, support.Span]] = []
    for (municipality, year), one in reach.items():
        first, last = first_day(year), one.support_to
        for person in sorted(pupils.get((municipality, year), ())) if first <= last else ():
            known = (support.known(row, one.state) for row in held.get((municipality, person), ()))
            periods = [row for row in known if row is not None and support.touches(row, year)]
            found += [(person, municipality, span) for span in support.spans(periods, first, last)]
    return {
        "person_id": whole([p for p, _, _ in found]),
        "municipality": texts([m for _, m, _ in found]),
        "valid_from": parquet.days([s.first for _, _, s in found]),
        "valid_to": parquet.days([s.last for _, _, s in found]),
        "level": texts([s.level for _, _, s in found]),
        "regime": whole([s.regime for _, _, s in found], pl.Int16),
        "reason": texts([s.reason for _, _, s in found]),
    }


def _support_period_columns(region: Region, rows: list[Enrolment], reach: Reaches) -> dict[str, pl.Series]:
    """The rows behind the levels, as the register of each school year had them at its last delivery."""
    pupils = {(e.municipality, e.year, e.person_id) for e in rows}
    found: list[tuple[int, support.Support]] = []
    for (municipality, year), one in reach.items():
        for row in region.support:
            if row.municipality == municipality and (municipality, year, row.person_id) in pupils:
                known = support.known(row, one.state)
                if known is not None and support.touches(known, year):
                    found.append((year, known))
    # Varkaus' workbook has one column for both kinds of small group.
    one_column = [row.municipality == VARKAUS for _, row in found]
    part = [PART_SMALL_GROUP in row.measures for _, row in found]
    whole_group = [SMALL_GROUP in row.measures for _, row in found]
    return {
        "person_id": whole([row.person_id for _, row in found]),
        "municipality": texts([row.municipality for _, row in found]),
        "school_year": whole([year for year, _ in found], pl.Int16),
        "scheme": texts([row.scheme for _, row in found]),
        "kind": texts([row.kind for _, row in found]),
        "valid_from": parquet.days([row.start for _, row in found]),
        "valid_to": parquet.days([row.end for _, row in found]),
        "placement": whole([row.placement for _, row in found], pl.Int16),
        "special_class": pl.Series([SPECIAL_CLASS in row.measures for _, row in found], dtype=pl.Boolean),
        "small_group": pl.Series(
            [w or (p and one) for w, p, one in zip(whole_group, part, one_column, strict=True)], dtype=pl.Boolean
        ),
        "part_small_group": pl.Series(
            [p and not one for p, one in zip(part, one_column, strict=True)], dtype=pl.Boolean
        ),
        "interpretation": pl.Series([INTERPRETATION in row.measures for _, row in found], dtype=pl.Boolean),
        "assistant": pl.Series([ASSISTANT in row.measures for _, row in found], dtype=pl.Boolean),
        "aids": pl.Series([AIDS in row.measures for _, row in found], dtype=pl.Boolean),
        "functional_areas": pl.Series([row.functional for _, row in found], dtype=pl.Boolean),
        "extended": pl.Series([row.extended for _, row in found], dtype=pl.Boolean),
        "disability_based": pl.Series([row.disability for _, row in found], dtype=pl.Boolean),
    }


def _delivery_columns(reach: Reaches) -> dict[str, pl.Series]:
    """The deliveries that brought something: of Varkaus those whose workbook had been edited since the one before."""
    found: list[tuple[str, int, int, int, int, int]] = []
    for (municipality, year), one in reach.items():
        before: int | None = None
        for night in one.nights:
            first, last, as_of = first_day(year), min(night - 1, last_day(year)), night
            if municipality == KUOPIO and night != one.nights[0]:
                first = max(first, night - WINDOW)
            if municipality == VARKAUS:
                edit = workbook_edit(year, night)
                if edit is None or edit == before:
                    continue
                before = as_of = edit
                # Whole months that had ended when it came.
                last = number(as_date(night).replace(day=1)) - 1
                last = min(last, last_day(year))
            found.append((municipality, year, night, as_of, first, last))
    return {
        "municipality": texts([row[0] for row in found]),
        "school_year": whole([row[1] for row in found], pl.Int16),
        "night": parquet.days([row[2] for row in found]),
        "as_of": parquet.days([row[3] for row in found]),
        "covers_from": parquet.days([row[4] if row[4] <= row[5] else FAR for row in found]),
        "covers_to": parquet.days([row[5] if row[4] <= row[5] else FAR for row in found]),
    }


def _support_covered_columns(reach: Reaches) -> dict[str, pl.Series]:
    """The calendar days of which each school year's deliveries say who has support."""
    found = [(m, year, first_day(year), one.support_to) for (m, year), one in reach.items()]
    found = [row for row in found if row[2] <= row[3]]
    return {
        "municipality": texts([row[0] for row in found]),
        "school_year": whole([row[1] for row in found], pl.Int16),
        "valid_from": parquet.days([row[2] for row in found]),
        "valid_to": parquet.days([row[3] for row in found]),
    }


def _pupil_columns(region: Region, rows: list[Enrolment], reach: Reaches) -> dict[str, pl.Series]:
    seen: dict[tuple[int, int, str], int] = {}
    for e in rows:
        key = (e.person_id, MUNICIPALITIES.index(e.municipality), e.local_id)
        seen[key] = max(seen.get(key, -FAR), reach[e.municipality, e.year].state)
    ids = sorted(seen)
    people = [region.persons[person] for person, _, _ in ids]
    keeps_hetu = [p.hetu if p.hetu_from <= seen[key] else None for p, key in zip(people, ids, strict=True)]
    return {
        "person_id": whole([p for p, _, _ in ids]),
        "municipality": texts([MUNICIPALITIES[m] for _, m, _ in ids]),
        "hetu": texts(keeps_hetu),
        "oppijanumero": texts(
            [p.oppijanumero if MUNICIPALITIES[m] == KUOPIO else None for p, (_, m, _) in zip(people, ids, strict=True)]
        ),
        "local_id": texts([local or None for _, _, local in ids]),
    }


def _school_day_columns(night: int) -> dict[str, pl.Series]:
    parts = []
    for year in YEARS:
        for municipality in MUNICIPALITIES if first_day(year) <= night else ():
            days = working_days(municipality, year)
            parts += [(s, grade, days, day_lessons(s, grade, year)) for s in of(municipality) for grade in s.grades]
    size = [len(days) for _, _, days, _ in parts]
    return {
        "municipality": texts(np.repeat([s.municipality for s, _, _, _ in parts], size).tolist()),
        "school_number": texts(np.repeat([s.number for s, _, _, _ in parts], size).tolist()),
        "grade": whole(np.repeat([grade for _, grade, _, _ in parts], size), pl.Int16),
        "day": parquet.days(np.concatenate([days for _, _, days, _ in parts])),
        "lessons": parquet.decimals(np.concatenate([n for _, _, _, n in parts]).astype(np.int64) * UNIT, 8, 4),
    }


def write_truth(region: Region, night: date, folder: Path, nights: Nights | None = None) -> None:
    """Writes into `folder`, as parquet, what is known on the morning of `night` of the school years so far.

    `nights` are those whose extracts were delivered, of all municipalities or by municipality (what lies after `night`
    is left out); None means every night since 1.8.2024. A school year that is over stays as its last delivery had it.

    - `absence`: person_id, municipality, day, absence_class, lessons decimal(8,4), on covered days; late marks and
      school activities left out; of Varkaus only the months that its workbook reports, on the days on which they
      were (the source has their sums by month only).
    - `late`: person_id, municipality, day, marks, minutes: the late marks of covered days, where lesson or instant has
      no class before late; Iisalmi and Varkaus have none.
    - `covered_day`: municipality, day: the school days that some delivery reports on.
    - `not_reported`: person_id, municipality, month (its first day): months of which Varkaus' workbook could say
      something, and says nothing for the pupil.
    - `support`: person_id, municipality, valid_from, valid_to, level (S0-S3, unknown), regime (2011, 2025 or null),
      reason (of unknown days); all covered days from 1.8., for the pupils of that school year.
    - `pupil`: person_id, municipality, hetu, oppijanumero, local_id, each as far as the municipality has it.
    - `enrolment`: person_id, municipality, school_year, school_number, grade, class_name, form, home_municipality,
      valid_from, valid_to (null while it is open; overlaps resolved, so that a person has one a day). A change of class
      or home municipality holds from the night on which it was first seen.
    - `school_day`: municipality, school_number, grade, day, lessons decimal(8,4), of whole school years.
    - `support_period`: person_id, municipality, school_year, scheme (2011, 2025), kind (INTENSIFIED, SPECIAL, DECISION
      or null), valid_from, valid_to, placement, and whether it has special_class, small_group, part_small_group,
      interpretation, assistant, aids, functional_areas, extended, disability_based: the rows of `support`.
    - `support_covered`: municipality, school_year, valid_from, valid_to: the calendar days of which `support` tells.
    - `delivery`: municipality, school_year, night, as_of, covers_from, covers_to: the deliveries that brought
      something, the day that their data is from, and the calendar days whose absences they report on (of Varkaus whole
      months).

    Raises ValueError for a night outside 2024-08-01 to 2026-07-31, and when no night was delivered.
    """
    school_year(night)
    reach = _reach(night, nights)
    if not reach:
        raise ValueError(f"no night up to {night.isoformat()} was delivered")
    rows = enrolments(region, reach)
    parquet.write(folder / "absence.parquet", _absence_columns(region, reach))
    parquet.write(folder / "late.parquet", _late_columns(region, reach))
    parquet.write(folder / "covered_day.parquet", _covered_days(reach))
    parquet.write(folder / "not_reported.parquet", _not_reported(region, rows, reach))
    parquet.write(folder / "support.parquet", _support_columns(region, rows, reach))
    parquet.write(folder / "pupil.parquet", _pupil_columns(region, rows, reach))
    parquet.write(folder / "enrolment.parquet", _spans(region, rows, number(night), reach))
    parquet.write(folder / "school_day.parquet", _school_day_columns(number(night)))
    parquet.write(folder / "support_period.parquet", _support_period_columns(region, rows, reach))
    parquet.write(folder / "support_covered.parquet", _support_covered_columns(reach))
    parquet.write(folder / "delivery.parquet", _delivery_columns(reach))


def identifiers(region: Region) -> set[str]:
    """Every value that identifies a person or a record of one: HETU, OID, local ids, record numbers and names."""
    found: set[str] = set()
    for person in region.persons:
        found |= {person.hetu, person.oppijanumero, person.name, person.guardian, *person.name.split()}
        found.update(person.guardian.split())
    found |= {e.local_id for e in region.enrolments if e.local_id}
    found |= {row.record for row in region.support if row.record}
    for municipality in (KUOPIO, IISALMI):
        for year in YEARS:
            found.update(map(str, np.unique(region.lessons[municipality, year].record).tolist()))
    for year in YEARS:
        found.update(region.intervals[year].uuid.tolist())
    return found
