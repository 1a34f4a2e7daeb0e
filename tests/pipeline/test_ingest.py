"""One municipality's night over real sources: what is taken in, what is held, and what running it again does."""

import csv
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from demo.night import RunningRegion, running_region
from pipeline import ingest
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, warehouse_url

NIGHT, NEXT_NIGHT = date(2026, 2, 3), date(2026, 2, 4)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegion]:
    folder = tmp_path_factory.mktemp("ingest")
    municipalities = Path(shutil.copytree(PROJECT_ROOT / "municipalities", folder / "municipalities"))
    settings = Settings(home=folder / "home", database_url=None, municipalities=municipalities)
    with running_region(settings, seed=3, scale=0.02) as made:
        made.move_to(NIGHT)
        yield made


def landed(settings: Settings, municipality: str) -> list[tuple[object, ...]]:
    """The delivered absences of a municipality, without their delivery's number."""
    with connect(settings) as connection:
        return connection.execute(
            """
            select d.night, l.row_number, l.pupil_ref, l.day, l.lesson, l.source_code
            from landing.absence_lesson as l inner join ops.delivery as d using (delivery_id)
            where d.municipality = %s and d.dataset = 'absence' order by 1, 2
            """,
            (municipality,),
        ).fetchall()


def test_a_code_that_the_folder_does_not_know_holds_the_delivery_until_it_is_mapped(running: RunningRegion) -> None:
    settings = running.settings
    codes = settings.municipalities / "kuopio" / "absence_codes.csv"
    original = codes.read_text(encoding="utf-8")
    codes.write_text(without_line(original, "LU"), encoding="utf-8")

    held = ingest.ingest(settings, "kuopio", NIGHT)
    assert held.status == "held"
    assert "absence" in (held.reason_en or "")
    with connect(settings) as connection:
        unmapped = connection.execute("select kind, source_code, row_count > 0 from ops.unmapped_code").fetchall()
    assert unmapped == [("absence", "LU", True)]

    codes.write_text(original, encoding="utf-8")
    assert ingest.replay(settings, held.delivery or "").status == "accepted"
    with connect(settings) as connection:
        assert connection.execute("select count(*) from ops.unmapped_code").fetchone() == (0,)


def test_the_same_night_again_is_not_fetched_and_changes_nothing(running: RunningRegion) -> None:
    first = ingest.ingest(running.settings, "kuopio", NIGHT)
    before = landed(running.settings, "kuopio")
    again = ingest.ingest(running.settings, "kuopio", NIGHT)
    assert (again.status, again.delivery) == (first.status, first.delivery)
    assert "fetch" not in again.seconds
    assert landed(running.settings, "kuopio") == before


def test_fetching_an_accepted_night_again_finds_the_same_delivery(running: RunningRegion) -> None:
    before = landed(running.settings, "kuopio")
    again = ingest.ingest(running.settings, "kuopio", NIGHT, refetch=True)
    assert (again.status, again.delivery) == ("accepted", "kuopio-2026-02-03")
    assert landed(running.settings, "kuopio") == before


def test_a_load_that_was_killed_after_landing_ends_the_same_when_it_is_run_again(
    running: RunningRegion, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = running.settings
    running.move_to(NEXT_NIGHT)
    ingest.fetch(settings, "kuopio", NEXT_NIGHT)

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "_gate", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest.load(settings, "kuopio", NEXT_NIGHT)
    interrupted = landed(settings, "kuopio")

    ingest.load(settings, "kuopio", NEXT_NIGHT)
    assert ingest.report(settings, "kuopio", NEXT_NIGHT, None).status == "accepted"
    assert landed(settings, "kuopio") == interrupted


def test_a_source_that_does_not_answer_is_a_failed_night_and_comes_in_later(running: RunningRegion) -> None:
    settings = running.settings
    running.sources.stop("iisalmi")
    failed = ingest.ingest(settings, "iisalmi", NEXT_NIGHT)
    assert (failed.status, failed.delivery) == ("failed", "iisalmi-2026-02-04")
    assert failed.reason_fi
    running.sources.start("iisalmi")
    assert ingest.ingest(settings, "iisalmi", NEXT_NIGHT).status == "accepted"


def test_a_workbook_covers_no_more_for_being_taken_in_later_than_it_came(running: RunningRegion) -> None:
    settings = running.settings
    codes = settings.municipalities / "varkaus" / "support_codes.csv"
    original = codes.read_text(encoding="utf-8")
    codes.write_text(without_line(original, "E"), encoding="utf-8")
    assert ingest.ingest(settings, "varkaus", date(2026, 1, 31)).status == "held"
    codes.write_text(original, encoding="utf-8")

    # The same bytes, after the end of January: it is still the workbook of a running January.
    again = ingest.ingest(settings, "varkaus", NIGHT)
    assert (again.status, again.delivery) == ("accepted", "varkaus-2026-02-03")
    with connect(settings) as connection:
        covers = connection.execute(
            "select dataset, covers_to, first_received from ops.delivery where delivery = %s order by dataset",
            (again.delivery,),
        ).fetchall()
    first = date(2026, 1, 31)
    assert covers == [
        ("absence", date(2025, 12, 31), first),
        ("enrolment", date(2026, 1, 30), first),
        ("school_day", date(2026, 1, 30), first),
        ("support", date(2026, 1, 30), first),
    ]
    # Read again from the archive it is as old.
    assert ingest.replay(settings, "varkaus-2026-02-03").status == "accepted"
    with connect(settings) as connection:
        query = "select max(covers_to) from ops.delivery where delivery = 'varkaus-2026-02-03'"
        assert connection.execute(query).fetchone() == (date(2026, 1, 30),)


def test_the_archive_holds_no_readable_line_of_what_came(running: RunningRegion) -> None:
    stored = [path for path in running.settings.archive.rglob("*") if path.is_file()]
    assert stored
    assert not any(b"Oppijanumero" in path.read_bytes() for path in stored)


def test_a_delivery_that_left_the_archive_says_so(running: RunningRegion, tmp_path: Path) -> None:
    elsewhere = replace(running.settings, home=tmp_path, database_url=warehouse_url(running.settings))
    shutil.copytree(running.settings.keys, elsewhere.keys)
    with pytest.raises(FileNotFoundError, match="fetch it again"):
        ingest.replay(elsewhere, "kuopio-2026-02-03")


def without_line(table: str, code: str) -> str:
    """The crosswalk without the lines of one source code."""
    header, *lines = table.splitlines()
    return "\n".join([header, *(line for line in lines if next(csv.reader([line]))[0] != code)]) + "\n"
