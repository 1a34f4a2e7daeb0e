"""`make bench`: speed and size as ratios, measured side by side in one run; no test fails on a clock.

`python -m tests.bench --scale 0.1` makes the large ones small; each can be run on its own, such as
`python -m tests.bench.sky`.
"""

import argparse

from tests.bench import checking, disclosure, history, landing, night, pages, parsing, reading, rejecting, sky

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--scale", type=float, default=1.0, help="share of the large benchmarks' municipalities to make")
scale = parser.parse_args().scale
for title, run in (
    ("a large delivery", landing.main),
    ("a large delivery with bad rows", rejecting.main),
    ("a sender's check of a file", checking.main),
    ("a night through the scheduler", night.main),
    ("parsing the DAGs", parsing.main),
    ("pages of a release", pages.main),
    ("reading through releases", reading.main),
    ("many municipalities", lambda: sky.main(scale)),
    ("disclosure control", lambda: disclosure.main(scale)),
    ("years of nights", lambda: history.main(scale)),
):
    print(f"\n== {title}", flush=True)
    run()
