"""The tables that BI tools read, as the contracts of the dbt project say them: nothing here asks the warehouse."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pages.dictionary import SCHEMAS, key_of, models_of
from pipeline.publication import FLAGS


@dataclass(frozen=True)
class Column:
    """description: `Finnish. / English.`. type: PostgreSQL's name."""

    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Table:
    """A table of `reporting` or `municipal`. key: the columns of one row."""

    schema: str
    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> frozenset[str]:
        return frozenset(column.name for column in self.columns)


@cache
def published_tables() -> Mapping[str, Table]:
    """`schema.table` → the table, with the flags that a release adds to each table of `reporting`."""
    return {table.full_name: table for table in _tables()}


def _tables() -> Iterator[Table]:
    for schema, folder in SCHEMAS.items():
        flags = tuple(Column(name, "boolean", text) for name, text in FLAGS.items()) if schema == "reporting" else ()
        for model in models_of(folder):
            yield _table(schema, model, flags)


def _table(schema: str, model: Mapping[str, Any], flags: tuple[Column, ...]) -> Table:
    columns = tuple(
        Column(one["name"], one["data_type"], " ".join(one["description"].split())) for one in model["columns"]
    )
    return Table(schema, model["name"], " ".join(model["description"].split()), key_of(model), (*columns, *flags))
