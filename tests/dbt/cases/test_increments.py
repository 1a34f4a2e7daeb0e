"""What a later delivery says otherwise is redone by an increment, whatever field it changes.

Two nights, built one after the other; the second one changes one field of one record on each of the days below, and
takes nothing else back. 6 lessons on every weekday from 11 August 2025 on, 08:15 to 14:15.
"""

from typing import Any

import pytest

from tests.dbt.tiny import (
    TinyWarehouse,
    day,
    enrolment,
    hours,
    interval,
    key,
    mark,
    month_hours,
    school_days,
    weekdays,
)

YEAR = weekdays("2025-08-11", 120)
FIRST, SECOND = "2026-01-05", "2026-01-20"
UNTOUCHED = "2025-10-20"

# Pupil → absences of the first night, those of the second. Every pupil has a day of its own, because a day is redone
# for a whole municipality.
KUOPIO: dict[str, tuple[list[Any], list[Any]]] = {
    "k from": ([mark("k from", "2025-09-01", 1, "S")], []),
    "k to": ([], [mark("k to", "2025-09-01", 1, "S")]),
    # Two lessons become one, of the class that comes first.
    "k lesson": (
        [mark("k lesson", "2025-09-02", 1, "S"), mark("k lesson", "2025-09-02", 2, "LU")],
        [mark("k lesson", "2025-09-02", 1, "S"), mark("k lesson", "2025-09-02", 1, "LU")],
    ),
    "k code": ([mark("k code", "2025-09-03", 1, "S")], [mark("k code", "2025-09-03", 1, "L")]),
    "k minutes": ([mark("k minutes", "2025-09-04", 1, "M", 10)], [mark("k minutes", "2025-09-04", 1, "M", 25)]),
    "k given": ([mark("k given", "2025-09-05", 1, "M")], [mark("k given", "2025-09-05", 1, "M", 5)]),
    "k cleared": ([mark("k cleared", "2025-09-08", 1, "X")], [mark("k cleared", "2025-09-08", 1, "X", cleared="A")]),
    "k gone": ([mark("k gone", "2025-09-09", 1, "S")], []),
    "k new": ([], [mark("k new", "2025-09-10", 1, "S")]),
    "k same": ([mark("k same", UNTOUCHED, 1, "S")], [mark("k same", UNTOUCHED, 1, "S")]),
}


def _month(pupil: str, month: str, ill: int | None, on_leave: int | None = 0) -> list[Any]:
    return month_hours(pupil, month, ill, on_leave, None, None)


CODED, CLEARED = {"record_key": key("coded")}, {"record_key": key("cleared")}
IISALMI: dict[str, tuple[list[Any], list[Any]]] = {
    "i from": ([hours("i from", "2025-09-01", 2, "1")], []),
    "i to": ([], [hours("i to", "2025-09-01", 2, "1")]),
    "i lessons": ([hours("i lessons", "2025-09-02", 2, "1")], [hours("i lessons", "2025-09-02", 3, "1")]),
    "i code": (
        [hours("i code", "2025-09-03", 2, "1", **CODED)],
        [hours("i code", "2025-09-03", 2, "3", **CODED)],
    ),
    "i cleared": (
        [hours("i cleared", "2025-09-04", 2, "9", "E", **CLEARED)],
        [hours("i cleared", "2025-09-04", 2, "9", "K", **CLEARED)],
    ),
    "i deleted": ([hours("i deleted", "2025-09-05", 2, "1")], [hours("i deleted", "2025-09-05", 2, "1", deleted=True)]),
    "i same": ([hours("i same", UNTOUCHED, 2, "1")], [hours("i same", UNTOUCHED, 2, "1")]),
}
# Of a monthly source the whole month is redone: each has a month of its own.
VARKAUS: dict[str, tuple[list[Any], list[Any]]] = {
    "v lessons": (_month("v lessons", "2025-08-01", 6), _month("v lessons", "2025-08-01", 8)),
    "v reason": (_month("v reason", "2025-09-01", 5, 0), _month("v reason", "2025-09-01", 0, 5)),
    # Nothing was told of this pupil's month, and then that there was no absence.
    "v told": (_month("v told", "2025-10-01", None, None), _month("v told", "2025-10-01", 0, None)),
    "v from": (_month("v from", "2025-11-01", 4), []),
    "v to": ([], _month("v to", "2025-11-01", 4)),
}
LATER = {"updated": "2026-01-12 12:00"}


def _away(pupil: str, on: str, first: str = "08:15", last: str = "10:15", code: str = "SICK", **more: Any) -> Any:
    return interval(f"{pupil} {on}", pupil, f"{on} {first}", f"{on} {last}", code, **more)


# A chain brings changed records only.
SIILINJARVI: dict[str, tuple[list[Any], list[Any]]] = {
    "s end": ([_away("s end", "2025-09-01")], [_away("s end", "2025-09-01", last="11:15", **LATER)]),
    "s start": ([_away("s start", "2025-09-02")], [_away("s start", "2025-09-02", first="09:15", **LATER)]),
    "s code": ([_away("s code", "2025-09-03")], [_away("s code", "2025-09-03", code="UNAUTH", **LATER)]),
    "s deleted": ([_away("s deleted", "2025-09-04")], [_away("s deleted", "2025-09-04", deleted=True, **LATER)]),
    "s new": ([], [_away("s new", "2025-09-05", **LATER)]),
    "s cleared": (
        [_away("s cleared", "2025-09-08", code="X")],
        [_away("s cleared", "2025-09-08", code="X", cleared="A")],
    ),
    "s same": ([_away("s same", UNTOUCHED)], []),
}
# Nothing of the past changes here.
QUIET = {
    "quiet": ([hours("quiet", UNTOUCHED, 2, "1", at="iisalmi-2")], [hours("quiet", UNTOUCHED, 2, "1", at="iisalmi-2")])
}
SOURCES = {"kuopio": KUOPIO, "iisalmi": IISALMI, "varkaus": VARKAUS, "siilinjarvi": SIILINJARVI, "iisalmi-2": QUIET}


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    warehouse = shared_warehouse
    warehouse.twin("iisalmi-2")
    for municipality in ("kuopio", "siilinjarvi"):
        for code, cleared, absence_class in (("X", None, "health"), ("X", "A", "other_accepted")):
            warehouse.connection.execute(
                "insert into reference.absence_crosswalk "
                "values (%s, %s, %s, %s, '2011-01-01', null, 'reviewer', '2025-08-01')",
                (municipality, code, cleared, absence_class),
            )
    for place, night in enumerate((FIRST, SECOND)):
        for municipality, pupils in SOURCES.items():
            more: dict[str, Any] = {}
            if municipality == "kuopio":
                more["covers"] = ("2025-08-01", "2026-01-19" if night == SECOND else "2026-01-04")
            if municipality == "siilinjarvi" and night == SECOND:
                more["since"] = f"{FIRST} 02:00"
            warehouse.deliver(
                municipality,
                night,
                enrolment=[enrolment(municipality, pupil) for pupil in pupils],
                school_day=school_days(municipality, YEAR),
                support=[],
                absence=[row for nights in pupils.values() for row in nights[place]],
                **more,
            )
        warehouse.build()
    return warehouse


@pytest.mark.parametrize(
    ("pupil", "expected"),
    [
        ("k from", {}),
        ("k to", {"health": 1}),
        ("k lesson", {"unauthorised": 1}),
        ("k code", {"leave": 1}),
        ("k cleared", {"other_accepted": 1}),
        ("k gone", {}),
        ("k new", {"health": 1}),
        ("k same", {"health": 1}),
        ("i from", {}),
        ("i to", {"health": 2}),
        ("i lessons", {"health": 3}),
        ("i code", {"unauthorised": 2}),
        ("i cleared", {"other_accepted": 2}),
        ("i deleted", {}),
        ("i same", {"health": 2}),
        ("v lessons", {"health": 8}),
        ("v reason", {"leave": 5}),
        ("v told", {}),
        ("v from", {}),
        ("v to", {"health": 4}),
        # 08:15 to 11:15; 09:15 to 10:15.
        ("s end", {"health": 3}),
        ("s start", {"health": 1}),
        ("s code", {"unauthorised": 2}),
        ("s deleted", {}),
        ("s new", {"health": 2}),
        ("s cleared", {"other_accepted": 2}),
        ("s same", {"health": 2}),
    ],
)
def test_a_changed_record_counts_as_it_is_now(built: TinyWarehouse, pupil: str, expected: dict[str, int]) -> None:
    assert built.absent(pupil, "2025-08-01", "2026-01-31") == expected


@pytest.mark.parametrize(
    ("pupil", "expected"),
    # Marks of being late, and their minutes; other absences have neither.
    [
        ("k minutes", (1, 25)),
        ("k given", (1, 5)),
        ("k code", (0, None)),
        ("i lessons", (0, None)),
        ("s end", (0, None)),
    ],
)
def test_being_late_counts_as_it_is_now(built: TinyWarehouse, pupil: str, expected: tuple[int, int | None]) -> None:
    (row,) = built.query(
        "select sum(late_marks) as marks, sum(late_minutes) as minutes from harmonised.absence where person_key = %s",
        key("hetu", pupil),
    )
    assert (row["marks"], row["minutes"]) == expected


def test_a_month_that_is_told_of_later_is_covered_then(built: TinyWarehouse) -> None:
    # October has 23 weekdays of 6 lessons.
    assert built.covered("v told", "2025-10-01") == (138, 138)
    assert built.covered("v from", "2025-11-01") == (120, 0)


def test_a_sunday_that_is_past_stays_only_where_it_can_be_a_reach(built: TinyWarehouse) -> None:
    """The last two covered Sundays are kept of everybody; that of 28 December was one of them on the first night.

    Two lessons of the 360 in twelve weeks are far below the tenth from which an older Sunday matters.
    """
    kept = built.query(
        "select week_end from harmonised.pupil_twelve_weeks where person_key = %s order by 1", key("hetu", "quiet")
    )
    assert [row["week_end"] for row in kept] == [day("2026-01-11"), day("2026-01-18")]


def test_the_second_build_was_an_increment(built: TinyWarehouse) -> None:
    touched = {
        (row["municipality"], row["day"])
        for row in built.query("select municipality, day from harmonised.touched_day where day < '2025-10-30'")
    }
    assert day(UNTOUCHED) not in {one for _, one in touched}
    assert {("kuopio", day("2025-09-01")), ("siilinjarvi", day("2025-09-01"))} <= touched
