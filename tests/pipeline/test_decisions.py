"""A person's word on a held delivery: what it does, what it cannot do, and that it is kept."""

from dataclasses import replace
from datetime import date

import psycopg
import pytest

from pipeline import decisions, findings, ingest, ledger, release
from pipeline.decisions import NotDecidable
from pipeline.settings import Settings
from pipeline.status import read_status
from pipeline.warehouse import connect
from tests.pipeline.small_kuopio import NIGHT, raw_kuopio, take_in
from tests.pipeline.test_cli import tukiverkko
from tests.pipeline.test_findings import result

NAME = "kuopio-2025-10-14"


def held(connection: psycopg.Connection, *broken: str, night: date = NIGHT) -> int:
    """A delivery that is held for critical checks (`absence.…`); one other check passed. Returns its number."""
    delivery = ledger._enter(connection, "kuopio", night, 2025, "received", None)
    results = [result(check, "failed", severity="critical") for check in broken]
    findings.observe_delivery(connection, delivery.delivery_id, [*results, result("pupils_known", "passed", 0)])
    ledger.decide(connection, delivery.delivery_id, "held", "why", "miksi")
    return delivery.delivery_id


def kept(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    query = (
        "select verdict, reason, decided_by, held_for, decided_at is not null from ops.decision order by decision_id"
    )
    return connection.execute(query).fetchall()


def test_an_accepted_delivery_is_kept_with_who_why_and_when(connection: psycopg.Connection) -> None:
    delivery_id = held(connection, "not_shrunk")
    decisions.decide(connection, NAME, "accept", "  a school was\nclosed ", "Aino Arvo")
    assert kept(connection) == [("accept", "a school was closed", "Aino Arvo", ["absence.not_shrunk"], True)]
    delivery = ledger.find_delivery(connection, NAME)
    assert delivery is not None
    assert (delivery.delivery_id, delivery.status) == (delivery_id, "accepted")
    assert delivery.reason_en == "accepted by a person: a school was closed"
    assert delivery.reason_fi == "hyväksytty henkilön päätöksellä: a school was closed"


def test_a_refused_delivery_can_be_accepted_later_and_both_words_are_kept(connection: psycopg.Connection) -> None:
    held(connection, "not_shrunk")
    decisions.decide(connection, NAME, "refuse", "wrong year", "Aino Arvo")
    delivery = ledger.find_delivery(connection, NAME)
    assert delivery is not None
    assert delivery.status == "refused"
    decisions.decide(connection, NAME, "accept", "it was right", "Eino Epu")
    assert [row[:3] for row in kept(connection)] == [
        ("refuse", "wrong year", "Aino Arvo"),
        ("accept", "it was right", "Eino Epu"),
    ]


@pytest.mark.parametrize("check", ["codes_mapped", "records_unique", "no_such_check"])
def test_what_would_make_a_figure_wrong_cannot_be_accepted(connection: psycopg.Connection, check: str) -> None:
    held(connection, "not_shrunk", check)
    with pytest.raises(NotDecidable, match=rf"absence\.{check}.*tukiverkko replay {NAME}"):
        decisions.decide(connection, NAME, "accept", "never mind", "Aino Arvo")
    assert kept(connection) == []
    decisions.decide(connection, NAME, "refuse", "never mind", "Aino Arvo")


def test_a_check_that_could_not_be_evaluated_cannot_be_weighed(connection: psycopg.Connection) -> None:
    delivery_id = held(connection)
    results = [result("not_shrunk", "error", None, "critical"), result("pupils_known", "passed", 0)]
    findings.observe_delivery(connection, delivery_id, results)
    with pytest.raises(NotDecidable, match=r"absence\.not_shrunk"):
        decisions.decide(connection, NAME, "accept", "never mind", "Aino Arvo")


def test_where_nothing_passed_nothing_can_be_accepted(connection: psycopg.Connection) -> None:
    delivery_id = held(connection)
    findings.observe_delivery(connection, delivery_id, [result("pupils_known", "not_applicable", None)])
    with pytest.raises(NotDecidable, match="nothing was found good"):
        decisions.decide(connection, NAME, "accept", "never mind", "Aino Arvo")


@pytest.mark.parametrize("status", ["received", "accepted", "refused", "unchanged", "failed", "superseded"])
def test_only_a_held_delivery_is_accepted(connection: psycopg.Connection, status: str) -> None:
    ledger.decide(connection, held(connection, "not_shrunk"), status)
    with pytest.raises(NotDecidable, match=f"is {status}: there is nothing to accept"):
        decisions.decide(connection, NAME, "accept", "never mind", "Aino Arvo")


@pytest.mark.parametrize("status", ["received", "refused", "unchanged", "failed", "superseded"])
def test_only_a_held_or_an_accepted_delivery_is_refused(connection: psycopg.Connection, status: str) -> None:
    ledger.decide(connection, held(connection, "not_shrunk"), status)
    with pytest.raises(NotDecidable, match=f"is {status}: there is nothing to refuse"):
        decisions.decide(connection, NAME, "refuse", "never mind", "Aino Arvo")


@pytest.mark.parametrize(
    ("reason", "by", "told"),
    [("  ", "Aino", "needs a reason"), ("so", " ", "the name"), ("oppilas 010115A9013 puuttuu", "Aino", "identifier")],
)
def test_a_decision_needs_a_reason_and_a_name_and_holds_no_identifier(
    connection: psycopg.Connection, reason: str, by: str, told: str
) -> None:
    held(connection, "not_shrunk")
    with pytest.raises(ValueError, match=told) as caught:
        decisions.decide(connection, NAME, "refuse", reason, by)
    assert "010115A9013" not in str(caught.value)


def candidates(settings: Settings) -> list[str]:
    """The deliveries that the next release is built from."""
    with connect(settings) as connection:
        release._open(connection, settings, NIGHT, by_hand=True)
        query = """
            select distinct delivery from ops.delivery
            inner join ops.candidate_delivery using (delivery_id, dataset) order by 1
        """
        return [row[0] for row in connection.execute(query)]


def test_a_refused_delivery_stays_out_of_the_next_release_although_its_bytes_come_again(settings: Settings) -> None:
    assert take_in(settings, raw_kuopio(settings, date(2025, 10, 13))).status == "accepted"
    # One school that is in force has no pupils (enrolment.schools_present).
    short = raw_kuopio(settings, without="07523")
    outcome = take_in(settings, short)
    assert (outcome.status, outcome.delivery) == ("held", NAME)
    assert candidates(settings) == ["kuopio-2025-10-13"]

    assert ingest.decide(settings, NAME, "refuse", "kysytty kunnalta", "Aino Arvo").status == "refused"
    assert take_in(settings, short).status == "refused"
    assert candidates(settings) == ["kuopio-2025-10-13"]


def test_an_accepted_delivery_joins_the_next_release_and_a_replay_asks_only_what_is_new(settings: Settings) -> None:
    assert take_in(settings, raw_kuopio(settings, without="07523")).status == "held"
    assert candidates(settings) == []
    accepted = ingest.decide(settings, NAME, "accept", "koulu on remontissa", "Aino Arvo")
    assert (accepted.status, accepted.delivery) == ("accepted", NAME)
    assert candidates(settings) == [NAME]
    assert ingest.replay(settings, NAME).status == "accepted"
    # Said of another fault, the acceptance does not cover this one.
    with connect(settings) as connection:
        connection.execute("update ops.decision set held_for = '{absence.not_shrunk}'")
    assert ingest.replay(settings, NAME).status == "held"


def test_what_the_gate_accepted_can_be_taken_back_and_stays_out_when_its_bytes_come_again(settings: Settings) -> None:
    wrong = raw_kuopio(settings, date(2025, 10, 13))
    assert take_in(settings, wrong).status == "accepted"
    taken_back = ingest.decide(settings, "kuopio-2025-10-13", "refuse", "poiminta oli väärä", "Aino Arvo")
    assert (taken_back.status, taken_back.reason_en) == ("refused", "refused by a person: poiminta oli väärä")
    assert candidates(settings) == []
    # The next night brings the same bytes, which nobody has looked at since.
    again = replace(wrong, night=NIGHT)
    assert again.digest == wrong.digest
    assert take_in(settings, again).status == "refused"
    assert candidates(settings) == []
    (kuopio,) = (one for one in read_status(settings).municipalities if one.municipality == "kuopio")
    assert (kuopio.delivery, kuopio.decided_by, kuopio.decision) == (NAME, "Aino Arvo", "poiminta oli väärä")
    assert ingest.decide(settings, NAME, "accept", "se olikin oikea", "Aino Arvo").status == "accepted"
    assert candidates(settings) == [NAME]


def test_killed_after_the_decision_the_night_is_not_told_as_held(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(settings) as connection:
        held(connection, "not_shrunk")
        ledger.report_night(connection, "kuopio", NIGHT, "held", NAME, "why", "miksi")

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ingest, "report", killed)
    with pytest.raises(KeyboardInterrupt):
        ingest.decide(settings, NAME, "accept", "koulu suljettu", "Aino Arvo")
    with connect(settings) as connection:
        told = connection.execute("select status, delivery, reason_fi from ops.night_outcome").fetchall()
    assert told == [("accepted", NAME, "hyväksytty henkilön päätöksellä: koulu suljettu")]


def test_the_command_line_decides_and_says_so(settings: Settings) -> None:
    assert settings.database_url is not None
    with connect(settings) as connection:
        held(connection, "not_shrunk")
    url = settings.database_url
    wrong = tukiverkko(settings.home, "decide", NAME, "accept", "--by", "Aino Arvo", database_url=url)
    assert wrong.returncode == 2
    done = tukiverkko(
        settings.home, "decide", NAME, "accept", "--reason", "koulu suljettu", "--by", "Aino Arvo", database_url=url
    )
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout
    again = tukiverkko(settings.home, "decide", NAME, "accept", "--reason", "x", "--by", "Aino", database_url=url)
    assert again.returncode == 1
    assert "is accepted: there is nothing to accept" in " ".join(again.stderr.split())
    unknown = tukiverkko(settings.home, "decide", "kuopio-2030-01-01", "refuse", "--reason", "x", database_url=url)
    assert unknown.returncode == 2
