"""The DAGs as Airflow parses them: complete, documented, and light to parse."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"iisalmi", "kuopio", "siilinjarvi", "varkaus"}
HEAVY = {"pandas", "polars", "numpy", "pyarrow", "dbt", "great_expectations", "scipy", "dataframely", "fastexcel"}


def parse(home: Path, **environment: str) -> dict[str, Any]:
    """What `describe.py` finds; `environment` is added to this process's own without its Airflow settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TUKIVERKKO"))}
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("describe.py")), str(ROOT / "dags")],
        env={**inherited, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return parse(tmp_path_factory.mktemp("airflow"), TUKIVERKKO_FIRST_NIGHT="2026-02-01")


def test_every_dag_file_parses(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == {f"ingest_{name}" for name in NAMES} | {"regional_release", "retention"}


def test_parsing_imports_nothing_heavy(parsed: dict[str, Any]) -> None:
    assert HEAVY & set(parsed["modules"]) == set()


def test_every_dag_says_whose_it_is_and_how_to_run_it_again(parsed: dict[str, Any]) -> None:
    for dag_id, dag in parsed["dags"].items():
        assert dag["owner"] == "tukiverkko", dag_id
        assert dag["tags"], dag_id
        assert dag["description"], dag_id
        assert f"airflow dags trigger {dag_id}" in dag["doc"], dag_id
        assert dag["max_active_runs"] == 1, dag_id


def test_every_task_that_runs_is_tried_again_ends_and_tells(parsed: dict[str, Any]) -> None:
    tasks = [task for dag in parsed["dags"].values() for task in dag["tasks"].values()]
    for task in (task for task in tasks if task["type"] != "EmptyOperator"):
        assert task["retries"] >= 2
        assert task["backoff"] == 2.0
        assert task["timeout"]
        assert task["failure_callbacks"] == 1


def test_an_ingest_dag_is_fetch_load_report(parsed: dict[str, Any]) -> None:
    for name in NAMES:
        tasks = parsed["dags"][f"ingest_{name}"]["tasks"]
        assert {task_id: task["upstream"] for task_id, task in tasks.items()} == {
            "fetch": [],
            "load": ["fetch"],
            "report": ["fetch", "load"],
            "night_complete": ["report"],
            "taken_in": ["load", "night_complete"],
        }
        assert tasks["report"]["trigger_rule"] == "all_done"
        assert tasks["report"]["outlets"] == [f"tukiverkko://municipality/{name}/outcome"]
        assert tasks["night_complete"]["outlets"] == ["tukiverkko://region/night-complete"]
        assert f"municipality:{name}" in parsed["dags"][f"ingest_{name}"]["tags"]


def test_missed_nights_are_caught_up_from_the_first_night(parsed: dict[str, Any], tmp_path: Path) -> None:
    for name in NAMES:
        dag = parsed["dags"][f"ingest_{name}"]
        assert dag["catchup"] is True
        assert dag["start_date"] == "2026-01-31T22:00:00+00:00"
        assert dag["schedule"]["__var"]["expression"] == "0 2 * * *"
        assert dag["schedule"]["__var"]["timezone"] == "Europe/Helsinki"
    assert parse(tmp_path)["dags"]["ingest_kuopio"]["catchup"] is False


def test_the_release_waits_until_half_past_five_at_most(parsed: dict[str, Any]) -> None:
    dag = parsed["dags"]["regional_release"]
    schedule = dag["schedule"]["__var"]
    assert schedule["timetable"]["__var"]["expression"] == "30 5 * * *"
    assert schedule["timetable"]["__var"]["timezone"] == "Europe/Helsinki"
    assert dag["catchup"] is False
    assert dag["tasks"]["release"]["upstream"] == ["due"]
    # The pages are written however the release ended; the run ends as the release did.
    assert dag["tasks"]["pages"]["upstream"] == dag["tasks"]["published"]["upstream"] == ["release"]


def test_the_end_of_the_night_is_told_and_a_late_one_by_its_deadline(parsed: dict[str, Any]) -> None:
    telling = {
        (dag_id, task_id)
        for dag_id, dag in parsed["dags"].items()
        for task_id, task in dag["tasks"].items()
        if task["success_callbacks"]
    }
    assert telling == {("regional_release", "release"), ("retention", "retain")}
    # 45 minutes from 05:30 are 06:15; a run that the outcomes start has no logical date.
    deadlines = {dag_id: dag["deadlines"] for dag_id, dag in parsed["dags"].items() if dag["deadlines"]}
    references = ("DagRunLogicalDateDeadline", "DagRunQueuedAtDeadline")
    assert deadlines == {"regional_release": [[reference, 2700.0, "SyncCallback"] for reference in references]}


def test_a_start_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "municipalities"
    copy_of("kuopio", folder / "kuopio", extra="  fetch_at: '02:20'")
    dags = parse(tmp_path / "airflow", TUKIVERKKO_MUNICIPALITIES=str(folder))["dags"]
    assert dags["ingest_kuopio"]["schedule"]["__var"]["expression"] == "20 2 * * *"


def test_a_folder_that_cannot_be_read_stops_no_other_municipality(tmp_path: Path) -> None:
    folder = tmp_path / "municipalities"
    copy_of("kuopio", folder / "kuopio")
    # 03:10 does not exist on the night when summer time begins.
    copy_of("varkaus", folder / "varkaus", extra="  fetch_at: '03:10'")
    (folder / "iisalmi").mkdir()
    (folder / "iisalmi" / "municipality.yaml").write_text("code: [", encoding="utf-8")
    found = parse(tmp_path / "airflow", TUKIVERKKO_MUNICIPALITIES=str(folder))
    assert found["errors"] == {}
    assert set(found["dags"]["ingest_kuopio"]["tasks"]) == {"fetch", "load", "report", "night_complete", "taken_in"}
    assert "fetch_at" in found["dags"]["ingest_varkaus"]["doc"]
    assert "municipality.yaml" in found["dags"]["ingest_iisalmi"]["doc"]
    assert list(found["dags"]["ingest_iisalmi"]["tasks"]) == ["fetch"]


def test_parsing_126_municipalities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "municipalities"
    for number in range(126):
        copy_of("kuopio", folder / f"municipality_{number:03}", code=f"{number:03}")
    found = parse(tmp_path / "airflow", TUKIVERKKO_MUNICIPALITIES=str(folder))
    assert found["errors"] == {}
    assert len(found["dags"]) == 128
    with capsys.disabled():
        print(f"\nparsing 126 municipalities: {found['seconds']:.2f} s")


def copy_of(name: str, target: Path, *, code: str | None = None, extra: str = "") -> None:
    """A copy of a municipality's folder with another code, and a line more below `transport:`."""
    shutil.copytree(ROOT / "municipalities" / name, target)
    file = target / "municipality.yaml"
    text = file.read_text(encoding="utf-8")
    if code:
        first = next(line for line in text.splitlines() if line.startswith("code:"))
        text = text.replace(first, f'code: "{code}"')
    file.write_text(text.replace("transport:\n", f"transport:\n{extra}\n", 1), encoding="utf-8")
