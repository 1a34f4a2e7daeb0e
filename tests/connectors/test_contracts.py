"""The contracts are valid ODCS 3.1, and landing is what they say."""

import json
import re
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
import yaml
from jsonschema import Draft201909Validator
from open_data_contract_standard.model import OpenDataContractStandard

from connectors import check
from connectors.contract import CONTRACTS, landing_ddl, load_tables
from connectors.contract_outputs import ROOT, outputs
from connectors.messages import MESSAGES

# The tables as they were agreed with everything that reads them.
LANDING = {
    "enrolment": (
        "pupil_ref uuid, hetu_key uuid, oppijanumero_key uuid, school_number text, grade smallint, class_name text, "
        "home_municipality text, form text, valid_from date, valid_to date, deleted boolean, "
        "updated_at timestamp with time zone, record_key uuid"
    ),
    "absence_lesson": ("pupil_ref uuid, day date, lesson smallint, source_code text, minutes smallint, cleared text"),
    "absence_interval": (
        "record_key uuid, pupil_ref uuid, starts_at timestamp with time zone, ends_at timestamp with time zone, "
        "source_code text, cleared text, deleted boolean, updated_at timestamp with time zone"
    ),
    "absence_day": (
        "record_key uuid, pupil_ref uuid, day date, lessons numeric(8,4), source_code text, cleared text, "
        "deleted boolean, updated_at timestamp with time zone"
    ),
    "absence_month": "pupil_ref uuid, month date, source_code text, lessons numeric(8,4)",
    "support": (
        "record_key uuid, pupil_ref uuid, support_code text, placement smallint, marks text[], valid_from date, "
        "valid_to date, deleted boolean, updated_at timestamp with time zone"
    ),
    "school_day": (
        "school_number text, day date, grade smallint, lessons numeric(6,2), day_start time without time zone, "
        "slot_minutes smallint"
    ),
}


@pytest.mark.parametrize("file", sorted(CONTRACTS.glob("*.odcs.yaml")), ids=lambda file: file.name)
def test_a_contract_is_valid_odcs(file: Path) -> None:
    contract = yaml.safe_load(file.read_text(encoding="utf-8"))
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text(encoding="utf-8"))
    assert [error.message for error in Draft201909Validator(schema).iter_errors(contract)] == []
    assert OpenDataContractStandard.model_validate(contract).apiVersion == "v3.1.0"


def test_there_is_a_contract_for_every_dataset_and_an_absence_table_for_every_grain() -> None:
    tables = load_tables()
    assert {table.dataset for table in tables} == {"enrolment", "absence", "support", "school_day"}
    assert {table.grain for table in tables if table.dataset == "absence"} == {"lesson", "interval", "day", "month"}


def test_landing_is_made_as_agreed(connection: psycopg.Connection) -> None:
    connection.execute("drop schema landing cascade")
    # Twice: preparing a warehouse again changes nothing.
    connection.execute(landing_ddl())
    connection.execute(landing_ddl())
    rows = connection.execute(
        """
        select c.relname, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
        from pg_class as c inner join pg_attribute as a on c.oid = a.attrelid
        where c.relnamespace = 'landing'::regnamespace and c.relkind = 'r' and a.attnum > 0
        group by c.relname
        """
    ).fetchall()
    assert dict(rows) == {
        name: f"delivery_id integer, row_number integer, {columns}" for name, columns in LANDING.items()
    }
    indexes = connection.execute("select indexdef from pg_indexes where schemaname = 'landing'").fetchall()
    assert sum("USING brin (delivery_id)" in definition for (definition,) in indexes) == len(LANDING)


def test_every_landing_column_is_described_in_both_languages(connection: psycopg.Connection) -> None:
    undescribed = connection.execute(
        """
        select a.attrelid::regclass::text, a.attname
        from pg_attribute as a inner join pg_class as c on c.oid = a.attrelid
        where c.relnamespace = 'landing'::regnamespace and c.relkind = 'r' and a.attnum > 0
        and coalesce(col_description(a.attrelid, a.attnum), '') not like '% / %'
        """
    ).fetchall()
    assert undescribed == []


def test_no_identity_lands_as_itself() -> None:
    for table in load_tables():
        for one in table.properties:
            named = one.name in ("pupil_id", "record_id", "hetu", "oppijanumero")
            assert (one.identity is not None) == named
            if one.identity and one.landed:
                assert one.physical_type == "uuid"
                assert one.column != one.name
            assert not (one.identity and one.shown)


def test_every_rule_of_a_contract_is_carried_out_and_told() -> None:
    told = set(MESSAGES)
    stated = {
        rule["name"]
        for file in CONTRACTS.glob("*.odcs.yaml")
        for table in yaml.safe_load(file.read_text(encoding="utf-8"))["schema"]
        for rule in table["quality"]
    }
    assert stated <= told
    source = Path(check.__file__).read_text(encoding="utf-8")
    assert [rule for rule in sorted(stated) if not re.search(f'"{rule}"', source)] == []


def test_what_is_made_from_the_contracts_is_current() -> None:
    """A failure is mended by `python -m connectors.contract_outputs`."""
    made = outputs()
    assert [str(path) for path, text in made.items() if (ROOT / path).read_text(encoding="utf-8") != text] == []
    assert {path.name for path in (ROOT / "docs" / "examples").iterdir()} == {
        path.name for path in made if path.parent.name == "examples"
    }
