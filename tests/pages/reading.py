"""Reads the site back as a reader's program would, and holds it against the warehouse.

Numbers are written here by rules of their own, so that a mistake of the pages is not repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import psycopg
from bs4 import BeautifulSoup, Tag
from psycopg import sql
from psycopg.rows import dict_row

FRACTIONS = {"absence_rate", "coverage", "share", "share_started"}
LANGUAGES = ("fi", "en")
PAGES = ("index", "report", "quality", "dictionary")
WITHHELD = {"fi": "salattu", "en": "withheld"}


@dataclass(frozen=True)
class ShownCell:
    """A number of a page, and where it says it is from."""

    language: str
    table: str
    key: dict[str, str]
    column: str
    text: str


def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def all_pages(folder: Path) -> list[Path]:
    """Every page that is written by us."""
    return [folder / "index.html", *(folder / lang / f"{page}.html" for lang in LANGUAGES for page in PAGES)]


def shown_cells(page: BeautifulSoup, language: str) -> list[ShownCell]:
    """Every number; a mark beside one is no part of it."""
    return [
        ShownCell(
            language,
            str(cell["data-table"]),
            dict(part.split("=", 1) for part in str(cell["data-key"]).split(";")),
            str(cell["data-column"]),
            "".join(cell.find_all(string=True, recursive=False)),
        )
        for cell in page.select("td[data-table]")
    ]


def wrong_cells(connection: psycopg.Connection, cells: list[ShownCell]) -> list[str]:
    """What of the cells is not as the database has it: each is looked up by its own address."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return [problem for cell in cells if (problem := _problem(cursor, cell))]


def _problem(cursor: psycopg.Cursor[dict[str, Any]], cell: ShownCell) -> str:
    condition = sql.SQL(" and ").join(
        sql.SQL("{}::text = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in cell.key.items()
    )
    query = sql.SQL("select * from {} where {}").format(sql.Identifier("reporting", cell.table), condition)
    rows = cursor.execute(query).fetchall()
    if len(rows) > 1:
        return f"{cell}: {len(rows)} rows have this address"
    value = rows[0][cell.column] if rows else None
    if value is not None:
        wanted = written(cell.column, value, cell.language)
        return "" if cell.text == wanted else f"{cell}: the database has {wanted}"
    if any(letter.isdigit() for letter in cell.text):
        return f"{cell}: the database has no value"
    withheld = bool(rows) and rows[0]["suppressed"] and not rows[0].get("null_reason")
    if withheld and cell.text != WITHHELD[cell.language]:
        return f"{cell}: it is withheld"
    if (not rows or not rows[0]["suppressed"]) and cell.text == WITHHELD[cell.language]:
        return f"{cell}: nothing is withheld"
    return ""


def written(column: str, value: Any, language: str) -> str:
    """The number as the language writes it."""
    decimals = 1 if column in FRACTIONS or column == "mean_group_size" else 0
    number = Decimal(value) * (100 if column in FRACTIONS else 1)
    whole, _, rest = f"{number.quantize(Decimal(10) ** -decimals, ROUND_HALF_UP):.{decimals}f}".partition(".")
    groups = []
    while len(whole) > 3:
        whole, groups = whole[:-3], [whole[-3:], *groups]
    text = ("\u00a0" if language == "fi" else ",").join([whole, *groups])
    if rest:
        text += ("," if language == "fi" else ".") + rest
    if column in FRACTIONS:
        text += "\u00a0%" if language == "fi" else "%"
    return text


def broken_links(folder: Path) -> list[str]:
    """Links that lead out of the site, to no file, or to no place of a page."""
    parsed = {path: soup(path) for path in all_pages(folder)}
    anchors = {path: {str(one["id"]) for one in page.select("[id]")} for path, page in parsed.items()}
    problems = []
    for path, page in parsed.items():
        for link in page.select("[href], [src]"):
            address = str(link.get("href") or link.get("src"))
            file, _, fragment = address.partition("#")
            target = (path.parent / file).resolve() if file else path
            known = {one.resolve(): one for one in anchors}
            if ":" in address or not target.exists() or (fragment and fragment not in anchors[known[target.resolve()]]):
                problems.append(f"{path}: {address}")
    return problems


def double_ids(page: BeautifulSoup) -> list[str]:
    ids = [str(one["id"]) for one in page.select("[id]")]
    return sorted({one for one in ids if ids.count(one) > 1})


def headings(page: BeautifulSoup) -> Iterator[int]:
    for tag in page.find_all(["h1", "h2", "h3", "h4"]):
        assert isinstance(tag, Tag)
        yield int(tag.name[1])
