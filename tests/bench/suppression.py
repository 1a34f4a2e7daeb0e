"""How many cells the protection withholds, next to pytauargus and to the optimum. `python -m tests.bench.suppression`.

The tables are single ones, drawn by seed: with margins, with a hierarchy of rows, with three dimensions. pytauargus is
installed into an environment of its own below a scratch folder, and knows no insiders: there the outsider alone is
compared. With insiders the optimum is found by integer programming, on tables small enough for it.
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, lil_array

from pipeline.derivable import Relation, intervals
from pipeline.withholding import SPAN, CannotProtect, Release, Sum, withheld
from tests.bench.warehouse import scratch_folder

SMALL = 4
RATIO_BUDGET, OPTIMUM_BUDGET = 1.1, 1.15
# pytauargus asks for room below and above the truth, this project for room between any two values. Each of these asks
# for 4 in all, so that what it withholds is enough here as well; of its answers the one with the fewest cells counts.
LEVELS = {
    "up": lambda value: (0, SPAN),
    "both ways": lambda value: (min(value - 1, 2), SPAN - min(value - 1, 2)),
    "down": lambda value: (value - 1, SPAN - value + 1),
}
PACKAGE = "pytauargus==0.6.0"
OPTIMUM_SECONDS = 60.0

Axis = Mapping[str, str]
"""Category → what it is a part of; the last of all is `all`."""


def main() -> None:
    """Prints both comparisons."""
    compare_with_tauargus()
    compare_with_optimum()


def flat(count: int) -> Axis:
    """Categories that together are all."""
    return {str(number): "all" for number in range(count)}


def grouped(groups: int, count: int) -> Axis:
    """Categories in groups, which together are all."""
    leaves = {f"{group}.{number}": str(group) for group in range(groups) for number in range(count)}
    return leaves | flat(groups)


SHAPES: Mapping[str, tuple[Axis, ...]] = {
    "5 × 5": (flat(5), flat(5)),
    "10 × 6": (flat(10), flat(6)),
    "20 × 8": (flat(20), flat(8)),
    "3 groups of 5 × 6": (grouped(3, 5), flat(6)),
    "4 × 3 × 5": (flat(4), flat(3), flat(5)),
}
SEEDS = 8
SMALL_SHAPES: Mapping[str, tuple[Axis, ...]] = {
    "3 × 3": (flat(3), flat(3)),
    "3 × 4": (flat(3), flat(4)),
    "4 × 4": (flat(4), flat(4)),
}
SMALL_SEEDS = 12


def drawn(axes: Sequence[Axis], seed: int) -> Release[Any]:
    """A table with all its margins: rows as uneven as municipalities, and few pupils in the last categories."""
    random = np.random.default_rng(seed)
    shares = []
    for axis in axes:
        leaves = [one for one in axis if one not in axis.values()]
        weight = np.exp(random.normal(0, 1.0, len(leaves)))
        shares.append(dict(zip(leaves, weight / weight.sum(), strict=True)))
    cells = [*product(*shares)]
    values: dict[Any, int] = {}
    for cell in cells:
        mean = 25 * len(cells) * np.prod([share[one] for share, one in zip(shares, cell, strict=True)])
        values[cell] = int(random.poisson(mean))
    sums = []
    for place, axis in enumerate(axes):
        for whole in dict.fromkeys(axis.values()):
            families: dict[Any, list[Any]] = defaultdict(list)
            for cell in [*values]:
                if axis.get(cell[place]) == whole:
                    families[*cell[:place], whole, *cell[place + 1 :]].append(cell)
            for total, parts in families.items():
                values[total] = sum(values[part] for part in parts)
                sums.append(Sum(total, tuple(parts)))
    return Release(values, sums)


def small(release: Release[Any]) -> frozenset[Any]:
    """The counts that may not be shown."""
    return frozenset(count for count, value in release.values.items() if 1 <= value <= SMALL)


def compare_with_tauargus() -> None:
    """Prints cells lost, ours and theirs, shape by shape."""
    releases = {(shape, seed): drawn(axes, seed) for shape, axes in SHAPES.items() for seed in range(SEEDS)}
    with scratch_folder() as folder:
        try:
            theirs = _of_tauargus(releases, folder)
        except (subprocess.SubprocessError, OSError) as error:
            said = getattr(error, "stderr", None) or str(error)
            print(f"{PACKAGE}: not compared: {str(said).strip().splitlines()[-1]}")
            return
    all_ours = all_theirs = 0
    for shape in SHAPES:
        ours_lost = theirs_lost = compared = unsafe = 0
        start = time.process_time()
        for seed in range(SEEDS):
            release = releases[shape, seed]
            answers = [one for one in theirs[shape, seed] if one is not None]
            safe = [one for one in answers if _is_safe(release, one)]
            unsafe += len(answers) - len(safe)
            try:
                own = withheld(release, small(release))
            except CannotProtect:
                continue
            if safe:
                compared += 1
                ours_lost += len(own)
                theirs_lost += min(map(len, safe))
        print(
            f"    {shape}: {compared} of {SEEDS} tables compared, ours {ours_lost} cells, theirs {theirs_lost}, ratio "
            f"{ours_lost / max(1, theirs_lost):.3f}; {unsafe} of its answers were not enough "
            f"(CPU {time.process_time() - start:.1f} s)",
            flush=True,
        )
        all_ours, all_theirs = all_ours + ours_lost, all_theirs + theirs_lost
    print(f"cells lost, ours / {PACKAGE}, outsider alone: {all_ours / max(1, all_theirs):.3f} (at most {RATIO_BUDGET})")


def _of_tauargus(releases: Mapping[Any, Release[Any]], folder: Path) -> dict[Any, list[frozenset[Any] | None]]:
    """What it withholds of each table, for each way to ask."""
    print(f"{PACKAGE} is installed into an environment of its own, {folder.name}", flush=True)
    python = folder / "venv" / "bin" / "python"
    run = {"check": True, "capture_output": True, "text": True}
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], **run)  # type: ignore[call-overload]
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]
    subprocess.run(pip, **run)  # type: ignore[call-overload]
    asked = [(key, levels) for key in releases for levels in LEVELS]
    tables = [_as_table(releases[key], levels) for key, levels in asked]
    (folder / "tables.json").write_text(json.dumps(tables))
    script = Path(__file__).with_name("tauargus.py")
    command = [str(python), str(script), str(folder / "tables.json"), str(folder / "answers.json")]
    subprocess.run(command, cwd=folder, **run)  # type: ignore[call-overload]
    found = defaultdict(list)
    for (key, _), cells in zip(asked, json.loads((folder / "answers.json").read_text()), strict=True):
        names = [*releases[key].values]
        hidden = None if cells is None else frozenset(names[cell] for cell in cells) | small(releases[key])
        found[key].append(hidden)
    return found


def _as_table(release: Release[Any], levels: str) -> dict[str, Any]:
    number = {count: place for place, count in enumerate(release.values)}
    secret = small(release)
    cells = []
    for count, value in release.values.items():
        low, high = LEVELS[levels](value) if count in secret else (0, 0)
        status = "u" if count in secret else "s" if value else "z"
        # Every cell costs the same: the fewest are asked for. That a reader knows noughts is said by the bounds.
        most = 10 * max(release.values.values())
        cells.append(
            {"value": value, "cost": 1, "status": status, "least": min(1, value), "most": most if value else 0}
            | {"levels": f"{low} {high} 0"}
        )
    return {"cells": cells, "sums": [[number[one.total], [number[part] for part in one.parts]] for one in release.sums]}


def _is_safe(release: Release[Any], hidden: frozenset[Any]) -> bool:
    """Whether the small counts have room, by the audit's arithmetic."""
    relations = [Relation(one.total, one.parts) for one in release.sums]
    shown = {count: int(value) for count, value in release.values.items() if count not in hidden}
    found = intervals(shown, dict.fromkeys(hidden, 1), relations, small(release), enough=SPAN)
    return all(one.span >= SPAN for one in found.values())


def compare_with_optimum() -> None:
    """Prints cells lost with insiders, ours and the fewest possible."""
    all_ours = all_best = 0
    for shape, axes in SMALL_SHAPES.items():
        ours_lost = best_lost = small_lost = compared = unproven = 0
        for seed in range(SMALL_SEEDS):
            release = _with_insiders(drawn(axes, 1_000 + seed))
            try:
                own = withheld(release, small(release))
            except CannotProtect:
                continue
            best, least = optimum(release, small(release)), optimum(release, small(release), all_of_them=False)
            if best is None or least is None:
                unproven += 1
                continue
            compared += 1
            ours_lost += len(own)
            best_lost += len(best)
            small_lost += len(least)
        print(
            f"    {shape}: {compared} of {SMALL_SEEDS} tables compared, {unproven} without a proved optimum, ours "
            f"{ours_lost} cells, fewest {best_lost}, ratio {ours_lost / max(1, best_lost):.3f}; fewest "
            f"where only small counts had to be uncertain {small_lost}",
            flush=True,
        )
        all_ours, all_best = all_ours + ours_lost, all_best + best_lost
    print(f"cells lost, ours / fewest, with insiders: {all_ours / max(1, all_best):.3f} (at most {OPTIMUM_BUDGET})")


def _with_insiders(release: Release[Any]) -> Release[Any]:
    """Each row is a municipality that knows its own counts, and what follows from these and from noughts."""
    rows = dict.fromkeys(row for row, *_ in release.values if row != "all")
    attackers: dict[str, frozenset[Hashable]] = {"outsider": frozenset()}
    for row in rows:
        known = {count for count in release.values if count[0] == row}
        certain = known | {count for count, value in release.values.items() if not value}
        attackers[row] = frozenset(known | set(_follows(release.sums, certain)))
    return Release(release.values, release.sums, attackers=attackers)


def _follows(sums: Sequence[Sum], certain: set[Any]) -> Iterator[Any]:
    grows = True
    while grows:
        grows = False
        for one in sums:
            left = [count for count in (one.total, *one.parts) if count not in certain]
            if len(left) == 1:
                certain.add(left[0])
                yield left[0]
                grows = True


def optimum(release: Release[Any], primary: frozenset[Any], *, all_of_them: bool = True) -> frozenset[Any] | None:
    """The fewest counts that leave every withheld one, to every attacker, two worlds SPAN apart; None where that is not
    proved in OPTIMUM_SECONDS. all_of_them: not only the small ones.

    The worlds are of whole pupils though only whether a count is withheld is asked to be whole: a table of rows and
    columns with its margins is a flow through a network, whose extremes are whole.
    """
    counts = [*release.values]
    place = {count: number for number, count in enumerate(counts)}
    values = np.array([release.values[count] for count in counts])
    size, far = len(counts), 2 * SPAN
    sums = lil_array((len(release.sums), size))
    for row, one in enumerate(release.sums):
        sums[row, place[one.total]] = -1
        for part in one.parts:
            sums[row, place[part]] = 1
    plain = sums.tocoo()
    secret = [count for count in counts if release.values[count] and (all_of_them or count in primary)]
    pairs = [(count, known) for known in release.attackers.values() for count in secret if count not in known]
    if not primary or not pairs:
        return primary
    # First whether each count is withheld, then by how much each is moved, in two worlds for each pair.
    columns = size * (1 + 2 * len(pairs))
    low, high, cost = np.zeros(columns), np.ones(columns), np.zeros(columns)
    low[:size] = [count in primary for count in counts]
    high[:size] = values > 0
    cost[:size] = 1
    entries: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    ends: list[np.ndarray] = []
    rows = 0

    def add(row: Any, column: Any, weight: Any, least: float, most: float, height: int) -> None:
        nonlocal rows
        entries.append((np.asarray(row) + rows, np.asarray(column), np.broadcast_to(weight, np.shape(row))))
        ends.append(np.tile([least, most], (height, 1)))
        rows += height

    for number, (count, known) in enumerate(pairs):
        free = np.array([one not in known for one in counts]) & (values > 0)
        moved = np.flatnonzero(free)
        line = np.arange(len(moved))
        for first in (size * (1 + 2 * number), size * (2 + 2 * number)):
            low[first : first + size] = np.where(free, np.maximum(1 - values, -far), 0)
            high[first : first + size] = np.where(free, far, 0)
            add(plain.coords[0], plain.coords[1] + first, plain.data, 0, 0, sums.shape[0])
            # A count that is shown does not move.
            for sign in (1, -1):
                weight = np.concatenate(
                    [np.full(len(moved), sign), np.where(sign > 0, -high[first + moved], low[first + moved])]
                )
                add(np.tile(line, 2), np.concatenate([first + moved, moved]), weight, -np.inf, 0, len(moved))
        first = size * (1 + 2 * number) + place[count]
        add([0, 0, 0], [first + size, first, place[count]], [1, -1, -SPAN], 0, np.inf, 1)
    across, down, weights = (np.concatenate(one) for one in zip(*entries, strict=True))
    least, most = np.concatenate(ends).T
    found = milp(
        cost,
        integrality=np.arange(columns) < size,
        bounds=Bounds(low, high),
        constraints=LinearConstraint(csr_array((weights, (across, down)), shape=(rows, columns)), least, most),
        options={"time_limit": OPTIMUM_SECONDS},
    )
    if found.status != 0:
        return None
    return frozenset(count for count, hidden in zip(counts, found.x, strict=False) if hidden > 0.5)


if __name__ == "__main__":
    main()
