"""The models' own unit tests, run by dbt on an empty warehouse."""

from datetime import date

import pytest
import yaml

from pipeline.settings import PROJECT_ROOT
from pipeline.transform import TransformError, build
from tests.dbt.tiny import TinyWarehouse

MODELS = PROJECT_ROOT / "dbt_project" / "models"
# It compares three tables with what the last build knew of them, which one unit test cannot give it:
# tests/dbt/cases/test_increments.py builds night after night instead.
BY_BUILDS = {"touched_day"}


def unit_tests() -> dict[str, str]:
    """Each unit test's name, and its model."""
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in MODELS.rglob("*.yml")]
    return {test["name"]: test["model"] for document in documents for test in document.get("unit_tests", ())}


def test_every_model_has_a_unit_test() -> None:
    assert {path.stem for path in MODELS.rglob("*.sql")} - set(unit_tests().values()) == BY_BUILDS


def test_unit_tests_of_the_models(warehouse: TinyWarehouse) -> None:
    result = build(
        warehouse.url,
        warehouse.target,
        night=date(2025, 12, 1),
        unit_tests=True,
        select="resource_type:seed resource_type:model resource_type:unit_test",
    )
    assert set(unit_tests()) <= {name for name, status in result.statuses.items() if status == "pass"}


def test_a_failing_node_is_named_without_values(warehouse: TinyWarehouse) -> None:
    warehouse.connection.execute("alter table landing.support drop column placement")
    warehouse.connection.commit()
    with pytest.raises(TransformError) as caught:
        build(warehouse.url, warehouse.target, night=date(2025, 12, 1), select="tag:staging")
    assert list(caught.value.failures) == ["stg_support"]
    assert "support.placement does not exist" in caught.value.failures["stg_support"]
