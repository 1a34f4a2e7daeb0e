"""What is written from the contracts for others to read: dbt's landing sources, the structural expectations of the
delivery gate, and the delivery guide with examples.

`python -m connectors.contract_outputs` writes all of it anew; a test fails when a file is not what the contracts say.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from connectors.contract import Contract, Property, Table, landing_columns, load_contracts
from connectors.messages import finnish_day

ROOT = Path(__file__).resolve().parent.parent
SOURCES = Path("dbt_project/models/landing.yml")
STRUCTURE = Path("expectations/delivery/structure.yaml")
GUIDES = {"fi": Path("docs/toimitusohje.md"), "en": Path("docs/delivery-guide.md")}
EXAMPLES = Path("docs/examples")

_TYPES = {
    "string": ("tekstiä", "text"),
    "integer": ("kokonaisluku", "whole number"),
    "number": ("luku", "number"),
    "boolean": ("tosi tai epätosi", "true or false"),
    "date": ("päivä", "date"),
    "timestamp": ("ajankohta", "moment"),
    "time": ("kellonaika", "time of day"),
    "array": ("luettelo", "list"),
}


def outputs() -> dict[Path, str]:
    """Path below the project's root → text, of every file that is made from the contracts."""
    contracts = load_contracts()
    tables = [table for contract in contracts for table in contract.tables]
    return {
        SOURCES: _sources(tables),
        STRUCTURE: _structure(tables),
        **{path: _guide(contracts, language) for language, path in GUIDES.items()},
        **{EXAMPLES / f"{table.name}.csv": _example(table) for table in tables},
    }


def write(root: Path = ROOT) -> None:
    """Writes every output below `root`."""
    for path, text in outputs().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def _sources(tables: Sequence[Table]) -> str:
    source = {
        "name": "landing",
        "schema": "landing",
        "tables": [
            {
                "name": table.name,
                "description": f"{table.description_fi} / {table.description_en}",
                "columns": [
                    {"name": name, "data_type": kind, "description": comment}
                    for name, kind, comment in landing_columns(table)
                ],
            }
            for table in tables
        ],
    }
    return _made({"version": 2, "sources": [source]})


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as such, and nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _made(content: Mapping[str, Any]) -> str:
    body = yaml.dump(dict(content), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=120)
    return f"# Made from contracts/ by `python -m connectors.contract_outputs`.\n{body}"


# What breaks the structure is no fault of a sender: the row rules let nothing of the kind through.
_NOTHING = {"expectation": "expect_column_max_to_be_between", "kwargs": {"column": "violations", "max_value": 0}}
_RESOLVE = {
    "how_to_resolve_fi": (
        "Vika on lukijassa tai tietovarastossa, ei kunnan aineistossa; alueen päivystäjä etsii sen (make test)."
    ),
    "how_to_resolve_en": (
        "The fault is in the reader or the warehouse, not in the municipality's data; "
        "the region's engineer finds it (make test)."
    ),
}


def _structure(tables: Sequence[Table]) -> str:
    """A suite of the delivery gate: landing's columns and what landed are as the contracts say."""
    agreed = [(table.name, name, kind) for table in tables for name, kind, _ in landing_columns(table)]
    values = ",\n    ".join(str(one) for one in agreed)
    columns = {
        "id": "columns",
        "severity": "critical",
        "query": (
            f"select agreed.column_name\nfrom (values\n    {values}\n) as agreed (table_name, column_name, type)\n"
            "full join (\n"
            "    select relname, attname, format_type(atttypid, atttypmod) as type\n"
            "    from pg_attribute inner join pg_class on attrelid = pg_class.oid\n"
            "    where relnamespace = 'landing'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped\n"
            ") as found on table_name = relname and column_name = attname\n"
            "where format_type(to_regtype(agreed.type), to_regtypemod(agreed.type)) is distinct from found.type\n"
        ),
        "checked": f"select {len(agreed)}",
        **_NOTHING,
        "what_fi": "Skeeman landing taulujen sarakkeet ja tyypit ovat sopimusten mukaiset.",
        "what_en": "The columns of the landing tables and their types are those of the contracts.",
        "when_matters_fi": "Sopimuksesta poikkeava taulu hukkaa sarakkeen tai tulkitsee sen väärin.",
        "when_matters_en": "A table that differs from the contract loses a column or takes it for something else.",
        **_RESOLVE,
    }
    rows = [
        {
            "id": f"{table.name}_rows",
            "severity": "critical",
            "query": (
                f"select row_number from landing.{table.name}\nwhere delivery_id = :delivery_id and (\n    "
                + "\n    or ".join(condition for one in table.landed for condition in _broken(table, one))
                + "\n)\n"
            ),
            "checked": f"select count(*) from landing.{table.name} where delivery_id = :delivery_id",
            **_NOTHING,
            "what_fi": f"Taulun {table.name} riveissä on pakolliset kentät, ja arvot ovat sopimuksen rajoissa.",
            "what_en": f"The rows of {table.name} have the required fields, and values within the contract's limits.",
            "when_matters_fi": "Mallit luottavat siihen, ettei sopimuksen vastaista riviä ole.",
            "when_matters_en": "The models rely on there being no row that breaks the contract.",
            **_RESOLVE,
        }
        for table in tables
    ]
    return _made(
        {
            "suite": "structure",
            "stage": "delivery",
            "title_fi": "Rakenne",
            "title_en": "Structure",
            "expectations": [columns, *rows],
        }
    )


def _broken(table: Table, one: Property) -> Iterator[str]:
    """SQL conditions on a landed column, each of which breaks the contract. A pseudonym has a form of its own; a record
    that was deleted may hold nothing but its id."""
    if one.required:
        may_be_deleted = "deleted" in table.names and one.column != "record_key"
        yield f"({one.column} is null and deleted is not true)" if may_be_deleted else f"{one.column} is null"
    if one.identity is not None:
        return
    if one.minimum is not None:
        yield f"{one.column} < {_bound(one, one.minimum)}"
    if one.maximum is not None:
        yield f"{one.column} > {_bound(one, one.maximum)}"
    if one.pattern is not None:
        yield f"{one.column} !~ '{one.pattern}'"
    if one.max_length is not None:
        yield f"length({one.column}) > {one.max_length}"


def _bound(one: Property, value: float | str) -> str:
    return f"{one.physical_type} '{value}'" if isinstance(value, str) else str(value)


# Each paragraph of the guide before the datasets: Finnish, English.
_HEAD = (
    ("# Toimitusohje kunnalle", "# Delivery guide for municipalities"),
    (
        "*Tehty sopimuksista (`contracts/`) komennolla `python -m connectors.contract_outputs`; ei muuteta käsin.*",
        "*Made from the contracts (`contracts/`) by `python -m connectors.contract_outputs`; not edited by hand.*",
    ),
    (
        "Tässä kerrotaan, mitä toimituksessa pitää olla. Sarakkeiden nimet, päivien ja lukujen\n"
        "kirjoitustapa ja koodit ovat kunnan omat: Tukiverkon kuntakohtaiset asetukset (`municipalities/KUNTA`)\n"
        "kertovat, mikä sarake vastaa mitäkin kenttää. Toimituksen voi kokeilla ennen lähettämistä:\n"
        "`tukiverkko check KUNTA AINEISTO TIEDOSTO`.",
        "This says what a delivery must hold. The columns' names, how dates and numbers are written, and the codes\n"
        "are the municipality's own: its folder says which column is which field. Try a file before sending it:\n"
        "`tukiverkko check MUNICIPALITY DATASET FILE`.",
    ),
    (
        "Virheellinen rivi hylätään, ja kuittaus kertoo sen numeron, sarakkeen ja syyn. Jos rivejä hylätään yli\n"
        "aineiston rajan, koko toimitus jää odottamaan, ja alueella ovat voimassa kunnan viimeksi hyväksytyt tiedot.",
        "A wrong row is rejected, and the receipt tells its number, column and reason. When more rows are rejected\n"
        "than the dataset's limit, the whole delivery waits, and the region keeps the last accepted data.",
    ),
)
_COLUMNS = ("| kenttä | merkitys | muoto | pakollinen |", "| field | meaning | form | required |")
# The rules that follow from a field's own form, in every dataset: rule → what holds, in Finnish and English.
_FIELD_RULES = {
    "ragged_row": ("Rivillä on yhtä monta kenttää kuin otsikkorivillä.", "A row has as many fields as the header row."),
    "unreadable_cell": (
        "Työkirjan solussa on arvo, ei virhettä eikä kaavaa ilman tulosta.",
        "A workbook's cell holds a value, no error and no formula without its result.",
    ),
    "required": ("Pakollisessa kentässä on arvo.", "A required field has a value."),
    "unparsable": ("Arvo on kirjoitettu kentän muodossa.", "The value is written in the field's form."),
    "out_of_range": ("Arvo on kentän rajoissa.", "The value is within the field's limits."),
    "invalid_hetu": (
        "Henkilötunnuksen muoto ja tarkistusmerkki ovat oikein.",
        "A personal identity code has its form, and its check character is right.",
    ),
    "invalid_oppijanumero": ("Oppijanumero on oikean muotoinen.", "A learner id has its form."),
    "not_a_code": (
        "Koodi on kunnan koodistossa, enintään kaksikirjaiminen tai vähintään viidellä oppilaalla; muuta tekstiä, joka "
        "voisi olla nimi, ei tallenneta.",
        "A code is in the municipality's list, has at most two letters, or is that of five pupils or more; other text, "
        "which could be a name, is not stored.",
    ),
}
_REASONS = (
    "Kullakin syyllä on oma sarakkeensa, jonka nimi on `source_code` ja jonka soluissa ovat tunnit.",
    "Each reason has a column of its own: its name is the `source_code`, and its cells hold the lessons.",
)


def _guide(contracts: Sequence[Contract], language: str) -> str:
    finnish = language == "fi"

    def say(fi: str, en: str) -> str:
        return fi if finnish else en

    paragraphs = [say(*both) for both in _HEAD]
    paragraphs.append(
        "\n".join(
            [
                say("Jokaisesta aineistosta tarkistetaan:", "Checked in every dataset:"),
                *(f"- {say(*both)} (`{rule}`)" for rule, both in _FIELD_RULES.items()),
            ]
        )
    )
    for contract in contracts:
        paragraphs += [
            f"## {contract.dataset}",
            say(contract.purpose_fi, contract.purpose_en),
            say(contract.limitations_fi, contract.limitations_en),
            say(f"Sopimuksen versio {contract.version}.", f"Version of the contract: {contract.version}."),
        ]
        for table in contract.tables:
            share, rows = f"{table.rejected_share:.0%}".replace("%", " %"), table.rejected_rows
            fields = [
                f"| `{one.name}` | {say(one.description_fi, one.description_en)} | {_form(one, finnish)} "
                f"| {say('kyllä', 'yes') if one.required else ''} |"
                for one in table.properties
            ]
            rules = [f"- {say(rule.description_fi, rule.description_en)} (`{rule.name}`)" for rule in table.rules]
            paragraphs += [
                f"### {table.name}",
                say(table.description_fi, table.description_en),
                say(
                    f"Raja: hylättyjä rivejä saa olla enintään {share} tai {rows} sen mukaan, kumpi on enemmän.",
                    f"Limit: {share} or {rows} rows may be rejected, whichever is more.",
                ),
                "\n".join([say(*_COLUMNS), "|---|---|---|---|", *fields]),
                "\n".join([say("Säännöt:", "Rules:"), *rules]),
                *([say(*_REASONS)] if table.grain == "month" else ()),
                say("Esimerkki", "Example") + f": [`examples/{table.name}.csv`](examples/{table.name}.csv)",
            ]
    return "\n\n".join(paragraphs) + "\n"


def _form(one: Property, finnish: bool) -> str:
    parts = [_TYPES[one.logical_type][0 if finnish else 1]]
    if one.minimum is not None and one.maximum is not None:
        parts.append(f"{one.minimum}–{one.maximum}")
    elif one.minimum is not None:
        parts.append(_from(one.minimum, finnish))
    if one.pattern:
        parts.append(f"`{one.pattern}`")
    if one.max_length:
        parts.append(f"enintään {one.max_length} merkkiä" if finnish else f"at most {one.max_length} characters")
    return ", ".join(parts)


def _from(minimum: float | str, finnish: bool) -> str:
    """The least that a field may hold; that of a day is written as each language writes days."""
    if not isinstance(minimum, str):
        return f"{'vähintään' if finnish else 'at least'} {minimum}"
    return f"aikaisintaan {finnish_day(date.fromisoformat(minimum))}" if finnish else f"not before {minimum}"


def _example(table: Table) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    examples = [dict(zip(table.names, values, strict=True)) for values in _example_rows(table)]
    if table.grain == "month":
        # A source has a column for each reason, with the lessons in it.
        reasons = [one["source_code"] for one in examples]
        for one in examples:
            code, lessons = one.pop("source_code"), one.pop("lessons")
            one |= {reason: lessons if reason == code else "" for reason in reasons}
    writer.writerow(examples[0])
    writer.writerows(one.values() for one in examples)
    return text.getvalue()


def _example_rows(table: Table) -> Iterator[tuple[str, ...]]:
    return zip(*(one.examples for one in table.properties), strict=True)


if __name__ == "__main__":
    write()
