"""Nights of the synthetic region: four running sources, a real Airflow scheduler, a published release.

`make demo` takes in the closing deliveries of 2024–25 first, by the same functions without the scheduler, so that both
support regimes have a history; then the night itself runs as four ingest DAGs whose outcomes trigger the release.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from connectors.config import municipality_names
from demo.region import Region, build_region, write_night, write_truth
from demo.servers import NOW_AND_THEN, RunningSources, start_sources
from pipeline import scheduler
from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.ingest import Outcome, ingest
from pipeline.keys import ensure_keys
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.status import Status, read_status
from pipeline.summary import figures_table, status_table
from pipeline.timing import Durations
from pipeline.warehouse import connect, prepare, warehouse_url

CLOSING_NIGHT = date(2025, 6, 21)
DEFAULT_NIGHT = date(2026, 2, 3)
NIGHT_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class RunningRegion:
    """A synthetic region whose four sources run, with a warehouse that is ready for them."""

    settings: Settings
    region: Region
    sources: RunningSources
    airflow_database: str

    @property
    def municipalities(self) -> tuple[str, ...]:
        return municipality_names(self.settings.municipalities)

    @property
    def truth(self) -> Path:
        return self.settings.home / "demo" / "truth"

    def move_to(self, night: date) -> None:
        """Makes the sources hold what they hold on the morning of `night`, and writes the truth beside them."""
        sources = _sources_folder(self.settings)
        write_night(self.region, night, sources)
        # Kuopio's folders remember which nights the sources were written for.
        nights = [date.fromisoformat(folder.name) for folder in (sources / "kuopio" / "lahtevat").iterdir()]
        write_truth(self.region, night, self.truth, nights)
        self.sources.refresh()

    def take_in(self, night: date) -> list[Outcome]:
        """Runs the ingests of a night without the scheduler."""
        return [ingest(self.settings, name, night) for name in self.municipalities]

    def start_airflow(self) -> scheduler.RunningAirflow:
        """Starts Airflow with the sources' connections; the caller stops it."""
        home = self.settings.home
        environment = {"TUKIVERKKO_HOME": str(home), "TUKIVERKKO_MUNICIPALITIES": str(self.settings.municipalities)}
        if self.settings.database_url:
            environment["TUKIVERKKO_DATABASE_URL"] = self.settings.database_url
        environment |= {f"AIRFLOW_CONN_{name.upper()}": value for name, value in self.sources.connections().items()}
        mail = f"AIRFLOW_CONN_{(self.settings.mail_connection or '').upper()}"
        if mail in os.environ:
            # Where the caller has a mail server, the night's alerts go there.
            environment[mail] = os.environ[mail]
        dags = PROJECT_ROOT / "dags"
        return scheduler.start(scheduler.AirflowStack(self.settings.airflow, self.airflow_database, dags, environment))


@contextmanager
def running_region(settings: Settings, *, seed: int, scale: float) -> Iterator[RunningRegion]:
    """A synthetic region on the morning of `CLOSING_NIGHT`, its sources and its PostgreSQL running for the block."""
    postgres = EmbeddedPostgres(settings.postgres)
    connections = settings.home / "demo" / "connections.json"
    sources: RunningSources | None = None
    try:
        postgres.start()
        names = municipality_names(settings.municipalities)
        ensure_keys(settings, names)
        with connect(settings) as connection:
            prepare(connection, names)
        region = build_region(seed, scale)
        folder = _sources_folder(settings)
        write_night(region, CLOSING_NIGHT, folder)
        sources = start_sources(folder, postgres.admin_url, settings.home / "demo" / "servers", faults=NOW_AND_THEN)
        sources.write_connections(connections)
        yield RunningRegion(settings, region, sources, postgres.create_database("airflow"))
    finally:
        # Credentials of servers that are gone would only mislead the command line.
        connections.unlink(missing_ok=True)
        if sources is not None:
            sources.stop_all()
        postgres.stop()


def run_night(airflow: scheduler.RunningAirflow, night: date, municipalities: tuple[str, ...]) -> str:
    """Triggers the ingests of a night and waits for them and for the release that their outcomes trigger.

    Returns the state of the run of `regional_release`. Raises AirflowError when none is triggered.
    """
    before = {run["dag_run_id"] for run in airflow.dag_runs("regional_release")}
    airflow.unpause()
    conf = {"night": night.isoformat()}
    runs = {name: airflow.trigger(f"ingest_{name}", conf=conf) for name in municipalities}
    for name, run_id in runs.items():
        airflow.wait_for_run(f"ingest_{name}", run_id, NIGHT_TIMEOUT_S)
    deadline = time.monotonic() + NIGHT_TIMEOUT_S
    while time.monotonic() < deadline:
        new = [run for run in airflow.dag_runs("regional_release") if run["dag_run_id"] not in before]
        if new:
            return airflow.wait_for_run("regional_release", new[0]["dag_run_id"], NIGHT_TIMEOUT_S)
        airflow.check_alive()
        time.sleep(0.5)
    raise scheduler.AirflowError(f"No regional_release was triggered within {NIGHT_TIMEOUT_S:.0f} s.")


def run_demo(settings: Settings, *, seed: int, scale: float, night: date, keep_running: bool, console: Console) -> bool:
    """Runs the night; prints what came, what was published and where the time went. True when `reporting` shows a
    release of that night. Everything that it starts is stopped at the end, or at Ctrl-C with `keep_running`."""
    end_in_order()
    started = time.perf_counter()
    steps = _Steps(console)
    with ExitStack() as stack:
        with steps.durations.step("region and sources", "Making the synthetic region, starting its four sources"):
            running = stack.enter_context(running_region(settings, seed=seed, scale=scale))
        # Airflow needs half a minute to come up: meanwhile the past is taken in.
        starting = stack.enter_context(in_background(running.start_airflow))
        with steps.durations.step("closing deliveries", f"Taking in the closing deliveries of {CLOSING_NIGHT}"):
            closing = running.take_in(CLOSING_NIGHT)
        with steps.durations.step("sources of the night", f"Writing what the sources hold on the morning of {night}"):
            running.move_to(night)
        with steps.durations.step("Airflow start", "Waiting for Airflow"):
            airflow = starting.result()
        with steps.durations.step("the night", f"The night of {night}: four ingests, then the regional release"):
            run_night(airflow, night, running.municipalities)
        steps.end()
        for outcome in closing:
            if outcome.status not in ("accepted", "unchanged"):
                console.print(
                    f"[red]{outcome.municipality}, {CLOSING_NIGHT}: {outcome.status}: {outcome.reason_en}[/red]"
                )
        state = read_status(settings)
        console.print(status_table(state), figures_table(settings))
        times = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in steps.durations.seconds.items())
        console.print(f"Whole run {time.perf_counter() - started:.0f} s: {times}", style="dim")
        # A demo of an earlier night than the last one changes nothing: the newer release stays.
        published = state.release is not None and state.release["night"] >= night
        console.print(_verdict(state, night, published))
        if keep_running:
            _serve(settings, airflow, console)
    return published


def end_in_order() -> None:
    """Has a process that is told to end stop what it started, as at Ctrl-C; also where a shell has it ignore Ctrl-C, as
    it does with what it starts in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)


@contextmanager
def in_background(start: Callable[[], scheduler.RunningAirflow]) -> Iterator[Future[scheduler.RunningAirflow]]:
    """Starts Airflow beside the block; stops it at the end, also when nobody asked for the result."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        future = pool.submit(start)
        try:
            yield future
        finally:
            if future.exception() is None:
                future.result().stop()


class _Steps:
    """One line a step on the terminal, with its time."""

    def __init__(self, console: Console) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self.progress = Progress(*columns, console=console)
        self.durations = Durations(self._next)
        self.progress.start()

    def _next(self, message: str) -> None:
        self._finish()
        self.progress.add_task(message, total=None)

    def end(self) -> None:
        self._finish()
        self.progress.stop()

    def _finish(self) -> None:
        for task in self.progress.tasks:
            if not task.finished:
                self.progress.update(task.id, total=1, completed=1)


def _sources_folder(settings: Settings) -> Path:
    return settings.home / "demo" / "sources"


def _verdict(state: Status, night: date, published: bool) -> str:
    if published and state.release is not None:
        shown = state.release["night"]
        return f"[green]Release {state.release['release_number']} of the night of {shown} is published.[/green]"
    reason = state.last_release["reason"] if state.last_release else "no release was tried"
    return f"[red]Nothing was published for the night of {night}: {reason}[/red]"


def _serve(settings: Settings, airflow: scheduler.RunningAirflow, console: Console) -> None:
    with _pages_server(settings) as address:
        console.print(f"Airflow     {airflow.api_url}   user {airflow.username}, password {airflow.password}")
        console.print(f"report      {address}/fi/report.html")
        console.print(f"quality     {address}/fi/quality.html   every expectation: {settings.data_docs}")
        console.print(f"dictionary  {address}/fi/dictionary.html")
        console.print(f"warehouse   {warehouse_url(settings)}", soft_wrap=True)
        console.print("Running until Ctrl-C.")
        try:
            while True:
                airflow.check_alive()
                time.sleep(2)
        except KeyboardInterrupt:
            console.print("Stopping.")


@contextmanager
def _pages_server(settings: Settings) -> Iterator[str]:
    """The pages for people over HTTP, to this machine alone; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(settings.pages)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing of each."""

    def log_message(self, *_: object) -> None:
        """Nothing."""
