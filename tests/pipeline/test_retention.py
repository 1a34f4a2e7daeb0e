"""What is past its time goes, and one person's data goes on request; nothing else does."""

import uuid
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from pipeline.keys import pseudonym_keys
from pipeline.retention import ARCHIVE_DAYS, forget, retain
from pipeline.settings import Settings

TODAY = date(2026, 2, 3)
HETU = "010110A900B"


def deliver(
    connection: psycopg.Connection, delivery_id: int, school_year: int, status: str = "accepted", age_days: int = 0
) -> None:
    """A delivery of Kuopio with one landed school day."""
    connection.execute(
        """
        insert into ops.delivery (delivery_id, dataset, delivery, municipality, night, school_year, status, received_at)
        values (%s, 'school_day', %s, 'kuopio', %s, %s, %s, %s)
        """,
        (
            delivery_id,
            f"kuopio-{delivery_id}",
            date(school_year, 10, 1),
            school_year,
            status,
            datetime.now(UTC) - timedelta(days=age_days),
        ),
    )
    connection.execute(
        "insert into landing.school_day (delivery_id, row_number, school_number, day, grade, lessons) "
        "values (%s, 1, '07522', %s, 7, 6)",
        (delivery_id, date(school_year, 10, 1)),
    )


@pytest.mark.parametrize(
    ("school_year", "status", "kept"),
    [
        # In 2025-26 the current and two past school years stay: 2023-24 is the oldest.
        (2025, "accepted", True),
        (2023, "accepted", True),
        (2022, "accepted", False),
        (2025, "superseded", False),
        (2025, "held", True),
    ],
)
def test_landed_rows_stay_for_three_school_years(
    settings: Settings, connection: psycopg.Connection, school_year: int, status: str, kept: bool
) -> None:
    deliver(connection, 1, school_year, status)
    connection.commit()
    removed = retain(settings, TODAY)
    assert connection.execute("select count(*) from landing.school_day").fetchone() == (int(kept),)
    assert removed.rows == int(not kept)


@pytest.mark.parametrize(("age_days", "kept"), [(ARCHIVE_DAYS - 1, True), (ARCHIVE_DAYS + 1, False)])
def test_originals_and_receipts_stay_for_thirty_days(
    settings: Settings, connection: psycopg.Connection, age_days: int, kept: bool
) -> None:
    deliver(connection, 1, 2025, age_days=age_days)
    connection.commit()
    folder = settings.archive / "kuopio" / "kuopio-1"
    folder.mkdir(parents=True)
    receipt = settings.receipts / "kuopio" / "kuopio-1.html"
    receipt.parent.mkdir(parents=True)
    receipt.touch()
    removed = retain(settings, TODAY)
    assert (folder.exists(), receipt.exists()) == (kept, kept)
    assert removed.archived_deliveries == int(not kept)


def test_one_person_goes_from_everywhere_and_the_record_does_not_say_whose(
    settings: Settings, connection: psycopg.Connection
) -> None:
    deliver(connection, 1, 2025)
    keys = pseudonym_keys(settings, "kuopio")
    forgotten, other = keys.uuid("pupil", "one"), keys.uuid("pupil", "two")
    connection.execute("update ops.delivery set dataset = 'enrolment'")
    for row, (reference, hetu) in enumerate([(forgotten, keys.uuid("hetu", HETU)), (other, uuid.uuid4())], start=1):
        connection.execute(
            "insert into landing.enrolment (delivery_id, row_number, pupil_ref, hetu_key, deleted) "
            "values (1, %s, %s, %s, false)",
            (row, reference, hetu),
        )
        connection.execute(
            "insert into landing.absence_lesson (delivery_id, row_number, pupil_ref, day, lesson, source_code) "
            "values (1, %s, %s, %s, 2, 'S')",
            (row, reference, TODAY),
        )
        connection.execute(
            "insert into ops.rejected_row (delivery_id, dataset, row_number, rule, message_fi, message_en, pupil_ref) "
            "values (1, 'absence', %s, 'required', '-', '-', %s)",
            (row + 2, reference),
        )
    connection.execute("create table harmonised.pupil_month (person_key uuid)")
    connection.execute("insert into harmonised.pupil_month values (%s), (%s)", (keys.uuid("hetu", HETU), other))
    connection.commit()
    (settings.archive / "kuopio" / "kuopio-1").mkdir(parents=True)

    # As a person would type it: in lower case, with a blank.
    removed = forget(settings, f" {HETU.lower()}")

    assert (removed.rows, removed.archived_deliveries) == (4, 1)
    for table in ("landing.enrolment", "landing.absence_lesson", "ops.rejected_row"):
        assert connection.execute(f"select pupil_ref from {table}").fetchall() == [(other,)]
    assert connection.execute("select person_key from harmonised.pupil_month").fetchall() == [(other,)]
    record = connection.execute("select municipalities, row_count, archived_deliveries from ops.erasure").fetchall()
    assert record == [(["kuopio"], 4, 1)]


def test_forgetting_somebody_who_is_not_there_removes_nothing(settings: Settings) -> None:
    assert forget(settings, HETU).rows == 0
