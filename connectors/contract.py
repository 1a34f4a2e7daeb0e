"""The contracts of `contracts/`, as dataclasses: what a delivery must hold, and the landing tables made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from connectors.config import ConfigError, Municipality

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"

# Every landing table starts with these two, whatever its contract.
_LANDING_HEAD = (
    ("delivery_id", "integer", "The delivery that the row came in. / Toimitus, jossa rivi tuli."),
    (
        "row_number",
        "integer",
        "The row's place in the source, 1 = first data record. / Rivin paikka lähteessä, 1 = ensimmäinen tietorivi.",
    ),
)


@dataclass(frozen=True)
class Property:
    """One field of a contract.

    name: the field's name in mappings; column: its name in landing. identity: local_id, hetu, oppijanumero or
    record_id (then it lands as a pseudonym, never as itself), else None. landed: False for a field that is only
    checked. shown: an unmapped or wrong value may be told to the municipality if it has the form of a code or number.
    """

    name: str
    column: str
    logical_type: str
    physical_type: str
    required: bool
    minimum: float | str | None
    maximum: float | str | None
    pattern: str | None
    max_length: int | None
    description_en: str
    description_fi: str
    identity: str | None
    landed: bool
    shown: bool


@dataclass(frozen=True)
class Table:
    """One schema object of a contract: a landing table. `grain` is None where the dataset has one grain only."""

    dataset: str
    name: str
    grain: str | None
    description_en: str
    description_fi: str
    properties: tuple[Property, ...]

    def field(self, name: str) -> Property:
        """The field of that name. Raises KeyError."""
        return {one.name: one for one in self.properties}[name]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.properties)

    @property
    def landed(self) -> tuple[Property, ...]:
        """The fields that land, in landing order."""
        return tuple(one for one in self.properties if one.landed)

    @property
    def qualified_name(self) -> str:
        return f"landing.{self.name}"


def _custom(values: Mapping[str, Any]) -> dict[str, Any]:
    return {entry["property"]: entry["value"] for entry in values.get("customProperties", ())}


def _property(values: Mapping[str, Any]) -> Property:
    custom = _custom(values)
    options = values.get("logicalTypeOptions", {})
    return Property(
        name=values["name"],
        column=values.get("physicalName", values["name"]),
        logical_type=values["logicalType"],
        physical_type=values["physicalType"],
        required=values.get("required", False),
        minimum=options.get("minimum"),
        maximum=options.get("maximum"),
        pattern=options.get("pattern"),
        max_length=options.get("maxLength"),
        description_en=values["description"].strip(),
        description_fi=custom["descriptionFi"].strip(),
        identity=custom.get("identity"),
        landed=custom.get("landed", True),
        shown=custom.get("shown", False),
    )


@cache
def load_tables() -> tuple[Table, ...]:
    """Every landing table of every contract, in the order of the contracts' names."""
    tables = []
    for file in sorted(CONTRACTS.glob("*.odcs.yaml")):
        contract = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        for values in contract["schema"]:
            custom = _custom(values)
            tables.append(
                Table(
                    dataset=file.name.removesuffix(".odcs.yaml"),
                    name=values["name"],
                    grain=custom.get("grain"),
                    description_en=values["description"].strip(),
                    description_fi=custom["descriptionFi"].strip(),
                    properties=tuple(_property(one) for one in values["properties"]),
                )
            )
    return tuple(tables)


def table_for(dataset: str, grain: str) -> Table:
    """The table in which a dataset lands for a municipality of that absence grain. Raises KeyError."""
    for table in load_tables():
        if table.dataset == dataset and table.grain in (None, grain):
            return table
    raise KeyError(f"{dataset} ({grain})")


# Fields that no single source column gives: they are made from the keys support_code, marks and reasons.
_COMPOSED = {"support": {"support_code", "marks"}, "absence_month": {"source_code", "lessons"}}


def check_mapping(municipality: Municipality) -> None:
    """Raises ConfigError when a dataset maps a field that its contract lacks, or leaves a required one unmapped."""
    file = municipality.folder / "municipality.yaml"
    for dataset in municipality.datasets.values():
        table = table_for(dataset.name, municipality.absence_grain)
        composed = _COMPOSED.get(table.name, set())
        required = {one.name for one in table.properties if one.required} - composed
        if dataset.extent == "chain":
            # Increments are merged by id: the newest version holds.
            required |= {"record_id", "updated_at"}
        if dataset.name == "school_day" and municipality.absence_grain == "interval":
            # Intervals become lessons through the day's start and the length of a slot.
            required |= {"day_start", "slot_minutes"}
        where = f"datasets.{dataset.name}.columns"
        for name in dataset.columns:
            if name not in table.names or name in composed:
                allowed = ", ".join(one for one in table.names if one not in composed)
                raise ConfigError(file, f"{where}.{name}", f"is not a field of {table.name}; its fields: {allowed}")
        for name in sorted(required - set(dataset.columns)):
            raise ConfigError(file, f"{where}.{name}", f"is missing: {table.name} needs it")


def landing_ddl() -> str:
    """SQL that makes the landing tables of every contract where they are missing, with comments in both languages."""
    statements = ["create schema if not exists landing;"]
    for table in load_tables():
        columns = [
            *_LANDING_HEAD,
            *((one.column, one.physical_type, f"{one.description_en} / {one.description_fi}") for one in table.landed),
        ]
        lines = ",\n".join(
            f"    {name} {kind}" + (" not null" if place < len(_LANDING_HEAD) else "")
            for place, (name, kind, _) in enumerate(columns)
        )
        statements.append(f"create table if not exists {table.qualified_name} (\n{lines}\n);")
        statements.append(
            f"comment on table {table.qualified_name} is "
            f"{_literal(f'{table.description_en} / {table.description_fi}')};"
        )
        statements.extend(
            f"comment on column {table.qualified_name}.{name} is {_literal(comment)};" for name, _, comment in columns
        )
        # Rows of one delivery lie side by side, so a few pages of BRIN find them; a b-tree would slow each COPY.
        statements.append(
            f"create index if not exists {table.name}_delivery on {table.qualified_name} "
            "using brin (delivery_id) with (pages_per_range = 16, autosummarize = on);"
        )
    return "\n".join(statements) + "\n"


def _literal(text: str) -> str:
    return "'" + " ".join(text.split()).replace("'", "''") + "'"
