"""`tukiverkko municipality new` makes a folder that is not taken for ready before a person has filled it in."""

import shutil
from pathlib import Path

import pytest

from connectors.config import RESERVED_NAMES, ConfigError, load_municipality, refuse_shared_code
from pipeline.keys import ensure_keys, pseudonym_keys
from pipeline.new_municipality import make_folder
from pipeline.settings import PROJECT_ROOT, Settings


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT_ROOT / "municipalities", tmp_path / "municipalities"))


def test_the_new_folder_is_refused_until_every_gap_is_filled(root: Path) -> None:
    folder = make_folder(root, "lapinlahti", "siilinjarvi")
    with pytest.raises(ConfigError, match="filled in"):
        load_municipality(folder)
    fill(folder, code="402")
    municipality = load_municipality(folder)
    assert municipality.transport.kind == "rest"
    with pytest.raises(ConfigError, match=r"line 2.*reviewed"):
        _ = municipality.codes


@pytest.mark.parametrize("name", ["archive", "regional", "region"])
def test_a_name_that_means_something_else_is_refused(root: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}/municipality.yaml.*no municipality can be named"):
        make_folder(root, name, "siilinjarvi")
    assert not (root / name).exists()
    # Nor is a folder taken that somebody copied by hand, and its key is nobody's.
    shutil.copytree(root / "siilinjarvi", root / name)
    with pytest.raises(ConfigError, match="no municipality can be named"):
        load_municipality(root / name)
    settings = Settings(home=root.parent, database_url=None, municipalities=root)
    ensure_keys(settings, ("siilinjarvi",))
    with pytest.raises(ConfigError, match="no municipality can be named"):
        pseudonym_keys(settings, name)
    assert {path.stem for path in settings.keys.iterdir()} <= {*RESERVED_NAMES, "siilinjarvi"}


def test_a_code_that_another_folder_has_is_refused(root: Path) -> None:
    folder = make_folder(root, "lapinlahti", "siilinjarvi")
    fill(folder, code="297")
    with pytest.raises(ConfigError, match="also that of kuopio"):
        refuse_shared_code(root, load_municipality(folder))


def test_a_crosswalk_that_says_two_things_for_one_day_is_refused(root: Path) -> None:
    codes = root / "iisalmi" / "absence_codes.csv"
    text = codes.read_text(encoding="utf-8")
    codes.write_text(text + "1,,unauthorised,2025-01-01,,Somebody,2026-01-01\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="for the same days"):
        _ = load_municipality(root / "iisalmi").codes


def fill(folder: Path, code: str) -> None:
    settings = folder / "municipality.yaml"
    text = settings.read_text(encoding="utf-8").replace('code: "FILL IN"', f'code: "{code}"')
    settings.write_text(text.replace("FILL IN", "Lapinlahti"), encoding="utf-8")


def test_a_folder_that_is_there_stays(root: Path) -> None:
    with pytest.raises(FileExistsError):
        make_folder(root, "kuopio", "siilinjarvi")


@pytest.mark.parametrize("name", ["Lapinlahti", "lapin lahti", "../lapinlahti", "7lapinlahti", ""])
def test_a_name_that_no_folder_can_have_is_refused(root: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        make_folder(root, name, "kuopio")
