"""Which counts of a release are withheld besides the small ones, so that no sum gives any of them away.

Complementary suppression by linear programming: for a withheld count that an attacker can work out too closely, the
cheapest way to move it, up and down together by as much as is asked, without breaking a sum; what has to move with it
is withheld too. Afterwards each count that is withheld for another's sake is shown again where nothing needs it.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

import highspy
import numpy as np
from scipy.sparse import block_array, csc_array, csr_array, hstack, vstack
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
# What it costs in a large part to move a count that is withheld already: a world in which little moves is possible for
# more attackers.
_HIDDEN_COST = 0.01
# Noughts so many sums away from a secret nought are withheld before others are.
_NOUGHTS_NEAR = 2
# With no more counts than these to prove room for, each is looked at by itself; else in so many directions together.
_FEW, _LOOKS = 8, 12
# In a part of more counts than this, programs are of what is near a count: of its own municipality's counts and of so
# many others', at most so many counts in all; where that is too little, of more.
_LARGE = 2_000
_NEAR = ((3, 600), (8, 2_000))
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
    counts that were published before, and stay shown. floors: attacker → what it knows some counts to be at least.
    unasked: attacker → counts that tell it nothing, and may be as they are. unseen: counts that no table has and nobody
    knows, such as the pupils of one table who are not in another; they may be 0. spans: how far apart a count's values
    must be for every attacker (default: SPAN, for an unseen one 0). worth: count → how much readers lose with it
    (default 1). To withhold a count costs its worth × (1 + log₂ of its pupils), so that many small cells are not spared
    at the price of one that everybody reads. whole: whether readers know that the counts are whole numbers.
    """

    values: Mapping[Name, float]
    sums: Sequence[Sum]
    least: Mapping[Name, float] = field(default_factory=dict)
    most: Mapping[Name, float] = field(default_factory=dict)
    attackers: Mapping[str, frozenset[Name]] = field(default_factory=lambda: {"outsider": frozenset()})
    own: Mapping[str, frozenset[Name]] = field(default_factory=dict)
    attackers_when: Callable[[Sequence[Name], frozenset[Name]], Mapping[str, frozenset[Name]]] | None = None
    fixed: frozenset[Name] = frozenset()
    floors: Mapping[str, Mapping[Name, float]] = field(default_factory=dict)
    unasked: Mapping[str, frozenset[Name]] = field(default_factory=dict)
    unseen: frozenset[Name] = frozenset()
    spans: Mapping[Name, float] = field(default_factory=dict)
    worth: Mapping[Name, float] = field(default_factory=dict)
    whole: bool = True


def withheld(release: Release[Name], primary: frozenset[Name], *, effort: int = EFFORT) -> frozenset[Name]:
    """The counts to withhold: `primary`, and the fewest more that a linear heuristic finds. Unseen ones are not named.

    For every count that is withheld and that an attacker does not know, the values left to that attacker lie as far
    apart as `spans` asks. effort: how many linear programs may be solved to withhold fewer. Raises CannotProtect.
    """
    hidden: set[Name] = set()
    parts = [part for part in _components(release) if part.has_secrets(primary)]
    number = sum(len(part.that_move(primary)) for part in parts)
    for part in parts:
        hidden |= _protected(part, primary, effort // number)
    return frozenset(hidden | primary)


def _protected(part: "_Component", primary: frozenset[Any], effort: int) -> set[Any]:
    """What to withhold of a component. Raises CannotProtect."""
    cannot = CannotProtect()
    for moving in part.ways(primary):
        try:
            return {count for one in moving for count in _Hiding(one, primary).withheld(effort)}
        except CannotProtect as error:
            cannot = error
    raise cannot


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
    # Attacker → whether it knows each count, and what it knows it to be at least.
    known: Mapping[str, np.ndarray]
    floors: Mapping[str, np.ndarray]
    # All counts that hang together, those that stay as they are among them.
    together: Sequence[Any]
    hides_noughts: bool = False

    def has_secrets(self, primary: frozenset[Any]) -> bool:
        """Whether any count of it must be uncertain."""
        return any(
            count in primary or (is_unseen and span > 0)
            for count, is_unseen, span in zip(self.counts, self.unseen, self.spans, strict=True)
        )

    def ways(self, primary: frozenset[Any]) -> "Iterator[list[_Component]]":
        """What to let move, one way after another. Among few pupils there may be nothing to hide behind but noughts:
        those near by, if need be any."""
        yield self.that_move(primary)
        wide = self.with_noughts()
        yield wide.that_move(primary, _NOUGHTS_NEAR)
        yield [wide]

    def that_move(self, primary: frozenset[Any], steps: int = 0) -> "list[_Component]":
        """What hangs together without the noughts that are shown, where anything is secret. steps: so many sums away
        from a secret nought others come with it."""
        is_primary = np.array([count in primary for count in self.counts])
        columns, near = csc_array(self.matrix), is_primary & (self.values == 0)
        for _ in range(steps):
            rows = np.unique(_of_lines(columns, np.flatnonzero(near)))
            near[_of_lines(self.matrix, rows)] = True
            near &= self.values == 0
        moving = np.flatnonzero((self.values != 0) | self.unseen | is_primary | near)
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
            floors={name: floor[chosen] for name, floor in self.floors.items()},
        )

    def with_noughts(self) -> "_Component":
        """The same, where noughts may be withheld too; then a reader cannot rule them out. As long as it is open which,
        an attacker knows only what is its own."""
        return replace(
            self,
            hides_noughts=True,
            least=np.where(self.values == 0, 0.0, self.least),
            floors={name: np.where(self.values == 0, 0.0, floor) for name, floor in self.floors.items()},
            may_hide=~self.fixed & ~self.unseen,
            cost=np.where(self.values == 0, _NOUGHT_COST, self.cost),
            known={
                name: np.array([count in self.release.own.get(name, known) for count in self.counts])
                for name, known in self.release.attackers.items()
            },
        )

    def owners(self) -> np.ndarray:
        """Whose each count is: the number of the first attacker that knows it, -1 where none does."""
        knows = np.vstack([*self.known.values()])
        return np.where(knows.any(axis=0), knows.argmax(axis=0), -1)

    def known_when(self, hidden: np.ndarray) -> Mapping[str, np.ndarray]:
        """What attackers know when the hidden noughts are withheld."""
        if self.release.attackers_when is None:
            return self.known
        noughts = frozenset(self.counts[place] for place in np.flatnonzero(hidden & (self.values == 0)))
        attackers = self.release.attackers_when(self.together, noughts)
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
        cost = [release.worth.get(count, 1) * (1 + np.log2(1 + abs(release.values[count]))) for count in own]
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
            floors={name: _floor(release, name, own, np.minimum(least, values)) for name in release.attackers},
            together=own,
        )


def _floor(release: Release[Any], attacker: str, counts: Sequence[Any], least: np.ndarray) -> np.ndarray:
    """What an attacker knows each count to be at least."""
    floors = release.floors.get(attacker, {})
    return np.asarray(np.maximum(least, [floors.get(count, -np.inf) for count in counts]))


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


@dataclass(frozen=True)
class _World:
    """What the counts could be. columns: those that are not as in truth; values: what they are there. possible: the
    numbers of the attackers who cannot tell it from the truth."""

    columns: np.ndarray
    values: np.ndarray
    possible: np.ndarray
    is_whole: bool


class _Worlds:
    """Counts as they could be: each world is a proof of room for whoever cannot tell it from the truth.

    least, most: for each attacker the ends of each count over the worlds that are possible for it; first over all of
    them, then over those of whole pupils.
    """

    def __init__(self, part: _Component, worlds: Sequence[_World] = ()) -> None:
        self.part = part
        self.names = list(part.known)
        self.number = {name: number for number, name in enumerate(self.names)}
        self.known = np.vstack([part.known[name] for name in self.names])
        self.floors = np.vstack([part.floors[name] for name in self.names])
        self.least = np.tile(part.values, (2, len(self.names), 1))
        self.most = self.least.copy()
        self.worlds: list[_World] = []
        for world in worlds:
            self.add(world.columns, world.values)

    def add(self, columns: np.ndarray, values: np.ndarray) -> None:
        """Notes the world in which these counts have these values, and the others their true ones."""
        moved = np.abs(values - self.part.values[columns]) > _STILL
        columns, values = columns[moved], values[moved]
        is_possible = ~(self.known[:, columns]).any(axis=1)
        is_possible &= (values >= self.floors[:, columns] - _STILL).all(axis=1)
        is_whole = not self.part.release.whole or bool((np.abs(values - np.rint(values)) < _STILL).all())
        world = _World(columns, values, np.flatnonzero(is_possible), is_whole)
        # A world that shows nobody more than the others do need not be kept.
        if self._widened(world):
            self.worlds.append(world)

    def _widened(self, world: _World) -> bool:
        """Lets the ends reach as far as the world does; whether any of them had to be moved."""
        is_new = False
        cells = (world.possible[:, None], world.columns)
        for least, most in zip(self.least[: 1 + world.is_whole], self.most[: 1 + world.is_whole], strict=True):
            low, high = least[cells], most[cells]
            is_new |= bool(((world.values < low - _STILL) | (world.values > high + _STILL)).any())
            least[cells] = np.minimum(low, world.values)
            most[cells] = np.maximum(high, world.values)
        return is_new

    def where_still(self, place: int) -> "_Worlds":
        """Those in which a count is as it is in truth."""
        found = _Worlds(self.part)
        found.worlds = [world for world in self.worlds if place not in world.columns and found._widened(world)]
        return found

    def room(self, attacker: str, places: np.ndarray) -> np.ndarray:
        """How far apart each of the counts lies in the worlds that the attacker cannot tell from the truth. Worlds with
        parts of pupils are believed only where they lie far apart."""
        number = self.number[attacker]
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
        self.everything = np.arange(self.size)
        self.is_large = self.size > _LARGE
        self.columns = csc_array(part.matrix)
        self.owner = part.owners()
        self.extremes = _Program(part.matrix, part.matrix @ part.values)
        self._moves: _Moves | None = None
        self.solved = 0
        # How far apart a count is moved, where whole numbers leave less room than fractions do.
        self.moved_by = part.spans.copy()
        # Not while it changes what attackers know: then the audit tells, and more room is tried.
        self.is_sure_to_fit = True
        self.left_to_audit = {
            name: np.array([count in part.release.unasked.get(name, ()) for count in part.counts])
            for name in part.known
        }

    def withheld(self, effort: int) -> set[Any]:
        self._hide_what_is_needed()
        if self.part.hides_noughts:
            self._learn()
        if not self.is_large:
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
            self.owner = self.part.owners()
            self.worlds = _Worlds(self.part, self.worlds.worlds)
            self.is_sure_to_fit = False
            self._hide_what_is_needed()

    def _hide(self, attacker: str, place: int) -> bool:
        moved = self._cheapest_move(attacker, place)
        if moved is not None and self._is_seen(attacker, place):
            self.hidden |= moved
        elif moved is None:
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
        # Who knows most first: what is possible for it is so for most of the others.
        for attacker, known in sorted(self.part.known.items(), key=lambda one: -int(one[1].sum())):
            places = np.flatnonzero(self.hidden & ~known & (self.part.spans > 0) & ~self.left_to_audit[attacker])
            asked = self.part.spans[places] - _STILL
            lacking = asked - self.worlds.room(attacker, places)
            tried = 0
            while (lacking > 0).any():
                # What lacks room most often has none, so a few are asked one by one first.
                if tried == _FEW and not self.is_large:
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
        low, high = (np.where(may, end, self.part.values) for end in (self.part.floors[attacker], self.far))
        self.extremes.bound(low, high)

    def _extreme(self, price: np.ndarray) -> np.ndarray:
        """The world at the least price."""
        self.extremes.price(price)
        world = self.extremes.solve()
        self.solved += 1
        assert world is not None
        self.worlds.add(self.everything, world)
        return world

    def _has_room(self, attacker: str, place: int) -> bool:
        """Whether the count can still be at two values as far apart as is asked, for all that the attacker knows."""
        if self.is_large:
            # What is not seen near by, the cheapest move will find: it costs next to nothing where there is room.
            near = self._near(place, self.hidden & ~self.part.known[attacker], *_NEAR[0])
            moves = _Moves(self._rows_of(near))
            return self._move(moves, near, attacker, place) is not None and self._is_seen(attacker, place)
        self._free_for(attacker)
        for sign in (-1.0, 1.0):
            self._extreme(np.where(self.everything == place, sign, 0.0))
            if self._is_seen(attacker, place):
                return True
        return False

    def _is_seen(self, attacker: str, place: int) -> bool:
        """Whether the worlds that were found give the count room."""
        return bool(self.worlds.room(attacker, np.array([place]))[0] >= self.part.spans[place] - _STILL)

    def _near(self, place: int, may: np.ndarray, others: int, size: int) -> np.ndarray:
        """At most `size` counts that may move and are bound to one most closely, itself first. Of other municipalities
        come `others`, where most can move; with more than one also what is of several."""
        beside = _of_lines(self.part.matrix, _of_lines(self.columns, np.array([place])))
        beside = beside[may[beside] & (self.owner[beside] >= 0) & (self.owner[beside] != self.owner[place])]
        rank = np.where(self.hidden, -self.part.values, self.part.cost)[beside]
        owners = dict.fromkeys(self.owner[beside[np.lexsort((beside, rank))]].tolist())
        allowed = [self.owner[place], *[*owners][:others], *([-1] if others > 1 else [])]
        near = may & np.isin(self.owner, allowed)
        found = np.array([place])
        near[place] = False
        newest = found
        while len(newest):
            bound = _of_lines(self.part.matrix, np.unique(_of_lines(self.columns, newest)))
            newest = np.unique(bound[near[bound]])
            near[newest] = False
            found = np.concatenate([found, newest])
            if len(found) > size:
                return found[:size]
        return found

    def _rows_of(self, columns: np.ndarray) -> csr_array:
        """The sums that bind these counts, when the others do not move."""
        found = csr_array(self.columns[:, columns])
        return csr_array(found[np.flatnonzero(np.diff(found.indptr))])

    def _cheapest_move(self, attacker: str, place: int) -> np.ndarray | None:
        """What has to be withheld so that the count has room, or None when nothing helps."""
        may = (self.hidden | self.part.may_hide) & ~self.part.known[attacker]
        for others, size in _NEAR if self.is_large else ():
            near = self._near(place, may, others, size)
            moved = self._move(_Moves(self._rows_of(near)), near, attacker, place)
            if moved is not None:
                return moved
        if self._moves is None:
            self._moves = _Moves(self.part.matrix)
        return self._move(self._moves, self.everything, attacker, place, may)

    def _move(
        self, moves: "_Moves", columns: np.ndarray, attacker: str, place: int, may: np.ndarray | None = None
    ) -> np.ndarray | None:
        """The cheapest way to move a count by what is asked, when only these may move; notes the worlds."""
        part = self.part
        values = part.values[columns]
        up, down = self.far[columns] - values, np.maximum(values - part.floors[attacker][columns], 0.0)
        if may is not None:
            up, down = np.where(may[columns], up, 0.0), np.where(may[columns], down, 0.0)
        cost = np.where(self.hidden, _HIDDEN_COST if self.is_large else 0.0, part.cost)[columns]
        found = moves.cheapest(int(np.flatnonzero(columns == place)[0]), self.moved_by[place], up, down, cost)
        self.solved += 1
        if found is None:
            return None
        is_moved = np.zeros(self.size, dtype=bool)
        for by in found:
            self.worlds.add(columns, values + by)
            is_moved[columns[np.abs(by) > _STILL]] = True
        return is_moved


def _of_lines(matrix: csr_array | csc_array, lines: np.ndarray) -> np.ndarray:
    """Where some rows (of a matrix by rows) or columns have entries, one after another."""
    starts, lengths = matrix.indptr[lines], np.diff(matrix.indptr)[lines]
    ends = np.cumsum(lengths)
    first = np.repeat(starts - (ends - lengths), lengths)
    return np.asarray(matrix.indices[first + np.arange(len(first))])


class _Moves:
    """Two worlds in which one count lies as far apart as is asked, where what moves costs least.

    Four columns a count: up and down in the one world, up and down in the other, where it is that much higher.
    """

    def __init__(self, matrix: csr_array) -> None:
        self.size = matrix.shape[1]
        sums = hstack([matrix, -matrix])
        spread = csr_array(([-1.0, 1.0, 1.0, -1.0], ([0] * 4, np.arange(4) * self.size)), shape=(1, 4 * self.size))
        zero = csr_array(sums.shape)
        both = csr_array(vstack([hstack([sums, zero]), hstack([zero, sums]), spread]))
        self.program = _Program(both, np.zeros(both.shape[0]))
        self.row, self.before = both.shape[0] - 1, 0

    def cheapest(
        self, place: int, by: float, up: np.ndarray, down: np.ndarray, cost: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray] | None:
        """How each count moves in the two worlds, when one is moved by `by`; None when it cannot be. up, down: by how
        much each may."""
        solver = self.program.solver
        for number, sign in enumerate((-1.0, 1.0, 1.0, -1.0)):
            solver.changeCoeff(self.row, number * self.size + self.before, 0.0)
            solver.changeCoeff(self.row, number * self.size + place, sign)
        solver.changeRowBounds(self.row, by, by)
        self.before = place
        self.program.bound(np.zeros(4 * self.size), np.concatenate([up, down, up, down]))
        self.program.price(np.tile(cost, 4))
        found = self.program.solve()
        if found is None:
            return None
        up_once, down_once, up_again, down_again = found.reshape(4, self.size)
        return up_once - down_once, up_again - down_again
