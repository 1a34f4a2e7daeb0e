"""Varkaus: one workbook."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date

from connectors.delivery import RawFile
from tests.connectors.samples import HETU_1, HETU_2, SHEET_HEADERS, hetu, workbook
from tests.corpus.model import (
    Change,
    Extract,
    Source,
    cell,
    copied,
    holds,
    lands,
    refuses,
    rejects,
)

SHEETS = {"enrolment": "Oppilaat", "absence": "Poissaolot", "support": "Tuki", "school_day": "Kalenteri"}
HANGING: dict[int, list[tuple[str, int]]] = {
    1: [("absence", 1), ("absence", 2), ("support", 1), ("support", 2)],
    2: [("absence", 3), ("support", 3)],
    3: [("absence", 4)],
}
FIRST, SECOND, THIRD = "vk-00000001", "vk-00000002", "vk-00000003"
START = date(2025, 8, 11)
RECORDS: dict[str, list[list[object]]] = {
    "enrolment": [
        [FIRST, HETU_1, "Könönpellon koulu", 5, "5A", "Varkaus", "perusopetus", START, None],
        [SECOND, HETU_2, "Könönpellon koulu", 5, "5B", "Kuopio", "perusopetus", "11.8.2025", None],
        [THIRD, None, "Lehtoniemen koulu", 3, "3A", "Varkaus", "jopo", START, date(2025, 9, 30)],
    ],
    "absence": [
        [FIRST, "syyskuu 2025", 6, "–", None, None],
        [FIRST, date(2025, 8, 1), 1.5, None, None, 2],
        [SECOND, "syyskuu 2025", None, None, 3, None],
        [THIRD, "syyskuu 2025", "2,5", None, None, None],
    ],
    "support": [
        [FIRST, "T", date(2024, 10, 1), date(2025, 7, 31), *[None] * 8],
        [FIRST, "P", "6.10.2025", None, "x", None, "X", *[None] * 5],
        [SECOND, "E", date(2024, 8, 8), None, *[None] * 6, "x", None],
    ],
    "school_day": [
        ["Könönpellon koulu", date(2025, 9, 1), 5, 5],
        ["Könönpellon koulu", "2.9.2025", 5, 4.5],
        ["Lehtoniemen koulu", date(2025, 9, 1), 3, 4],
    ],
}


def write(extract: Extract) -> dict[str, RawFile]:
    sheets = {sheet: [list(row.values()) for row in extract.rows[name]] for name, sheet in SHEETS.items()}
    content = workbook(sheets)
    # One file for all: what spoils it for one dataset spoils it for all.
    for spoil in extract.spoil.values():
        content = spoil(content)
    extract.spoil = {}
    return {dataset: RawFile(dataset, "Varkaus_2025-2026.xlsx", content) for dataset in SHEETS}


def extract() -> Extract:
    rows = {
        dataset: [dict(zip(SHEET_HEADERS[SHEETS[dataset]], row, strict=True)) for row in records]
        for dataset, records in RECORDS.items()
    }
    return Extract("varkaus", rows, write)


SOURCE = Source("varkaus", "Oppilasnro", HANGING)
case, bad, orphans = SOURCE.case, SOURCE.bad, SOURCE.orphans


def book(how: Callable[[bytes], bytes]) -> Change:
    """A change of the workbook's bytes."""

    def change(extract: Extract) -> None:
        extract.spoil["absence"] = how

    return change


def part(name: str, old: str, new: str | bytes) -> Change:
    """A change of one part of the workbook: a pattern's first match by a text, or the whole part by bytes."""

    def how(content: bytes) -> bytes:
        stream = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as source,
            zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target,
        ):
            assert name in source.namelist()
            for entry in source.namelist():
                text = source.read(entry)
                if entry == name:
                    text = new if isinstance(new, bytes) else changed(text.decode(), old, new).encode()
                target.writestr(entry, text)
        return stream.getvalue()

    return book(how)


def changed(text: str, old: str, new: str) -> str:
    result, count = re.subn(old, new, text, count=1)
    assert count == 1, old
    return result


def with_entry(name: str, content: bytes) -> Change:
    """Another entry in the zip."""

    def how(book: bytes) -> bytes:
        stream = io.BytesIO(book)
        with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        return stream.getvalue()

    return book(how)


def both(*changes: Change) -> Change:
    def change(extract: Extract) -> None:
        for one in changes:
            one(extract)

    return change


def appended(dataset: str, *values: object) -> Change:
    def change(extract: Extract) -> None:
        columns = list(extract.rows[dataset][0])
        extract.rows[dataset].append(dict(zip(columns, values, strict=True)))

    return change


def strangers(extract: Extract) -> None:
    """Thirty pupils of a school of Kuopio."""
    extract.rows["enrolment"] = [
        {
            **extract.rows["enrolment"][0],
            "Oppilasnro": f"xx-{n:08d}",
            "Hetu": hetu("040418", 930 + n),
            "Koulu": "Pyörön koulu",
        }
        for n in range(30)
    ]


def many_months(**values: object) -> Change:
    def change(extract: Extract) -> None:
        row = extract.rows["absence"][0]
        extract.rows["absence"] = [{**row, "Sairaus h": n, **values} for n in range(30)]

    return change


SICK = "Sairaus h"
POISSAOLOT = "xl/worksheets/sheet2.xml"
# Poissaolot's first record stands in row 5; column C holds Sairaus h.

CASES = [
    bad("hours in words", "absence", 1, SICK, "kuusi", "unparsable"),
    bad("hours below nought", "absence", 1, SICK, -1, "out_of_range"),
    bad("more hours than a month has", "absence", 1, SICK, 745, "out_of_range"),
    bad("a hyphen for the dash of nought", "absence", 1, SICK, "-", "unparsable"),
    bad("hours and a remark", "absence", 1, SICK, "6 (flunssa)", "unparsable"),
    bad("hours that Excel made a date of", "absence", 1, SICK, date(2025, 6, 5), "unparsable"),
    bad("yes for hours", "absence", 1, SICK, True, "unparsable"),
    case("hours in text with a point", cell("absence", 1, SICK, "6.5"), lands()),
    case("no hours at all", both(cell("absence", 1, SICK, None), cell("absence", 1, "Lupa h", None)), lands()),
    bad("a month without its year", "absence", 1, "Kuukausi", "syyskuu", "unparsable"),
    bad("a month in the partitive", "absence", 1, "Kuukausi", "syyskuuta 2025", "unparsable"),
    bad("a month with a short year", "absence", 1, "Kuukausi", "syyskuu 25", "unparsable"),
    bad("a month as Excel's number of days", "absence", 1, "Kuukausi", 45901, "unparsable"),
    bad("a month of last school year", "absence", 1, "Kuukausi", "toukokuu 2025", "outside_school_year"),
    bad("no month", "absence", 1, "Kuukausi", None, "required"),
    case("a month in capitals with two blanks", cell("absence", 1, "Kuukausi", "Syyskuu  2025"), lands()),
    bad("no pupil", "absence", 1, "Oppilasnro", None, "required"),
    bad("a pupil without enrolment", "absence", 1, "Oppilasnro", "vk-99999999", "unknown_pupil"),
    case("the same row twice", copied("absence", 1), rejects(("absence", 5, None, "duplicate"))),
    case(
        "a month with two rows",
        copied("absence", 1, **{SICK: 7}),
        holds("months_unique"),
    ),
    case(
        "a total row",
        appended("absence", "Yhteensä", None, 10, 0, 3, 2),
        lands(rows_in={"absence": 4}, non_data={"absence": 5}),
    ),
    case(
        "a total row of formulas that were never worked out",
        appended("absence", "Yhteensä", None, "=SUM(C5:C8)", "=SUM(D5:D8)", None, None),
        lands(rows_in={"absence": 4}, non_data={"absence": 5}),
    ),
    case(
        "a blank row in between",
        appended("absence", *[None] * 6),
        lands(rows_in={"absence": 4}),
    ),
    # Cells that hold no value
    bad("a formula that was never worked out", "absence", 1, SICK, "=2+4", "unreadable_cell"),
    bad("a formula that calls a program", "absence", 1, SICK, "=cmd|'/c calc'!A1", "unreadable_cell"),
    bad("a formula in the pupil's number", "absence", 1, "Oppilasnro", '="vk-"&"1"', "unreadable_cell"),
    bad("an error for hours", "absence", 1, SICK, "#N/A", "unreadable_cell"),
    bad("an error for a month", "absence", 1, "Kuukausi", "#REF!", "unreadable_cell"),
    bad("an error for the last day of support", "support", 2, "Päättyen", "#VALUE!", "unreadable_cell"),
    bad("an error for a school", "enrolment", 3, "Koulu", "#NAME?", "unreadable_cell", *orphans(3)),
    case(
        "a formula with its value",
        both(
            cell("absence", 1, SICK, "=2+4"),
            part(POISSAOLOT, r"(<f>2\+4</f>)(<v ?/>|<v></v>)", r"\1<v>6</v>"),
        ),
        lands(),
    ),
    # Pupils
    bad("a HETU with a wrong check character", "enrolment", 1, "Hetu", HETU_1[:-1] + "#", "invalid_hetu", *orphans(1)),
    case(
        "a school that the list does not have",
        cell("enrolment", 3, "Koulu", "Keskuskoulu"),
        rejects(("enrolment", 3, "Koulu", "unknown_school"), *orphans(3), unmapped=(("school", "(text, row 3)", 1),)),
    ),
    case("a school in capitals", cell("enrolment", 1, "Koulu", "KÖNÖNPELLON KOULU "), lands()),
    bad("a grade in words", "enrolment", 3, "Vuosiluokka", "3. lk", "unparsable", *orphans(3)),
    bad("grade nought", "enrolment", 3, "Vuosiluokka", 0, "out_of_range", *orphans(3)),
    bad("a first day that does not exist", "enrolment", 2, "Aloitti", "31.9.2025", "unparsable", *orphans(2)),
    bad("a first day with a short year", "enrolment", 2, "Aloitti", "11.8.25", "out_of_range", *orphans(2)),
    bad("no first day", "enrolment", 2, "Aloitti", None, "required", *orphans(2)),
    bad(
        "a last day before the first",
        "enrolment",
        3,
        "Lopetti",
        date(2025, 8, 1),
        "valid_to_before_valid_from",
        *orphans(3),
    ),
    bad("a name for the form of teaching", "enrolment", 3, "Opetusmuoto", "Virtanen", "not_a_code", *orphans(3)),
    # Support
    case(
        "a level that the folder does not know",
        cell("support", 1, "Taso", "X"),
        holds("codes_mapped", ("support", "X", 1)),
    ),
    bad("kyllä for a mark", "support", 2, "Pienryhmä", "kyllä", "unparsable"),
    bad("no start of support", "support", 2, "Alkaen", None, "required"),
    bad("support of a pupil without enrolment", "support", 2, "Oppilasnro", "vk-99999999", "unknown_pupil"),
    # School days
    bad("ninety-nine lessons", "school_day", 1, "Tunnit", 99, "out_of_range"),
    bad("a school day of another year", "school_day", 1, "Pvm", date(2024, 9, 2), "outside_school_year"),
    case(
        "a school day with two numbers of lessons",
        copied("school_day", 1, Tunnit=6),
        rejects(("school_day", 1, None, "conflicting_versions"), ("school_day", 4, None, "conflicting_versions")),
    ),
    # The workbook as a whole
    case("a workbook cut in half", book(lambda content: content[: len(content) // 2]), refuses("not_a_workbook")),
    case("an empty workbook file", book(lambda content: b""), refuses("not_a_workbook")),
    case("a sheet with another name", part("xl/workbook.xml", 'name="Tuki"', 'name="Tuet"'), refuses("sheet_missing")),
    case("a sheet that is no XML", part(POISSAOLOT, "", b"<worksheet><sheetData><row"), refuses("sheet_unreadable")),
    case(
        "a sheet without its header",
        part("xl/worksheets/sheet4.xml", "", b"<worksheet><sheetData/></worksheet>"),
        refuses("no_header"),
    ),
    case(
        "a cell in the last corner of a sheet",
        part(POISSAOLOT, "</sheetData>", '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'),
        refuses("sheet_too_large"),
    ),
    case(
        "a sheet of a gigabyte of noughts",
        with_entry("xl/media/image1.png", bytes(300_000_000)),
        refuses("unpacks_too_large"),
    ),
    case("a path out of the workbook", with_entry("../../../tmp/corpus-escaped", b"x"), lands()),
    case("an external link", with_entry("xl/externalLinks/externalLink1.xml", b"<externalLink/>"), lands()),
    case(
        "entities in entities",
        part(
            POISSAOLOT,
            r"<worksheet",
            '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
            "<worksheet",
        ),
        refuses("sheet_unreadable"),
    ),
    case("another municipality's pupils", strangers, refuses("wrong_municipality")),
    case(
        "every month of last year",
        many_months(Kuukausi="toukokuu 2025"),
        rejects(
            *(("absence", row, "Kuukausi", "outside_school_year") for row in range(1, 31)),
            held=frozenset({"rejected_limit"}),
        ),
    ),
]
