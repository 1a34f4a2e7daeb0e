"""A municipality's folder: the four of the region, a fifth made of other parts, and what is told of mistakes."""

import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

from connectors import parsing, transports
from connectors.check import check_delivery
from connectors.config import (
    CROSSWALK_FILES,
    TRANSPORT_KEYS,
    ConfigError,
    load_municipalities,
    load_municipality,
)
from connectors.contract import check_mapping
from connectors.delivery import RawFile
from tests.connectors.samples import HETU_1, KEYS, ROOT, delivery, ndjson

FOLDERS = ROOT / "municipalities"


def test_the_four_municipalities_fit_the_contracts() -> None:
    municipalities = load_municipalities(FOLDERS)
    assert [(one.name, one.code, one.absence_grain, one.transport.kind) for one in municipalities] == [
        ("iisalmi", "140", "day", "sql"),
        ("kuopio", "297", "lesson", "sftp"),
        ("siilinjarvi", "749", "interval", "rest"),
        ("varkaus", "915", "month", "share"),
    ]
    for one in municipalities:
        check_mapping(one)
    assert [len(one.codes.schools) for one in municipalities] == [8, 20, 9, 7]


def test_the_transports_say_what_each_key_means() -> None:
    paragraphs = {text.partition(":")[0]: text for text in (transports.__doc__ or "").split("\n\n")}
    for kind, names in TRANSPORT_KEYS.items():
        missing = [name for name in names if f"`{name}`" not in paragraphs["All"] + paragraphs[kind]]
        assert missing == [], kind


@pytest.mark.parametrize("name", ["iisalmi", "kuopio", "siilinjarvi", "varkaus"])
def test_crosswalks_have_no_line_twice_and_every_line_a_reviewer(name: str) -> None:
    codes = load_municipality(FOLDERS / name).codes
    keys = [
        [("school", one.source_value) for one in codes.schools],
        [("absence", one.source_code, one.cleared) for one in codes.absence],
        [("support", one.support_code) for one in codes.support],
        [("mark", one.source_code) for one in codes.marks],
        [("form", one.source_code) for one in codes.forms],
        [("home", one.source_value) for one in codes.home_municipalities],
    ]
    for part in keys:
        assert part
        assert len(part) == len(set(part))
    assert {one.reviewed_by for one in codes.absence} == {"Tukiverkko, aluetiimi"}


def test_typed_support_texts_are_kept_in_their_normal_form() -> None:
    for one in load_municipalities(FOLDERS):
        if one.datasets["support"].support_typed:
            texts = [code.support_code for code in one.codes.support]
            assert [parsing.normalise_typed(text) for text in texts] == texts


def test_iisalmis_nine_is_accepted_only_when_it_was_cleared() -> None:
    codes = load_municipality(FOLDERS / "iisalmi").codes.absence
    assert [(one.cleared, one.absence_class) for one in codes if one.source_code == "9"] == [
        ("K", "other_accepted"),
        (None, "unclarified"),
    ]


def test_names_of_persons_are_never_asked_for() -> None:
    columns = {c for one in load_municipalities(FOLDERS) for d in one.datasets.values() for c in d.source_columns}
    assert columns & {"nimi", "Nimi", "Selvittäjä"} == set()


def test_the_previous_years_workbook_is_read_until_the_end_of_august() -> None:
    varkaus = load_municipality(FOLDERS / "varkaus")
    assert varkaus.school_years(date(2025, 7, 31)) == (2024,)
    assert varkaus.school_years(date(2025, 8, 1)) == (2025, 2024)
    assert varkaus.school_years(date(2025, 8, 31)) == (2025, 2024)
    assert varkaus.school_years(date(2025, 9, 1)) == (2025,)
    assert varkaus.datasets["absence"].source_name(2025, date(2025, 9, 1)) == "Varkaus_2025-2026.xlsx"
    assert load_municipality(FOLDERS / "kuopio").school_years(date(2025, 8, 1)) == (2025,)


def test_a_municipality_survives_a_worker_process() -> None:
    for one in load_municipalities(FOLDERS):
        assert pickle.loads(pickle.dumps(one)) == one


def test_reading_folders_imports_nothing_heavy() -> None:
    code = (
        "import sys, connectors.config, connectors.delivery\n"
        "print([m for m in ('polars', 'pandas', 'dbt', 'great_expectations', 'numpy', 'pyarrow') if m in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert told.stdout.strip() == "[]"


def copy_of(tmp_path: Path, name: str = "kuopio") -> Path:
    return Path(shutil.copytree(FOLDERS / name, tmp_path / name))


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("file", "change", "told"),
    [
        (
            "municipality.yaml",
            replaced('code: "297"', "code: 297"),
            "kuopio/municipality.yaml: line 2, code: must",
        ),
        (
            "municipality.yaml",
            replaced("kind: sftp", "kind: ftp"),
            "line 10, transport.kind: is 'ftp', must be",
        ),
        ("municipality.yaml", replaced("extent: window", "extent: some"), "datasets.absence.extent: is 'some'"),
        ("municipality.yaml", replaced("  support:\n", "  supports:\n"), "line 20, datasets.support: is missing"),
        (
            "municipality.yaml",
            replaced("window_days: 20", "windowdays: 20"),
            "line 39, datasets.absence.windowdays: is",
        ),
        ("municipality.yaml", replaced("transport:", "transport: ["), "line "),
        ("municipality.yaml", replaced("      lesson: Tunti\n", ""), "datasets.absence.columns.lesson: is missing"),
        (
            "municipality.yaml",
            replaced("lesson: Tunti", "leson: Tunti"),
            "columns.leson: is not a field of absence_lesson",
        ),
        (
            "municipality.yaml",
            replaced("folder: /", "foldr: /"),
            "line 11, transport.foldr: is no key of sftp",
        ),
        (
            "municipality.yaml",
            replaced("kind: csv", "kind: rows"),
            "line 21, datasets.enrolment: sftp brings csv,",
        ),
        ("municipality.yaml", replaced("oppilaat.csv", "o{x}.csv"), "datasets.enrolment.source: may hold"),
        ("absence_codes.csv", replaced("S,,health", "S,,ill"), "absence_codes.csv: line 2, absence_class: is 'ill'"),
        ("absence_codes.csv", replaced("2025-08-01", "1.8.2025"), "line 2, reviewed_on: must be a date"),
        ("schools.csv", replaced("07522", "7522"), "schools.csv: line 2, school_number: must be five digits"),
        ("support_codes.csv", replaced("extended", "longer"), "support_codes.csv: line 4, implies_marks: 'longer'"),
        ("forms.csv", replaced("source_code,form", "code,form"), "forms.csv: line 1: must be source_code,form"),
        ("mark_codes.csv", replaced("OPR,", "OPR,x,"), "mark_codes.csv: line 2: has 7 values, not 6"),
        ("home_municipalities.csv", replaced("297,297", "297,Kuopio"), "line 2, municipality_code: must be three"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, file: str, change: Callable[[str], str], told: str) -> None:
    folder = copy_of(tmp_path)
    path = folder / file
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        _ = load_all(folder)
    assert told in str(error.value)


def load_all(folder: Path) -> object:
    municipality = load_municipality(folder)
    check_mapping(municipality)
    return municipality.codes


@pytest.mark.parametrize("file", CROSSWALK_FILES)
def test_a_missing_crosswalk_is_told(tmp_path: Path, file: str) -> None:
    folder = copy_of(tmp_path)
    (folder / file).unlink()
    with pytest.raises(ConfigError, match=rf"kuopio/{file}: \(file\): is missing"):
        load_all(folder)


def test_two_folders_of_one_municipality_are_a_mistake(tmp_path: Path) -> None:
    copy_of(tmp_path)
    shutil.copytree(FOLDERS / "kuopio", tmp_path / "kuopio2")
    with pytest.raises(ConfigError, match="is also that of kuopio"):
        load_municipalities(tmp_path)


def test_a_fifth_municipality_needs_no_code(tmp_path: Path) -> None:
    """REST transport, day grain, decimal comma, American dates, `Y`/`N`, own codes: configuration only."""
    folder = copy_of(tmp_path, "iisalmi").rename(tmp_path / "lapinlahti")
    path = folder / "municipality.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config |= {"code": "402", "pupil_id": "local", "format": {"kind": "json"}}
    config["transport"] = yaml.safe_load((FOLDERS / "siilinjarvi/municipality.yaml").read_text())["transport"]
    config["style"] = {
        "dates": ["%m/%d/%Y"],
        "timestamps": ["%d.%m.%Y %H:%M"],
        "decimal": ",",
        "true": ["Y"],
        "false": ["N"],
    }
    absence = config["datasets"]["absence"]
    absence["source"] = "absence-days"
    absence["columns"] |= {"pupil_id": "child", "day": "when"}
    config["datasets"]["enrolment"]["columns"]["pupil_id"] = "child"
    config["datasets"]["support"]["columns"]["pupil_id"] = "child"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    codes = folder / "absence_codes.csv"
    codes.write_text(codes.read_text().replace("1,,health", "FLU,,health"), encoding="utf-8")

    lapinlahti = load_municipality(folder)
    pupils = [
        {
            "child": "c-00000001",
            "hetu": HETU_1,
            "koulunro": "5994",
            "luokka_aste": 3,
            "luokka": "3A",
            "kotikunta": "402",
            "opetusmuoto": "perusopetus",
            "alku": "08/11/2025",
            "loppu": None,
            "muutettu": "11.08.2025 09:30",
        }
    ]
    absences = [
        {
            "poissaolo_id": "a",
            "child": "c-00000001",
            "when": "10/06/2025",
            "tunnit": "1,5",
            "syy": "FLU",
            "hyvaksytty": "K",
            "poistettu": "N",
            "muutettu": "06.10.2025 16:00",
        }
    ]
    raw = delivery(
        "lapinlahti",
        [
            RawFile("enrolment", "a", ndjson(pupils)),
            RawFile("absence", "b", ndjson(absences)),
            RawFile("support", "c", b""),
            RawFile("school_day", "d", b""),
        ],
    )
    checked = check_delivery(raw, lapinlahti, KEYS).datasets
    assert checked["enrolment"].rows_landed == 1
    part = checked["absence"]
    assert part.unmapped == []
    assert [str(value) for value in part.frame.drop("record_key", "pupil_ref").row(0)] == [
        *("1", "2025-10-06", "1.5000", "FLU", "K", "False", "2025-10-06 13:00:00+00:00"),
    ]
