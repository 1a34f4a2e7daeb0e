"""What a run of nights reaches: whose knowledge counts for which days, by the definitions of what is covered."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from demo.region.absences import Array
from demo.region.calendars import FAR, YEARS, first_day, last_day, number, workbook_edit, working_days
from demo.region.model import knowledge, month_of
from demo.region.schools import KUOPIO, MUNICIPALITIES, VARKAUS

WINDOW = 20
"""Days that Kuopio's marks go back from a delivery."""


@dataclass(frozen=True)
class Reach:
    """The deliveries of a municipality's school year up to a morning.

    `nights` are those on which it was delivered; `state` is the night whose knowledge the last of them holds, and
    `support_to` the last day on which that knowledge says who has support.
    """

    municipality: str
    year: int
    nights: tuple[int, ...]
    state: int
    support_to: int

    @property
    def days(self) -> Array:
        """The school days of the year, covered or not."""
        return working_days(self.municipality, self.year).astype(np.int64)

    def known_at(self) -> Array:
        """For each of `days` the night whose knowledge decides it; -1 where no delivery reports on the day."""
        days = self.days
        if self.municipality == VARKAUS:
            # A month is reported once it has ended.
            return np.where(month_of(days) < month_of(np.array([self.state - 1]))[0], self.state, -1)
        if self.municipality != KUOPIO:
            return np.where(days < self.state, self.state, -1)
        found = np.full(len(days), -1, dtype=np.int64)
        for night in self.nights:
            # The first delivery of a school year goes back to its start.
            first = first_day(self.year) if night == self.nights[0] else night - WINDOW
            found[(days >= first) & (days < night)] = night
        return found

    def seen(self, change: int, appears: int) -> int:
        """The night on which a change of a row is first seen (`FAR`: never, or nobody saw what was before). The row
        itself is in the register from the night `appears`."""
        before = False
        for night in self.nights:
            known = knowledge(self.municipality, self.year, night)
            if known is None or known < appears:
                continue
            if change <= known:
                return night if before else FAR
            before = True
        return FAR


def delivered(night: date, nights: Collection[date] | None) -> tuple[int, ...]:
    """The nights of the deliveries up to `night`, in order: the given ones, or all since 1.8. of the first year."""
    if nights is None:
        return tuple(range(first_day(YEARS[0]), number(night) + 1))
    return tuple(sorted(number(one) for one in nights if one <= night))


def reaches(nights: tuple[int, ...]) -> dict[tuple[str, int], Reach]:
    """The reach by municipality and school year, of those that have a delivery at all."""
    found: dict[tuple[str, int], Reach] = {}
    for municipality in MUNICIPALITIES:
        for year in YEARS:
            # The previous year's workbook is still read until 31.8.
            last = last_day(year) + (31 if municipality == VARKAUS else 0)
            own = tuple(night for night in nights if first_day(year) <= night <= last)
            state = knowledge(municipality, year, own[-1]) if own else None
            if state is None:
                continue
            support_to = state - 1
            if municipality == VARKAUS:
                # An unchanged workbook is no new delivery: what it says is as old as its first receipt.
                edit = workbook_edit(year, own[-1])
                assert edit is not None
                support_to = next(night for night in own if night > edit) - 1
            found[municipality, year] = Reach(municipality, year, own, state, min(support_to, last_day(year)))
            # Support is covered without a gap up to the latest delivery, so also over the summer before it.
            if before := found.get((municipality, year - 1)):
                found[municipality, year - 1] = replace(before, support_to=last_day(year - 1))
    return found
