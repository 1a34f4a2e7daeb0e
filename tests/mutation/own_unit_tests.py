"""What only a mutation run asks: the unit tests of the broken model alone, or of a few models that call a broken macro.

They take seconds. All unit tests together (`tests/dbt/test_unit_tests.py`) build every model first, which other tests
do as well.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from pipeline.transform import build

# More than a few models take as long as tests that ask them all.
MODELS_OF_A_MACRO = 5
_MACRO = re.compile(r"^{%-? macro (\w+)\(", re.MULTILINE)


def models_to_ask(root: Path, path: str, line: int, unit_tested: Collection[str]) -> list[str]:
    """Of the models with unit tests (`unit_tested`, names) those that a change of this line of a file below `root`
    reaches first: the file's own model, or the first ones that call the line's macro."""
    if path.startswith("dbt_project/macros/"):
        before = "".join((root / path).read_text(encoding="utf-8").splitlines(keepends=True)[:line])
        changed = set(_MACRO.findall(before)[-1:])
        bodies = dict(_macros(root))
        while more := {name for name, body in bodies.items() if name not in changed and _calls(body, changed)}:
            changed |= more
        models = sorted((root / "dbt_project" / "models").rglob("*.sql"), key=lambda model: model.stem)
        callers = (model.stem for model in models if _calls(model.read_text(encoding="utf-8"), changed))
        return [name for name in callers if name in unit_tested][:MODELS_OF_A_MACRO]
    name = Path(path).stem
    return [name] if path.startswith("dbt_project/models/") and name in unit_tested else []


def _macros(root: Path) -> Iterator[tuple[str, str]]:
    """Each macro's name and text."""
    for path in sorted((root / "dbt_project" / "macros").glob("*.sql")):
        _, *parts = _MACRO.split(path.read_text(encoding="utf-8"))
        yield from zip(parts[::2], parts[1::2], strict=True)


def _calls(text: str, macros: Collection[str]) -> bool:
    return any(re.search(rf"\b{name}\(", text) for name in macros)


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
