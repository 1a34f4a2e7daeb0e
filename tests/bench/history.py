"""The same nights on a warehouse with one school year of deliveries and on one with three: does a night cost more?

`python -m tests.bench.history` makes a tenth of the municipalities of `sky` (`--scale` a part of those). Each warehouse
gets their deliveries every seventh night of its school years, which is enough for the days that windows cover; then
come `NIGHTS` nights in a row, each taken in and built on one warehouse and then on the other, by turns first. A first
night that is not counted builds what the nights before have left.
"""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from statistics import median

from tests.bench.deliveries import Nightly, write_night
from tests.bench.sky import MUNICIPALITIES, PUPILS, SCHOOLS
from tests.bench.towns import Identities, Town, TownYear, identities, plan
from tests.bench.warehouse import Cost, build, processes, scratch_folder, take_in, warehouse

SHARE = 0.1
YEARS = (2023, 2024, 2025)
STEP = timedelta(days=7)
FIRST_NIGHT = date(2026, 5, 19)
NIGHTS = 5
BUDGET = 1.25
GROWN = 12


def main(scale: float = 1.0) -> None:
    """Prints each night and the median ratio."""
    towns = plan(*(max(4, round(count * SHARE * scale)) for count in (MUNICIPALITIES, SCHOOLS, PUPILS)))
    print(f"{len(towns)} municipalities, {sum(town.pupils for town in towns):,} pupils, every seventh night before")
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder())
        ids = identities(towns, YEARS)
        short = stack.enter_context(warehouse(folder / "one year", towns))
        long = stack.enter_context(warehouse(folder / "three years", towns))
        pool = stack.enter_context(processes())
        for year in YEARS:
            kept = [long] if year < YEARS[-1] else [long, short]
            rows = 0
            for deliveries in _school_year(towns, ids, year, folder / "files"):
                for settings in kept:
                    rows = rows + take_in(settings, pool, [one.raw for one in deliveries])[1]
            print(f"    {year}-{year + 1}: {rows // len(kept):,} rows landed", flush=True)
        for settings in (short, long):
            build(settings, _weekly(YEARS[-1])[-1])

        previous = _weekly(YEARS[-1])[-1]
        ratios = []
        for turn in range(NIGHTS + 1):
            night = FIRST_NIGHT + timedelta(days=turn)
            raws = [one.raw for one in _write(towns, ids, night, previous, folder / "files")]
            costs = {}
            for settings in (short, long) if turn % 2 else (long, short):
                landed, _ = take_in(settings, pool, raws)
                costs[settings.home] = landed + build(settings, night)
            one, three = costs[short.home], costs[long.home]
            print(
                f"    {night}: one year {_shown(one)}, three years {_shown(three)}, ratio {three.wall / one.wall:.2f}"
            )
            print(f"        seconds of nodes after one and three years: {_grown(one, three)}", flush=True)
            if turn:
                ratios.append((three.wall / one.wall, three.cpu / one.cpu))
            previous = night
    wall, cpu = (median(values) for values in zip(*ratios, strict=True))
    print(f"a night after three years / after one: median {wall:.2f} (at most {BUDGET}), of CPU {cpu:.2f}")


def _shown(cost: Cost) -> str:
    return f"{cost.wall:.1f} s (CPU {cost.cpu:.1f} s)"


def _grown(one: Cost, three: Cost) -> str:
    """The steps and models that history makes dearer, the most of it first."""
    grown = sorted(three.seconds, key=lambda name: one.seconds.get(name, 0) - three.seconds[name])[:GROWN]
    return ", ".join(f"{name} {one.seconds.get(name, 0):.1f} → {three.seconds[name]:.1f}" for name in grown)


def _weekly(year: int) -> list[date]:
    """The nights before the measured ones: from the second week of school, every seventh."""
    first = date(year, 8, 19)
    last = date(year + 1, 6, 10) if year < YEARS[-1] else FIRST_NIGHT - timedelta(days=1)
    return [first + n * STEP for n in range((last - first) // STEP + 1)]


def _school_year(
    towns: tuple[Town, ...], ids: dict[str, Identities], year: int, folder: Path
) -> Iterator[list[Nightly]]:
    """The deliveries of all towns, night after night; the files of a night are gone when the next one is asked for."""
    data = [TownYear(town, year, YEARS[0], ids[town.name]) for town in towns]
    previous = None
    for night in _weekly(year):
        yield [write_night(one, night, previous, folder) for one in data]
        shutil.rmtree(folder)
        previous = night


def _write(
    towns: tuple[Town, ...], ids: dict[str, Identities], night: date, previous: date, folder: Path
) -> list[Nightly]:
    return [write_night(TownYear(town, YEARS[-1], YEARS[0], ids[town.name]), night, previous, folder) for town in towns]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the benchmark's municipalities to make")
    main(parser.parse_args().scale)
