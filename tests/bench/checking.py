"""`tukiverkko check` of a file with 100,000 rows, as a sender runs it: the whole command, and what of it is start-up.

`python -m tests.bench.checking` runs the command on the file and on one with a single row, by turns: the difference is
what the rows cost.
"""

import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

from connectors.config import load_municipality
from pipeline.settings import PROJECT_ROOT
from tests.bench.landing import NIGHT, PAIRS, timed, write_delivery
from tests.bench.warehouse import scratch_folder

ROWS = 100_000
BUDGET_S = 2.0


def check(file: Path) -> None:
    """The command, in a process of its own."""
    command = [str(Path(sys.executable).with_name("tukiverkko")), "check", "kuopio", "absence", str(file)]
    subprocess.run([*command, "--night", NIGHT.isoformat(), "--json"], check=True, stdout=subprocess.DEVNULL)


def main(rows: int = ROWS, pairs: int = PAIRS) -> None:
    """Prints the seconds of each pair, and the median of their differences."""
    municipality = load_municipality(PROJECT_ROOT / "municipalities" / "kuopio")
    with scratch_folder() as scratch:
        files = []
        for count in (1, rows):
            folder = scratch / str(count)
            folder.mkdir()
            write_delivery(folder, municipality, count)
            files.append(folder / "tuntimerkinnat.csv")
        spent = []
        for pair in range(pairs):
            start_up, whole = (timed(partial(check, file)) for file in files)
            spent.append(whole - start_up)
            print(f"pair {pair + 1}: {rows:,} rows {whole:.2f} s, one row {start_up:.2f} s", flush=True)
    print(f"{rows:,} rows after start-up: median {median(spent):.2f} s (budget {BUDGET_S:g} s)")


if __name__ == "__main__":
    main()
