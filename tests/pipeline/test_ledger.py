"""The ledger: one delivery a night and school year counts; the same bytes are the same delivery."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import psycopg
import pytest

from connectors.config import load_municipality
from connectors.delivery import RawDelivery, RawFile, content_digest
from connectors.transports import History
from pipeline import ingest, ledger
from pipeline.settings import Settings
from tests.connectors import samples

NIGHT = date(2025, 10, 14)


def raw(content: bytes = b"a", night: date = NIGHT, school_year: int = 2025) -> RawDelivery:
    files = (RawFile("enrolment", "oppilaat.csv", content),)
    as_of = datetime(night.year, night.month, night.day, tzinfo=ZoneInfo("Europe/Helsinki"))
    return RawDelivery("kuopio", night, school_year, as_of, None, False, files, content_digest(files))


def test_a_delivery_is_entered_once_for_each_dataset(connection: psycopg.Connection) -> None:
    delivery = ledger.receive(connection, raw())
    rows = connection.execute("select dataset, status from ops.delivery order by dataset").fetchall()
    assert delivery.delivery == "kuopio-2025-10-14"
    assert rows == [(name, "received") for name in ("absence", "enrolment", "school_day", "support")]


def test_the_same_bytes_again_are_the_same_delivery(connection: psycopg.Connection) -> None:
    assert ledger.receive(connection, raw()) == ledger.receive(connection, raw())


def test_bytes_are_as_old_as_the_night_on_which_they_came_first(connection: psycopg.Connection) -> None:
    held = ledger.receive(connection, raw(b"a", date(2025, 10, 30)))
    ledger.decide(connection, held.delivery_id, "held", "why", "miksi")
    ledger.receive(connection, raw(b"b", date(2025, 10, 31)))
    ledger.receive(connection, raw(b"a", date(2025, 11, 20)))
    again = raw(b"a", date(2025, 11, 1))
    assert ledger.first_received(connection, again) == date(2025, 10, 30)
    # Of a night before that, and of another school year, they are new.
    assert ledger.first_received(connection, raw(b"a", date(2025, 10, 29))) == date(2025, 10, 29)
    assert ledger.first_received(connection, raw(b"a", date(2025, 11, 1), 2024)) == date(2025, 11, 1)
    entered = ledger.receive(connection, replace(again, first_received=date(2025, 10, 30)))
    assert (entered.night, entered.first_received) == (date(2025, 11, 1), date(2025, 10, 30))


def test_other_bytes_for_the_night_supersede_when_they_are_accepted(connection: psycopg.Connection) -> None:
    first = ledger.receive(connection, raw(b"a"))
    ledger.decide(connection, first.delivery_id, "held", "why", "miksi")
    second = ledger.receive(connection, raw(b"b"))
    assert second.delivery == "kuopio-2025-10-14-2"
    ledger.decide(connection, second.delivery_id, "accepted")
    assert [d.delivery for d in ledger.deliveries_of_night(connection, "kuopio", NIGHT)] == ["kuopio-2025-10-14-2"]


def test_a_failed_night_is_taken_over_by_the_delivery_that_comes_later(connection: psycopg.Connection) -> None:
    ledger.record_nothing(connection, "kuopio", NIGHT, 2025, "failed", "no answer", "ei vastausta")
    delivery = ledger.receive(connection, raw())
    assert delivery.delivery == "kuopio-2025-10-14"
    assert delivery.status == "received"
    assert delivery.reason_en is None


def test_a_night_that_failed_after_its_bytes_came_knows_when_they_came(connection: psycopg.Connection) -> None:
    came = ledger.receive(connection, raw(b"a"))
    ledger.decide(connection, came.delivery_id, "failed", "disk", "levy")
    failed = ledger.record_nothing(connection, "kuopio", NIGHT, 2025, "failed", "disk", "levy")
    assert (failed.delivery_id, failed.status, failed.content_digest) == (came.delivery_id, "failed", raw(b"a").digest)
    assert ledger.first_received(connection, raw(b"a", date(2025, 11, 3))) == NIGHT
    # The same bytes take the failed one over; others are another delivery, and the first ones' night is still known.
    assert ledger.receive(connection, raw(b"a")).delivery_id == came.delivery_id
    ledger.decide(connection, came.delivery_id, "failed", "disk", "levy")
    other = ledger.receive(connection, raw(b"b"))
    assert other.delivery == "kuopio-2025-10-14-2"
    assert ledger.deliveries_of_night(connection, "kuopio", NIGHT) == [other]
    assert ledger.first_received(connection, raw(b"a", date(2025, 11, 3))) == NIGHT


@pytest.mark.parametrize("status", ["failed", "held"])
def test_the_bytes_of_last_time_do_not_hide_when_others_came(connection: psycopg.Connection, status: str) -> None:
    came = ledger.receive(connection, raw(b"a"))
    ledger.decide(connection, came.delivery_id, status, "why", "miksi")
    digest = raw(b"last").digest
    unchanged = ledger.record_nothing(connection, "kuopio", NIGHT, 2025, "unchanged", "same", "sama", digest)
    assert unchanged.content_digest == digest
    assert [one.status for one in ledger.deliveries_of_night(connection, "kuopio", NIGHT)] == ["unchanged"]
    assert ledger.first_received(connection, raw(b"a", date(2025, 11, 3))) == NIGHT


def test_a_failure_never_overwrites_what_was_accepted(connection: psycopg.Connection) -> None:
    delivery = ledger.receive(connection, raw())
    ledger.decide(connection, delivery.delivery_id, "accepted")
    ledger.record_nothing(connection, "kuopio", NIGHT, 2025, "failed", "no answer", "ei vastausta")
    assert ledger.deliveries_of_night(connection, "kuopio", NIGHT)[0].status == "accepted"


def test_a_failure_leaves_a_held_delivery_with_its_reason(connection: psycopg.Connection) -> None:
    held = ledger.receive(connection, raw())
    ledger.decide(connection, held.delivery_id, "held", "why", "miksi")
    ledger.record_nothing(connection, "kuopio", NIGHT, 2025, "failed", "no answer", "ei vastausta")
    (kept,) = ledger.deliveries_of_night(connection, "kuopio", NIGHT)
    assert (kept.status, kept.reason_en, kept.content_digest) == ("held", "why", raw().digest)


def test_history_knows_earlier_nights_of_the_school_year_only(connection: psycopg.Connection) -> None:
    closing = ledger.receive(connection, raw(night=date(2025, 6, 21), school_year=2024))
    ledger.decide(connection, closing.delivery_id, "accepted")
    assert not ledger.history(connection, "kuopio", 2025, NIGHT).has_earlier
    first = ledger.receive(connection, raw())
    ledger.decide(connection, first.delivery_id, "accepted")
    later = ledger.history(connection, "kuopio", 2025, date(2025, 10, 15))
    assert later.has_earlier
    assert later.last_accepted_as_of == datetime(2025, 10, 14, tzinfo=ZoneInfo("Europe/Helsinki"))
    # The night itself is no earlier night: a first delivery that is run again still holds the year so far, and an
    # increment that is fetched again still goes on from the night before.
    assert ledger.history(connection, "kuopio", 2025, NIGHT) == History(has_earlier=False, last_accepted_as_of=None)


def test_a_held_delivery_is_an_earlier_one_but_no_increment_goes_on_from_it(connection: psycopg.Connection) -> None:
    held = ledger.receive(connection, raw())
    ledger.decide(connection, held.delivery_id, "held", "why", "miksi")
    assert ledger.history(connection, "kuopio", 2025, date(2025, 10, 15)) == History(True, None)


def test_a_delivery_of_the_past_school_year_says_so(connection: psycopg.Connection) -> None:
    delivery = ledger.receive(connection, raw(night=date(2025, 8, 12), school_year=2024))
    assert delivery.delivery == "kuopio-2025-08-12-lv2024"


def test_counts_that_do_not_add_up_cannot_be_written(connection: psycopg.Connection) -> None:
    delivery = ledger.receive(connection, raw())
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "update ops.delivery set rows_in = 3, rows_landed = 1, rows_rejected = 1 where delivery_id = %s",
            (delivery.delivery_id,),
        )


def test_a_later_report_of_the_same_night_replaces_the_earlier(connection: psycopg.Connection) -> None:
    ledger.report_night(connection, "kuopio", NIGHT, "failed", None, "no answer", "ei vastausta")
    ledger.report_night(connection, "kuopio", NIGHT, "accepted", "kuopio-2025-10-14", None, None)
    assert connection.execute("select status from ops.night_outcome").fetchall() == [("accepted",)]
    assert ledger.reported(connection, NIGHT, ["kuopio", "iisalmi"]) == {"kuopio"}


JANUARY, FEBRUARY = date(2026, 1, 31), date(2026, 2, 3)


def test_a_night_that_failed_does_not_make_its_workbook_younger(
    settings: Settings, connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """January's workbook, made while January ran, was received on its 31st and could not be read for a full disk."""
    config = load_municipality(settings.municipalities / "varkaus")
    raw = samples.varkaus(absences=[["vk-00000001", "tammikuu 2026", 3, 0, 0, 0]], night=JANUARY)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(ingest, "check_delivery", full_disk)
        ingest._take(settings, connection, config, raw)
        with pytest.raises(OSError, match="No space"):
            ingest.load(settings, "varkaus", JANUARY)
        assert ingest.report(settings, "varkaus", JANUARY, "load: OSError").status == "failed"
    ingest._take(settings, connection, config, replace(raw, night=FEBRUARY))
    ingest.load(settings, "varkaus", FEBRUARY)
    query = "select first_received, covers_to from ops.delivery where dataset = 'absence' and night = %s"
    assert connection.execute(query, (FEBRUARY,)).fetchall() == [(JANUARY, date(2025, 12, 31))]
