"""The archive gives back what it took, and nothing to whoever lacks the key or swaps files."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from cryptography.exceptions import InvalidTag

from connectors.delivery import RawDelivery, RawFile, content_digest
from pipeline import archive

KEY = bytes(range(32))
NAME = "kuopio-2025-10-14"


def raw() -> RawDelivery:
    files = (RawFile("enrolment", "oppilaat.csv", b"Oppijanumero;X\r\n"), RawFile("absence", "tunnit.csv", b""))
    night = date(2025, 10, 14)
    as_of = datetime(2025, 10, 14, tzinfo=ZoneInfo("Europe/Helsinki"))
    return RawDelivery("kuopio", night, 2025, as_of, None, False, files, content_digest(files))


def test_a_delivery_comes_back_as_it_was(tmp_path: Path) -> None:
    archive.store(tmp_path, KEY, NAME, raw())
    assert archive.load(tmp_path, KEY, "kuopio", NAME) == raw()


def test_nothing_readable_lies_on_the_disk(tmp_path: Path) -> None:
    archive.store(tmp_path, KEY, NAME, raw())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Oppijanumero" not in written
    assert b"oppilaat" not in written


def test_another_key_opens_nothing(tmp_path: Path) -> None:
    archive.store(tmp_path, KEY, NAME, raw())
    with pytest.raises(InvalidTag):
        archive.load(tmp_path, bytes(32), "kuopio", NAME)


def test_files_of_two_deliveries_cannot_be_exchanged(tmp_path: Path) -> None:
    archive.store(tmp_path, KEY, NAME, raw())
    (tmp_path / "kuopio" / NAME).rename(tmp_path / "kuopio" / "kuopio-2025-10-15")
    with pytest.raises(InvalidTag):
        archive.load(tmp_path, KEY, "kuopio", "kuopio-2025-10-15")


def test_storing_again_replaces_and_leaves_no_scratch_behind(tmp_path: Path) -> None:
    archive.store(tmp_path, KEY, NAME, raw())
    archive.store(tmp_path, KEY, NAME, raw())
    assert [path.name for path in (tmp_path / "kuopio").iterdir()] == [NAME]


def test_a_missing_delivery_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="fetch it again"):
        archive.load(tmp_path, KEY, "kuopio", NAME)
