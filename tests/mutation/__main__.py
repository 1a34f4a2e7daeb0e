"""`python -m tests.mutation`: breaks the project's rules one at a time and says which tests notice."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from pipeline.settings import PROJECT_ROOT
from tests.mutation.catalogue import mutants
from tests.mutation.report import report
from tests.mutation.run import TESTS, Plan, run
from tests.mutation.state import State, read_verdicts


def main() -> int:
    """Runs or reports; 0 when every live mutant was killed, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(tempfile.gettempdir()) / "tukiverkko-mutation")
    parser.add_argument("--root", type=Path, default=PROJECT_ROOT, help="the project whose rules are broken")
    parser.add_argument("--sample", type=int, default=200, help="live mutants, over all files; 0 is every mutant")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", help="part of a path, or a mutant's key; may be repeated")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--again", choices=("survivors", "all"), help="what to try again that has a verdict")
    parser.add_argument(
        "--no-baseline",
        action="store_true",
        help="see only of a test that kills whether it passes on the unbroken project",
    )
    parser.add_argument("--tolerant", action="store_true", help="leave tests out that fail on the unbroken project")
    parser.add_argument("--tests", action="append", help="a file or folder of tests; may be repeated")
    parser.add_argument("--report", action="store_true", help="only print what the results say")
    given = parser.parse_args()
    # Ended by whoever started it, the run stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    state = State(given.state.resolve(), given.root.resolve())
    plan = Plan(
        sample=given.sample,
        seed=given.seed,
        only=tuple(given.only or ()),
        workers=given.workers,
        again=given.again,
        baseline=not given.no_baseline,
        tolerant=given.tolerant,
        tests=tuple(given.tests or TESTS),
    )
    if given.report:
        found = {mutant.key for mutant in mutants(state.root)}
        verdicts = [verdict for key, verdict in read_verdicts(state.results).items() if key in found]
    else:
        verdicts = run(state, plan)
    print(report(verdicts))
    return int(any(verdict.is_live and not verdict.is_killed for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
