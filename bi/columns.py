"""Which published columns the dashboards and pages use, and what a change of one of them breaks.

`python -m bi.columns` (part of `make lint`) prints one line for each column that somebody uses and no contract has, and
exits with 1 when there is any: the change is named with its dashboards before it lands.
"""

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bi.published import Table, published_tables
from bi.superset.bundle import ASSETS
from pipeline.settings import PROJECT_ROOT

PAGES = Path(__file__).parent / "pages.yaml"
_LITERAL = re.compile(r"'(?:[^']|'')*'|\{[a-z_]+\}")
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_SQL_WORDS = frozenset(
    {"case", "when", "then", "else", "end", "and", "or", "not", "is", "null"}
    | {"count", "sum", "max", "min", "avg", "distinct", "nullif", "coalesce"}
)


@dataclass(frozen=True)
class Use:
    """`used_by` uses the column: a dashboard's chart or dataset, or a page. type: what it takes it for; empty: any."""

    dashboard: str
    used_by: str
    table: str
    column: str
    type: str = ""


def check(tables: Mapping[str, Table] | None = None, assets: Path = ASSETS) -> list[str]:
    """What is broken, a line each; empty when everything that is used is there. tables: `schema.table` → the contract
    (default: those of the dbt project)."""
    contracts = published_tables() if tables is None else tables
    return broken([*superset_uses(assets), *page_uses()], contracts)


def broken(uses: Iterable[Use], tables: Mapping[str, Table]) -> list[str]:
    """A line for each column that is used and that no contract has, or has with another type: with the dashboards, and
    the charts, that it breaks."""
    users: dict[str, dict[str, list[str]]] = {}
    for use in uses:
        if problem := _problem(use, tables):
            named = users.setdefault(problem, {}).setdefault(use.dashboard, [])
            if use.used_by not in named:
                named.append(use.used_by)
    return [
        f"{problem}; it breaks "
        + "; ".join(f"{dashboard} ({', '.join(used_by)})" for dashboard, used_by in of_problem.items())
        for problem, of_problem in sorted(users.items())
    ]


def _problem(use: Use, tables: Mapping[str, Table]) -> str:
    table = tables.get(use.table)
    if table is None:
        return f"{use.table}: there is no such table"
    column = next((one for one in table.columns if one.name == use.column), None)
    if column is None:
        return f"{use.table}.{use.column}: there is no such column"
    if use.type and use.type != column.type:
        return f"{use.table}.{use.column}: it is {column.type} and was {use.type}"
    return ""


@cache
def superset_uses(assets: Path = ASSETS) -> Sequence[Use]:
    """Every column that a chart, a filter, a metric or a dataset of the assets names."""
    return tuple(use for folder in sorted(assets.iterdir()) for use in _uses_of_folder(folder))


@cache
def page_uses() -> Sequence[Use]:
    """What the pages read, as `pages.yaml` declares it: page → table → columns. A test holds it against the pages."""
    declared = yaml.safe_load(PAGES.read_text(encoding="utf-8"))
    return tuple(
        Use(page, "figures", table, column)
        for page, tables in declared.items()
        for table, columns in tables.items()
        for column in columns
    )


def _uses_of_folder(folder: Path) -> Iterator[Use]:
    dashboard = _load(folder / "dashboards" / "dashboard.yaml")
    title = dashboard["dashboard_title"].replace("{municipality_name}: ", "")
    datasets = {one["uuid"]: one for one in map(_load, sorted((folder / "datasets").rglob("*.yaml")))}
    for dataset in datasets.values():
        for column in dataset["columns"]:
            if "expression" not in column:
                yield Use(title, "dataset", _table(dataset), column["column_name"], column["type"].lower())
    for path in sorted((folder / "charts").glob("*.yaml")):
        chart = _load(path)
        dataset = datasets[chart["dataset_uuid"]]
        for name in sorted(_named_in(chart)):
            for column in _behind(name, dataset):
                yield Use(title, chart["slice_name"], _table(dataset), column)
    for one in dashboard["metadata"]["native_filter_configuration"]:
        for target in one["targets"]:
            dataset = datasets[target["datasetUuid"]]
            for column in _behind(target["column"]["name"], dataset):
                yield Use(title, one["name"], _table(dataset), column)


def _named_in(chart: Mapping[str, Any]) -> set[str]:
    """The columns and metrics of the dataset that a chart names."""
    params = chart["params"]
    named = {*params.get("groupby", ()), *params.get("all_columns", ()), *params.get("metrics", ())}
    named |= {params["x_axis"]} if "x_axis" in params else set()
    named |= {one["subject"] for one in params["adhoc_filters"]}
    named |= {json.loads(one)[0] for one in params.get("order_by_cols", ())}
    query = json.loads(chart["query_context"])["queries"][0]
    return named | {one["col"] for one in query["filters"]}


def _behind(name: str, dataset: Mapping[str, Any]) -> set[str]:
    """The columns of the table behind a column or a metric of the dataset."""
    expressions = {one["column_name"]: one.get("expression") for one in dataset["columns"]}
    expressions |= {one["metric_name"]: one["expression"] for one in dataset["metrics"]}
    expression = expressions.get(name)
    return {name} if expression is None else set(_WORD.findall(_LITERAL.sub("", expression))) - _SQL_WORDS


def _table(dataset: Mapping[str, Any]) -> str:
    return f"{dataset['schema']}.{dataset['table_name']}"


def _load(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)


def main() -> int:
    """Prints what is broken; 1 when anything is."""
    problems = check()
    print("\n".join(problems) or f"every column that {_rel(ASSETS)} and the pages use is published")
    return 1 if problems else 0


def _rel(path: Path) -> str:
    return str(path.relative_to(PROJECT_ROOT))


if __name__ == "__main__":
    sys.exit(main())
