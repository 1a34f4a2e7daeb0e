"""Support histories of pupils over the change of regimes on 1.8.2025, as rows of the registers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from demo.region import persons
from demo.region.calendars import FAR, YEARS, first_day, number
from demo.region.enrolments import NEVER, Enrolment, Person
from demo.region.schools import IISALMI, KUOPIO, MUNICIPALITIES, SIILINJARVI, VARKAUS
from demo.region.support import (
    AIDS,
    ASSISTANT,
    BREAK_DAY,
    DECISION,
    INTENSIFIED,
    INTERPRETATION,
    PART_SMALL_GROUP,
    SMALL_GROUP,
    SPECIAL,
    SPECIAL_CLASS,
    Support,
    level,
    touches,
)

# Share of pupils by grade in 2024-25: 16 and 10 in a hundred over all grades (Statistics Finland, 2024).
INTENSIFIED_SHARE = {
    1: 0.11,
    2: 0.15,
    3: 0.17,
    4: 0.18,
    5: 0.18,
    6: 0.17,
    7: 0.16,
    8: 0.16,
    9: 0.16,
}
SPECIAL_SHARE = {
    1: 0.065,
    2: 0.075,
    3: 0.085,
    4: 0.095,
    5: 0.1,
    6: 0.11,
    7: 0.12,
    8: 0.125,
    9: 0.125,
}
PLACEMENT_SHARE = {1: 0.33, 2: 0.07, 3: 0.1, 4: 0.13, 5: 0.37}
EXTENDED_SHARE = {True: 0.35, False: 0.18}
"""In grades 1-2 and above: 21 in a hundred over all grades."""
FUNCTIONAL_AREAS_SHARE = 0.044


@dataclass(frozen=True)
class NewRegime:
    """What becomes of support after 1.8.2025. No figure of it is published: these are assumptions.

    Special support: `special_kept` runs on without end, `special_dated` to 31.7.2026, `special_ended` to 31.5.2026 with
    nothing after; the rest gets a decision, `special_replaced` of all at once and the others during the year.
    Intensified support: `intensified_open` is left without an end date; `intensified_decided` of all get a decision
    between August and April. `newly_decided` of the pupils without support get one. Of the decisions, `special_class`,
    `disability` (section 20 i) and `functional` have the widest support.
    """

    special_kept: float = 0.30
    special_dated: float = 0.22
    special_ended: float = 0.05
    special_replaced: float = 0.25
    intensified_open: float = 0.55
    intensified_decided: float = 0.30
    newly_decided: float = 0.02
    special_class: float = 0.25
    disability: float = 0.05
    functional: float = 0.04


class _Histories:
    """Draws one person's rows; the municipality is filled in afterwards."""

    def __init__(self, rng: np.random.Generator, regime: NewRegime) -> None:
        self.rng, self.regime = rng, regime

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def shuffled(self, items: list[int]) -> list[int]:
        return [items[n] for n in self.rng.permutation(len(items)).tolist()]

    def day(self, first: date, last: date) -> int:
        return int(self.rng.integers(number(first), number(last) + 1))

    def some(self, shares: tuple[tuple[str, float], ...]) -> tuple[str, ...]:
        return tuple(measure for measure, share in shares if self.chance(share))

    def intensified(self, start: int) -> Support:
        measures = self.some(((PART_SMALL_GROUP, 0.3), (ASSISTANT, 0.25), (AIDS, 0.04)))
        return self.dated(Support(0, "", "2011", INTENSIFIED, start, measures=measures))

    def special(self, start: int, young: bool = False) -> Support:
        draw, total, placement = self.rng.random(), 0.0, 5
        for candidate, share in PLACEMENT_SHARE.items():
            total += share
            if draw < total:
                placement = candidate
                break
        functional = self.chance(FUNCTIONAL_AREAS_SHARE)
        row = Support(
            0, "", "2011", SPECIAL, start,
            placement=1 if functional else placement, functional=functional,
            extended=self.chance(EXTENDED_SHARE[young]),
            measures=self.some(((ASSISTANT, 0.4), (INTERPRETATION, 0.02), (AIDS, 0.08)))
            + ((SPECIAL_CLASS,) if placement == 1 else (PART_SMALL_GROUP,)),
        )  # fmt: skip
        return self.dated(row, decision=True)

    def decision(self, start: int, wide: bool = False) -> Support:
        regime = self.regime
        special_class = self.chance(0.75 if wide else regime.special_class)
        group = SPECIAL_CLASS if special_class else SMALL_GROUP if self.chance(0.35) else PART_SMALL_GROUP
        row = Support(
            0, "", "2025", DECISION, start,
            functional=self.chance(regime.functional), disability=self.chance(regime.disability),
            measures=(group, *self.some(((ASSISTANT, 0.35), (INTERPRETATION, 0.02), (AIDS, 0.06)))),
        )  # fmt: skip
        return self.dated(row, decision=True)

    def dated(self, row: Support, decision: bool = False) -> Support:
        """With the day of decision and the night on which the register learns of the row."""
        decided = row.start - int(self.rng.integers(0, 25))
        # A decision is entered from ten days before to five days after it takes effect; a few a month late.
        lag = int(self.rng.integers(-10, 6)) if self.chance(0.95) else int(self.rng.integers(6, 30))
        return replace(row, known_from=row.start + lag, decided=decided if decision else None)

    def ended(self, row: Support, end: int) -> Support:
        """With a last day, entered some days before or after it."""
        return replace(
            row,
            end=end,
            end_known=max(row.known_from, end + int(self.rng.integers(-5, 8))),
        )

    def history(self, grade: int) -> list[Support]:
        """The rows of a pupil in `grade` in 2024-25 (0: starts school in 2025)."""
        draw = self.rng.random()
        started = number(date(2024 - min(grade, 5), 8, 10))
        if grade == 0:
            if draw < 0.03:
                return self.after_special(self.special(number(date(2025, 8, 6)), young=True), grade)
            return [self.decision(self.day(date(2025, 8, 1), date(2026, 3, 31)))] if draw < 0.09 else []
        if draw < SPECIAL_SHARE[grade]:
            start = int(self.rng.integers(started, number(date(2024, 8, 20))))
            return self.after_special(self.special(start, young=grade <= 2), grade)
        if draw < SPECIAL_SHARE[grade] + INTENSIFIED_SHARE[grade] - 0.015:
            start = int(self.rng.integers(started, number(date(2024, 9, 15))))
            return self.after_intensified(self.intensified(start), grade)
        later = self.rng.random()
        if later < 0.04:
            return self.after_intensified(self.intensified(self.day(date(2024, 9, 16), date(2025, 5, 15))), grade)
        if later < 0.045:
            return self.after_special(self.special(self.day(date(2024, 9, 1), date(2025, 5, 15))), grade)
        if later < 0.045 + self.regime.newly_decided:
            return [self.decision(self.day(date(2025, 8, 6), date(2026, 4, 30)))]
        return []

    def after_special(self, row: Support, grade: int) -> list[Support]:
        """Special support runs on, is dated, or gives way to a decision of the new regime."""
        regime, draw = self.regime, self.rng.random()
        wide = level(row) == "S3"
        if draw < regime.special_kept:
            return [row]
        draw -= regime.special_kept
        if draw < regime.special_dated:
            return [
                replace(
                    row,
                    end=number(date(2026, 7, 31)),
                    end_known=max(row.known_from, number(date(2025, 3, 1))),
                )
            ]
        draw -= regime.special_dated
        if draw < regime.special_ended:
            return [
                replace(
                    row,
                    end=number(date(2026, 5, 31)),
                    end_known=max(row.known_from, number(date(2025, 3, 1))),
                )
            ]
        draw -= regime.special_ended
        if grade == 9:
            return [row]
        if draw < regime.special_replaced and row.start < BREAK_DAY - 60:
            return [self.ended(row, BREAK_DAY - 1), self.decision(BREAK_DAY, wide)]
        start = max(self.day(date(2025, 9, 1), date(2026, 5, 15)), row.start + 30)
        new = self.decision(start, wide)
        return [self.ended(row, start - 1), new]

    def after_intensified(self, row: Support, grade: int) -> list[Support]:
        """Intensified support rises, ends, or is left to the end of its regime."""
        regime = self.regime
        rows = [row]
        if self.chance(0.05) and row.start < number(date(2025, 1, 1)):
            start = self.day(date(2025, 1, 7), date(2025, 5, 20))
            # Now and then the lower level is left open beside the higher one.
            rows = [row if self.chance(0.1) else self.ended(row, start - 1)]
            return rows + self.after_special(self.special(start), grade)
        if self.chance(0.05) and row.start < number(date(2024, 12, 1)):
            return [self.ended(row, self.day(date(2024, 12, 20), date(2025, 5, 10)))]
        if not self.chance(regime.intensified_open):
            rows = [
                self.ended(
                    row,
                    BREAK_DAY - 1 if self.chance(0.6) else number(date(2025, 5, 31)),
                )
            ]
        if grade < 9 and self.chance(regime.intensified_decided):
            start = BREAK_DAY if self.chance(0.2) else self.day(date(2025, 8, 6), date(2026, 4, 30))
            rows.append(self.decision(start))
        return rows


def build_support(
    rng: np.random.Generator,
    people: list[Person],
    enrolments: list[Enrolment],
    regime: NewRegime,
) -> list[Support]:
    """The support rows of all registers, in the order of municipality, person and start."""
    draw = _Histories(rng, regime)
    spells = _spells(enrolments)
    rows: list[Support] = []
    plain: dict[str, list[int]] = {m: [] for m in MUNICIPALITIES}
    settled: dict[str, list[int]] = {m: [] for m in MUNICIPALITIES}
    for person in people:
        where = spells.get(person.person_id, [])
        if person.grade_2024 == NEVER or not where:
            continue
        history = draw.history(person.grade_2024)
        rows += _split(history, person.person_id, where)
        whole = len(where) == 1 and where[0][1] <= first_day(2024) + 10 and where[0][2] == FAR
        if whole and 1 <= person.grade_2024 <= 8:
            (plain if not history else settled)[where[0][0]].append(person.person_id)
    # Pupils without other support first; a small region has too few of them.
    planted = list(_planted(draw, {m: draw.shuffled(plain[m]) + draw.shuffled(settled[m]) for m in MUNICIPALITIES}))
    taken = {row.person_id for row in planted}
    return _registered(rng, [row for row in rows if row.person_id not in taken] + planted)


def _spells(enrolments: list[Enrolment]) -> dict[int, list[tuple[str, int, int]]]:
    """(municipality, first day, last day or FAR) of each person's stays, in order."""
    found: dict[int, list[tuple[str, int, int]]] = {}
    for entry in sorted(enrolments, key=lambda e: (e.person_id, e.year, e.start, e.enrolment_id)):
        if entry.deleted != FAR:
            continue
        stays = found.setdefault(entry.person_id, [])
        last = min(entry.end, entry.effective_end)
        if stays and stays[-1][0] == entry.municipality:
            stays[-1] = (entry.municipality, stays[-1][1], last)
        else:
            if stays:
                stays[-1] = (
                    stays[-1][0],
                    stays[-1][1],
                    min(stays[-1][2], entry.start - 1),
                )
            stays.append((entry.municipality, entry.start, last))
    return found


def _split(history: list[Support], person_id: int, stays: list[tuple[str, int, int]]) -> Iterable[Support]:
    """The rows in each municipality in which the person lives; a move ends them in one and starts them in the next."""
    for n, (municipality, first, last) in enumerate(stays):
        for row in history:
            start = row.start if n == 0 else max(row.start, first)
            if start > min(last, row.end):
                continue
            moved = replace(row, person_id=person_id, municipality=municipality, start=start)
            if start != row.start:
                moved = replace(moved, known_from=max(row.known_from, first))
            if row.end > last:
                moved = replace(moved, end=last, end_known=max(last + 1, row.known_from))
            elif n > 0 and row.end != FAR:
                moved = replace(moved, end_known=max(moved.known_from, row.end_known))
            yield moved


def _planted(draw: _Histories, pools: dict[str, list[int]]) -> Iterable[Support]:
    """What must be there at any size, and grows with it: contradictions, retractions and gaps of every register. The
    persons are taken from the front of their municipality's pool."""
    for municipality in MUNICIPALITIES:
        free = iter(pools[municipality])
        for _ in range(1 + len(pools[municipality]) // 2500):

            def rows(*made: Support, here: str = municipality, pool: Iterator[int] = free) -> Iterable[Support]:
                person_id = next(pool)
                return [replace(row, municipality=here, person_id=person_id) for row in made]

            autumn = draw.day(date(2025, 9, 8), date(2025, 11, 20))
            special = draw.special(number(date(2024, 8, 8)))
            # A decision of the new regime beside special support that nobody ended.
            yield from rows(replace(special, end=FAR), draw.decision(autumn))
            # Intensified support without end, then a decision.
            yield from rows(draw.intensified(number(date(2024, 10, 1))), draw.decision(autumn + 3))
            # Special support to the end of May, nothing after.
            end = number(date(2026, 5, 31))
            yield from rows(
                replace(
                    draw.special(number(date(2023, 8, 9))),
                    end=end,
                    end_known=number(date(2025, 1, 1)),
                )
            )
            # Entered by mistake, and taken back.
            mistake = draw.decision(autumn)
            yield from rows(replace(mistake, known_from=autumn, deleted=autumn + 15))
            # A period of the new regime that starts before it exists.
            early = draw.decision(number(date(2025, 6, 2)))
            yield from rows(replace(early, known_from=number(date(2025, 6, 10))))
            # A period of the old regime that starts after its end.
            late = draw.special(autumn + 10)
            yield from rows(replace(late, end=FAR))
            # Special support without a placement.
            yield from rows(
                replace(
                    special,
                    placement=None,
                    functional=False,
                    extended=False,
                    measures=(ASSISTANT,),
                    end=FAR,
                )
            )
            if municipality in (KUOPIO, SIILINJARVI, VARKAUS):
                yield from rows(
                    replace(
                        special,
                        placement=None,
                        functional=False,
                        extended=False,
                        measures=(SPECIAL_CLASS,),
                        end=FAR,
                    )
                )
            # A decision with a placement, which means nothing there.
            if municipality in (KUOPIO, SIILINJARVI):
                yield from rows(
                    replace(
                        draw.decision(autumn),
                        placement=3,
                        extended=municipality == SIILINJARVI,
                    )
                )
            # Scheme and kind that disagree.
            if municipality == SIILINJARVI:
                yield from rows(replace(draw.decision(autumn), scheme="2011"))
                yield from rows(replace(draw.special(autumn), scheme="2025", end=FAR))
            # Enough of it for every spelling.
            if municipality == IISALMI:
                for day in (date(2024, 9, 2), date(2025, 1, 7), date(2023, 10, 30)):
                    yield from rows(draw.intensified(number(day)))
                yield from rows(replace(draw.decision(autumn), disability=False, functional=False, measures=()))
                yield from rows(replace(draw.decision(autumn), measures=(SPECIAL_CLASS,)))
            # Marks without a level.
            if municipality == VARKAUS:
                yield from rows(
                    replace(
                        special,
                        kind=None,
                        placement=None,
                        functional=False,
                        extended=False,
                        end=FAR,
                    )
                )
            # Widest support of each sort.
            yield from rows(replace(draw.decision(autumn), disability=True, functional=False))
            yield from rows(replace(draw.decision(autumn), disability=False, functional=True))
            yield from rows(replace(special, functional=True, placement=1, end=FAR))
            yield from rows(replace(special, functional=False, extended=True, placement=4, end=FAR))


def _registered(rng: np.random.Generator, rows: list[Support]) -> list[Support]:
    """The rows as each register can hold them, with record ids."""
    rows = sorted(
        rows,
        key=lambda r: (
            MUNICIPALITIES.index(r.municipality),
            r.person_id,
            r.start,
            r.scheme,
        ),
    )
    numbers = persons.record_numbers(rng, len(rows)).tolist()
    uuid = persons.uuids(rng, len(rows))
    turn: dict[tuple[object, ...], int] = {}
    found = []
    for n, row in enumerate(rows):
        if row.municipality == VARKAUS:
            # No placement in the workbook: the special class is a mark.
            marks = row.measures
            if row.placement == 1 and SPECIAL_CLASS not in marks:
                marks = (SPECIAL_CLASS, *marks)
            row = replace(row, placement=None, measures=marks)
        elif row.municipality == IISALMI:
            row = replace(row, record=str(numbers[n]))
            # The typed text knows no measure but the special class of a decision, and no section 20 i besides it.
            wide = row.kind == DECISION and SPECIAL_CLASS in row.measures
            row = replace(row, measures=(SPECIAL_CLASS,) if wide else ())
        elif row.municipality == SIILINJARVI:
            row = replace(row, record=uuid[n])
        # Rows that look alike are typed in turn, those of the last school year by themselves.
        alike = (row.municipality, row.kind, row.extended, SPECIAL_CLASS in row.measures, touches(row, YEARS[-1]))
        turn[alike] = turn.get(alike, -1) + 1
        found.append(replace(row, style=turn[alike]))
    return found
