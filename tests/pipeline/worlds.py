"""Every world of whole pupils that fits what readers were shown, by search: no linear programming, nothing shared with
what it tests.

A count that is shown is what is shown; a withheld one is at least 1 (0 where a nought is withheld); one with a pending
correction is near what is shown; sums hold. Whoever knows some counts knows them as they are.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

# What a count says of whom: (axis, category), sorted.
Name = tuple[tuple[str, str], ...]
# How far above the truth a count without an upper end is looked for, and how many steps are tried for one value: few
# first, as another value is often found at once.
FAR, TRIES = 40, (50, 1_000, 50_000)
ENOUGH = 4


@dataclass(frozen=True)
class Told:
    """A count: what it is, what readers see of it (None: withheld), whether a correction is said to be pending, and
    whether no table has it: then it may be nought, and is no secret of its own."""

    truth: int
    shown: int | None
    pending: bool = False
    unseen: bool = False


@dataclass(frozen=True)
class Sums:
    """What everybody knows of some counts: totals and their parts, and which count is at most which."""

    totals: Sequence[tuple[Name, Sequence[Name]]]
    within: Sequence[tuple[Name, Name]] = ()


class TooMany(Exception):
    """It would take too long to try all worlds."""


class _Nothing(Exception):
    """No world fits."""


class Worlds:
    """The worlds that are left to somebody who knows the counts `known` as they are.

    Sums that do not hold of the true counts, since these are of different nights, are left out.
    """

    def __init__(self, told: Mapping[Name, Told], sums: Sums, known: Collection[Name] = ()) -> None:
        self.truth = {name: one.truth for name, one in told.items()}
        self.low: dict[Name, int] = {}
        self.high: dict[Name, int] = {}
        for name, one in told.items():
            if name in known or (one.shown is not None and not one.pending):
                self.low[name] = self.high[name] = one.truth if name in known else int(one.shown or 0)
            elif one.shown is not None:
                self.low[name] = max(0, min(one.shown - ENOUGH, one.truth))
                self.high[name] = max(one.shown + ENOUGH, one.truth)
            else:
                self.low[name], self.high[name] = 0 if one.unseen else min(1, one.truth), one.truth + FAR
        self.rules: list[tuple[tuple[Name, int], ...]] = []
        for total, parts in sums.totals:
            if self._are_there(total, *parts) and told[total].truth == sum(told[part].truth for part in parts):
                self.rules.append(((total, -1), *((part, 1) for part in parts)))
        for number, (part, whole) in enumerate(sums.within):
            if self._are_there(part, whole) and told[part].truth <= told[whole].truth:
                rest: Name = (("rest", str(number)),)
                self.truth[rest] = told[whole].truth - told[part].truth
                self.low[rest], self.high[rest] = 0, told[whole].truth + FAR
                self.rules.append(((whole, -1), (part, 1), (rest, 1)))
        self.rules_of: dict[Name, list[int]] = defaultdict(list)
        for number, rule in enumerate(self.rules):
            for name, _ in rule:
                self.rules_of[name].append(number)
        self._narrow(self.low, self.high, range(len(self.rules)))
        # The least and the greatest value of each count in the worlds that were found so far; the truth is one.
        self.least, self.most = dict(self.truth), dict(self.truth)

    def _are_there(self, *names: Name) -> bool:
        return all(name in self.truth for name in names)

    def certain(self) -> set[Name]:
        """The counts of which the sums leave one value at first sight."""
        return {name for name, low in self.low.items() if low == self.high[name]}

    def span(self, name: Name) -> int:
        """How far apart the greatest and the least value of a count lie; at ENOUGH no farther world is looked for."""
        left = sorted(range(self.low[name], self.high[name] + 1), key=lambda value: self._rank(name, value))
        for tries in TRIES:
            left = [value for value in left if not self._is_settled(name, value, tries)]
        if self.most[name] - self.least[name] < ENOUGH and left:
            raise TooMany(name)
        return self.most[name] - self.least[name]

    def _is_settled(self, name: Name, value: int, tries: int) -> bool:
        """Whether it is known that a count can have a value or not, or need not be known any more."""
        if self.most[name] - self.least[name] >= ENOUGH or self.least[name] <= value <= self.most[name]:
            return True
        self.tries = tries
        try:
            self._look(name, value)
        except TooMany:
            return False
        return True

    def _rank(self, name: Name, value: int) -> tuple[int, int]:
        away = abs(value - self.truth[name])
        return (abs(away - ENOUGH), away)

    def _look(self, name: Name, value: int) -> None:
        """Notes a world in which the count has the value, if there is one."""
        low, high = self.low | {name: value}, self.high | {name: value}
        try:
            self._narrow(low, high, self.rules_of[name])
        except _Nothing:
            return
        world = self._search(low, high)
        for other, found in (world or {}).items():
            self.least[other] = min(self.least[other], found)
            self.most[other] = max(self.most[other], found)

    def _search(self, low: dict[Name, int], high: dict[Name, int]) -> dict[Name, int] | None:
        # What need not change stays as it is in truth; only where a sum is then broken does something else move.
        world = {name: min(max(self.truth[name], end), high[name]) for name, end in low.items()}
        broken = [rule for rule in self.rules if sum(sign * world[name] for name, sign in rule)]
        if not broken:
            return world
        open_ = {name for name, _ in min(broken, key=len) if low[name] < high[name]}
        name = min(open_, key=lambda one: (high[one] - low[one], one))
        for value in sorted(range(low[name], high[name] + 1), key=lambda value: abs(value - world[name])):
            self.tries -= 1
            if self.tries < 0:
                raise TooMany
            below, above = low | {name: value}, high | {name: value}
            try:
                self._narrow(below, above, self.rules_of[name])
            except _Nothing:
                continue
            if found := self._search(below, above):
                return found
        return None

    def _narrow(self, low: dict[Name, int], high: dict[Name, int], rules: Sequence[int]) -> None:
        """Takes off the ends what no sum allows, until nothing changes."""
        waiting = dict.fromkeys(rules)
        while waiting:
            number = next(iter(waiting))
            del waiting[number]
            rule = self.rules[number]
            least = sum(low[name] if sign > 0 else -high[name] for name, sign in rule)
            most = sum(high[name] if sign > 0 else -low[name] for name, sign in rule)
            if least > 0 or most < 0:
                raise _Nothing
            for name, sign in rule:
                before, after = low[name], high[name]
                if sign > 0:
                    low[name], high[name] = max(before, after - most), min(after, before - least)
                else:
                    low[name], high[name] = max(before, after + least), min(after, before + most)
                if low[name] > high[name]:
                    raise _Nothing
                if (before, after) != (low[name], high[name]):
                    waiting |= dict.fromkeys(self.rules_of[name])
                    least = sum(low[one] if plus > 0 else -high[one] for one, plus in rule)
                    most = sum(high[one] if plus > 0 else -low[one] for one, plus in rule)


def worked_out(told: Mapping[Name, Told], sums: Sums, municipalities: Sequence[str]) -> Iterator[tuple[str, Name, int]]:
    """(attacker, count, span) of what readers do not see as it is, and yet can tell to within less than ENOUGH."""
    noughts = {name for name, one in told.items() if one.truth == 0 == one.shown and not one.pending}
    for attacker in ("outsider", *municipalities):
        own = {name for name in told if ("who", attacker) in name or ("home", attacker) in name}
        # What it knows without reading anything but noughts is no secret to it.
        blank = {name: replace(one, shown=0 if name in noughts else None) for name, one in told.items()}
        known = Worlds(blank, sums, own).certain() & told.keys() if own else set()
        worlds = Worlds(told, sums, own)
        for name, one in told.items():
            if (
                one.unseen
                or one.shown == one.truth
                or one.truth == 0
                or name in known
                or _is_own_change(attacker, name, told)
            ):
                continue
            if (span := worlds.span(name)) < ENOUGH:
                yield attacker, name, span


def _is_own_change(attacker: str, name: Name, told: Mapping[Name, Told]) -> bool:
    """Of several municipalities' count, that it changed by no more than the attacker's own."""
    said = dict(name)
    mine = told.get(tuple(sorted((said | {"who": attacker}).items())))
    if attacker not in said["who"].split(",") or mine is None or mine.shown is None or told[name].shown is None:
        return False
    return told[name].truth - (told[name].shown or 0) == mine.truth - mine.shown
