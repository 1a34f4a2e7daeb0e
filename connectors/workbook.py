"""A look at a workbook's own bytes before a library unpacks them: how large it becomes, and which cells hold no value.

The library reads an error (`#N/A`) and a formula whose result was never stored as an empty cell, and an empty cell
means something here (not reported); and it lays out the whole rectangle up to the last cell in memory.
"""

import io
import posixpath
import re
import zipfile
from dataclasses import dataclass
from xml.etree import ElementTree

# Twenty times the largest workbook of a municipality of this size.
MAX_UNPACKED_BYTES = 128 * 1024 * 1024
MAX_CELLS = 4_000_000

_PART = rb"(?:[\w.-]+:)?"
# A row's start, or a cell: (attributes of the row), (attributes of the cell), (what it holds).
_TOKEN = re.compile(
    rb"<" + _PART + rb"row\b([^>]*)>|<" + _PART + rb"c\b((?:[^>/]|/(?!>))*)(?:/>|>(.*?)</" + _PART + rb"c>)", re.DOTALL
)
_PLACE = re.compile(rb"""\br\s*=\s*["']([A-Z]{0,3})([0-9]{1,7})["']""")
_KIND = re.compile(rb"""\bt\s*=\s*["'](\w+)["']""")
_FORMULA = re.compile(rb"<" + _PART + rb"f\b")
_VALUE = re.compile(rb"<" + _PART + rb"(?:v|is)\b[^>]*[^/>]?>[^<]*[^<\s]|<" + _PART + rb"is\b")


class UnsafeWorkbook(Exception):
    """The workbook cannot be opened, or must not be. `code`: unpacks_too_large, sheet_too_large, sheet_unreadable or
    not_a_workbook."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Unreadable:
    """A cell that holds an error, or a formula without its result: row of the sheet from 1, column counted from the
    first one that holds anything, from 0."""

    row: int
    column: int


def unreadable_cells(content: bytes, sheet: str, limit: int = MAX_UNPACKED_BYTES) -> list[Unreadable]:
    """The cells of a sheet that hold an error or a formula without its result; [] when there is no such sheet.

    `limit`: bytes to which the whole workbook may unpack. Raises UnsafeWorkbook.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            if sum(part.file_size for part in book.infolist()) > limit:
                raise UnsafeWorkbook("unpacks_too_large")
            part = _part_of(book, sheet, limit)
            return [] if part is None else _scan(_read(book, part, limit))
    except (zipfile.BadZipFile, KeyError, ElementTree.ParseError, NotImplementedError, RuntimeError, EOFError, OSError):
        raise UnsafeWorkbook("not_a_workbook") from None
    except Exception as error:
        # zlib and its kin raise their own errors on bytes that are not theirs.
        raise error if isinstance(error, UnsafeWorkbook) else UnsafeWorkbook("not_a_workbook") from None


def _read(book: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A part's bytes, whatever size its header claims. No part of a workbook declares a document type: entities are
    how XML is made to explode."""
    with book.open(name) as stream:
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise UnsafeWorkbook("unpacks_too_large")
    if b"<!DOCTYPE" in content[:10_000]:
        raise UnsafeWorkbook("sheet_unreadable")
    return content


def _part_of(book: zipfile.ZipFile, sheet: str, limit: int) -> str | None:
    """The name of the part that holds the sheet."""
    workbook = ElementTree.fromstring(_read(book, "xl/workbook.xml", limit))
    relations = ElementTree.fromstring(_read(book, "xl/_rels/workbook.xml.rels", limit))
    targets = {one.get("Id"): one.get("Target", "") for one in relations}
    for one in workbook.iter():
        if one.tag.rpartition("}")[2] == "sheet" and one.get("name") == sheet:
            own = next((value for key, value in one.attrib.items() if key.endswith("}id")), None)
            return posixpath.normpath(posixpath.join("/xl", targets[own])).lstrip("/")
    return None


def _scan(content: bytes) -> list[Unreadable]:
    row = column = 0
    last_row = last_column = 0
    first_column: int | None = None
    found: list[tuple[int, int]] = []
    for match in _TOKEN.finditer(content):
        if match[1] is not None:
            place = _PLACE.search(match[1])
            row, column = int(place[2]) if place else row + 1, 0
            continue
        place = _PLACE.search(match[2])
        column = _number(place[1]) if place and place[1] else column + 1
        inside = match[3]
        if not inside:
            continue
        kind = _KIND.search(match[2])
        has_value = _VALUE.search(inside) is not None
        is_formula = _FORMULA.search(inside) is not None
        is_error = kind is not None and kind[1] == b"e"
        # A formula whose result is an empty text says so by its kind.
        lacks_value = is_formula and not has_value and not (kind is not None and kind[1] == b"str")
        if is_error or lacks_value:
            found.append((row, column))
        if has_value or is_formula:
            last_row, last_column = max(last_row, row), max(last_column, column)
            first_column = column if first_column is None else min(first_column, column)
            if last_row * last_column > MAX_CELLS:
                raise UnsafeWorkbook("sheet_too_large")
    return [Unreadable(one, place - (first_column or 1)) for one, place in found]


def _number(letters: bytes) -> int:
    """A column's number: A is 1."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
