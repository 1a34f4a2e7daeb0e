"""What lands of small deliveries in the four shapes, and which rule rejects what; expected values worked by hand."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from connectors.check import CheckedDataset, check_dataset, check_delivery, covered_days
from connectors.delivery import RawDelivery, RawFile, SourceRefused
from tests.connectors.samples import (
    HETU_1,
    HETU_2,
    HETU_3,
    KEYS,
    OID_1,
    OID_2,
    OID_3,
    csv_bytes,
    delivery,
    hetu,
    iisalmi,
    interval,
    kuopio,
    municipality,
    ndjson,
    oppilas,
    poissaolo,
    pupil,
    record,
    siilinjarvi,
    student,
    support_period,
    tuki,
    varkaus,
)


def check(raw: RawDelivery) -> dict[str, CheckedDataset]:
    return check_delivery(raw, municipality(raw.municipality), KEYS).datasets


def rules(part: CheckedDataset) -> list[tuple[int, str | None, str]]:
    return part.rejected.select("row_number", "column_name", "rule").rows()


def mark(
    number: int, oid: str = OID_1, day: str = "06.10.2025", lesson: str = "1", code: str = "S", rest: str = ";;"
) -> str:
    return f"{number};{oid};07522;{day};{lesson};MA;{code};{rest}"


# Kuopio: lessons, CSV


def test_kuopio_lands_its_enrolments_under_pseudonyms() -> None:
    part = check(kuopio())["enrolment"]
    assert part.table == "landing.enrolment"
    assert part.frame.rows() == [
        (
            *(1, pupil(OID_1), KEYS.uuid("hetu", HETU_1).bytes, KEYS.uuid("oppijanumero", OID_1).bytes),
            *("07522", 7, "7A", "297", "PO", date(2025, 8, 11), None, False, None, None),
        ),
        (
            *(2, pupil(OID_2), None, KEYS.uuid("oppijanumero", OID_2).bytes),
            *("07522", 7, "7B", "174", "PO", date(2025, 8, 11), None, False, None, None),
        ),
    ]
    assert (part.rows_in, part.rows_landed, part.non_data, part.rejected.height) == (2, 2, 1, 0)
    assert (part.extent, part.covers_from, part.covers_to) == ("full", date(2025, 8, 1), date(2025, 10, 13))


def test_kuopio_lands_marks_as_they_are() -> None:
    marks = [
        mark(1, code="S", rest=";Opettaja;kyllä"),
        mark(2, code="LU", rest=";Opettaja;ei"),
        mark(3, lesson="2", code="M", rest="5;;14.10.2025 klo 8"),
    ]
    part = check(kuopio(marks=marks))["absence"]
    assert part.frame.rows() == [
        (1, pupil(OID_1), date(2025, 10, 6), 1, "S", None, "kyllä"),
        (2, pupil(OID_1), date(2025, 10, 6), 1, "LU", None, "ei"),
        (3, pupil(OID_1), date(2025, 10, 6), 2, "M", 5, "cleared"),
    ]
    assert (part.extent, part.covers_from, part.covers_to) == ("window", date(2025, 9, 24), date(2025, 10, 13))


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        (mark(1, day="31.09.2025"), "Pvm", "unparsable"),
        (mark(1, day=""), "Pvm", "required"),
        (mark(1, day="2025-10-06"), "Pvm", "unparsable"),
        (mark(1, day="6.10.25"), "Pvm", "out_of_range"),
        (mark(1, day="23.09.2025"), "Pvm", "outside_window"),
        (mark(1, day="14.10.2025"), "Pvm", "outside_window"),
        (mark(1, lesson="0"), "Tunti", "out_of_range"),
        (mark(1, lesson="10"), "Tunti", "out_of_range"),
        (mark(1, lesson="1,5"), "Tunti", "unparsable"),
        (mark(1, lesson=" "), "Tunti", "required"),
        (mark(1, code=""), "Merkintä", "required"),
        (mark(1, code="Matti Meikäläinen"), "Merkintä", "not_a_code"),
        (mark(1, rest="-5;;"), "Kesto min", "out_of_range"),
        (mark(1, rest="viisi;;"), "Kesto min", "unparsable"),
        (mark(1, oid=""), "Oppijanumero", "required"),
        (mark(1, oid="1.2.246.562.98.1"), "Oppijanumero", "invalid_oppijanumero"),
        (mark(1, oid=OID_3), "Oppijanumero", "unknown_pupil"),
        (f"1;{OID_1};07522;06.10.2025", None, "ragged_row"),
        (f"{mark(1)};liikaa", None, "ragged_row"),
        (f'1;{OID_1};07522;06.10.2025;1;"MA;S;;;', None, "ragged_row"),
    ],
)
def test_a_bad_mark_is_rejected_and_the_next_one_lands(row: str, column: str | None, rule: str) -> None:
    part = check(kuopio(marks=[row, mark(2)]))["absence"]
    assert rules(part) == [(1, column, rule)]
    assert part.frame["row_number"].to_list() == [2]
    assert (part.rows_in, part.rows_landed) == (2, 1)


def test_a_rejected_row_tells_what_can_be_read_of_it() -> None:
    rows = [mark(1, day="31.09.2025"), mark(2, lesson="x"), mark(3, oid="x"), f"4;{OID_2};07522;07.10.2025"]
    rejected = check(kuopio(marks=rows))["absence"].rejected
    assert rejected.select("pupil_ref", "school_number", "day", "earliest_date", "latest_date").rows() == [
        (pupil(OID_1).hex(), "07522", *(None,) * 3),
        (pupil(OID_1).hex(), "07522", *(date(2025, 10, 6),) * 3),
        (None, "07522", *(date(2025, 10, 6),) * 3),
        (pupil(OID_2).hex(), "07522", *(date(2025, 10, 7),) * 3),
    ]
    # No mark's number comes again in a later window for the same day: what decides is the delivery.
    assert rejected["record_key"].null_count() == 4


def test_the_first_delivery_of_a_year_reaches_back_only_when_it_holds_an_older_mark() -> None:
    old = [mark(1, day="01.09.2025"), mark(2)]
    first = check(kuopio(marks=old, first_of_year=True))["absence"]
    assert (first.rows_landed, first.covers_from) == (2, date(2025, 8, 1))
    assert check(kuopio(marks=[mark(2)], first_of_year=True))["absence"].covers_from == date(2025, 9, 24)
    assert rules(check(kuopio(marks=old))["absence"]) == [(1, "Pvm", "outside_window")]
    # A typing error of an earlier year is no older mark of this school year.
    typo = check(kuopio(marks=[mark(1, day="06.10.2015"), mark(2)], first_of_year=True))["absence"]
    assert (typo.covers_from, rules(typo)) == (date(2025, 9, 24), [(1, "Pvm", "outside_window")])


def test_the_same_mark_twice_is_a_duplicate_but_two_numbers_are_two_marks() -> None:
    part = check(kuopio(marks=[mark(7), mark(7), mark(8), mark(7, code="LU")]))["absence"]
    assert rules(part) == [(2, None, "duplicate")]
    assert part.frame["source_code"].to_list() == ["S", "S", "LU"]


def test_an_unmapped_code_lands_and_is_counted() -> None:
    part = check(kuopio(marks=[mark(1, code="ZZ"), mark(2, code="ZZ "), mark(3)]))["absence"]
    assert part.frame["source_code"].to_list() == ["ZZ", "ZZ", "S"]
    assert part.unmapped == [{"kind": "absence", "source_code": "ZZ", "row_count": 2}]


def test_a_rejected_enrolment_rejects_what_hangs_on_it() -> None:
    pupils = [
        f"{OID_1};{HETU_1};07522;10;7A;297;PO;11.08.2025;",
        f"{OID_2};;07522;7;7B;297;PO;11.08.2025;",
        f"{OID_2};;07522;7;7B;297;PO;tammikuu;",
    ]
    support = [f"{OID_1};ERIT;01.08.2024;;2;;", f"{OID_2};ERIT;01.08.2024;;2;;"]
    checked = check(kuopio(pupils, marks=[mark(1), mark(2, OID_2)], support=support))
    assert rules(checked["enrolment"]) == [(1, "Luokka-aste", "out_of_range"), (3, "Alkupvm", "unparsable")]
    # The second pupil has another enrolment that landed.
    assert rules(checked["absence"]) == [(1, "Oppijanumero", "parent_rejected")]
    assert rules(checked["support"]) == [(1, "Oppijanumero", "parent_rejected")]


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        (f"{OID_1};{HETU_1[:-1]}#;07522;7;7A;297;PO;11.08.2025;", "Henkilötunnus", "invalid_hetu"),
        (f"{OID_1};311115A901X;07522;7;7A;297;PO;11.08.2025;", "Henkilötunnus", "invalid_hetu"),
        (f"{OID_1};;;7;7A;297;PO;11.08.2025;", "Koulunro", "required"),
        (f"{OID_1};;Pyörö;7;7A;297;PO;11.08.2025;", "Koulunro", "unknown_school"),
        (f"{OID_1};;07522;7;7A;297;;11.08.2025;", "Opetusmuoto", "required"),
        (f"{OID_1};;07522;7;7A;297;PO;;", "Alkupvm", "required"),
        (f"{OID_1};;07522;7;7A;297;PO;11.08.2026;", "Alkupvm", "outside_school_year"),
        (f"{OID_1};;07522;7;7A;297;PO;11.08.0025;", "Alkupvm", "out_of_range"),
        (f"{OID_1};;07522;7;7A;297;PO;11.08.2025;10.08.2025", "Loppupvm", "valid_to_before_valid_from"),
    ],
)
def test_a_bad_enrolment_is_rejected(row: str, column: str, rule: str) -> None:
    part = check(kuopio([row, f"{OID_2};;07522;;7B;;PO;11.08.2025;"]))["enrolment"]
    assert rules(part) == [(1, column, rule)]
    # No grade and no home municipality is no error.
    assert part.rows_landed == 1


def test_excel_and_databases_lose_zeros_of_school_numbers() -> None:
    part = check(kuopio([f"{OID_1};;7522;7;7A;297;PO;11.08.2025;", f"{OID_2};;99999;7;7A;49;PO;11.08.2025;"]))[
        "enrolment"
    ]
    assert part.frame["school_number"].to_list() == ["07522", "99999"]
    assert part.frame["home_municipality"].to_list() == ["297", "049"]
    assert part.unmapped == [{"kind": "school", "source_code": "99999", "row_count": 1}]


def test_kuopio_support_keeps_level_placement_and_measures_apart() -> None:
    support = [
        f'{OID_1};TUPA;01.10.2025;;;"OPR,TA";29.09.2025',
        f"{OID_2};ERIT-PID;08.08.2024;31.5.2025;1;;",
        f"{OID_1};;01.10.2025;;;ELK;",
    ]
    part = check(kuopio(support=support))["support"]
    columns = ("support_code", "placement", "marks", "valid_from", "valid_to")
    assert part.frame.select(columns).rows() == [
        ("TUPA", None, ["OPR", "TA"], date(2025, 10, 1), None),
        ("ERIT-PID", 1, [], date(2024, 8, 8), date(2025, 5, 31)),
        (None, None, ["ELK"], date(2025, 10, 1), None),
    ]


def test_a_rejected_support_row_tells_since_when_it_may_hold() -> None:
    support = [
        f"{OID_1};TUPA;01.10.2025;30.09.2025;;;",
        f"{OID_1};TUPA;01.10.2025;;6;;",
        f"{OID_1};TUPA;ei tiedossa;31.12.2025;;;",
        f"{OID_1};TUPA;01.10.2025;;;Aino Virtanen;",
    ]
    part = check(kuopio(support=support))["support"]
    assert part.rejected.select("column_name", "rule", "earliest_date").rows() == [
        ("Loppupvm", "valid_to_before_valid_from", date(2025, 9, 30)),
        ("Toteutuspaikka", "out_of_range", date(2025, 10, 1)),
        # Without a readable start nothing says since when.
        ("Alkupvm", "unparsable", None),
        ("Tukitoimet", "not_a_code", date(2025, 10, 1)),
    ]
    assert part.unmapped == [{"kind": "mark", "source_code": "(text, row 4)", "row_count": 1}]


def test_an_earlier_years_support_may_be_of_a_pupil_who_has_left() -> None:
    support = [f"{OID_3};TEHO;01.10.2023;31.05.2025;;;", f"{OID_3};ERIT;01.10.2023;;2;;"]
    part = check(kuopio(support=support))["support"]
    assert rules(part) == [(2, "Oppijanumero", "unknown_pupil")]


def test_one_dataset_can_be_checked_alone() -> None:
    raw = kuopio(marks=[mark(1, OID_3), mark(2, day="31.09.2025")])
    part = check_dataset(raw, municipality("kuopio"), KEYS, "absence")
    assert rules(part) == [(2, "Pvm", "unparsable")]


def test_school_days_of_other_years_and_contradictions_are_rejected() -> None:
    days = [
        "07522;06.10.2025;7;6",
        "07522;06.10.2025;7;5",
        "07522;07.10.2025;7;6,5",
        "07522;07.10.2025;7;6,5",
        "07522;07.10.2026;7;6",
        "07522;08.10.2025;7;-1",
    ]
    part = check(kuopio(days=days))["school_day"]
    assert part.frame.rows() == [(3, "07522", date(2025, 10, 7), 7, Decimal("6.50"), None, None)]
    assert rules(part) == [
        (1, None, "conflicting_versions"),
        (2, None, "conflicting_versions"),
        (4, None, "duplicate"),
        (5, "Pvm", "outside_school_year"),
        (6, "Oppitunnit", "out_of_range"),
    ]


# Siilinjärvi: intervals, JSON


def test_siilinjarvi_lands_intervals_in_utc() -> None:
    part = check(siilinjarvi(absences=[interval(clearedAt="2025-10-06T15:00:00+03:00")]))["absence"]
    assert part.table == "landing.absence_interval"
    assert part.frame.rows() == [
        (
            *(1, record("absence-0001"), pupil("student-0001")),
            *(datetime(2025, 10, 6, 7, 15, tzinfo=UTC), datetime(2025, 10, 6, 9, 15, tzinfo=UTC)),
            *("SICK", "cleared", False, datetime(2025, 10, 6, 10, 0, tzinfo=UTC)),
        )
    ]
    assert (part.extent, part.covers_from, part.covers_to) == ("chain", date(2025, 8, 1), date(2025, 10, 13))


def test_an_increment_covers_up_to_the_day_before_its_own_moment() -> None:
    # 13 October 22:30 in UTC is the 14th in Finland.
    at = datetime(2025, 10, 13, 22, 30, tzinfo=UTC)
    assert check(siilinjarvi(as_of=at))["absence"].covers_to == date(2025, 10, 13)
    assert check(siilinjarvi(as_of=datetime(2025, 10, 13, 12, tzinfo=UTC)))["absence"].covers_to == date(2025, 10, 12)


def test_a_tombstone_lands_although_it_tells_no_more_than_its_id() -> None:
    gone = {"id": "absence-0002", "deleted": True, "updatedAt": "2025-10-07T08:00:00+03:00"}
    part = check(
        siilinjarvi(absences=[interval(), gone, interval(id="absence-0003", studentId="other", deleted=True)])
    )["absence"]
    assert part.rejected.height == 0
    assert part.frame.select("record_key", "deleted").rows() == [
        (record("absence-0001"), False),
        (record("absence-0002"), True),
        (record("absence-0003"), True),
    ]


def test_a_repeated_page_counts_once_and_an_older_version_is_superseded() -> None:
    newer = interval(updatedAt="2025-10-07T08:00:00+03:00", type="UNAUTH")
    other = interval(id="absence-0002")
    part = check(siilinjarvi(absences=[interval(), other, other, newer]))["absence"]
    assert (part.rows_in, part.rows_landed) == (3, 2)
    assert rules(part) == [(1, None, "superseded")]
    assert part.frame["source_code"].to_list() == ["SICK", "UNAUTH"]
    assert [(one["rule"], one["row_count"]) for one in part.findings] == [("repeated_items", 1)]


def test_two_contents_of_one_version_contradict_each_other() -> None:
    part = check(siilinjarvi(absences=[interval(), interval(type="UNAUTH"), interval(id="absence-0002")]))["absence"]
    assert rules(part) == [(1, None, "conflicting_versions"), (2, None, "conflicting_versions")]


@pytest.mark.parametrize(
    ("changes", "column", "rule", "day", "about"),
    [
        # One day: the 6th is the day, although it ends before it starts.
        ({"to": "2025-10-06T09:15:00+03:00"}, "to", "ends_before_starts", 6, (6, 6)),
        # It ends before the first instant of the 7th.
        ({"to": "2025-10-07T00:00:00+03:00", "type": None}, "type", "required", 6, (6, 6)),
        ({"to": "2025-10-05T09:15:00+03:00"}, "to", "ends_before_starts", None, (None, None)),
        ({"from": "eilen"}, "from", "unparsable", None, (None, 6)),
        ({"from": "eilen", "to": None}, "from", "unparsable", None, (None, None)),
        ({"to": "2025-10-09"}, "to", "unparsable", None, (6, None)),
        ({"to": "2025-10-08T09:15:00+03:00", "type": None}, "type", "required", None, (6, 8)),
        ({"updatedAt": "x"}, "updatedAt", "unparsable", 6, (6, 6)),
        ({"deleted": "kyllä"}, "deleted", "unparsable", 6, (6, 6)),
    ],
)
def test_a_bad_interval_is_rejected_and_tells_its_days(
    changes: dict[str, Any], column: str, rule: str, day: int | None, about: tuple[int | None, int | None]
) -> None:
    part = check(siilinjarvi(absences=[interval(**changes), interval(id="absence-0002")]))["absence"]
    told = [one and date(2025, 10, one) for one in (day, *about)]
    assert part.rejected.select(
        "row_number", "column_name", "rule", "day", "earliest_date", "latest_date", "record_key"
    ).rows() == [(1, column, rule, *told, record("absence-0001").hex())]


def test_an_interval_of_another_school_year_tells_its_own_days() -> None:
    changes = {"from": "2025-05-25T09:15:00+03:00", "to": "2025-05-27T09:15:00+03:00"}
    part = check(siilinjarvi(absences=[interval(**changes), interval(id="absence-0002")]))["absence"]
    assert part.rejected.select("rule", "day", "earliest_date", "latest_date").rows() == [
        ("outside_school_year", None, date(2025, 5, 25), date(2025, 5, 27))
    ]


def test_siilinjarvi_support_names_scheme_kind_and_flags() -> None:
    period = support_period(measures=["SPECIAL_CLASS", "AIDS"], functionalAreas=True, placement=3)
    part = check(siilinjarvi(periods=[period, support_period(id="support-0002", scheme="2011")]))["support"]
    assert part.frame.select("support_code", "placement", "marks").rows() == [
        ("2025 DECISION", 3, ["SPECIAL_CLASS", "AIDS", "functionalAreas"]),
        ("2011 DECISION", None, []),
    ]
    assert part.unmapped == []


def test_siilinjarvi_school_days_have_a_start_and_slots() -> None:
    day = {
        "schoolNumber": "07735",
        "date": "2025-10-06",
        "grade": 7,
        "lessons": 6,
        "dayStart": "08:15",
        "slotMinutes": 60,
    }
    part = check(siilinjarvi(days=[day]))["school_day"]
    assert part.frame.rows() == [(1, "07735", date(2025, 10, 6), 7, Decimal("6.00"), time(8, 15), 60)]


def test_a_key_that_no_item_has_any_more_refuses_the_delivery() -> None:
    items = [{name: value for name, value in interval().items() if name != "studentId"}]
    with pytest.raises(SourceRefused, match="studentId"):
        check(siilinjarvi(absences=items))


# Iisalmi: days, rows of a database


def test_iisalmi_lands_hours_by_day_and_reason() -> None:
    rows = [poissaolo(), poissaolo(poissaolo_id=2, syy=9, hyvaksytty="K", tunnit="1.33335")]
    checked = check(iisalmi(absences=rows))
    updated = datetime(2025, 10, 6, 13, 0, tzinfo=UTC)
    assert checked["absence"].frame.rows() == [
        (1, record("1"), pupil(HETU_1), date(2025, 10, 6), Decimal("4.0000"), "1", None, False, updated),
        # Rounded half up to four places.
        (2, record("2"), pupil(HETU_1), date(2025, 10, 6), Decimal("1.3334"), "9", "K", False, updated),
    ]
    assert checked["enrolment"].frame.select("school_number", "home_municipality", "form").rows() == [
        ("05994", "140", "perusopetus")
    ]
    assert checked["absence"].covers_to == date(2025, 10, 13)


def test_iisalmi_pupils_are_known_by_hetu_in_any_case() -> None:
    checked = check(iisalmi(absences=[poissaolo(hetu=f" {HETU_1.lower()} "), poissaolo(poissaolo_id=2, hetu=HETU_2)]))
    assert checked["absence"].frame["pupil_ref"].to_list() == [pupil(HETU_1)]
    assert rules(checked["absence"]) == [(2, "hetu", "unknown_pupil")]


def test_typed_support_is_read_by_exact_normal_form() -> None:
    texts = [
        " Teh.tuki",
        "TEHOSTETTU  TUKI",
        "E.T.",
        "Erityinen (pid.)",
        "tuen päätös/erityisluokka",
        "erityinen tuki?",
    ]
    part = check(iisalmi(support=[tuki(tuki_id=n, tuki=text) for n, text in enumerate(texts)]))["support"]
    assert part.frame["support_code"].to_list() == [
        *("teh tuki", "tehostettu tuki", "et", "erityinen pid", "tuen päätös erityisluokka", "erityinen tuki"),
    ]
    assert part.findings == []


def test_unknown_typed_text_neither_lands_nor_is_told() -> None:
    rows = [tuki(), tuki(tuki_id=2, tuki="Virtanen Aino, soita"), tuki(tuki_id=3, tuki="virtanen aino soita")]
    part = check(iisalmi(support=rows))["support"]
    assert part.frame["support_code"].to_list() == ["erityinen tuki", None, None]
    assert part.unmapped == [{"kind": "support", "source_code": "(typed text, row 2)", "row_count": 2}]
    assert [(one["rule"], one["row_count"]) for one in part.findings] == [("support_text_unknown", 2)]


def test_unknown_text_of_five_pupils_is_no_name() -> None:
    hetus = [hetu("040418", 930 + n) for n in range(5)]
    rows = [tuki(tuki_id=n, hetu=one, tuki="Laaja tuki") for n, one in enumerate(hetus)]
    part = check(iisalmi([oppilas(hetu=one) for one in hetus], support=rows))["support"]
    assert part.frame["support_code"].to_list() == ["laaja tuki"] * 5
    assert part.unmapped == [{"kind": "support", "source_code": "laaja tuki", "row_count": 5}]
    fewer = check(iisalmi([oppilas(hetu=one) for one in hetus], support=[*rows[:4], {**rows[0], "tuki_id": 9}]))[
        "support"
    ]
    assert fewer.frame["support_code"].to_list() == [None] * 5


def test_of_free_text_only_exact_forms_are_read() -> None:
    texts = [
        "toteutuspaikka 3",
        "TA",
        "20 i §, TA",
        "toteutuspaikka 2, soitettu kotiin",
        "ei TA",
        None,
        "toteutuspaikka 6",
        "toteutuspaikka 1, toteutuspaikka 2",
    ]
    part = check(iisalmi(support=[tuki(tuki_id=n, lisatieto=text) for n, text in enumerate(texts)]))["support"]
    assert part.frame.select("placement", "marks").rows() == [
        (3, []),
        (None, ["TA"]),
        (None, ["20 i §", "TA"]),
        (2, []),
        (None, []),
        (None, []),
        (None, []),
        (None, []),
    ]
    assert [(one["rule"], one["row_count"]) for one in part.findings] == [("prose_unread", 4)]


# Varkaus: months, a workbook


def test_varkaus_tells_zero_from_not_reported() -> None:
    rows = [
        ["vk-00000001", "syyskuu 2025", "–", 6, None, "1,5"],
        ["vk-00000001", date(2025, 8, 15), None, None, None, None],
        [None, None, None, None, None, None],
        ["Yhteensä", None, 0, 6, None, 1.5],
    ]
    part = check(varkaus(absences=rows, hidden={"Poissaolot": [2]}))["absence"]
    me = pupil("vk-00000001")
    assert part.frame.rows() == [
        (1, me, date(2025, 9, 1), "Sairaus h", Decimal(0)),
        (1, me, date(2025, 9, 1), "Lupa h", Decimal(6)),
        (1, me, date(2025, 9, 1), "Luvaton h", None),
        (1, me, date(2025, 9, 1), "Epäselvä h", Decimal("1.5")),
        (2, me, date(2025, 8, 1), "Sairaus h", None),
        (2, me, date(2025, 8, 1), "Lupa h", None),
        (2, me, date(2025, 8, 1), "Luvaton h", None),
        (2, me, date(2025, 8, 1), "Epäselvä h", None),
    ]
    # Three titles, the header, a blank row and the total.
    assert (part.rows_in, part.rows_landed, part.non_data) == (2, 2, 6)
    assert (part.extent, part.covers_from, part.covers_to) == ("month", date(2025, 8, 1), date(2025, 9, 30))


def test_a_bad_cell_rejects_the_months_whole_row() -> None:
    rows = [
        ["vk-00000001", "syyskuu 2025", "kuusi", 6, None, None],
        ["vk-00000001", "syyskuuta", 1, None, None, None],
        ["vk-00000001", "syyskuu 2024", 1, None, None, None],
        ["vk-99999999", "syyskuu 2025", 1, None, None, None],
        ["vk-00000001", "syyskuu 2025", -1, None, None, None],
    ]
    part = check(varkaus(absences=rows))["absence"]
    assert part.frame.height == 0
    assert part.rejected.select("row_number", "column_name", "rule", "day").rows() == [
        (1, "Sairaus h", "unparsable", date(2025, 9, 1)),
        (2, "Kuukausi", "unparsable", None),
        (3, "Kuukausi", "outside_school_year", date(2024, 9, 1)),
        (4, "Oppilasnro", "unknown_pupil", date(2025, 9, 1)),
        (5, "Sairaus h", "out_of_range", date(2025, 9, 1)),
    ]


def test_varkaus_maps_names_of_schools_and_marks_of_measures() -> None:
    pupils = [
        ["vk-00000001", HETU_1, " könönpellon  koulu", 5, "5A", "Varkaus", "perusopetus", "11.8.2025", None],
        ["vk-00000002", HETU_2, "Svenska skolan i Varkaus", 5, "5A", "Juankoski", "jopo", date(2025, 8, 11), None],
        ["vk-00000003", HETU_3, "Vieras koulu", 5, "5A", "Varkaus", "jopo", date(2025, 8, 11), None],
        ["vk-00000004", None, "Waltterin koulu", 5, "5A", "Uusikunta", "jopo", date(2025, 8, 11), date(2025, 9, 30)],
    ]
    support = [
        ["vk-00000001", "E", "1.8.2025", date(2025, 12, 31), "x", None, "X", None, None, None, None, "x"],
        ["vk-00000002", "T", date(2025, 1, 1), None, "ehkä"],
    ]
    checked = check(varkaus(pupils, support=support))
    enrolment = checked["enrolment"]
    assert enrolment.frame.select("school_number", "home_municipality", "valid_from", "valid_to").rows() == [
        ("07287", "Varkaus", date(2025, 8, 11), None),
        ("07295", "Juankoski", date(2025, 8, 11), None),
        ("03857", None, date(2025, 8, 11), date(2025, 9, 30)),
    ]
    assert rules(enrolment) == [(3, "Koulu", "unknown_school")]
    assert enrolment.unmapped == [
        {"kind": "home_municipality", "source_code": "(text, row 4)", "row_count": 1},
        {"kind": "school", "source_code": "(text, row 3)", "row_count": 1},
    ]
    assert checked["support"].frame.select("support_code", "marks", "valid_from", "valid_to").rows() == [
        ("E", ["Pienryhmä", "Avustaja", "20 i §"], date(2025, 8, 1), date(2025, 12, 31))
    ]
    assert rules(checked["support"]) == [(2, "Pienryhmä", "unparsable")]


def test_the_previous_years_workbook_covers_its_own_year() -> None:
    raw = varkaus(night=date(2025, 8, 20), school_year=2024)
    assert covered_days(raw, municipality("varkaus").datasets["absence"]) == (date(2024, 8, 1), date(2025, 7, 31))
    assert covered_days(raw, municipality("varkaus").datasets["support"]) == (date(2024, 8, 1), date(2025, 7, 31))
    current = varkaus(night=date(2025, 8, 20))
    assert covered_days(current, municipality("varkaus").datasets["absence"]) is None
    assert covered_days(current, municipality("varkaus").datasets["support"]) == (date(2025, 8, 1), date(2025, 8, 19))


# All


def test_a_delivery_without_one_of_its_datasets_is_refused() -> None:
    raw = kuopio()
    with pytest.raises(SourceRefused, match="has no support"):
        check(delivery("kuopio", [file for file in raw.files if file.dataset != "support"]))


def test_no_message_holds_a_personal_value() -> None:
    name = "Aino Virtanen"
    secrets = [OID_1, OID_2, OID_3, HETU_1, HETU_2, HETU_1[:-1], "vk-00000001", "student-0001", name, "Virtanen"]
    pupils = [
        f"{OID_1};{HETU_1[:-1]}#;07522;7;7A;297;PO;11.08.2025;",
        f"{OID_2};;{name};{HETU_2};{HETU_1};{HETU_2};{name};{OID_1};{HETU_1}",
        f"{OID_3};;07522;7;{HETU_1} luokka;{name};{HETU_1};11.08.2025;",
    ]
    marks = [
        mark(1, OID_3, day=HETU_1, lesson=name, code=HETU_2, rest=f"{OID_1};;{name}"),
        mark(2, name),
        mark(3, OID_3, rest=f";;{name}"),
    ]
    support = [f"{OID_3};{name};{HETU_1};{OID_1};{HETU_2};{name},{HETU_1};", f"{OID_3};{HETU_1};01.08.2025;;;;"]
    days = [f"{name};{HETU_1};{OID_1};{HETU_2}"]
    checked = [*check(kuopio(pupils, marks, support, days)).values()]
    bad = [
        interval(**{"from": HETU_1, "to": name, "type": name, "clearedAt": name, "deleted": name, "updatedAt": HETU_1})
    ]
    checked += check(
        siilinjarvi(absences=bad, periods=[support_period(kind=name, measures=[name], placement=HETU_1)])
    ).values()
    checked += check(iisalmi(support=[tuki(tuki=name, lisatieto=f"{name} {HETU_1}")])).values()
    checked += check(
        varkaus(
            absences=[["vk-00000001", name, HETU_1, name, None, None]],
            support=[["vk-00000001", name, name, HETU_1, name]],
        )
    ).values()
    told = "\n".join(
        str(value)
        for part in checked
        for value in (
            *part.rejected.rows(),
            *part.unmapped,
            *part.findings,
            *part.frame.select(pl.selectors.string()).rows(),
        )
    )
    assert [secret for secret in secrets if secret in told] == []
    assert "unparsable" in told


def test_files_that_cannot_be_read_at_all_are_refused_without_their_content() -> None:
    def refusal(dataset: str, content: bytes) -> str:
        raw = kuopio()
        files = [RawFile(dataset, "file.csv", content) if f.dataset == dataset else f for f in raw.files]
        with pytest.raises(SourceRefused) as refused:
            check(delivery("kuopio", files))
        return str(refused.value)

    good = csv_bytes("oppilaat.csv", [f"{OID_1};{HETU_1};07522;7;7A;297;PO;11.08.2025;"])
    assert "missing column Henkilötunnus" in refusal("enrolment", good.replace("Henkilötunnus".encode(), b"Hetu"))
    assert "more than once" in refusal("enrolment", good.replace(b"Loppupvm", b"Loppupvm;Luokka"))
    assert "line 2 is not utf-8" in refusal("enrolment", good.replace(b"7A", b"7\xc4"))
    assert "no header row" in refusal("enrolment", b"")
    for reason in (refusal("enrolment", good.replace(b"7A", b"7\xc4")), refusal("support", good)):
        assert OID_1 not in reason
        assert HETU_1 not in reason


def test_broken_workbooks_and_json_are_refused() -> None:
    with pytest.raises(SourceRefused, match="not a workbook"):
        check(delivery("varkaus", [RawFile(f.dataset, f.name, b"PK nothing") for f in varkaus().files]))
    raw = siilinjarvi()
    files = [
        RawFile(f.dataset, f.name, f.content if f.dataset != "absence" else b'{"id": 1}\n{"id"') for f in raw.files
    ]
    with pytest.raises(SourceRefused, match="not a JSON object"):
        check(delivery("siilinjarvi", files))
    assert ndjson([student()]) == raw.files[0].content
