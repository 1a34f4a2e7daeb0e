"""Worlds of whole pupils that prove room for a withheld count to many attackers at once; the audit's own arithmetic.

Looking at everything that is withheld once for each of a hundred municipalities takes hours. But a world in which only
few counts differ from the truth is possible for everybody who knows none of these. Such worlds are looked for near a
count, and each is checked in whole numbers before it counts as a proof; what has no such proof is looked at as a whole.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any

import highspy
import numpy as np
from scipy.sparse import csc_array, csr_array, hstack

from pipeline.derivable import Relation

# A world is looked for in a count's own group and so many others, at most so many counts in all; then in more.
NEAR = ((3, 1_000), (20, 6_000), (200, 40_000))
# So much farther a count is rather moved than another one left as it is.
_FARTHER = 1_000.0


class NotFitting(Exception):
    """The true counts do not fit what is shown, so that no world can be found from them."""


def without_proof(
    truth: Mapping[Any, int],
    least: Mapping[Any, int],
    most: Mapping[Any, int],
    relations: Sequence[Relation],
    secrets: Collection[Hashable],
    known: Mapping[str, Collection[Hashable]],
    group: Mapping[Any, str],
    enough: int,
    floors: Mapping[str, Mapping[Any, int]] | None = None,
) -> dict[str, list[Any]]:
    """For each attacker the counts of `secrets` that it does not know, and for which no worlds that lie `enough` apart
    were found near by.

    truth: every count as it is, shown or withheld. least: the withheld counts, and the least that each can be; most: of
    some of them the most. known: attacker → the counts that it knows. group: whose pupils a count is of. floors:
    attacker → what it knows counts to be at least. Raises NotFitting.
    """
    return _Search(truth, least, most, relations, known, group, enough, floors or {}).without_proof(secrets)


class _Search:
    def __init__(
        self,
        truth: Mapping[Any, int],
        least: Mapping[Any, int],
        most: Mapping[Any, int],
        relations: Sequence[Relation],
        known: Mapping[str, Collection[Hashable]],
        group: Mapping[Any, str],
        enough: int,
        floors: Mapping[str, Mapping[Any, int]],
    ) -> None:
        self.counts = list(least)
        self.place = {count: number for number, count in enumerate(self.counts)}
        self.truth = np.array([truth[count] for count in self.counts])
        self.least = np.array([least[count] for count in self.counts])
        # Farther than this nothing need be moved.
        self.most = np.array([most.get(count, truth[count] + 10 * enough) for count in self.counts])
        if ((self.truth < self.least) | (self.truth > self.most)).any():
            raise NotFitting
        self.matrix = self._matrix(relations)
        self.columns = csc_array(self.matrix)
        self.attackers = list(known)
        self.known = np.zeros((len(known), len(self.counts)), dtype=bool)
        for number, counts in enumerate(known.values()):
            self.known[number, [self.place[count] for count in counts if count in self.place]] = True
        self.floors = np.tile(self.least, (len(known), 1))
        for number, name in enumerate(known):
            for count, floor in floors.get(name, {}).items():
                if count in self.place:
                    place = self.place[count]
                    self.floors[number, place] = max(self.floors[number, place], floor)
        names = sorted({group[count] for count in self.counts})
        number_of = {name: number for number, name in enumerate(names)}
        self.group = np.array([number_of[group[count]] for count in self.counts])
        self.of_several = np.array(["," in group[count] for count in self.counts])
        self.enough = enough
        # For each attacker the least and greatest value of each count in the worlds that are possible for it.
        self.low = np.tile(self.truth, (len(known), 1))
        self.high = self.low.copy()

    def _matrix(self, relations: Sequence[Relation]) -> csr_array:
        rows, columns, signs = [], [], []
        for row, one in enumerate(relations):
            for count, sign in ((one.total, -1), *((part, 1) for part in one.parts)):
                if count in self.place:
                    rows.append(row)
                    columns.append(self.place[count])
                    signs.append(sign)
        shape = (len(relations), len(self.counts))
        return csr_array((np.array(signs, dtype=np.int64), (rows, columns)), shape=shape)

    def without_proof(self, secrets: Collection[Hashable]) -> dict[str, list[Any]]:
        left: dict[str, list[Any]] = {name: [] for name in self.attackers}
        for count in secrets:
            place = self.place[count]
            lacking = self._lacking(place)
            while lacking.any():
                # A world that is possible for a municipality is so for the outsider, but not the other way round.
                attacker = int(np.flatnonzero(lacking)[-1])
                if not any(self._is_found(attacker, place, *near) for near in NEAR):
                    left[self.attackers[attacker]].append(count)
                    self.high[attacker, place] = self.low[attacker, place] + self.enough
                lacking = self._lacking(place)
        return left

    def _lacking(self, place: int) -> np.ndarray:
        """The attackers to whom a count is not known, nor proved to have room."""
        return np.asarray(~self.known[:, place] & (self.high[:, place] - self.low[:, place] < self.enough))

    def _is_found(self, attacker: int, place: int, others: int, size: int) -> bool:
        near = self._near(place, ~self.known[attacker], others, size)
        matrix = csr_array(self.columns[:, near])
        matrix = csr_array(matrix[np.flatnonzero(np.diff(matrix.indptr))])
        down = self.truth[near] - self.floors[attacker, near]
        program = _Program(matrix, down, self.most[near] - self.truth[near])
        above = self._note(near, matrix, program.moved(1, self.enough))
        if not self._lacking(place)[attacker]:
            return True
        self._note(near, matrix, program.moved(-1, self.enough - above))
        return not self._lacking(place)[attacker]

    def _note(self, near: np.ndarray, matrix: csr_array, moved: np.ndarray) -> int:
        """Checks a world in whole numbers, and remembers it for those for whom it is possible; says by how much the
        first count is moved in it."""
        whole = np.rint(moved).astype(np.int64)
        values = self.truth[near] + whole
        if (matrix @ whole).any() or ((values < self.least[near]) | (values > self.most[near])).any():
            return 0
        changed = np.flatnonzero(whole)
        places, values = near[changed], values[changed]
        is_possible = ~self.known[:, places].any(axis=1) & (values >= self.floors[:, places]).all(axis=1)
        cells = (np.flatnonzero(is_possible)[:, None], places)
        self.low[cells] = np.minimum(self.low[cells], values)
        self.high[cells] = np.maximum(self.high[cells], values)
        return int(whole[0])

    def _near(self, place: int, may: np.ndarray, others: int, size: int) -> np.ndarray:
        """At most `size` counts that are bound to one most closely, itself first: of its own group, of `others` groups
        in which most can move, and of those that are of several."""
        beside, groups = np.array([place]), dict.fromkeys([int(self.group[place])])
        # A sum of other groups is two steps away from what no table has.
        for _ in range(2):
            beside = np.unique(self._lines(self.matrix, np.unique(self._lines(self.columns, beside))))
            beside = beside[may[beside]]
            theirs = beside[~self.of_several[beside]]
            groups |= dict.fromkeys(self.group[theirs[np.lexsort((theirs, -self.truth[theirs]))]].tolist())
            beside = beside[self.group[beside] == self.group[place]]
        near = may & (np.isin(self.group, [*groups][: others + 1]) | self.of_several)
        near[place] = False
        found = newest = np.array([place])
        while len(newest) and len(found) < size:
            bound = self._lines(self.matrix, np.unique(self._lines(self.columns, newest)))
            newest = np.unique(bound[near[bound]])
            near[newest] = False
            found = np.concatenate([found, newest])
        return found[:size]

    def _lines(self, matrix: csr_array | csc_array, lines: np.ndarray) -> np.ndarray:
        """Where some rows, or columns, have entries."""
        starts, lengths = matrix.indptr[lines], matrix.indptr[lines + 1] - matrix.indptr[lines]
        first = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
        return np.asarray(matrix.indices[first + np.arange(len(first))])


class _Program:
    """By how much counts move so that the first of them is moved far and the others little, when all sums stay."""

    def __init__(self, matrix: csr_array, down: np.ndarray, up: np.ndarray) -> None:
        size = len(up)
        self.solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("solver", "simplex"), ("threads", 1)):
            self.solver.setOptionValue(option, value)
        self.solver.addVars(2 * size, np.zeros(2 * size), np.concatenate([up, down]).astype(float))
        self.solver.changeColsCost(2 * size, np.arange(2 * size), np.ones(2 * size))
        # What moves up, and what moves down.
        twice = csr_array(hstack([matrix, -matrix], dtype=float))
        right = np.zeros(matrix.shape[0])
        self.solver.addRows(len(right), right, right, twice.nnz, twice.indptr[:-1], twice.indices, twice.data)
        self.size, self.up, self.down = size, float(up[0]), float(down[0])

    def moved(self, sign: int, far: int) -> np.ndarray:
        """The first count is moved up (sign 1) or down (-1), by `far` at most."""
        price = 1 - sign * _FARTHER
        self.solver.changeColsCost(2, np.array([0, self.size]), np.array([price, 2 - price]))
        ends = np.array([min(far, self.up) if sign > 0 else 0.0, min(far, self.down) if sign < 0 else 0.0])
        self.solver.changeColsBounds(2, np.array([0, self.size]), np.zeros(2), ends)
        self.solver.run()
        if self.solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return np.zeros(self.size)
        found = np.array(self.solver.getSolution().col_value)
        return np.asarray(found[: self.size] - found[self.size :])
