"""What is imported: one dashboard for the region and one a municipality, each with identities of its own."""

from pathlib import Path
from typing import Any

import yaml

from bi.superset.bundle import Place, connections, make_bundle, password, read_places
from bi.superset.dashboards import DASHBOARDS, HEADS
from pipeline.settings import PROJECT_ROOT

PLACES = (Place("kuopio", "Kuopio"), Place("toysa", "Töy'sä"))


def loaded(bundle: dict[str, str], kind: str) -> dict[str, Any]:
    return {path: yaml.safe_load(text) for path, text in bundle.items() if path.startswith(f"{kind}/")}


def test_every_municipality_has_a_connection_and_a_dashboard_of_its_own() -> None:
    bundle = make_bundle(PLACES, "db:5432/tukiverkko")
    addresses = {path: one["sqlalchemy_uri"] for path, one in loaded(bundle, "databases").items()}
    assert addresses["databases/kuopio.yaml"] == "postgresql+psycopg2://superset_kuopio:XXXXXXXXXX@db:5432/tukiverkko"
    assert set(addresses) == {one.database for one in connections(PLACES)}
    assert [one.role for one in connections(PLACES)] == ["bi_region", "bi_kuopio", "bi_toysa"]
    slugs = {one["slug"] for one in loaded(bundle, "dashboards").values()}
    assert slugs == {"tukiverkko-alue", "tukiverkko-kuopio", "tukiverkko-toysa"}
    assert loaded(bundle, "dashboards")["dashboards/toysa.yaml"]["dashboard_title"].startswith("Töy'sä: ")


def test_no_identity_is_twice_and_each_stays_the_same() -> None:
    bundle = make_bundle(PLACES, "db/tukiverkko")
    own = [yaml.safe_load(text)["uuid"] for path, text in bundle.items() if path != "metadata.yaml"]
    assert len(own) == len(set(own))
    again = make_bundle((*PLACES, Place("uusi", "Uusi")), "elsewhere/tukiverkko")
    for path, text in bundle.items():
        if path != "metadata.yaml":
            assert yaml.safe_load(again[path])["uuid"] == yaml.safe_load(text)["uuid"], path


def test_what_a_municipality_has_hangs_together_and_on_nothing_of_others() -> None:
    bundle = make_bundle(PLACES, "db/tukiverkko")
    for name in ("region", "kuopio", "toysa"):
        database = yaml.safe_load(bundle[f"databases/{name}.yaml"])["uuid"]
        datasets = [one for path, one in loaded(bundle, "datasets").items() if path.startswith(f"datasets/{name}/")]
        charts = [one for path, one in loaded(bundle, "charts").items() if path.startswith(f"charts/{name}/")]
        position = yaml.safe_load(bundle[f"dashboards/{name}.yaml"])["position"]
        placed = [one["meta"]["uuid"] for one in position.values() if isinstance(one, dict) and one["type"] == "CHART"]
        assert {one["database_uuid"] for one in datasets} == {database}
        assert {one["dataset_uuid"] for one in charts} == {one["uuid"] for one in datasets}
        assert sorted(placed) == sorted(one["uuid"] for one in charts)


def test_every_gap_is_filled_and_a_name_is_quoted() -> None:
    bundle = make_bundle(PLACES, "db/tukiverkko")
    text = "".join(bundle.values())
    assert not any(gap in text for gap in ("{municipality", "{warehouse}"))
    columns = yaml.safe_load(bundle["datasets/toysa/reporting.attendance_monthly.yaml"])["columns"]
    label = next(one for one in columns if one["column_name"] == "municipality_label")
    assert label["expression"] == (
        "case municipality when 'region' then 'Koko alue' when 'kuopio' then 'Kuopio' when 'toysa' then 'Töy''sä' "
        "else municipality end"
    )


def test_no_table_shows_a_rate_without_its_coverage() -> None:
    shown = {chart.name: chart.columns for dashboard in DASHBOARDS for chart in dashboard.charts}
    with_rates = {name for name, columns in shown.items() if "absence_rate" in columns}
    assert with_rates == {"transition", "absence_rows", "early_warning"}
    assert {name for name in with_rates if "coverage" not in shown[name]} == set()
    # The tier before is as sure as what was covered then.
    assert "previous_coverage" in shown["early_warning"]
    assert HEADS["previous_coverage"] == "Edellinen kattavuus / Coverage before"
    chart = yaml.safe_load(make_bundle(PLACES, "db/tukiverkko")["charts/kuopio/early_warning.yaml"])
    assert chart["params"]["column_config"].keys() == {"absence_rate", "coverage", "previous_coverage"}


def test_municipalities_are_the_folders() -> None:
    assert Place("siilinjarvi", "Siilinjärvi") in read_places(PROJECT_ROOT / "municipalities")
    assert read_places(Path(__file__).parent) == []


def test_a_password_is_of_one_key_and_one_login() -> None:
    made = {password(key, login) for key in (b"a", b"b") for login in ("superset_kuopio", "superset_region")}
    assert len(made) == 4
