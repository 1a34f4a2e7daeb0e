"""What dbt leaves of a build that failed: which node and why, and no value of a row."""

import json
from datetime import date
from pathlib import Path

import pytest

from pipeline import transform
from pipeline.transform import TransformError, build
from tests.dbt.tiny import TinyWarehouse

MODELS = {
    "kept.sql": "select null::date as day, class_name from ops.said",
    "read.sql": "select cast(class_name as date) as day from ops.said",
    "counted.sql": "select cast(n as smallint) as n from ops.said",
    "kept.yml": """
models:
  - name: kept
    config: {materialized: table, contract: {enforced: true}}
    columns:
      - {name: day, data_type: date, constraints: [{type: not_null}]}
      - {name: class_name, data_type: text}
  - {name: read, config: {materialized: table}}
  - {name: counted, config: {materialized: table}}
""",
}


@pytest.fixture
def failing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose every model fails at a row."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: tukiverkko\nversion: '1.0'\nprofile: tukiverkko\n")
    for name, text in MODELS.items():
        (tmp_path / "models" / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(transform, "PROJECT", tmp_path)
    return tmp_path


def test_dbts_files_are_closed_and_hold_no_value(warehouse: TinyWarehouse, failing: Path) -> None:
    said = """create table ops.said as select E'SECRET "class"\\nof two lines' as class_name, '99999' as n"""
    warehouse.connection.execute(said)
    warehouse.connection.commit()
    target = failing / "target"
    # As an earlier version left it.
    target.mkdir(mode=0o755)
    with pytest.raises(TransformError) as caught:
        build(warehouse.url, target, night=date(2025, 12, 1))
    told = json.dumps(caught.value.failures)
    written = (target / "run_results.json").read_text(encoding="utf-8")
    for text in (told, written):
        assert "violates not-null constraint" in text
        assert "invalid input syntax for type date" in text
        assert "out of range for type smallint" in text
        assert [one for one in ("SECRET", "of two lines", "99999", "DETAIL") if one in text] == []
    assert [path.name for path in target.rglob("*") if path.is_file() and "SECRET" in path.read_text("latin-1")] == []
    assert target.stat().st_mode & 0o777 == 0o700
    assert len(json.loads(written)["results"]) == 3


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        (
            'duplicate key value violates unique constraint "t_pkey"\n  DETAIL:  Key (pupil_ref)=(1111) exists.',
            'duplicate key value violates unique constraint "t_pkey"',
        ),
        (
            'null value in column "day"\n  DETAIL:  Failing row contains (7A,\nAino, null).\n  compiled code at a.sql',
            'null value in column "day" compiled code at a.sql',
        ),
        ('date/time field value out of range: "31.31.2025"', "date/time field value out of range"),
        ('value "99999" is out of range for type smallint', "value is out of range for type smallint"),
        ('malformed array literal: "{a "b"}"', "malformed array literal"),
        ('relation "ops.delivery" does not exist', 'relation "ops.delivery" does not exist'),
    ],
)
def test_a_message_keeps_what_is_wrong_and_loses_the_value(message: str, kept: str) -> None:
    assert transform._without_values(message) == kept
