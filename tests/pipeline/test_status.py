"""What the status says to somebody who was woken: the answer first, worst first, with cause, page and next command."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from pipeline import problems
from pipeline.problems import Problem
from pipeline.release_due import ZONE
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.status import read_status
from pipeline.summary import answer_lines
from pipeline.warehouse import connect
from tests.mail_server import free_port
from tests.pipeline.ledger_states import MUNICIPALITIES, NEXT, NIGHT, good_night, outcome, receipt, release, unmapped
from tests.pipeline.test_cli import tukiverkko

Change = Callable[[psycopg.Connection], object]


def after(settings: Settings, *changes: Change, at: datetime | None = None) -> tuple[Problem, ...]:
    """What is wrong after a good night and these changes."""
    with connect(settings) as connection:
        good_night(connection, NIGHT)
        for change in changes:
            change(connection)
    return read_status(settings, at).problems


def kinds(found: tuple[Problem, ...]) -> list[tuple[str, str | None]]:
    return [(one.kind, one.municipality) for one in found]


def test_all_is_well_is_one_line_with_the_night_and_the_release(settings: Settings) -> None:
    assert after(settings) == ()
    state = read_status(settings)
    answer, untold = [str(line) for line in answer_lines(state)]
    assert answer.startswith("All is well: 4 municipalities taken in, the last night 2026-02-03.")
    assert untold.startswith("alerts: nobody is told by e-mail: TUKIVERKKO_ALERT_TO and TUKIVERKKO_MAIL_CONNECTION")


def test_a_bad_night_is_told_in_ten_lines_worst_first(settings: Settings) -> None:
    after(
        settings,
        lambda c: outcome(c, "varkaus", "failed", "fetch: the share is not there"),
        # Of the same cause: no problem of its own.
        lambda c: receipt(c, f"varkaus-{NEXT}", "share", "failed"),
        lambda c: outcome(c, "kuopio", "held", "no absences of 3 schools"),
        lambda c: outcome(c, "siilinjarvi", "refused", "page 2 is missing"),
        lambda c: outcome(c, "iisalmi", "accepted"),
        lambda c: receipt(c, f"iisalmi-{NEXT}", "email", "failed"),
        lambda c: release(c, NEXT, "refused", "Absences fell by 40 %."),
    )
    assert settings.database_url is not None
    shown = tukiverkko(settings.home, "status", database_url=settings.database_url)
    assert shown.returncode == 1
    lines = shown.stdout.splitlines()
    first = lines[: lines.index("")]
    assert len(first) <= 11
    assert first[0].startswith("NOT WELL: 5 problems, worst first. Nothing is published.")
    assert [line.strip() for line in first[1:9]] == [
        "1. Release refused by the quality gate: release 2 of the night of 2026-02-04: Absences fell by 40 %.",
        "next: tukiverkko release   page: docs/runbook/release-refused.md",
        "2. kuopio: Delivery held: kuopio-2026-02-04: no absences of 3 schools",
        'next: tukiverkko decide kuopio-2026-02-04 accept|refuse --reason "…"   page: docs/runbook/delivery-held.md',
        "3. siilinjarvi: Delivery refused: siilinjarvi-2026-02-04: page 2 is missing",
        "next: tukiverkko ingest siilinjarvi --night 2026-02-04   page: docs/runbook/delivery-refused.md",
        "4. varkaus: A delivery could not be had: fetch: the share is not there",
        "next: tukiverkko ingest varkaus --night 2026-02-04   page: docs/runbook/ingest-failed.md",
    ]
    assert first[9] == "and 1 more, at the end"
    assert (
        lines[-1].strip() == "next: tukiverkko receipt iisalmi-2026-02-04   page: docs/runbook/receipt-undeliverable.md"
    )

    told = json.loads(tukiverkko(settings.home, "status", "--json", database_url=settings.database_url).stdout)
    assert told["is_well"] is False
    assert [one["kind"] for one in told["problems"]] == [
        *("release_refused", "delivery_held", "delivery_refused", "ingest_failed", "receipt_undeliverable"),
    ]
    assert told["problems"][1]["cause_fi"] == "kuopio-2026-02-04: no absences of 3 schools (suomeksi)"


def test_a_warehouse_that_does_not_answer_is_an_answer_too(tmp_path: Path) -> None:
    url = f"postgresql://tukiverkko:secret@127.0.0.1:{free_port()}/none"
    shown = tukiverkko(tmp_path, "status", database_url=url)
    assert shown.returncode == 1
    assert shown.stdout.startswith("NOT WELL: 1 problem.")
    assert "docs/runbook/warehouse-unreachable.md" in shown.stdout
    told = json.loads(tukiverkko(tmp_path, "status", "--json", database_url=url).stdout)
    assert [one["kind"] for one in told["problems"]] == ["warehouse_unreachable"]
    refused = tukiverkko(tmp_path, "release", database_url=url)
    assert refused.returncode == 2
    assert "docs/runbook/warehouse-unreachable.md" in refused.stderr
    assert "secret" not in shown.stdout + refused.stderr


def test_what_a_person_has_refused_is_no_problem(settings: Settings) -> None:
    def refuse(connection: psycopg.Connection) -> None:
        outcome(connection, "kuopio", "refused", "refused by a person: wrong")
        connection.execute(
            """
            insert into ops.decision (delivery_id, verdict, reason, decided_by, held_for)
            select delivery_id, 'refuse', 'wrong', 'Aino Arvo', '{}' from ops.delivery where delivery = %s limit 1
            """,
            (f"kuopio-{NEXT}",),
        )

    assert after(settings, refuse) == ()


def test_codes_of_a_held_delivery_are_its_next_command_and_no_second_problem(settings: Settings) -> None:
    assert kinds(after(settings, unmapped)) == [("unmapped_codes", "kuopio")]
    with connect(settings) as connection:
        connection.execute("update ops.delivery set status = 'held' where municipality = 'kuopio'")
        connection.execute("update ops.night_outcome set status = 'held' where municipality = 'kuopio'")
    (held,) = read_status(settings).problems
    assert (held.kind, held.next_command) == ("delivery_held", "tukiverkko unmapped kuopio")


@pytest.mark.parametrize(("nights", "is_silent"), [(2, False), (3, True)])
def test_a_municipality_is_silent_after_three_nights_without_anything_new(
    settings: Settings, nights: int, is_silent: bool
) -> None:
    def failing(connection: psycopg.Connection) -> None:
        for later in range(1, nights + 1):
            outcome(connection, "kuopio", "failed", "no answer", night=NIGHT + timedelta(days=later))
            # Varkaus edits its workbook once a week: 14 days.
            outcome(connection, "varkaus", "unchanged", "the same", night=NIGHT + timedelta(days=later))

    expected = [("ingest_failed", "kuopio"), *([("municipality_silent", "kuopio")] if is_silent else [])]
    assert kinds(after(settings, failing)) == expected


def test_a_night_is_late_by_the_clock_where_nights_run_by_it(settings: Settings) -> None:
    def at(day: date, time: str) -> datetime:
        return datetime.fromisoformat(f"{day} {time}").replace(tzinfo=ZONE)

    # This night was run long after it, as a demo's is: the next one is not expected.
    assert after(settings, at=at(NEXT, "07:00")) == ()
    with connect(settings) as connection:
        connection.execute("update ops.night_outcome set reported_at = '2026-02-03 02:10+02'")
    assert read_status(settings, at(NEXT, "06:14")).problems == ()
    (late,) = read_status(settings, at(NEXT, "06:15")).problems
    assert (late.kind, late.next_command) == ("night_late", f"tukiverkko release --night {NEXT}")
    assert late.cause_en.endswith("no outcome yet of iisalmi, kuopio, siilinjarvi, varkaus")
    # One that is being built is late too; one that was refused is told for itself.
    with connect(settings) as connection:
        release(connection, NEXT, "building")
    (late,) = (one for one in read_status(settings, at(NEXT, "06:15")).problems if not one.municipality)
    assert "is still being built" in late.cause_en
    with connect(settings) as connection:
        connection.execute("update ops.release set status = 'refused', reason = 'too few' where night = %s", (NEXT,))
    found = read_status(settings, at(NEXT, "06:15")).problems
    assert [one.kind for one in found if not one.municipality] == ["release_refused"]


def test_a_municipality_without_which_the_region_was_released_is_late(settings: Settings) -> None:
    def three(connection: psycopg.Connection) -> None:
        for name in MUNICIPALITIES[1:]:
            outcome(connection, name, "accepted")
        release(connection, NEXT, "published")

    (late,) = after(settings, three)
    assert (late.kind, late.municipality) == ("night_late", "iisalmi")
    assert late.next_command == f"tukiverkko ingest iisalmi --night {NEXT}"


def test_a_folder_that_cannot_be_read_names_the_line(settings: Settings, tmp_path: Path) -> None:
    for name in MUNICIPALITIES:
        (tmp_path / "folders" / name).mkdir(parents=True)
        text = (PROJECT_ROOT / "municipalities" / name / "municipality.yaml").read_text(encoding="utf-8")
        text = text.replace("silent_days: 14", "silent_days: never")
        (tmp_path / "folders" / name / "municipality.yaml").write_text(text, encoding="utf-8")
    (problem,) = after(Settings(settings.home, settings.database_url, tmp_path / "folders"))
    assert (problem.kind, problem.municipality) == ("ingest_failed", "varkaus")
    assert "varkaus/municipality.yaml: line 7, silent_days: must be a whole number" in problem.cause_en
    assert problem.next_command == "tukiverkko municipality validate varkaus"


def test_a_disk_with_no_room_left_is_told_before_it_is_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "LEAST_FREE_BYTES", 1 << 62)
    assert kinds(after(settings)) == [("disk_full", None)]
