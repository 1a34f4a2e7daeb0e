"""A night through the scheduler against the same steps by the command line, alternating, each on its own warehouse.

Both take the same nights of the same region from sources of their own. The scheduled night is timed from the trigger of
the four ingests to the end of the release that their outcomes trigger; Airflow's own start is not counted.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

from demo.night import CLOSING_NIGHT, RunningRegion, run_night, running_region
from pipeline.scheduler import RunningAirflow
from pipeline.settings import PROJECT_ROOT, Settings

FIRST_NIGHT = date(2026, 2, 3)
PAIRS = 3
SCALE = 0.2
BUDGET = 2.0


def main(scale: float = SCALE, pairs: int = PAIRS) -> None:
    """Prints the seconds of each pair and the median ratio."""
    print(f"scheduled night against the command line, region at scale {scale}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scheduled = stack.enter_context(running_region(_settings(folder / "scheduled"), seed=1, scale=scale))
        by_hand = stack.enter_context(running_region(_settings(folder / "command line"), seed=1, scale=scale))
        for running in (scheduled, by_hand):
            running.take_in(CLOSING_NIGHT)
        airflow = scheduled.start_airflow()
        stack.callback(airflow.stop)
        ratios = [_pair(airflow, scheduled, by_hand, FIRST_NIGHT + timedelta(days=day), day) for day in range(pairs)]
    print(f"scheduled / command line: median {statistics.median(ratios):.2f} (at most {BUDGET})")


def _pair(airflow: RunningAirflow, scheduled: RunningRegion, by_hand: RunningRegion, night: date, turn: int) -> float:
    for running in (scheduled, by_hand):
        running.move_to(night)
    runs: dict[str, Callable[[], object]] = {
        "scheduled": lambda: run_night(airflow, night, scheduled.municipalities),
        "command line": lambda: _command_line(by_hand, night),
    }
    seconds = {name: _timed(runs[name]) for name in (sorted(runs) if turn % 2 else sorted(runs, reverse=True))}
    ratio = seconds["scheduled"] / seconds["command line"]
    shown = ", ".join(f"{name} {value:.1f} s" for name, value in seconds.items())
    print(f"  {night}: {shown}, ratio {ratio:.2f}", flush=True)
    return ratio


def _command_line(running: RunningRegion, night: date) -> None:
    environment = {**os.environ, "TUKIVERKKO_HOME": str(running.settings.home)}
    commands = [["ingest", name, "--night", night.isoformat()] for name in running.municipalities]
    for command in (*commands, ["release", "--night", night.isoformat()]):
        subprocess.run(
            [sys.executable, "-m", "pipeline.cli", *command], env=environment, check=True, capture_output=True
        )


def _timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _settings(home: Path) -> Settings:
    return Settings(home=home, database_url=None, municipalities=PROJECT_ROOT / "municipalities")


if __name__ == "__main__":
    main()
