"""Kuopio: CSV files."""

from typing import Any

from connectors.delivery import RawFile
from tests.connectors.samples import CSV_HEADERS, HETU_1, HETU_2, OID_1, OID_2, OID_3, hetu
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
    replaced,
    spoiled,
)

FILES = {
    "enrolment": "oppilaat.csv",
    "absence": "tuntimerkinnat.csv",
    "support": "tuki.csv",
    "school_day": "tyopaivat.csv",
}
ROWS = {
    "enrolment": [
        f"{OID_1};{HETU_1};07522;7;7A;297;PO;11.08.2025;",
        f"{OID_2};{HETU_2};07522;7;7B;174;PO;11.08.2025;",
        f"{OID_3};;07523;5;5A;297;JOPO;11.08.2025;10.10.2025",
    ],
    "absence": [
        f"1001;{OID_1};07522;06.10.2025;1;MA;S;;Ope;kyllä",
        f"1002;{OID_1};07522;06.10.2025;2;AI;LU;;Ope;ei",
        f"1003;{OID_2};07522;07.10.2025;3;EN;M;15;;",
        f"1004;{OID_3};07523;24.09.2025;9;LI;P;;;",
    ],
    "support": [
        f"{OID_1};TEHO;01.08.2024;31.07.2025;;;15.08.2024",
        f"{OID_1};TUPA;06.10.2025;;3;OPR,AVU;06.10.2025",
        f"{OID_2};ERIT;08.08.2024;;2;TUL;08.08.2024",
    ],
    "school_day": ["07522;06.10.2025;7;6", "07522;07.10.2025;7;5,5", "07523;24.09.2025;5;5"],
}
# Enrolment → what hangs on it, by the rows above.
HANGING: dict[int, list[tuple[str, int]]] = {
    1: [("absence", 1), ("absence", 2), ("support", 1), ("support", 2)],
    2: [("absence", 3), ("support", 3)],
    3: [("absence", 4)],
}
BOM = b"\xef\xbb\xbf"


def fields(line: str) -> list[str]:
    return line.split(";")


def write(extract: Extract) -> dict[str, RawFile]:
    files = {}
    for dataset, name in FILES.items():
        # A record is its fields by name, or a line as it stands.
        lines = [row if isinstance(row, str) else ";".join(row.values()) for row in extract.rows[dataset]]
        content = "\r\n".join([CSV_HEADERS[name], *lines, ""]).encode("utf-8-sig")
        files[dataset] = RawFile(dataset, name, content)
    return files


def extract() -> Extract:
    """The night of 14.10.2025: its window is 24.9. to 13.10."""
    rows: dict[str, list[Any]] = {
        dataset: [dict(zip(fields(CSV_HEADERS[name]), fields(line), strict=True)) for line in ROWS[dataset]]
        for dataset, name in FILES.items()
    }
    return Extract("kuopio", rows, write)


SOURCE = Source("kuopio", "Oppijanumero", HANGING)
case, bad, orphans = SOURCE.case, SOURCE.bad, SOURCE.orphans


def line(dataset: str, row: int, text: str) -> Change:
    """A record that is replaced by a line as it stands."""

    def change(extract: Extract) -> None:
        extract.rows[dataset][row - 1] = text

    return change


def added(dataset: str, *lines: str) -> Change:
    def change(extract: Extract) -> None:
        extract.rows[dataset].extend(lines)

    return change


def many(dataset: str, count: int, **values: str) -> Change:
    """Each record of a dataset so many times, with values that differ in the first column where they must."""

    def change(extract: Extract) -> None:
        base = extract.rows[dataset]
        rows = [{**base[n % len(base)], **values} for n in range(count)]
        if dataset == "absence":
            rows = [{**row, "Merkintänro": str(5000 + n)} for n, row in enumerate(rows)]
        if dataset == "school_day":
            rows = [{**row, "Pvm": f"{n + 1:02d}.{row['Pvm'][3:]}"} for n, row in enumerate(rows)]
        if dataset == "enrolment":
            rows = [{**row, "Luokka": f"7{n}"} for n, row in enumerate(rows)]
        extract.rows[dataset] = rows

    return change


def without_support(extract: Extract) -> None:
    written = extract.write

    def write(changed: Extract) -> dict[str, RawFile]:
        files = written(changed)
        del files["support"]
        return files

    extract.write = write


MARK = ROWS["absence"][0]
LONG = "x" * 1_000_000

CASES = [
    # Lesson marks, one value at a time
    bad("a day that does not exist", "absence", 1, "Pvm", "31.09.2025", "unparsable"),
    bad("a year of two digits", "absence", 1, "Pvm", "06.10.25", "out_of_range"),
    bad("a day in another style", "absence", 1, "Pvm", "2025-10-06", "unparsable"),
    bad("a day with a time", "absence", 1, "Pvm", "06.10.2025 08:15", "unparsable"),
    bad("a day in the American order", "absence", 1, "Pvm", "10.13.2025", "unparsable"),
    bad("no day", "absence", 1, "Pvm", "", "required"),
    bad("the day before the window", "absence", 4, "Pvm", "23.09.2025", "outside_window"),
    bad("the day of the delivery itself", "absence", 1, "Pvm", "14.10.2025", "outside_window"),
    bad("a day of last school year", "absence", 1, "Pvm", "06.10.2024", "outside_window"),
    bad("lesson nought", "absence", 1, "Tunti", "0", "out_of_range"),
    bad("lesson ten", "absence", 1, "Tunti", "10", "out_of_range"),
    bad("half a lesson number", "absence", 1, "Tunti", "1,5", "unparsable"),
    bad("a lesson number in words", "absence", 1, "Tunti", "eka", "unparsable"),
    bad("a lesson number of Arabic digits", "absence", 1, "Tunti", "٣", "unparsable"),
    bad("a lesson number beyond every integer", "absence", 1, "Tunti", "9" * 400, "unparsable"),
    bad("no lesson number", "absence", 1, "Tunti", " ", "required"),
    bad("no code", "absence", 1, "Merkintä", "", "required"),
    bad("a name instead of a code", "absence", 1, "Merkintä", "Aino Virtanen", "not_a_code"),
    bad("a NUL in a code", "absence", 1, "Merkintä", "S\0", "not_a_code"),
    bad("a code of a million characters", "absence", 1, "Merkintä", LONG, "not_a_code"),
    bad("minutes below nought", "absence", 3, "Kesto min", "-5", "out_of_range"),
    bad("more minutes than a day has", "absence", 3, "Kesto min", "1441", "out_of_range"),
    bad("minutes in words", "absence", 3, "Kesto min", "vartti", "unparsable"),
    bad("no learner id", "absence", 1, "Oppijanumero", "", "required"),
    bad("a short learner id", "absence", 1, "Oppijanumero", "1.2.246.562.98.1", "invalid_oppijanumero"),
    bad("a HETU for a learner id", "absence", 1, "Oppijanumero", HETU_1, "invalid_oppijanumero"),
    bad("a pupil without enrolment", "absence", 1, "Oppijanumero", "1.2.246.562.98.10000000009", "unknown_pupil"),
    case(
        "a code that the folder does not know",
        cell("absence", 1, "Merkintä", "ZZ"),
        holds("codes_mapped", ("absence", "ZZ", 1)),
    ),
    case(
        "a known code in small letters",
        cell("absence", 1, "Merkintä", "s"),
        holds("codes_mapped", ("absence", "s", 1)),
    ),
    case("blanks around a code", cell("absence", 1, "Merkintä", " S "), lands()),
    case("prose in a column that is not read", cell("absence", 1, "Selvittäjä", "Aino soitti äidille"), lands()),
    case("a NUL in a column that is not read", cell("absence", 1, "Selvittäjä", "\0"), lands()),
    case("ten million characters that are not read", cell("absence", 1, "Selvittäjä", LONG * 10), lands()),
    case("prose in the clearing flag", cell("absence", 1, "Selvitetty", "Aino soitti"), lands()),
    case(
        "a mark that came twice",
        copied("absence", 1),
        rejects(("absence", 5, None, "duplicate")),
    ),
    case("two teachers' marks of one lesson", copied("absence", 1, Merkintänro="1005", Merkintä="LU"), lands()),
    # Lines that are no records
    case("a line cut short", line("absence", 2, f"1002;{OID_1};07522"), rejects(("absence", 2, None, "ragged_row"))),
    case("a line with a field too many", line("absence", 2, f"{MARK};x"), rejects(("absence", 2, None, "ragged_row"))),
    case(
        "a quote that never closes",
        line("absence", 2, f'1002;{OID_1};07522;06.10.2025;2;"AI;LU;;Ope;ei'),
        rejects(("absence", 2, None, "ragged_row")),
    ),
    case(
        "a quote in the middle of a field",
        cell("absence", 1, "Aine", 'MA "laaja"'),
        lands(),
    ),
    case("a delimiter inside quotes", cell("absence", 1, "Aine", '"MA;S"'), lands()),
    case("a line break inside quotes", cell("absence", 1, "Selvittäjä", '"Ope\r\nToinen"'), lands()),
    case("blank lines", added("absence", "", ";;;;;;;;;"), lands(rows_in={"absence": 4}, non_data={"absence": 3})),
    case(
        "the header once more in mid-file",
        added("absence", CSV_HEADERS["tuntimerkinnat.csv"]),
        rejects(("absence", 5, "Oppijanumero", "invalid_oppijanumero")),
    ),
    case(
        "a total row that nobody agreed on",
        added("absence", "Yhteensä;;;;4;;;;;"),
        rejects(("absence", 5, "Oppijanumero", "required")),
    ),
    # Enrolments
    bad(
        "a HETU with a wrong check character",
        "enrolment",
        1,
        "Henkilötunnus",
        f"{HETU_1[:-1]}#",
        "invalid_hetu",
        *orphans(1),
    ),
    bad("a HETU of 30 February", "enrolment", 1, "Henkilötunnus", hetu("300215", 901), "invalid_hetu", *orphans(1)),
    case("no HETU", cell("enrolment", 1, "Henkilötunnus", ""), lands()),
    case("a HETU in small letters", cell("enrolment", 1, "Henkilötunnus", HETU_1.lower()), lands()),
    case(
        "an enrolment without a readable learner id",
        cell("enrolment", 1, "Oppijanumero", "1.2.246"),
        # What has ended before the school year may be of a pupil who has left.
        rejects(
            ("enrolment", 1, "Oppijanumero", "invalid_oppijanumero"),
            ("absence", 1, "Oppijanumero", "unknown_pupil"),
            ("absence", 2, "Oppijanumero", "unknown_pupil"),
            ("support", 2, "Oppijanumero", "unknown_pupil"),
        ),
    ),
    bad("grade nought", "enrolment", 1, "Luokka-aste", "0", "out_of_range", *orphans(1)),
    bad("grade ten", "enrolment", 2, "Luokka-aste", "10", "out_of_range", *orphans(2)),
    bad("a grade in words", "enrolment", 2, "Luokka-aste", "7. lk", "unparsable", *orphans(2)),
    case("no grade", cell("enrolment", 1, "Luokka-aste", ""), lands()),
    bad("no school", "enrolment", 3, "Koulunro", "", "required", *orphans(3)),
    case(
        "a school by a name that the list does not have",
        cell("enrolment", 3, "Koulunro", "Hatsala"),
        rejects(
            ("enrolment", 3, "Koulunro", "unknown_school"), *orphans(3), unmapped=(("school", "(text, row 3)", 1),)
        ),
    ),
    case(
        "a school number that the list does not have",
        cell("enrolment", 3, "Koulunro", "09999"),
        holds("schools_known", ("school", "09999", 1)),
    ),
    case("a school number without its nought", cell("enrolment", 1, "Koulunro", "7522"), lands()),
    bad("no form of teaching", "enrolment", 3, "Opetusmuoto", "", "required", *orphans(3)),
    case(
        "a form of teaching that the folder does not know",
        cell("enrolment", 3, "Opetusmuoto", "ETÄ"),
        holds(
            "codes_mapped",
            ("form", "(text, row 3)", 1),
            rejected=(("enrolment", 3, "Opetusmuoto", "not_a_code"), *orphans(3)),
        ),
    ),
    case(
        "a short form of teaching that the folder does not know",
        cell("enrolment", 3, "Opetusmuoto", "E2"),
        holds("codes_mapped", ("form", "E2", 1)),
    ),
    case(
        "a home municipality that does not exist",
        cell("enrolment", 3, "Kotikunta", "Narnia"),
        lands(unmapped=(("home_municipality", "(text, row 3)", 1),)),
    ),
    case(
        "an identity code as a class",
        cell("enrolment", 1, "Luokka", HETU_1),
        lands(findings=(("class_name_unread", 1),)),
    ),
    bad("no first day", "enrolment", 2, "Alkupvm", "", "required", *orphans(2)),
    bad(
        "a first day after the school year", "enrolment", 2, "Alkupvm", "01.08.2026", "outside_school_year", *orphans(2)
    ),
    case(
        "a last day before the first",
        cell("enrolment", 3, "Loppupvm", "10.08.2025"),
        rejects(("enrolment", 3, "Loppupvm", "valid_to_before_valid_from"), *orphans(3)),
    ),
    case("an enrolment that came twice", copied("enrolment", 1), rejects(("enrolment", 4, None, "duplicate"))),
    # Support
    bad("a placement of six", "support", 2, "Toteutuspaikka", "6", "out_of_range"),
    bad("a placement in words", "support", 2, "Toteutuspaikka", "luokassa", "unparsable"),
    bad("no start of support", "support", 2, "Alkupvm", "", "required"),
    bad("a start of support that is no day", "support", 3, "Alkupvm", "00.00.0000", "unparsable"),
    bad("support that ends before it starts", "support", 2, "Loppupvm", "05.10.2025", "valid_to_before_valid_from"),
    bad("a name among the measures", "support", 2, "Tukitoimet", "OPR,Aino Virtanen", "not_a_code"),
    bad(
        "support of a pupil without enrolment",
        "support",
        2,
        "Oppijanumero",
        "1.2.246.562.98.10000000009",
        "unknown_pupil",
    ),
    case("measures without a level", cell("support", 2, "Tuki", ""), lands()),
    case(
        "a level that the folder does not know",
        cell("support", 2, "Tuki", "TUPA-X"),
        holds(
            "codes_mapped",
            ("support", "(text, row 2)", 1),
            rejected=(("support", 2, "Tuki", "not_a_code"),),
        ),
    ),
    case(
        "a measure that the folder does not know",
        cell("support", 2, "Tukitoimet", "OPR,ZZ"),
        holds("marks_mapped", ("mark", "ZZ", 1)),
    ),
    # School days
    bad("a school day before the school year", "school_day", 1, "Pvm", "31.07.2025", "outside_school_year"),
    bad("a school day after the school year", "school_day", 1, "Pvm", "01.08.2026", "outside_school_year"),
    bad("thirteen lessons", "school_day", 1, "Oppitunnit", "13", "out_of_range"),
    bad("lessons below nought", "school_day", 1, "Oppitunnit", "-1", "out_of_range"),
    bad("lessons with a point", "school_day", 1, "Oppitunnit", "5.5", "unparsable"),
    bad("no lessons", "school_day", 1, "Oppitunnit", "", "required"),
    case(
        "a school day with two numbers of lessons",
        copied("school_day", 1, Oppitunnit="5"),
        rejects(
            ("school_day", 1, None, "conflicting_versions"),
            ("school_day", 4, None, "conflicting_versions"),
        ),
    ),
    # Whole files
    case("no byte order mark", replaced("absence", (BOM, b"")), lands()),
    case("line ends of Unix", replaced("absence", (b"\r\n", b"\n")), lands()),
    case("line ends of an old Mac", replaced("absence", (b"\r\n", b"\r")), refuses("wrong_line_ends")),
    # Its last column is not read, so that every column that is would be found in the one long line.
    case("line ends of an old Mac in support", replaced("support", (b"\r\n", b"\r")), refuses("wrong_line_ends")),
    case("no line end at the end", spoiled("absence", lambda content: content.removesuffix(b"\r\n")), lands()),
    case("an empty file", spoiled("absence", lambda content: b""), refuses("no_header")),
    case(
        "a file of a header only",
        spoiled("absence", lambda content: content.split(b"\r\n")[0] + b"\r\n"),
        lands(rows_in={"absence": 0}),
    ),
    case(
        "a file cut in mid-record",
        spoiled("absence", lambda content: content[: content.index(b"24.09")]),
        rejects(("absence", 4, None, "ragged_row")),
    ),
    case("Latin-1", spoiled("enrolment", lambda c: c.decode("utf-8-sig").encode("latin-1")), refuses("wrong_encoding")),
    case("UTF-16", spoiled("enrolment", lambda c: c.decode("utf-8-sig").encode("utf-16")), refuses("wrong_encoding")),
    case("one line of Latin-1 among UTF-8", replaced("absence", (b";ei", b";\xe4i")), refuses("wrong_encoding")),
    case("commas for semicolons", replaced("support", (b";", b",")), refuses("missing_column")),
    case(
        "a column with another name",
        replaced("enrolment", ("Henkilötunnus".encode(), b"Hetu")),
        refuses("missing_column"),
    ),
    case("a column twice", replaced("enrolment", (b"Loppupvm", b"Loppupvm;Luokka")), refuses("column_twice")),
    case("a column more", replaced("support", (b"\r\n", b";x\r\n"), (b"vm;x", b"vm;Lis")), lands()),
    case(
        "another dataset's file",
        spoiled("support", lambda _: ("\r\n".join(ROWS["absence"])).encode()),
        refuses("missing_column"),
    ),
    case(
        "a header of a million characters",
        replaced("support", (b"Tukitoimet", b"x" * 1_000_000)),
        refuses("missing_column"),
    ),
    case(
        "a quote in the header that never closes",
        replaced("support", (b"Oppijanumero", b'"Oppijanumero')),
        refuses("missing_column"),
    ),
    case("nothing but NUL bytes", spoiled("support", lambda content: bytes(len(content))), refuses("missing_column")),
    case(
        "a picture", spoiled("support", lambda _: b"\x89PNG\r\n\x1a\n" + bytes(range(256))), refuses("wrong_encoding")
    ),
    case(
        "every date in another style",
        many("absence", 30, Pvm="2025-10-06"),
        rejects(*(("absence", row, "Pvm", "unparsable") for row in range(1, 31)), held=frozenset({"rejected_limit"})),
    ),
    case(
        "the school days of another year",
        many("school_day", 30, Pvm="06.10.2024"),
        rejects(
            *(("school_day", row, "Pvm", "outside_school_year") for row in range(1, 31)),
            held=frozenset({"rejected_limit"}),
        ),
    ),
    case("another municipality's pupils", many("enrolment", 30, Koulunro="07735"), refuses("wrong_municipality")),
    case(
        "ten times the same data",
        lambda extract: extract.rows.update(school_day=extract.rows["school_day"] * 10),
        rejects(*(("school_day", row, None, "duplicate") for row in range(4, 31))),
    ),
    case("no support file", without_support, refuses("dataset_missing")),
]
