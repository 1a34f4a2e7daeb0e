"""What each municipality's codes mean is said in its folder and on docs/codes.md, cell by cell the same.

A failure asks for one of them to be mended: the page says what the source's people told, the folder is what counts.
"""

import csv
import re
from itertools import product

import pytest

from pipeline.settings import PROJECT_ROOT

PAGE = (PROJECT_ROOT / "docs" / "codes.md").read_text(encoding="utf-8")
TABLES = ("absence_codes", "support_codes", "mark_codes", "forms", "home_municipalities")
# Who looked at a row, and when, is the folder's business.
NOT_ON_THE_PAGE = ("reviewed_by", "reviewed_on")


def _said() -> dict[tuple[str, str], list[dict[str, str]]]:
    """The page's tables, by municipality and file: rows by column."""
    found = {}
    for municipality in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        for part in municipality.split("\n### ")[1:]:
            header, *rows = [
                [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line[:1] == "|"
            ]
            names = [re.findall(r"`(\w+)`", text.partition("\n")[0])[0] for text in (municipality, part)]
            found[names[0], names[1]] = [dict(zip(header, row, strict=True)) for row in rows[1:]]
    return found


SAID = _said()


@pytest.mark.parametrize(("municipality", "table"), SAID)
def test_the_folder_says_what_the_page_says(municipality: str, table: str) -> None:
    path = PROJECT_ROOT / "municipalities" / municipality / f"{table}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{k: v for k, v in row.items() if k not in NOT_ON_THE_PAGE} for row in csv.DictReader(file)]
    assert sorted(map(str, rows)) == sorted(map(str, SAID[municipality, table]))


def test_the_page_has_every_table_of_the_municipalities_on_it() -> None:
    municipalities = {municipality for municipality, _ in SAID}
    assert set(SAID) == set(product(municipalities, TABLES))
    assert municipalities >= {"kuopio", "siilinjarvi", "iisalmi", "varkaus"}
