"""A hyvinvointialue's worth of municipalities: a school year from files to built marts, and the night after it.

`python -m tests.bench.sky` makes 126 municipalities of the four profiles with 549 schools and 117,000 pupils (`--scale`
makes a part of them), writes what they deliver on the last Friday of the school year for the first time, and times
files → read → contract check → pseudonyms → landing → dbt (harmonised, marts, their tests), two ingests at a time.
The measure is psql's `\\copy` of the same bytes into a table of texts, in the same run; workbooks count as their sheets
in CSV. Then comes the next night: windows, increments, full extracts, and workbooks that nobody has touched; and a
build that finds nothing new, which is the least that any night costs.
Making the data, starting processes and the database are not timed.
"""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path
from statistics import median

from tests.bench.deliveries import Nightly, write_night
from tests.bench.towns import PROFILES, Town, TownYear, identities, plan
from tests.bench.warehouse import (
    Cost,
    build,
    copy_text,
    processes,
    scratch_folder,
    table_sizes,
    take_in,
    take_in_whole,
    warehouse,
)

MUNICIPALITIES, SCHOOLS, PUPILS = 126, 549, 117_000
YEAR = 2025
# The last school day is the first night's; the second night brings it. On the third, workbooks have been edited.
FULL_NIGHT, NEXT_NIGHT, THIRD_NIGHT = date(2026, 5, 29), date(2026, 5, 30), date(2026, 6, 2)
BUDGET, GOAL = 20, 10
NIGHT_BUDGET = 0.1
MEMORY_BUDGET_MIB = 2048
LEAST_SHARE = 0.02


def main(scale: float = 1.0) -> None:
    """Prints the ratios and where the time goes."""
    counts = [max(4, round(count * scale)) for count in (MUNICIPALITIES, SCHOOLS, PUPILS)]
    towns = plan(*counts)
    print(f"{counts[0]} municipalities, {counts[1]} schools, {counts[2]:,} pupils, one school year".replace(",", " "))
    with scratch_folder() as folder:
        nights, sample = _write(towns, folder / "files")
        full, following = nights[FULL_NIGHT], nights[NEXT_NIGHT]
        plain = [file for one in full for file in one.plain]
        print(f"{_megabytes(full):.0f} MB, the next night {_megabytes(following):.0f} MB", flush=True)
        with warehouse(folder / "warehouse", towns) as settings, processes() as pool:
            copies = [copy_text(settings, plain)]
            landed, rows = take_in(settings, pool, [one.raw for one in full])
            built = build(settings, FULL_NIGHT)
            copies.append(copy_text(settings, plain))
            _print_full(copies, landed, rows, built)
            for table, count, size in table_sizes(settings, 20):
                print(f"    {table}: {count:,} rows, {size:.0f} MB")

            landed_next, rows_next = take_in(settings, pool, [one.raw for one in following])
            built_next = build(settings, NEXT_NIGHT)
            print(f"next night, {rows_next:,} rows")
            _print_night("dbt", built_next, built)
            _print_night("landing and dbt", landed_next + built_next, landed + built)
            _print_models(built_next)
            # What a night costs whatever arrives: dbt's own work, the marts and all tests.
            _print_night("dbt with nothing new", build(settings, NEXT_NIGHT), built)

            whole = take_in_whole(settings, pool, [one.raw for one in sample])
            print(f"one ingest with archive, delivery gate and report, of {len(sample)}:")
            _print_steps(whole, lambda seconds: f"{seconds / len(sample):.2f} s")
            peak = max(cost.peak_mib for cost in (landed, built, landed_next, built_next, whole))
    print(f"largest of our processes: {peak:.0f} MiB (at most {MEMORY_BUDGET_MIB})")


def _write(towns: tuple[Town, ...], folder: Path) -> tuple[dict[date, list[Nightly]], list[Nightly]]:
    """The deliveries of the two nights, and of the third night those of two municipalities of each profile."""
    ids = identities(towns, [YEAR])
    nights: dict[date, list[Nightly]] = {FULL_NIGHT: [], NEXT_NIGHT: []}
    sample = []
    sampled = {town.name for town in towns[len(towns) // 4 :][: 2 * len(PROFILES)]}
    for town in towns:
        data = TownYear(town, YEAR, YEAR, ids[town.name])
        nights[FULL_NIGHT].append(write_night(data, FULL_NIGHT, None, folder))
        nights[NEXT_NIGHT].append(write_night(data, NEXT_NIGHT, FULL_NIGHT, folder))
        if town.name in sampled:
            sample.append(write_night(data, THIRD_NIGHT, NEXT_NIGHT, folder))
    return nights, sample


def _megabytes(deliveries: list[Nightly]) -> float:
    return sum(file.stat().st_size for one in deliveries for file in one.plain) / 1e6


def _print_full(copies: list[Cost], landed: Cost, rows: int, built: Cost) -> None:
    copied = median(cost.wall for cost in copies)
    total = landed + built
    print(f"text copy {copied:.1f} s (CPU {median(cost.cpu for cost in copies):.1f} s)")
    print(f"landing {landed.wall:.1f} s (CPU {landed.cpu:.1f} s), {rows:,} rows; seconds of two processes:")
    _print_steps(landed, lambda seconds: f"{seconds:6.1f} s  {seconds / sum(landed.seconds.values()):4.0%}")
    print(f"dbt {built.wall:.1f} s (CPU {built.cpu:.1f} s); of them")
    _print_models(built)
    print(f"files to marts / text copy: {total.wall / copied:.1f} (at most {BUDGET}, goal {GOAL}); ", end="")
    print(f"of CPU {total.cpu / median(cost.cpu for cost in copies):.1f}", flush=True)


def _print_steps(cost: Cost, shown: Callable[[float], str]) -> None:
    for step, seconds in cost.seconds.items():
        print(f"    {shown(seconds)}  {step}")


def _print_models(cost: Cost) -> None:
    """Start, and the nodes that take most; they run side by side, so their seconds add up to more than the wall's."""
    start = cost.seconds["dbt start"]
    nodes = {name: seconds for name, seconds in cost.seconds.items() if name != "dbt start"}
    total = sum(nodes.values())
    print(f"    {start:6.1f} s  {start / cost.wall:4.0%} of the wall time  start and parsing")
    told = 0.0
    for name, seconds in sorted(nodes.items(), key=lambda node: -node[1]):
        if seconds < LEAST_SHARE * total:
            break
        told += seconds
        print(f"    {seconds:6.1f} s  {seconds / total:4.0%} of the nodes  {name}")
    rest = f"{total - told:6.1f} s  {(total - told) / total:4.0%}"
    print(f"    {rest} of the nodes  all others of the {len(nodes)} models and tests")


def _print_night(name: str, night: Cost, full: Cost) -> None:
    ratio = night.wall / full.wall
    shown = f"{night.wall:.1f} s of {full.wall:.1f} s, CPU {night.cpu:.1f} s of {full.cpu:.1f} s"
    print(f"next night / full build, {name}: {ratio:.2f} (aim {NIGHT_BUDGET}; {shown})", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the municipalities to make")
    main(parser.parse_args().scale)
