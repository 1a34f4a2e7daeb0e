"""A published column that goes away or changes is named with what it breaks; nothing that is used is missing now."""

from dataclasses import replace

import pytest
import yaml

from bi import columns
from bi.exposures import exposures_text
from bi.published import Column, Table, published_tables
from bi.superset.assets import EXPOSURES, make_assets
from bi.superset.bundle import ASSETS
from tests.bi.page_reading import read_report

REGION = "Seudun ohjausryhmä / Regional steering group"
OWN = "omat oppilaat / own pupils"
# Both kinds of what is not known are noted by hand: the region in which the report is read has none in that table.
NOT_READ = {"reporting.tiers_by_support_level": {"suppressed", "null_reason"}}


@pytest.fixture
def tables() -> dict[str, Table]:
    return dict(published_tables())


def changed(table: Table, name: str, new: Column | None) -> Table:
    """The table without the column, or with another one in its place."""
    kept = (new if column.name == name else column for column in table.columns)
    return replace(table, columns=tuple(column for column in kept if column is not None))


def test_everything_that_is_used_is_published() -> None:
    assert columns.check() == []


def test_a_column_that_goes_away_names_the_dashboards_charts_and_pages(tables: dict[str, Table]) -> None:
    name = "reporting.support_timeliness"
    tables[name] = changed(tables[name], "share_started", None)
    assert columns.check(tables) == [
        f"reporting.support_timeliness.share_started: there is no such column; it breaks {REGION} (dataset, Tuki "
        "alkanut 30, 60 ja 90 päivässä / Support started within 30, 60 and 90 days); report (figures)"
    ]


def test_a_column_under_another_name_is_missing_also_inside_an_expression(tables: dict[str, Table]) -> None:
    name = "municipal.fact_attendance_month"
    tables[name] = changed(tables[name], "covered_lessons", Column("covered", "numeric", ""))
    (message,) = columns.check(tables)
    assert message.startswith("municipal.fact_attendance_month.covered_lessons: there is no such column; it breaks ")
    assert f"{OWN} (dataset, Omien oppilaiden poissaolot / Own pupils' absence)" in message


def test_a_column_of_another_type_breaks_the_datasets(tables: dict[str, Table]) -> None:
    name = "municipal.early_warning"
    tables[name] = changed(tables[name], "grade", Column("grade", "text", ""))
    assert columns.check(tables) == [
        f"municipal.early_warning.grade: it is text and was smallint; it breaks {OWN} (dataset)"
    ]


def test_a_table_that_goes_away_names_everybody(tables: dict[str, Table]) -> None:
    del tables["reporting.data_status"]
    (message,) = columns.check(tables)
    assert message.startswith("reporting.data_status: there is no such table; it breaks ")
    assert all(user in message for user in (REGION, OWN, "report (figures)"))


def test_a_choice_of_the_reader_uses_the_column_behind_its_label() -> None:
    used = {use for use in columns.superset_uses() if use.used_by == "Kunta / Municipality"}
    assert {(use.table, use.column) for use in used} == {("reporting.attendance_monthly", "municipality")}


def test_the_pages_read_what_is_declared_for_them() -> None:
    reading = read_report()
    # One for each function of `pages.report.sections`: none was left out for want of rows.
    assert reading.figures == 14
    declared: dict[str, set[str]] = {}
    for use in columns.page_uses():
        declared.setdefault(use.table, set()).add(use.column)
    expected = {table: set(read) | NOT_READ.get(table, set()) for table, read in reading.columns.items()}
    assert declared == expected


def test_the_committed_assets_and_exposures_are_what_the_definitions_make() -> None:
    committed = {str(path.relative_to(ASSETS)): path.read_text(encoding="utf-8") for path in ASSETS.rglob("*.yaml")}
    assert committed == make_assets(), "run: python -m bi.superset.assets"
    assert EXPOSURES.read_text(encoding="utf-8") == exposures_text(), "run: python -m bi.superset.assets"


def test_every_dashboard_has_an_exposure_with_the_models_behind_it() -> None:
    exposures = {one["name"]: one for one in yaml.safe_load(EXPOSURES.read_text(encoding="utf-8"))["exposures"]}
    assert set(exposures) == {"superset_region", "superset_municipality", "pages_report"}
    assert "ref('early_warning')" in exposures["superset_municipality"]["depends_on"]
    # The steering group's is of protected tables only.
    names = {table.name for table in published_tables().values() if table.schema == "municipal"}
    assert not names & set(exposures["superset_region"]["config"]["meta"]["columns"])
