"""Definitions §1 in hand-worked cases: who is one pupil, which enrolment holds, who is counted and where.

6 lessons on every weekday from 11 August 2025 to 9 January 2026. Weekdays: August 15, September 22, October 23,
November 20, December 23.
"""

from typing import Any

import pytest

from tests.dbt.tiny import Row, TinyWarehouse, day, enrolment, key, models, school_days, weekdays

AUTUMN = weekdays("2025-08-11", 110)
NIGHT = "2026-01-15"


def _no_keys(**keys: Any) -> dict[str, Any]:
    return {"hetu_key": None, "oppijanumero_key": None, **keys}


def _kuopio(warehouse: TinyWarehouse) -> None:
    """One extract, two schools."""
    rows = [
        # Identity.
        enrolment("kuopio", "oid-first", oppijanumero_key=key("oid", "1")),
        enrolment("kuopio", "stranger", **_no_keys()),
        # The last day.
        enrolment("kuopio", "leaver", last="2025-10-15"),
        # Two enrolments on one day.
        enrolment("kuopio", "later-start"),
        enrolment("kuopio", "later-start", school="07523", first="2025-10-01", last="2025-10-10"),
        enrolment("kuopio", "greater-school", school="07526"),
        enrolment("kuopio", "greater-school", school="07523"),
        enrolment("kuopio", "with-end", school="07526"),
        enrolment("kuopio", "with-end", school="07523", last="2025-12-31"),
        enrolment("kuopio", "both-ends", school="07526", last="2025-11-30"),
        enrolment("kuopio", "both-ends", school="07523", last="2025-12-31"),
        enrolment("kuopio", "one-after-other", last="2025-09-30"),
        enrolment("kuopio", "one-after-other", school="07523", first="2025-10-01"),
        enrolment("kuopio", "one-day", last="2025-10-01"),
        enrolment("kuopio", "one-day", school="07523", first="2025-10-01"),
        enrolment("kuopio", "three"),
        enrolment("kuopio", "three", school="07523", first="2025-09-01", last="2025-09-10"),
        enrolment("kuopio", "three", school="07526", first="2025-10-01"),
        enrolment("kuopio", "from-last-year", school="07526", first="2023-08-10"),
        enrolment("kuopio", "from-last-year", school="07523", first="2024-08-08"),
        enrolment("kuopio", "two-municipalities"),
        # Who is counted.
        enrolment("kuopio", "moves-on-31", last="2025-10-30"),
        enrolment("kuopio", "gone-on-31", last="2025-10-30"),
        enrolment("kuopio", "gone-after-31", last="2025-10-31"),
        enrolment("kuopio", "grade-10", grade=10),
        enrolment("kuopio", "grade-0", grade=0),
        enrolment("kuopio", "no-grade", grade=None, form="VAL"),
        enrolment("kuopio", "preparing", form="VAL"),
        enrolment("kuopio", "hospital", form="SAIR"),
        enrolment("kuopio", "flexible", form="JOPO"),
        enrolment("kuopio", "home", form="KOTI"),
        enrolment("kuopio", "home-then-school", form="KOTI", last="2025-10-15"),
        enrolment("kuopio", "home-then-school", first="2025-10-16", school="07523"),
        # A form that nobody has translated is no home education.
        enrolment("kuopio", "unknown-form", form="XYZ"),
        # Two rows of one school and start.
        enrolment("kuopio", "written-twice", class_name="7A"),
        enrolment("kuopio", "written-twice", class_name="7B"),
        # Old municipality codes.
        *(enrolment("kuopio", f"home-{code}", home_municipality=code) for code in ("174", "227", "476", "297", "749")),
    ]
    days = [
        row
        for school in ("07522", "07523", "07526")
        for row in school_days("kuopio", AUTUMN, grades=(7,), school=school)
    ]
    warehouse.deliver(
        "kuopio", NIGHT, covers=("2025-08-01", "2026-01-14"), enrolment=rows, school_day=days, support=[], absence=[]
    )


def _changes(warehouse: TinyWarehouse) -> None:
    """`kuopio-2`: extracts of 1 September, 15 October and 10 November."""
    warehouse.twin("kuopio-2")

    def row(pupil: str, **more: Any) -> Row:
        return enrolment("kuopio-2", pupil, **more)

    oid_only, later_oid = _no_keys(oppijanumero_key=key("oid", "2")), key("oid", "3")
    first = [
        row("changed", grade=7, class_name="7A", home_municipality="297"),
        row("to-home"),
        row("from-home", form="KOTI"),
        row("withdrawn"),
        row("other-ref", **oid_only),
        row("joins-later", **_no_keys(oppijanumero_key=later_oid)),
    ]
    second = [
        row("changed", grade=8, class_name="8B", home_municipality="749"),
        row("to-home"),
        row("from-home", form="KOTI"),
        row("other-ref", **oid_only),
        row("joins-later", **_no_keys(oppijanumero_key=later_oid)),
        # First seen in this extract, in force since September.
        row("new-row", grade=8, first="2025-09-15"),
    ]
    third = [
        row("changed", grade=7, class_name="8B", home_municipality="749"),
        row("to-home", form="KOTI"),
        row("from-home"),
        row("other-ref", **oid_only),
        row("joins-later", oppijanumero_key=later_oid),
        row("new-row", grade=8, first="2025-09-15"),
        row("new-row", grade=7, first="2025-11-01", school="07523"),
        # This municipality has seen both keys of the pupil whom it knows by another reference, too.
        row("knows-both", person="other-person", oppijanumero_key=key("oid", "2"), last="2025-08-31"),
    ]
    days = [
        row for school in ("07522", "07523") for row in school_days("kuopio-2", AUTUMN, grades=(7, 8), school=school)
    ]
    for night, rows in (("2025-09-01", first), ("2025-10-15", second), ("2025-11-10", third)):
        warehouse.deliver("kuopio-2", night, enrolment=rows, school_day=days, support=[], absence=[])


def _others(warehouse: TinyWarehouse) -> None:
    warehouse.deliver(
        "siilinjarvi",
        NIGHT,
        enrolment=[
            enrolment("siilinjarvi", "oid-first"),
            enrolment("siilinjarvi", "moves-on-31", grade=8, first="2025-10-31"),
            enrolment("siilinjarvi", "tombstone", deleted=True),
        ],
        school_day=school_days("siilinjarvi", AUTUMN, grades=(7, 8)),
        support=[],
        absence=[],
    )
    warehouse.deliver(
        "iisalmi",
        NIGHT,
        enrolment=[
            enrolment("iisalmi", "two-municipalities"),
            enrolment("iisalmi", "stranger", **_no_keys()),
        ],
        school_day=school_days("iisalmi", AUTUMN),
        support=[],
        absence=[],
    )
    warehouse.deliver(
        "varkaus",
        "2026-01-02",
        enrolment=[enrolment("varkaus", "home-maaninka", home_municipality="Maaninka")],
        school_day=school_days("varkaus", AUTUMN),
        support=[],
        absence=[],
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_kuopio, _changes, _others):
        fill(shared_warehouse)
    shared_warehouse.build(select=models("attendance_monthly", "finding", "person"))
    return shared_warehouse


def _person(built: TinyWarehouse, municipality: str, pupil: str) -> Any:
    return built.value(
        "select person_key from harmonised.person_reference where municipality = %s and pupil_ref = %s",
        municipality,
        key(municipality, pupil),
    )


# Identity


def test_one_hetu_in_two_municipalities_is_one_person(built: TinyWarehouse) -> None:
    # HETU is the match key: Kuopio's pupil with an oppijanumero and Siilinjärvi's without are one.
    assert (
        _person(built, "kuopio", "oid-first") == _person(built, "siilinjarvi", "oid-first") == key("hetu", "oid-first")
    )


@pytest.mark.parametrize(
    ("pupil", "references", "municipalities"), [("oid-first", 2, 2), ("two-municipalities", 2, 2), ("leaver", 1, 1)]
)
def test_a_person_tells_how_many_references_it_has(
    built: TinyWarehouse, pupil: str, references: int, municipalities: int
) -> None:
    rows = built.query(
        "select reference_count, municipality_count from harmonised.person where person_key = %s", key("hetu", pupil)
    )
    assert rows == [{"reference_count": references, "municipality_count": municipalities}]


def test_an_oppijanumero_joins_the_hetu_when_both_are_seen_later(built: TinyWarehouse) -> None:
    # The extracts of September and October have the oppijanumero alone, that of November both.
    assert _person(built, "kuopio-2", "joins-later") == key("hetu", "joins-later")
    # So the September of that pupil is the person's too: 22 weekdays × 6.
    assert built.covered("joins-later", "2025-09-01")[0] == 132


def test_an_oppijanumero_joins_where_another_reference_showed_both(built: TinyWarehouse) -> None:
    assert _person(built, "kuopio-2", "other-ref") == key("hetu", "other-person")


def test_a_pupil_with_neither_key_is_matched_nowhere(built: TinyWarehouse) -> None:
    # The same name of the test in two municipalities: two references, two persons.
    persons = {_person(built, name, "stranger") for name in ("kuopio", "iisalmi")}
    assert persons == {key("kuopio", "stranger"), key("iisalmi", "stranger")}


# Which enrolment holds


def test_the_last_day_is_included(built: TinyWarehouse) -> None:
    # Enrolled to Wednesday 15 October: 3 + 5 + 3 = 11 weekdays of October, 66 lessons.
    assert built.spans("leaver") == [("kuopio", "07522", day("2025-08-11"), day("2025-10-15"))]
    assert built.covered("leaver", "2025-10-01")[0] == 66


def _overlaps(built: TinyWarehouse, pupil: str) -> list[tuple[str, str, Any]]:
    rows = built.query(
        """
        select municipality, school_number, overlapped_from from harmonised.enrolment_overlap
        where person_key = %s order by 3, 2
        """,
        key("hetu", pupil),
    )
    return [(row["municipality"], row["school_number"], row["overlapped_from"]) for row in rows]


def test_the_enrolment_that_started_later_holds(built: TinyWarehouse) -> None:
    # 07523 holds 1–10 October (8 weekdays, 48 lessons); 07522 schedules nothing from 1 October, also after the 10th.
    assert built.spans("later-start") == [
        ("kuopio", "07522", day("2025-08-11"), day("2025-09-30")),
        ("kuopio", "07523", day("2025-10-01"), day("2025-10-10")),
    ]
    assert built.covered("later-start", "2025-10-01")[0] == 48
    assert built.covered("later-start", "2025-11-01")[0] is None
    assert _overlaps(built, "later-start") == [("kuopio", "07522", day("2025-10-01"))]


@pytest.mark.parametrize(
    ("pupil", "school", "last", "listed"),
    [
        # Same start, no end in either: the greater school number.
        ("greater-school", "07526", "2026-07-31", "07523"),
        # Same start: the one with an end date, although its school number is smaller.
        ("with-end", "07523", "2025-12-31", "07526"),
        # Same start, both with an end date: the greater school number, although it ends earlier.
        ("both-ends", "07526", "2025-11-30", "07523"),
    ],
)
def test_ties_of_two_enrolments(built: TinyWarehouse, pupil: str, school: str, last: str, listed: str) -> None:
    assert built.spans(pupil) == [("kuopio", school, day("2025-08-11"), day(last))]
    assert _overlaps(built, pupil) == [("kuopio", listed, day("2025-08-11"))]


def test_of_two_enrolments_from_earlier_years_the_later_start_holds(built: TinyWarehouse) -> None:
    # Starts of August 2023 and August 2024, seen in the school year that began on 1 August 2025.
    assert built.spans("from-last-year") == [("kuopio", "07523", day("2025-08-01"), day("2026-07-31"))]
    assert _overlaps(built, "from-last-year") == [("kuopio", "07526", day("2025-08-01"))]


def test_one_enrolment_after_the_other_is_no_overlap(built: TinyWarehouse) -> None:
    assert built.spans("one-after-other") == [
        ("kuopio", "07522", day("2025-08-11"), day("2025-09-30")),
        ("kuopio", "07523", day("2025-10-01"), day("2026-07-31")),
    ]
    assert _overlaps(built, "one-after-other") == []


def test_one_common_day_is_an_overlap(built: TinyWarehouse) -> None:
    # The last day is included, so 1 October is in both: the one that starts on it holds.
    assert built.enrolled("one-day", "2025-10-01", "school_number") == "07523"
    assert built.enrolled("one-day", "2025-09-30", "school_number") == "07522"
    assert _overlaps(built, "one-day") == [("kuopio", "07522", day("2025-10-01"))]


def test_of_three_enrolments_the_first_does_not_come_back(built: TinyWarehouse) -> None:
    # 11–31 August, 1–10 September, then nothing until 1 October: September has 8 weekdays, 48 lessons.
    assert [(first, last) for _, _, first, last in built.spans("three")] == [
        (day("2025-08-11"), day("2025-08-31")),
        (day("2025-09-01"), day("2025-09-10")),
        (day("2025-10-01"), day("2026-07-31")),
    ]
    assert built.covered("three", "2025-09-01")[0] == 48
    assert _overlaps(built, "three") == [("kuopio", "07522", day("2025-09-01"))]


def test_an_overlap_over_municipalities_is_listed_for_the_one_that_gives_way(built: TinyWarehouse) -> None:
    # Same start, no end: 07522 (Kuopio) is greater than 05994 (Iisalmi).
    assert built.spans("two-municipalities") == [("kuopio", "07522", day("2025-08-11"), day("2026-07-31"))]
    assert _overlaps(built, "two-municipalities") == [("iisalmi", "05994", day("2025-08-11"))]
    assert (
        built.value(
            "select row_count from harmonised.finding where rule = 'enrolment_overlap' and municipality = 'iisalmi'"
        )
        == 1
    )


@pytest.mark.parametrize("pupil", ["tombstone", "withdrawn"])
def test_an_enrolment_that_the_latest_extract_does_not_have_schedules_nothing(built: TinyWarehouse, pupil: str) -> None:
    # One is marked as deleted, the other is left out of the extracts after September.
    assert built.spans(pupil) == []


def test_of_two_rows_of_one_school_and_start_the_later_line_holds(built: TinyWarehouse) -> None:
    assert built.spans("written-twice") == [("kuopio", "07522", day("2025-08-11"), day("2026-07-31"))]
    assert built.enrolled("written-twice", "2025-10-01", "class_name") == "7B"


def test_a_form_that_nobody_knows_is_counted_and_scheduled(built: TinyWarehouse) -> None:
    # 23 weekdays of October, 6 lessons each.
    assert built.counted("unknown-form", "2025-10-01") == {("kuopio", 7)}
    assert built.covered("unknown-form", "2025-10-01")[0] == 138


# From when a change holds


@pytest.mark.parametrize(
    ("on", "grade", "class_name", "home"),
    [
        # The first delivery: from the enrolment's start, not from its night (1 September).
        ("2025-08-11", 7, "7A", "297"),
        ("2025-10-14", 7, "7A", "297"),
        ("2025-10-15", 8, "8B", "749"),
        ("2025-11-09", 8, "8B", "749"),
        # Back in grade 7, from the night that showed it; class and home as they were.
        ("2025-11-10", 7, "8B", "749"),
    ],
)
def test_attributes_hold_from_the_night_they_were_first_seen(
    built: TinyWarehouse, on: str, grade: int, class_name: str, home: str
) -> None:
    said = [built.enrolled("changed", on, column) for column in ("grade", "class_name", "home_municipality")]
    assert said == [grade, class_name, home]


def test_attributes_of_a_new_enrolment_row_hold_from_its_start(built: TinyWarehouse) -> None:
    # Seen on 15 October with the start 15 September; and on 10 November with the start 1 November.
    assert built.enrolled("new-row", "2025-09-15", "grade") == 8
    assert built.enrolled("new-row", "2025-10-31", "grade") == 8
    assert built.enrolled("new-row", "2025-11-01", "grade") == 7


def test_home_education_from_the_night_it_was_seen(built: TinyWarehouse) -> None:
    # Seen on Monday 10 November: 5 weekdays of November before it, 15 from it on.
    assert built.covered("to-home", "2025-11-01")[0] == 30
    assert built.covered("from-home", "2025-11-01")[0] == 90
    assert built.counted("to-home", "2025-10-01") == {("kuopio-2", 7)}
    assert built.counted("to-home", "2025-11-01") == set()
    assert built.counted("from-home", "2025-10-01") == set()
    assert built.counted("from-home", "2025-11-01") == {("kuopio-2", 7)}


@pytest.mark.parametrize("code", ["174", "227", "476", "297"])
def test_old_codes_of_merged_municipalities_are_kuopio(built: TinyWarehouse, code: str) -> None:
    assert built.enrolled(f"home-{code}", "2025-09-01", "home_municipality") == "297"


def test_a_home_municipality_by_code_or_by_the_name_of_a_merged_one(built: TinyWarehouse) -> None:
    assert built.enrolled("home-749", "2025-09-01", "home_municipality") == "749"
    assert built.enrolled("home-maaninka", "2025-09-01", "home_municipality") == "297"


# Who is counted


def test_a_pupil_is_counted_once_where_the_last_day_was(built: TinyWarehouse) -> None:
    # Kuopio to 30 October, Siilinjärvi (grade 8) from the 31st: counted there, the lessons where they were:
    # 22 weekdays × 6 and 1 × 6.
    assert built.counted("moves-on-31", "2025-10-01") == {("siilinjarvi", 8)}
    lessons = built.query(
        """
        select municipality, scheduled_lessons from harmonised.pupil_month
        where person_key = %s and month = %s order by 1
        """,
        key("hetu", "moves-on-31"),
        day("2025-10-01"),
    )
    assert [tuple(row.values()) for row in lessons] == [("kuopio", 132), ("siilinjarvi", 6)]


@pytest.mark.parametrize(
    ("pupil", "expected"),
    [
        ("gone-on-31", set()),
        ("gone-after-31", {("kuopio", 7)}),
        ("grade-10", set()),
        ("grade-0", set()),
        ("no-grade", set()),
        ("home", set()),
        ("preparing", {("kuopio", 7)}),
        ("hospital", {("kuopio", 7)}),
        ("flexible", {("kuopio", 7)}),
        ("home-then-school", {("kuopio", 7)}),
    ],
)
def test_population_of_october(built: TinyWarehouse, pupil: str, expected: set[tuple[str, int]]) -> None:
    assert built.counted(pupil, "2025-10-01") == expected


def test_days_of_home_education_have_no_lessons(built: TinyWarehouse) -> None:
    # At home to 15 October, at school from the 16th: 12 weekdays × 6.
    assert built.covered("home-then-school", "2025-10-01")[0] == 72
    assert built.covered("home-then-school", "2025-09-01")[0] == 0


def test_a_municipality_counts_its_population(built: TinyWarehouse) -> None:
    # Kuopio, October: the pupils of the last day with a grade 1–9, not at home.
    # stranger, greater-school, with-end, both-ends, one-after-other, one-day, three, from-last-year,
    # two-municipalities, gone-after-31, preparing, hospital, flexible, home-then-school, home-174 … home-749 (5),
    # unknown-form, written-twice: 21.
    # Not: leaver, later-start (ended on the 10th), moves-on-31, gone-on-31, the grades 0, 10 and none, home; nor
    # oid-first, whom of two with one start the greater school number has: 07735, Siilinjärvi's.
    rows = built.query(
        """
        select grade_band, pupils from candidate.attendance_monthly
        where month = '2025-10-01' and municipality = 'kuopio' and absence_class = 'all' order by 1
        """
    )
    assert {row["grade_band"]: row["pupils"] for row in rows} == {"1-2": 0, "3-6": 0, "7-9": 21, "all": 21}
