"""Alerts at a real mail server: each kind arrives, at the right people only, grouped, once, in the right language."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from email.message import EmailMessage

import psycopg
import pytest

from pipeline import alerts, incidents
from pipeline.alerts import ENGINEERS, Telling
from pipeline.incidents import Incident
from pipeline.runbook import KINDS
from pipeline.settings import Settings
from pipeline.status import read_status
from pipeline.warehouse import connect
from tests.mail_server import MailServer, free_port, mail_server, words_of
from tests.pipeline.ledger_states import NEXT, NIGHT, good_night, outcome, receipt, release, unmapped

DUTY = ("aino@alue.example", "eino@alue.example")
ENGINEERS_MAIL = ", ".join(DUTY)
KUOPIO, SIILINJARVI = "tietopalvelu@kuopio.example", "sivistys@siilinjarvi.example"
Change = Callable[[psycopg.Connection], object]


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def duty(settings: Settings, server: MailServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A warehouse in which a good night has been released, with two engineers on duty and a mail server."""
    monkeypatch.setenv("AIRFLOW_CONN_POSTI", server.connection)
    server.mails.clear()
    with connect(settings) as connection:
        good_night(connection, NIGHT)
    return replace(settings, mail_connection="posti", alert_to=DUTY)


def change(settings: Settings, *changes: Change) -> None:
    with connect(settings) as connection:
        for one in changes:
            one(connection)


# Kind → what brings it about after a good night.
CAUSES: dict[str, Change] = {
    "release_protection": lambda c: release(c, NEXT, "failed", "NotProtected: reporting.a: select for public [revoke]"),
    "disk_full": lambda c: release(c, NEXT, "failed", "DiskFull: could not extend file"),
    "release_disclosure": lambda c: release(c, NEXT, "refused", "disclosure control: 1 count could be worked out: 3"),
    "release_refused": lambda c: release(c, NEXT, "refused", "Absences fell by 40 %."),
    "release_failed": lambda c: release(c, NEXT, "failed", "TransformError: absence: division by zero"),
    "night_late": lambda c: incidents.note(c, Incident("night_late", "regional_release", "", None, NEXT)),
    "task_failed": lambda c: incidents.note(c, Incident("task_failed", "retention", "retain", None, NEXT)),
    "delivery_held": lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"),
    "delivery_refused": lambda c: outcome(c, "kuopio", "refused", "the file is another municipality's"),
    "ingest_failed": lambda c: outcome(c, "kuopio", "failed", "fetch: SourceUnavailable: kuopio: sftp does not answer"),
    "municipality_silent": lambda c: outcome(c, "kuopio", "unchanged", "the same bytes", night=date(2026, 2, 6)),
    "unmapped_codes": unmapped,
    "receipt_undeliverable": lambda c: receipt(c, f"kuopio-{NIGHT}", "sftp", "failed"),
}
FOR_SENDERS = {"delivery_held", "delivery_refused", "ingest_failed", "municipality_silent"}


def test_each_kind_arrives_with_its_page_and_the_next_command(duty: Settings, server: MailServer) -> None:
    assert alerts.tell(duty) == Telling()
    assert server.take() == {}
    for kind, cause in CAUSES.items():
        change(duty, forget_the_night, cause)
        alerts.tell(duty)
        arrived = server.take()
        assert set(arrived) == ({ENGINEERS_MAIL, KUOPIO} if kind in FOR_SENDERS else {ENGINEERS_MAIL}), kind
        told = words_of(arrived[ENGINEERS_MAIL])
        (problem,) = (one for one in read_status(duty).problems if one.kind == kind)
        for part in (KINDS[kind].title_en, f"Runbook: {KINDS[kind].page}", f"Next:    {problem.next_command}"):
            assert part in told
        if kind in FOR_SENDERS:
            theirs = words_of(arrived[KUOPIO])
            for part in (KINDS[kind].title_fi, KINDS[kind].sender_fi, KINDS[kind].page, problem.next_command):
                assert part in theirs
        alerts.tell(duty)
        assert server.take() == {}, kind


def forget_the_night(connection: psycopg.Connection) -> None:
    """Leaves the good night alone, and nobody told of anything."""
    for table in ("ops.alert", "ops.incident", "ops.unmapped_code", "ops.receipt"):
        connection.execute(f"delete from {table}")
    for table in ("ops.delivery", "ops.night_outcome", "ops.release"):
        connection.execute(f"delete from {table} where night > %s", (NIGHT,))


def test_every_kind_is_tried_here() -> None:
    assert {*CAUSES, "warehouse_unreachable"} == set(KINDS)


def test_a_bad_night_is_one_mail_a_person_and_nobody_hears_of_others(duty: Settings, server: MailServer) -> None:
    change(
        duty,
        lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"),
        lambda c: outcome(c, "siilinjarvi", "refused", "page 2 is missing"),
        lambda c: outcome(c, "iisalmi", "accepted"),
        lambda c: outcome(c, "varkaus", "unchanged", "the same bytes"),
        lambda c: release(c, NEXT, "refused", "Absences fell by 40 %."),
    )
    assert alerts.tell(duty).told == (ENGINEERS, "kuopio", "siilinjarvi")
    arrived = server.take()
    assert set(arrived) == {ENGINEERS_MAIL, KUOPIO, SIILINJARVI}
    engineers = arrived[ENGINEERS_MAIL]
    assert engineers["Subject"] == "Tukiverkko: Release refused by the quality gate, and 2 more"
    places = [words_of(engineers).index(part) for part in ("Absences fell", "no absences of 3", "page 2 is missing")]
    assert places == sorted(places)
    assert "suomeksi" not in words_of(engineers)

    own = arrived[KUOPIO]
    assert own["Subject"] == "Tukiverkko, Kuopio: Toimitus odottaa tarkistusta / Delivery held"
    words = words_of(own)
    assert words.index("no absences of 3 schools (suomeksi)") < words.index("In English") < words.index("Why: ")
    for foreign in ("Siilinjärvi", "siilinjarvi", "page 2", "fell", "iisalmi", "varkaus"):
        assert foreign not in words


def test_what_changes_is_told_again_and_what_is_over_once(duty: Settings, server: MailServer) -> None:
    change(duty, lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"))
    alerts.tell(duty)
    assert set(server.take()) == {ENGINEERS_MAIL, KUOPIO}
    # Another number is no news; another reason is.
    change(duty, lambda c: outcome(c, "kuopio", "held", "no absences of 4 schools", night=date(2026, 2, 5)))
    alerts.tell(duty)
    assert server.take() == {}
    change(duty, lambda c: outcome(c, "kuopio", "held", "codes that nobody mapped", night=date(2026, 2, 6)))
    alerts.tell(duty)
    told = server.take()
    assert "Told before, and changed" in words_of(told[ENGINEERS_MAIL])
    assert "codes that nobody mapped" in words_of(told[KUOPIO])
    # Something else is news: what is known already is a line.
    change(duty, lambda c: release(c, date(2026, 2, 6), "refused", "too few"))
    alerts.tell(duty)
    told = server.take()
    assert set(told) == {ENGINEERS_MAIL}
    assert "Still open, told before\n- kuopio: Delivery held" in words_of(told[ENGINEERS_MAIL])

    change(duty, lambda c: good_night(c, date(2026, 2, 7)))
    alerts.tell(duty)
    told = server.take()
    assert told[ENGINEERS_MAIL]["Subject"].startswith("Tukiverkko: resolved: kuopio: Delivery held")
    assert "- Release refused by the quality gate (told " in words_of(told[ENGINEERS_MAIL])
    assert "* Ratkennut: Toimitus odottaa tarkistusta" in words_of(told[KUOPIO])
    alerts.tell(duty)
    assert server.take() == {}


def test_without_a_mail_server_it_waits_and_the_next_run_tells_it(
    duty: Settings, server: MailServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    change(duty, lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"))
    with monkeypatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_POSTI", server.connection.replace(str(server.port), str(free_port())))
        telling = alerts.tell(duty)
        assert (telling.told, telling.waiting) == ((), (ENGINEERS, "kuopio"))
        assert "cannot be used (ConnectionRefusedError)" in (telling.problem or "")
        untold = read_status(duty).untold
        assert untold is not None
        assert untold.startswith("2 alerts wait for the mail server")
        patch.setenv("AIRFLOW_CONN_POSTI", '{"conn_type": "smtp", "host": "127.0.0.1"}')
        assert "the connection has no extra.from" in (alerts.tell(duty).problem or "")
    # One that the server does not take does not stand before the others.
    server.refused = frozenset({KUOPIO})
    try:
        assert alerts.tell(duty).waiting == ("kuopio",)
    finally:
        server.refused = frozenset()
    assert set(server.take()) == {ENGINEERS_MAIL}
    assert alerts.tell(duty).told == ("kuopio",)
    assert set(server.take()) == {KUOPIO}
    assert read_status(duty).untold is None


def test_what_is_over_before_anybody_was_told_is_not_told(duty: Settings, server: MailServer) -> None:
    nobody = replace(duty, mail_connection=None)
    change(duty, lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"))
    assert alerts.tell(nobody).unheard == 1
    change(duty, lambda c: good_night(c, date(2026, 2, 5)))
    assert alerts.tell(duty) == Telling()
    assert server.take() == {}


def test_a_warehouse_that_does_not_answer_is_told_once_and_its_return_too(duty: Settings, server: MailServer) -> None:
    away = replace(duty, database_url=f"postgresql://tukiverkko:secret@127.0.0.1:{free_port()}/none")
    assert alerts.tell(away).told == (ENGINEERS,)
    told = server.take()
    assert set(told) == {ENGINEERS_MAIL}
    for part in (KINDS["warehouse_unreachable"].page, "Connection refused"):
        assert part in words_of(told[ENGINEERS_MAIL])
    assert "secret" not in words_of(told[ENGINEERS_MAIL])
    assert alerts.tell(away) == Telling()
    assert server.take() == {}
    assert alerts.tell(duty).told == (ENGINEERS,)
    assert server.take()[ENGINEERS_MAIL]["Subject"] == "Tukiverkko: resolved: The warehouse cannot be reached"
    assert alerts.tell(duty) == Telling()


def test_without_settings_the_log_has_it_and_status_says_that_nobody_is_told(
    duty: Settings, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = replace(duty, mail_connection=None, alert_to=())
    change(duty, CAUSES["delivery_held"])
    with caplog.at_level(logging.WARNING):
        assert alerts.tell(nobody) == Telling(unheard=1)
    assert (
        "Nobody is told: kuopio: Delivery held; docs/runbook/delivery-held.md; next: tukiverkko decide" in caplog.text
    )
    assert server.take() == {}
    untold = read_status(nobody).untold
    assert untold is not None
    assert "TUKIVERKKO_ALERT_TO and TUKIVERKKO_MAIL_CONNECTION not set" in untold


def test_no_mail_repeats_what_a_library_has_quoted(duty: Settings, server: MailServer) -> None:
    change(duty, lambda c: release(c, NEXT, "failed", "UniqueViolation: Key (hetu)=(010110A900B) exists"))
    alerts.tell(duty)
    (mail,) = server.take().values()
    assert "UniqueViolation" in words_of(mail)
    assert "010110A900B" not in str(mail)


def test_a_contact_who_has_the_receipt_by_mail_and_one_who_is_on_duty_are_told_once(
    duty: Settings, server: MailServer
) -> None:
    change(
        duty,
        lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"),
        lambda c: receipt(c, f"kuopio-{NEXT}", "email", "sent"),
        lambda c: outcome(c, "siilinjarvi", "held", "no absences of 3 schools"),
    )
    on_duty = replace(duty, alert_to=(*DUTY, SIILINJARVI))
    assert alerts.tell(on_duty).told == (ENGINEERS,)
    assert set(server.take()) == {f"{ENGINEERS_MAIL}, {SIILINJARVI}"}


def test_what_would_be_told_can_be_seen_before(duty: Settings, server: MailServer) -> None:
    change(duty, CAUSES["delivery_held"])
    shown: list[EmailMessage] = alerts.preview(duty)
    assert [one["To"] for one in shown] == [ENGINEERS_MAIL, KUOPIO]
    assert server.take() == {}
    alerts.tell(duty)
    assert set(server.take()) == {ENGINEERS_MAIL, KUOPIO}


def test_an_incident_is_over_when_its_task_or_a_later_night_succeeds(duty: Settings) -> None:
    failed = Incident("task_failed", "ingest_kuopio", "report", "kuopio", NEXT)
    retention = Incident("task_failed", "retention", "retain", None, NEXT)
    release_task = Incident("task_failed", "regional_release", "release", None, NEXT)
    for incident in (failed, retention, release_task):
        assert alerts.note(duty, incident)
    opened = open_incidents(duty)
    assert set(opened) == {failed, retention, release_task}
    # The ledger tells by itself how the night ended, and why there was no release.
    change(duty, CAUSES["ingest_failed"], CAUSES["release_refused"])
    assert open_incidents(duty) == (retention,)
    alerts.succeeded(duty, "retention", "retain")
    assert open_incidents(duty) == ()


def open_incidents(settings: Settings) -> tuple[Incident, ...]:
    with connect(settings) as connection:
        return incidents.read_open(connection)


def test_nothing_that_goes_wrong_in_telling_reaches_the_night(
    duty: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> AbstractContextManager[None]:
        raise ValueError("010110A900B")

    monkeypatch.setattr(alerts, "read_status", broken)
    assert alerts.tell(duty).problem == "ValueError"
    assert "ValueError" in caplog.text
    assert "010110A900B" not in caplog.text
