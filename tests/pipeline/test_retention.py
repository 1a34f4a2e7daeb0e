"""What is past its time goes, and one person's data goes on request; nothing else does."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from pipeline.keys import pseudonym_keys
from pipeline.release_lock import ReleaseUnderWay, release_lock
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


def enrol(connection: psycopg.Connection, delivery_id: int, **own: uuid.UUID) -> None:
    """A landed enrolment; the delivery of one row."""
    connection.execute(
        "insert into landing.enrolment (delivery_id, row_number, pupil_ref, hetu_key, oppijanumero_key) "
        "values (%s, 1, %s, %s, %s)",
        (delivery_id, own["pupil_ref"], own.get("hetu_key"), own.get("oppijanumero_key")),
    )


def test_a_person_is_found_where_only_the_other_identifier_is_known(
    settings: Settings, connection: psycopg.Connection
) -> None:
    """Kuopio knows the oppijanumero, Iisalmi the HETU, Siilinjärvi both: one person. Varkaus has somebody else."""
    oid = "1.2.246.562.98.10000000001"
    regional = pseudonym_keys(settings, "kuopio")
    hetu_key, oid_key = regional.uuid("hetu", HETU), regional.uuid("oppijanumero", oid)
    known: dict[str, dict[str, uuid.UUID]] = {
        "kuopio": {"oppijanumero_key": oid_key},
        "iisalmi": {"hetu_key": hetu_key},
        "siilinjarvi": {"hetu_key": hetu_key, "oppijanumero_key": oid_key},
        "varkaus": {"hetu_key": uuid.uuid4()},
    }
    for number, (name, own) in enumerate(known.items(), 1):
        deliver(connection, number, 2025)
        connection.execute("update ops.delivery set municipality = %s where delivery_id = %s", (name, number))
        enrol(connection, number, pupil_ref=uuid.uuid4(), **own)
    connection.commit()
    assert forget(settings, HETU).rows == 3
    left = connection.execute("select delivery_id from landing.enrolment").fetchall()
    assert left == [(4,)]
    assert connection.execute("select municipalities from ops.erasure").fetchone() == (
        ["iisalmi", "kuopio", "siilinjarvi"],
    )


def test_a_person_is_found_by_rejected_rows_alone(settings: Settings, connection: psycopg.Connection) -> None:
    """Iisalmi refers to pupils by their HETU, so the rows of one whose enrolment was rejected are known."""
    deliver(connection, 1, 2025)
    connection.execute("update ops.delivery set municipality = 'iisalmi', dataset = 'absence', delivery = 'iisalmi-1'")
    connection.execute(
        "insert into ops.rejected_row (delivery_id, dataset, row_number, rule, message_fi, message_en, pupil_ref) "
        "values (1, 'absence', 1, 'parent_rejected', '-', '-', %s)",
        (pseudonym_keys(settings, "iisalmi").uuid("pupil", HETU),),
    )
    connection.commit()
    (settings.archive / "iisalmi" / "iisalmi-1").mkdir(parents=True)
    unfinished = settings.archive / "iisalmi" / ".writing-iisalmi-1.x"
    unfinished.mkdir()
    removed = forget(settings, HETU)
    assert (removed.rows, removed.archived_deliveries) == (1, 1)
    assert not unfinished.exists()


def test_what_is_past_its_time_leaves_nothing_of_its_rows_behind(
    settings: Settings, connection: psycopg.Connection
) -> None:
    deliver(connection, 1, 2022)
    connection.execute(
        "insert into ops.rejected_row (delivery_id, dataset, row_number, rule, message_fi, message_en, pupil_ref) "
        "values (1, 'school_day', 2, 'required', '-', '-', %s)",
        (uuid.uuid4(),),
    )
    connection.execute("insert into ops.unmapped_code values (1, 'school_day', 'school', 'X', 1)")
    connection.commit()
    assert retain(settings, TODAY).rows == 3
    # The next release redoes the days of a delivery that is no longer accepted: its facts go with it.
    assert connection.execute("select status, reason_en from ops.delivery").fetchall() == [
        ("superseded", "past its time")
    ]


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_what_was_refused_keeps_its_reason_past_its_time(
    settings: Settings, connection: psycopg.Connection, status: str
) -> None:
    deliver(connection, 1, 2022, status)
    connection.execute("update ops.delivery set reason_en = 'shrank'")
    connection.commit()
    assert retain(settings, TODAY).rows == 1
    assert connection.execute("select status, reason_en from ops.delivery").fetchall() == [(status, "shrank")]


def test_forgetting_somebody_who_is_not_there_removes_nothing(settings: Settings) -> None:
    assert forget(settings, HETU).rows == 0


@pytest.mark.parametrize("remove", [lambda settings: retain(settings, TODAY), lambda settings: forget(settings, HETU)])
def test_nothing_is_removed_beside_a_release(
    settings: Settings, connection: psycopg.Connection, remove: Callable[[Settings], object]
) -> None:
    deliver(connection, 1, 2022)
    enrol(connection, 1, pupil_ref=pseudonym_keys(settings, "kuopio").uuid("pupil", HETU))
    connection.commit()
    rows = "select (select count(*) from landing.school_day) + (select count(*) from landing.enrolment)"
    with release_lock(settings):
        with pytest.raises(ReleaseUnderWay, match="run this again when that has ended"):
            remove(settings)
        assert connection.execute(rows).fetchone() == (2,)
        connection.commit()
    remove(settings)
    assert connection.execute(rows).fetchone() != (2,)
