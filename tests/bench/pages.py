"""The pages for people, of a release of the whole region: seconds of each part, in a process that has drawn nothing yet
and again in the same one."""

import tempfile
import time
from pathlib import Path

from demo.night import CLOSING_NIGHT, DEFAULT_NIGHT, running_region
from pages.site import publish
from pipeline.release import release
from pipeline.settings import PROJECT_ROOT, Settings

BUDGET_S = 20


def main(scale: float = 1.0) -> None:
    """Prints the seconds of the first and the second writing."""
    print(f"report, quality page and dictionary, in two languages, region at scale {scale}")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder), database_url=None, municipalities=PROJECT_ROOT / "municipalities")
        with running_region(settings, seed=1, scale=scale) as running:
            for night in (CLOSING_NIGHT, DEFAULT_NIGHT):
                running.move_to(night)
                running.take_in(night)
            release(settings, DEFAULT_NIGHT, by_hand=True)
            for which in ("first, with dbt's documentation", "again"):
                start = time.perf_counter()
                site = publish(settings)
                seconds = time.perf_counter() - start
                parts = ", ".join(f"{name} {value:.1f} s" for name, value in site.seconds.items())
                print(f"  {which}: {seconds:.1f} s (budget {BUDGET_S} s): {parts}", flush=True)


if __name__ == "__main__":
    main()
