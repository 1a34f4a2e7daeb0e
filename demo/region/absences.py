"""Absence episodes: what pupils were absent for, and what the registers learnt of it, when.

An episode is one absence of one pupil: some lessons of a day, or days in a row. Three of the municipalities keep
lessons (`Lessons`, one row a lesson), Siilinjärvi keeps intervals (`Intervals`, one row an episode). Both hold
the times of knowledge as nights: a record is there from the night `created`, has the class `later` in place of
`first` from the night `changed`, and is gone from the night `deleted` on.
"""

from dataclasses import dataclass, fields
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from demo.region import persons
from demo.region.calendars import FAR, day_lessons, first_lesson, weekday, working_days
from demo.region.enrolments import HOME, Enrolment
from demo.region.schools import IISALMI, KUOPIO, SIILINJARVI, VARKAUS

Array = npt.NDArray[np.int64]

UNAUTHORISED, UNCLARIFIED, OTHER_ACCEPTED, LEAVE, HEALTH, LATE, SCHOOL_ACTIVITY = range(7)
CLASSES = (
    "unauthorised",
    "unclarified",
    "other_accepted",
    "leave",
    "health",
    "late",
    "school_activity",
)
"""In the order in which they win a lesson."""

UNIT = 10_000
"""Lessons are counted in ten-thousandths, the four decimals of the definitions."""


@dataclass(frozen=True)
class _Kind:
    """A kind of episode: its share of absent lessons in grades 1-6 and 7-9, mean days (0: some lessons of one day),
    the share that is first unclarified, and the share of late entries."""

    absence_class: int
    share: tuple[float, float]
    days: float
    unclarified: float


_KINDS = (
    _Kind(LEAVE, (0.20, 0.13), 2.4, 0.0),
    _Kind(LEAVE, (0.07, 0.05), 0, 0.05),
    _Kind(HEALTH, (0.55, 0.47), 2.0, 0.25),
    _Kind(HEALTH, (0.06, 0.07), 0, 0.25),
    _Kind(UNAUTHORISED, (0.01, 0.05), 1.3, 0.6),
    _Kind(UNAUTHORISED, (0.02, 0.12), 0, 0.6),
    _Kind(OTHER_ACCEPTED, (0.05, 0.05), 1.2, 0.3),
    _Kind(OTHER_ACCEPTED, (0.04, 0.06), 0, 0.3),
)

NEVER_CLARIFIED = 0.03
"""Share of episodes whose reason nobody ever gives."""

MEDIAN, SPREAD, PERSISTENCE = 0.0345, 0.92, 0.85
"""A pupil's absence rate is log-normal; a second year's logarithm correlates with the first's."""

GRADE_FACTOR = {
    1: 0.8,
    2: 0.78,
    3: 0.8,
    4: 0.83,
    5: 0.88,
    6: 0.95,
    7: 1.2,
    8: 1.42,
    9: 1.5,
}

_MONTH_HEALTH = {
    8: 0.5,
    9: 0.9,
    10: 0.95,
    11: 1.5,
    12: 1.2,
    1: 1.1,
    2: 1.6,
    3: 1.15,
    4: 0.8,
    5: 0.6,
}


@dataclass(frozen=True)
class Lessons:
    """One row a lesson (or a part of one, in `amount`: ten-thousandths). `enrolment` is an enrolment id; `record` is
    the record number (Kuopio: of the mark; Iisalmi: of the row that holds the lesson), `minutes` those of a late mark.
    `twin` is 1 for the second mark of a lesson taught together, which counts nothing of its own."""

    enrolment: Array
    person: Array
    day: Array
    lesson: Array
    amount: Array
    first: Array
    later: Array
    created: Array
    changed: Array
    deleted: Array
    record: Array
    minutes: Array
    twin: Array

    def take(self, index: npt.NDArray[np.generic]) -> "Lessons":
        """The rows of an index or mask."""
        return Lessons(*(getattr(self, f.name)[index] for f in fields(self)))

    def known(self, night: int) -> "Lessons":
        """The rows that are there on the morning of `night`, with `later` holding the class they have then."""
        kept = self.take((self.created <= night) & (night < self.deleted))
        values = {f.name: getattr(kept, f.name) for f in fields(self)}
        values["later"] = np.where(kept.changed <= night, kept.later, kept.first)
        return Lessons(**values)


@dataclass(frozen=True)
class Intervals:
    """One row an interval of Siilinjärvi. `start` and `end` are minutes of local wall-clock time since 1970-01-01;
    from the night `closed` the end is known, before that the interval is open."""

    enrolment: Array
    person: Array
    start: Array
    end: Array
    first: Array
    later: Array
    created: Array
    changed: Array
    closed: Array
    deleted: Array
    uuid: npt.NDArray[np.object_]

    def take(self, index: npt.NDArray[np.generic]) -> "Intervals":
        """The rows of an index or mask."""
        return Intervals(*(getattr(self, f.name)[index] for f in fields(self)))


def propensities(rng: np.random.Generator, count: int) -> np.ndarray:
    """Absence rate by person (rows) and school year (columns), before the grade's factor."""
    # One of every ten neighbours (a cohort each) in each tenth of the distribution: small regions have its shape, too.
    tenth = np.concatenate([rng.permutation(10) for _ in range(-(-count // 10))])[:count]
    normal = NormalDist()
    shared = np.array([normal.inv_cdf(u) for u in ((tenth + rng.uniform(0.001, 0.999, count)) / 10).tolist()])
    own = rng.standard_normal((count, 2))
    log = PERSISTENCE**0.5 * shared[:, None] + (1 - PERSISTENCE) ** 0.5 * own
    return np.minimum(MEDIAN * np.exp(SPREAD * log), 0.75)


class _Rows:
    """The enrolments of a municipality's school year that have lessons, with their timetable."""

    def __init__(self, municipality: str, year: int, enrolments: list[Enrolment]) -> None:
        self.municipality, self.year = municipality, year
        self.days = working_days(municipality, year).astype(np.int64)
        self.rows = [
            e for e in enrolments
            if e.municipality == municipality and e.year == year and e.grade is not None and e.form != HOME
            and e.start <= e.last
        ]  # fmt: skip
        tables: dict[tuple[str, int], int] = {}
        lessons, starts = [], []
        for e in self.rows:
            assert e.grade is not None
            key = (e.school.number, e.grade)
            if key not in tables:
                tables[key] = len(tables)
                lessons.append(day_lessons(e.school, e.grade, year).astype(np.int64))
                starts.append(np.array(first_lesson(e.school, e.grade), dtype=np.int64)[weekday(self.days)])
        self.lessons = np.array(lessons, dtype=np.int64).reshape(-1, len(self.days))
        self.first_lesson = np.array(starts, dtype=np.int64).reshape(-1, len(self.days))
        self.table = np.array(
            [tables[e.school.number, e.grade] for e in self.rows if e.grade],
            dtype=np.int64,
        )
        self.enrolment = np.array([e.enrolment_id for e in self.rows], dtype=np.int64)
        self.person = np.array([e.person_id for e in self.rows], dtype=np.int64)
        self.grade = np.array([e.grade for e in self.rows], dtype=np.int64)
        self.low = np.searchsorted(self.days, [e.start for e in self.rows]).astype(np.int64)
        self.high = np.searchsorted(self.days, [e.last for e in self.rows], side="right").astype(np.int64)
        self.day_start = np.array([e.school.day_start for e in self.rows], dtype=np.int64)
        self.slot = np.array([e.school.slot_minutes for e in self.rows], dtype=np.int64)

    def scheduled(self) -> Array:
        """Lessons of each enrolment."""
        total = np.concatenate(
            [
                np.zeros((len(self.lessons), 1), np.int64),
                np.cumsum(self.lessons, axis=1),
            ],
            axis=1,
        )
        found: Array = total[self.table, self.high] - total[self.table, self.low]
        return found


def _day_weights(days: Array, absence_class: int) -> np.ndarray:
    """How likely an episode starts on each day: illness in November and February, leave before holidays, Mondays and
    Fridays."""
    month = (days.astype("datetime64[D]").astype("datetime64[M]").astype(int)) % 12 + 1
    weight = np.ones(len(days))
    week = weekday(days)
    if absence_class == HEALTH:
        weight *= np.array([_MONTH_HEALTH.get(int(m), 0.5) for m in month])
        weight *= np.where(week == 0, 1.15, np.where(week == 4, 1.1, 1.0))
    elif absence_class == LEAVE:
        gap = np.diff(days, append=days[-1] + 60)
        before = np.zeros(len(days))
        for n in np.flatnonzero(gap > 5):
            before[max(0, n - 3) : n + 1] = 1
        weight += 6 * before
        weight *= np.where(week == 4, 1.9, 1.0)
    elif absence_class == UNAUTHORISED:
        weight *= np.linspace(0.8, 1.25, len(days))
        weight *= np.where((week == 0) | (week == 4), 1.25, 1.0)
    return weight


@dataclass
class _Episodes:
    """Episodes as drawn: position of the enrolment row in `_Rows`, first day's index, days, and for a part of a day the
    first lesson's position and the number of lessons (else -1)."""

    row: Array
    start: Array
    days: Array
    position: Array
    count: Array
    kind: Array

    def __len__(self) -> int:
        return len(self.row)


def _draw(rng: np.random.Generator, rows: _Rows, rate: np.ndarray) -> _Episodes:
    target = rate * rows.scheduled()
    upper = (rows.grade >= 7).astype(int)
    mean_day = rows.lessons.mean(axis=1)[rows.table]
    other = np.sum([kind.share for kind in _KINDS if kind.absence_class == OTHER_ACCEPTED], axis=0)
    parts: list[tuple[Array, ...]] = []
    for n, kind in enumerate(_KINDS):
        if rows.municipality == VARKAUS and kind.absence_class == OTHER_ACCEPTED:
            continue  # Varkaus' workbook has no column for it.
        share = np.array(kind.share)[upper]
        if rows.municipality == VARKAUS:
            share = share / (1 - other[upper])
        row = np.repeat(
            np.arange(len(rows.rows)),
            rng.poisson(target * share / (kind.days * mean_day if kind.days else 2.0)),
        )
        weight = np.concatenate([[0.0], np.cumsum(_day_weights(rows.days, kind.absence_class))])
        low, high = weight[rows.low[row]], weight[rows.high[row]]
        start = np.searchsorted(weight, low + rng.random(len(row)) * (high - low), side="right") - 1
        start = np.clip(start, rows.low[row], rows.high[row] - 1)
        if kind.days:
            days = np.minimum(rng.geometric(1 / kind.days, len(row)), 15)
            position = count = np.full(len(row), -1)
        else:
            days = np.ones(len(row), dtype=np.int64)
            most = rows.lessons[rows.table[row], start]
            count = np.minimum(rng.choice([1, 2, 3, 4], len(row), p=[0.4, 0.32, 0.18, 0.1]), most)
            position = np.floor(rng.random(len(row)) * (most - count + 1)).astype(np.int64)
        days = np.minimum(days, rows.high[row] - start)
        parts.append((row, start, days, position, count, np.full(len(row), n)))
    return _Episodes(*(np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)))


def _knowledge(rng: np.random.Generator, rows: _Rows, episodes: _Episodes) -> tuple[Array, Array, Array, Array, Array]:
    """(final class, class until it is cleared, night of clearing, delay of the entry in nights, night of deletion).

    A reason comes within two weeks of the first day; Kuopio sends 20 days back, so nothing there may be later.
    """
    count = len(episodes)
    final = np.array([k.absence_class for k in _KINDS])[episodes.kind]
    waits = np.array([k.unclarified for k in _KINDS])[episodes.kind]
    first_day = rows.days[episodes.start]
    last_day = rows.days[episodes.start + episodes.days - 1]
    draw = rng.random(count)
    opened = draw < waits
    never = rng.random(count) < NEVER_CLARIFIED
    final = np.where(never, UNCLARIFIED, final)
    # A reason that is wrong at first: what was taken for illness turns out unauthorised.
    revised = ~opened & ~never & (final == HEALTH) & (rng.random(count) < 0.015)
    initial = np.where(opened & ~never, UNCLARIFIED, final)
    initial = np.where(revised, UNAUTHORISED, initial)
    lag = np.minimum(rng.geometric(0.22, count), 14)
    if rows.municipality != KUOPIO:
        lag = np.where(rng.random(count) < 0.04, lag + rng.integers(14, 30, count), lag)
    cleared = np.where(initial != final, first_day + 1 + lag, FAR)
    cleared = np.where(revised, last_day + 1 + lag, cleared)
    delay = np.where(rng.random(count) < 0.03, rng.integers(1, 6, count), 0)
    delay = np.where(initial == LEAVE, 0, delay)
    deleted = np.where(rng.random(count) < 0.008, last_day + 2 + delay + rng.integers(0, 9, count), FAR)
    if rows.municipality == KUOPIO:
        # A mark older than 20 days is sent no more.
        cleared = np.where(cleared == FAR, FAR, np.minimum(cleared, first_day + 18))
        deleted = np.where(deleted - first_day > 18, FAR, deleted)
    as_int = [np.asarray(column, dtype=np.int64) for column in (final, initial, cleared, delay, deleted)]
    return as_int[0], as_int[1], as_int[2], as_int[3], as_int[4]


def _expand(count: Array) -> tuple[Array, Array]:
    """(index of the item, position within it) of `count` copies of each item."""
    index = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    return index, offset


def build_lessons(rng: np.random.Generator, municipality: str, year: int, enrolments: list[Enrolment],
                  rate: np.ndarray) -> Lessons:  # fmt: skip
    """The lessons of Kuopio, Iisalmi or Varkaus; `rate` is each person's propensity in the year."""
    rows = _Rows(municipality, year, enrolments)
    factor = np.array([0.0, *(GRADE_FACTOR[g] for g in range(1, 10))])
    episodes = _draw(rng, rows, rate[rows.person] * factor[rows.grade])
    final, initial, cleared, delay, deleted = _knowledge(rng, rows, episodes)

    episode, offset = _expand(episodes.days)
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
    piece, lesson = _expand(np.where(part, episodes.count[episode], most - begin))
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
    # Half a lesson now and then.
    values = {f.name: getattr(found, f.name) for f in fields(found)}
    values["amount"] = np.where(rng.random(len(row)) < 0.01, UNIT // 2, UNIT)
    return Lessons(**values)


def _concatenate(*parts: Lessons) -> Lessons:
    return Lessons(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Lessons)))


def _presence_marks(
    rng: np.random.Generator,
    rows: _Rows,
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
        piece, lesson = _expand(most)
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


def _kuopio(rng: np.random.Generator, rows: _Rows, found: Lessons) -> Lessons:
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


def _iisalmi(rng: np.random.Generator, rows: _Rows, found: Lessons) -> Lessons:
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
    values["record"] = persons.record_numbers(rng, len(first))[inverse]
    found = Lessons(**values)

    # A whole day of illness, and two lessons unauthorised on top of it: two more than the day has.
    size = np.bincount(inverse)
    table = {int(e): n for n, e in enumerate(rows.enrolment)}
    at = np.searchsorted(rows.days, found.day)
    position = np.array([table[int(e)] for e in found.enrolment], dtype=np.int64)
    most = rows.lessons[rows.table[position], at]
    whole = (size[inverse] == most) & (found.later == HEALTH) & (found.first == HEALTH)
    whole &= (found.deleted == FAR) & (found.amount == UNIT) & (np.bincount(group)[group] == size[inverse])
    pool = np.unique(inverse[whole & last_of_record])
    chosen = rng.permutation(pool)[: max(1, len(pool) // 400)]
    extra = found.take(np.flatnonzero(np.isin(inverse, chosen) & last_of_record))
    values = {f.name: getattr(extra, f.name) for f in fields(extra)}
    values["first"] = values["later"] = np.full(len(extra.day), UNAUTHORISED)
    values["amount"] = np.full(len(extra.day), 2 * UNIT)
    values["record"] = persons.record_numbers(rng, len(extra.day))
    taken = set(found.record.tolist())
    assert not taken & set(values["record"].tolist())
    return _concatenate(found, Lessons(**values))


def build_intervals(rng: np.random.Generator, year: int, enrolments: list[Enrolment], rate: np.ndarray) -> Intervals:
    """The intervals of Siilinjärvi, with late marks and school activities, some of them overlapping."""
    rows = _Rows(SIILINJARVI, year, enrolments)
    factor = np.array([0.0, *(GRADE_FACTOR[g] for g in range(1, 10))])
    episodes = _draw(rng, rows, rate[rows.person] * factor[rows.grade])
    final, initial, cleared, delay, deleted = _knowledge(rng, rows, episodes)
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
    open_ended = ~ahead & (last_day > first_day) & (rng.random(len(row)) < 0.6)
    closed = np.where(open_ended, last_day + 1 + (rng.random(len(row)) < 0.3), created)
    closed = np.maximum(closed, created)
    at_once = cleared <= created
    first = np.where(at_once, final, initial)
    later = np.where(cleared == FAR, initial, final)
    changed = np.where(at_once, FAR, cleared)
    parts = [
        (rows.enrolment[row], rows.person[row], first_day * 1440 + start, last_day * 1440 + end, first, later,
         created, changed, closed, deleted)
    ]  # fmt: skip
    parts += [
        _presence_intervals(rng, rows, LATE, 0.006),
        _presence_intervals(rng, rows, SCHOOL_ACTIVITY, 0.0015),
    ]
    parts += _planted(rows, year)
    columns = [np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)]
    uuid = np.array(persons.uuids(rng, len(columns[0])), dtype=object)
    found = Intervals(*columns, uuid)
    return found.take(np.lexsort((found.person, found.start, found.created)))


def _presence_intervals(rng: np.random.Generator, rows: _Rows, absence_class: int, rate: float) -> tuple[Array, ...]:
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
    return (
        rows.enrolment[row],
        rows.person[row],
        start,
        end,
        fixed,
        fixed,
        day + 1,
        never,
        day + 1,
        never,
    )


def _planted(rows: _Rows, year: int) -> list[tuple[Array, ...]]:
    """What must be there at any size: an absence over each change of the clocks, and overlaps of intervals."""
    whole = np.flatnonzero((rows.low == 0) & (rows.high == len(rows.days)))
    clock = [day for day in rows.days if day + 2 in _clock_changes(year)]
    found = []
    for n, friday in enumerate(clock):
        row = whole[n % len(whole)]
        found.append(
            (
                row,
                int(friday) * 1440 + 10 * 60,
                (int(friday) + 4) * 1440 + 11 * 60,
                HEALTH,
                int(friday) + 5,
            )
        )
    middle = [int(day) for day in rows.days[60:120] if weekday(day) == 0 and day + 2 in rows.days]
    row, monday = whole[2 % len(whole)], middle[0]
    found.append((row, monday * 1440 + 615, (monday + 2) * 1440 + 555, HEALTH, monday + 3))
    found.append((row, (monday + 1) * 1440 + 480, (monday + 1) * 1440 + 960, HEALTH, monday + 3))
    row, monday = whole[3 % len(whole)], middle[1]
    found.append((row, monday * 1440 + 615, monday * 1440 + 765, HEALTH, monday + 1))
    found.append((row, monday * 1440 + 705, monday * 1440 + 735, UNAUTHORISED, monday + 1))
    parts = []
    for row, start, end, absence_class, created in found:
        values = (rows.enrolment[row], rows.person[row], start, end, absence_class, absence_class, created, FAR,
                  created, FAR)  # fmt: skip
        parts.append(tuple(np.array([value], dtype=np.int64) for value in values))
    return parts


def _clock_changes(year: int) -> tuple[int, int]:
    """Day numbers of the last Sundays of October and March."""
    found = []
    for end in (f"{year}-11-01", f"{year + 1}-04-01"):
        last = int(np.datetime64(end, "D").astype(int)) - 1
        found.append(last - (int(weekday(np.array(last))) + 1) % 7)
    return found[0], found[1]


def utc_offset_hours(minutes: Array) -> Array:
    """Hours that the wall clock of Helsinki is ahead of UTC at wall-clock minutes since 1970-01-01: 3 in summer."""
    found = np.full(len(minutes), 2, dtype=np.int64)
    for year in range(2023, 2027):
        october, _ = _clock_changes(year)
        _, march = _clock_changes(year - 1)
        found[(minutes >= march * 1440 + 240) & (minutes < october * 1440 + 240)] = 3
    return found
