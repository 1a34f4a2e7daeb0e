"""Iisalmi: rows of database views, as its transport hands them over."""

from tests.connectors.samples import HETU_1, HETU_2, HETU_3, hetu, oppilas, poissaolo, tuki
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
from tests.corpus.siilinjarvi import all_without
from tests.corpus.siilinjarvi import write as write_lines

HANGING: dict[int, list[tuple[str, int]]] = {
    1: [("absence", 1), ("absence", 2), ("support", 1), ("support", 2)],
    2: [("absence", 3), ("support", 3)],
    # The fourth absence is gone, of whomever.
    3: [],
}


def tyopaiva(**changes: object) -> dict[str, object]:
    return {"koulunro": 5994, "paiva": "2025-10-06", "luokka_aste": 7, "tunnit": "6", **changes}


def extract() -> Extract:
    rows = {
        "enrolment": [
            oppilas(),
            oppilas(hetu=HETU_2, luokka="7D"),
            oppilas(hetu=HETU_3, koulunro=5995, luokka_aste=5, loppu="2025-10-10"),
        ],
        "absence": [
            poissaolo(),
            poissaolo(poissaolo_id=2, paiva="2025-10-07", tunnit="1.5", syy=9, hyvaksytty="K"),
            poissaolo(poissaolo_id=3, hetu=HETU_2, syy=3),
            poissaolo(poissaolo_id=4, hetu=HETU_3, poistettu=True),
        ],
        "support": [
            tuki(tuki=" Teh.tuki", alku="2024-10-01", loppu="2025-07-31"),
            tuki(tuki_id=2, tuki="Tuen päätös", alku="2025-10-06", lisatieto="TA"),
            tuki(tuki_id=3, hetu=HETU_2, lisatieto="toteutuspaikka 2"),
        ],
        "school_day": [tyopaiva(), tyopaiva(paiva="2025-10-07", tunnit="5.5"), tyopaiva(koulunro=5995, luokka_aste=5)],
    }
    return Extract("iisalmi", rows, write_lines)


SOURCE = Source("iisalmi", "hetu", HANGING)
case, bad, orphans = SOURCE.case, SOURCE.bad, SOURCE.orphans


def strangers(extract: Extract) -> None:
    """Thirty pupils of schools of Siilinjärvi."""
    extract.rows["enrolment"] = [oppilas(hetu=hetu("040418", 930 + n), koulunro=7735) for n in range(30)]


def many_absences(**values: object) -> Change:
    def change(extract: Extract) -> None:
        extract.rows["absence"] = [poissaolo(poissaolo_id=n, **values) for n in range(30)]

    return change


CASES = [
    bad("an absence of a wrong HETU", "absence", 1, "hetu", HETU_1[:-1] + "#", "invalid_hetu"),
    bad("an absence without HETU", "absence", 1, "hetu", None, "required"),
    bad("an absence of a pupil without enrolment", "absence", 1, "hetu", hetu("040418", 977), "unknown_pupil"),
    bad("no day", "absence", 1, "paiva", None, "required"),
    bad("the day infinity", "absence", 1, "paiva", "infinity", "unparsable"),
    bad("a day in the year 12025", "absence", 1, "paiva", "12025-01-01", "unparsable"),
    bad("a day before Christ", "absence", 1, "paiva", "0044-03-15 BC", "unparsable"),
    bad("a day before the school year", "absence", 1, "paiva", "2025-07-31", "outside_school_year"),
    bad("hours below nought", "absence", 1, "tunnit", "-0.01", "out_of_range"),
    bad("more hours than a day has", "absence", 1, "tunnit", "24.5", "out_of_range"),
    bad("no hours", "absence", 1, "tunnit", None, "required"),
    bad("hours that are not a number", "absence", 1, "tunnit", "NaN", "unparsable"),
    bad("hours without end", "absence", 1, "tunnit", "Infinity", "unparsable"),
    bad("hours with a comma", "absence", 1, "tunnit", "1,5", "unparsable"),
    bad("hours of forty digits", "absence", 1, "tunnit", "9" * 40, "unparsable"),
    case("hours of forty decimals", cell("absence", 1, "tunnit", "1." + "3" * 40), lands()),
    bad("no reason", "absence", 1, "syy", None, "required"),
    case(
        "a reason that the folder does not know",
        cell("absence", 1, "syy", 7),
        holds("codes_mapped", ("absence", "7", 1)),
    ),
    bad("a name for a reason", "absence", 1, "syy", "Aino Virtanen", "not_a_code"),
    case("a null for gone", cell("absence", 1, "poistettu", None), lands()),
    bad("gone, perhaps", "absence", 1, "poistettu", "ehkä", "unparsable"),
    case("an acceptance that is a name", cell("absence", 2, "hyvaksytty", "Aino"), lands()),
    case(
        "an older version of an absence",
        copied("absence", 1, muutettu="2025-10-06T15:00:00+03:00", tunnit="1"),
        rejects(("absence", 5, None, "superseded")),
    ),
    case(
        "two contents of one version",
        copied("absence", 1, tunnit="1"),
        rejects(("absence", 1, None, "conflicting_versions"), ("absence", 5, None, "conflicting_versions")),
    ),
    case("the same row twice", copied("absence", 1), rejects(("absence", 5, None, "duplicate"))),
    case(
        "an enrolment of a wrong HETU",
        cell("enrolment", 1, "hetu", "010115A900?"),
        rejects(
            ("enrolment", 1, "hetu", "invalid_hetu"),
            ("absence", 1, "hetu", "unknown_pupil"),
            ("absence", 2, "hetu", "unknown_pupil"),
            ("support", 2, "hetu", "unknown_pupil"),
        ),
    ),
    bad("grade nought", "enrolment", 2, "luokka_aste", 0, "out_of_range", *orphans(2)),
    case(
        "a school that the list does not have",
        cell("enrolment", 3, "koulunro", 9999),
        holds("schools_known", ("school", "9999", 1)),
    ),
    case(
        "a school number of six digits",
        cell("enrolment", 3, "koulunro", 123456),
        rejects(
            ("enrolment", 3, "koulunro", "unknown_school"), *orphans(3), unmapped=(("school", "(text, row 3)", 1),)
        ),
    ),
    case(
        "a form of teaching in other letters",
        cell("enrolment", 2, "opetusmuoto", "PERUSOPETUS"),
        holds("codes_mapped", ("form", "PERUSOPETUS", 1)),
    ),
    case("an old home municipality", cell("enrolment", 1, "kotikunta", 174), lands()),
    bad(
        "a last day before the first", "enrolment", 3, "loppu", "2025-08-10", "valid_to_before_valid_from", *orphans(3)
    ),
    case("typed support with odd blanks and case", cell("support", 1, "tuki", "  TEHOSTETTU   tuki. "), lands()),
    case(
        "typed support that nobody knows",
        cell("support", 1, "tuki", "tehosteettu, kts. Aino"),
        lands(
            unmapped=(("support", "(typed text, row 1)", 1),),
            findings=(("support_text_unknown", 1),),
        ),
    ),
    case("no typed support", cell("support", 1, "tuki", None), lands()),
    case(
        "prose beside the support",
        cell("support", 1, "lisatieto", "Aino soitti"),
        lands(findings=(("prose_unread", 1),)),
    ),
    case(
        "a placement of six",
        cell("support", 3, "lisatieto", "toteutuspaikka 6"),
        lands(findings=(("prose_unread", 1),)),
    ),
    bad("support that ends before it starts", "support", 2, "loppu", "2025-10-05", "valid_to_before_valid_from"),
    bad("a school day in grade twelve", "school_day", 1, "luokka_aste", 12, "out_of_range"),
    bad("a school day of last year", "school_day", 1, "paiva", "2024-10-06", "outside_school_year"),
    case("a view that lost a column", all_without("absence", "paiva"), refuses("missing_column")),
    case("another municipality's pupils", strangers, refuses("wrong_municipality")),
    case(
        "every absence without hours",
        many_absences(tunnit="-1"),
        rejects(
            *(("absence", row, "tunnit", "out_of_range") for row in range(1, 31)), held=frozenset({"rejected_limit"})
        ),
    ),
]
# The file names do not matter to the check; those of `write_lines` are another source's.
