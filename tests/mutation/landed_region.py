"""What only a mutation run asks of a region that is landed once and built anew for each mutant."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from pipeline.settings import Settings
from pipeline.warehouse import connect
from tests.reference.compare import compare
from tests.reference.facts import read_facts
from tests.reference.status import LastNight


@dataclass(frozen=True)
class LandedRegion:
    """A built region. truth: the folder of what was really delivered until `night`; outcomes: by municipality."""

    settings: Settings
    truth: Path
    night: date
    outcomes: dict[str, LastNight]


@pytest.fixture
def landed() -> LandedRegion:
    """Handed in by the run."""
    raise RuntimeError("Run it by `python -m tests.mutation`.")


def test_every_cell_of_every_mart_is_the_references(landed: LandedRegion) -> None:
    with connect(landed.settings) as connection:
        facts = read_facts(landed.truth, landed.night)
        found = compare(connection, facts, landed.outcomes, landed.settings, landed.truth)
    assert not found.differences, str(found)
