"""How absences come about: whose, when, for how long and why, and when the registers learn of it."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from demo.region.absences import HEALTH, LEAVE, OTHER_ACCEPTED, UNAUTHORISED, UNCLARIFIED, Array
from demo.region.calendars import FAR, day_lessons, first_lesson, weekday, working_days
from demo.region.enrolments import HOME, Enrolment
from demo.region.schools import KUOPIO, VARKAUS


@dataclass(frozen=True)
class Kind:
    """A kind of episode: its share of absent lessons in grades 1-6 and 7-9, mean days (0: some lessons of one day)
    and the share that is first unclarified."""

    absence_class: int
    share: tuple[float, float]
    days: float
    unclarified: float


KINDS = (
    Kind(LEAVE, (0.20, 0.13), 2.4, 0.0),
    Kind(LEAVE, (0.07, 0.05), 0, 0.05),
    Kind(HEALTH, (0.55, 0.47), 2.0, 0.25),
    Kind(HEALTH, (0.06, 0.07), 0, 0.25),
    Kind(UNAUTHORISED, (0.01, 0.05), 1.3, 0.6),
    Kind(UNAUTHORISED, (0.02, 0.12), 0, 0.6),
    Kind(OTHER_ACCEPTED, (0.05, 0.05), 1.2, 0.3),
    Kind(OTHER_ACCEPTED, (0.04, 0.06), 0, 0.3),
)

NEVER_CLARIFIED = 0.03
"""Share of episodes whose reason nobody ever gives."""

MEDIAN, SPREAD, PERSISTENCE = 0.0345, 0.92, 0.85
"""A pupil's absence rate is log-normal; a second year's logarithm correlates with the first's."""

GRADE_FACTOR = {1: 0.8, 2: 0.78, 3: 0.8, 4: 0.83, 5: 0.88, 6: 0.95, 7: 1.2, 8: 1.42, 9: 1.5}

_MONTH_HEALTH = {8: 0.5, 9: 0.9, 10: 0.95, 11: 1.5, 12: 1.2, 1: 1.1, 2: 1.6, 3: 1.15, 4: 0.8, 5: 0.6}


def propensities(rng: np.random.Generator, count: int) -> np.ndarray:
    """Absence rate by person (rows) and school year (columns), before the grade's factor."""
    # One of every ten neighbours (a cohort each) in each tenth of the distribution: small regions have its shape, too.
    tenth = np.concatenate([rng.permutation(10) for _ in range(-(-count // 10))])[:count]
    normal = NormalDist()
    shared = np.array([normal.inv_cdf(u) for u in ((tenth + rng.uniform(0.001, 0.999, count)) / 10).tolist()])
    own = rng.standard_normal((count, 2))
    log = PERSISTENCE**0.5 * shared[:, None] + (1 - PERSISTENCE) ** 0.5 * own
    rate: np.ndarray = np.minimum(MEDIAN * np.exp(SPREAD * log), 0.75)
    return rate


class Rows:
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
        self.table = np.array([tables[e.school.number, e.grade] for e in self.rows if e.grade], dtype=np.int64)
        self.enrolment = np.array([e.enrolment_id for e in self.rows], dtype=np.int64)
        self.person = np.array([e.person_id for e in self.rows], dtype=np.int64)
        self.grade = np.array([e.grade for e in self.rows], dtype=np.int64)
        self.low = np.searchsorted(self.days, [e.start for e in self.rows]).astype(np.int64)
        self.high = np.searchsorted(self.days, [e.last for e in self.rows], side="right").astype(np.int64)
        self.known_from = np.array([e.known_from for e in self.rows], dtype=np.int64)
        self.day_start = np.array([e.school.day_start for e in self.rows], dtype=np.int64)
        self.slot = np.array([e.school.slot_minutes for e in self.rows], dtype=np.int64)

    def scheduled(self) -> Array:
        """Lessons of each enrolment."""
        total = np.concatenate([np.zeros((len(self.lessons), 1), np.int64), np.cumsum(self.lessons, axis=1)], axis=1)
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
        for n in np.flatnonzero(gap > 5).tolist():
            before[max(0, n - 3) : n + 1] = 1
        weight += 6 * before
        weight *= np.where(week == 4, 1.9, 1.0)
    elif absence_class == UNAUTHORISED:
        weight *= np.linspace(0.8, 1.25, len(days))
        weight *= np.where((week == 0) | (week == 4), 1.25, 1.0)
    return weight


@dataclass
class Episodes:
    """Episodes as drawn: position of the enrolment row in `Rows`, first day's index, days, and for a part of a day the
    first lesson's position and the number of lessons (else -1)."""

    row: Array
    start: Array
    days: Array
    position: Array
    count: Array
    kind: Array

    def __len__(self) -> int:
        return len(self.row)


def draw(rng: np.random.Generator, rows: Rows, rate: np.ndarray) -> Episodes:
    """Episodes that come to about `rate` (a fraction of its lessons, by enrolment row)."""
    target = rate * rows.scheduled()
    upper = (rows.grade >= 7).astype(int)
    mean_day = rows.lessons.mean(axis=1)[rows.table]
    other = np.sum([kind.share for kind in KINDS if kind.absence_class == OTHER_ACCEPTED], axis=0)
    parts: list[tuple[Array, ...]] = []
    for n, kind in enumerate(KINDS):
        if rows.municipality == VARKAUS and kind.absence_class == OTHER_ACCEPTED:
            continue  # Varkaus' workbook has no column for it.
        share = np.array(kind.share)[upper]
        if rows.municipality == VARKAUS:
            share = share / (1 - other[upper])
        row = np.repeat(
            np.arange(len(rows.rows)), rng.poisson(target * share / (kind.days * mean_day if kind.days else 2.0))
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
    return Episodes(*(np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True)))


def knowledge(rng: np.random.Generator, rows: Rows, episodes: Episodes) -> tuple[Array, Array, Array, Array, Array]:
    """(final class, class until it is cleared, night of clearing, delay of the entry in nights, night of deletion).

    A reason comes within two weeks of the first day; Kuopio sends 20 days back, so nothing there may be later.
    """
    count = len(episodes)
    final = np.array([k.absence_class for k in KINDS])[episodes.kind]
    waits = np.array([k.unclarified for k in KINDS])[episodes.kind]
    first_day = rows.days[episodes.start]
    last_day = rows.days[episodes.start + episodes.days - 1]
    draw = rng.random(count)
    opened = draw < waits
    never = rng.random(count) < NEVER_CLARIFIED
    final = np.where(never, UNCLARIFIED, final)
    # A reason that is wrong at first: what was taken for truancy turns out to be illness.
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
    # Entered by mistake and taken back; some of it also where there is little of everything.
    mistakes = max(0.008, 6 / max(count, 6))
    deleted = np.where(rng.random(count) < mistakes, last_day + 2 + delay + rng.integers(0, 9, count), FAR)
    if rows.municipality == KUOPIO:
        # A mark older than 20 days is sent no more.
        cleared = np.where(cleared == FAR, FAR, np.minimum(cleared, first_day + 18))
        deleted = np.where(deleted - first_day > 18, FAR, deleted)
    as_int = [np.asarray(column, dtype=np.int64) for column in (final, initial, cleared, delay, deleted)]
    return as_int[0], as_int[1], as_int[2], as_int[3], as_int[4]


def expand(count: Array) -> tuple[Array, Array]:
    """(index of the item, position within it) of `count` copies of each item."""
    index = np.repeat(np.arange(len(count)), count)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(count) - count, count)
    return index, offset
