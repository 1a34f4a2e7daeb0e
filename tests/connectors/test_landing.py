"""Frames to PostgreSQL: every landing type arrives as the value that it was."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import polars as pl
import psycopg
import pytest

from connectors.check import check_delivery
from connectors.delivery import RawDelivery
from pipeline.landing import copy_frame
from tests.connectors.samples import (
    HETU_1,
    KEYS,
    OID_1,
    iisalmi,
    interval,
    kuopio,
    municipality,
    poissaolo,
    siilinjarvi,
    support_period,
    varkaus,
)


def land(connection: psycopg.Connection, raw: RawDelivery, delivery_id: int = 7) -> None:
    for part in check_delivery(raw, municipality(raw.municipality), KEYS).datasets.values():
        assert copy_frame(connection, part.table, part.frame, delivery_id) == part.frame.height


def test_uuids_dates_and_texts_arrive(connection: psycopg.Connection) -> None:
    land(connection, kuopio(marks=[f"1;{OID_1};07522;06.10.2025;3;MA;M;5;;kyllä"]))
    assert connection.execute("select * from landing.absence_lesson").fetchall() == [
        (7, 1, KEYS.uuid("pupil", OID_1), date(2025, 10, 6), 3, "M", 5, "kyllä")
    ]
    query = "select pupil_ref, hetu_key, oppijanumero_key, deleted from landing.enrolment where row_number = 1"
    assert connection.execute(query).fetchone() == (
        KEYS.uuid("pupil", OID_1),
        KEYS.uuid("hetu", HETU_1),
        KEYS.uuid("oppijanumero", OID_1),
        False,
    )


def test_moments_lists_and_times_arrive(connection: psycopg.Connection) -> None:
    days = [
        {
            "schoolNumber": "07735",
            "date": "2025-10-06",
            "grade": 7,
            "lessons": 6,
            "dayStart": "08:15",
            "slotMinutes": 60,
        }
    ]
    periods = [support_period(measures=["AIDS", "ASSISTANT"]), support_period(id="support-0002")]
    land(connection, siilinjarvi(absences=[interval(to=None)], periods=periods, days=days))
    connection.execute("set time zone 'UTC'")
    assert connection.execute("select starts_at, ends_at from landing.absence_interval").fetchall() == [
        (datetime(2025, 10, 6, 7, 15, tzinfo=UTC), None)
    ]
    assert connection.execute(
        "select marks, cardinality(marks) from landing.support order by row_number"
    ).fetchall() == [
        (["AIDS", "ASSISTANT"], 2),
        ([], 0),
    ]
    query = "select school_number, day, lessons, day_start, slot_minutes from landing.school_day"
    assert connection.execute(query).fetchall() == [("07735", date(2025, 10, 6), Decimal("6.00"), time(8, 15), 60)]


def test_decimals_arrive_exactly(connection: psycopg.Connection) -> None:
    hours = ["0", "0.0001", "4", "12.3456", "23.9999"]
    land(connection, iisalmi(absences=[poissaolo(poissaolo_id=n, tunnit=text) for n, text in enumerate(hours)]))
    rows = connection.execute("select lessons from landing.absence_day order by row_number").fetchall()
    assert [value for (value,) in rows] == [Decimal(text) for text in hours]
    land(connection, varkaus(absences=[["vk-00000001", "syyskuu 2025", "–", None, 1.25, 730]]))
    rows = connection.execute("select lessons from landing.absence_month").fetchall()
    assert [value for (value,) in rows] == [Decimal(0), None, Decimal("1.25"), Decimal(730)]


def test_many_rows_cross_the_batches_in_order(connection: psycopg.Connection) -> None:
    height = 45_001
    frame = pl.DataFrame(
        {
            "row_number": pl.int_range(1, height + 1, dtype=pl.Int32, eager=True),
            "pupil_ref": pl.Series([n.to_bytes(16) for n in range(height)], dtype=pl.Binary),
            "day": pl.repeat(date(2025, 10, 6), height, eager=True),
            "lesson": pl.repeat(1, height, dtype=pl.Int16, eager=True),
            "source_code": pl.repeat("S", height, eager=True),
            "minutes": pl.repeat(None, height, dtype=pl.Int16, eager=True),
            "cleared": pl.repeat(None, height, dtype=pl.String, eager=True),
        }
    )
    assert copy_frame(connection, "landing.absence_lesson", frame, 1) == height
    query = "select count(*), max(row_number), max(pupil_ref::text)::uuid from landing.absence_lesson"
    assert connection.execute(query).fetchone() == (height, height, UUID(int=height - 1))
    assert copy_frame(connection, "landing.absence_lesson", frame.clear(), 2) == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.with_columns(pl.col("lesson").cast(pl.Int32)), r"absence_lesson.lesson is smallint"),
        (lambda frame: frame.drop("minutes"), "do not fit: minutes"),
        (lambda frame: frame.with_columns(nimi=pl.lit("x")), "do not fit: nimi"),
    ],
)
def test_a_frame_that_does_not_fit_is_never_sent(connection: psycopg.Connection, change, told: str) -> None:
    part = check_delivery(kuopio(), municipality("kuopio"), KEYS).datasets["absence"]
    with pytest.raises(TypeError, match=told):
        copy_frame(connection, part.table, change(part.frame), 1)
