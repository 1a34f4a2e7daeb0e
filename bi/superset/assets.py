"""Superset's assets as files in its own import format, made from `dashboards` and from the contracts of the marts.

`python -m bi.superset.assets` writes them anew, and dbt's exposures; nothing in `assets/` is edited by hand. The
folder of a dashboard holds a database, its datasets, its charts and itself; `municipality` is a pattern, of which
`bundle` makes one for each municipality. The identities are made of names, so that an import replaces what is there.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import yaml

from bi.published import Column, Table, published_tables
from bi.superset.bundle import ASSETS, quoted
from bi.superset.dashboards import DASHBOARDS, HEADS, METRICS, PER_CENT, Chart, Dashboard, Filter, Metric
from pages.labels import codes
from pipeline.settings import PROJECT_ROOT

EXPOSURES = PROJECT_ROOT / "dbt_project" / "models" / "exposures.yml"
VERSION = "1.0.0"
_NAMESPACE = UUID("5b0ab1a2-6a4e-4f0e-9f0b-6d5b6f1f3c1e")
# Column of codes → the seed that names them; the label is a column of the dataset, worked out by the database.
LABELLED: Mapping[str, str] = {
    "absence_class": "absence_class",
    "tier": "attendance_tier",
    "support_level": "support_level",
    "place": "inclusion_place",
    "group_size": "group_size",
}
# What no seed names.
_OTHER_LABELS: Mapping[str, dict[str, str]] = {"absence_class": {"all": "Kaikki poissaolot"}}
_VIZ = {
    "line": "echarts_timeseries_line",
    "marks": "echarts_timeseries_scatter",
    "bar": "echarts_timeseries_bar",
    "table": "table",
}
_ROW_LIMIT = 10_000
_COLUMNS_ACROSS = 12
_HEIGHT = 50


def make_assets() -> dict[str, str]:
    """Path below `assets/` → content, of every file."""
    tables = published_tables()
    return {
        f"{dashboard.name}/{path}": _text(content)
        for dashboard in DASHBOARDS
        for path, content in _folder(dashboard, tables).items()
    }


def identity(*names: str) -> str:
    """The fixed UUID of what has that name."""
    return str(uuid5(_NAMESPACE, "/".join(names)))


def write(assets: Mapping[str, str], folder: Path = ASSETS) -> None:
    """Writes the files and removes every other one."""
    for path in folder.rglob("*.yaml"):
        if str(path.relative_to(folder)) not in assets:
            path.unlink()
    for name, content in assets.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def label_expression(column: str) -> str:
    """SQL that gives the Finnish label of a code; a code that nobody knows as it is."""
    if column == "municipality":
        return "case municipality {municipality_labels} else municipality end"
    labels = {code: line["label_fi"] for code, line in codes(LABELLED[column]).items()} | _OTHER_LABELS.get(column, {})
    cases = " ".join(f"when {quoted(code)} then {quoted(label)}" for code, label in labels.items())
    return f"case {column} {cases} else {column} end"


def _folder(dashboard: Dashboard, tables: Mapping[str, Table]) -> dict[str, Mapping[str, Any]]:
    files: dict[str, Mapping[str, Any]] = {"databases/tukiverkko.yaml": _database(dashboard)}
    for name in dashboard.tables:
        files[f"datasets/tukiverkko/{name}.yaml"] = _dataset(dashboard, tables[name])
    for chart in dashboard.charts:
        files[f"charts/{chart.name}.yaml"] = _chart(dashboard, chart, tables[chart.table])
    files["dashboards/dashboard.yaml"] = _dashboard(dashboard)
    return files


def _database(dashboard: Dashboard) -> dict[str, Any]:
    # `bundle` fills in the warehouse; Superset keeps the password, encrypted, and no file holds it.
    login = "superset_region" if dashboard.name == "region" else "superset_{municipality}"
    name = "Tukiverkko: alue" if dashboard.name == "region" else "Tukiverkko: {municipality_name}"
    return {
        "database_name": name,
        "sqlalchemy_uri": f"postgresql+psycopg2://{login}:XXXXXXXXXX@{{warehouse}}",
        "expose_in_sqllab": True,
        "allow_run_async": False,
        "allow_ctas": False,
        "allow_cvas": False,
        "allow_dml": False,
        "allow_csv_upload": False,
        "impersonate_user": False,
        # In another zone the first of a month, as a moment, is a day of the month before.
        "extra": {"engine_params": {"connect_args": {"options": "-c timezone=UTC"}}},
        "uuid": identity(dashboard.name, "database"),
        "version": VERSION,
        "is_managed_externally": True,
    }


def _dataset(dashboard: Dashboard, table: Table) -> dict[str, Any]:
    columns = [_column(column) for column in table.columns]
    for column in ("municipality", *LABELLED):
        if column in table.column_names:
            columns.append(
                {
                    "column_name": f"{column}_label",
                    "verbose_name": HEADS.get(f"{column}_label"),
                    "description": f"Nimi suomeksi: {column}. / Label in Finnish: {column}.",
                    "type": "TEXT",
                    "expression": label_expression(column),
                    "is_dttm": False,
                    "groupby": True,
                    "filterable": True,
                }
            )
    return {
        "table_name": table.name,
        "schema": table.schema,
        "description": table.description,
        "uuid": identity(dashboard.name, "dataset", table.full_name),
        "database_uuid": identity(dashboard.name, "database"),
        "version": VERSION,
        "is_managed_externally": True,
        "filter_select_enabled": True,
        "columns": columns,
        "metrics": [_metric(metric) for metric in METRICS.get(table.full_name, ())],
    }


def _column(column: Column) -> dict[str, Any]:
    return {
        "column_name": column.name,
        "verbose_name": HEADS.get(column.name),
        "description": column.description,
        "type": column.type.upper(),
        "is_dttm": column.type == "date",
        "groupby": True,
        "filterable": True,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    return {
        "metric_name": metric.name,
        "verbose_name": metric.title,
        "expression": metric.expression,
        "d3format": metric.format,
    }


def _chart(dashboard: Dashboard, chart: Chart, table: Table) -> dict[str, Any]:
    return {
        "slice_name": chart.title,
        "description": chart.description,
        "viz_type": _VIZ[chart.kind],
        "params": _params(chart, table),
        "query_context": json.dumps(_query_context(dashboard, chart), ensure_ascii=False),
        "uuid": identity(dashboard.name, "chart", chart.name),
        "dataset_uuid": identity(dashboard.name, "dataset", chart.table),
        "version": VERSION,
        "is_managed_externally": True,
    }


def _params(chart: Chart, table: Table) -> dict[str, Any]:
    common = {
        "viz_type": _VIZ[chart.kind],
        "adhoc_filters": [_adhoc(one) for one in chart.filters],
        "row_limit": _ROW_LIMIT,
    }
    if chart.kind == "table":
        rates = [one for one in chart.columns if one in ("absence_rate", "coverage", "previous_coverage", "share")]
        shown: dict[str, Any] = {
            "column_config": {one: {"d3NumberFormat": PER_CENT} for one in rates},
            "table_timestamp_format": "%d.%m.%Y",
            # A figure is a number to be read, not one to be weighed against its neighbours.
            "show_cell_bars": False,
            "order_desc": True,
            "page_length": 10,
        }
        if chart.metric:
            return (
                common
                | shown
                | {
                    "query_mode": "aggregate",
                    "groupby": list(chart.columns),
                    "metrics": [chart.metric],
                }
            )
        return (
            common
            | shown
            | {
                "query_mode": "raw",
                "all_columns": list(chart.columns),
                "order_by_cols": [json.dumps([column, False]) for column in chart.order],
            }
        )
    metric = next(one for one in METRICS[table.full_name] if one.name == chart.metric)
    return common | {
        "x_axis": chart.x,
        "time_grain_sqla": _grain(chart),
        "metrics": [chart.metric],
        "groupby": list(chart.series),
        "y_axis_format": metric.format,
        "x_axis_time_format": "%m/%Y",
        "tooltipTimeFormat": "%d.%m.%Y",
        "y_axis_bounds": [0, None],
        "truncateYAxis": True,
        "show_legend": True,
        "legendType": "scroll",
        "legendOrientation": "top",
        "rich_tooltip": True,
        "markerEnabled": chart.kind != "bar",
        "markerSize": 7,
        "stack": "Stack" if chart.kind == "bar" else None,
        "sort_series_type": "name",
        "sort_series_ascending": True,
        "color_scheme": "supersetColors",
    }


def _grain(chart: Chart) -> str | None:
    """Courses show each published day by itself; own days are summed up by month."""
    return "P1M" if chart.kind == "bar" else None


def _adhoc(one: Filter) -> dict[str, Any]:
    column, operator, value = one
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": operator,
        "comparator": value if isinstance(value, str) else list(value),
    }


def _query_context(dashboard: Dashboard, chart: Chart) -> dict[str, Any]:
    """What Superset asks the database where no browser does it for it: with the choices that a reader starts from."""
    filters = [*chart.filters]
    if chart.chosen:
        filters += [(column, "IN", (value,)) for column, _, value in dashboard.choices if _can_choose(chart, column)]
    columns: list[Any] = [*chart.columns, *chart.series]
    if chart.x:
        axis = {"columnType": "BASE_AXIS", "expressionType": "SQL", "label": chart.x, "sqlExpression": chart.x}
        columns.insert(0, axis | {"timeGrain": _grain(chart)})
    query = {
        "columns": columns,
        "metrics": [chart.metric] if chart.metric else None,
        "filters": [
            {"col": column, "op": operator, "val": value if isinstance(value, str) else list(value)}
            for column, operator, value in filters
        ],
        "orderby": [[column, False] for column in chart.order],
        "row_limit": _ROW_LIMIT,
    }
    return {"queries": [query], "result_format": "json", "result_type": "full", "force": True}


def _can_choose(chart: Chart, column: str) -> bool:
    return chart.chosen and column.removesuffix("_label") in published_tables()[chart.table].column_names


def _dashboard(dashboard: Dashboard) -> dict[str, Any]:
    return {
        "dashboard_title": dashboard.title,
        "description": dashboard.description,
        "slug": dashboard.slug,
        "uuid": identity(dashboard.name, "dashboard"),
        "version": VERSION,
        "is_managed_externally": True,
        "published": True,
        "position": _position(dashboard),
        "metadata": {
            "color_scheme": "supersetColors",
            "cross_filters_enabled": False,
            "native_filter_configuration": [_native_filter(dashboard, *choice) for choice in dashboard.choices],
        },
    }


def _position(dashboard: Dashboard) -> dict[str, Any]:
    """The introduction, and the charts below it in rows that are full when their widths fill one."""
    rows: list[list[tuple[int, Chart]]] = [[]]
    for number, chart in enumerate(dashboard.charts, 1):
        if sum(one.width for _, one in rows[-1]) + chart.width > _COLUMNS_ACROSS:
            rows.append([])
        rows[-1].append((number, chart))
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {
            "type": "GRID",
            "id": "GRID_ID",
            "children": ["ROW-intro", *(f"ROW-{number}" for number in range(1, len(rows) + 1))],
            "parents": ["ROOT_ID"],
        },
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard.title}},
        "ROW-intro": _row("ROW-intro", ["MARKDOWN-intro"]),
        "MARKDOWN-intro": {
            "type": "MARKDOWN",
            "id": "MARKDOWN-intro",
            "children": [],
            "parents": ["ROOT_ID", "GRID_ID", "ROW-intro"],
            "meta": {"width": _COLUMNS_ACROSS, "height": 18, "code": dashboard.intro},
        },
    }
    for row_number, charts in enumerate(rows, 1):
        row = f"ROW-{row_number}"
        position[row] = _row(row, [f"CHART-{chart.name}" for _, chart in charts])
        for number, chart in charts:
            position[f"CHART-{chart.name}"] = {
                "type": "CHART",
                "id": f"CHART-{chart.name}",
                "children": [],
                "parents": ["ROOT_ID", "GRID_ID", row],
                "meta": {
                    "chartId": number,
                    "uuid": identity(dashboard.name, "chart", chart.name),
                    "sliceName": chart.title,
                    "width": chart.width,
                    "height": _HEIGHT,
                },
            }
    return position


def _row(name: str, children: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "ROW",
        "id": name,
        "children": list(children),
        "parents": ["ROOT_ID", "GRID_ID"],
        "meta": {"background": "BACKGROUND_TRANSPARENT"},
    }


def _native_filter(dashboard: Dashboard, column: str, title: str, start: str) -> dict[str, Any]:
    """One value to choose, for the charts that leave the choice to the reader."""
    chosen = next(chart for chart in dashboard.charts if _can_choose(chart, column))
    untouched = [number for number, chart in enumerate(dashboard.charts, 1) if not _can_choose(chart, column)]
    return {
        "id": f"NATIVE_FILTER-{column}",
        "type": "NATIVE_FILTER",
        "filterType": "filter_select",
        "name": title,
        "description": "",
        "cascadeParentIds": [],
        "targets": [{"column": {"name": column}, "datasetUuid": identity(dashboard.name, "dataset", chosen.table)}],
        "scope": {"rootPath": ["ROOT_ID"], "excluded": untouched},
        "controlValues": {
            "multiSelect": False,
            "enableEmptyFilter": True,
            "defaultToFirstItem": False,
            "inverseSelection": False,
            "searchAllOptions": False,
        },
        "defaultDataMask": {
            "extraFormData": {"filters": [{"col": column, "op": "IN", "val": [start]}]},
            "filterState": {"value": [start], "label": start},
        },
    }


def _text(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120)


def main() -> int:
    """Writes every file anew."""
    from bi.columns import check
    from bi.exposures import exposures_text

    write(make_assets())
    EXPOSURES.write_text(exposures_text(), encoding="utf-8")
    problems = check()
    print(
        "\n".join(problems) or f"{ASSETS.relative_to(PROJECT_ROOT)} and {EXPOSURES.relative_to(PROJECT_ROOT)} are new"
    )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
