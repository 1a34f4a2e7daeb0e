"""What can be worked out of counts that are withheld, from the ones that are shown and the sums that bind them.

The audit's own arithmetic: it knows nothing of how cells were chosen to be withheld. Linear programming bounds each
withheld count; where the bounds are narrow, integer programming says what they are for whole pupils, since linear
bounds can be wider than the truth.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

# Linear bounds at least this far apart are believed; narrower ones are worked out for whole numbers.
WIDE = 12
# An integer solution is proved to this many branches, else it counts as unproven.
NODES = 20_000
_TOLERANCE = 1e-6


class Contradiction(Exception):
    """The shown counts cannot all be true together."""


@dataclass(frozen=True)
class Relation:
    """A sum that everybody knows: the count `total` is the sum of the counts `parts`."""

    total: Hashable
    parts: tuple[Hashable, ...]


@dataclass(frozen=True)
class Interval:
    """The values that a withheld count can still have, both ends included. high: None without an upper end. proven: the
    ends are those of whole numbers, or the linear ones lie at least WIDE apart."""

    low: int
    high: int | None
    proven: bool

    @property
    def span(self) -> float:
        """max − min."""
        return float("inf") if self.high is None else self.high - self.low


def intervals(
    shown: Mapping[Hashable, int],
    withheld: Mapping[Hashable, int],
    relations: Sequence[Relation],
    wanted: Iterable[Hashable] | None = None,
) -> dict[Hashable, Interval]:
    """The interval of each `wanted` withheld count (default: of all).

    shown: count → its value. withheld: count → the least that it can be (1, or 0 where zeros are withheld too).
    Raises Contradiction, KeyError for a relation with a count that is neither shown nor withheld.
    """
    asked = list(withheld if wanted is None else wanted)
    sums = [_reduced(relation, shown, withheld) for relation in relations]
    for known, coefficients in sums:
        if not coefficients and known:
            raise Contradiction("shown counts do not add up")
    found: dict[Hashable, Interval] = {}
    for part in _components([coefficients for _, coefficients in sums], withheld):
        targets = [count for count in asked if count in part]
        if targets:
            own = [(known, coefficients) for known, coefficients in sums if coefficients.keys() & part]
            found |= _Component(sorted(part, key=repr), withheld, own).intervals(targets)
    return {count: found[count] for count in asked}


def _reduced(
    relation: Relation, shown: Mapping[Hashable, int], withheld: Mapping[Hashable, int]
) -> tuple[int, dict[Hashable, int]]:
    """The relation over withheld counts alone: Σ coefficient × count = known."""
    known, coefficients = 0, dict[Hashable, int]()
    for count, sign in ((relation.total, -1), *((part, 1) for part in relation.parts)):
        if count in shown:
            known -= sign * shown[count]
        elif count in withheld:
            coefficients[count] = coefficients.get(count, 0) + sign
        else:
            raise KeyError(count)
    return known, {count: sign for count, sign in coefficients.items() if sign}


def _components(sums: Sequence[Mapping[Hashable, int]], counts: Iterable[Hashable]) -> list[set[Hashable]]:
    """Counts that hang together by sums."""
    parent = {count: count for count in counts}

    def root(count: Hashable) -> Hashable:
        while parent[count] != count:
            parent[count] = count = parent[parent[count]]
        return count

    for coefficients in sums:
        first, *others = coefficients or [None]
        for other in others:
            parent[root(other)] = root(first)
    parts: dict[Hashable, set[Hashable]] = {}
    for count in parent:
        parts.setdefault(root(count), set()).add(count)
    return list(parts.values())


class _Component:
    """Counts that hang together, as a system for the solver."""

    def __init__(
        self,
        counts: Sequence[Hashable],
        least: Mapping[Hashable, int],
        sums: Sequence[tuple[int, Mapping[Hashable, int]]],
    ) -> None:
        self.place = {count: number for number, count in enumerate(counts)}
        self.bounds = Bounds([least[count] for count in counts], np.inf)
        self.constraints: list[LinearConstraint] = []
        if sums:
            cells = [
                (row, self.place[count], sign)
                for row, (_, coefficients) in enumerate(sums)
                for count, sign in coefficients.items()
            ]
            rows, columns, signs = zip(*cells, strict=True)
            matrix = csr_array((signs, (rows, columns)), shape=(len(sums), len(counts)))
            known = np.array([known for known, _ in sums], dtype=float)
            self.constraints = [LinearConstraint(matrix, known, known)]

    def intervals(self, targets: Sequence[Hashable]) -> dict[Hashable, Interval]:
        return {count: self._interval(self.place[count]) for count in targets}

    def _interval(self, place: int) -> Interval:
        low, _ = self._extreme(place, 1, whole=False)
        high, _ = self._extreme(place, -1, whole=False)
        assert low is not None
        low_whole = int(np.ceil(low - _TOLERANCE))
        if high is None:
            return Interval(low_whole, None, proven=True)
        high_whole = int(np.floor(high + _TOLERANCE))
        if high_whole - low_whole >= WIDE:
            return Interval(low_whole, high_whole, proven=True)
        low, is_low = self._extreme(place, 1, whole=True)
        high, is_high = self._extreme(place, -1, whole=True)
        if low is None or high is None:
            return Interval(low_whole, high_whole, proven=False)
        return Interval(round(low), round(high), proven=is_low and is_high)

    def _extreme(self, place: int, sign: int, *, whole: bool) -> tuple[float | None, bool]:
        """The least (sign 1) or greatest (−1) value of a count, and whether it is proved; None where there is no end,
        or none was found. Raises Contradiction when there is no solution."""
        cost = np.zeros(len(self.place))
        cost[place] = sign
        found = milp(
            cost,
            integrality=np.full(len(cost), int(whole)),
            bounds=self.bounds,
            constraints=self.constraints,
            options={"node_limit": NODES, "mip_rel_gap": 0.0},
        )
        if found.status == 2:
            raise Contradiction("no counts fit what is shown")
        if found.x is None:
            return None, False
        return float(found.x[place]), found.status == 0
