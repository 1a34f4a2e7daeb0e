"""The queue of unmapped codes: what is in it, the line that empties it, and the replay that needs no source."""

import json
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import psycopg
import pytest

from connectors.config import ConfigError, load_municipality
from connectors.delivery import DATASETS
from pipeline import ingest, ledger
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.unmapped import UnmappedCode, new_line, read_queue
from pipeline.warehouse import connect
from tests.connectors import samples
from tests.pipeline.small_kuopio import NIGHT, oid, raw_kuopio, take_in
from tests.pipeline.test_cli import tukiverkko

NIGHTS = [date(2025, 10, day) for day in (14, 15, 16)]


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Settings:
    """Settings with a copy of the folders, to be changed."""
    folder = Path(shutil.copytree(PROJECT_ROOT / "municipalities", tmp_path / "municipalities"))
    return replace(settings, municipalities=folder)


def delivered(
    connection: psycopg.Connection,
    night: date,
    status: str,
    *codes: tuple[str, str, str, int],
    municipality: str = "kuopio",
    extent: str = "full",
) -> None:
    """A delivery in the ledger with unmapped codes: dataset, kind, code, rows."""
    delivery = ledger._enter(connection, municipality, night, 2025, status, None)
    connection.execute("update ops.delivery set extent = %s where delivery_id = %s", (extent, delivery.delivery_id))
    for code in codes:
        connection.execute("insert into ops.unmapped_code values (%s, %s, %s, %s, %s)", (delivery.delivery_id, *code))


def listed(codes: tuple[UnmappedCode, ...]) -> list[tuple[object, ...]]:
    return [(one.kind, one.source_code, one.row_count, one.first_seen, one.last_seen, one.state) for one in codes]


def test_a_code_is_one_entry_over_the_nights(connection: psycopg.Connection, settings: Settings) -> None:
    delivered(connection, NIGHTS[0], "held", ("absence", "absence", "XY", 4))
    delivered(connection, NIGHTS[2], "held", ("absence", "absence", "XY", 7), ("support", "mark", "UUSI", 2))
    queue = read_queue(connection, settings)
    assert listed(queue) == [
        ("absence", "XY", 7, NIGHTS[0], NIGHTS[2], "open"),
        ("mark", "UUSI", 2, NIGHTS[2], NIGHTS[2], "open"),
    ]
    assert (queue[0].source, queue[0].column, queue[0].delivery, queue[0].status) == (
        "tuntimerkinnat.csv",
        "Merkintä",
        "kuopio-2025-10-16",
        "held",
    )
    assert queue[0].next_command == "tukiverkko replay kuopio-2025-10-16"


def test_a_code_that_the_source_has_mended_leaves_the_queue(connection: psycopg.Connection, settings: Settings) -> None:
    delivered(connection, NIGHTS[0], "held", ("absence", "absence", "XY", 4))
    delivered(connection, NIGHTS[1], "accepted")
    assert read_queue(connection, settings) == ()


def test_rows_of_an_accepted_increment_stay_until_they_are_mapped(
    connection: psycopg.Connection, settings: Settings
) -> None:
    code = ("absence", "absence", "STRIKE", 1)
    delivered(connection, NIGHTS[0], "accepted", code, municipality="siilinjarvi", extent="chain")
    delivered(connection, NIGHTS[1], "accepted", municipality="siilinjarvi", extent="chain")
    assert listed(read_queue(connection, settings)) == [("absence", "STRIKE", 1, NIGHTS[0], NIGHTS[0], "open")]


def test_one_municipality_can_be_asked_for(connection: psycopg.Connection, settings: Settings) -> None:
    delivered(connection, NIGHTS[0], "held", ("absence", "absence", "XY", 4))
    delivered(connection, NIGHTS[0], "held", ("absence", "absence", "10", 5), municipality="iisalmi")
    assert [one.municipality for one in read_queue(connection, settings, "iisalmi")] == ["iisalmi"]
    assert [one.municipality for one in read_queue(connection, settings)] == ["iisalmi", "kuopio"]


@pytest.mark.parametrize(
    ("municipality", "kind", "code", "line"),
    [
        # An absence code holds from the school year's first day.
        ("kuopio", "absence", "XY", "XY,,FILL IN,2025-08-01,,FILL IN,"),
        # Support, marks and places of the earlier years are delivered as well: from the file's first day.
        ("kuopio", "support", "TEHO+", "TEHO+,FILL IN,FILL IN,,false,2011-01-01,,FILL IN,"),
        ("siilinjarvi", "mark", "SIGN, LANGUAGE", '"SIGN, LANGUAGE",FILL IN,2011-01-01,,FILL IN,'),
        ("iisalmi", "form", "etäopetus", "etäopetus,FILL IN,2011-01-01,,FILL IN,"),
        ("iisalmi", "school", "7999", "07999,FILL IN,7999,2011-01-01,,FILL IN,"),
        ("varkaus", "school", "Uusi koulu", "FILL IN,FILL IN,Uusi koulu,2011-01-01,,FILL IN,"),
        ("varkaus", "home_municipality", "Leppävirta kk", "Leppävirta kk,FILL IN,2011-01-01,,FILL IN,"),
    ],
)
def test_the_missing_line_is_told_as_the_file_wants_it(municipality: str, kind: str, code: str, line: str) -> None:
    folder = load_municipality(PROJECT_ROOT / "municipalities" / municipality)
    assert new_line(folder, kind, code, 2025, date(2025, 10, 20)) == f"{line}2025-10-20"


def test_a_code_that_had_ended_goes_on_the_day_after(own: Settings) -> None:
    codes = own.municipalities / "kuopio" / "absence_codes.csv"
    with codes.open("a", encoding="utf-8") as file:
        file.write('XY,,leave,2011-01-01,2024-12-31,"Tukiverkko, aluetiimi",2025-08-01\n')
    folder = load_municipality(own.municipalities / "kuopio")
    assert new_line(folder, "absence", "XY", 2025, NIGHT).startswith("XY,,FILL IN,2025-01-01,,")


def test_a_code_that_holds_from_later_on_is_filled_up_to_there(own: Settings) -> None:
    codes = own.municipalities / "kuopio" / "absence_codes.csv"
    with codes.open("a", encoding="utf-8") as file:
        file.write('XY,,leave,2025-10-10,,"Tukiverkko, aluetiimi",2025-10-10\n')
    folder = load_municipality(own.municipalities / "kuopio")
    line = new_line(folder, "absence", "XY", 2025, NIGHT)
    assert line == "XY,,FILL IN,2025-08-01,2025-10-09,FILL IN,2025-10-14"


def test_a_code_that_is_not_in_force_on_its_day_is_in_the_queue(own: Settings) -> None:
    file = own.municipalities / "kuopio" / "absence_codes.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(f"{text}XY,,leave,2025-08-01,2025-09-30,Aino Arvo,2025-10-01\n", encoding="utf-8")
    # The mark is of 6 October; the line ended with September.
    marks = [f"1;{samples.OID_1};07522;06.10.2025;1;MA;S;;;", f"2;{samples.OID_1};07522;06.10.2025;2;MA;XY;;;"]
    assert take_in(own, raw_kuopio(own, marks=marks)).status == "held"
    with connect(own) as connection:
        (code,) = read_queue(connection, own)
    assert (code.source_code, code.row_count, code.state) == ("XY", 1, "open")
    assert code.line.startswith("XY,,FILL IN,2025-10-01,,FILL IN,")
    line = code.line.replace("FILL IN", "leave", 1).replace("FILL IN", "Aino Arvo", 1)
    file.write_text(f"{file.read_text(encoding='utf-8')}{line}\n", encoding="utf-8")
    with connect(own) as connection:
        assert [one.state for one in read_queue(connection, own)] == ["mapped"]
    assert ingest.replay(own, code.delivery).status == "accepted"


def test_a_text_that_could_be_a_name_is_told_by_its_row_only(
    connection: psycopg.Connection, settings: Settings
) -> None:
    delivered(connection, NIGHTS[0], "held", ("support", "support", "(typed text, row 12)", 1), municipality="iisalmi")
    (code,) = read_queue(connection, settings)
    assert code.line.startswith("FILL IN,FILL IN,FILL IN,,false,")
    assert (code.source_code, code.column, code.state) == ("(typed text, row 12)", "tuki", "open")


def test_a_gap_that_nobody_filled_is_a_mistake_in_the_folder(own: Settings) -> None:
    file = own.municipalities / "kuopio" / "absence_codes.csv"
    text = file.read_text(encoding="utf-8")
    for line, column in (
        ("XY,,FILL IN,2025-08-01,,Aino,2025-10-20", "absence_class"),
        ("XY,,leave,2025-08-01,,FILL IN,2025-10-20", "reviewed_by"),
    ):
        file.write_text(f"{text}{line}\n", encoding="utf-8")
        with pytest.raises(ConfigError, match=rf"kuopio/absence_codes\.csv: line {text.count(chr(10)) + 1}, {column}"):
            _ = load_municipality(own.municipalities / "kuopio").codes


def test_the_line_and_a_replay_bring_the_delivery_through_without_its_source(own: Settings) -> None:
    pupils = [samples.OID_1, *(oid(number) for number in range(901, 905))]
    enrolled = [f"{one};;07522;7;7A;297;PO;11.08.2025;" for one in pupils[1:]]
    marks = [
        f"1;{samples.OID_1};07522;06.10.2025;1;MA;S;;;",
        *(f"{n};{one};07522;06.10.2025;2;MA;LAKKO;;;" for n, one in enumerate(pupils, 2)),
    ]
    # There is no source at all: what is read again comes from the encrypted archive.
    assert take_in(own, raw_kuopio(own, marks=marks, pupils=enrolled)).status == "held"
    with connect(own) as connection:
        (code,) = read_queue(connection, own)
    assert (code.kind, code.source_code, code.row_count, code.first_row) == ("absence", "LAKKO", 5, 2)
    assert code.told_to_all == "LAKKO"
    assert (code.first_seen, code.last_seen, code.file) == (NIGHT, NIGHT, "kuopio/absence_codes.csv")

    file = own.municipalities / code.file
    line = code.line.replace("FILL IN", "other_accepted", 1).replace("FILL IN", "Aino Arvo", 1)
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with connect(own) as connection:
        assert [one.state for one in read_queue(connection, own)] == ["mapped"]

    outcome = ingest.replay(own, code.next_command.removeprefix("tukiverkko replay "))
    assert outcome.status == "accepted", outcome.reason_en
    with connect(own) as connection:
        assert read_queue(connection, own) == ()
        landed = connection.execute("select source_code from landing.absence_lesson order by row_number").fetchall()
        crosswalk = connection.execute(
            "select absence_class from reference.absence_crosswalk where source_code = 'LAKKO'"
        )
        assert crosswalk.fetchall() == [("other_accepted",)]
    assert landed == [("S",), *[("LAKKO",)] * 5]


def test_a_text_that_is_told_by_its_row_is_mended_in_the_same_way(own: Settings) -> None:
    marks = [f"1;{samples.OID_1};07522;06.10.2025;1;MA;S;;;", f"2;{samples.OID_1};07522;06.10.2025;2;MA;LAKKO;;;"]
    assert take_in(own, raw_kuopio(own, marks=marks)).status == "held"
    with connect(own) as connection:
        (code,) = read_queue(connection, own)
        landed = connection.execute("select source_code from landing.absence_lesson").fetchall()
    assert (code.source_code, code.told_to_all, code.row_count) == ("(text, row 2)", "(text, row 2)", 1)
    assert landed == [("S",)]
    assert code.line.startswith("FILL IN,,FILL IN,2025-08-01,,")

    # The municipality looks at row 2 and says what stands there.
    file = own.municipalities / code.file
    line = (
        code.line.replace("FILL IN", "LAKKO", 1).replace("FILL IN", "other_accepted", 1).replace("FILL IN", "Aino", 1)
    )
    file.write_text(file.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    assert ingest.replay(own, code.delivery).status == "accepted"
    with connect(own) as connection:
        assert read_queue(connection, own) == ()
        landed = connection.execute("select source_code from landing.absence_lesson order by row_number").fetchall()
    assert landed == [("S",), ("LAKKO",)]


def test_other_municipalities_read_a_code_only_if_it_can_be_no_name(
    connection: psycopg.Connection, settings: Settings
) -> None:
    codes = [("absence", "absence", one, 9) for one in ("X9", "KORHONEN", "ETÄ")]
    delivered(connection, NIGHTS[0], "held", *codes, ("enrolment", "school", "Oona Salo", 9))
    connection.execute(
        """
        insert into landing.absence_lesson (delivery_id, row_number, pupil_ref, day, lesson, source_code)
        select delivery_id, 10 * n, ('00000000-0000-0000-0000-00000000000' || n)::uuid, '2025-10-06', 1, code
        from ops.delivery
        cross join (values (1, 'KORHONEN'), (1, 'ETÄ'), (2, 'ETÄ'), (3, 'ETÄ'), (4, 'ETÄ'), (5, 'ETÄ')) as v (n, code)
        """
    )
    told = {one.source_code: one.told_to_all for one in read_queue(connection, settings)}
    assert told == {"X9": "X9", "ETÄ": "ETÄ", "KORHONEN": "(text, row 10)", "Oona Salo": "(text)"}


def test_the_command_line_lists_the_queue(settings: Settings) -> None:
    assert settings.database_url is not None
    empty = tukiverkko(settings.home, "unmapped", database_url=settings.database_url)
    assert empty.returncode == 0
    with connect(settings) as connection:
        delivered(connection, NIGHTS[0], "held", ("absence", "absence", "XY", 1234))
    told = tukiverkko(settings.home, "unmapped", "kuopio", database_url=settings.database_url)
    assert told.returncode == 1
    assert re.search(r"^    XY,,FILL IN,2025-08-01,,FILL IN,20\d\d-\d\d-\d\d$", told.stdout, re.MULTILINE)
    for part in ("1 234 rows", "absence_codes.csv", "unauthorised", "tukiverkko replay kuopio-2025-10-14"):
        assert part in told.stdout
    (found,) = json.loads(tukiverkko(settings.home, "unmapped", "--json", database_url=settings.database_url).stdout)
    assert (found["source_code"], found["first_seen"]) == ("XY", "2025-10-14")
    assert set(DATASETS) > {found["dataset"]}
