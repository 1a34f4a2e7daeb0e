"""What only a mutation run asks of a model that it broke: the model's own unit tests alone, which take seconds.

All unit tests together (`tests/dbt/test_unit_tests.py`) build every model first, which other tests do as well.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from pipeline.transform import build


@dataclass(frozen=True)
class UnitTested:
    """Models to ask. url: a warehouse in which every model is built, without a row; target: dbt's folder for it.
    models: names; nothing means all."""

    url: str
    target: Path
    models: tuple[str, ...]


@pytest.fixture
def unit_tested() -> UnitTested:
    """Handed in by the run."""
    raise RuntimeError("Run it by `python -m tests.mutation`.")


def test_the_models_own_unit_tests(unit_tested: UnitTested) -> None:
    # dbt runs a model's unit tests before it builds the model.
    wanted = unit_tested.models or ("resource_type:model resource_type:unit_test",)
    # As at a first build, which the unit tests are written for.
    result = build(
        unit_tested.url,
        unit_tested.target,
        select=" ".join(wanted),
        full_refresh=True,
        night=date(2025, 12, 1),
        unit_tests=True,
    )
    # One that fails is raised; the project's hooks have statuses too.
    assert "pass" in result.statuses.values()
