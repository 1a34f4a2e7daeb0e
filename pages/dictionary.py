"""The dictionary: every published table and column, and every code, in both languages.

Texts come from where the database's comments come from: the descriptions of the dbt project, `Finnish. / English.`, and
its seeds. What no model describes (the release, the flag of withheld rows) is told by its comment in the warehouse.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import yaml

from pages.labels import SEEDS, seed_lines
from pages.language import Words
from pipeline.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "dbt_project" / "models"
# Schema → the folder of its models.
SCHEMAS: Mapping[str, str] = {"reporting": "marts", "municipal": "municipal"}
# Code lists in the order in which a reader needs them, each with the column whose values it lists.
CODE_LISTS: Mapping[str, str] = {
    "absence_class": "absence_class",
    "attendance_tier": "tier",
    "support_level": "support_level",
    "support_component": "component",
    "inclusion_place": "place",
    "support_horizon": "horizon",
    "transition_category": "category",
    "group_size": "group_size",
    "home_category": "home_municipality",
    "grade_band": "grade_band",
    "definition": "definition",
}
# The reasons of docs/marts.md for which a value is not known.
NULL_REASONS = (
    "not_collected",
    "below_coverage",
    "nothing_scheduled",
    "not_reported",
    "not_in_regime",
    "support_not_covered",
)
# What a code list says in English only.
_ENGLISH_COLUMNS = frozenset({"unit", "source"})


@dataclass(frozen=True)
class Column:
    """description: in one language. code_list: the list of the values that it can have. references: the table whose
    key it holds."""

    name: str
    data_type: str
    description: str
    is_key: bool
    can_be_withheld: bool
    code_list: str | None
    references: str | None


@dataclass(frozen=True)
class Table:
    """A table of `reporting` or `municipal`. key: the columns of one row."""

    schema: str
    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class CodeList:
    """heads: (column, what it is). rows: cells with the language of each."""

    name: str
    description: str
    heads: tuple[tuple[str, str], ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True)
class Described:
    """A column as the warehouse has it; comment in both languages, of the table where column is None."""

    schema: str
    table: str
    column: str | None
    data_type: str
    comment: str


def read_tables(connection: psycopg.Connection) -> tuple[Described, ...]:
    """Tables and columns of the schemas that readers see, with their comments."""
    rows = connection.execute(
        """
        select n.nspname, c.relname, a.attname, coalesce(format_type(a.atttypid, a.atttypmod), ''),
            coalesce(case when a.attnum is null then obj_description(c.oid, 'pg_class')
                else col_description(c.oid, a.attnum) end, '')
        from pg_class as c
        inner join pg_namespace as n on c.relnamespace = n.oid
        cross join lateral (
            select null::name as attname, null::smallint as attnum, null::oid as atttypid, null::integer as atttypmod
            union all
            select attname, attnum, atttypid, atttypmod from pg_attribute
            where attrelid = c.oid and attnum > 0 and not attisdropped
        ) as a
        where n.nspname = any(%s) and c.relkind = 'r'
        order by n.nspname, c.relname, a.attnum nulls first
        """,
        (list(SCHEMAS),),
    ).fetchall()
    return tuple(Described(*row) for row in rows)


def in_words(described: Sequence[Described], words: Words) -> tuple[Table, ...]:
    """The tables in one language: those that a model describes, and then those that the warehouse alone knows."""
    tables: dict[tuple[str, str], Table] = {}
    for schema, folder in SCHEMAS.items():
        for model in models_of(folder):
            tables[schema, model["name"]] = _of_model(schema, model, words)
    for one in described:
        place = (one.schema, one.table)
        if one.column is None:
            description = _in(words, one.comment)
            tables.setdefault(place, Table(one.schema, one.table, description, (), ()))
        elif one.column not in {column.name for column in tables[place].columns}:
            column = Column(one.column, one.data_type, _in(words, one.comment), False, False, None, None)
            table = tables[place]
            tables[place] = Table(table.schema, table.name, table.description, table.key, (*table.columns, column))
    return tuple(tables.values())


def code_lists(words: Words) -> tuple[CodeList, ...]:
    """The code lists in one language, and why a value can be missing."""
    seeds = {
        seed["name"]: seed
        for path in sorted(SEEDS.glob("*.yml"))
        for seed in yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)["seeds"]
    }
    made = [_of_seed(name, seeds[name], words) for name in CODE_LISTS]
    return (*made, _reasons(words))


def models_of(folder: str) -> Iterator[Mapping[str, Any]]:
    """What the dbt project says of each model of a folder of `models/`."""
    for path in sorted((MODELS / folder).glob("*.yml")):
        yield from yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader).get("models") or ()


def key_of(model: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns of a model's primary key; none when it has none."""
    return next((tuple(one["columns"]) for one in model.get("constraints") or () if one["type"] == "primary_key"), ())


def _of_model(schema: str, model: Mapping[str, Any], words: Words) -> Table:
    key = key_of(model)
    meta = (model.get("config") or {}).get("meta") or {}
    protected = meta.get("protected_counts") or {}
    withheld = {*protected, *(column for columns in protected.values() for column in columns)}
    lists = {column: name for name, column in CODE_LISTS.items()}
    return Table(
        schema,
        model["name"],
        _in(words, model["description"]),
        key,
        tuple(
            Column(
                column["name"],
                column["data_type"],
                _in(words, column["description"]),
                column["name"] in key,
                column["name"] in withheld,
                "null_reason" if column["name"] == "null_reason" else lists.get(column["name"]),
                ((column.get("config") or {}).get("meta") or column.get("meta") or {}).get("references"),
            )
            for column in model["columns"]
        ),
    )


def _of_seed(name: str, seed: Mapping[str, Any], words: Words) -> CodeList:
    described = {column["name"]: column["description"] for column in seed["columns"]}
    columns = [column for column in described if column != f"label_{words.other}"]
    return CodeList(
        name,
        _in(words, seed["description"]),
        tuple((column, _in(words, described[column])) for column in columns),
        tuple(
            tuple((line[column], "en" if column in _ENGLISH_COLUMNS else words.language) for column in columns)
            for line in seed_lines(name)
        ),
    )


def _reasons(words: Words) -> CodeList:
    rows = [(reason, words(f"null.{reason}")) for reason in NULL_REASONS]
    return CodeList(
        "null_reason",
        words("dictionary.null_reasons"),
        (("null_reason", words("dictionary.code")), (f"label_{words.language}", words("dictionary.meaning"))),
        tuple(tuple((text, words.language) for text in row) for row in rows),
    )


def _in(words: Words, both: str) -> str:
    """The part of `Finnish. / English.` in the language; a text in one language only as it is."""
    finnish, _, english = " ".join(both.split()).partition(" / ")
    return (english or finnish) if words.language == "en" else finnish
