"""The models' own unit tests, run by dbt on an empty warehouse."""

from datetime import date

import pytest

from pipeline.transform import TransformError, build
from tests.dbt.tiny import TinyWarehouse


def test_unit_tests_of_the_models(warehouse: TinyWarehouse) -> None:
    result = build(
        warehouse.url,
        warehouse.target,
        night=date(2025, 12, 1),
        unit_tests=True,
        select="resource_type:seed resource_type:model resource_type:unit_test",
    )
    passed = [name for name, status in result.statuses.items() if status == "pass"]
    assert len(passed) >= 14


def test_a_failing_node_is_named_without_values(warehouse: TinyWarehouse) -> None:
    warehouse.connection.execute("alter table landing.support drop column placement")
    warehouse.connection.commit()
    with pytest.raises(TransformError) as caught:
        build(warehouse.url, warehouse.target, night=date(2025, 12, 1), select="tag:staging")
    assert list(caught.value.failures) == ["stg_support"]
    assert "support.placement does not exist" in caught.value.failures["stg_support"]
