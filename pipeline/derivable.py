"""What can be worked out of counts that are withheld, from the ones that are shown and the sums that bind them.

The audit's own arithmetic: it knows nothing of how cells were chosen to be withheld. Linear programming bounds each
withheld count; where the bounds are narrow, integer programming says what they are for whole pupils, since linear
bounds can be wider than the truth.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import highspy
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

# Linear bounds at least this far apart are believed; narrower ones are worked out for whole numbers.
WIDE = 12
# An integer solution is proved to this many branches, else it counts as unproven.
NODES = 20_000
_TOLERANCE = 1e-6
# At least so far a count without an upper end is looked at.
_FAR = 10_000.0
# In how many directions the counts are looked at together, before each is by itself.
_LOOKS = 20

Name = TypeVar("Name", bound=Hashable)


class Contradiction(Exception):
    """The shown counts cannot all be true together."""


@dataclass(frozen=True)
class Relation:
    """A sum that everybody knows: the count `total` is the sum of the counts `parts`."""

    total: Any
    parts: tuple[Any, ...]


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
    shown: Mapping[Name, int],
    withheld: Mapping[Name, int],
    relations: Sequence[Relation],
    wanted: Iterable[Name] | None = None,
    *,
    most: Mapping[Name, int] | None = None,
    enough: int | None = None,
) -> dict[Name, Interval]:
    """The interval of each `wanted` withheld count (default: of all).

    shown: count → its value. withheld: count → the least that it can be (1, or 0 where zeros are withheld too). most:
    count → the most that it can be. enough: an interval seen to be as wide as this is not worked out to its ends, and
    none is looked at without an upper end.
    Raises Contradiction, KeyError for a relation with a count that is neither shown nor withheld.
    """
    asked = list(withheld if wanted is None else wanted)
    sums = [_reduced(relation, shown, withheld) for relation in relations]
    for known, coefficients in sums:
        if not coefficients and known:
            raise Contradiction("shown counts do not add up")
    found: dict[Any, Interval] = {}
    parts = _components([coefficients for _, coefficients in sums], withheld)
    part_of: dict[Any, int] = {count: number for number, part in enumerate(parts) for count in part}
    targets: dict[int, list[Any]] = defaultdict(list)
    for count in asked:
        targets[part_of[count]].append(count)
    own: dict[int, list[tuple[int, dict[Hashable, int]]]] = defaultdict(list)
    for known, coefficients in sums:
        if coefficients:
            own[part_of[next(iter(coefficients))]].append((known, coefficients))
    for number, counts in targets.items():
        component = _Component(sorted(parts[number], key=repr), withheld, own[number], most or {})
        found |= component.intervals(counts, enough)
    return {count: found[count] for count in asked}


def _reduced(
    relation: Relation, shown: Mapping[Any, int], withheld: Mapping[Any, int]
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


def _components(sums: Sequence[Mapping[Any, int]], counts: Iterable[Hashable]) -> list[set[Hashable]]:
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
        least: Mapping[Any, int],
        sums: Sequence[tuple[int, Mapping[Any, int]]],
        most: Mapping[Any, int],
    ) -> None:
        self.place = {count: number for number, count in enumerate(counts)}
        self.low = np.array([least[count] for count in counts], dtype=float)
        self.high = np.array([most.get(count, np.inf) for count in counts], dtype=float)
        rows = [(row, self.place[count], sign) for row, (_, own) in enumerate(sums) for count, sign in own.items()]
        places, columns, signs = zip(*rows, strict=True) if rows else ((), (), ())
        self.matrix = csr_array((np.array(signs, dtype=float), (places, columns)), shape=(len(sums), len(counts)))
        self.known = np.array([known for known, _ in sums], dtype=float)
        # The least and the greatest value of each count among the whole-number solutions that were met on the way.
        self.seen_low, self.seen_high = np.full(len(counts), np.inf), np.full(len(counts), -np.inf)
        # The same among all solutions.
        self.met_low, self.met_high = self.seen_low.copy(), self.seen_high.copy()
        self.solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("presolve", "off"), ("solver", "simplex"), ("threads", 1)):
            self.solver.setOptionValue(option, value)
        self.solver.addVars(len(counts), self.low, self.high)
        self.solver.addRows(
            len(sums),
            self.known,
            self.known,
            self.matrix.nnz,
            self.matrix.indptr,
            self.matrix.indices,
            self.matrix.data,
        )

    def intervals(self, targets: Sequence[Hashable], enough: int | None) -> dict[Hashable, Interval]:
        if enough is not None:
            self._look_around(targets, enough)
        return {count: self._interval(self.place[count], enough) for count in targets}

    def _look_around(self, targets: Sequence[Hashable], enough: int) -> None:
        """Meets solutions that lie far apart, in which many counts are seen to have room at once."""
        everything = np.arange(len(self.place))
        # Ten times all that is shown is farther than anything that is not.
        far = max(_FAR, 10 * float(np.abs(self.known).sum()))
        self.high = np.where(np.isinf(self.high), far, self.high)
        self.solver.changeColsBounds(len(everything), everything, self.low, self.high)
        places = np.array([self.place[count] for count in targets])
        directions = np.random.default_rng(0)
        for _ in range(_LOOKS):
            if not len(places):
                break
            signs = directions.choice((-1.0, 1.0), size=len(places))
            for cost in (signs, -signs):
                self.solver.changeColsCost(len(places), places, cost)
                self.solver.run()
                if self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal:
                    self._note(np.array(self.solver.getSolution().col_value))
            self.solver.changeColsCost(len(places), places, np.zeros(len(places)))
            is_wide = self.met_high[places] - self.met_low[places] >= WIDE
            is_wide |= self.seen_high[places] - self.seen_low[places] >= enough
            places = places[~is_wide]

    def _interval(self, place: int, enough: int | None) -> Interval:
        if enough is not None and self.seen_high[place] - self.seen_low[place] >= enough:
            return Interval(int(self.seen_low[place]), int(self.seen_high[place]), proven=True)
        if enough is not None and self.met_high[place] - self.met_low[place] >= max(enough, WIDE):
            return Interval(int(np.ceil(self.met_low[place])), int(self.met_high[place]), proven=True)
        low, low_is_whole = self._linear(place, 1)
        high, high_is_whole = self._linear(place, -1)
        assert low is not None
        low_whole = int(np.ceil(low - _TOLERANCE))
        if high is None:
            return Interval(low_whole, None, proven=True)
        high_whole = int(np.floor(high + _TOLERANCE))
        if high_whole - low_whole >= WIDE or (low_is_whole and high_is_whole):
            return Interval(low_whole, high_whole, proven=True)
        low, is_low = self._whole(place, 1)
        high, is_high = self._whole(place, -1)
        if low is None or high is None:
            return Interval(low_whole, high_whole, proven=False)
        return Interval(round(low), round(high), proven=is_low and is_high)

    def _linear(self, place: int, sign: int) -> tuple[float | None, bool]:
        """The least (sign 1) or greatest (-1) value of a count, None where there is no end; and whether all counts are
        whole numbers there. Raises Contradiction when there is no solution."""
        self.solver.changeColCost(place, float(sign))
        self.solver.run()
        if self.solver.getModelStatus() == highspy.HighsModelStatus.kUnknown:
            # From where the last program ended it found no end; from the beginning it does.
            self.solver.clearSolver()
            self.solver.run()
        status = self.solver.getModelStatus()
        self.solver.changeColCost(place, 0.0)
        if status == highspy.HighsModelStatus.kInfeasible:
            raise Contradiction("no counts fit what is shown")
        if status == highspy.HighsModelStatus.kUnbounded:
            return None, False
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"the solver ended with {status}")
        solution = np.array(self.solver.getSolution().col_value)
        return float(solution[place]), self._note(solution)

    def _note(self, solution: np.ndarray) -> bool:
        """Remembers a solution; returns whether it is in whole numbers."""
        self.met_low, self.met_high = np.minimum(self.met_low, solution), np.maximum(self.met_high, solution)
        whole = np.rint(solution)
        if np.abs(solution - whole).max() > _TOLERANCE:
            return False
        self.seen_low, self.seen_high = np.minimum(self.seen_low, whole), np.maximum(self.seen_high, whole)
        return True

    def _whole(self, place: int, sign: int) -> tuple[float | None, bool]:
        """The least or greatest value in whole numbers, and whether it was proved; None when none was found."""
        cost = np.zeros(len(self.place))
        cost[place] = sign
        found = milp(
            cost,
            integrality=np.ones(len(cost)),
            bounds=Bounds(self.low, self.high),
            constraints=LinearConstraint(self.matrix, self.known, self.known) if len(self.known) else (),
            options={"node_limit": NODES, "mip_rel_gap": 0.0},
        )
        if found.status == 2:
            raise Contradiction("no counts fit what is shown")
        if found.x is None:
            return None, False
        self._note(found.x)
        return float(found.x[place]), found.status == 0
