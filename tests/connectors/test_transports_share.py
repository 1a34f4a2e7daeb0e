"""Varkaus's transport against real workbooks on a real share, and on a file system without modification times."""

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import xlsxwriter

from connectors.config import Municipality
from connectors.connection import SourceConnection, connection_for
from connectors.delivery import NotThereYet, SourceRefused, SourceUnavailable
from connectors.transports import History, fetch, send_receipt, takes_receipts
from demo.servers import RunningSources, start_sources
from tests.connectors.transport_support import broken, contents, history, municipality, problem

NIGHT = date(2025, 10, 14)
NAME = "Varkaus_2025-2026.xlsx"
PREVIOUS = "Varkaus_2024-2025.xlsx"
MODIFIED = datetime(2025, 10, 13, 9, 30, tzinfo=UTC)


def workbook(note: str = "") -> bytes:
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        sheet = book.add_worksheet("Oppilaat")
        for row in range(200):
            sheet.write_row(row, 0, [f"{row * 7919 % 10007}", note])
    return stream.getvalue()


BOOK = workbook()


def varkaus(**options: Any) -> Municipality:
    return municipality("varkaus", **options)


def put(folder: Path, name: str = NAME, content: bytes = BOOK, modified: datetime = MODIFIED) -> Path:
    file = folder / name
    file.write_bytes(content)
    os.utime(file, (modified.timestamp(), modified.timestamp()))
    return file


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningSources]:
    with start_sources(tmp_path / "lähteet", None, tmp_path / "state", municipalities=["varkaus"]) as running:
        yield running


@pytest.fixture
def folder(running: RunningSources, tmp_path: Path) -> Path:
    return tmp_path / "lähteet" / "varkaus"


@pytest.fixture
def connection(running: RunningSources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SourceConnection:
    monkeypatch.setenv("AIRFLOW_CONN_VARKAUS", running.connections()["varkaus"])
    return connection_for("varkaus", tmp_path)


def test_takes_the_workbook_of_the_school_year(connection: SourceConnection, folder: Path) -> None:
    put(folder)
    put(folder, PREVIOUS)
    put(folder, f"~${NAME}", b"lock")
    (delivery,) = fetch(varkaus(), NIGHT, connection, history())
    assert contents(delivery) == dict.fromkeys(("enrolment", "absence", "support", "school_day"), BOOK)
    assert {file.name for file in delivery.files} == {NAME}
    assert delivery.as_of == MODIFIED
    assert (delivery.school_year, delivery.since, delivery.first_of_year) == (2025, None, True)
    (again,) = fetch(varkaus(), date(2025, 10, 15), connection, history(has_earlier=True))
    assert again.digest == delivery.digest
    assert not again.first_of_year


def test_text_files_lie_on_a_share_as_well(connection: SourceConnection, folder: Path) -> None:
    loaded = varkaus()
    files = {name: f"{name}.csv" for name in loaded.datasets}
    datasets = {
        name: replace(dataset, source=files[name], format=replace(dataset.format, kind="csv"))
        for name, dataset in loaded.datasets.items()
    }
    for name, file in files.items():
        put(folder, file, f"Oppilasnro\r\n{name}\r\n".encode())
    (delivery,) = fetch(replace(loaded, datasets=datasets), NIGHT, connection, history())
    assert contents(delivery) == {name: f"Oppilasnro\r\n{name}\r\n".encode() for name in files}
    (folder / files["support"]).unlink()
    with problem(NotThereYet, "support.csv is not on the share"):
        fetch(replace(loaded, datasets=datasets), NIGHT, connection, history())


def test_waits_for_a_workbook(connection: SourceConnection) -> None:
    with problem(NotThereYet, NAME):
        fetch(varkaus(), NIGHT, connection, history())


# Named, because a workbook's size follows the moment it was written, and each worker writes its own.
@pytest.mark.parametrize(
    "part",
    [0, 1, 100, len(BOOK) // 2, len(BOOK) - 1],
    ids=["nothing", "a byte", "its start", "half", "all but a byte"],
)
def test_waits_for_the_rest_of_a_workbook(connection: SourceConnection, folder: Path, part: int) -> None:
    put(folder, content=BOOK[:part])
    with problem(NotThereYet, NAME, "being written"):
        fetch(varkaus(), NIGHT, connection, history())


def test_waits_for_a_workbook_whose_place_was_reserved_first(connection: SourceConnection, folder: Path) -> None:
    # Some clients make a file of the full size and fill it from the start.
    put(folder, content=BOOK[: len(BOOK) // 2] + bytes(len(BOOK) - len(BOOK) // 2))
    with problem(NotThereYet, "being written"):
        fetch(varkaus(), NIGHT, connection, history())


def test_waits_for_a_workbook_with_a_hole_in_it(connection: SourceConnection, folder: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(BOOK)) as book:
        start = book.getinfo("xl/worksheets/sheet1.xml").header_offset + 200
    put(folder, content=BOOK[:start] + bytes(50) + BOOK[start + 50 :])
    with problem(NotThereYet, "being written"):
        fetch(varkaus(), NIGHT, connection, history())


@pytest.mark.parametrize(
    "change",
    [
        lambda file: put(file.parent, content=workbook("longer")),
        lambda file: put(file.parent, modified=datetime(2025, 10, 13, 9, 31, tzinfo=UTC)),
        lambda file: file.unlink(),
    ],
    ids=["saved", "touched", "replaced"],
)
def test_waits_while_a_workbook_changes(
    connection: SourceConnection, folder: Path, change: Callable[[Path], object]
) -> None:
    file = put(folder)

    def tell(_: str) -> None:
        change(file)

    with problem(NotThereYet, NAME):
        fetch(varkaus(), NIGHT, connection, history(), tell)


def test_refuses_a_workbook_with_a_password(connection: SourceConnection, folder: Path) -> None:
    put(folder, content=bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000))
    with problem(SourceRefused, NAME, "password"):
        fetch(varkaus(), NIGHT, connection, history())


def test_refuses_another_zip(connection: SourceConnection, folder: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("hello.txt", "hello")
    put(folder, content=stream.getvalue())
    with problem(SourceRefused, NAME, "no Excel workbook"):
        fetch(varkaus(), NIGHT, connection, history())


def test_refuses_what_is_too_large_packed_or_unpacked(connection: SourceConnection, folder: Path) -> None:
    put(folder)
    with problem(SourceRefused, NAME, "1000 bytes", "max_file_bytes"):
        fetch(varkaus(max_file_bytes=1000), NIGHT, connection, history())
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(10_000_000))
    put(folder, content=stream.getvalue())
    with problem(SourceRefused, NAME, "unpacks", "max_unpacked_bytes"):
        fetch(varkaus(max_unpacked_bytes=9_000_000), NIGHT, connection, history())


def test_the_previous_workbook_is_read_until_the_end_of_august(connection: SourceConnection, folder: Path) -> None:
    put(folder)
    corrected = workbook("corrected")
    put(folder, PREVIOUS, corrected, datetime(2025, 8, 20, 6, 0, tzinfo=UTC))
    asked: list[int] = []

    def ledger(school_year: int) -> History:
        asked.append(school_year)
        return History(school_year == 2024, None)

    deliveries = fetch(varkaus(), date(2025, 8, 31), connection, ledger)
    assert [(one.school_year, one.first_of_year) for one in deliveries] == [(2025, True), (2024, False)]
    assert deliveries[1].as_of == datetime(2025, 8, 20, 6, 0, tzinfo=UTC)
    assert contents(deliveries[1])["absence"] == corrected
    assert {file.name for file in deliveries[1].files} == {PREVIOUS}
    assert sorted(set(asked)) == [2024, 2025]
    assert [one.school_year for one in fetch(varkaus(), date(2025, 9, 1), connection, ledger)] == [2025]


def test_in_august_the_new_workbook_may_not_be_there_yet(connection: SourceConnection, folder: Path) -> None:
    night = date(2025, 8, 5)
    with problem(NotThereYet, NAME):
        fetch(varkaus(), night, connection, history())
    put(folder, PREVIOUS)
    assert [one.school_year for one in fetch(varkaus(), night, connection, history())] == [2024]
    # Once it was there, its absence is a reason to wait.
    with problem(NotThereYet, NAME):
        fetch(varkaus(), night, connection, history(has_earlier=True))


def test_a_trouble_with_the_previous_workbook_does_not_keep_the_new_one(
    connection: SourceConnection, folder: Path
) -> None:
    night = date(2025, 8, 20)
    put(folder)
    put(folder, PREVIOUS, BOOK[:1000])
    told: list[str] = []
    assert [one.school_year for one in fetch(varkaus(), night, connection, history(), told.append)] == [2025]
    assert any("2024" in message and "being written" in message for message in told)
    put(folder, content=BOOK[:1000])
    put(folder, PREVIOUS)
    with problem(NotThereYet, NAME):
        fetch(varkaus(), night, connection, history())


def test_tells_when_the_share_is_away(connection: SourceConnection, running: RunningSources, folder: Path) -> None:
    put(folder)
    running.stop("varkaus")
    with problem(SourceUnavailable, "cannot be reached", "mounted"):
        fetch(varkaus(), NIGHT, connection, history())
    running.start("varkaus")
    assert len(fetch(varkaus(), NIGHT, connection, history())) == 1


def test_tells_when_the_address_is_of_no_known_kind(connection: SourceConnection) -> None:
    for url in ("nothing://user:not-to-be-told@host/share", "smb://host"):
        with problem(SourceUnavailable, "varkaus", "cannot be reached", hidden=("not-to-be-told",)):
            fetch(varkaus(), NIGHT, broken(connection, extra={"url": url}), history())
    with problem(SourceUnavailable, "extra.url"):
        fetch(varkaus(), NIGHT, broken(connection, extra={"url": ""}), history())


def test_any_file_system_will_do(tmp_path: Path) -> None:
    # fsspec gives no modification time inside a zip: the bytes are read twice instead.
    archive = tmp_path / "share.zip"
    with zipfile.ZipFile(archive, "w") as share:
        share.writestr(f"tiedostot/{NAME}", BOOK)
    url = f"zip://tiedostot::file://{archive}"
    (delivery,) = fetch(varkaus(), NIGHT, SourceConnection("generic", extra={"url": url}), history())
    assert contents(delivery)["absence"] == BOOK
    assert delivery.as_of == datetime(2025, 10, 14, tzinfo=ZoneInfo("Europe/Helsinki"))


def test_options_and_login_reach_the_file_system(tmp_path: Path) -> None:
    put(tmp_path)
    extra = {"url": "dir://", "storage_options": {"path": str(tmp_path), "target_protocol": "file"}}
    (delivery,) = fetch(varkaus(), NIGHT, SourceConnection("generic", extra=extra), history())
    assert contents(delivery)["absence"] == BOOK


def test_puts_a_receipt_beside_the_workbook(connection: SourceConnection, folder: Path) -> None:
    assert takes_receipts(varkaus())
    for content in (b"first", b"second"):
        send_receipt(varkaus(), connection, NIGHT, "kuittaus.txt", content)
    written = {file.name: file.read_bytes() for file in (folder / "kuittaukset").iterdir()}
    assert written == {"2025-10-14_kuittaus.txt": b"second"}
