"""A local Airflow (api-server, scheduler, dag-processor, triggerer) on loopback, started and stopped by the program.

Used by the demo, by `make up` and by the end-to-end tests. Everything that Airflow writes lies below one folder. In
production Airflow runs as its own services (see `docker-compose.yml`); nothing here is needed there.

`start(stack)` prepares the metadata database, starts a supervisor process (this module run as a program) which starts
the four components, and returns when Airflow is healthy and every DAG file is parsed. The supervisor holds a pipe from
its parent: when the parent ends, however it ends, the supervisor stops Airflow with all its tasks.
"""

import ctypes
import json
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from pipeline.settings import PROJECT_ROOT

NIGHT_ZONE = ZoneInfo("Europe/Helsinki")
USERNAME = "admin"
COMPONENTS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server", "--host", "127.0.0.1", "--workers", "1"),
    # The log servers would listen on every interface; the api-server reads the same files itself.
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
FINISHED = frozenset({"success", "failed"})
START_SECONDS = 300.0
TASKS_AT_A_TIME = max(4, os.cpu_count() or 1)
# How long components may take to end by themselves before they and their tasks are killed.
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


class AirflowError(RuntimeError):
    """Airflow did not start, did not answer, or refused a request; the message says where to look."""


@dataclass(frozen=True)
class AirflowStack:
    """What a local Airflow needs.

    home: folder for everything that Airflow writes (AIRFLOW_HOME, logs, secrets, password); made when missing.
    database_url: plain libpq URL of an existing, own database for Airflow's metadata (`postgresql://u:p@host:port/db`).
    dags_folder: the folder of DAG files.
    environment: variables for all components and tasks (TUKIVERKKO_…, AIRFLOW_CONN_…); an AIRFLOW__… given here wins.
    """

    home: Path
    database_url: str
    dags_folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def password_file(self) -> Path:
        return self.home / "password.json"


@dataclass(frozen=True)
class RunningAirflow:
    """A started Airflow. `api_url` is the address of its web pages and API; log in as `username` with `password`."""

    stack: AirflowStack
    api_url: str
    username: str
    password: str = field(repr=False)
    supervisor: subprocess.Popen[bytes] = field(repr=False)
    session: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def token(self) -> str:
        """A bearer token for the API; made at first use and again when it has expired."""
        if "token" not in self.session:
            credentials = {"username": self.username, "password": self.password}
            answer = _call("POST", f"{self.api_url}/auth/token", credentials)
            self.session["token"] = str(answer["access_token"])
        return self.session["token"]

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Calls `/api/v2{path}` and returns the decoded JSON. Asking (GET) is tried three times when there is no proper
        answer, as on a machine that is busy. Raises AirflowError with Airflow's own message."""
        tries = 3 if method == "GET" else 1
        for attempt in range(1, tries + 1):
            self.check_alive()
            try:
                return self._authorised(method, path, body)
            except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                if refused or attempt == tries:
                    raise AirflowError(f"Airflow's answer to {method} {path}: {_detail(error)}") from error
            time.sleep(1)
        raise AssertionError("unreachable")

    def _authorised(self, method: str, path: str, body: object) -> Any:
        url = f"{self.api_url}/api/v2{path}"
        try:
            return _call(method, url, body, self.token)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
        self.session.clear()
        return _call(method, url, body, self.token)

    def unpause(self, *dag_ids: str) -> None:
        """Lets the scheduler run these DAGs (all of them when none is named)."""
        for dag_id in dag_ids or tuple(dag["dag_id"] for dag in self.dags()):
            self.request("PATCH", f"/dags/{dag_id}?update_mask=is_paused", {"is_paused": False})

    def dags(self) -> list[dict[str, Any]]:
        """Every parsed DAG as the API describes it."""
        return list(self._pages("/dags", "dags"))

    def trigger(
        self,
        dag_id: str,
        logical_date: datetime | None = None,
        conf: Mapping[str, object] | None = None,
    ) -> str:
        """Starts a run by hand and returns its run_id. Without `logical_date` the same DAG can be triggered again and
        again; with one, Airflow allows one run a date."""
        body = {
            "logical_date": logical_date.isoformat() if logical_date else None,
            "conf": dict(conf or {}),
        }
        return str(self.request("POST", f"/dags/{dag_id}/dagRuns", body)["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float, every: float = 0.25) -> str:
        """Waits until the run has ended; returns 'success' or 'failed'. Raises AirflowError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        path = f"/dags/{dag_id}/dagRuns/{urllib.parse.quote(run_id, safe='')}"
        while True:
            state = str(self.request("GET", path)["state"])
            if state in FINISHED:
                return state
            if time.monotonic() > deadline:
                raise AirflowError(
                    f"Run {run_id} of {dag_id} is still {state} after {timeout:.0f} s; see {self.stack.logs}"
                )
            self.check_alive()
            time.sleep(every)

    def dag_runs(self, dag_id: str) -> list[dict[str, Any]]:
        """Every run of the DAG, oldest first, as the API describes them (run_id is `dag_run_id`)."""
        return list(self._pages(f"/dags/{dag_id}/dagRuns?order_by=id", "dag_runs"))

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The run's task instances as the API describes them (task_id, state, start_date, end_date, try_number…)."""
        run = urllib.parse.quote(run_id, safe="")
        return list(self._pages(f"/dags/{dag_id}/dagRuns/{run}/taskInstances", "task_instances"))

    def task_log(self, dag_id: str, run_id: str, task_id: str) -> str:
        """The text of every log file of the task in the run (all tries)."""
        folder = self.stack.logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
        return "\n".join(file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.log")))

    def check_alive(self) -> None:
        """Raises AirflowError when Airflow has ended by itself."""
        if self.supervisor.poll() is not None:
            raise AirflowError(f"Airflow has stopped by itself.\n{_tails(self.stack.logs)}")

    def stop(self) -> None:
        """Stops all components and running tasks; returns when they are gone. Calling it again does nothing."""
        if self.supervisor.stdin and not self.supervisor.stdin.closed:
            self.supervisor.stdin.close()
        self.supervisor.wait()

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        offset, joint = 0, "&" if "?" in path else "?"
        while True:
            answer = self.request("GET", f"{path}{joint}limit=100&offset={offset}")
            yield from answer[key]
            offset += len(answer[key])
            if not answer[key] or offset >= answer["total_entries"]:
                return


def start(stack: AirflowStack, timeout: float = START_SECONDS) -> RunningAirflow:
    """Starts Airflow and returns when its four components are healthy and every DAG file is parsed without errors.

    Raises AirflowError when it does not become ready within `timeout` seconds or a DAG file has an import error;
    nothing is left running then.
    """
    stack.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    stack.logs.mkdir(exist_ok=True)
    password = _password(stack)
    port = _free_port()
    environment = _environment(stack, port)
    _migrate(stack, environment)
    command = [sys.executable, "-m", "pipeline.scheduler", str(stack.logs), str(port)]
    with (stack.logs / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=stack.home,
            # Ctrl-C in a terminal reaches the parent only, which then stops Airflow in order.
            start_new_session=True,
        )
    running = RunningAirflow(stack, f"http://127.0.0.1:{port}", USERNAME, password, supervisor)
    try:
        _wait_until_ready(running, time.monotonic() + timeout)
    except BaseException:
        running.stop()
        raise
    return running


def command(stack: AirflowStack, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Airflow's command line (`command(stack, "backfill", "create", …)`) on the stack's database."""
    return subprocess.run(
        [sys.executable, "-m", "airflow", *arguments],
        env=_environment(stack, port=0),
        cwd=stack.home,
        capture_output=True,
        text=True,
        check=False,
    )


def _environment(stack: AirflowStack, port: int) -> dict[str, str]:
    """The components' environment: the caller's without its own Airflow settings, ours, then the stack's."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
    rest = stack.database_url.split("://", 1)[1]
    no_proxy = ",".join(
        filter(
            None,
            (
                os.environ.get("NO_PROXY") or os.environ.get("no_proxy"),
                "127.0.0.1,localhost",
            ),
        )
    )
    paths = (stack.environment.get("PYTHONPATH"), str(PROJECT_ROOT), os.environ.get("PYTHONPATH"))
    options = {
        "CORE__DAGS_FOLDER": str(stack.dags_folder),
        "CORE__PLUGINS_FOLDER": str(stack.home / "plugins"),
        "CORE__EXECUTOR": "LocalExecutor",
        # Four municipalities at a time wait for their sources. A worker is held for some time after its task has ended
        # (see below), so there are two for each task that may run.
        "CORE__DEFAULT_POOL_TASK_SLOT_COUNT": str(TASKS_AT_A_TIME),
        "CORE__PARALLELISM": str(2 * TASKS_AT_A_TIME),
        # Airflow 3.3 often sees the end of a task's process only at the next heartbeat, by default 5 s later.
        "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "CORE__LOAD_EXAMPLES": "False",
        # Dates on the command line (backfill) are nights in Finland.
        "CORE__DEFAULT_TIMEZONE": NIGHT_ZONE.key,
        "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "CORE__FERNET_KEY": _secret(stack, "fernet", fernet=True),
        "CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USERNAME}:admin",
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(stack.password_file),
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg://{rest}",
        "DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{rest}",
        "LOGGING__BASE_LOG_FOLDER": str(stack.logs),
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(stack.logs / "dag_processor"),
        "LOGGING__COLORED_CONSOLE_LOG": "False",
        "API__HOST": "127.0.0.1",
        "API__PORT": str(port),
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "API__WORKERS": "1",
        "API__SECRET_KEY": _secret(stack, "session"),
        "API_AUTH__JWT_SECRET": _secret(stack, "jwt"),
        "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(stack.home / "bundles"),
        "DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # DAG files change when somebody deploys, not while the night runs.
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.25",
        "USAGE_DATA_COLLECTION__ENABLED": "False",
    }
    return {
        **inherited,
        **{f"AIRFLOW__{name}": value for name, value in options.items()},
        "AIRFLOW_HOME": str(stack.home),
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "SCARF_ANALYTICS": "false",
        "DO_NOT_TRACK": "1",
        "TUKIVERKKO_FIRST_NIGHT": _first_night(stack),
        **stack.environment,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _secret(stack: AirflowStack, name: str, *, fernet: bool = False) -> str:
    """A random secret that outlives a restart: Airflow decrypts stored connections and checks sessions with it."""
    path = stack.home / "secrets" / name
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # 32 random bytes in URL-safe base64 with padding are a Fernet key; a signing key is 64 bytes or more.
        _write_private(path, secrets.token_urlsafe(32) + "=" if fernet else secrets.token_urlsafe(64))
    return path.read_text(encoding="utf-8")


def _first_night(stack: AirflowStack) -> str:
    """The day after the first start: nights from then on are scheduled, and caught up when Airflow was not running."""
    path = stack.home / "first_night"
    if not path.exists():
        tomorrow = datetime.now(NIGHT_ZONE).date() + timedelta(days=1)
        _write_private(path, tomorrow.isoformat())
    return path.read_text(encoding="utf-8")


def _password(stack: AirflowStack) -> str:
    if not stack.password_file.exists():
        _write_private(
            stack.password_file,
            json.dumps({USERNAME: secrets.token_urlsafe(18)}) + "\n",
        )
    return str(json.loads(stack.password_file.read_text(encoding="utf-8"))[USERNAME])


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner reads, whole or not at all."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    scratch.touch(mode=0o600)
    scratch.write_text(text, encoding="utf-8")
    scratch.replace(path)


def _migrate(stack: AirflowStack, environment: Mapping[str, str]) -> None:
    """Brings the metadata database to the installed version; skipped when this Airflow has already done it there."""
    from importlib.metadata import version

    stamp = stack.home / "migrated.json"
    airflow_version = version("apache-airflow-core")
    if stamp.exists() and json.loads(stamp.read_text(encoding="utf-8")) == [
        airflow_version,
        _revision(stack),
    ]:
        return
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    with (stack.logs / "migrate.log").open("ab") as log:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            cwd=stack.home,
            check=False,
        )
    if result.returncode != 0:
        raise AirflowError(f"Airflow's metadata database could not be prepared.\n{_tails(stack.logs)}")
    _write_private(stamp, json.dumps([airflow_version, _revision(stack)]))


def _revision(stack: AirflowStack) -> list[str]:
    """Which database this is and its schema revision; empty strings when it has none yet."""
    with psycopg.connect(stack.database_url) as connection:
        row = connection.execute(
            "select oid::text, to_regclass('alembic_version') is not null from pg_database "
            "where datname = current_database()"
        ).fetchone()
        assert row is not None
        oid, exists = row
        if not exists:
            return [oid, ""]
        revision = connection.execute("select version_num from alembic_version").fetchone()
        return [oid, revision[0] if revision else ""]


def _wait_until_ready(running: RunningAirflow, deadline: float) -> None:
    missing = "no answer from the api-server"
    while time.monotonic() < deadline:
        running.check_alive()
        with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            missing = _not_ready(running)
            if not missing:
                return
        time.sleep(0.25)
    raise AirflowError(f"Airflow is not ready in time: {missing}.\n{_tails(running.stack.logs)}")


def _not_ready(running: RunningAirflow) -> str:
    """What is still missing, or an empty text. Raises AirflowError when a DAG file cannot be imported."""
    # The first call builds the tasks' side of the API, which takes seconds that the first task would wait for.
    _call("GET", f"{running.api_url}/execution/health")
    health = _call("GET", f"{running.api_url}/api/v2/monitor/health")
    for component in ("metadatabase", "scheduler", "dag_processor", "triggerer"):
        if (health.get(component) or {}).get("status") != "healthy":
            return f"the {component} is not healthy"
    errors = running.request("GET", "/importErrors")["import_errors"]
    if errors:
        details = "\n".join(f"{error['filename']}: {error['stack_trace']}" for error in errors)
        raise AirflowError(f"DAG files with errors:\n{details}")
    parsed = {Path(dag["fileloc"]).name for dag in running.dags()}
    waiting = sorted(_dag_files(running.stack.dags_folder) - parsed)
    return f"not parsed yet: {', '.join(waiting)}" if waiting else ""


def _dag_files(folder: Path) -> set[str]:
    """Names of the folder's Python files that hold DAGs: all but those that `.airflowignore` names."""
    ignore = folder / ".airflowignore"
    ignored = set(ignore.read_text(encoding="utf-8").split()) if ignore.exists() else set()
    return {file.name for file in folder.glob("*.py")} - ignored


def _call(method: str, url: str, body: object = None, token: str | None = None) -> Any:
    headers = {
        "Content-Type": "application/json",
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    # No proxy: the address is loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def _detail(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        with suppress(Exception):
            return f"{error.code} {json.loads(error.read())['detail']}"
    return str(error) or type(error).__name__


def _tails(logs: Path, lines: int = 25) -> str:
    """The last lines of every component's log."""
    parts = []
    for file in sorted(logs.glob("*.log")):
        tail = file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
        parts.append(f"--- {file}\n" + "\n".join(tail))
    return "\n".join(parts)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def supervise(logs: Path, port: int) -> int:
    """Runs the four components until standard input ends or a signal comes, or one of them ends by itself (returns 1).

    Whatever is below this process, tasks included, is gone when it returns.
    """
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    stopping: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, note)
    processes = {name: _component(logs, name, arguments, port) for name, arguments in COMPONENTS.items()}
    try:
        while not stopping:
            if any(process.poll() is not None for process in processes.values()):
                return 1
            readable, _, _ = select.select([sys.stdin], [], [], 0.5)
            if readable and not os.read(sys.stdin.fileno(), 1):
                break
        return 0
    finally:
        _end(processes)


def _component(logs: Path, name: str, arguments: Sequence[str], port: int) -> subprocess.Popen[bytes]:
    extra = ("--port", str(port)) if name == "api-server" else ()
    with (logs / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "airflow", *arguments, *extra],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # This process has one thread.
            preexec_fn=_end_with_parent,
        )


def _end_with_parent() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _prctl(option: int, value: int) -> None:
    """Linux only; elsewhere the pipe alone ends Airflow with its parent."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _end(processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Lets running tasks end for a while, then kills what is left.

    The api-server goes last, because a task can end well only while it answers. The components' own workers end when
    their work is done; what a component does after that is only Python's tidying up, which takes it several seconds.
    """
    for name, process in processes.items():
        if name != "api-server" and process.poll() is None:
            process.terminate()
    components = {process.pid for process in processes.values()}
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and set(_descendants(os.getpid())) - components:
        time.sleep(0.05)
    # Time for the last lines in the database and the logs.
    time.sleep(0.5)
    # Orphans become children of this process (subreaper), so this ends when the whole tree is gone.
    while below := _descendants(os.getpid()):
        for pid in below:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _descendants(root: int) -> list[int]:
    """Ids of the live processes below `root`, found by parent (tasks make process groups of their own)."""
    import psutil  # type: ignore[import-untyped]

    alive = []
    for process in psutil.Process(root).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process.pid)
    return alive


if __name__ == "__main__":
    sys.exit(supervise(Path(sys.argv[1]), int(sys.argv[2])))
