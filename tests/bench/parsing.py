"""How long Airflow's own DagBag takes to parse `dags/` for many municipalities, each time in a fresh process."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from pipeline.settings import PROJECT_ROOT
from tests.bench.towns import plan, write_folder
from tests.bench.warehouse import scratch_folder

MUNICIPALITIES, SCHOOLS, PUPILS = 126, 549, 117_000
PROCESSES = 5
BUDGET_S = 2.0


def main() -> None:
    """Prints the median seconds of importing Airflow, and of parsing."""
    with scratch_folder() as folder:
        for town in plan(MUNICIPALITIES, SCHOOLS, PUPILS):
            write_folder(town, folder / "municipalities")
        runs = [_parse(folder) for _ in range(PROCESSES)]
    imported, parsed, cpu = (median(run[name] for run in runs) for name in ("imported", "parsed", "cpu"))
    print(f"{runs[0]['dags']:.0f} DAGs parsed in {parsed:.2f} s, CPU {cpu:.2f} s (at most {BUDGET_S} s), ", end="")
    print(f"after {imported:.2f} s for importing Airflow; medians of {PROCESSES} processes")


def _parse(folder: Path) -> dict[str, float]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TUKIVERKKO"))}
    own = {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "PYTHONPATH": str(PROJECT_ROOT),
        "TUKIVERKKO_HOME": str(folder / "home"),
        "TUKIVERKKO_MUNICIPALITIES": str(folder / "municipalities"),
        "TUKIVERKKO_FIRST_NIGHT": "2026-05-29",
    }
    command = [sys.executable, "-m", "tests.bench.parsing", "--parse"]
    result = subprocess.run(command, env={**inherited, **own}, capture_output=True, text=True, check=True)
    return dict(json.loads(result.stdout.splitlines()[-1]))


def _parse_here() -> None:
    dags = PROJECT_ROOT / "dags"
    sys.path.insert(0, str(dags))
    start = time.perf_counter()
    from airflow.dag_processing.dagbag import DagBag

    ready, busy = time.perf_counter(), time.process_time()
    bag = DagBag(str(dags))
    end = time.perf_counter()
    assert not bag.import_errors, bag.import_errors
    found = {
        "imported": ready - start,
        "parsed": end - ready,
        "cpu": time.process_time() - busy,
        "dags": len(bag.dags),
    }
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    if "--parse" in sys.argv:
        _parse_here()
    else:
        main()
