"""Absences lesson by lesson, as Kuopio, Iisalmi and Varkaus keep them."""

from dataclasses import fields

import numpy as np

from demo.region import persons
from demo.region.absences import (
    HEALTH,
    LATE,
    LEAVE,
    OTHER_ACCEPTED,
    SCHOOL_ACTIVITY,
    UNAUTHORISED,
    UNCLARIFIED,
    UNIT,
    Array,
    Lessons,
)
from demo.region.calendars import FAR, last_day
from demo.region.enrolments import Enrolment
from demo.region.episodes import GRADE_FACTOR, Rows, draw, expand, knowledge
from demo.region.schools import IISALMI, KUOPIO


def build_lessons(rng: np.random.Generator, municipality: str, year: int, enrolments: list[Enrolment],
                  rate: np.ndarray) -> Lessons:  # fmt: skip
    """The lessons of Kuopio, Iisalmi or Varkaus; `rate` is each person's propensity in the year."""
    rows = Rows(municipality, year, enrolments)
    factor = np.array([0.0, *(GRADE_FACTOR[g] for g in range(1, 10))])
    episodes = draw(rng, rows, rate[rows.person] * factor[rows.grade])
    final, initial, cleared, delay, deleted = knowledge(rng, rows, episodes)

    episode, offset = expand(episodes.days)
    row, index = episodes.row[episode], episodes.start[episode] + offset
    most = rows.lessons[rows.table[row], index]
    part = episodes.count[episode] >= 0
    # One in six goes home in the middle of the first day.
    sent_home = ~part & (offset == 0) & (rng.random(len(episode)) < 0.16) & (most > 1)
    begin = np.where(part, episodes.position[episode], 0)
    begin = np.where(
        sent_home,
        1 + np.floor(rng.random(len(episode)) * (most - 1)).astype(np.int64),
        begin,
    )
    piece, lesson = expand(np.where(part, episodes.count[episode], most - begin))
    position = begin[piece] + lesson

    # One lesson, one absence: the episode that was drawn first keeps it.
    key = (row[piece] * len(rows.days) + index[piece]) * 16 + position
    _, kept = np.unique(key, return_index=True)
    piece, position = piece[kept], position[kept]
    episode, row, index = episode[piece], row[piece], index[piece]
    day = rows.days[index]
    created = day + 1 + delay[episode]
    known_at_once = cleared[episode] <= created
    found = Lessons(
        enrolment=rows.enrolment[row], person=rows.person[row], day=day,
        lesson=rows.first_lesson[rows.table[row], index] + position + 1,
        amount=np.full(len(row), UNIT),
        first=np.where(known_at_once, final[episode], initial[episode]),
        later=np.where(cleared[episode] == FAR, initial[episode], final[episode]),
        created=created, changed=np.where(known_at_once, FAR, cleared[episode]), deleted=deleted[episode],
        record=np.zeros(len(row), dtype=np.int64), minutes=np.zeros(len(row), dtype=np.int64),
        twin=np.zeros(len(row), dtype=np.int64),
    )  # fmt: skip
    if municipality == KUOPIO:
        return _kuopio(rng, rows, found)
    if municipality == IISALMI:
        return _iisalmi(rng, rows, found)
    # Half a lesson now and then; and reasons from May that come in August, when the year's workbook is still read.
    values = {f.name: getattr(found, f.name) for f in fields(found)}
    values["amount"] = np.where(rng.random(len(row)) < 0.01, UNIT // 2, UNIT)
    settled = (found.day > rows.days[-20]) & (found.later == HEALTH) & (found.deleted == FAR)
    pool = np.flatnonzero(settled & ((found.first == UNCLARIFIED) | (np.cumsum(settled) <= 2)))
    late = rng.permutation(pool)[: max(2, len(pool) // 10)]
    values["first"][late] = UNCLARIFIED
    values["changed"][late] = last_day(year) + 3
    return Lessons(**values)


def _concatenate(*parts: Lessons) -> Lessons:
    return Lessons(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Lessons)))


def _presence_marks(
    rng: np.random.Generator,
    rows: Rows,
    taken: Lessons,
    absence_class: int,
    rate: float,
) -> Lessons:
    """Marks that are no absence (late, school activity), on lessons that have no other mark."""
    span = rows.high - rows.low
    row = np.repeat(np.arange(len(rows.rows)), rng.poisson(span * rate))
    index = rows.low[row] + np.floor(rng.random(len(row)) * span[row]).astype(np.int64)
    most = rows.lessons[rows.table[row], index]
    first = rows.first_lesson[rows.table[row], index] + 1
    if absence_class == LATE:
        piece, lesson = (
            np.arange(len(row)),
            np.floor(rng.random(len(row)) * most).astype(np.int64),
        )
    else:
        piece, lesson = expand(most)
    row, day, number = row[piece], rows.days[index[piece]], first[piece] + lesson

    def key(enrolment: Array, days: Array, lessons: Array) -> Array:
        return (enrolment * 2**20 + days) * 16 + lessons

    keys = key(rows.enrolment[row], day, number)
    _, unique = np.unique(keys, return_index=True)
    free = unique[~np.isin(keys[unique], key(taken.enrolment, taken.day, taken.lesson))]
    row, day, number = row[free], day[free], number[free]
    fixed = np.full(len(row), absence_class)
    zero = np.zeros(len(row), dtype=np.int64)
    return Lessons(
        enrolment=rows.enrolment[row], person=rows.person[row], day=day, lesson=number,
        amount=np.full(len(row), UNIT), first=fixed, later=fixed, created=day + 1,
        changed=np.full(len(row), FAR), deleted=np.full(len(row), FAR), record=zero,
        minutes=rng.integers(2, 31, len(row)) if absence_class == LATE else zero, twin=zero,
    )  # fmt: skip


def _kuopio(rng: np.random.Generator, rows: Rows, found: Lessons) -> Lessons:
    """Adds late marks, school activities and the second marks of lessons taught together, and numbers the marks."""
    late = _presence_marks(rng, rows, found, LATE, 0.006)
    found = _concatenate(found, late)
    found = _concatenate(found, _presence_marks(rng, rows, found, SCHOOL_ACTIVITY, 0.0015))
    twin = found.take(np.flatnonzero(rng.random(len(found.day)) < 0.02))
    values = {f.name: getattr(twin, f.name) for f in fields(twin)}
    values["twin"] = np.ones(len(twin.day), dtype=np.int64)
    # The second teacher's code: the same, or for an unauthorised lesson one that loses to it.
    differs = (twin.first == UNAUTHORISED) & (twin.later == UNAUTHORISED) & (rng.random(len(twin.day)) < 0.6)
    other = rng.choice(
        [OTHER_ACCEPTED, LEAVE, HEALTH, LATE, SCHOOL_ACTIVITY],
        len(twin.day),
        p=[0.15, 0.2, 0.5, 0.1, 0.05],
    )
    values["first"] = np.where(differs, other, twin.first)
    values["later"] = np.where(differs, other, twin.later)
    values["minutes"] = np.where(values["later"] == LATE, np.maximum(twin.minutes, 5), 0)
    found = _concatenate(found, Lessons(**values))
    found = found.take(np.lexsort((found.twin, found.lesson, found.person, found.day)))
    values = {f.name: getattr(found, f.name) for f in fields(found)}
    values["record"] = persons.record_numbers(rng, len(found.day))
    return Lessons(**values)


def _iisalmi(rng: np.random.Generator, rows: Rows, found: Lessons) -> Lessons:
    """Gathers the lessons into records, one a pupil, day and reason at any time, and adds school activities, parts of
    lessons and more hours than the day has."""
    found = _concatenate(found, _presence_marks(rng, rows, found, SCHOOL_ACTIVITY, 0.0015))
    found = found.take(np.lexsort((found.lesson, found.person, found.day)))
    values = {f.name: getattr(found, f.name) for f in fields(found)}
    _, first, group = np.unique(found.day * 2**20 + found.person, return_index=True, return_inverse=True)
    head = first[group]
    # The first lesson's reason is the record's; lessons that were unauthorised all along make a second record.
    apart = (found.first == UNAUTHORISED) & (found.later == UNAUTHORISED)
    apart &= (found.first[head] != UNAUTHORISED) & (found.later[head] != UNAUTHORISED)
    apart &= found.first[head] != SCHOOL_ACTIVITY
    for name in ("first", "later", "created", "changed", "deleted"):
        values[name] = np.where(apart, values[name], values[name][head])
    record_key = group * 2 + apart
    # All lessons of the second record have one history, too.
    _, first, inverse = np.unique(record_key, return_index=True, return_inverse=True)
    for name in ("created", "changed", "deleted"):
        values[name] = values[name][first[inverse]]
    last_of_record = np.zeros(len(group), dtype=bool)
    last_of_record[len(group) - 1 - np.unique(record_key[::-1], return_index=True)[1]] = True
    share = rng.choice([UNIT, UNIT // 2, UNIT // 4 * 3], len(group), p=[0.94, 0.04, 0.02])
    values["amount"] = np.where(last_of_record, share, UNIT)
    records = persons.record_numbers(rng, 2 * len(first))
    values["record"] = records[inverse]
    found = Lessons(**values)

    # A whole day of illness, and two lessons unauthorised on top of it: two more than the day has.
    size = np.bincount(inverse)
    table = {int(e): n for n, e in enumerate(rows.enrolment)}
    at = np.searchsorted(rows.days, found.day)
    position = np.array([table[int(e)] for e in found.enrolment], dtype=np.int64)
    most = rows.lessons[rows.table[position], at]
    whole = (size[inverse] == most) & (found.later == HEALTH) & (found.first == HEALTH)
    whole &= (found.deleted == FAR) & (found.amount == UNIT) & (np.bincount(group)[group] == size[inverse])
    whole &= (at < len(rows.days) // 2) & (found.created == found.day + 1)
    pool = np.unique(inverse[whole & last_of_record])
    chosen = rng.permutation(pool)[: max(1, len(pool) // 400)]
    extra = found.take(np.flatnonzero(np.isin(inverse, chosen) & last_of_record))
    values = {f.name: getattr(extra, f.name) for f in fields(extra)}
    values["first"] = values["later"] = np.full(len(extra.day), UNAUTHORISED)
    values["amount"] = np.full(len(extra.day), 2 * UNIT)
    values["record"] = records[len(first) :][: len(extra.day)]
    return _concatenate(found, Lessons(**values))
