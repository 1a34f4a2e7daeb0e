"""SFTP: a folder a night, complete when its ready file matches the bytes of the files it lists."""

import asyncio
import csv
import hashlib
import io
import itertools
import json
import logging
import posixpath
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncssh

from connectors.config import Format, Municipality
from connectors.connection import SourceConnection, require
from connectors.delivery import (
    NotThereYet,
    RawDelivery,
    RawFile,
    SourceRefused,
    SourceUnavailable,
    content_digest,
    school_year_of,
)
from connectors.messages import finnish_day
from connectors.transports.common import MAX_FILE_BYTES, HistoryOf, Options, Progress, midnight, say, too_large

READY_KEYS = {"files": "tiedostot", "name": "nimi", "bytes": "tavut", "rows": "rivit", "sha256": "sha256"}

_MAX_READY_BYTES = 1 << 20
_CONNECT_ATTEMPTS = 3
_T = TypeVar("_T")

# Its INFO lines tell every login and path.
logging.getLogger("asyncssh").setLevel(logging.WARNING)


@dataclass(frozen=True)
class _Listed:
    """One file as the ready file lists it."""

    name: str
    size: int
    rows: int | None
    sha256: str


@dataclass(frozen=True)
class _Layout:
    """What municipality.yaml says of the server's folders and of the ready file."""

    folder: str
    ready_file: str
    keys: Mapping[str, str]
    reread_seconds: float
    limit: float

    @classmethod
    def of(cls, municipality: Municipality) -> Self:
        options = Options(municipality)
        return cls(
            folder=options.text("folder", holding="{night}"),
            ready_file=options.text("ready_file"),
            keys=options.names("ready_keys", READY_KEYS),
            reread_seconds=options.number("reread_seconds", 1),
            limit=options.number("max_file_bytes", MAX_FILE_BYTES),
        )

    def path(self, night: date, name: str) -> str:
        """The path of a file of the night."""
        return posixpath.join(self.folder.replace("{night}", night.isoformat()), name)


class _Mismatch(Exception):
    """What is on the server does not (yet) match the ready file. Holds the file's name and what differs."""

    def __init__(self, name: str, what_en: str, what_fi: str) -> None:
        super().__init__(name)
        self.name = name
        self.what_en = what_en
        self.what_fi = what_fi


def fetch(
    municipality: Municipality,
    night: date,
    connection: SourceConnection,
    history: HistoryOf,
    progress: Progress | None,
) -> tuple[RawDelivery, ...]:
    """The files of the night's folder, once all of them match its ready file in size, data rows and SHA-256.

    `as_of` is the night's 00:00 in Europe/Helsinki. First of the year: no folder of an earlier night of the school year
    is on the server, and the ledger knows none. Raises NotThereYet, SourceRefused, SourceUnavailable.
    """
    layout = _Layout.of(municipality)

    async def work(client: asyncssh.SFTPClient) -> RawDelivery:
        return await _Night(municipality, layout, night, client, progress).delivery(history)

    return (_run(municipality, connection, work),)


def send_receipt(municipality: Municipality, connection: SourceConnection, name: str, content: bytes) -> None:
    """Write a receipt under another name and rename it, so that its reader never sees half of one."""
    folder = Options(municipality).text("receipts")

    async def work(client: asyncssh.SFTPClient) -> None:
        await client.makedirs(folder, exist_ok=True)
        part = posixpath.join(folder, f".{name}.part")
        async with client.open(part, "wb") as file:
            await file.write(content)
        target = posixpath.join(folder, name)
        try:
            await client.posix_rename(part, target)
        except asyncssh.SFTPOpUnsupported:
            if await client.exists(target):
                await client.remove(target)
            await client.rename(part, target)

    _run(municipality, connection, work)


def _run(
    municipality: Municipality, connection: SourceConnection, work: Callable[[asyncssh.SFTPClient], Awaitable[_T]]
) -> _T:
    """Log in, do the work, log out, within the time allowed; every error of SSH becomes one of the three."""
    max_seconds = Options(municipality).number("max_seconds", 1800)

    async def session() -> _T:
        async with await _connect(municipality, connection) as session, session.start_sftp_client() as client:
            done: _T = await work(client)
        return done

    # Causes are left out: a server's text can quote a path or worse.
    try:
        return asyncio.run(asyncio.wait_for(session(), max_seconds))
    except (asyncssh.SFTPPermissionDenied, asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
        raise SourceUnavailable(
            municipality.name,
            f"the SFTP server denies access to a file or folder that it should give ({type(error).__name__}).",
            "SFTP-palvelin ei anna lukea tai kirjoittaa tiedostoa tai kansiota, joka kuuluu siirtoon.",
            "Ask the municipality for the rights of our login on that folder.",
            code="access_denied",
        ) from None
    except TimeoutError:
        raise SourceUnavailable(
            municipality.name,
            f"the SFTP server did not finish in {max_seconds:g} seconds.",
            f"SFTP-palvelin ei ehtinyt vastata {max_seconds:g} sekunnissa.",
            code="too_slow",
        ) from None
    except (OSError, asyncssh.Error) as error:
        raise SourceUnavailable(
            municipality.name,
            f"the connection to the SFTP server broke ({type(error).__name__}).",
            "yhteys SFTP-palvelimeen katkesi.",
            code="connection_lost",
        ) from None


async def _connect(municipality: Municipality, connection: SourceConnection) -> asyncssh.SSHClientConnection:
    require(connection, municipality.name, "host", "login", "extra.key_file", "extra.known_hosts_file")
    options = Options(municipality)
    timeout = options.number("timeout_seconds", 30)
    wait = options.number("retry_wait_seconds", 1)
    key_file, known_hosts = connection.text("key_file") or "", connection.text("known_hosts_file") or ""
    for name, file in (("key_file", key_file), ("known_hosts_file", known_hosts)):
        # Without this, a known_hosts that is not there would fail in the middle of the handshake.
        if not Path(file).is_file():
            raise SourceUnavailable(
                municipality.name,
                f"the file of extra.{name} in the connection does not exist here.",
                f"yhteyden kentässä extra.{name} nimettyä tiedostoa ei ole tällä koneella.",
                code="connection_incomplete",
            )
    for attempt in range(1, _CONNECT_ATTEMPTS + 1):
        try:
            return await asyncssh.connect(
                connection.host,
                connection.port or 22,
                username=connection.login,
                client_keys=[key_file],
                passphrase=connection.text("private_key_passphrase"),
                known_hosts=known_hosts,
                preferred_auth=("publickey",),
                # The machine's own SSH configuration, agent and Kerberos have no say here.
                config=None,
                agent_path=None,
                gss_host=None,
                connect_timeout=timeout,
                login_timeout=timeout,
                keepalive_interval=timeout,
            )
        except asyncssh.HostKeyNotVerifiable:
            raise SourceRefused(
                municipality.name,
                "the SFTP server's host key is not the one in known_hosts.",
                "SFTP-palvelimen avain on eri kuin known_hosts-tiedostossa.",
                "Nothing was sent. Ask the municipality by telephone whether its key changed before you add a new one.",
                code="unknown_host_key",
            ) from None
        except (asyncssh.PermissionDenied, asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
            raise SourceUnavailable(
                municipality.name,
                f"the SFTP server does not let our key in ({type(error).__name__}).",
                "SFTP-palvelin ei hyväksy kirjautumisavaintamme.",
                "Check the login and extra.key_file of the connection.",
                code="login_refused",
            ) from None
        except (OSError, TimeoutError, asyncssh.Error) as error:
            if attempt == _CONNECT_ATTEMPTS:
                raise SourceUnavailable(
                    municipality.name,
                    f"the SFTP server cannot be reached ({type(error).__name__}, {attempt} attempts).",
                    f"SFTP-palvelimeen ei saada yhteyttä (yrityksiä {attempt}).",
                    code="unreachable",
                ) from None
            await asyncio.sleep(wait * 2 ** (attempt - 1))
    raise AssertionError("unreachable")


class _Night:
    """One night's folder on the server."""

    def __init__(
        self,
        municipality: Municipality,
        layout: _Layout,
        night: date,
        client: asyncssh.SFTPClient,
        progress: Progress | None,
    ) -> None:
        self._municipality = municipality
        self._layout = layout
        self._night = night
        self._client = client
        self._progress = progress
        self._school_year = school_year_of(night)
        self._verified: dict[_Listed, bytes] = {}

    async def delivery(self, history: HistoryOf) -> RawDelivery:
        try:
            files = await self._files()
        except _Mismatch as mismatch:
            # The folder may be in the middle of being written again, the ready file last.
            say(self._progress, f"{mismatch.name} {mismatch.what_en}; reading once more")
            await asyncio.sleep(self._layout.reread_seconds)
            try:
                files = await self._files()
            except _Mismatch as again:
                raise NotThereYet(
                    self._municipality.name,
                    f"{again.name} {again.what_en} (delivery of {self._night}).",
                    f"{again.name} {again.what_fi} (toimitus {finnish_day(self._night)}).",
                    code="manifest_mismatch",
                ) from None
        first = not history(self._school_year).has_earlier and not await self._has_earlier_folder()
        return RawDelivery(
            municipality=self._municipality.name,
            night=self._night,
            school_year=self._school_year,
            as_of=midnight(self._night),
            since=None,
            first_of_year=first,
            files=files,
            digest=content_digest(files),
        )

    async def _files(self) -> tuple[RawFile, ...]:
        listed = self._listed(await self._ready())
        datasets = self._municipality.datasets
        names = {name: datasets[name].source_name(self._school_year, self._night) for name in datasets}
        lacking = sorted(set(names.values()) - set(listed))
        if lacking:
            raise self._refused(
                f"{self._layout.ready_file} does not list {', '.join(lacking)}.",
                f"{self._layout.ready_file}: luettelosta puuttuu {', '.join(lacking)}.",
                "All datasets of a night come together.",
                code="manifest_incomplete",
            )
        formats = {names[name]: datasets[name].format for name in datasets}
        contents = {name: await self._verified_file(listed[name], format) for name, format in formats.items()}
        return tuple(RawFile(dataset, name, contents[name]) for dataset, name in names.items())

    async def _ready(self) -> Any:
        path = self._layout.path(self._night, self._layout.ready_file)
        try:
            content = await self._read(path, _MAX_READY_BYTES + 1)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            raise NotThereYet(
                self._municipality.name,
                f"{self._layout.ready_file} of the delivery of {self._night} is not there.",
                f"toimituksen {finnish_day(self._night)} tiedosto {self._layout.ready_file} puuttuu.",
                code="manifest_missing",
            ) from None
        if len(content) > _MAX_READY_BYTES:
            raise too_large(self._municipality, self._layout.ready_file, _MAX_READY_BYTES)
        try:
            return json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise _Mismatch(self._layout.ready_file, "is not complete JSON", "ei ole kokonaista JSONia") from None

    def _listed(self, ready: Any) -> dict[str, _Listed]:
        keys = self._layout.keys
        listed: dict[str, _Listed] = {}
        try:
            delivery = ready[keys["delivery"]] if "delivery" in keys else None
            for entry in ready[keys["files"]]:
                rows = entry.get(keys["rows"])
                file = _Listed(entry[keys["name"]], entry[keys["bytes"]], rows, entry[keys["sha256"]].lower())
                if not _is_whole(file.size) or not (rows is None or _is_whole(rows)) or not _is_plain(file.name):
                    raise ValueError
                if file.name in listed:
                    raise ValueError
                listed[file.name] = file
        except (KeyError, TypeError, AttributeError, ValueError):
            raise self._refused(
                f"{self._layout.ready_file} does not list its files as agreed, each once, by plain name, with "
                f"{keys['bytes']}, {keys['rows']} and {keys['sha256']}.",
                f"{self._layout.ready_file} ei ole sovitun muotoinen: siinä on oltava jokaisesta tiedostosta kerran "
                "pelkkä nimi sekä "
                f"{keys['bytes']}, {keys['rows']} ja {keys['sha256']}.",
                "A name with a path in it is never followed.",
                code="manifest_invalid",
            ) from None
        if delivery is not None and delivery != self._night.isoformat():
            raise self._refused(
                f"{self._layout.ready_file} is that of another night than {self._night}.",
                f"{self._layout.ready_file} on eri yön kuin {finnish_day(self._night)}.",
                code="wrong_night",
            )
        return listed

    async def _verified_file(self, listed: _Listed, format: Format) -> bytes:
        if listed in self._verified:
            return self._verified[listed]
        if listed.size > self._layout.limit:
            raise too_large(self._municipality, listed.name, self._layout.limit)
        say(self._progress, f"{listed.name}: {listed.size} bytes")
        path = self._layout.path(self._night, listed.name)
        try:
            # One byte more than listed shows that a file is longer.
            content = await self._read(path, listed.size + 1)
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            raise _Mismatch(listed.name, "is listed and not there", "on luettelossa, mutta puuttuu") from None
        if len(content) != listed.size:
            raise _Mismatch(listed.name, "has another size than listed", "on eri kokoinen kuin luettelossa")
        if hashlib.sha256(content).hexdigest() != listed.sha256:
            raise _Mismatch(listed.name, "has another SHA-256 than listed", "on eri sisältöinen kuin luettelossa")
        if listed.rows is not None and format.kind == "csv":
            rows = count_rows(content, format)
            if rows != listed.rows:
                raise _Mismatch(
                    listed.name,
                    f"has {rows} data rows where {listed.rows} are listed",
                    f"sisältää {rows} riviä, luettelossa {listed.rows}",
                )
        self._verified[listed] = content
        return content

    async def _read(self, path: str, limit: int) -> bytes:
        async with self._client.open(path, "rb") as file:
            content: bytes = await file.read(limit)
        return content

    async def _has_earlier_folder(self) -> bool:
        """Whether a folder of an earlier night of the school year is on the server, ready or not: a folder that was
        begun is reason enough not to claim that this night's files hold the year so far."""
        parts = self._layout.folder.split("/")
        level = next(number for number, part in enumerate(parts) if "{night}" in part)
        pattern = re.compile(re.escape(parts[level]).replace(re.escape("{night}"), r"(\d{4}-\d{2}-\d{2})"))
        parent = "/".join(parts[:level]) or "/"
        try:
            names = await self._client.listdir(parent)
        except asyncssh.SFTPPermissionDenied:
            return True
        for name in names:
            found = pattern.fullmatch(str(name))
            if found and self._is_earlier(found.group(1)):
                return True
        return False

    def _is_earlier(self, text: str) -> bool:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return False
        return day < self._night and school_year_of(day) == self._school_year

    def _refused(self, reason_en: str, reason_fi: str, hint: str = "", *, code: str) -> SourceRefused:
        return SourceRefused(self._municipality.name, reason_en, reason_fi, hint, code)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_plain(name: object) -> bool:
    """Whether it is a file name without any path, drive or control character."""
    return isinstance(name, str) and name not in ("", ".", "..") and not re.search(r"[/\\:\x00-\x1f]", name)


def count_rows(content: bytes, layout: Format) -> int:
    """Data rows of a CSV file: records after the header row that hold anything; a line break inside quotes is no end
    of a row. In a file with a quote that never closes, quotes are taken as text."""
    lines = io.TextIOWrapper(io.BytesIO(content), encoding=layout.encoding, errors="replace", newline="")
    try:
        return _count(csv.reader(lines, delimiter=layout.delimiter, quotechar=layout.quote), layout)
    except csv.Error:
        # The reader gives up on a field of 128 KiB: one that a quote swallows, or one that is so long.
        lines.seek(0)
        return _count((line.rstrip("\r\n").split(layout.delimiter) for line in lines), layout)


def _count(records: Iterable[list[str]], layout: Format) -> int:
    data = (record for record in itertools.islice(records, layout.header_row, None) if any(record))
    return sum(1 for record in data if layout.total_label is None or record[0] != layout.total_label)
