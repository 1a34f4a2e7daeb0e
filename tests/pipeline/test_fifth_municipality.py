"""A municipality never seen before comes in by its folder: Kuopio's transport, Varkaus's format, Iisalmi's grain.

Every step is a user's: the folder from a pattern, its gaps, the validation, a delivery on a real SFTP server, the
ingest, the release. No Python, SQL or DAG knows the name.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pytest

from connectors.config import ConfigError, load_municipality, refuse_shared_code
from connectors.contract import check_mapping
from demo.servers import RunningSources, start_sources
from pipeline.ingest import ingest
from pipeline.keys import ensure_keys
from pipeline.new_municipality import make_folder
from pipeline.release import release
from pipeline.settings import Settings
from pipeline.warehouse import connect
from tests.connectors.samples import hetu
from tests.dags.test_dags import parse

NIGHT = date(2025, 10, 22)
REVIEW = "2011-01-01,,Lapinlahti,2025-08-01"

CONFIG = """\
code: "402"
names: {fi: Lapinlahti, sv: Lapinlax, en: Lapinlahti}
valid_from: 2025-08-01
contact: {name: Lapinlahden sivistystoimi, email: sivistys@lapinlahti.example}
absence_grain: day
pupil_id: local

transport:
  kind: sftp
  folder: /out/{night}
  ready_file: ready.json
  ready_keys: {delivery: night, files: files, name: name, bytes: bytes, rows: rows, sha256: sha256}
  receipts: /kuittaukset
  reread_seconds: 0.05

format: {kind: xlsx, header_row: 2}
style: {dates: ["%m/%d/%Y"], decimal: ".", "true": [gone], "false": [there]}

datasets:
  enrolment:
    source: people-{night}.xlsx
    extent: full
    format: {sheet: Pupils}
    columns: {pupil_id: Child, hetu: Code, school_number: School, grade: Grade, class_name: Class,
              home_municipality: Home, form: Form, valid_from: From, valid_to: To}
  absence:
    source: absences.xlsx
    extent: full
    format: {sheet: Away}
    columns: {record_id: Nr, pupil_id: Child, day: Day, lessons: Hours, source_code: Why, cleared: Clear,
              deleted: State}
    cleared_keep: ["Y", "N"]
  support:
    source: people-{night}.xlsx
    extent: full
    format: {sheet: Help}
    columns: {pupil_id: Child, valid_from: From, valid_to: To}
    support_code: {columns: [Kind]}
  school_day:
    source: days.xlsx
    extent: full
    columns: {school_number: School, day: Day, grade: Grade, lessons: Hours}
    format: {sheet: Days}
"""

CROSSWALKS = {
    "schools.csv": ["school_number,name_fi,source_value", f"09402,Lapinlahden yhteiskoulu,LYK,{REVIEW}"],
    "absence_codes.csv": [
        "source_code,cleared,absence_class",
        f"FLU,,health,{REVIEW}",
        f"AWAY,Y,leave,{REVIEW}",
        f"AWAY,,unauthorised,{REVIEW}",
    ],
    "support_codes.csv": ["support_code,kind,regime,implies_marks,contradiction", f"D1,decision,2025,,false,{REVIEW}"],
    "mark_codes.csv": ["source_code,mark", f"TA,functional_areas,{REVIEW}"],
    "forms.csv": ["source_code,form", f"B,basic,{REVIEW}"],
    "home_municipalities.csv": ["source_value,municipality_code", f"Lapinlahti,402,{REVIEW}"],
}

# Twelve pupils of grade 7, who have 5 lessons on each weekday from 11 August on.
CHILDREN = [f"LL/{number}" for number in range(1, 13)]
WEEKDAYS = [day for day in (date(2025, 8, 11) + timedelta(n) for n in range(290)) if day.weekday() < 5]
ABSENCES: list[list[Any]] = [
    # Ill for two days and an hour; away without leave on one, with leave on another; one record was taken back.
    ["1", "LL/1", "09/08/2025", 5, "FLU", None, "there"],
    ["2", "LL/1", "09/09/2025", 5, "FLU", None, "there"],
    ["3", "LL/2", "09/09/2025", 1.5, "FLU", None, "there"],
    ["4", "LL/2", "09/10/2025", "2.25", "AWAY", None, "there"],
    ["5", "LL/3", "09/10/2025", 5, "AWAY", "Y", "there"],
    ["6", "LL/3", "09/11/2025", 5, "AWAY", "N", "gone"],
]


def american(day: date) -> str:
    return f"{day:%m/%d/%Y}"


def workbook(sheets: dict[str, tuple[str, Sequence[Sequence[Any]]]]) -> bytes:
    """Sheet → header and rows; one line of title above each header."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, (header, rows) in sheets.items():
        sheet = book.create_sheet(name)
        sheet.append(["Lapinlahti"])
        sheet.append(header.split(","))
        for row in rows:
            sheet.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def deliver(root: Path) -> None:
    """The night's folder, with its ready file written last."""
    people = [
        [child, hetu("010112", 900 + n), "LYK", 7, "7A", "Lapinlahti", "B", "08/11/2025", None]
        for n, child in enumerate(CHILDREN, 1)
    ]
    days = [["LYK", american(day), 7, 5] for day in WEEKDAYS]
    files = {
        f"people-{NIGHT}.xlsx": workbook(
            {
                "Pupils": ("Child,Code,School,Grade,Class,Home,Form,From,To", people),
                "Help": ("Child,From,To,Kind", [["LL/1", "09/01/2025", None, "D1"]]),
            }
        ),
        "absences.xlsx": workbook({"Away": ("Nr,Child,Day,Hours,Why,Clear,State", ABSENCES)}),
        "days.xlsx": workbook({"Days": ("School,Day,Grade,Hours", days)}),
    }
    folder = root / "kuopio" / "out" / NIGHT.isoformat()
    folder.mkdir(parents=True)
    listed = []
    for name, content in files.items():
        (folder / name).write_bytes(content)
        listed.append({"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()})
    (folder / "ready.json").write_text(json.dumps({"night": NIGHT.isoformat(), "files": listed}))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningSources]:
    """An SFTP server; the demo knows it by Kuopio's name, and its root is whatever lies in that folder."""
    root = tmp_path / "sources"
    deliver(root)
    with start_sources(root, None, tmp_path / "servers", municipalities=["kuopio"]) as running:
        yield running


def test_a_folder_alone_brings_a_municipality_in(
    settings: Settings, server: RunningSources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = Path(shutil.copytree(settings.municipalities, tmp_path / "municipalities"))
    settings = replace(settings, municipalities=folders)
    folder = make_folder(folders, "lapinlahti", "iisalmi")
    with pytest.raises(ConfigError, match=r"lapinlahti/municipality\.yaml: line 2, code: is to be filled in"):
        load_municipality(folder)
    (folder / "municipality.yaml").write_text(CONFIG, encoding="utf-8")
    for name, (header, *lines) in CROSSWALKS.items():
        text = "\n".join([f"{header},valid_from,valid_to,reviewed_by,reviewed_on", *lines, ""])
        (folder / name).write_text(text, encoding="utf-8")
    lapinlahti = load_municipality(folder)
    check_mapping(lapinlahti)
    refuse_shared_code(folders, lapinlahti)
    assert "ingest_lapinlahti" in parse(tmp_path / "airflow", TUKIVERKKO_MUNICIPALITIES=str(folders))["dags"]

    ensure_keys(settings, ("lapinlahti",))
    monkeypatch.setenv("AIRFLOW_CONN_LAPINLAHTI", server.connections()["kuopio"])
    outcome = ingest(settings, "lapinlahti", NIGHT)
    assert (outcome.status, outcome.reason_en, outcome.receipt) == ("accepted", None, "sent")
    counts = {one["dataset"]: (one["rows_in"], one["rows_landed"], one["rows_rejected"]) for one in outcome.datasets}
    assert counts == {
        "enrolment": (12, 12, 0),
        "absence": (6, 6, 0),
        "support": (1, 1, 0),
        "school_day": (len(WEEKDAYS), len(WEEKDAYS), 0),
    }
    receipts = tmp_path / "sources" / "kuopio" / "kuittaukset"
    assert sorted(file.suffix for file in receipts.iterdir()) == [".html", ".json"]

    assert release(settings, NIGHT, by_hand=True).status == "published"
    with connect(settings) as connection:
        check_figures(connection)


def check_figures(connection: psycopg.Connection) -> None:
    # September has 22 weekdays: 12 pupils × 22 × 5 lessons = 1320. Absent: 10 + 1.5 ill, 2.25 without leave, 5 with.
    row = connection.execute(
        """
        select pupils, scheduled_lessons, covered_lessons, absent_lessons from candidate.attendance_monthly
        where municipality = 'lapinlahti' and month = '2025-09-01' and grade_band = '7-9' and absence_class = 'all'
        """
    ).fetchone()
    assert row == (12, 1320, 1320, Decimal("18.75"))
    by_class = dict(
        connection.execute(
            """
            select absence_class, sum(lessons) from harmonised.absence
            where municipality = 'lapinlahti' group by absence_class
            """
        ).fetchall()
    )
    assert by_class == {"health": Decimal("11.5"), "unauthorised": Decimal("2.25"), "leave": 5}
    published = connection.execute(
        "select last_status, as_of is not null from reporting.data_status where municipality = 'lapinlahti'"
    ).fetchall()
    assert set(published) == {("accepted", True)}
