"""Definitions §2, Covered, in hand-worked cases: which days a delivery reports on, and which delivery decides.

6 lessons on every weekday from 11 August 2025 to 9 January 2026. Weekdays: September 22, October 23, November 20. Each
story has a municipality of its own (`kuopio-2` works like Kuopio).
"""

from datetime import date
from typing import Any

import pytest

from tests.dbt.tiny import (
    TinyWarehouse,
    day,
    enrolment,
    hours,
    interval,
    key,
    like,
    mark,
    models,
    month_hours,
    school_days,
    weekdays,
)

AUTUMN = weekdays("2025-08-11", 110)
NIGHT = "2025-12-20"


def _send(warehouse: TinyWarehouse, municipality: str, night: str, absence: Any = (), **more: Any) -> int:
    """A delivery of one municipality: its pupil bears its name, another one is in another school."""
    if municipality != like(municipality) and not warehouse.value(
        "select municipality from reference.municipality where municipality = %s", municipality
    ):
        warehouse.twin(municipality)
    other = "99999"
    return warehouse.deliver(
        municipality,
        night,
        enrolment=[
            enrolment(municipality, municipality),
            enrolment(municipality, f"{municipality} other", school=other),
        ],
        school_day=school_days(municipality, AUTUMN) + school_days(municipality, AUTUMN, school=other),
        support=[],
        absence=list(absence),
        **more,
    )


def _mark(municipality: str, on: str, **more: Any) -> Any:
    return mark(municipality, on, 1, "S", at=municipality, **more)


def _windows(warehouse: TinyWarehouse) -> None:
    """Nights of a source with a window of 20 days; the first covers from 1 August."""
    year = {"covers": ("2025-08-01", "2025-08-31")}
    # The window of 22 September starts on the 2nd, that of 21 September on the 1st.
    _send(warehouse, "kuopio-gap", "2025-09-01", **year)
    _send(warehouse, "kuopio-gap", "2025-09-22")
    _send(warehouse, "kuopio-whole", "2025-09-01", **year)
    _send(warehouse, "kuopio-whole", "2025-09-21")
    # That of 14 October, [24 September, 13 October], arrives after that of 15 October, [25 September, 14 October].
    at = "kuopio-order"
    _send(warehouse, at, "2025-10-15", [_mark(at, "2025-10-14")])
    _send(warehouse, at, "2025-10-14", [_mark(at, "2025-09-24"), _mark(at, "2025-09-25"), _mark(at, "2025-10-13")])
    # A mark that was taken back, one that the second window does not reach, and one of another class.
    at = "kuopio-corrected"
    said = [_mark(at, "2025-09-15"), _mark(at, "2025-09-16"), _mark(at, "2025-10-01")]
    _send(warehouse, at, "2025-10-02", said, covers=("2025-08-01", "2025-10-01"))
    _send(warehouse, at, "2025-10-06", [mark(at, "2025-10-01", 1, "LU", at=at)])
    # A delivery that claims its own day, and one that was refused.
    at = "kuopio-claims"
    _send(warehouse, at, "2025-10-06", [_mark(at, "2025-10-06")], covers=("2025-08-01", "2025-10-06"))
    _send(warehouse, at, "2025-10-10", [_mark(at, "2025-10-01")], status="refused")
    # Rows that could not be read: of a day; of a day of a later window; twice the same; older than another version.
    at = "kuopio-rejected"
    pupil = {"pupil_ref": key(at, at)}
    _send(
        warehouse,
        at,
        "2025-10-02",
        [_mark(at, "2025-09-02"), _mark(at, "2025-09-03")],
        covers=("2025-08-01", "2025-10-01"),
        rejected={
            "absence": [
                {**pupil, "day": day("2025-09-02")},
                {**pupil, "day": day("2025-09-30")},
                {**pupil, "day": day("2025-09-04"), "rule": "duplicate"},
                {**pupil, "rule": "superseded"},
            ]
        },
    )
    _send(warehouse, at, "2025-10-06")
    # Of the pupil nothing could be read.
    at = "kuopio-stranger"
    _send(
        warehouse,
        at,
        "2025-10-02",
        [_mark(at, "2025-09-02"), mark(f"{at} other", "2025-09-02", 1, "S", at=at)],
        covers=("2025-08-01", "2025-10-01"),
        rejected={"absence": [{"school_number": "07522", "day": day("2025-09-02")}]},
    )


def _chains(warehouse: TinyWarehouse) -> None:
    """Everything on 15 September, then increments; each tells since when."""

    def away(at: str, record: str, on: str, **more: Any) -> Any:
        return interval(f"{at} {record}", at, f"{on} 08:15", f"{on} 09:15", "SICK", at=at, **more)

    for at in ("siilinjarvi-broken", "siilinjarvi-mended"):
        _send(warehouse, at, "2025-09-15", [away(at, "first", "2025-09-01")])
        _send(warehouse, at, "2025-10-01", [away(at, "second", "2025-09-16")], since="2025-09-15 02:00")
        # The pull of 20 October is missing.
        _send(warehouse, at, "2025-11-03", [away(at, "lost", "2025-10-21")], since="2025-10-20 02:00")
    at = "siilinjarvi-mended"
    mended = [away(at, "second", "2025-10-02", updated="2025-10-03 08:00"), away(at, "lost", "2025-10-21")]
    _send(warehouse, at, "2025-11-10", mended, since="2025-10-01 02:00")
    # Exactly from where the last one ended, and a minute later.
    for at, since in (("siilinjarvi-touching", "2025-09-15 03:00"), ("siilinjarvi-minute", "2025-09-15 03:01")):
        _send(warehouse, at, "2025-09-15")
        _send(warehouse, at, "2025-10-01", since=since)
    # The data is from the first minutes of 5 November, and the night from the last of it.
    _send(warehouse, "siilinjarvi-early", "2025-11-05", as_of="2025-11-05 00:10")
    _send(warehouse, "siilinjarvi-late", "2025-11-05", as_of="2025-11-05 23:50")
    # A night that was made up for three days later still covers up to the day before it.
    _send(warehouse, "siilinjarvi-made-up", "2025-11-05", as_of="2025-11-08 03:00")
    # Everything anew, without one of the records.
    at = "siilinjarvi-anew"
    _send(warehouse, at, "2025-09-15", [away(at, "kept", "2025-09-01"), away(at, "gone", "2025-09-02")])
    _send(warehouse, at, "2025-10-01", [away(at, "also gone", "2025-09-16")], since="2025-09-15 02:00")
    _send(warehouse, at, "2025-11-03", [away(at, "kept", "2025-09-01")])
    # A record of an increment could not be read; a later one says nothing of that day.
    at = "siilinjarvi-rejected"
    _send(warehouse, at, "2025-09-15")
    refused = {"absence": [{"pupil_ref": key(at, at), "day": day("2025-09-16")}]}
    _send(warehouse, at, "2025-10-01", since="2025-09-15 02:00", rejected=refused)
    _send(warehouse, at, "2025-11-03", since="2025-10-01 02:00")
    # A trip from Monday the 22nd to Wednesday the 24th, an absence since the 22nd whose end could not be read, and a
    # correction of last spring.
    for at, first, last in (
        ("siilinjarvi-trip", "2025-09-22", "2025-09-24"),
        ("siilinjarvi-endless", "2025-09-22", None),
        ("siilinjarvi-spring", "2025-05-25", "2025-05-27"),
    ):
        trip = {"pupil_ref": key(at, at), "earliest_date": day(first), "latest_date": last and day(last)}
        _send(warehouse, at, "2025-09-15")
        _send(warehouse, at, "2025-10-01", since="2025-09-15 02:00", rejected={"absence": [trip]})
        _send(warehouse, at, "2025-11-03", since="2025-10-01 02:00")
    # The trip comes again in the next pull: read, taken back, and rejected again for the 25th alone.
    for name, later, rejected in (
        ("read", [("SICK", False)], []),
        ("gone", [("SICK", True)], []),
        ("again", [], [day("2025-09-25")]),
    ):
        at = f"siilinjarvi-{name}"
        record = {"pupil_ref": key(at, at), "record_key": key(at, "trip")}
        trip = {**record, "earliest_date": day("2025-09-22"), "latest_date": day("2025-09-24")}
        came = [
            interval("", at, "2025-09-22 08:15", "2025-09-24 14:15", code, **record, at=at, deleted=deleted)
            for code, deleted in later
        ]
        _send(warehouse, at, "2025-09-15")
        _send(warehouse, at, "2025-10-01", since="2025-09-15 02:00", rejected={"absence": [trip]})
        again = [{**record, "day": one} for one in rejected]
        _send(warehouse, at, "2025-10-02", came, since="2025-10-01 02:00", rejected={"absence": again})


def _extracts(warehouse: TinyWarehouse) -> None:
    at = "iisalmi-days"
    _send(
        warehouse,
        at,
        "2025-10-01",
        [hours(at, "2025-09-01", 4, "1", at=at)],
        rejected={"absence": [{"pupil_ref": key(at, at), "day": day("2025-09-03")}]},
    )
    _send(warehouse, at, "2025-11-05", [hours(at, "2025-09-02", 3, "1", at=at)])


def _workbooks(warehouse: TinyWarehouse) -> None:
    """October in workbooks of different days; the connector names the months that were over."""

    def october(at: str, *lessons: float | None) -> Any:
        return month_hours(at, "2025-10-01", *lessons, at=at)

    whole = ("2025-08-01", "2025-10-31")
    for name, night in (("on-the-31st", "2025-10-31"), ("on-the-1st", "2025-11-01")):
        at = f"varkaus-{name}"
        # Even if the ledger claims all of October, the night of the 31st comes before its end.
        _send(warehouse, at, night, october(at, 6, 0, 0, 0), covers=whole)
    at = "varkaus-no-row"
    _send(warehouse, at, "2025-11-04", [*month_hours(at, "2025-09-01", 1, 0, 0, 0, at=at)])
    for name, lessons in (("empty", (None,) * 4), ("one-zero", (None, None, None, 0)), ("all-zero", (0,) * 4)):
        at = f"varkaus-{name}"
        _send(warehouse, at, "2025-11-04", october(at, *lessons))
    # A later workbook corrects; another one has lost the row.
    for name, later in (("corrected", (4, 0, 0, 0)), ("row-lost", None)):
        at = f"varkaus-{name}"
        _send(warehouse, at, "2025-11-04", october(at, 6, 0, 0, 0))
        _send(warehouse, at, "2025-11-11", october(at, *later) if later else [])
    # Of one row the month could not be read.
    at = "varkaus-unreadable"
    said = [*month_hours(at, "2025-09-01", 1, 0, 0, 0, at=at), *october(at, 1, 0, 0, 0)]
    _send(warehouse, at, "2025-11-04", said, rejected={"absence": [{"pupil_ref": key(at, at)}]})


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_windows, _chains, _extracts, _workbooks):
        fill(shared_warehouse)
    # The build is of this night.
    _send(shared_warehouse, "kuopio", NIGHT)
    shared_warehouse.build(select=models("pupil_month"))
    return shared_warehouse


def _uncovered(built: TinyWarehouse, municipality: str, first: str, last: str) -> list[date]:
    """School days of the calendar that nobody reports on."""
    rows = built.query(
        """
        select day from harmonised.calendar
        where municipality = %s and school_number <> '99999' and day between %s and %s and not is_covered order by day
        """,
        municipality,
        day(first),
        day(last),
    )
    return [row["day"] for row in rows]


def _absent_days(built: TinyWarehouse, pupil: str) -> list[str]:
    rows = built.query(
        "select distinct day from harmonised.absence where person_key = %s and lessons > 0 order by day",
        key("hetu", pupil),
    )
    return [row["day"].isoformat() for row in rows]


# A window


def test_a_window_is_twenty_days_to_the_day_before(built: TinyWarehouse) -> None:
    # Up to 31 August, and from 2 September to the 21st: Monday the 1st is missing.
    assert _uncovered(built, "kuopio-gap", "2025-08-11", "2025-09-21") == [day("2025-09-01")]
    assert _uncovered(built, "kuopio-gap", "2025-09-22", "2025-09-22") == [day("2025-09-22")]
    # A night earlier it is not.
    assert _uncovered(built, "kuopio-whole", "2025-08-11", "2025-09-20") == []
    assert _uncovered(built, "kuopio-whole", "2025-09-21", "2025-09-22") == [day("2025-09-22")]


def test_the_latest_window_decides_whatever_the_order_of_arrival(built: TinyWarehouse) -> None:
    # 24 September is in the window of the 14th only; of 25 September and 13 October that of the 15th says: present.
    assert _absent_days(built, "kuopio-order") == ["2025-09-24", "2025-10-14"]


def test_a_later_window_replaces_its_days_and_no_others(built: TinyWarehouse) -> None:
    # The window of 6 October starts on 16 September.
    assert _absent_days(built, "kuopio-corrected") == ["2025-09-15", "2025-10-01"]
    assert built.absent("kuopio-corrected", "2025-10-01") == {"unauthorised": 1}


def test_no_delivery_covers_its_own_day(built: TinyWarehouse) -> None:
    assert _uncovered(built, "kuopio-claims", "2025-10-01", "2025-10-07") == [day("2025-10-06"), day("2025-10-07")]
    # What was refused says nothing.
    assert _absent_days(built, "kuopio-claims") == []


def test_a_rejected_row_uncovers_its_day_until_a_later_delivery_covers_it(built: TinyWarehouse) -> None:
    # 2 September is lost with the mark of that day; 30 September is in the window of 6 October; duplicates and older
    # versions hide nothing.
    assert built.covered("kuopio-rejected", "2025-09-01") == (132, 126)
    assert _absent_days(built, "kuopio-rejected") == ["2025-09-03"]
    # Of October the 1st to the 5th are covered: three weekdays.
    assert built.covered("kuopio-rejected", "2025-10-01") == (138, 18)


def test_a_row_of_an_unreadable_pupil_uncovers_the_day_of_its_school(built: TinyWarehouse) -> None:
    assert built.covered("kuopio-stranger", "2025-09-01") == (132, 126)
    assert _absent_days(built, "kuopio-stranger") == []
    # The other school's day stays.
    assert built.covered("kuopio-stranger other", "2025-09-01") == (132, 132)
    assert _absent_days(built, "kuopio-stranger other") == ["2025-09-02"]


# A chain


def test_a_broken_chain_covers_what_it_reached(built: TinyWarehouse) -> None:
    # The increments to 1 October reach 30 September; that of 3 November starts on 20 October.
    assert _uncovered(built, "siilinjarvi-broken", "2025-08-11", "2025-10-05") == weekdays("2025-10-01", 3)
    assert built.covered("siilinjarvi-broken", "2025-10-01") == (138, 0)
    assert _absent_days(built, "siilinjarvi-broken") == ["2025-09-01", "2025-09-16"]


def test_a_mended_chain_covers_all_to_the_day_before(built: TinyWarehouse) -> None:
    # The increment of 10 November starts on 1 October: whole to 9 November, 5 weekdays of November.
    assert built.covered("siilinjarvi-mended", "2025-10-01") == (138, 138)
    assert built.covered("siilinjarvi-mended", "2025-11-01") == (120, 30)
    # Its version of `second` is newer.
    assert _absent_days(built, "siilinjarvi-mended") == ["2025-09-01", "2025-10-02", "2025-10-21"]


def test_an_increment_from_where_the_last_one_ended_breaks_nothing(built: TinyWarehouse) -> None:
    assert _uncovered(built, "siilinjarvi-touching", "2025-08-11", "2025-10-01") == [day("2025-10-01")]
    # To 14 September; 15–30 September has 12 weekdays.
    assert len(_uncovered(built, "siilinjarvi-minute", "2025-08-11", "2025-09-30")) == 12


@pytest.mark.parametrize("municipality", ["siilinjarvi-early", "siilinjarvi-late", "siilinjarvi-made-up"])
def test_a_chain_covers_to_the_day_before_the_sources_moment_in_finland(
    built: TinyWarehouse, municipality: str
) -> None:
    # 00:10 in Finland is still the 4th in UTC.
    assert _uncovered(built, municipality, "2025-11-03", "2025-11-06") == [day("2025-11-05"), day("2025-11-06")]


def test_a_new_full_pull_starts_the_chain_anew(built: TinyWarehouse) -> None:
    assert _absent_days(built, "siilinjarvi-anew") == ["2025-09-01"]
    assert built.covered("siilinjarvi-anew", "2025-10-01") == (138, 138)


def test_a_rejected_record_of_a_chain_uncovers_its_day(built: TinyWarehouse) -> None:
    assert built.covered("siilinjarvi-rejected", "2025-09-01") == (132, 126)
    assert built.covered("siilinjarvi-rejected other", "2025-09-01") == (132, 132)


@pytest.mark.parametrize(
    ("municipality", "september", "october"),
    [
        # 22, 23 and 24 September, and no day that later pulls cover: 22 weekdays less 3.
        ("siilinjarvi-trip", 19 * 6, 23 * 6),
        # From the 22nd on nothing is known: the 15 weekdays before it.
        ("siilinjarvi-endless", 15 * 6, 0),
        # Last spring is no day of this school year.
        ("siilinjarvi-spring", 22 * 6, 23 * 6),
    ],
)
def test_a_rejected_interval_uncovers_the_days_that_it_can_be_about(
    built: TinyWarehouse, municipality: str, september: int, october: int
) -> None:
    assert built.covered(municipality, "2025-09-01") == (132, september)
    assert built.covered(municipality, "2025-10-01") == (138, october)


def test_a_later_version_of_a_rejected_record_covers_its_days_again(built: TinyWarehouse) -> None:
    # To the day before 2 October.
    assert built.covered("siilinjarvi-read", "2025-09-01") == (132, 132)
    assert _absent_days(built, "siilinjarvi-read") == ["2025-09-22", "2025-09-23", "2025-09-24"]
    assert built.covered("siilinjarvi-gone", "2025-09-01") == (132, 132)
    assert _absent_days(built, "siilinjarvi-gone") == []
    # What was rejected again is about the day that it tells now.
    assert built.covered("siilinjarvi-again", "2025-09-01") == (132, 126)


# A full extract


def test_the_latest_extract_decides_all_days_before_it(built: TinyWarehouse) -> None:
    assert _absent_days(built, "iisalmi-days") == ["2025-09-02"]
    # The row that the extract of October could not read is forgotten with it.
    assert built.covered("iisalmi-days", "2025-09-01") == (132, 132)
    assert _uncovered(built, "iisalmi-days", "2025-08-11", "2025-11-06") == [day("2025-11-05"), day("2025-11-06")]


# A month


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("on-the-31st", 0),
        ("on-the-1st", 138),
        ("no-row", 0),
        ("empty", 0),
        ("one-zero", 138),
        ("all-zero", 138),
        ("corrected", 138),
        ("row-lost", 0),
        ("unreadable", 0),
    ],
)
def test_october_of_a_workbook(built: TinyWarehouse, name: str, covered: int) -> None:
    assert built.covered(f"varkaus-{name}", "2025-10-01") == (138, covered)


def test_a_later_workbook_corrects_a_month(built: TinyWarehouse) -> None:
    assert built.absent("varkaus-corrected", "2025-10-01") == {"health": 4}
    # What is not covered has no absence either.
    for name in ("row-lost", "unreadable", "on-the-31st"):
        assert built.absent(f"varkaus-{name}", "2025-08-01", "2025-12-31") == {}


def test_an_unreadable_month_uncovers_the_pupils_whole_workbook(built: TinyWarehouse) -> None:
    assert built.covered("varkaus-unreadable", "2025-09-01") == (132, 0)
    # No row of September, of a pupil with a row of October: only that is reported.
    assert built.covered("varkaus-all-zero", "2025-09-01") == (132, 0)
