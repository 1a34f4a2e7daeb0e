"""The four source servers of the synthetic region, as their municipalities run them.

Kuopio (SFTP) and Siilinjärvi (REST) are child processes, Iisalmi is a database in a PostgreSQL that the caller gives,
Varkaus is a share. They serve one folder, filled by somebody else with what the sources hold on a morning:
`kuopio/lahtevat/<date>/`, `siilinjarvi/*.json`, `iisalmi/v_*.parquet`, `varkaus/*.xlsx`. A new night needs no restart;
only the database is loaded again (`RunningSources.refresh`).
"""

import json
import logging
import os
import secrets
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import unquote, urlsplit

from demo.servers import share

MUNICIPALITIES = ("kuopio", "siilinjarvi", "iisalmi", "varkaus")
# The name under which the region logs in at Kuopio and Siilinjärvi.
LOGIN = "tukiverkko"
_START_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)

# asyncssh, polars and psycopg are imported where they are used: a child process needs one of them at most.


@dataclass(frozen=True)
class Faults:
    """What goes wrong at the REST service: every n-th request to `/v1/` since its start; 0 is never.

    `too_many_every`: 429 with `Retry-After: retry_after_s`; `unavailable_every`: 503; `expired_every`: the token ends
    before its time, 401. Where several fall on one request, the first of these happens.
    """

    too_many_every: int = 0
    unavailable_every: int = 0
    expired_every: int = 0
    retry_after_s: int = 1

    def __post_init__(self) -> None:
        if min(self.too_many_every, self.unavailable_every, self.expired_every, self.retry_after_s) < 0:
            raise ValueError("A fault comes every n-th request, n >= 0 (0: never), Retry-After is in seconds, >= 0")


# An ordinary day of an ordinary service.
NOW_AND_THEN = Faults(too_many_every=17, unavailable_every=23, expired_every=41)


@dataclass(frozen=True)
class Sources:
    """What a client needs to reach the sources. Of a source that was never started: port 0, URL None."""

    sftp_host: str
    sftp_port: int
    sftp_login: str
    sftp_key_file: Path
    sftp_known_hosts_file: Path
    rest_host: str
    rest_port: int
    rest_client_id: str
    rest_client_secret: str = field(repr=False)
    database_url: str | None = field(repr=False)
    share_url: str | None

    @property
    def rest_url(self) -> str:
        """The REST service's base URL, without a slash at the end."""
        return f"http://{self.rest_host}:{self.rest_port}"

    def connections(self) -> dict[str, str]:
        """Municipality id -> its Airflow Connection as JSON (the value of `AIRFLOW_CONN_<ID>`), of those started."""
        values: dict[str, dict[str, object]] = {}
        if self.sftp_port:
            values["kuopio"] = {
                "conn_type": "sftp",
                "host": self.sftp_host,
                "port": self.sftp_port,
                "login": self.sftp_login,
                "extra": {"key_file": str(self.sftp_key_file), "known_hosts_file": str(self.sftp_known_hosts_file)},
            }
        if self.rest_port:
            values["siilinjarvi"] = {
                "conn_type": "http",
                "schema": "http",
                "host": self.rest_host,
                "port": self.rest_port,
                "login": self.rest_client_id,
                "password": self.rest_client_secret,
            }
        if self.database_url is not None:
            database = urlsplit(self.database_url)
            values["iisalmi"] = {
                "conn_type": "postgres",
                "host": database.hostname,
                "port": database.port,
                "schema": database.path.lstrip("/"),
                "login": unquote(database.username or ""),
                "password": unquote(database.password or ""),
            }
        if self.share_url is not None:
            values["varkaus"] = {"conn_type": "generic", "extra": {"url": self.share_url}}
        return {municipality: json.dumps(value, ensure_ascii=False) for municipality, value in values.items()}


class RunningSources:
    """The four servers, each to be stopped and started by its municipality's id. A context manager; see
    `start_sources`, which makes it."""

    def __init__(
        self,
        folder: Path,
        admin_url: str | None,
        state_dir: Path,
        *,
        faults: Faults,
        token_lifetime_s: int,
        bind: str,
        host: str,
        ports: dict[str, int],
    ) -> None:
        self._folder = folder.absolute()
        self._admin_url = admin_url
        self._state_dir = state_dir.absolute()
        self._faults = faults
        self._token_lifetime_s = token_lifetime_s
        self._bind = bind
        self._host = host
        self._ports = ports
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._database_url: str | None = None
        self._share_url: str | None = None
        self._database_open = False
        self._secrets = _stored_secrets(self._state_dir)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop_all()

    @property
    def sources(self) -> Sources:
        """Where the servers are; it stays the same over `stop` and `start`."""
        keys = self._state_dir / "kuopio"
        return Sources(
            sftp_host=self._host,
            sftp_port=self._ports["kuopio"],
            sftp_login=LOGIN,
            sftp_key_file=keys / "client_key",
            sftp_known_hosts_file=keys / "known_hosts",
            rest_host=self._host,
            rest_port=self._ports["siilinjarvi"],
            rest_client_id=LOGIN,
            rest_client_secret=self._secrets["siilinjarvi"],
            database_url=self._database_url,
            share_url=self._share_url,
        )

    @property
    def _mount_point(self) -> Path:
        return self._state_dir / "varkaus"

    def connections(self) -> dict[str, str]:
        """Municipality id -> its Airflow Connection as JSON, of the sources that have been started."""
        return self.sources.connections()

    def write_connections(self, path: Path) -> None:
        """Write municipality id -> Airflow Connection as one JSON object (mode 600), as Airflow's local filesystem
        secrets backend reads it; readers see the old file or the new one."""
        connections = {name: json.loads(value) for name, value in self.connections().items()}
        _write_private(path, json.dumps(connections, indent=1, ensure_ascii=False))

    def pid(self, municipality: str) -> int | None:
        """The process id of a running server; None when it is stopped or no process of its own."""
        child = self._children.get(municipality)
        return child.pid if child is not None and child.poll() is None else None

    def start(self, *municipalities: str) -> None:
        """Start servers (all, when none is named), on the ports that they had before; those that run stay as they are.

        Raises RuntimeError when a server does not come up.
        """
        wanted = _known(municipalities)
        # Both processes are started before the first is waited for.
        started = [name for name in wanted if name in self._ports and self.pid(name) is None]
        for name in started:
            if name in self._children:
                _end(self._children[name])
            self._children[name] = self._spawn(name)
        if "iisalmi" in wanted and not self._database_open:
            self._open_database()
        if "varkaus" in wanted:
            self._share_url = share.share_url(share.mount(self._folder / "varkaus", self._mount_point))
        for name in started:
            self._ports[name] = _read_port(name, self._children[name], self._state_dir)
            if name == "kuopio":
                from demo.servers import sftp

                sftp.write_known_hosts(sftp.ensure_keys(self._state_dir / "kuopio"), self._host, self._ports["kuopio"])

    def stop(self, *municipalities: str) -> None:
        """Stop servers (all, when none is named): connections end, new ones are refused, the share is not there."""
        wanted = _known(municipalities)
        children = [child for name in wanted if (child := self._children.pop(name, None)) is not None]
        for child in children:
            child.terminate()
        for child in children:
            _end(child)
        if "iisalmi" in wanted and self._database_open:
            from demo.servers import database

            database.close_to_reader(self._required_admin_url())
            self._database_open = False
        if "varkaus" in wanted:
            share.unmount(self._mount_point)

    def stop_all(self) -> None:
        """Stop all servers, also when the PostgreSQL of `iisalmi` is gone already."""
        import psycopg

        self.stop("kuopio", "siilinjarvi", "varkaus")
        try:
            self.stop("iisalmi")
        except psycopg.OperationalError:
            _log.info("iisalmi: its PostgreSQL does not answer, nothing to close")
            self._database_open = False

    def refresh(self) -> None:
        """Load the database again after a new night was written; the other servers see it by themselves."""
        self._load(open_to_reader=self._database_open)

    def _open_database(self) -> None:
        from demo.servers import database

        if self._database_url is None:
            self._load(open_to_reader=True)
        else:
            database.open_to_reader(self._required_admin_url())
            self._database_open = True

    def _load(self, *, open_to_reader: bool) -> None:
        from demo.servers import database

        self._database_url = database.load_database(
            self._required_admin_url(),
            self._folder / "iisalmi",
            self._secrets["iisalmi"],
            open_to_reader=open_to_reader,
            clock=self._clock(),
        )
        self._database_open = open_to_reader

    def _clock(self) -> datetime | None:
        """The moment that the night's extracts were written for, if they say so; the REST service tells it as well."""
        path = self._folder / "siilinjarvi" / "clock.json"
        return datetime.fromisoformat(json.loads(path.read_text())["asOf"]) if path.exists() else None

    def _required_admin_url(self) -> str:
        if self._admin_url is None:
            raise ValueError("iisalmi: the database needs the admin URL of a PostgreSQL")
        return self._admin_url

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        if name == "kuopio":
            from demo.servers import sftp

            sftp.ensure_keys(self._state_dir / name)
        command = [sys.executable, "-m", "demo.servers", "--child", name]
        command += ["--folder", str(self._folder), "--state", str(self._state_dir)]
        command += ["--bind", self._bind, f"--{name}-port", str(self._ports[name])]
        command += ["--token-lifetime", str(self._token_lifetime_s), "--faults", json.dumps(asdict(self._faults))]
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH", "")]))
        with (self._state_dir / f"{name}.log").open("ab") as log:
            # The child ends when its standard input does, that is with this process, however that ends.
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": path},
                # A Ctrl-C in the terminal is the parent's to handle.
                start_new_session=True,
            )


def start_sources(
    folder: Path,
    admin_url: str | None,
    state_dir: Path,
    *,
    municipalities: Sequence[str] = MUNICIPALITIES,
    faults: Faults = Faults(),
    token_lifetime_s: int = 300,
    bind: str = "127.0.0.1",
    host: str | None = None,
    kuopio_port: int = 0,
    siilinjarvi_port: int = 0,
) -> RunningSources:
    """Start the servers of `municipalities` over `folder` and return when all are ready.

    `admin_url`: URL of a PostgreSQL role that may create databases and roles (for `iisalmi`). `state_dir`: keys,
    passwords and logs; what is stored there is used again, the rest is made (files of mode 600). `bind`: the address to
    listen on; `host`: the name by which clients reach it (default: the same). A port of 0 takes a free one.

    Raises RuntimeError when a server does not come up, and what `demo.servers.database.load_database` raises.
    """
    running = RunningSources(
        folder,
        admin_url,
        state_dir,
        faults=faults,
        token_lifetime_s=token_lifetime_s,
        bind=bind,
        host=host or bind,
        ports={"kuopio": kuopio_port, "siilinjarvi": siilinjarvi_port},
    )
    try:
        running.start(*municipalities)
    except BaseException:
        running.stop_all()
        raise
    return running


def _known(municipalities: tuple[str, ...]) -> tuple[str, ...]:
    unknown = sorted(set(municipalities) - set(MUNICIPALITIES))
    if unknown:
        raise ValueError(f"No source server is called {', '.join(unknown)}: use {', '.join(MUNICIPALITIES)}")
    return municipalities or MUNICIPALITIES


def _stored_secrets(state_dir: Path) -> dict[str, str]:
    """The REST client's secret and the reader's password, from `state_dir/secrets.json`; made when it is not there."""
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = state_dir / "secrets.json"
    if not path.exists():
        _write_private(path, json.dumps({name: secrets.token_urlsafe(32) for name in ("siilinjarvi", "iisalmi")}))
    stored: dict[str, str] = json.loads(path.read_text())
    return stored


def _write_private(path: Path, text: str) -> None:
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)


def _read_port(name: str, child: subprocess.Popen[bytes], state_dir: Path) -> int:
    """Wait for the one line that a child writes when it is ready: its port."""
    line = _read_line(child.stdout, _START_TIMEOUT_S) if child.stdout is not None else b""
    if not line.strip().isdigit():
        child.kill()
        _end(child)
        raise RuntimeError(f"{name}: the server did not come up, see {state_dir / f'{name}.log'}")
    return int(line)


def _read_line(pipe: IO[bytes], timeout_s: float) -> bytes:
    line = b""
    ends = time.monotonic() + timeout_s
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not line.endswith(b"\n") and selector.select(max(0.0, ends - time.monotonic())):
            read = os.read(pipe.fileno(), 64)
            if not read:
                break
            line += read
    return line


def _end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
