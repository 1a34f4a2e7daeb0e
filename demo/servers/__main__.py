"""`python -m demo.servers`: the four source servers in the foreground, until SIGTERM or Ctrl-C."""

import argparse
import json
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from demo.servers import LOGIN, NOW_AND_THEN, Faults, RunningSources, start_sources

_POLL_S = 2.0

_log = logging.getLogger("demo.servers")


def main(arguments: list[str] | None = None) -> int:
    """Run the servers; returns 0 when stopped by a signal, 1 when one of them ended by itself."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.child:
        _serve_child(options)
        return 0
    if not options.admin_url:
        parser.error("--admin-url is needed: the PostgreSQL that holds the database of iisalmi")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options)
    except KeyboardInterrupt:
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo.servers", description="The four source servers of the synthetic region."
    )
    parser.add_argument("--folder", type=Path, required=True, help="what the sources hold on a morning")
    parser.add_argument("--state", type=Path, required=True, help="keys, passwords and logs of the servers")
    parser.add_argument(
        "--admin-url",
        # From the environment, a password is not to be seen in the list of processes.
        default=os.environ.get("TUKIVERKKO_ADMIN_URL"),
        help="PostgreSQL URL of a role that may create databases and roles (default: TUKIVERKKO_ADMIN_URL)",
    )
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--host", help="name by which clients reach the servers (default: the address)")
    parser.add_argument("--kuopio-port", type=int, default=0, help="SFTP port (default: a free one)")
    parser.add_argument("--siilinjarvi-port", type=int, default=0, help="REST port (default: a free one)")
    parser.add_argument("--token-lifetime", type=int, default=300, help="seconds (default: %(default)s)")
    parser.add_argument(
        "--faults",
        type=lambda text: Faults(**json.loads(text)),
        default=NOW_AND_THEN,
        help='JSON, e.g. {"too_many_every": 17, "unavailable_every": 23, "expired_every": 41, "retry_after_s": 1}',
    )
    parser.add_argument(
        "--connections",
        type=Path,
        help="write the Airflow connections to this JSON file (mode 600), as the local filesystem secrets backend "
        "reads it",
    )
    parser.add_argument("--child", choices=("kuopio", "siilinjarvi"), help=argparse.SUPPRESS)
    return parser


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _run(options: argparse.Namespace) -> int:
    _wait_for_files(options.folder)
    loaded = _database_version(options.folder)
    with start_sources(
        options.folder,
        options.admin_url,
        options.state,
        faults=options.faults,
        token_lifetime_s=options.token_lifetime,
        bind=options.bind,
        host=options.host,
        kuopio_port=options.kuopio_port,
        siilinjarvi_port=options.siilinjarvi_port,
    ) as running:
        if options.connections:
            running.write_connections(options.connections)
        sources = running.sources
        _log.info("kuopio: sftp://%s:%s", sources.sftp_host, sources.sftp_port)
        _log.info("siilinjarvi: %s", sources.rest_url)
        _log.info("iisalmi: the database in the given PostgreSQL")
        _log.info("varkaus: %s", sources.share_url)
        return _watch(running, options.folder, loaded)


def _wait_for_files(folder: Path) -> None:
    """Return at once when a night is there, else when the first one has been written and come to rest."""
    if (version := _database_version(folder)) is not None:
        return
    _log.info("waiting for the first night in %s", folder)
    seen = None
    while version is None or version != seen:
        time.sleep(_POLL_S)
        seen, version = version, _database_version(folder)


def _watch(running: RunningSources, folder: Path, loaded: object) -> int:
    """Load the database again when its files have changed and come to rest; ends when a server has ended."""
    import polars as pl
    import psycopg

    seen = loaded
    while True:
        time.sleep(_POLL_S)
        for municipality in ("kuopio", "siilinjarvi"):
            if running.pid(municipality) is None:
                _log.error("%s: the server has ended, see its log", municipality)
                return 1
        version = _database_version(folder)
        if version is not None and version != loaded and version == seen:
            try:
                running.refresh()
            except (OSError, ValueError, psycopg.Error, pl.exceptions.PolarsError) as error:
                _log.error("iisalmi: not loaded, tried again soon: %s", type(error).__name__)
            else:
                _log.info("iisalmi: loaded the new night")
                loaded = version
        seen = version


def _database_version(folder: Path) -> tuple[tuple[int, int, int], ...] | None:
    from demo.servers.database import parquet_files

    try:
        stats = [path.stat() for path in parquet_files(folder / "iisalmi")]
    except FileNotFoundError:
        return None
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


def _serve_child(options: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    with _ready_line() as ready:
        threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
        if options.child == "kuopio":
            from demo.servers import sftp

            keys = sftp.ensure_keys(options.state / "kuopio")
            sftp.serve(options.folder / "kuopio", keys, options.bind, options.kuopio_port, ready)
        else:
            from demo.servers import rest

            secret = json.loads((options.state / "secrets.json").read_text())["siilinjarvi"]
            app = rest.create_app(
                options.folder / "siilinjarvi",
                LOGIN,
                secret,
                faults=options.faults,
                token_lifetime_s=options.token_lifetime,
            )
            rest.serve(app, options.bind, options.siilinjarvi_port, ready)


@contextmanager
def _ready_line() -> Iterator[Callable[[int], None]]:
    """Keep standard output for the one line that the parent waits for; everything else goes to standard error."""
    answer = os.dup(1)
    os.dup2(2, 1)

    def ready(port: int) -> None:
        os.write(answer, f"{port}\n".encode())
        os.close(answer)

    yield ready


def _end_with_parent(parent: int) -> NoReturn:
    """End this process when the parent is gone: its pipe has ended, or, where a fork of it holds the pipe, its id."""
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], 1.0)
        if readable and not os.read(0, 1):
            break
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
