"""Share: a workbook (or text files) a school year on any file system that fsspec knows, edited while we look."""

import hashlib
import io
import posixpath
import time
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import fsspec.core

from connectors.config import Municipality
from connectors.connection import SourceConnection, require
from connectors.delivery import (
    DeliveryProblem,
    NotThereYet,
    RawDelivery,
    RawFile,
    SourceRefused,
    SourceUnavailable,
    content_digest,
    school_year_of,
)
from connectors.transports.common import MAX_FILE_BYTES, HistoryOf, Options, Progress, midnight, say, too_large
from connectors.workbook import MAX_UNPACKED_BYTES

# The first bytes of an old .xls, and of an .xlsx that is encrypted with a password.
_COMPOUND_FILE = bytes.fromhex("d0cf11e0a1b11ae1")


def fetch(
    municipality: Municipality,
    night: date,
    connection: SourceConnection,
    history: HistoryOf,
    progress: Progress | None,
) -> tuple[RawDelivery, ...]:
    """The workbook of the night's school year, and that of the previous one while it is still corrected.

    A workbook that is being written is not there yet. `as_of` is the file's modification time if the file system knows
    it, else the night's 00:00. A trouble with the previous year's workbook never keeps the current one away; the
    current one may be missing only as long as the school year has had no delivery and the previous one's is there.
    Raises NotThereYet, SourceRefused, SourceUnavailable.
    """
    share = _Share(municipality, connection, progress)
    current = school_year_of(night)
    deliveries: list[RawDelivery] = []
    missing: NotThereYet | None = None
    for school_year in municipality.school_years(night):
        known = history(school_year)
        try:
            deliveries.append(share.delivery(night, school_year, first_of_year=not known.has_earlier))
        except _NoWorkbook as problem:
            if school_year == current:
                if known.has_earlier:
                    raise
                missing = problem
        except DeliveryProblem as problem:
            if school_year == current:
                raise
            say(progress, f"the workbook of {school_year} is left for another night: {problem.reason_en}")
    if not deliveries and missing is not None:
        raise missing
    return tuple(deliveries)


def send_receipt(municipality: Municipality, connection: SourceConnection, name: str, content: bytes) -> None:
    """Write a receipt into the folder `receipts` beside the workbook."""
    _Share(municipality, connection, None).write(Options(municipality).text("receipts"), name, content)


class _NoWorkbook(NotThereYet):
    """The share can be reached, and has no such workbook."""


@dataclass(frozen=True)
class _State:
    """How a file looks from outside; what the file system does not know is None."""

    size: int | None
    modified: datetime | None


class _Share:
    def __init__(self, municipality: Municipality, connection: SourceConnection, progress: Progress | None) -> None:
        require(connection, municipality.name, "extra.url")
        options = Options(municipality)
        self._municipality = municipality
        self._progress = progress
        self._limit = options.number("max_file_bytes", MAX_FILE_BYTES)
        self._unpacked_limit = options.number("max_unpacked_bytes", MAX_UNPACKED_BYTES)
        self._settle_seconds = options.number("settle_seconds", 1)
        storage = dict(connection.extra.get("storage_options") or {})
        if connection.login:
            storage = {"username": connection.login, "password": connection.password, **storage}
        try:
            self._system, self._root = _open(connection.text("url") or "", storage)
        except Exception as error:
            # A file system's library raises what it likes; its text can quote the address with a password in it.
            raise self._unreachable(error) from None

    def delivery(self, night: date, school_year: int, *, first_of_year: bool) -> RawDelivery:
        datasets = self._municipality.datasets
        names = {name: datasets[name].source_name(school_year, night) for name in datasets}
        kinds = {names[name]: dataset.format.kind for name, dataset in datasets.items()}
        read = {name: self._file(name, kind) for name, kind in kinds.items()}
        files = tuple(RawFile(dataset, name, read[name][0]) for dataset, name in names.items())
        modified = [state.modified for _, state in read.values() if state.modified is not None]
        return RawDelivery(
            municipality=self._municipality.name,
            night=night,
            school_year=school_year,
            as_of=min(modified) if modified else midnight(night),
            since=None,
            first_of_year=first_of_year,
            files=files,
            digest=content_digest(files),
        )

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Write a file below the root, under another name first, so that its reader never sees half of one."""
        path = posixpath.join(self._root, folder)
        part, target = posixpath.join(path, f".{name}.part"), posixpath.join(path, name)
        try:
            self._system.makedirs(path, exist_ok=True)
            self._system.pipe_file(part, content)
            try:
                self._system.mv(part, target)
            except FileExistsError:
                # Windows' shares rename onto no file that is there.
                self._system.rm_file(target)
                self._system.mv(part, target)
        except Exception as error:
            raise self._unreachable(error) from None

    def _file(self, name: str, kind: str) -> tuple[bytes, _State]:
        """A file that stays as it is while we look; of a workbook also its checksums say that it is whole."""
        path = posixpath.join(self._root, name)
        try:
            before = self._state(path, name)
            if before.size is not None and before.size > self._limit:
                raise too_large(self._municipality, name, self._limit)
            say(self._progress, f"{name}: {before.size} bytes")
            content = self._read(path, name)
            time.sleep(self._settle_seconds)
            settled = self._state(path, name) == before
            if settled and before.modified is None:
                settled = hashlib.sha256(self._read(path, name)).digest() == hashlib.sha256(content).digest()
        except FileNotFoundError:
            # Excel saves under another name and renames: for a moment there is no file.
            raise self._being_written(name) from None
        except DeliveryProblem:
            raise
        except Exception as error:
            raise self._unreachable(error) from None
        if not settled or before.size not in (None, len(content)):
            raise self._being_written(name)
        if kind == "xlsx":
            self._check_whole(name, content)
        return content, before

    def _state(self, path: str, name: str) -> _State:
        self._system.invalidate_cache()
        try:
            info = self._system.info(path)
        except FileNotFoundError:
            if not self._system.exists(self._root):
                raise self._unreachable(FileNotFoundError()) from None
            raise _NoWorkbook(
                self._municipality.name,
                f"{name} is not on the share.",
                f"{name} puuttuu jaosta.",
                code="workbook_missing",
            ) from None
        return _State(info.get("size"), _modified(self._system, path))

    def _read(self, path: str, name: str) -> bytes:
        with self._system.open(path, "rb") as file:
            content: bytes = file.read(int(self._limit) + 1)
        if len(content) > self._limit:
            raise too_large(self._municipality, name, self._limit)
        return content

    def _check_whole(self, name: str, content: bytes) -> None:
        """An xlsx is a zip with its directory at the end and a checksum for every part."""
        if content.startswith(_COMPOUND_FILE):
            raise SourceRefused(
                self._municipality.name,
                f"{name} is protected with a password, or saved as an old .xls.",
                f"{name} on suojattu salasanalla tai tallennettu vanhassa .xls-muodossa.",
                "Save it as an Excel workbook (.xlsx) without a password.",
                code="protected",
            )
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as book:
                names = book.namelist()
                unpacked = sum(part.file_size for part in book.infolist())
                whole = unpacked <= self._unpacked_limit and book.testzip() is None
        except Exception:
            # zipfile, zlib and their kin each raise their own errors on bytes that are not theirs.
            raise self._being_written(name) from None
        if unpacked > self._unpacked_limit:
            raise SourceRefused(
                self._municipality.name,
                f"{name} unpacks to more than {int(self._unpacked_limit)} bytes.",
                f"{name} purkautuu yli {int(self._unpacked_limit)} tavuksi.",
                "If that is right, raise transport.max_unpacked_bytes in its municipality.yaml.",
                code="unpacks_too_large",
            )
        if not whole:
            raise self._being_written(name)
        if "xl/workbook.xml" not in names:
            raise SourceRefused(
                self._municipality.name,
                f"{name} is no Excel workbook.",
                f"{name} ei ole Excel-työkirja.",
                code="not_a_workbook",
            )

    def _being_written(self, name: str) -> NotThereYet:
        return NotThereYet(
            self._municipality.name,
            f"{name} is not whole: it is being written, or was copied by half.",
            f"{name} ei ole ehjä: sitä tallennetaan parhaillaan, tai se on kopioitu vain osittain.",
            code="being_written",
        )

    def _unreachable(self, error: Exception) -> SourceUnavailable:
        return SourceUnavailable(
            self._municipality.name,
            f"the share cannot be reached ({type(error).__name__}).",
            f"tiedostojakoon ei saada yhteyttä ({type(error).__name__}).",
            "Check that it is mounted here, and extra.url of the connection.",
            code="unreachable",
        )


def _open(url: str, storage: dict[str, Any]) -> tuple[Any, str]:
    """The file system (fsspec has no types) and the path of the share in it."""
    url_to_fs: Any = fsspec.core.url_to_fs
    system, root = url_to_fs(url, use_listings_cache=False, skip_instance_cache=True, **storage)
    return system, root.rstrip("/")


def _modified(system: Any, path: str) -> datetime | None:
    try:
        moment = system.modified(path)
    except (NotImplementedError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
