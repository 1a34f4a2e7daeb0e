"""The contracts are valid ODCS 3.1, and landing is what they say."""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from jsonschema import Draft201909Validator
from open_data_contract_standard.model import OpenDataContractStandard

from connectors import check
from connectors.config import load_municipality
from connectors.contract import COMPOSED, CONTRACTS, check_mapping, landing_ddl, load_tables
from connectors.contract_outputs import ROOT, outputs
from connectors.delivery import RawFile
from connectors.messages import MESSAGES
from tests.connectors.samples import KEYS, delivery

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


@pytest.mark.parametrize("grain", ["lesson", "interval", "day", "month"])
def test_the_guides_examples_are_taken_as_they_stand(tmp_path: Path, grain: str) -> None:
    """A municipality whose columns are named as the contracts' fields sends the examples: no row is rejected."""
    folder = Path(shutil.copytree(ROOT / "municipalities" / "siilinjarvi", tmp_path / "example"))
    tables = {table.dataset: table for table in load_tables() if table.grain in (None, grain)}
    datasets: dict[str, Any] = {
        name: {
            "source": f"{table.name}.csv",
            "extent": "month" if table.grain == "month" else "full",
            "columns": {one: one for one in table.names if one not in COMPOSED.get(table.name, set())},
        }
        for name, table in tables.items()
    }
    datasets["support"] |= {"support_code": {"columns": ["support_code"]}, "marks": {"lists": ["marks"]}}
    if grain == "month":
        datasets["absence"]["reasons"] = ["S", "L"]
    config = yaml.safe_load((folder / "municipality.yaml").read_text(encoding="utf-8")) | {
        "absence_grain": grain,
        "transport": {"kind": "share"},
        "format": {"kind": "csv"},
        "style": {},
        "datasets": datasets,
    }
    (folder / "municipality.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    # The codes of the examples; those of two pupils that nobody knows could be names.
    shutil.copyfile(ROOT / "municipalities" / "kuopio" / "support_codes.csv", folder / "support_codes.csv")
    municipality = load_municipality(folder)
    check_mapping(municipality)
    files = [
        RawFile(name, table.name, ROOT / "docs" / "examples" / f"{table.name}.csv") for name, table in tables.items()
    ]
    checked = check.check_delivery(delivery("example", files, first_of_year=True), municipality, KEYS).datasets
    assert {name: (part.rows_landed, part.rejected.to_dicts()) for name, part in checked.items()} == dict.fromkeys(
        tables, (2, [])
    )


@pytest.mark.parametrize("guide", ["docs/toimitusohje.md", "docs/delivery-guide.md"])
def test_the_guide_names_every_rule_that_a_row_can_be_rejected_by(guide: str) -> None:
    named = set(re.findall(r"\(`([a-z_]+)`\)", (ROOT / guide).read_text(encoding="utf-8")))
    assert named == set(MESSAGES)
