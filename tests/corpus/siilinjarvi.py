"""Siilinjärvi: items of a REST service, as its transport hands them over (a JSON object a line)."""

import json

from connectors.delivery import RawFile
from tests.connectors.samples import HETU_1, HETU_2, HETU_3, interval, student, support_period
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
    setting,
    spoiled,
)

FILES = {
    "enrolment": "students.ndjson",
    "absence": "absences.ndjson",
    "support": "support-periods.ndjson",
    "school_day": "school-days.ndjson",
}
HANGING: dict[int, list[tuple[str, int]]] = {
    1: [("absence", 1), ("absence", 2), ("support", 1), ("support", 2)],
    2: [("absence", 3), ("support", 3)],
    # The fourth absence is a tombstone: it says that something is gone, of whomever.
    3: [],
}


def day(**changes: object) -> dict[str, object]:
    return {
        "schoolNumber": "07735",
        "date": "2025-10-06",
        "grade": 7,
        "lessons": 6,
        "dayStart": "08:15",
        "slotMinutes": 60,
        **changes,
    }


def write(extract: Extract) -> dict[str, RawFile]:
    files = {}
    for dataset, name in FILES.items():
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in extract.rows[dataset]]
        files[dataset] = RawFile(dataset, name, "".join(line + "\n" for line in lines).encode())
    return files


def extract() -> Extract:
    rows = {
        "enrolment": [
            student(id="student-0001", personId=HETU_1),
            student(id="student-0002", personId=HETU_2, className="7B"),
            student(id="student-0003", personId=HETU_3, schoolNumber="07736", grade=5, endDate="2025-09-30"),
        ],
        "absence": [
            interval(),
            interval(**{"id": "absence-0002", "from": "2025-10-07T08:15:00+03:00", "to": "2025-10-09T09:15:00+03:00"}),
            interval(id="absence-0003", studentId="student-0002", to=None, type="UNAUTH"),
            dict.fromkeys(interval())
            | {"id": "absence-0004", "deleted": True, "updatedAt": "2025-10-08T08:00:00+03:00"},
        ],
        "support": [
            support_period(scheme="2011", kind="INTENSIFIED", start="2024-10-01", end="2025-07-31"),
            support_period(id="support-0002", measures=["SMALL_GROUP", "AIDS"]),
            support_period(
                id="support-0003",
                studentId="student-0002",
                scheme="2011",
                kind="SPECIAL",
                start="2024-08-08",
                placement=2,
                extended=True,
            ),
        ],
        "school_day": [day(), day(date="2025-10-07", lessons="5.5"), day(schoolNumber="07736", grade=5, lessons=5)],
    }
    return Extract("siilinjarvi", rows, write)


SOURCE = Source("siilinjarvi", "studentId", HANGING)
case, bad, orphans = SOURCE.case, SOURCE.bad, SOURCE.orphans


def without(dataset: str, row: int, column: str) -> Change:
    def change(extract: Extract) -> None:
        del extract.rows[dataset][row - 1][column]

    return change


def all_without(dataset: str, column: str) -> Change:
    def change(extract: Extract) -> None:
        for row in extract.rows[dataset]:
            row.pop(column)

    return change


def many(dataset: str, count: int, **values: object) -> Change:
    def change(extract: Extract) -> None:
        base = extract.rows[dataset]
        extract.rows[dataset] = [{**base[n % 3], "id": f"many-{n:08d}", **values} for n in range(count)]

    return change


def raw_line(dataset: str, text: str) -> Change:
    def change(extract: Extract) -> None:
        extract.rows[dataset].append(text)

    return change


UPDATED = "2025-10-06T13:00:00+03:00"
LATER = "2025-10-06T13:00:01+03:00"

CASES = [
    bad("an absence that ends before it starts", "absence", 1, "to", "2025-10-06T09:15:00+03:00", "ends_before_starts"),
    case("an absence that ends as it starts", cell("absence", 1, "to", "2025-10-06T10:15:00+03:00"), lands()),
    case("a time without offset", cell("absence", 1, "from", "2025-10-06T10:15:00"), lands()),
    case("a time without offset in the doubled hour", cell("absence", 3, "from", "2025-10-26T03:30:00"), lands()),
    bad("a time without offset that a clock change skips", "absence", 3, "from", "2026-03-29T03:30:00", "unparsable"),
    bad("a day instead of a time", "absence", 1, "from", "2025-10-06", "unparsable"),
    bad("a time in the Finnish style", "absence", 1, "from", "6.10.2025 klo 10.15", "unparsable"),
    bad("hour 25", "absence", 1, "to", "2025-10-06T25:00:00+03:00", "unparsable"),
    bad("a number of seconds for a time", "absence", 1, "from", 1759734900, "unparsable"),
    bad("the year 25", "absence", 1, "from", "0025-10-06T10:15:00+03:00", "out_of_range"),
    bad("no start", "absence", 1, "from", None, "required"),
    case(
        "a start that is not there at all", without("absence", 1, "from"), rejects(("absence", 1, "from", "required"))
    ),
    bad("no type", "absence", 1, "type", None, "required"),
    bad("a name for a type", "absence", 1, "type", "Virtanen", "not_a_code"),
    bad("a NUL in a type", "absence", 1, "type", "SI\0CK", "not_a_code"),
    case(
        "a type that the folder does not know",
        cell("absence", 1, "type", "FLU"),
        holds(
            "codes_mapped",
            ("absence", "(text, row 1)", 1),
            rejected=(("absence", 1, "type", "not_a_code"),),
        ),
    ),
    bad("no id", "absence", 1, "id", None, "required"),
    bad("an empty id", "absence", 1, "id", " ", "required"),
    bad("no student", "absence", 1, "studentId", None, "required"),
    bad("a student without enrolment", "absence", 1, "studentId", "student-0009", "unknown_pupil"),
    bad("deleted, perhaps", "absence", 1, "deleted", "maybe", "unparsable"),
    case("a null for deleted", cell("absence", 1, "deleted", None), lands()),
    bad("an update at no time", "absence", 1, "updatedAt", "yesterday", "unparsable"),
    case("a tombstone without its id", cell("absence", 4, "id", None), rejects(("absence", 4, "id", "required"))),
    case("a tombstone with nonsense beside its id", setting("absence", 4, type="Aino Virtanen", to="?"), lands()),
    case(
        "an older version of an absence",
        copied("absence", 1, updatedAt="2025-10-06T12:59:59+03:00", type="LEAVE"),
        rejects(("absence", 5, None, "superseded")),
    ),
    case(
        "a newer version of an absence",
        copied("absence", 1, updatedAt=LATER, type="LEAVE"),
        rejects(("absence", 1, None, "superseded")),
    ),
    case(
        "two contents of one version",
        copied("absence", 1, type="LEAVE"),
        rejects(("absence", 1, None, "conflicting_versions"), ("absence", 5, None, "conflicting_versions")),
    ),
    case(
        "alive and gone at the same moment",
        copied("absence", 1, deleted=True),
        rejects(("absence", 1, None, "conflicting_versions"), ("absence", 5, None, "conflicting_versions")),
    ),
    case(
        "the same item twice",
        copied("absence", 1),
        lands(rows_in={"absence": 4}, findings=(("repeated_items", 1),)),
    ),
    bad("a whole number beyond every column", "enrolment", 2, "grade", 10**30, "unparsable", *orphans(2)),
    bad("half a grade", "enrolment", 2, "grade", "7.5", "unparsable", *orphans(2)),
    bad("true for a grade", "enrolment", 2, "grade", True, "unparsable", *orphans(2)),
    bad("grade twelve", "enrolment", 2, "grade", 12, "out_of_range", *orphans(2)),
    case("a grade as text", cell("enrolment", 2, "grade", "7"), lands()),
    bad(
        "a HETU with a wrong check character",
        "enrolment",
        1,
        "personId",
        HETU_1[:-1] + "#",
        "invalid_hetu",
        *orphans(1),
    ),
    case("no HETU", cell("enrolment", 1, "personId", None), lands()),
    bad("a first day with a time", "enrolment", 2, "startDate", "2025-08-11T00:00:00", "unparsable", *orphans(2)),
    bad(
        "a last day before the first",
        "enrolment",
        2,
        "endDate",
        "2025-08-10",
        "valid_to_before_valid_from",
        *orphans(2),
    ),
    case("a school number that is a number", cell("enrolment", 1, "schoolNumber", 7735), lands()),
    case(
        "a school that the list does not have",
        cell("enrolment", 3, "schoolNumber", "09999"),
        holds("schools_known", ("school", "09999", 1)),
    ),
    case(
        "a class name of a page's length",
        cell("enrolment", 1, "className", "7A " * 1000),
        lands(findings=(("class_name_unread", 1),)),
    ),
    bad("an object for a form of teaching", "enrolment", 3, "form", {"name": "BASIC"}, "not_a_code"),
    bad("a placement of nine", "support", 2, "placement", 9, "out_of_range"),
    bad("measures that are numbers", "support", 2, "measures", [1], "unparsable"),
    bad("measures in measures", "support", 2, "measures", [["AIDS"]], "unparsable"),
    bad("extended, perhaps", "support", 3, "extended", "joo", "unparsable"),
    bad("a start of support that is no day", "support", 2, "start", "2025-02-30", "unparsable"),
    case(
        "a measure that the folder does not know",
        cell("support", 2, "measures", ["AIDS", "DOG"]),
        holds(
            "marks_mapped",
            ("mark", "(text, row 2)", 1),
            rejected=(("support", 2, "measures", "not_a_code"),),
        ),
    ),
    case(
        "a kind without its scheme",
        cell("support", 2, "scheme", None),
        holds("codes_mapped", ("support", "DECISION", 1)),
    ),
    bad("a school day that starts at 25", "school_day", 1, "dayStart", "25:15", "unparsable"),
    bad("slots of no minutes", "school_day", 1, "slotMinutes", 0, "out_of_range"),
    bad("lessons of no number", "school_day", 1, "lessons", "NaN", "unparsable"),
    case(
        "a resource that lost a key",
        all_without("absence", "studentId"),
        refuses("missing_column"),
    ),
    case("a line that is no object", raw_line("absence", '["absence-0009"]'), refuses("not_json")),
    case("a file cut in mid-item", spoiled("absence", lambda content: content[:-40]), refuses("not_json")),
    case("not UTF-8", replaced("enrolment", (b'"7B"', b'"7\xe4"')), refuses("not_json")),
    case(
        "lists in lists in lists",
        cell("support", 2, "measures", json.loads("[" * 400 + "]" * 400)),
        rejects(("support", 2, "measures", "unparsable")),
    ),
    case(
        "a hundred thousand lists in lists",
        raw_line("support", '{"id":"support-0009","measures":' + "[" * 100_000 + "]" * 100_000 + "}"),
        refuses("not_json"),
    ),
    case(
        "a text that is a hundred thousand lists",
        cell("support", 2, "measures", "[" * 100_000 + "]" * 100_000),
        rejects(("support", 2, "measures", "unparsable")),
    ),
    case(
        "every time in another style",
        many("absence", 30, **{"from": "6.10.2025"}),
        rejects(*(("absence", row, "from", "unparsable") for row in range(1, 31)), held=frozenset({"rejected_limit"})),
    ),
    case("another municipality's pupils", many("enrolment", 30, schoolNumber="07522"), refuses("wrong_municipality")),
]
