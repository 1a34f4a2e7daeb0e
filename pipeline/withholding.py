"""Which counts of a release are withheld besides the small ones, so that no sum gives any of them away.

Complementary suppression by linear programming: for a withheld count that an attacker can work out too closely, the
cheapest way to move it, up and down together by as much as is asked, without breaking a sum; what has to move with it
is withheld too. Afterwards each count that is withheld for another's sake is shown again where nothing needs it.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import highspy
import numpy as np
from scipy.sparse import block_array, csr_array, hstack, vstack
from scipy.sparse.csgraph import connected_components

# How far apart the greatest and the least value of a withheld count must be for every attacker (definitions.md §4).
SPAN = 4
# Moved this little, a count is not moved.
_STILL = 1e-6
# How far above the truth a count is tried; farther proves nothing more.
_FAR = 50
# Counts this far apart in fractions are so in whole numbers too, near enough; the audit looks into those that are not.
_WIDE = 12
# What it costs to withhold a nought.
_NOUGHT_COST = 20.0
# How often what attackers know from shown noughts is looked at again.
_LEARNINGS = 4
# With no more counts than these to prove room for, each is looked at by itself; else in so many directions together.
_FEW, _LOOKS = 8, 12
# Linear programs that a release may solve to show again what need not be withheld; its parts share them.
EFFORT = 6_000

Name = TypeVar("Name", bound=Hashable)


class CannotProtect(Exception):
    """Even with all that may be withheld, an attacker could work a count out; names the counts."""


@dataclass(frozen=True)
class Sum:
    """The count `total` is the sum of the counts `parts`; everybody knows that."""

    total: Any
    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Release(Generic[Name]):
    """The true counts of a release and what binds them. Lesson sums are counts too.

    values: count → pupils (or lessons). sums: every one that a reader knows; one that holds but for what a reader
    knows as well counts like one that holds. least, most: what a reader knows a withheld count to be at least (default
    1: noughts are shown) and at most (default: no end). attackers: name → the counts that it knows anyway; the outsider
    knows none. own: what of them it knows also where all noughts are withheld (default: the same). attackers_when:
    (counts that hang together, those of them that are withheld noughts) → what of them the attackers know then. fixed:
    counts that were published before, and stay shown. unseen: counts that no table has and nobody knows, such as the
    pupils of one table who are not in another; they may be 0. spans: how far apart a count's values must be for every
    attacker (default: SPAN, for an unseen one 0). stands: count → in how many places (default 1). To withhold a count
    costs 1 + log₂ of its pupils for each place, so that many small cells are not spared at the price of one that
    everybody reads. whole: whether readers know that the counts are whole numbers.
    """

    values: Mapping[Name, float]
    sums: Sequence[Sum]
    least: Mapping[Name, float] = field(default_factory=dict)
    most: Mapping[Name, float] = field(default_factory=dict)
    attackers: Mapping[str, frozenset[Name]] = field(default_factory=lambda: {"outsider": frozenset()})
    own: Mapping[str, frozenset[Name]] = field(default_factory=dict)
    attackers_when: Callable[[Sequence[Name], frozenset[Name]], Mapping[str, frozenset[Name]]] | None = None
    fixed: frozenset[Name] = frozenset()
    unseen: frozenset[Name] = frozenset()
    spans: Mapping[Name, float] = field(default_factory=dict)
    stands: Mapping[Name, int] = field(default_factory=dict)
    whole: bool = True


def withheld(release: Release[Name], primary: frozenset[Name], *, effort: int = EFFORT) -> frozenset[Name]:
    """The counts to withhold: `primary`, and the fewest more that a linear heuristic finds. Unseen ones are not named.

    For every count that is withheld and that an attacker does not know, the values left to that attacker lie as far
    apart as `spans` asks. effort: how many linear programs may be solved to withhold fewer. Raises CannotProtect.
    """
    hidden: set[Name] = set()
    parts = [(part, part.that_move(primary)) for part in _components(release) if part.has_secrets(primary)]
    number = sum(len(moving) for _, moving in parts)
    for part, moving in parts:
        try:
            for one in moving:
                hidden |= _Hiding(one, primary).withheld(effort // number)
        except CannotProtect:
            # Among few pupils there may be nothing to hide behind but noughts.
            hidden |= _Hiding(part.with_noughts(), primary).withheld(effort // number)
    return frozenset(hidden | primary)


@dataclass(frozen=True)
class _Component:
    """Counts that hang together: `matrix @ values` stays as it is, whatever a withheld count may be."""

    release: Release[Any]
    counts: list[Any]
    matrix: csr_array
    values: np.ndarray
    least: np.ndarray
    most: np.ndarray
    spans: np.ndarray
    cost: np.ndarray
    unseen: np.ndarray
    # Not what was published; nor a nought, as long as there is anything else: that nobody is there is worth knowing.
    may_hide: np.ndarray
    fixed: np.ndarray
    # Attacker → whether it knows each count.
    known: Mapping[str, np.ndarray]
    hides_noughts: bool = False

    def has_secrets(self, primary: frozenset[Any]) -> bool:
        """Whether any count of it must be uncertain."""
        return any(
            count in primary or (is_unseen and span > 0)
            for count, is_unseen, span in zip(self.counts, self.unseen, self.spans, strict=True)
        )

    def that_move(self, primary: frozenset[Any]) -> "list[_Component]":
        """What hangs together without the noughts that are shown whatever happens, where anything is secret."""
        is_primary = np.array([count in primary for count in self.counts])
        moving = np.flatnonzero((self.values != 0) | self.unseen | self.may_hide | is_primary)
        members = _together(csr_array(self.matrix[:, moving]))
        parts = (self._of(moving[one]) for one in members)
        return [part for part in parts if part.has_secrets(primary)]

    def _of(self, chosen: np.ndarray) -> "_Component":
        """These counts of it, when the others do not move."""
        columns = csr_array(self.matrix[:, chosen])
        return replace(
            self,
            counts=[self.counts[one] for one in chosen],
            matrix=csr_array(columns[np.flatnonzero(np.diff(columns.indptr))]),
            values=self.values[chosen],
            least=self.least[chosen],
            most=self.most[chosen],
            spans=self.spans[chosen],
            cost=self.cost[chosen],
            unseen=self.unseen[chosen],
            may_hide=self.may_hide[chosen],
            fixed=self.fixed[chosen],
            known={name: known[chosen] for name, known in self.known.items()},
        )

    def with_noughts(self) -> "_Component":
        """The same, where noughts may be withheld too; then a reader cannot rule them out. As long as it is open which,
        an attacker knows only what is its own."""
        return replace(
            self,
            hides_noughts=True,
            least=np.where(self.values == 0, 0.0, self.least),
            may_hide=~self.fixed & ~self.unseen,
            cost=np.where(self.values == 0, _NOUGHT_COST, self.cost),
            known={
                name: np.array([count in self.release.own.get(name, known) for count in self.counts])
                for name, known in self.release.attackers.items()
            },
        )

    def known_when(self, hidden: np.ndarray) -> Mapping[str, np.ndarray]:
        """What attackers know when the hidden noughts are withheld."""
        if self.release.attackers_when is None:
            return self.known
        noughts = frozenset(self.counts[place] for place in np.flatnonzero(hidden & (self.values == 0)))
        attackers = self.release.attackers_when(self.counts, noughts)
        return {name: np.array([count in attackers[name] for count in self.counts]) for name in self.known}


def _components(release: Release[Name]) -> Iterable[_Component]:
    counts = list(release.values)
    place = {count: number for number, count in enumerate(counts)}
    cells = [
        (row, place[count], sign)
        for row, one in enumerate(release.sums)
        for count, sign in ((one.total, -1.0), *((part, 1.0) for part in one.parts))
    ]
    rows, columns, signs = zip(*cells, strict=True) if cells else ((), (), ())
    matrix = csr_array((signs, (rows, columns)), shape=(len(release.sums), len(counts)))
    for chosen in _together(matrix):
        own = [counts[one] for one in chosen]
        used = np.flatnonzero(np.diff(matrix[:, chosen].indptr))
        values = np.array([release.values[count] for count in own], dtype=float)
        unseen = np.array([count in release.unseen for count in own])
        default = np.where(unseen, 0.0, 1.0)
        least = np.array([release.least.get(count, low) for count, low in zip(own, default, strict=True)], dtype=float)
        spans = [release.spans.get(count, 0 if count in release.unseen else SPAN) for count in own]
        cost = [release.stands.get(count, 1) * (1 + np.log2(1 + abs(release.values[count]))) for count in own]
        fixed = np.array([count in release.fixed for count in own])
        yield _Component(
            release=release,
            counts=own,
            matrix=csr_array(matrix[used][:, chosen]),
            values=values,
            least=np.minimum(least, values),
            most=np.maximum([release.most.get(count, np.inf) for count in own], values),
            spans=np.array(spans, dtype=float),
            cost=np.array(cost, dtype=float),
            unseen=unseen,
            may_hide=~fixed & ((values > 0) | (least == 0)) & ~unseen,
            fixed=fixed,
            known={name: np.array([count in known for count in own]) for name, known in release.attackers.items()},
        )


def _together(matrix: csr_array) -> list[np.ndarray]:
    """The columns of a matrix in groups that no row binds to each other."""
    size = matrix.shape[1]
    if not size:
        return []
    _, label = connected_components(block_array([[None, matrix.T], [matrix, None]]), directed=False)
    label = label[:size]
    order = np.argsort(label, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(label[order])) + 1)


class _Program:
    """Least costs over columns bound by `matrix @ columns = right`; each is found from where the last one was."""

    def __init__(self, matrix: csr_array, right: np.ndarray) -> None:
        self.solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("presolve", "off"), ("solver", "simplex"), ("threads", 1)):
            self.solver.setOptionValue(option, value)
        rows, columns = matrix.shape
        self.low = self.high = self.cost = np.zeros(columns)
        self.solver.addVars(columns, self.low, self.high)
        self.solver.addRows(rows, right, right, matrix.nnz, matrix.indptr[:-1], matrix.indices, matrix.data)

    def bound(self, low: np.ndarray, high: np.ndarray) -> None:
        changed = np.flatnonzero((low != self.low) | (high != self.high))
        if len(changed):
            self.solver.changeColsBounds(len(changed), changed, low[changed], high[changed])
        self.low, self.high = low, high

    def price(self, cost: np.ndarray) -> None:
        changed = np.flatnonzero(cost != self.cost)
        if len(changed):
            self.solver.changeColsCost(len(changed), changed, cost[changed])
        self.cost = cost

    def solve(self) -> np.ndarray | None:
        """The columns at the least cost; None where nothing fits. Raises RuntimeError when it cannot be told."""
        self.solver.run()
        status = self.solver.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return None
        if status != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"the solver ended with {status}")
        return np.array(self.solver.getSolution().col_value)


class _Worlds:
    """Counts as they could be: each world is a proof of room for whoever cannot tell it from the truth.

    least, most: for each attacker the ends of each count over the worlds that are possible for it; first over all of
    them, then over those of whole pupils.
    """

    def __init__(self, part: _Component, worlds: Sequence[np.ndarray] = ()) -> None:
        self.part = part
        self.names = list(part.known)
        self.known = np.vstack([part.known[name] for name in self.names])
        self.least = np.tile(part.values, (2, len(self.names), 1))
        self.most = self.least.copy()
        self.worlds: list[np.ndarray] = []
        for world in worlds:
            self.add(world)

    def add(self, world: np.ndarray) -> None:
        moved = np.abs(world - self.part.values) > _STILL
        possible = ~(self.known[:, moved]).any(axis=1)
        columns = np.flatnonzero(moved)
        is_whole = not self.part.release.whole or bool((np.abs(world - np.rint(world)) < _STILL).all())
        is_new = False
        for least, most in zip(self.least[: 1 + is_whole], self.most[: 1 + is_whole], strict=True):
            cells = np.ix_(possible, columns)
            is_new |= bool(((world[columns] < least[cells] - _STILL) | (world[columns] > most[cells] + _STILL)).any())
            least[cells] = np.minimum(least[cells], world[columns])
            most[cells] = np.maximum(most[cells], world[columns])
        # A world that shows nobody more than the others do need not be kept.
        if is_new:
            self.worlds.append(world)

    def where_still(self, place: int) -> "_Worlds":
        """Those in which a count is as it is in truth."""
        value = self.part.values[place]
        return _Worlds(self.part, [world for world in self.worlds if abs(world[place] - value) < _STILL])

    def room(self, attacker: str, places: np.ndarray) -> np.ndarray:
        """How far apart each of the counts lies in the worlds that the attacker cannot tell from the truth. Worlds with
        parts of pupils are believed only where they lie far apart."""
        number = self.names.index(attacker)
        of_any, of_whole = self.most[:, number, places] - self.least[:, number, places]
        return np.asarray(np.where(of_any >= _WIDE - _STILL, of_any, of_whole))


class _Hiding:
    """The search in one component."""

    def __init__(self, part: _Component, primary: frozenset[Any]) -> None:
        self.part = part
        self.primary = np.array([count in primary for count in part.counts])
        self.hidden = self.primary | part.unseen
        self.worlds = _Worlds(part)
        self.size = len(part.counts)
        self.far = np.minimum(part.values + max(_FAR, 2 * part.spans.max()), part.most)
        self.extremes = _Program(part.matrix, part.matrix @ part.values)
        self._moves: _Program | None = None
        self.solved = 0
        # How far apart a count is moved, where whole numbers leave less room than fractions do.
        self.moved_by = part.spans.copy()
        # Not while it changes what attackers know: then the audit tells, and more room is tried.
        self.is_sure_to_fit = True
        self.left_to_audit = {name: np.zeros(self.size, dtype=bool) for name in part.known}

    def withheld(self, effort: int) -> set[Any]:
        self._hide_what_is_needed()
        if self.part.hides_noughts:
            self._learn()
        self._show_what_is_not(self.solved + effort)
        return {self.part.counts[one] for one in np.flatnonzero(self.hidden & ~self.part.unseen)}

    def _hide_what_is_needed(self) -> None:
        # What is withheld for one count's sake must have room itself; nobody's room shrinks by it.
        while self._look_for_given_away(self._hide):
            pass

    def _learn(self) -> None:
        """Hides what is needed against attackers who know what follows from the noughts that stay shown."""
        for _ in range(_LEARNINGS):
            known = self.part.known_when(self.hidden)
            if all((known[name] == self.part.known[name]).all() for name in known):
                return
            self.part = replace(self.part, known=known)
            self.worlds = _Worlds(self.part, self.worlds.worlds)
            self.is_sure_to_fit = False
            self._hide_what_is_needed()

    def _hide(self, attacker: str, place: int) -> bool:
        moved = self._cheapest_move(attacker, place)
        if moved is None:
            if self.is_sure_to_fit and self.moved_by[place] == self.part.spans[place]:
                raise CannotProtect(f"{self.part.counts[place]} against {attacker}")
            self.left_to_audit[attacker][place] = True
        elif not (moved & ~self.hidden).any():
            self.moved_by[place] += 2
        else:
            self.hidden |= moved
        return True

    def _show_what_is_not(self, effort: int) -> None:
        others = self.hidden & ~self.primary & ~self.part.unseen
        # A nought that is shown again would tell attackers more.
        others = np.flatnonzero(others & (self.part.values != 0) if self.part.hides_noughts else others)
        for place in sorted(others, key=lambda one: (-self.part.cost[one], repr(self.part.counts[one]))):
            if self.solved > effort:
                return
            kept, worlds = self.hidden, self.worlds
            self.hidden = kept.copy()
            self.hidden[place] = False
            self.worlds = worlds.where_still(int(place))
            if self._look_for_given_away(lambda *_: False):
                self.hidden, self.worlds = kept, worlds

    def _look_for_given_away(self, mend: Callable[[str, int], bool]) -> bool:
        """Whether what is shown leaves a withheld count too little room. mend: what to do about the count for the
        attacker who could know; when it says that it did nothing, the look ends there."""
        found = False
        for attacker, known in self.part.known.items():
            places = np.flatnonzero(self.hidden & ~known & (self.part.spans > 0) & ~self.left_to_audit[attacker])
            asked = self.part.spans[places] - _STILL
            lacking = asked - self.worlds.room(attacker, places)
            tried = 0
            while (lacking > 0).any():
                # What lacks room most often has none, so a few are asked one by one first.
                if tried == _FEW:
                    self._look_around(attacker, places, asked)
                    lacking = np.minimum(lacking, asked - self.worlds.room(attacker, places))
                tried += 1
                if not (lacking > 0).any():
                    break
                worst = int(lacking.argmax())
                place = int(places[worst])
                if not self._has_room(attacker, place):
                    found = True
                    if not mend(attacker, place):
                        return True
                lacking = np.minimum(lacking, asked - self.worlds.room(attacker, places))
                lacking[worst] = 0
        return found

    def _look_around(self, attacker: str, places: np.ndarray, asked: np.ndarray) -> None:
        """Meets worlds that lie far apart, in which many counts are seen to have room at once."""
        directions = np.random.default_rng(0)
        lacking = places[asked > self.worlds.room(attacker, places)]
        looks = 0
        while len(lacking) > _FEW and looks < _LOOKS:
            self._free_for(attacker)
            signs = directions.choice((-1.0, 1.0), size=len(lacking))
            for sign in (1.0, -1.0):
                price = np.zeros(self.size)
                price[lacking] = sign * signs
                self._extreme(price)
            lacking, before = places[asked > self.worlds.room(attacker, places)], len(lacking)
            looks = looks + 1 if len(lacking) < before else _LOOKS

    def _free_for(self, attacker: str) -> None:
        """Lets the counts be what they can be for all that the attacker knows."""
        may = self.hidden & ~self.part.known[attacker]
        low, high = (np.where(may, end, self.part.values) for end in (self.part.least, self.far))
        self.extremes.bound(low, high)

    def _extreme(self, price: np.ndarray) -> np.ndarray:
        """The world at the least price."""
        self.extremes.price(price)
        world = self.extremes.solve()
        self.solved += 1
        assert world is not None
        self.worlds.add(world)
        return world

    def _has_room(self, attacker: str, place: int) -> bool:
        """Whether the count can still be at two values as far apart as is asked, for all that the attacker knows."""
        part = self.part
        self._free_for(attacker)
        for sign in (-1.0, 1.0):
            price = np.zeros(self.size)
            price[place] = sign
            self._extreme(price)
            if self.worlds.room(attacker, np.array([place]))[0] >= part.spans[place] - _STILL:
                return True
        return False

    def _cheapest_move(self, attacker: str, place: int) -> np.ndarray | None:
        """What has to be withheld so that the count has room, or None when nothing helps.

        Four columns a count: up and down in the one world, up and down in the other, where it is that much higher.
        """
        part, size = self.part, self.size
        if self._moves is None:
            sums = hstack([part.matrix, -part.matrix])
            spread = csr_array(([-1.0, 1.0, 1.0, -1.0], ([0] * 4, np.arange(4) * size)), shape=(1, 4 * size))
            zero = csr_array(sums.shape)
            matrix = csr_array(vstack([hstack([sums, zero]), hstack([zero, sums]), spread]))
            self._moves = _Program(matrix, np.zeros(matrix.shape[0]))
            self._spread = (matrix.shape[0] - 1, 0)
        row, before = self._spread
        solver = self._moves.solver
        for number, sign in enumerate((-1.0, 1.0, 1.0, -1.0)):
            solver.changeCoeff(row, number * size + before, 0.0)
            solver.changeCoeff(row, number * size + place, sign)
        solver.changeRowBounds(row, self.moved_by[place], self.moved_by[place])
        self._spread = (row, place)
        may = (self.hidden | part.may_hide) & ~part.known[attacker]
        up = np.where(may, self.far - part.values, 0.0)
        down = np.where(may, np.maximum(part.values - part.least, 0.0), 0.0)
        self._moves.bound(np.zeros(4 * size), np.concatenate([up, down, up, down]))
        self._moves.price(np.tile(np.where(self.hidden, 0.0, part.cost), 4))
        found = self._moves.solve()
        self.solved += 1
        if found is None:
            return None
        up_once, down_once, up_again, down_again = found.reshape(4, size)
        for moved in (up_once - down_once, up_again - down_again):
            self.worlds.add(part.values + moved)
        return np.asarray(found.reshape(4, size).sum(axis=0) > _STILL)
