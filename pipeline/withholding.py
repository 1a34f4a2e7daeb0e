"""Which counts of a release are withheld besides the small ones, so that no sum gives any of them away.

Complementary suppression by linear programming: for a withheld count that an attacker can work out too closely, the
cheapest way to move it, up and down together by as much as is asked, without breaking a sum; what has to move with it
is withheld too. Afterwards each count that is withheld for another's sake is shown again where nothing needs it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_array, hstack, vstack

# How far apart the greatest and the least value of a withheld count must be for every attacker (definitions.md §4).
SPAN = 4
# Moved this little, a count is not moved.
_STILL = 1e-7


class CannotProtect(Exception):
    """Even with all that may be withheld, an attacker could work a count out; names the counts."""


@dataclass(frozen=True)
class Sum:
    """The count `total` is the sum of the counts `parts`; everybody knows that."""

    total: Hashable
    parts: tuple[Hashable, ...]


@dataclass(frozen=True)
class Release:
    """The true counts of a release and what binds them.

    values: count → pupils. sums: every one that a reader knows. least: what a reader knows a withheld count to be at
    least (default 1: noughts are shown). attackers: name → the counts that it knows anyway; the outsider knows none.
    fixed: counts that were published before, and stay shown. cost: what it costs to withhold a count (default: 1 + log₂
    of its pupils, so that many small cells are not spared at the price of one that everybody reads).
    """

    values: Mapping[Hashable, int]
    sums: Sequence[Sum]
    least: Mapping[Hashable, int] = field(default_factory=dict)
    attackers: Mapping[str, frozenset[Hashable]] = field(default_factory=lambda: {"outsider": frozenset()})
    fixed: frozenset[Hashable] = frozenset()
    cost: Mapping[Hashable, float] = field(default_factory=dict)


def withheld(release: Release, primary: frozenset[Hashable]) -> frozenset[Hashable]:
    """The counts to withhold: `primary`, and the fewest more that a linear heuristic finds.

    For every count that is withheld and that an attacker does not know, the values left to that attacker span SPAN.
    Raises CannotProtect.
    """
    system = _System(release)
    hidden = set(primary)
    _hide_what_is_needed(system, hidden)
    for count in sorted(hidden - primary, key=lambda one: (-system.cost[system.place[one]], repr(one))):
        hidden.discard(count)
        if _given_away(system, hidden):
            hidden.add(count)
    return frozenset(hidden)


def _hide_what_is_needed(system: "_System", hidden: set[Hashable]) -> None:
    while given := _given_away(system, hidden):
        for attacker, count in given:
            moved = system.cheapest_move(count, attacker, hidden)
            if moved is None:
                raise CannotProtect(f"{count!r} against {attacker}")
            hidden |= moved


def _given_away(system: "_System", hidden: set[Hashable]) -> list[tuple[str, Hashable]]:
    """(attacker, count) where what is shown leaves a withheld count too little room."""
    return [
        (attacker, count)
        for attacker, known in system.release.attackers.items()
        for count in sorted(hidden - known, key=repr)
        if not system.has_room(count, attacker, hidden)
    ]


class _System:
    """The sums as a matrix over all counts: `matrix @ counts = 0`."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.counts = list(release.values)
        self.place = {count: number for number, count in enumerate(self.counts)}
        entries = [
            (row, self.place[count], sign)
            for row, one in enumerate(release.sums)
            for count, sign in ((one.total, -1.0), *((part, 1.0) for part in one.parts))
        ]
        rows, columns, signs = zip(*entries, strict=True) if entries else ((), (), ())
        self.matrix = csr_array((signs, (rows, columns)), shape=(len(release.sums), len(self.counts)))
        self.values = np.array([release.values[count] for count in self.counts], dtype=float)
        self.least = np.array([release.least.get(count, 1) for count in self.counts], dtype=float)
        self.cost = np.array([release.cost.get(count, 1 + np.log2(1 + release.values[count])) for count in self.counts])

    def has_room(self, count: Hashable, attacker: str, hidden: set[Hashable]) -> bool:
        """Whether the count can still be at two values SPAN apart, for all that the attacker knows."""
        moves = self._moves(attacker, np.array([one in hidden for one in self.counts]))
        return self._solve(count, moves, np.zeros(len(self.counts))) is not None

    def cheapest_move(self, count: Hashable, attacker: str, hidden: set[Hashable]) -> set[Hashable] | None:
        """What has to be withheld so that the count has room, or None when nothing helps."""
        may = np.array([one not in self.release.fixed for one in self.counts])
        # A nought that is shown says that nobody is there: it is never withheld.
        may &= (self.values > 0) | (self.least == 0)
        price = np.where([one in hidden for one in self.counts], 0.0, self.cost)
        found = self._solve(count, self._moves(attacker, may), price)
        return None if found is None else {self.counts[n] for n in np.flatnonzero(found > _STILL)}

    def _moves(self, attacker: str, may: np.ndarray) -> np.ndarray:
        """For each count whether it can be another for the attacker."""
        known = self.release.attackers[attacker]
        moves: np.ndarray = may & np.array([one not in known for one in self.counts])
        return moves

    def _solve(self, count: Hashable, moves: np.ndarray, price: np.ndarray) -> np.ndarray | None:
        """How far each count moves when `count` spans SPAN at the least price; None when it cannot.

        Four variables a count: up and down in the one world, up and down in the other, where it is SPAN higher.
        """
        size = len(self.counts)
        sums = hstack([self.matrix, -self.matrix])
        zero = csr_array(sums.shape)
        span = np.zeros(4 * size)
        place = self.place[count]
        span[[place, size + place, 2 * size + place, 3 * size + place]] = (-1, 1, 1, -1)
        equal = np.concatenate([np.zeros(2 * len(self.release.sums)), [SPAN]])
        matrix = csr_array(vstack([hstack([sums, zero]), hstack([zero, sums]), csr_array(span.reshape(1, -1))]))
        down = np.where(moves, np.maximum(self.values - self.least, 0.0), 0.0)
        up = np.where(moves, np.inf, 0.0)
        high = np.concatenate([up, down, up, down])
        found = linprog(np.tile(price, 4), A_eq=matrix, b_eq=equal, bounds=np.column_stack([np.zeros(4 * size), high]))
        if found.status == 2:
            return None
        return np.asarray(found.x.reshape(4, size).sum(axis=0))
