"""The contracts of `contracts/`, as dataclasses: what a delivery must hold, and the landing tables made of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from connectors.config import Municipality, key_error

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"

# Every landing table starts with these two, whatever its contract.
_LANDING_HEAD = (
    ("delivery_id", "integer", "Toimitus, jossa rivi tuli. / The delivery that the row came in."),
    (
        "row_number",
        "integer",
        "Rivin paikka lähteessä, 1 = ensimmäinen tietorivi. / The row's place in the source, 1 = first data record.",
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
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """A rule over a row that no single field's form says. name: as in connectors/messages.py."""

    name: str
    description_en: str
    description_fi: str


@dataclass(frozen=True)
class Table:
    """One schema object of a contract: a landing table.

    grain: None where the dataset has one grain only. rejected_share (a fraction of the rows that came in) and
    rejected_rows: when more rows than the greater of both are rejected, the delivery is held.
    """

    dataset: str
    name: str
    grain: str | None
    description_en: str
    description_fi: str
    rejected_share: float
    rejected_rows: int
    rules: tuple[Rule, ...]
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


@dataclass(frozen=True)
class Contract:
    """A file of `contracts/`: what a dataset's deliveries must hold, whatever their grain."""

    dataset: str
    version: str
    purpose_en: str
    purpose_fi: str
    limitations_en: str
    limitations_fi: str
    tables: tuple[Table, ...]


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
        examples=tuple(values["examples"]),
    )


def read_contract(file: Path) -> Contract:
    """The contract of a file `<dataset>.odcs.yaml`, or `<dataset>-<version>.odcs.yaml` among the released ones."""
    values = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    dataset = file.name.partition(".")[0].partition("-")[0]
    custom = _custom(values)
    return Contract(
        dataset=dataset,
        version=values["version"],
        purpose_en=values["description"]["purpose"].strip(),
        purpose_fi=custom["purposeFi"].strip(),
        limitations_en=values["description"]["limitations"].strip(),
        limitations_fi=custom["limitationsFi"].strip(),
        tables=tuple(_table(dataset, one) for one in values["schema"]),
    )


def _table(dataset: str, values: Mapping[str, Any]) -> Table:
    custom = _custom(values)
    return Table(
        dataset=dataset,
        name=values["name"],
        grain=custom.get("grain"),
        description_en=values["description"].strip(),
        description_fi=custom["descriptionFi"].strip(),
        rejected_share=custom["rejectedShare"],
        rejected_rows=custom["rejectedRows"],
        rules=tuple(
            Rule(rule["name"], rule["description"].strip(), _custom(rule)["descriptionFi"].strip())
            for rule in values["quality"]
        ),
        properties=tuple(_property(one) for one in values["properties"]),
    )


@cache
def load_contracts() -> tuple[Contract, ...]:
    """Every contract, in the order of their names."""
    return tuple(read_contract(file) for file in sorted(CONTRACTS.glob("*.odcs.yaml")))


@cache
def load_tables() -> tuple[Table, ...]:
    """Every landing table of every contract, in the order of the contracts' names."""
    return tuple(table for contract in load_contracts() for table in contract.tables)


def rejected_limit(dataset: str) -> tuple[float, int]:
    """(share, rows) of a dataset: its delivery is held when more than the greater of both are rejected.

    Raises ValueError when the dataset's tables do not agree, or there are none.
    """
    (limit,) = {(table.rejected_share, table.rejected_rows) for table in load_tables() if table.dataset == dataset}
    return limit


def table_for(dataset: str, grain: str) -> Table:
    """The table in which a dataset lands for a municipality of that absence grain. Raises KeyError."""
    for table in load_tables():
        if table.dataset == dataset and table.grain in (None, grain):
            return table
    raise KeyError(f"{dataset} ({grain})")


# Fields that no single source column gives: they are made from the keys support_code, marks and reasons.
COMPOSED = {"support": {"support_code", "marks"}, "absence_month": {"source_code", "lessons"}}


def check_mapping(municipality: Municipality) -> None:
    """Raises ConfigError when a dataset maps a field that its contract lacks, or leaves a required one unmapped."""
    file = municipality.folder / "municipality.yaml"
    for dataset in municipality.datasets.values():
        table = table_for(dataset.name, municipality.absence_grain)
        composed = COMPOSED.get(table.name, set())
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
                raise key_error(file, f"{where}.{name}", f"is not a field of {table.name}; its fields: {allowed}")
        for name in sorted(required - set(dataset.columns)):
            raise key_error(file, f"{where}.{name}", f"is missing: {table.name} needs it")


def landing_columns(table: Table) -> list[tuple[str, str, str]]:
    """(column, type, comment in both languages) of a landing table, in order."""
    return [
        *_LANDING_HEAD,
        *((one.column, one.physical_type, f"{one.description_fi} / {one.description_en}") for one in table.landed),
    ]


def landing_ddl() -> str:
    """SQL that makes the landing tables of every contract where they are missing, with comments in both languages."""
    statements = ["create schema if not exists landing;"]
    for table in load_tables():
        columns = landing_columns(table)
        lines = ",\n".join(
            f"    {name} {kind}" + (" not null" if place < len(_LANDING_HEAD) else "")
            for place, (name, kind, _) in enumerate(columns)
        )
        statements.append(f"create table if not exists {table.qualified_name} (\n{lines}\n);")
        statements.append(
            f"comment on table {table.qualified_name} is "
            f"{_literal(f'{table.description_fi} / {table.description_en}')};"
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
