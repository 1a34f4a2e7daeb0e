"""`tukiverkko municipality new` makes a folder that is not taken for ready before a person has filled it in."""

import shutil
from pathlib import Path

import pytest

from connectors.config import ConfigError, load_municipality
from pipeline.new_municipality import make_folder
from pipeline.settings import PROJECT_ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROJECT_ROOT / "municipalities", tmp_path / "municipalities"))


def test_the_new_folder_is_refused_until_it_is_filled_in(root: Path) -> None:
    folder = make_folder(root, "lapinlahti", "siilinjarvi")
    with pytest.raises(ConfigError, match="code"):
        load_municipality(folder)
    settings = folder / "municipality.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace('code: "FILL IN"', 'code: "402"'), encoding="utf-8"
    )
    municipality = load_municipality(folder)
    assert municipality.transport.kind == "rest"
    with pytest.raises(ConfigError, match=r"line 2.*reviewed"):
        _ = municipality.codes


def test_a_folder_that_is_there_stays(root: Path) -> None:
    with pytest.raises(FileExistsError):
        make_folder(root, "kuopio", "siilinjarvi")


@pytest.mark.parametrize("name", ["Lapinlahti", "lapin lahti", "../lapinlahti", "7lapinlahti", ""])
def test_a_name_that_no_folder_can_have_is_refused(root: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        make_folder(root, name, "kuopio")
