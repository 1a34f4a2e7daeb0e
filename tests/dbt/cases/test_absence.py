"""Definitions §2 in hand-worked cases: classes, grains, the cap, rounding.

6 lessons on every weekday from 11 August 2025 to 15 April 2026; in Siilinjärvi from 08:15, 60 minutes each, so school
hours are 08:15–14:15.
"""

from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.tiny import (
    Row,
    TinyWarehouse,
    day,
    enrolment,
    hours,
    interval,
    key,
    mark,
    models,
    month_hours,
    school_days,
    weekdays,
)

YEAR = weekdays("2025-08-11", 178)
NIGHT = "2026-04-15"
SATURDAY = "2025-09-06"


def _mark(pupil: str, on: str, lesson: int, code: str, minutes: int | None = None, **more: Any) -> Row:
    """A mark that also says whose it is."""
    return {**mark(pupil, on, lesson, code, minutes, **more), "name": pupil}


def _kuopio(warehouse: TinyWarehouse) -> None:
    def pair(pupil: str, *codes: str) -> list[Row]:
        """Marks of several teachers on one lesson."""
        return [_mark(pupil, "2025-09-02", 3, code) for code in codes]

    marks = [
        *pair("s-and-h", "S", "H"),
        *pair("p-and-h", "P", "H"),
        *pair("lu-and-p", "P", "LU"),
        *pair("l-and-s", "S", "L"),
        *pair("h-and-l", "L", "H"),
        *pair("m-and-s", "M", "S"),
        *pair("k-and-m", "K", "M"),
        *pair("k-and-s", "K", "S"),
        *pair("same-twice", "S", "S"),
        *pair("k-alone", "K"),
        _mark("above", "2025-09-02", 8, "S"),
        *(_mark("above-all", "2025-09-02", lesson, "S") for lesson in (1, 2, 3, 4, 5, 7)),
        *(
            _mark("cap", "2025-09-02", lesson, code)
            for lesson, code in enumerate(("S", "S", "S", "S", "S", "S", "P", "LU", "LU"), start=1)
        ),
        _mark("saturday", SATURDAY, 1, "S"),
        _mark("saturday", SATURDAY, 2, "LU"),
        _mark("not-yet", "2025-09-30", 1, "S"),
        _mark("no-more", "2025-10-01", 1, "S"),
        _mark("cleared", "2025-09-02", 1, "LU", cleared="kyllä"),
        _mark("cleared", "2025-09-02", 2, "S", cleared="ei"),
        _mark("minutes", "2025-09-02", 1, "M", 7),
        _mark("minutes", "2025-09-02", 2, "M", 12),
        _mark("no-minutes", "2025-09-02", 1, "M"),
        _mark("validity", "2025-09-30", 1, "X"),
        _mark("validity", "2025-10-01", 1, "X"),
        _mark("cleared-validity", "2025-09-30", 1, "X", cleared="A"),
        _mark("cleared-validity", "2025-10-01", 1, "X", cleared="A"),
        _mark("cleared-validity", "2025-10-02", 1, "X", cleared="B"),
        _mark("unknown-yet", "2025-09-30", 1, "Y"),
        _mark("unknown-yet", "2025-09-30", 2, "S"),
        _mark("unknown-yet", "2025-10-01", 1, "Y"),
    ]
    # Kuopio's enrolment of this pupil holds over Iisalmi's: the greater school number.
    marks.append(_mark("displaced", "2025-09-02", 1, "S"))
    others: dict[str, dict[str, Any]] = {"not-yet": {"first": "2025-10-01"}, "no-more": {"last": "2025-09-30"}}
    names = dict.fromkeys(row.pop("name") for row in marks)
    warehouse.deliver(
        "kuopio",
        NIGHT,
        covers=("2025-08-01", "2026-04-14"),
        enrolment=[enrolment("kuopio", name, **others.get(name, {})) for name in names],
        school_day=school_days("kuopio", YEAR),
        support=[],
        absence=marks,
    )
    # The municipality's table: X changed its meaning with October, Y came into use then.
    for code, cleared, absence_class, first, last in (
        ("X", None, "health", "2011-01-01", "2025-09-30"),
        ("X", None, "leave", "2025-10-01", None),
        ("X", "A", "other_accepted", "2011-01-01", "2025-09-30"),
        ("X", "A", "school_activity", "2025-10-01", None),
        ("Y", None, "health", "2025-10-01", None),
    ):
        warehouse.connection.execute(
            "insert into reference.absence_crosswalk values ('kuopio', %s, %s, %s, %s, %s, 'reviewer', '2025-08-01')",
            (code, cleared, absence_class, day(first), last and day(last)),
        )


def _iisalmi(warehouse: TinyWarehouse) -> None:
    on = "2025-09-02"
    rows = {
        "adds": [hours("adds", on, Decimal("1.5"), "1"), hours("adds", on, 2, "1", record_key=key("second"))],
        "cap-tenths": [
            hours("cap-tenths", on, Decimal("2.5"), "3"),
            hours("cap-tenths", on, Decimal("1.25"), "9"),
            hours("cap-tenths", on, 3, "2"),
            hours("cap-tenths", on, 1, "1"),
        ],
        "cap-reached": [hours("cap-reached", on, 4, "3"), hours("cap-reached", on, 2, "1")],
        "code-alone": [hours("code-alone", on, 1, "3", "K"), hours("code-alone", on, 2, "1", "E")],
        "activity": [hours("activity", on, 4, "5"), hours("activity", on, 6, "1")],
        "tombstone": [hours("tombstone", on, 6, "1", deleted=True)],
        "all-classes": [hours("all-classes", on, 1, code) for code in ("1", "2", "3", "4", "5", "9")],
        "quarters": [hours("quarters", on, Decimal("0.0001"), "1")],
        "displaced": [hours("displaced", on, 2, "3")],
    }
    pupils: dict[str, Any] = {
        "enrolment": [enrolment("iisalmi", name) for name in (*rows, "corrected", "removed")],
        "school_day": school_days("iisalmi", YEAR),
        "support": [],
    }
    before = [hours("corrected", on, 4, "1"), hours("removed", on, 4, "1")]
    warehouse.deliver("iisalmi", "2025-10-01", absence=before, **pupils)
    after = [hours("corrected", on, 2, "1"), *(row for of_pupil in rows.values() for row in of_pupil)]
    warehouse.deliver("iisalmi", NIGHT, absence=after, **pupils)


def _siilinjarvi(warehouse: TinyWarehouse) -> None:
    """Intervals; Monday 6 October 2025 unless said otherwise. The chain: 15 September, 3 November, 15 April."""
    at = "2025-10-06"
    rows = {
        "first-lesson": [(f"{at} 08:15", f"{at} 09:15", "SICK")],
        "before-school": [(f"{at} 06:00", f"{at} 08:15", "SICK")],
        "after-school": [(f"{at} 14:15", f"{at} 20:00", "SICK")],
        "into-school": [(f"{at} 07:00", f"{at} 08:45", "SICK")],
        "no-time": [(f"{at} 10:15", f"{at} 10:15", "SICK")],
        "over-midnight": [(f"{at} 13:15", "2025-10-07 09:15", "SICK")],
        "from-midnight": [("2025-10-07 00:00", "2025-10-08 00:00", "SICK")],
        "weekend": [("2025-10-03 00:00", "2025-10-06 00:00", "SICK")],
        # Clocks go forward on Sunday 29 March 2026.
        "spring": [("2026-03-27 10:15", "2026-03-30 09:15", "SICK")],
        "ten-and-ten": [(f"{at} 08:15", f"{at} 08:25", "SICK"), (f"{at} 10:15", f"{at} 10:25", "SICK")],
        "union": [(f"{at} 10:15", f"{at} 12:15", "SICK"), (f"{at} 11:15", f"{at} 13:15", "SICK")],
        "touching": [(f"{at} 10:15", f"{at} 11:15", "SICK"), (f"{at} 11:15", f"{at} 12:15", "SICK")],
        "layers": [
            (f"{at} 08:15", f"{at} 14:15", "SICK"),
            (f"{at} 09:15", f"{at} 12:15", "LEAVE"),
            (f"{at} 10:15", f"{at} 11:15", "UNAUTH"),
        ],
        "layers-2": [
            (f"{at} 08:15", f"{at} 10:15", "OTHER"),
            (f"{at} 09:15", f"{at} 11:15", "UNKNOWN"),
            (f"{at} 08:15", f"{at} 12:15", "LEAVE"),
        ],
        "activity-and-sick": [(f"{at} 08:15", f"{at} 14:15", "SCHOOL"), (f"{at} 12:15", f"{at} 14:15", "SICK")],
        "late-while-away": [
            (f"{at} 08:15", f"{at} 09:15", "SICK"),
            (f"{at} 08:20", f"{at} 08:30", "LATE"),
            (f"{at} 09:05", f"{at} 09:25", "LATE"),
        ],
        "away-all-day": [(f"{at} 08:15", f"{at} 14:15", "SICK"), (f"{at} 09:15", f"{at} 09:30", "LATE")],
        "unenrolled": [("2025-09-30 08:15", "2025-10-01 14:15", "SICK")],
        # Lessons of 32 and of 45 minutes.
        "half-up": [("2025-10-08 08:15", "2025-10-08 08:16", "SICK")],
        "half-up-2": [("2025-10-08 08:15", "2025-10-08 08:18", "SICK")],
        "slot-45": [("2025-10-09 08:15", "2025-10-09 08:35", "SICK")],
        "slot-45-all": [("2025-10-09 00:00", "2025-10-10 00:00", "SICK")],
    }
    absences = [
        interval(f"{pupil}-{number}", pupil, first, last, code)
        for pupil, said in rows.items()
        for number, (first, last, code) in enumerate(said)
    ]
    versions = ("late-version", "late-tombstone", "created-again", "moved-away")
    short = {day("2025-10-08"): 32, day("2025-10-09"): 45}
    pupils: dict[str, Any] = {
        "enrolment": [
            enrolment("siilinjarvi", name, first="2025-10-01" if name == "unenrolled" else "2025-08-11")
            for name in (*rows, *versions)
        ],
        "school_day": [
            row for one in YEAR for row in school_days("siilinjarvi", [one], slot_minutes=short.get(one, 60))
        ],
        "support": [],
    }
    whole, two = ("2025-09-01 08:15", "2025-09-01 14:15"), ("2025-09-01 08:15", "2025-09-01 10:15")
    warehouse.deliver(
        "siilinjarvi",
        "2025-09-15",
        absence=[
            interval("v", "late-version", *whole, "SICK", "2025-09-10 08:00"),
            interval("t", "late-tombstone", *whole, "SICK", "2025-09-10 08:00"),
            interval("c", "created-again", *whole, "SICK", "2025-09-10 08:00"),
            interval("m", "moved-away", *whole, "SICK", "2025-09-10 08:00"),
        ],
        **pupils,
    )
    warehouse.deliver(
        "siilinjarvi",
        "2025-11-03",
        since="2025-09-15 02:00",
        absence=[
            *absences,
            # Older than what the first pull had.
            interval("v", "late-version", *two, "UNAUTH", "2025-09-05 08:00"),
            interval("t", "late-tombstone", *whole, "SICK", "2025-09-05 08:00", deleted=True),
            interval("c", "created-again", *whole, "SICK", "2025-10-01 08:00", deleted=True),
            # The record was moved to another day.
            interval("m", "moved-away", "2025-10-06 08:15", "2025-10-06 10:15", "SICK", "2025-10-01 08:00"),
        ],
        **pupils,
    )
    warehouse.deliver(
        "siilinjarvi",
        NIGHT,
        since="2025-11-03 02:00",
        absence=[interval("c", "created-again", *two, "SICK", "2025-11-10 08:00")],
        **pupils,
    )


def _varkaus(warehouse: TinyWarehouse) -> None:
    """Enrolled from Monday 20 October: 10 weekdays, 60 lessons of October."""
    first = {"month-cap": "2025-10-20", "month-reached": "2025-10-20", "not-in-october": "2025-11-03"}
    warehouse.deliver(
        "varkaus",
        "2025-12-02",
        enrolment=[
            enrolment("varkaus", name, first=first.get(name, "2025-08-11")) for name in (*first, "zero-only", "tenths")
        ],
        school_day=school_days("varkaus", YEAR),
        support=[],
        absence=[
            *month_hours("month-cap", "2025-10-01", 50, 8, 6, 1),
            *month_hours("month-reached", "2025-10-01", 45, 8, 6, 1),
            *month_hours("not-in-october", "2025-10-01", 5, 0, 0, 0),
            *month_hours("zero-only", "2025-10-01", None, None, 0, None),
            *month_hours("tenths", "2025-10-01", 2.5, None, 0.25, None),
        ],
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_kuopio, _iisalmi, _siilinjarvi, _varkaus):
        fill(shared_warehouse)
    shared_warehouse.build(select=models("pupil_month", "absence_surplus", "finding"))
    return shared_warehouse


@pytest.mark.parametrize(
    ("pupil", "expected"),
    [
        # In the table's order: unauthorised, unclarified, other_accepted, leave, health, late, school_activity.
        ("lu-and-p", {"unauthorised": 1}),
        ("p-and-h", {"unclarified": 1}),
        ("h-and-l", {"other_accepted": 1}),
        ("s-and-h", {"other_accepted": 1}),
        ("l-and-s", {"leave": 1}),
        ("m-and-s", {"health": 1}),
        ("k-and-s", {"health": 1}),
        ("same-twice", {"health": 1}),
        # Neither is an absence.
        ("k-and-m", {}),
        ("k-alone", {}),
        ("minutes", {}),
    ],
)
def test_one_lesson_one_class(built: TinyWarehouse, pupil: str, expected: dict[str, int]) -> None:
    assert built.absent(pupil, "2025-09-02") == expected


def _late(built: TinyWarehouse, pupil: str) -> list[tuple[Any, ...]]:
    rows = built.query(
        """
        select lessons, late_marks, late_minutes from harmonised.absence
        where person_key = %s and absence_class = 'late'
        """,
        key("hetu", pupil),
    )
    return [tuple(row.values()) for row in rows]


def test_late_is_marks_and_minutes_where_given(built: TinyWarehouse) -> None:
    # 7 + 12 minutes; a mark without minutes is a mark; beside school activity late comes first; beside an absence not.
    assert _late(built, "minutes") == [(0, 2, 19)]
    assert _late(built, "no-minutes") == [(0, 1, None)]
    assert _late(built, "k-and-m") == [(0, 1, None)]
    assert _late(built, "m-and-s") == []


def test_who_was_away_was_not_late(built: TinyWarehouse) -> None:
    # Each instant takes the first class: of 8.20–8.30 nothing is left, of 9.05–9.25 the 10 minutes from 9.15.
    assert _late(built, "late-while-away") == [(0, 1, 10)]
    assert built.absent("late-while-away", "2025-10-06") == {"health": 1}
    assert _late(built, "away-all-day") == []
    assert built.absent("away-all-day", "2025-10-06") == {"health": 6}


def test_a_lesson_number_above_the_days_lessons_is_no_error(built: TinyWarehouse) -> None:
    # Lesson 8 of a day of 6 is one lesson; with 1–5 and 7 six are absent, and nothing is surplus.
    assert built.absent("above", "2025-09-02") == {"health": 1}
    assert built.absent("above-all", "2025-09-02") == {"health": 6}
    assert built.surplus("above") == built.surplus("above-all") == {}


def test_marks_are_capped_in_the_tables_order(built: TinyWarehouse) -> None:
    # LU 2, P 1, S 6 on a day of 6: unauthorised 2, unclarified 1, health 3; 3 lessons of health are surplus.
    assert built.absent("cap", "2025-09-02") == {"unauthorised": 2, "unclarified": 1, "health": 3}
    assert built.surplus("cap") == {"health": 3}


def test_nothing_scheduled_nothing_absent(built: TinyWarehouse) -> None:
    assert built.absent("saturday", SATURDAY) == {}
    assert built.surplus("saturday") == {"health": 1, "unauthorised": 1}
    # The day before the enrolment's first and the day after its last.
    for pupil in ("not-yet", "no-more"):
        assert built.absent(pupil, "2025-08-01", "2026-07-31") == {}
        assert built.surplus(pupil) == {"health": 1}


def test_surplus_is_a_finding_of_the_municipality(built: TinyWarehouse) -> None:
    # By pupil, day and class. Kuopio: cap 1, saturday 2, not-yet 1, no-more 1. Varkaus: month-cap, not-in-october.
    # Iisalmi: cap-tenths, leave and health; displaced. All other cases fit.
    rows = built.query("select municipality, row_count from harmonised.finding where rule = 'absence_surplus'")
    assert {row["municipality"]: row["row_count"] for row in rows} == {"kuopio": 5, "iisalmi": 3, "varkaus": 2}


def test_the_class_comes_from_the_code_alone(built: TinyWarehouse) -> None:
    assert built.absent("cleared", "2025-09-02") == {"unauthorised": 1, "health": 1}
    # Iisalmi's flag counts for code 9 only.
    assert built.absent("code-alone", "2025-09-02") == {"unauthorised": 1, "health": 2}


def test_a_code_means_what_the_table_says_on_that_day(built: TinyWarehouse) -> None:
    assert built.absent("validity", "2025-09-30") == {"health": 1}
    assert built.absent("validity", "2025-10-01") == {"leave": 1}
    # Cleared X is other_accepted to 30 September, then school activity, which is no absence; B is no flag of X.
    assert built.absent("cleared-validity", "2025-09-30") == {"other_accepted": 1}
    assert built.absent("cleared-validity", "2025-10-01") == {}
    assert built.surplus("cleared-validity") == {}
    assert built.absent("cleared-validity", "2025-10-02") == {"leave": 1}


def test_a_day_with_an_unknown_code_is_not_covered(built: TinyWarehouse) -> None:
    # Y is not known on 30 September: of the 22 weekdays 21 are covered, and that day's S is no covered absence.
    assert built.covered("unknown-yet", "2025-09-01") == (132, 126)
    assert built.absent("unknown-yet", "2025-09-30") == {}
    assert built.absent("unknown-yet", "2025-10-01") == {"health": 1}


@pytest.mark.parametrize(
    ("pupil", "expected", "surplus"),
    [
        ("adds", {"health": Decimal("3.5")}, {}),
        # 2.5 + 1.25 of 6 leave 2.25 for leave of 3, and nothing for health.
        (
            "cap-tenths",
            {"unauthorised": Decimal("2.5"), "unclarified": Decimal("1.25"), "leave": Decimal("2.25")},
            {"leave": Decimal("0.75"), "health": 1},
        ),
        ("cap-reached", {"unauthorised": 4, "health": 2}, {}),
        # Activity of the school takes no room.
        ("activity", {"health": 6}, {}),
        ("tombstone", {}, {}),
        ("all-classes", {"unauthorised": 1, "unclarified": 1, "other_accepted": 1, "leave": 1, "health": 1}, {}),
        ("quarters", {"health": Decimal("0.0001")}, {}),
        # The extract of October said 4 hours for both.
        ("corrected", {"health": 2}, {}),
        ("removed", {}, {}),
        # Enrolled in Kuopio, too, which schedules the day: one mark there; Iisalmi's hours are surplus.
        ("displaced", {"health": 1}, {"unauthorised": 2}),
    ],
)
def test_hours_of_a_day(built: TinyWarehouse, pupil: str, expected: dict[str, Any], surplus: dict[str, Any]) -> None:
    assert built.absent(pupil, "2025-09-02") == expected
    assert built.surplus(pupil) == surplus


@pytest.mark.parametrize(
    ("pupil", "expected"),
    [
        ("first-lesson", {"2025-10-06": 1}),
        # [from, to) ends where school begins, and begins where it ends.
        ("before-school", {}),
        ("after-school", {}),
        # 08:15–08:45 of 60 minutes.
        ("into-school", {"2025-10-06": Decimal("0.5")}),
        ("no-time", {}),
        ("over-midnight", {"2025-10-06": 1, "2025-10-07": 1}),
        ("from-midnight", {"2025-10-07": 6}),
        # Friday to Sunday: Friday's 6.
        ("weekend", {"2025-10-03": 6}),
        # Friday 10:15–14:15 in winter time, Monday 08:15–09:15 in summer time.
        ("spring", {"2026-03-27": 4, "2026-03-30": 1}),
        # 20 minutes ÷ 60; each of 10 would be 0.1667 and their sum 0.3334.
        ("ten-and-ten", {"2025-10-06": Decimal("0.3333")}),
        # 10:15–13:15, never 2 + 2.
        ("union", {"2025-10-06": 3}),
        ("touching", {"2025-10-06": 2}),
        # 1 ÷ 32 = 0.03125 and 3 ÷ 32 = 0.09375: half up at the fifth place.
        ("half-up", {"2025-10-08": Decimal("0.0313")}),
        ("half-up-2", {"2025-10-08": Decimal("0.0938")}),
        # 20 ÷ 45 = 0.4444…; 6 × 45 minutes are 08:15–12:45.
        ("slot-45", {"2025-10-09": Decimal("0.4444")}),
        ("slot-45-all", {"2025-10-09": 6}),
        # Enrolled from 1 October.
        ("unenrolled", {"2025-10-01": 6}),
        # Of a record the version with the greatest updatedAt, whenever it came.
        ("late-version", {"2025-09-01": 6}),
        ("late-tombstone", {"2025-09-01": 6}),
        ("created-again", {"2025-09-01": 2}),
        ("moved-away", {"2025-10-06": 2}),
    ],
)
def test_lessons_of_intervals(built: TinyWarehouse, pupil: str, expected: dict[str, Any]) -> None:
    rows = built.query(
        """
        select day, sum(lessons) as lessons from harmonised.absence
        where person_key = %s and lessons > 0 group by day
        """,
        key("hetu", pupil),
    )
    assert {row["day"].isoformat(): row["lessons"] for row in rows} == expected
    assert set(built.absent(pupil, "2025-08-01", "2026-07-31")) <= {"health"}


@pytest.mark.parametrize(
    ("pupil", "expected"),
    [
        # UNAUTH 10:15–11:15; LEAVE 9:15–10:15 and 11:15–12:15; SICK 8:15–9:15 and 12:15–14:15.
        ("layers", {"unauthorised": 1, "leave": 2, "health": 3}),
        # UNKNOWN 9:15–11:15; OTHER 8:15–9:15; LEAVE 11:15–12:15.
        ("layers-2", {"unclarified": 2, "other_accepted": 1, "leave": 1}),
        ("activity-and-sick", {"health": 2}),
    ],
)
def test_each_instant_takes_the_first_class(built: TinyWarehouse, pupil: str, expected: dict[str, int]) -> None:
    assert built.absent(pupil, "2025-10-06") == expected


@pytest.mark.parametrize(
    ("pupil", "expected", "surplus"),
    [
        # 6 + 1 + 8 leave 45 of 60 for health of 50.
        ("month-cap", {"unauthorised": 6, "unclarified": 1, "leave": 8, "health": 45}, {"health": 5}),
        ("month-reached", {"unauthorised": 6, "unclarified": 1, "leave": 8, "health": 45}, {}),
        ("not-in-october", {}, {"health": 5}),
        ("zero-only", {}, {}),
        ("tenths", {"unauthorised": Decimal("0.25"), "health": Decimal("2.5")}, {}),
    ],
)
def test_hours_of_a_month(built: TinyWarehouse, pupil: str, expected: dict[str, Any], surplus: dict[str, Any]) -> None:
    assert built.absent(pupil, "2025-10-01") == expected
    assert built.surplus(pupil) == surplus
