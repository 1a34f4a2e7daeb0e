"""The four sources as running servers that a fault can be done to, filled with the corpus's good extracts."""

import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from connectors.connection import SourceConnection
from connectors.delivery import DeliveryProblem, NotThereYet, RawDelivery, SourceRefused, SourceUnavailable
from connectors.transports import fetch
from tests.connectors.samples import NIGHT
from tests.connectors.transport_support import history, municipality
from tests.corpus import iisalmi, kuopio, siilinjarvi, varkaus

AS_OF = "2025-10-14T05:00:00+03:00"
KINDS = {NotThereYet: "waits", SourceRefused: "refused", SourceUnavailable: "unavailable"}


@dataclass
class Site:
    """One source. `options`: of its transport; `heard`: called with every line of progress, and may do something."""

    source: str
    folder: Path
    connection: SourceConnection
    admin: Callable[[str], None] = lambda statement: None
    options: dict[str, Any] = field(default_factory=dict)
    heard: list[Callable[[str], None]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    night: date = NIGHT

    def fetch(self) -> RawDelivery:
        def hear(message: str) -> None:
            self.told.append(message)
            for one in self.heard:
                one(message)

        (delivery,) = fetch(
            municipality(self.source, **self.options), self.night, self.connection, history(has_earlier=True), hear
        )
        return delivery

    def outcome(self) -> tuple[str, str] | RawDelivery:
        """What the transport makes of it: a delivery, or the kind of trouble and its code."""
        try:
            return self.fetch()
        except DeliveryProblem as problem:
            kind = next(name for one, name in KINDS.items() if isinstance(problem, one))
            return kind, problem.code


# What the sources hold


def fill_kuopio(root: Path, night: date = NIGHT, **changes: Any) -> Path:
    """The night's folder with its ready file; `changes`: of the ready file's own keys."""
    folder = root / "lahtevat" / night.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for file in kuopio.write(kuopio.extract()).values():
        (folder / file.name).write_bytes(file.read_bytes())
    list_kuopio(folder, toimitus=night.isoformat(), **changes)
    return folder


def list_kuopio(folder: Path, **changes: Any) -> None:
    """Write the ready file of what is there."""
    listed = []
    for name in kuopio.FILES.values():
        content = (folder / name).read_bytes()
        rows = content.count(b"\r\n") - 1
        digest = hashlib.sha256(content).hexdigest()
        listed.append({"nimi": name, "tavut": len(content), "rivit": rows, "sha256": digest})
    (folder / "valmis.json").write_text(json.dumps({"tiedostot": listed, **changes}))


def fill_siilinjarvi(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = siilinjarvi.extract().rows
    for dataset, name in siilinjarvi.FILES.items():
        (folder / name.replace(".ndjson", ".json")).write_text(json.dumps(rows[dataset]))
    (folder / "clock.json").write_text(json.dumps({"asOf": AS_OF}))


def fill_iisalmi(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = iisalmi.extract().rows
    days = {"alku", "loppu", "paiva"}
    for dataset, view in (
        ("enrolment", "v_oppilas"),
        ("absence", "v_poissaolo"),
        ("support", "v_tuki"),
        ("school_day", "v_tyopaiva"),
    ):
        frame = pl.DataFrame(rows[dataset], infer_schema_length=None)
        frame = frame.with_columns(
            *(pl.col(name).cast(pl.String).str.to_date() for name in days & set(frame.columns)),
            *(pl.col(name).str.to_datetime(time_zone="UTC") for name in {"muutettu"} & set(frame.columns)),
        )
        if view == "v_oppilas":
            frame = frame.with_columns(nimi=pl.lit("Aino Virtanen"))
        frame.write_parquet(folder / f"{view}.parquet")


def fill_varkaus(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "Varkaus_2025-2026.xlsx"
    file.write_bytes(workbook())
    return file


@cache
def workbook() -> bytes:
    """The good workbook; made once, because its bytes hold the moment at which they were made."""
    return varkaus.write(varkaus.extract())["absence"].read_bytes()


# A bad line


@dataclass(frozen=True)
class Line:
    """What a connection through the proxy meets: cut after so many bytes to the client (None: never); stalled: the
    bytes stop and the connection stays; delay: seconds before every 4 KiB."""

    bytes_until: int | None = None
    stalled: bool = False
    delay: float = 0.0


GOOD = Line()


class Proxy:
    """A TCP proxy to a server on this machine. `lines`: of the first connections in turn; the last holds on."""

    def __init__(self, port: int, *lines: Line) -> None:
        self._target = port
        self._lines = lines
        self._count = 0
        self._open: list[socket.socket] = []
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        for one in (self._listener, *self._open):
            one.close()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            line = self._lines[min(self._count, len(self._lines) - 1)]
            self._count += 1
            self._open += [client, server]
            threading.Thread(target=self._pump, args=(client, server, GOOD), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, line), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, line: Line) -> None:
        passed = 0
        try:
            while data := source.recv(4096):
                if line.delay and self._ended.wait(line.delay):
                    return
                if line.bytes_until is not None and passed + len(data) > line.bytes_until:
                    target.sendall(data[: line.bytes_until - passed])
                    if line.stalled:
                        self._ended.wait()
                    break
                passed += len(data)
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def through(site: Site, *lines: Line) -> Iterator[None]:
    """The site's connection leads through a proxy."""
    direct = site.connection
    proxy = Proxy(direct.port or 0, *lines)
    extra = dict(direct.extra)
    if site.source == "kuopio":
        # A host is known by its name and port.
        known = Path(direct.text("known_hosts_file") or "")
        own = known.with_name(f"known_hosts_{proxy.port}")
        own.write_text(known.read_text().replace(f"]:{direct.port} ", f"]:{proxy.port} "))
        extra["known_hosts_file"] = str(own)
    site.connection = replace(direct, port=proxy.port, extra=extra)
    try:
        yield
    finally:
        site.connection = direct
        proxy.close()


def elapsed(since: float) -> float:
    return time.monotonic() - since
