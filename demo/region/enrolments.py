"""Who is enrolled where: pupils, their schools and grades, and how they move.

An enrolment is one row a pupil, school and school year. Times at which the municipality's register learnt something
are nights: a row exists in the extracts from the night `known_from`, its end from the night `end_known`.
"""

from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from demo.region import persons
from demo.region.calendars import FAR, YEARS, first_day, last_day, number, working_days
from demo.region.schools import (
    CODES,
    IISALMI,
    KUOPIO,
    MUNICIPALITIES,
    NEIGHBOURS,
    OLD_CODES_OF_KUOPIO,
    PUPILS,
    SIILINJARVI,
    VARKAUS,
    School,
    of,
)

BASIC, FLEX, PREP, HOME, HOSPITAL = FORMS = (
    "BASIC",
    "FLEX",
    "PREP",
    "HOME",
    "HOSPITAL",
)

NEVER = -1
"""Grade of a person who is never at school."""

ALWAYS = -FAR
"""Night of knowledge of what has always been known."""


@dataclass(frozen=True)
class Person:
    """`hetu_from` is the night from which a register has the HETU (`FAR`: it never comes)."""

    person_id: int
    municipality: str
    grade_2024: int
    hetu: str
    hetu_from: int
    oppijanumero: str
    name: str
    guardian: str


@dataclass(frozen=True)
class Enrolment:
    """One enrolment row. `end` is the last day, `FAR` while it is open; `effective_end` is the last day on which the
    row schedules lessons (the day before a later enrolment of the pupil starts, wherever that is).

    From the night `changed` the row has `home_later` and `class_later` in place of `home` and `class_name`.
    A row with a `deleted` night was a mistake: it is gone from that night on.
    """

    enrolment_id: int
    person_id: int
    municipality: str
    year: int
    school: School
    grade: int | None
    class_name: str
    home: str
    form: str
    start: int
    end: int
    known_from: int
    end_known: int
    local_id: str
    changed: int = FAR
    home_later: str = ""
    class_later: str = ""
    deleted: int = FAR
    effective_end: int = FAR

    @property
    def last(self) -> int:
        """The last day that counts, within the school year."""
        return min(self.end, self.effective_end, last_day(self.year))


@dataclass
class _Draft:
    """The enrolments while they are being made."""

    rng: np.random.Generator
    rows: list[Enrolment] = field(default_factory=list)

    def pick(self, pool: list[int], share: float, least: int) -> list[int]:
        """`share` of the pool, at least `least`, in a random order."""
        count = min(len(pool), max(least, round(share * len(pool))))
        return [pool[n] for n in self.rng.permutation(len(pool))[:count].tolist()]

    def pick_rows(self, pool: list[Enrolment], count: int) -> list[Enrolment]:
        """`count` of the rows, in a random order."""
        return [pool[n] for n in self.rng.permutation(len(pool))[:count].tolist()]


def pupils(municipality: str, scale: float) -> int:
    """Pupils of the municipality in a school year; never fewer than three a school."""
    return max(round(PUPILS[municipality] * scale), 3 * len(of(municipality)))


def ghosts(scale: float) -> int:
    """Pupils a school year who are entered by mistake in Siilinjärvi."""
    return max(1, round(3 * scale))


def build_persons(rng: np.random.Generator, scale: float) -> list[Person]:
    """A cohort a grade, from those in grade 9 in 2024-25 to those who start school in 2025 (grade 0).

    The last `2 * ghosts(scale)` are entered by mistake: they are never at school.
    """
    homes: list[str] = []
    grades: list[int] = []
    for municipality in MUNICIPALITIES:
        # Ten cohorts, of which nine are at school in a year.
        count = round(pupils(municipality, scale) * 10 / 9)
        homes += [municipality] * count
        grades += [9 - n % 10 for n in range(count)]
    homes += [SIILINJARVI] * 2 * ghosts(scale)
    grades += [NEVER] * 2 * ghosts(scale)
    total = len(homes)
    born = np.array([number(date(2024 - 6 - (5 if g == NEVER else g), 1, 1)) for g in grades]) + rng.integers(
        0, 365, total
    )
    hetu = persons.hetus(rng, born)
    oid = persons.oids(rng, total)
    name = persons.names(rng, 2 * total)
    hetu_from = np.full(total, ALWAYS, dtype=np.int64)
    for municipality in MUNICIPALITIES:
        if municipality == IISALMI:
            continue  # Iisalmi's views know a pupil by HETU alone.
        pool = [n for n in range(total) if homes[n] == municipality and 1 <= grades[n] <= 8]
        without = _Draft(rng).pick(pool, 0.008, 2)
        half = len(without) // 2
        hetu_from[without[:half]] = FAR
        for n in without[half:]:
            year = int(rng.choice(YEARS))
            hetu_from[n] = first_day(year) + int(rng.integers(60, 200))
    return [
        Person(
            n,
            homes[n],
            grades[n],
            hetu[n],
            int(hetu_from[n]),
            oid[n],
            name[n],
            name[total + n],
        )
        for n in range(total)
    ]


def _quota(rng: np.random.Generator, schools: list[School], settled: int, others: int) -> list[School]:
    """A school for each of `settled + others` pupils, by size. The settled, who stay in these grades for both years, go
    first: two of them to each school, so that none is ever empty."""
    size = np.array([s.size for s in schools], dtype=float)
    sure = (schools * 2)[:settled]
    drawn = rng.choice(len(schools), size=settled + others - len(sure), p=size / size.sum())
    return sure + [schools[n] for n in drawn.tolist()]


class _Places:
    """Each person's school in grades 1-6 and 7-9, by municipality."""

    def __init__(self, rng: np.random.Generator, people: list[Person]) -> None:
        self._rng = rng
        self._chosen: dict[tuple[int, str, bool], School] = {}
        for municipality in MUNICIPALITIES:
            mine = [p for p in people if p.municipality == municipality and p.grade_2024 != NEVER]
            mine = [mine[n] for n in rng.permutation(len(mine)).tolist()]
            lower = sorted((p for p in mine if p.grade_2024 <= 6), key=lambda p: not 1 <= p.grade_2024 <= 5)
            settled = sum(1 <= p.grade_2024 <= 5 for p in lower)
            schools = _quota(rng, [s for s in of(municipality) if s.lowest == 1], settled, len(lower) - settled)
            for person, school in zip(lower, schools, strict=True):
                self._chosen[person.person_id, municipality, False] = school
                if school.highest == 9:
                    # A pupil of a school with grades 1-9 stays there.
                    self._chosen[person.person_id, municipality, True] = school
            upper = [p for p in mine if (p.person_id, municipality, True) not in self._chosen]
            upper.sort(key=lambda p: not 7 <= p.grade_2024 <= 8)
            settled = sum(7 <= p.grade_2024 <= 8 for p in upper)
            schools = _quota(rng, [s for s in of(municipality) if s.highest == 9], settled, len(upper) - settled)
            for person, school in zip(upper, schools, strict=True):
                self._chosen[person.person_id, municipality, True] = school

    def of(self, person_id: int, municipality: str, grade: int) -> School:
        key = (person_id, municipality, grade >= 7)
        if key not in self._chosen:
            fit = [s for s in of(municipality) if grade in s.grades]
            self._chosen[key] = fit[int(self._rng.integers(len(fit)))]
        return self._chosen[key]

    def move(self, person_id: int, school: School, grade: int) -> School:
        """Another school of the same municipality for the rest of the person's time there."""
        fit = [s for s in of(school.municipality) if grade in s.grades and s is not school]
        chosen = fit[int(self._rng.integers(len(fit)))]
        for upper in (False, True):
            if (7 if upper else 1) in chosen.grades:
                self._chosen[person_id, school.municipality, upper] = chosen
        return chosen


def _forms(draft: _Draft, pupil: dict[int, int]) -> dict[int, str]:
    """The form of teaching of those who are not in basic education proper; `pupil`: person id to grade."""
    form: dict[int, str] = {}
    everyone = list(pupil)
    for kind, pool, share in (
        (FLEX, [p for p in everyone if pupil[p] >= 8], 0.03),
        (PREP, everyone, 0.011),
        (HOME, everyone, 0.003),
        (HOSPITAL, everyone, 0.002),
    ):
        form.update(dict.fromkeys(draft.pick([p for p in pool if p not in form], share, 1), kind))
    return form


def _local_ids(rng: np.random.Generator, people: list[Person]) -> dict[tuple[int, str], tuple[str, ...]]:
    """In Siilinjärvi an id a person and a new one after each change of school; in Varkaus one number for good."""
    uuid = persons.uuids(rng, 3 * len(people))
    number_of = persons.oppilasnros(rng, len(people))
    ids: dict[tuple[int, str], tuple[str, ...]] = {}
    for n, person in enumerate(people):
        ids[person.person_id, SIILINJARVI] = tuple(uuid[3 * n : 3 * n + 3])
        ids[person.person_id, VARKAUS] = (number_of[n],) * 3
    return ids


def build_enrolments(rng: np.random.Generator, people: list[Person]) -> list[Enrolment]:
    """The enrolments of both school years, in the order of school year, municipality and person."""
    draft = _Draft(rng)
    places = _Places(rng, people)
    local = _local_ids(rng, people)
    living = {p.person_id: p.municipality for p in people if p.grade_2024 != NEVER}
    # They move to the region in the middle of the second year.
    late = {m: set(draft.pick([p for p in living if living[p] == m], 0.004, 1)) for m in MUNICIPALITIES}
    turns: dict[int, int] = {}
    for year in YEARS:
        present: dict[str, dict[int, int]] = {m: {} for m in MUNICIPALITIES}
        for person in people:
            grade = person.grade_2024 + year - YEARS[0]
            later = any(person.person_id in chosen for chosen in late.values())
            if 1 <= grade <= 9 and person.person_id in living and not (later and year == YEARS[0]):
                present[living[person.person_id]][person.person_id] = grade
        for municipality in MUNICIPALITIES:
            _year(
                draft,
                places,
                local,
                people,
                year,
                municipality,
                present[municipality],
                living,
                turns,
                late[municipality],
            )
    extra = [p for p in people if p.grade_2024 == NEVER]
    _phantoms(draft, people, {year: extra[n :: len(YEARS)] for n, year in enumerate(YEARS)})
    return _with_effective_ends(draft.rows)


def _homes(draft: _Draft, municipality: str, pupil: list[int]) -> dict[int, str]:
    home = dict.fromkeys(pupil, CODES[municipality])
    if municipality == KUOPIO:
        chosen = draft.pick(pupil, 0.06, 3)
        home.update({p: OLD_CODES_OF_KUOPIO[n % 3] for n, p in enumerate(chosen)})
    for n, p in enumerate(draft.pick(pupil, 0.015, 2)):
        home[p] = NEIGHBOURS[municipality][n % len(NEIGHBOURS[municipality])]
    return home


def _year(
    draft: _Draft,
    places: _Places,
    local: dict[tuple[int, str], tuple[str, ...]],
    people: list[Person],
    year: int,
    municipality: str,
    pupil: dict[int, int],
    living: dict[int, str],
    turns: dict[int, int],
    late: set[int],
) -> None:
    """Adds the rows of one municipality's school year, with what happens to its pupils in mid-year."""
    rng = draft.rng
    days = working_days(municipality, year)
    opening = first_day(year) if municipality in (KUOPIO, IISALMI) else int(days[0])
    form = _forms(draft, pupil)
    home = _homes(draft, municipality, list(pupil))
    # A few in preparatory teaching have no grade yet.
    no_grade = set(draft.pick([p for p in pupil if form.get(p) == PREP], 0.4, 1)) if municipality != VARKAUS else set()
    plain = [p for p in pupil if p not in form]
    letters = rng.integers(0, 3, max(pupil) + 1 if pupil else 0)

    def mid_year() -> int:
        return int(days[int(rng.integers(18, len(days) - 30))])

    def row(person_id: int, where: str, school: School, start: int, **known: int | str) -> Enrolment:
        grade = pupil[person_id]
        ids = local.get((person_id, where), ("",) * 3)
        entry = Enrolment(
            len(draft.rows), person_id, where, year, school,
            None if person_id in no_grade else grade,
            f"{grade}{'ABC'[int(letters[person_id])]}",
            home[person_id] if where == municipality else CODES[where],
            form.get(person_id, BASIC), start, FAR, start - int(rng.integers(0, 4)), FAR,
            ids[turns.get(person_id, 0)],
        )  # fmt: skip
        return replace(entry, **known)  # type: ignore[arg-type]

    base = {p: row(p, municipality, places.of(p, municipality, g), opening) for p, g in pupil.items()}
    for p, entry in base.items():
        base[p] = replace(entry, known_from=first_day(year))
    extra: list[Enrolment] = []

    with_hetu = [p for p in plain if people[p].hetu_from == ALWAYS and p not in late]
    movers = draft.pick(with_hetu, 0.01, 1)
    others = [m for m in MUNICIPALITIES if m != municipality]
    for n, p in enumerate(movers):
        # A third move at the turn of the year; who moves to a bigger town is more common.
        day = number(date(year + 1, 1, 1)) if n % 3 == 0 else mid_year()
        weight = np.array([PUPILS[m] for m in others], dtype=float)
        target = others[int(rng.choice(len(others), p=weight / weight.sum()))] if n else others[year % len(others)]
        # The old municipality learns of the move from six days before to four days after it.
        base[p] = replace(base[p], end=day - 1, end_known=day + int(rng.integers(-6, 5)))
        extra.append(row(p, target, places.of(p, target, pupil[p]), day))
        living[p] = target

    arriving = late if year != YEARS[0] else set(draft.pick([p for p in plain if p not in set(movers)], 0.004, 1))
    for p in sorted(arriving & base.keys()):
        day = mid_year()
        base[p] = replace(base[p], start=day, known_from=day - int(rng.integers(0, 4)))
    rest = [p for p in with_hetu if p not in set(movers) and p not in arriving]
    changes = draft.pick(rest, 0.018, 5)
    kinds = ("school", "leave", "form", "change", "overlap")
    share = (0.45, 0.2, 0.1, 0.2, 0.05)
    drawn = rng.choice(len(kinds), size=len(changes), p=share)
    for n, p in enumerate(changes):
        kind = kinds[n] if n < len(kinds) else kinds[int(drawn[n])]
        day = mid_year()
        if kind in ("school", "overlap"):
            old = base[p]
            fits = [s for s in of(municipality) if pupil[p] in s.grades and s is not old.school]
            if not fits:
                continue
            turns[p] = turns.get(p, 0) + 1
            extra.append(row(p, municipality, places.move(p, old.school, pupil[p]), day))
            # Overlap: the old school ends its row only some days after the new one has begun.
            surplus = int(rng.integers(3, 12)) if kind == "overlap" else -1
            base[p] = replace(old, end=day + surplus, end_known=day + max(surplus, 0) + 1)
        elif kind == "leave":
            base[p] = replace(base[p], end=day, end_known=day + int(rng.integers(-6, 5)))
            del living[p]
        elif kind == "form":
            old = base[p]
            form[p] = (FLEX if pupil[p] >= 8 else HOME, HOSPITAL)[n % 2]
            turns[p] = turns.get(p, 0) + 1
            extra.append(row(p, municipality, old.school, day))
            base[p] = replace(old, end=day - 1, end_known=day)
        elif kind == "change":
            old = base[p]
            base[p] = replace(
                old,
                changed=day,
                home_later=NEIGHBOURS[municipality][0] if n % 2 == 0 else old.home,
                class_later=f"{pupil[p]}D",
            )
    first = len(draft.rows)
    draft.rows += [replace(entry, enrolment_id=first + n) for n, entry in enumerate([*base.values(), *extra])]


def _phantoms(draft: _Draft, people: list[Person], ghosts: dict[int, list[Person]]) -> None:
    """Pupils entered by mistake in Siilinjärvi, and deleted after some days."""
    ids = iter(persons.uuids(draft.rng, len(people)))
    for year in YEARS:
        mine = [e for e in draft.rows if e.municipality == SIILINJARVI and e.year == year and e.form == BASIC]
        for n, (ghost, entry) in enumerate(zip(ghosts[year], draft.pick_rows(mine, len(ghosts[year])), strict=True)):
            day = int(working_days(SIILINJARVI, year)[30 + 3 * n])
            draft.rows.append(
                replace(
                    entry, enrolment_id=len(draft.rows), person_id=ghost.person_id, start=day, end=FAR,
                    known_from=day, end_known=FAR, deleted=day + 12, changed=FAR, local_id=next(ids),
                )
            )  # fmt: skip


def supersede(rows: list[Enrolment]) -> list[Enrolment]:
    """One pupil's rows with the day on which each stops to count: the row that started later holds (tie: the one with
    an end date, then the greater school number); the other schedules nothing from that day."""
    ordered = sorted(rows, key=lambda e: (e.start, e.end != FAR, e.school.number, e.enrolment_id))
    return [
        replace(
            entry,
            effective_end=min([later.start for later in ordered[n + 1 :]], default=FAR) - 1,
        )
        if n + 1 < len(ordered)
        else replace(entry, effective_end=FAR)
        for n, entry in enumerate(ordered)
    ]


def _with_effective_ends(rows: list[Enrolment]) -> list[Enrolment]:
    """What really holds: see `supersede`. A row entered by mistake schedules nothing."""
    groups: dict[tuple[int, int], list[Enrolment]] = {}
    for entry in rows:
        groups.setdefault((entry.person_id, entry.year), []).append(entry)
    found = dict(enumerate(rows))
    for group in groups.values():
        if len(group) > 1:
            found.update({entry.enrolment_id: entry for entry in supersede(group)})
        elif group[0].deleted != FAR:
            found[group[0].enrolment_id] = replace(group[0], effective_end=group[0].start - 1)
    return [found[n] for n in range(len(rows))]


def known(entry: Enrolment, night: int) -> Enrolment | None:
    """The row as the register has it on the morning of `night`; None when it is not there."""
    if not entry.known_from <= night < entry.deleted:
        return None
    end = entry.end if entry.end_known <= night else FAR
    if entry.changed <= night:
        return replace(entry, end=end, home=entry.home_later, class_name=entry.class_later)
    return replace(entry, end=end)
