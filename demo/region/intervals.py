"""Absences as intervals of time, as Siilinjärvi keeps them."""

from dataclasses import fields

import numpy as np

from demo.region import persons
from demo.region.absences import HEALTH, LATE, LEAVE, SCHOOL_ACTIVITY, UNAUTHORISED, Array, Intervals
from demo.region.calendars import FAR, clock_changes, weekday
from demo.region.enrolments import Enrolment
from demo.region.episodes import GRADE_FACTOR, Rows, draw, knowledge
from demo.region.schools import SIILINJARVI


def build_intervals(rng: np.random.Generator, year: int, enrolments: list[Enrolment], rate: np.ndarray) -> Intervals:
    """The intervals of Siilinjärvi, with late marks and school activities, some of them overlapping."""
    rows = Rows(SIILINJARVI, year, enrolments)
    factor = np.array([0.0, *(GRADE_FACTOR[g] for g in range(1, 10))])
    episodes = draw(rng, rows, rate[rows.person] * factor[rows.grade])
    final, initial, cleared, delay, deleted = knowledge(rng, rows, episodes)
    row = episodes.row
    first_day = rows.days[episodes.start]
    last_index = episodes.start + episodes.days - 1
    last_day = rows.days[last_index]
    begin, slot = rows.day_start[row], rows.slot[row]
    finish = begin + rows.lessons[rows.table[row], last_index] * slot
    part = episodes.count >= 0
    # Whole days are written as school hours, as office hours or from midnight to midnight.
    style = rng.integers(0, 3, len(row))
    start = np.where(style == 0, begin, np.where(style == 1, 8 * 60, 0))
    end = np.where(style == 0, finish, np.where(style == 1, 16 * 60, 24 * 60))
    sent_home = ~part & (rng.random(len(row)) < 0.16)
    start = np.where(sent_home, begin + 10 * rng.integers(3, 18, len(row)), start)
    start = np.where(part, begin + episodes.position * slot, start)
    end = np.where(part, start + episodes.count * slot, end)
    # Parts of a day can start and end at any minute.
    odd = part & (rng.random(len(row)) < 0.2)
    start = np.where(odd, start + rng.integers(1, 30, len(row)), start)
    end = np.where(odd, end - rng.integers(0, 20, len(row)), end)
    end = np.where(~part & (first_day == last_day), np.maximum(end, start + slot), end)

    # Leave is entered beforehand; an illness is open until the pupil is back.
    ahead = (initial == LEAVE) & ~part
    created = np.where(ahead, first_day - rng.integers(0, 20, len(row)), first_day + 1 + delay)
    # Nothing is entered of a pupil who is not in the register yet.
    created = np.maximum(created, rows.known_from[row])
    open_ended = ~ahead & (last_day > first_day) & (rng.random(len(row)) < 0.6)
    closed = np.where(open_ended, last_day + 1 + (rng.random(len(row)) < 0.3), created)
    closed = np.maximum(closed, created)
    at_once = cleared <= created
    first = np.where(at_once, final, initial)
    later = np.where(cleared == FAR, initial, final)
    changed = np.where(at_once, FAR, cleared)
    parts: list[tuple[Array, ...]] = [
        (rows.enrolment[row], rows.person[row], first_day * 1440 + start, last_day * 1440 + end, first, later,
         created, changed, closed, deleted)
    ]  # fmt: skip
    parts += [
        _presence_intervals(rng, rows, LATE, 0.006),
        _presence_intervals(rng, rows, SCHOOL_ACTIVITY, 0.0015),
    ]
    parts += _planted(rows, year)
    columns = [np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)]
    names = [f.name for f in fields(Intervals)][:-1]
    uuid = np.array(persons.uuids(rng, len(columns[0])), dtype=object)
    found = Intervals(**dict(zip(names, columns, strict=True)), uuid=uuid)
    return found.take(np.lexsort((found.person, found.start, found.created)))


def _presence_intervals(rng: np.random.Generator, rows: Rows, absence_class: int, rate: float) -> tuple[Array, ...]:
    span = rows.high - rows.low
    row = np.repeat(np.arange(len(rows.rows)), rng.poisson(span * rate))
    index = rows.low[row] + np.floor(rng.random(len(row)) * span[row]).astype(np.int64)
    day = rows.days[index]
    most = rows.lessons[rows.table[row], index]
    begin = rows.day_start[row] + np.floor(rng.random(len(row)) * most).astype(np.int64) * rows.slot[row]
    late = absence_class == LATE
    start = day * 1440 + (begin if late else rows.day_start[row])
    end = start + (rng.integers(2, 31, len(row)) if late else most * rows.slot[row])
    fixed, never = np.full(len(row), absence_class), np.full(len(row), FAR)
    seen = day + 1
    return rows.enrolment[row], rows.person[row], start, end, fixed, fixed, seen, never, seen, never


def _planted(rows: Rows, year: int) -> list[tuple[Array, ...]]:
    """What must be there at any size: an absence over each change of the clocks, and overlaps of intervals."""
    whole = np.flatnonzero((rows.low == 0) & (rows.high == len(rows.days)))
    clock = [day for day in rows.days if day + 2 in clock_changes(year)]
    found = []
    for n, friday in enumerate(clock):
        row, begin, end = whole[n % len(whole)], int(friday) * 1440 + 600, (int(friday) + 4) * 1440 + 660
        found.append((row, begin, end, HEALTH, int(friday) + 5))
    # Illness of eight days, open until the pupil is back.
    for n, first in enumerate((56, 108)):
        begin, end = int(rows.days[first]), int(rows.days[first + 7])
        row = whole[(4 + n) % len(whole)]
        found.append((row, begin * 1440 + 480, end * 1440 + 960, HEALTH, begin + 1))
    middle = [int(day) for day in rows.days[60:120] if weekday(day) == 0 and day + 2 in rows.days]
    row, monday = whole[2 % len(whole)], middle[0]
    found.append((row, monday * 1440 + 615, (monday + 2) * 1440 + 555, HEALTH, monday + 3))
    found.append((row, (monday + 1) * 1440 + 480, (monday + 1) * 1440 + 960, HEALTH, monday + 3))
    row, monday = whole[3 % len(whole)], middle[1]
    found.append((row, monday * 1440 + 615, monday * 1440 + 765, HEALTH, monday + 1))
    found.append((row, monday * 1440 + 705, monday * 1440 + 735, UNAUTHORISED, monday + 1))
    parts: list[tuple[Array, ...]] = []
    for row, start, end, absence_class, created in found:
        values = (rows.enrolment[row], rows.person[row], start, end, absence_class, absence_class, created, FAR,
                  max(created, end // 1440 + 1), FAR)  # fmt: skip
        parts.append(tuple(np.array([value], dtype=np.int64) for value in values))
    return parts
