"""Who is enrolled where: pupils, their schools and grades, and how they move.

An enrolment is one row a pupil, school and school year. Times at which the municipality's register learnt something
are nights: a row exists in the extracts from the night `known_from`, its end from the night `end_known`.
"""

from dataclasses import dataclass, replace
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


def _pick(rng: np.random.Generator, pool: list[int], share: float, least: int) -> list[int]:
    """`share` of the pool, at least `least`, in a random order."""
    count = min(len(pool), max(least, round(share * len(pool))))
    return [pool[n] for n in rng.permutation(len(pool))[:count].tolist()]


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
    # Who starts school in a year turns seven in it.
    first_of_year = [number(date(2018 - (5 if grade == NEVER else grade), 1, 1)) for grade in grades]
    born = np.array(first_of_year) + rng.integers(0, 365, total)
    hetu = persons.hetus(rng, born)
    oid = persons.oids(rng, total)
    name = persons.names(rng, 2 * total)
    hetu_from = np.full(total, ALWAYS, dtype=np.int64)
    for municipality in MUNICIPALITIES:
        if municipality == IISALMI:
            continue  # Iisalmi's views know a pupil by HETU alone.
        pool = [n for n in range(total) if homes[n] == municipality and 1 <= grades[n] <= 8]
        without = _pick(rng, pool, 0.008, 2)
        half = len(without) // 2
        hetu_from[without[:half]] = FAR
        for n in without[half:]:
            year = int(rng.choice(YEARS))
            hetu_from[n] = first_day(year) + int(rng.integers(60, 200))
    return [
        Person(n, homes[n], grades[n], hetu[n], int(hetu_from[n]), oid[n], name[n], name[total + n])
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


def _forms(rng: np.random.Generator, pupil: dict[int, int]) -> dict[int, str]:
    """The form of teaching of those who are not in basic education proper; `pupil`: person id to grade."""
    form: dict[int, str] = {}
    everyone = list(pupil)
    for kind, pool, share in (
        (FLEX, [p for p in everyone if pupil[p] >= 8], 0.03),
        (PREP, everyone, 0.011),
        (HOME, everyone, 0.003),
        (HOSPITAL, everyone, 0.002),
    ):
        form.update(dict.fromkeys(_pick(rng, [p for p in pool if p not in form], share, 1), kind))
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


def _homes(rng: np.random.Generator, municipality: str, pupil: list[int]) -> dict[int, str]:
    """The home municipality's code of each pupil."""
    home = dict.fromkeys(pupil, CODES[municipality])
    if municipality == KUOPIO:
        home.update({p: OLD_CODES_OF_KUOPIO[n % 3] for n, p in enumerate(_pick(rng, pupil, 0.06, 3))})
    for n, p in enumerate(_pick(rng, pupil, 0.015, 2)):
        home[p] = NEIGHBOURS[municipality][n % len(NEIGHBOURS[municipality])]
    return home


def build_enrolments(rng: np.random.Generator, people: list[Person]) -> list[Enrolment]:
    """The enrolments of both school years, in the order of school year, municipality and person."""
    registers = _Registers(rng, people)
    for year in YEARS:
        present = registers.present(year)
        for municipality in MUNICIPALITIES:
            registers.add(_SchoolYear(registers, municipality, year, present[municipality]).rows())
    registers.add_mistakes()
    return _with_effective_ends(registers.rows)


class _Registers:
    """The registers while they are being filled: where everybody lives, and the rows so far."""

    def __init__(self, rng: np.random.Generator, people: list[Person]) -> None:
        self.rng, self.people = rng, people
        self.places = _Places(rng, people)
        self.rows: list[Enrolment] = []
        self.living = {p.person_id: p.municipality for p in people if p.grade_2024 != NEVER}
        # They move to the region in the middle of the second year.
        homes = {m: [p for p in self.living if self.living[p] == m] for m in MUNICIPALITIES}
        self.late = {p for m in MUNICIPALITIES for p in _pick(rng, homes[m], 0.004, 1)}
        self._local = _local_ids(rng, people)
        self._turns: dict[int, int] = {}

    def present(self, year: int) -> dict[str, dict[int, int]]:
        """The pupils at the start of a school year: grade by person id, by municipality."""
        found: dict[str, dict[int, int]] = {m: {} for m in MUNICIPALITIES}
        for person in self.people:
            grade = person.grade_2024 + year - YEARS[0]
            away = person.person_id not in self.living or (year == YEARS[0] and person.person_id in self.late)
            if 1 <= grade <= 9 and not away:
                found[self.living[person.person_id]][person.person_id] = grade
        return found

    def local_id(self, person_id: int, municipality: str) -> str:
        """The id that the municipality's rows have for the person now."""
        return self._local.get((person_id, municipality), ("",) * 3)[self._turns.get(person_id, 0)]

    def renew(self, person_id: int) -> None:
        """The person's next row has another id."""
        self._turns[person_id] = self._turns.get(person_id, 0) + 1

    def add(self, rows: list[Enrolment]) -> None:
        """Numbers the rows and keeps them."""
        first = len(self.rows)
        self.rows += [replace(entry, enrolment_id=first + n) for n, entry in enumerate(rows)]

    def add_mistakes(self) -> None:
        """Pupils entered by mistake in Siilinjärvi, and deleted after some days."""
        ghosts = [p.person_id for p in self.people if p.grade_2024 == NEVER]
        ids = persons.uuids(self.rng, len(ghosts))
        for n, ghost in enumerate(ghosts):
            year = YEARS[n % len(YEARS)]
            mine = [e for e in self.rows if e.municipality == SIILINJARVI and e.year == year and e.form == BASIC]
            like = mine[int(self.rng.integers(len(mine)))]
            day = int(working_days(SIILINJARVI, year)[30 + n])
            entry = replace(like, person_id=ghost, local_id=ids[n], start=day, known_from=day, deleted=day + 12)
            self.add([replace(entry, end=FAR, end_known=FAR, changed=FAR)])


class _SchoolYear:
    """One municipality's school year: `pupil` is the grade by person id of those who start it."""

    def __init__(self, registers: _Registers, municipality: str, year: int, pupil: dict[int, int]) -> None:
        self.registers, self.rng, self.places = registers, registers.rng, registers.places
        self.municipality, self.year, self.pupil = municipality, year, pupil
        self.days = working_days(municipality, year)
        self.form = _forms(self.rng, pupil)
        self.plain = [p for p in pupil if p not in self.form]
        self.home = _homes(self.rng, municipality, list(pupil))
        # A few in preparatory teaching have no grade yet.
        preparatory = [p for p in pupil if self.form.get(p) == PREP]
        self.no_grade = set(_pick(self.rng, preparatory, 0.4, 1)) if municipality != VARKAUS else set()
        self.letter = dict(zip(pupil, self.rng.integers(0, 3, len(pupil)).tolist(), strict=True))
        opening = first_day(year) if municipality in (KUOPIO, IISALMI) else int(self.days[0])
        self.base = {
            p: self._row(p, municipality, self.places.of(p, municipality, g), opening) for p, g in pupil.items()
        }
        self.base = {p: replace(entry, known_from=first_day(year)) for p, entry in self.base.items()}
        self.extra: list[Enrolment] = []

    def rows(self) -> list[Enrolment]:
        """The rows of the year, with those of the pupils who move away in it."""
        # A pupil without HETU could not be followed.
        followed = [p for p in self.plain if self.registers.people[p].hetu_from == ALWAYS]
        movers = _pick(self.rng, [p for p in followed if p not in self.registers.late], 0.01, 1)
        for n, p in enumerate(movers):
            self._move_away(p, n)
        if self.year == YEARS[0]:
            arriving = set(_pick(self.rng, [p for p in self.plain if p not in set(movers)], 0.004, 1))
        else:
            arriving = self.registers.late & self.base.keys()
        for p in sorted(arriving):
            day = self._mid_year()
            self.base[p] = replace(self.base[p], start=day, known_from=day - int(self.rng.integers(0, 4)))
        taken = arriving | set(movers) | self.registers.late
        changing = _pick(self.rng, [p for p in followed if p not in taken], 0.018, 5)
        kinds = (self._change_school, self._leave, self._change_form, self._change_class, self._overlap)
        drawn = self.rng.choice(len(kinds), size=len(changing), p=(0.45, 0.2, 0.1, 0.2, 0.05)).tolist()
        for n, p in enumerate(changing):
            # Each kind once, then as drawn.
            kinds[n if n < len(kinds) else drawn[n]](p, n)
        return [*self.base.values(), *self.extra]

    def _mid_year(self) -> int:
        return int(self.days[int(self.rng.integers(18, len(self.days) - 30))])

    def _row(self, person_id: int, where: str, school: School, start: int) -> Enrolment:
        grade = self.pupil[person_id]
        return Enrolment(
            enrolment_id=-1,
            person_id=person_id,
            municipality=where,
            year=self.year,
            school=school,
            grade=None if person_id in self.no_grade else grade,
            class_name=f"{grade}{'ABC'[self.letter[person_id]]}",
            home=self.home[person_id] if where == self.municipality else CODES[where],
            form=self.form.get(person_id, BASIC),
            start=start,
            end=FAR,
            known_from=start - int(self.rng.integers(0, 4)),
            end_known=FAR,
            local_id=self.registers.local_id(person_id, where),
        )

    def _end(self, person_id: int, last: int, seen: int) -> None:
        self.base[person_id] = replace(self.base[person_id], end=last, end_known=seen)

    def _move_away(self, p: int, n: int) -> None:
        """To another municipality; a third of them at the turn of the year, most to the bigger towns."""
        day = number(date(self.year + 1, 1, 1)) if n % 3 == 0 else self._mid_year()
        others = [m for m in MUNICIPALITIES if m != self.municipality]
        weight = np.array([PUPILS[m] for m in others], dtype=float)
        target = others[int(self.rng.choice(len(others), p=weight / weight.sum()))] if n else others[self.year % 3]
        # The old municipality learns of it from six days before to four days after.
        self._end(p, day - 1, day + int(self.rng.integers(-6, 5)))
        self.extra.append(self._row(p, target, self.places.of(p, target, self.pupil[p]), day))
        self.registers.living[p] = target

    def _change_school(self, p: int, _: int, surplus: int = -1) -> None:
        """To another school of the municipality; the old row ends the day before, or `surplus` days after that."""
        day, old = self._mid_year(), self.base[p]
        if all(s is old.school for s in of(self.municipality) if self.pupil[p] in s.grades):
            return
        self.registers.renew(p)
        self.extra.append(self._row(p, self.municipality, self.places.move(p, old.school, self.pupil[p]), day))
        self._end(p, day + surplus, day + max(surplus, 0) + 1)

    def _overlap(self, p: int, n: int) -> None:
        self._change_school(p, n, surplus=int(self.rng.integers(3, 12)))

    def _leave(self, p: int, _: int) -> None:
        """From the region, for good."""
        day = self._mid_year()
        self._end(p, day, day + int(self.rng.integers(-6, 5)))
        del self.registers.living[p]

    def _change_form(self, p: int, n: int) -> None:
        """To another form of teaching, on a new row."""
        day = self._mid_year()
        self.form[p] = (FLEX if self.pupil[p] >= 8 else HOME, HOSPITAL)[n % 2]
        self.registers.renew(p)
        self.extra.append(self._row(p, self.municipality, self.base[p].school, day))
        self._end(p, day - 1, day)

    def _change_class(self, p: int, n: int) -> None:
        """To another class, every second with another home municipality, on the same row."""
        old = self.base[p]
        home = NEIGHBOURS[self.municipality][0] if n % 2 else old.home
        later = f"{self.pupil[p]}D"
        self.base[p] = replace(old, changed=self._mid_year(), home_later=home, class_later=later)


def supersede(rows: list[Enrolment]) -> list[Enrolment]:
    """One pupil's rows with the day on which each stops to count: the row that started later holds (tie: the one with
    an end date, then the greater school number); the other schedules nothing from that day."""
    ordered = sorted(rows, key=lambda e: (e.start, e.end != FAR, e.school.number, e.enrolment_id))
    # In the order of their starts, the next row is the one that takes over.
    ends = [later.start - 1 for later in ordered[1:]] + [FAR]
    return [replace(entry, effective_end=end) for entry, end in zip(ordered, ends, strict=True)]


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
