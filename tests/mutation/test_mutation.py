"""Every rule has a test that fails when the rule is broken: a sample of broken rules, and what is known to survive.

To look into a failure: `python -m tests.mutation --only KEY --sample 0`, which prints the change; then write the
missing test, or say in survivors.md why no test could see it.
"""

import os
import re
from pathlib import Path

import pytest

from pipeline.settings import PROJECT_ROOT
from tests.mutation.catalogue import mutants
from tests.mutation.report import SURVIVORS, accepted_survivors, kill_rate, report
from tests.mutation.run import Plan, run
from tests.mutation.state import State

SAMPLE = 200
SEED = 1
KILLED_AT_LEAST = 0.95


def test_what_is_said_to_survive_is_a_mutant_with_a_reason() -> None:
    keys = {mutant.key for mutant in mutants(PROJECT_ROOT)}
    assert accepted_survivors() <= keys
    sections = re.split(r"^## ", SURVIVORS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    assert all(len(section.partition("\n")[2].split()) >= 5 for section in sections)


@pytest.mark.proof
@pytest.mark.timeout(0)
def test_the_tests_notice_broken_rules(tmp_path: Path) -> None:
    verdicts = run(State(tmp_path, PROJECT_ROOT), Plan(sample=SAMPLE, seed=SEED, workers=min(2, os.cpu_count() or 1)))
    live = [verdict for verdict in verdicts if verdict.is_live]
    print(report(verdicts))
    assert len(live) == SAMPLE
    assert kill_rate(verdicts) >= KILLED_AT_LEAST
    unexplained = [one for one in live if not one.is_killed and one.key not in accepted_survivors()]
    assert not unexplained, report(unexplained)
