"""dbt's exposures: every dashboard and every page, with the models behind it; made from the assets and `pages.yaml`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from bi.columns import Use, page_uses, superset_uses
from bi.superset.dashboards import DASHBOARDS

OWNER = {"name": "Tukiverkko, Pohjois-Savo"}
_HEADER = "# Made by `python -m bi.superset.assets`; not edited by hand.\n"
_PAGES: Mapping[str, tuple[str, str]] = {
    "report": (
        "Alueraportti / Regional report",
        "Julkaistut luvut kuvina ja taulukoina rehtoreille ja lautakunnille. / Published figures as pictures and "
        "tables for principals and education boards.",
    ),
}


def exposures_text() -> str:
    """`dbt_project/models/exposures.yml`, as it must be."""
    return _HEADER + yaml.safe_dump(
        {"version": 2, "exposures": list(_exposures())}, allow_unicode=True, sort_keys=False, width=120
    )


def _exposures() -> Iterator[dict[str, Any]]:
    for dashboard in DASHBOARDS:
        title = dashboard.title.replace("{municipality_name}: ", "")
        uses = [use for use in superset_uses() if use.dashboard == title and use.used_by != "dataset"]
        yield _exposure(f"superset_{dashboard.name}", "dashboard", title, dashboard.description, uses)
    for page, (label, description) in _PAGES.items():
        uses = [use for use in page_uses() if use.dashboard == page]
        yield _exposure(f"pages_{page}", "application", label, description, uses)


def _exposure(name: str, kind: str, label: str, description: str, uses: Iterable[Use]) -> dict[str, Any]:
    columns: dict[str, set[str]] = {}
    for use in uses:
        columns.setdefault(use.table.partition(".")[2], set()).add(use.column)
    return {
        "name": name,
        "type": kind,
        "label": label,
        "description": description,
        "maturity": "high",
        "owner": dict(OWNER),
        "depends_on": [f"ref('{table}')" for table in sorted(columns)],
        "config": {"meta": {"columns": {table: sorted(columns[table]) for table in sorted(columns)}}},
    }
