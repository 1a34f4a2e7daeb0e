"""The truth of the synthetic region, as pupils with days: what the reference works its figures out from."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import polars as pl

from tests.reference.definitions import (
    HOME_EDUCATION,
    MARKS,
    MONTHLY,
    MUNICIPALITIES,
    UNIT,
    UNKNOWN,
    month_start,
    school_year,
)

FAR = date(9999, 1, 1).toordinal()
START = date(2024, 8, 1).toordinal()
END = date(2026, 7, 31).toordinal()


@dataclass(frozen=True)
class Stay:
    """An enrolment with nothing changing under it, from `first` to `last` (days; `FAR` while it is open)."""

    person: int
    municipality: str
    year: int
    school: str
    grade: int | None
    class_name: str | None
    home: str | None
    form: str
    first: int
    last: int

    @property
    def counts(self) -> bool:
        """Whether the pupil is of the population: in a grade, and not in home education."""
        return self.grade is not None and 1 <= self.grade <= 9 and self.form != HOME_EDUCATION


@dataclass(frozen=True)
class Late:
    """Late marks of a day, and their minutes."""

    marks: int
    minutes: int


@dataclass(frozen=True)
class PupilDay:
    """A day on which a pupil has lessons, in ten-thousandths. `daily`: covered by a source that keeps days."""

    day: int
    municipality: str
    school: str
    scheduled: int
    covered: bool
    daily: bool
    absent: Mapping[str, int]
    late: Late | None


@dataclass(frozen=True)
class Lessons:
    """Sums over some days."""

    scheduled: int
    covered: int
    absent: int
    covered_days: int


@dataclass(frozen=True)
class Level:
    """The level from `first` to `last`; `reason`: why it is unknown."""

    first: int
    last: int
    level: str
    regime: int | None
    reason: str | None


@dataclass(frozen=True)
class SupportPeriod:
    """A register's row of a school year. `marks`: its measures, and what else it says beside scheme and kind."""

    first: int
    last: int
    scheme: str
    kind: str | None
    placement: int | None
    marks: frozenset[str]


@dataclass(frozen=True)
class Delivery:
    """A delivery that brought something: the day that its data is from, and the days that it covers (None: none)."""

    municipality: str
    school_year: int
    night: int
    as_of: int
    covers_from: int | None
    covers_to: int | None


@dataclass(frozen=True)
class Rejected:
    """A row of absence that was rejected in the delivery of `night`: what it could say of the pupil's days from `first`
    to `last` is not known."""

    person: int
    municipality: str
    night: int
    first: int
    last: int


class _Running:
    """Sums of a pupil's days from any day to any other."""

    def __init__(self, days: list[PupilDay], daily: bool) -> None:
        size = END - START + 1
        columns = [[0] * size for _ in range(4)]
        for one in days:
            place = one.day - START
            columns[0][place] = one.scheduled
            if one.daily if daily else one.covered:
                columns[1][place] = one.scheduled
                columns[2][place] = sum(one.absent.values())
                columns[3][place] = 1
        self._upto = [list(accumulate(column, initial=0)) for column in columns]

    def sums(self, first: int, last: int) -> Lessons:
        low, high = max(first - START, 0), min(last, END) - START + 1
        return Lessons(*(column[high] - column[low] for column in self._upto))


@dataclass(frozen=True)
class Facts:
    """Everything that the truth's files say on the morning of `night`."""

    night: int
    stays: Mapping[int, list[Stay]]
    days: Mapping[int, list[PupilDay]]
    levels: Mapping[tuple[int, str], list[Level]]
    periods: Mapping[tuple[int, str, int], list[SupportPeriod]]
    support_covered: Mapping[str, list[tuple[int, int]]]
    deliveries: Mapping[str, list[Delivery]]
    rejected: Collection[Rejected]
    _populations: dict[int, dict[int, Stay]] = field(default_factory=dict)
    _running: dict[tuple[int, bool], _Running] = field(default_factory=dict)
    figures: dict[object, list[str]] = field(default_factory=dict)
    """The municipalities in each period's region figure, once somebody has asked."""

    def stay(self, person: int, day: int) -> Stay | None:
        """Where the person is enrolled on the day."""
        return next((one for one in self.stays.get(person, ()) if one.first <= day <= one.last), None)

    def population(self, day: int) -> dict[int, Stay]:
        """The pupils that count on the day, each with the enrolment of that day."""
        if day not in self._populations:
            found = ((person, self.stay(person, day)) for person in self.stays)
            self._populations[day] = {person: stay for person, stay in found if stay is not None and stay.counts}
        return self._populations[day]

    def sums(self, person: int, first: int, last: int, daily: bool = False) -> Lessons:
        """Of all the pupil's lessons in the region; with `daily` only what sources with days report is covered."""
        key = (person, daily)
        if key not in self._running:
            self._running[key] = _Running(self.days.get(person, []), daily)
        return self._running[key].sums(first, last)

    def level(self, person: int, municipality: str, day: int) -> str:
        """The level in the municipality's register on the day; unknown where it says nothing."""
        span = self.level_span(person, municipality, day)
        return UNKNOWN if span is None else span.level

    def level_span(self, person: int, municipality: str, day: int) -> Level | None:
        """The span that the day is in, None on a day that is not covered."""
        spans = self.levels.get((person, municipality), [])
        place = bisect_right(spans, day, key=lambda span: span.first) - 1
        return spans[place] if place >= 0 and spans[place].last >= day else None

    def in_force(self, person: int, municipality: str, day: int) -> Iterator[SupportPeriod]:
        """The register's rows in force on the day, as the day's own school year had them."""
        for one in self.periods.get((person, municipality, school_year(day)), []):
            if one.first <= day <= one.last:
                yield one

    def covers_sunday(self, municipality: str, sunday: int) -> bool:
        """Whether a delivery covers that calendar day; a source with months has no such days."""
        return municipality not in MONTHLY and any(
            one.covers_from is not None and one.covers_to is not None and one.covers_from <= sunday <= one.covers_to
            for one in self.deliveries.get(municipality, [])
        )

    def attendance_as_of(self, municipality: str, first: int, last: int, daily: bool = False) -> int | None:
        """The latest day of the data that decides a covered calendar day from `first` to `last`."""
        if daily and municipality in MONTHLY:
            return None
        found = {_decides(self.deliveries[municipality], day) for day in range(first, last + 1)}
        return max((one.as_of for one in found if one is not None), default=None)

    def support_as_of(self, municipality: str, day: int) -> int | None:
        """The latest day of the data among the deliveries of the day's school year."""
        own = self.deliveries.get(municipality, [])
        return max((one.as_of for one in own if one.school_year == school_year(day)), default=None)

    def support_is_covered(self, municipality: str, day: int) -> bool:
        return any(first <= day <= last for first, last in self.support_covered.get(municipality, ()))

    @cached_property
    def months(self) -> dict[tuple[str, int, int], list[PupilDay]]:
        """The days with lessons before the night, by municipality, person and the month's first day."""
        found: dict[tuple[str, int, int], list[PupilDay]] = defaultdict(list)
        for person, days in self.days.items():
            for one in days:
                if one.day < self.night:
                    found[one.municipality, person, month_start(one.day)].append(one)
        return found

    @cached_property
    def first_day(self) -> int:
        """The first day on which anybody is enrolled."""
        return min(stay.first for own in self.stays.values() for stay in own)


def _decides(deliveries: list[Delivery], day: int) -> Delivery | None:
    """Of the deliveries that cover the day the one of the greatest night."""
    holding = [
        one
        for one in deliveries
        if one.covers_from is not None and one.covers_to is not None and one.covers_from <= day <= one.covers_to
    ]
    return max(holding, key=lambda one: one.night, default=None)


def read_facts(folder: Path, night: date, rejected: Collection[Rejected] = ()) -> Facts:
    """The files of `demo.region.write_truth`, as they were on the morning of `night`, less what was rejected."""
    deliveries = _deliveries(folder)
    lessons = {
        (row["school_number"], row["grade"], row["day"].toordinal()): int(row["lessons"] * UNIT)
        for row in _rows(folder, "school_day")
    }
    school_days: dict[tuple[str, int], list[int]] = defaultdict(list)
    for school, grade, day in sorted(lessons):
        school_days[school, grade].append(day)
    stays = _stays(folder)
    covered: dict[str, set[int]] = defaultdict(set)
    for row in _rows(folder, "covered_day"):
        covered[row["municipality"]].add(row["day"].toordinal())
    silent = {(row["person_id"], row["month"].toordinal()) for row in _rows(folder, "not_reported")}
    absent: dict[tuple[int, str, int], dict[str, int]] = defaultdict(dict)
    for row in _rows(folder, "absence"):
        key = (row["person_id"], row["municipality"], row["day"].toordinal())
        absent[key][row["absence_class"]] = int(row["lessons"] * UNIT)

    late = {
        (row["person_id"], row["municipality"], row["day"].toordinal()): Late(row["marks"], row["minutes"])
        for row in _rows(folder, "late")
    }

    lost: set[tuple[int, str, int]] = set()
    for one in rejected:
        for day in range(max(one.first, START), one.last + 1):
            decides = _decides(deliveries[one.municipality], day)
            if decides is not None and decides.night == one.night:
                lost.add((one.person, one.municipality, day))

    def pupil_days(own: list[Stay]) -> Iterator[PupilDay]:
        for stay in own:
            if not stay.counts or stay.grade is None:
                continue
            monthly = stay.municipality in MONTHLY
            for day in school_days[stay.school, stay.grade]:
                scheduled = lessons[stay.school, stay.grade, day]
                if not stay.first <= day <= stay.last or scheduled == 0:
                    continue
                known = day in covered[stay.municipality] and (stay.person, stay.municipality, day) not in lost
                if monthly:
                    known = known and (stay.person, month_start(day)) not in silent
                key = (stay.person, stay.municipality, day)
                marks, tardy = (absent.get(key, {}), late.get(key)) if known else ({}, None)
                daily = known and not monthly
                yield PupilDay(day, stay.municipality, stay.school, scheduled, known, daily, marks, tardy)

    return Facts(
        night=night.toordinal(),
        stays=stays,
        days={person: list(pupil_days(own)) for person, own in stays.items()},
        levels=_levels(folder),
        periods=_periods(folder),
        support_covered={
            name: [(row["valid_from"].toordinal(), row["valid_to"].toordinal()) for row in rows]
            for name, rows in _by(_rows(folder, "support_covered")).items()
        },
        deliveries=deliveries,
        rejected=rejected,
    )


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / f"{name}.parquet").to_dicts()


def _by(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in MUNICIPALITIES}
    for row in rows:
        found[row["municipality"]].append(row)
    return found


def _day(value: date | None) -> int:
    return FAR if value is None else value.toordinal()


def _deliveries(folder: Path) -> dict[str, list[Delivery]]:
    return {
        name: [
            Delivery(
                name,
                row["school_year"],
                row["night"].toordinal(),
                row["as_of"].toordinal(),
                row["covers_from"] and row["covers_from"].toordinal(),
                row["covers_to"] and row["covers_to"].toordinal(),
            )
            for row in rows
        ]
        for name, rows in _by(_rows(folder, "delivery")).items()
    }


def _stays(folder: Path) -> dict[int, list[Stay]]:
    found: dict[int, list[Stay]] = defaultdict(list)
    for row in _rows(folder, "enrolment"):
        stay = Stay(
            row["person_id"],
            row["municipality"],
            row["school_year"],
            row["school_number"],
            row["grade"],
            row["class_name"],
            row["home_municipality"],
            row["form"],
            row["valid_from"].toordinal(),
            _day(row["valid_to"]),
        )
        found[stay.person].append(stay)
    return dict(found)


def _levels(folder: Path) -> dict[tuple[int, str], list[Level]]:
    found: dict[tuple[int, str], list[Level]] = defaultdict(list)
    for row in _rows(folder, "support"):
        first, last = row["valid_from"].toordinal(), row["valid_to"].toordinal()
        span = Level(first, last, row["level"], row["regime"], row["reason"])
        found[row["person_id"], row["municipality"]].append(span)
    return {key: sorted(spans, key=lambda span: span.first) for key, spans in found.items()}


def _periods(folder: Path) -> dict[tuple[int, str, int], list[SupportPeriod]]:
    found: dict[tuple[int, str, int], list[SupportPeriod]] = defaultdict(list)
    for row in _rows(folder, "support_period"):
        found[row["person_id"], row["municipality"], row["school_year"]].append(
            SupportPeriod(
                row["valid_from"].toordinal(),
                _day(row["valid_to"]),
                row["scheme"],
                row["kind"],
                row["placement"],
                frozenset(mark for mark in MARKS if row[mark]),
            )
        )
    return dict(found)
