"""Receipts: what a municipality is told of its delivery, and that it arrives where the delivery came from."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from demo.servers import RunningSources, start_sources
from pipeline import ingest, ledger, receipt_post, receipts
from pipeline.settings import Settings
from pipeline.warehouse import connect
from tests.connectors import samples
from tests.mail_server import mail_server, words_of
from tests.pipeline.small_kuopio import NIGHT, oid, raw_kuopio, take_in
from tests.pipeline.test_cli import tukiverkko

NAME = "kuopio-2025-10-14"
NEXT_NIGHT = date(2025, 10, 15)
STRANGER = "1.2.246.562.98.10000009999"
# By hand: row 1 is taken; row 2 has no such day; row 3 is of a pupil without an enrolment; row 4 is row 1 again.
MARKS = (
    f"1;{samples.OID_1};07522;06.10.2025;1;MA;S;;;",
    f"2;{samples.OID_1};07522;31.09.2025;2;MA;S;;;",
    f"3;{STRANGER};07522;06.10.2025;3;MA;S;;;",
    f"1;{samples.OID_1};07522;06.10.2025;1;MA;S;;;",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lähteet")


@pytest.fixture(scope="module")
def sources(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSources]:
    """Real SFTP and REST servers, and a share."""
    for name in ("kuopio", "siilinjarvi", "varkaus"):
        (folder / name).mkdir()
    served = ["kuopio", "siilinjarvi", "varkaus"]
    with start_sources(folder, None, tmp_path_factory.mktemp("state"), municipalities=served) as running:
        yield running


@pytest.fixture
def connected(sources: RunningSources, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """The sources' folder, with the connections to them in the environment, and no receipt there yet."""
    for name, value in sources.connections().items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", value)
    for place in ("kuopio/kuittaukset", "siilinjarvi/receipts", "varkaus/kuittaukset"):
        for file in (folder / place).glob("*"):
            file.unlink()
    return folder


def refused(settings: Settings, municipality: str, night: date = NIGHT) -> ingest.Outcome:
    """A night that ended at the transport: nothing landed, and there is a reason to tell."""
    with connect(settings) as connection:
        ledger.record_nothing(connection, municipality, night, 2025, "refused", "too large.", "liian suuri.")
    return ingest.report(settings, municipality, night, None)


def written(place: Path) -> list[str]:
    return sorted(file.name for file in place.iterdir())


def entered(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as connection:
        query = """
            select delivery, channel, r.status, attempts from ops.receipt as r
            inner join ops.delivery using (delivery_id) where dataset = 'absence' order by made_at
        """
        return connection.execute(query).fetchall()


def test_what_came_what_was_taken_and_which_rows_were_not(settings: Settings, connected: Path) -> None:
    outcome = take_in(settings, raw_kuopio(settings, marks=MARKS))
    assert outcome.receipt == "sent"
    names = [f"2025-10-14_{NAME}.html", f"2025-10-14_{NAME}.json"]
    assert written(connected / "kuopio" / "kuittaukset") == names
    page, made = ((connected / "kuopio" / "kuittaukset" / name).read_bytes() for name in names)
    told = json.loads(made)
    assert (told["delivery"], told["night"], told["school_year"]) == (NAME, "2025-10-14", "2025-2026")
    assert (told["code"], told["name_fi"], told["status"]) == ("297", "Kuopio", outcome.status)
    absence = next(one for one in told["datasets"] if one["dataset"] == "absence")
    # D−20 to D−1 of 14 October; the header is the one row that is no data.
    assert absence == {
        "dataset": "absence",
        "source": "tuntimerkinnat.csv",
        "rows_in": 4,
        "rows_taken": 1,
        "rows_rejected": 3,
        "other_rows": 1,
        "covers_from": "2025-09-24",
        "covers_to": "2025-10-13",
    }
    rows = [(one["source"], one["row"], one["column"], one["rule"]) for one in told["rejected_rows"]]
    # What costs nothing comes last.
    assert rows == [
        ("tuntimerkinnat.csv", 2, "Pvm", "unparsable"),
        ("tuntimerkinnat.csv", 3, "Oppijanumero", "unknown_pupil"),
        ("tuntimerkinnat.csv", 4, None, "duplicate"),
    ]
    assert (
        told["rejected_rows"][0]["message_fi"]
        == "Pvm: arvoa 31.09.2025 ei voi lukea; oikea muoto on esimerkiksi 31.08.2025."
    )
    rules = {one["rule"]: (one["columns"], one["row_count"], one["harmless"]) for one in told["rejected_rules"]}
    assert rules == {
        "unparsable": ("Pvm", 1, False),
        "unknown_pupil": ("Oppijanumero", 1, False),
        "duplicate": ("", 1, True),
    }
    assert "Korjatkaa hylätyt rivit lähdejärjestelmässä" in told["to_do_fi"][-1]

    text = page.decode()
    assert text.startswith('<!doctype html>\n<html lang="fi">')
    for part in ("Kuittaus: Kuopio, toimitus 14.10.2025", "Mitä teidän pitää tehdä", "31.09.2025", "unknown_pupil"):
        assert part in text
    # Self-contained, and it runs nothing.
    assert not re.search(r"https?://|<script|<link|<img|src=|href=|@import|url\(", text)
    # Nothing personal: neither an id of the delivery, known or unknown, nor its pseudonym.
    for personal in (samples.OID_1, STRANGER, *(oid(number) for number in range(1, 21))):
        assert personal not in text + made.decode()
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-|\b\d{6}[-+A-F]\d{3}\w\b", text + made.decode())


def test_the_same_state_is_told_once_and_a_new_one_replaces_it(settings: Settings, connected: Path) -> None:
    assert take_in(settings, raw_kuopio(settings, without="07523")).receipt == "sent"
    place = connected / "kuopio" / "kuittaukset"
    held = json.loads((place / f"2025-10-14_{NAME}.json").read_bytes())
    assert (held["status"], held["used_instead"]) == ("held", None)
    assert [one["rule"] for one in held["noticed"] if one["severity"] == "critical"] == ["enrolment.schools_present"]

    ingest.report(settings, "kuopio", NIGHT, None)
    assert entered(settings) == [(NAME, "sftp", "sent", 1)]

    ingest.decide(settings, NAME, "accept", "koulu on remontissa", "Aino Arvo")
    assert entered(settings) == [(NAME, "sftp", "sent", 1), (NAME, "sftp", "sent", 1)]
    assert len(written(place)) == 2
    accepted = (place / f"2025-10-14_{NAME}.json").read_text(encoding="utf-8")
    assert json.loads(accepted)["status"] == "accepted"
    assert "koulu on remontissa" in accepted
    # The reason is told, not who said it.
    assert "Aino" not in accepted


def test_a_receipt_that_cannot_be_sent_spoils_nothing_and_is_tried_again(
    settings: Settings, connected: Path, sources: RunningSources
) -> None:
    sources.stop("kuopio")
    try:
        outcome = refused(settings, "kuopio")
        assert (outcome.status, outcome.receipt) == ("refused", "failed")
        assert entered(settings) == [(NAME, "sftp", "failed", 1)]
        assert settings.database_url is not None
        told = tukiverkko(settings.home, "status", database_url=settings.database_url)
        assert f"next: tukiverkko receipt {NAME}" in told.stdout
    finally:
        sources.start("kuopio")
    assert refused(settings, "kuopio", NEXT_NIGHT).receipt == "sent"
    assert {row[0]: row[2] for row in entered(settings)} == {NAME: "sent", "kuopio-2025-10-15": "sent"}
    assert len(written(connected / "kuopio" / "kuittaukset")) == 4


def test_a_receipt_that_the_source_refuses_does_not_stand_before_the_others(
    settings: Settings, connected: Path
) -> None:
    # A folder with the name of the page: this one can never be written.
    obstacle = connected / "kuopio" / "kuittaukset" / f"2025-10-14_{NAME}.html"
    obstacle.mkdir()
    try:
        assert refused(settings, "kuopio").receipt == "failed"
        assert refused(settings, "kuopio", NEXT_NIGHT).receipt == "sent"
        assert {row[0]: row[2:] for row in entered(settings)} == {NAME: ("failed", 2), "kuopio-2025-10-15": ("sent", 1)}
    finally:
        obstacle.rmdir()
    assert refused(settings, "kuopio", date(2025, 10, 16)).receipt == "sent"
    assert {row[2] for row in entered(settings)} == {"sent"}


def test_not_even_a_fault_of_ours_in_making_it_spoils_the_night(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: Any) -> Any:
        raise RuntimeError("1.2.246.562.98.10000000001")

    monkeypatch.setattr(receipts, "build", broken)
    outcome = refused(settings, "kuopio")
    assert (outcome.status, outcome.receipt) == ("refused", "failed")
    assert "RuntimeError" in caplog.text
    assert samples.OID_1 not in caplog.text


def test_a_killed_sending_is_taken_up_again(
    settings: Settings, connected: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(receipt_post, "_send", killed)
        with pytest.raises(KeyboardInterrupt):
            refused(settings, "kuopio")
    assert entered(settings) == [(NAME, "sftp", "due", 0)]
    assert ingest.report(settings, "kuopio", NIGHT, None).receipt == "sent"


def test_a_rest_service_gets_one_document_with_the_page_inside(settings: Settings, connected: Path) -> None:
    assert refused(settings, "siilinjarvi").receipt == "sent"
    (file,) = (connected / "siilinjarvi" / "receipts").iterdir()
    told = json.loads(file.read_bytes())
    assert (told["delivery"], told["status"], told["reason_fi"]) == (
        "siilinjarvi-2025-10-14",
        "refused",
        "liian suuri.",
    )
    assert told["page_fi"].startswith("<!doctype html>")
    # Sent again by hand: the service knows that it has it.
    assert receipt_post.tell_one(settings, "siilinjarvi-2025-10-14") == "sent"
    assert len(written(connected / "siilinjarvi" / "receipts")) == 1


def test_a_share_gets_both_files_beside_the_workbook(settings: Settings, connected: Path) -> None:
    assert refused(settings, "varkaus").receipt == "sent"
    name = "2025-10-14_varkaus-2025-10-14"
    assert written(connected / "varkaus" / "kuittaukset") == [f"{name}.html", f"{name}.json"]


def test_without_a_mail_connection_the_message_waits(settings: Settings) -> None:
    outcome = refused(settings, "iisalmi")
    assert outcome.receipt == "kept"
    assert entered(settings) == [("iisalmi-2025-10-14", "email", "kept", 1)]
    place = settings.receipts / "iisalmi"
    assert written(place) == [f"iisalmi-2025-10-14.{kind}" for kind in ("eml", "html", "json")]
    assert ingest.report(settings, "iisalmi", NIGHT, None).receipt == "kept"
    assert len(entered(settings)) == 1


def test_a_contact_gets_the_receipt_by_e_mail(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    with mail_server() as server:
        monkeypatch.setenv("AIRFLOW_CONN_POSTI", server.connection)
        assert refused(replace(settings, mail_connection="posti"), "iisalmi").receipt == "sent"
    ((addresses, message),) = server.mails
    assert (addresses, message["From"]) == (("sivistys@iisalmi.example",), "tukiverkko@alue.example")
    names = [part.get_filename() for part in message.iter_attachments()]
    assert names == ["iisalmi-2025-10-14.html", "iisalmi-2025-10-14.json"]
    assert "Korjatkaa virhe ja lähettäkää toimitus uudelleen" in words_of(message)


def test_an_unchanged_workbook_is_told_of_once_only(settings: Settings) -> None:
    with connect(settings) as connection:
        ledger.record_nothing(connection, "varkaus", NIGHT, 2025, "unchanged", "the same", "sama")
    assert ingest.report(settings, "varkaus", NIGHT, None).receipt is None
    assert entered(settings) == []


def test_many_rows_are_counted_and_the_first_of_each_rule_listed(settings: Settings) -> None:
    with connect(settings) as connection:
        delivery = ledger._enter(connection, "kuopio", NIGHT, 2025, "accepted", None)
        connection.execute(
            """
            insert into ops.rejected_row (delivery_id, dataset, row_number, column_name, rule, message_fi, message_en)
            select %s, 'absence', n, 'Pvm', case when n <= 250 then 'unparsable' else 'required' end, 'fi', 'en'
            from generate_series(1, 300) as n
            """,
            (delivery.delivery_id,),
        )
    told = json.loads(receipt_post.content(settings, NAME))
    assert {one["rule"]: one["row_count"] for one in told["rejected_rules"]} == {"unparsable": 250, "required": 50}
    listed = [one["row"] for one in told["rejected_rows"]]
    assert listed == [*range(1, 101), *range(251, 301)]


def test_a_text_that_could_be_a_name_is_asked_for_by_its_row(settings: Settings) -> None:
    with connect(settings) as connection:
        delivery = ledger._enter(connection, "iisalmi", NIGHT, 2025, "held", None)
        connection.execute(
            "insert into ops.unmapped_code values (%s, 'support', 'support', '(typed text, row 12)', 1)",
            (delivery.delivery_id,),
        )
    told = json.loads(receipt_post.content(settings, "iisalmi-2025-10-14"))
    (asked,) = told["to_do_fi"]
    assert asked.startswith("Kertokaa, mitä nämä koodit tarkoittavat: (kirjoitettu teksti, rivi 12).")
    assert told["unknown_codes"] == [
        {"dataset": "support", "kind": "support", "code": "(typed text, row 12)", "row_count": 1}
    ]


def test_the_command_line_shows_what_would_be_told_and_sends_it(settings: Settings, connected: Path) -> None:
    assert settings.database_url is not None
    url = settings.database_url
    with connect(settings) as connection:
        ledger.record_nothing(connection, "kuopio", NIGHT, 2025, "refused", "too large.", "liian suuri.")
    shown = tukiverkko(settings.home, "receipt", NAME, "--json", database_url=url)
    assert json.loads(shown.stdout)["status"] == "refused"
    assert written(connected / "kuopio" / "kuittaukset") == []
    sent = tukiverkko(settings.home, "receipt", NAME, database_url=url)
    assert (sent.returncode, "receipt sent" in sent.stdout) == (0, True)
    assert len(written(connected / "kuopio" / "kuittaukset")) == 2
    assert tukiverkko(settings.home, "receipt", "kuopio-2030-01-01", database_url=url).returncode == 2
