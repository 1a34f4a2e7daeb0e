"""A warehouse of a benchmark's own: made in a temporary folder, taken in and built as the night does it, then removed.

Wall time depends on what else the machine does, so the CPU seconds of our processes and of PostgreSQL are told as well.
"""

import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import wraps
from pathlib import Path
from typing import Any

from connectors import check, formats
from connectors.check import check_delivery
from connectors.config import load_municipality
from connectors.delivery import RawDelivery
from connectors.pseudonyms import PseudonymKeys
from pipeline import archive, ingest, keys, ledger, transform
from pipeline.embedded_postgres import EmbeddedPostgres, binaries
from pipeline.reference import load_reference
from pipeline.release import choose_deliveries
from pipeline.settings import Settings
from pipeline.timing import Durations
from pipeline.warehouse import connect, prepare
from tests.bench.towns import Town, write_folder

WORKERS = 2


@dataclass
class Cost:
    """What a piece of work took. cpu: seconds of all our processes and of PostgreSQL together; seconds: step → wall
    time, summed over the processes; peak_mib: the largest resident memory of one of our processes."""

    wall: float = 0.0
    cpu: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)
    peak_mib: float = 0.0

    def add(self, step: str, seconds: float) -> None:
        """Adds to a step."""
        self.seconds[step] = self.seconds.get(step, 0.0) + seconds

    def __add__(self, other: "Cost") -> "Cost":
        found = Cost(self.wall + other.wall, self.cpu + other.cpu, dict(self.seconds))
        for step, seconds in other.seconds.items():
            found.add(step, seconds)
        found.peak_mib = max(self.peak_mib, other.peak_mib)
        return found


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that is gone at the end; the embedded PostgreSQL's account may enter it."""
    with tempfile.TemporaryDirectory(prefix="tukiverkko-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def warehouse(folder: Path, towns: Sequence[Town]) -> Iterator[Settings]:
    """A prepared, empty warehouse below `folder` with a folder, keys and a role for each town; stopped at the end."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for town in towns:
        write_folder(town, folder / "municipalities")
    server = EmbeddedPostgres(folder / "home" / "postgres")
    try:
        # Named, so that a connection need not ask first whether the server runs.
        settings = Settings(folder / "home", server.start(), folder / "municipalities")
        names = tuple(town.name for town in towns)
        keys.ensure_keys(settings, names)
        with connect(settings) as connection:
            prepare(connection, names)
        yield settings
    finally:
        server.stop()


@contextmanager
def processes(count: int = WORKERS) -> Iterator[ProcessPoolExecutor]:
    """Processes that take in deliveries, as so many ingest tasks at a time do; started when the block begins."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as pool:
        list(pool.map(time.sleep, [0.5] * count))
        yield pool


def take_in(settings: Settings, pool: ProcessPoolExecutor, deliveries: Sequence[RawDelivery]) -> tuple[Cost, int]:
    """Reads, checks, pseudonymises, lands and accepts the deliveries: (cost, rows that landed).

    Raises AssertionError when a row was rejected. A delivery with the bytes of the last one is entered as unchanged.
    """
    with _measured(settings) as cost:
        for one, rows in pool.map(_take_in, [settings] * len(deliveries), deliveries):
            cost.cpu += one.cpu
            cost.peak_mib = max(cost.peak_mib, one.peak_mib)
            for step, seconds in one.seconds.items():
                cost.add(step, seconds)
            cost.seconds["rows"] = cost.seconds.get("rows", 0) + rows
    return cost, int(cost.seconds.pop("rows", 0))


def take_in_whole(settings: Settings, pool: ProcessPoolExecutor, deliveries: Sequence[RawDelivery]) -> Cost:
    """The same with all else that an ingest does after the fetch: archive, delivery gate, report."""
    with _measured(settings) as cost:
        for one in pool.map(_take_in_whole, [settings] * len(deliveries), deliveries):
            cost.cpu += one.cpu
            cost.peak_mib = max(cost.peak_mib, one.peak_mib)
            for step, seconds in one.seconds.items():
                cost.add(step, seconds)
    return cost


def build(settings: Settings, night: date) -> Cost:
    """Opens the accepted deliveries to the models, and builds harmonised and marts in a process of its own, as the
    release task does. Steps: `dbt start` (imports, parsing; until the first node), then a node each."""
    with connect(settings) as connection:
        choose_deliveries(connection, night)
    with processes(1) as pool, _measured(settings) as cost:
        one = pool.submit(_build, settings, night).result()
        cost.cpu += one.cpu
        cost.peak_mib, cost.seconds = one.peak_mib, one.seconds
    return cost


def copy_text(settings: Settings, files: Sequence[Path]) -> Cost:
    """What psql's `\\copy` takes for the same bytes: each line a text of a table with one column.

    The delimiter and the quote are characters that no file has, so that a line is a value whatever its format.
    """
    assert settings.database_url is not None
    options = "(format csv, delimiter e'\\x01', quote e'\\x02', escape e'\\x02')"
    script = "".join(f"\\copy bench_text from '{file}' with {options}\n" for file in files)
    with connect(settings) as connection:
        connection.execute("create table bench_text (line text)")
    command = [str(binaries() / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", settings.database_url]
    with _measured(settings) as cost:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, input=script, text=True, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cost.cpu += after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    with connect(settings) as connection:
        connection.execute("drop table bench_text")
    return cost


def table_sizes(settings: Settings, least_mb: float) -> list[tuple[str, int, float]]:
    """(table, rows as the planner knows them, megabytes with indexes), largest first."""
    query = """
        select n.nspname || '.' || c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid) / 1e6
        from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
        where c.relkind = 'r' and n.nspname in ('landing', 'harmonised', 'candidate', 'candidate_municipal')
        order by 3 desc
    """
    with connect(settings) as connection:
        found = [(str(name), int(rows), float(size)) for name, rows, size in connection.execute(query)]
    return [table for table in found if table[2] >= least_mb]


@contextmanager
def _measured(settings: Settings) -> Iterator[Cost]:
    """Wall time of the block, and PostgreSQL's CPU time of the sessions that end in it."""
    cost = Cost()
    start, before = time.perf_counter(), _postgres_cpu(settings)
    yield cost
    cost.wall = time.perf_counter() - start
    # A session counts once it has ended and the server has taken notice.
    time.sleep(0.3)
    cost.cpu += _postgres_cpu(settings) - before


def _postgres_cpu(settings: Settings) -> float:
    """CPU seconds of the server and of its sessions and workers that have ended."""
    pid = (settings.postgres / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0]
    # utime, stime, cutime, cstime; the process' name before them may hold blanks.
    times = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:15]
    return sum(map(int, times)) / os.sysconf("SC_CLK_TCK")


def _peak_mib() -> float:
    """The largest resident memory that this process has had; getrusage would count its parent's before the exec."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024


# In the processes


def _take_in(settings: Settings, raw: RawDelivery) -> tuple[Cost, int]:
    with _own_work() as (cost, clock):
        with clock.step("ledger"), connect(settings) as connection:
            last = ledger.last_accepted(connection, raw.municipality, raw.school_year)
            if last is not None and last.content_digest == raw.digest and last.night != raw.night:
                why = (f"the same bytes as {last.delivery}", f"sama sisältö kuin toimituksessa {last.delivery}")
                ledger.record_nothing(
                    connection, raw.municipality, raw.night, raw.school_year, "unchanged", *why, raw.digest
                )
                return cost, 0
            delivery = ledger.receive(connection, raw)
        config = load_municipality(settings.municipalities / raw.municipality)
        with clock.step("check"):
            checked = check_delivery(raw, config, keys.pseudonym_keys(settings, raw.municipality))
        with clock.step("land"), connect(settings) as connection:
            load_reference(connection, [config])
            ingest.land(connection, delivery.delivery_id, checked)
            ledger.decide(connection, delivery.delivery_id, "accepted")
    rejected = {name: part.rejected.height for name, part in checked.datasets.items() if part.rejected.height}
    assert not rejected, (raw.municipality, raw.night, rejected)
    return cost, sum(part.rows_landed for part in checked.datasets.values())


def _take_in_whole(settings: Settings, raw: RawDelivery) -> Cost:
    with _own_work() as (cost, clock):
        with clock.step("archive"), connect(settings) as connection:
            delivery = ledger.receive(connection, raw)
            archive.store(settings.archive, keys.archive_key(settings), delivery.delivery, raw)
        ingest.load(settings, raw.municipality, raw.night, durations=clock)
        with clock.step("report"):
            outcome = ingest.report(settings, raw.municipality, raw.night, None)
    assert outcome.status == "accepted", (raw.municipality, raw.night, outcome.status, outcome.reason_en)
    return cost


def _build(settings: Settings, night: date) -> Cost:
    assert settings.database_url is not None
    began = time.time()
    with _own_work() as (cost, clock):
        try:
            result = transform.build(settings.database_url, settings.dbt_target, night=night)
        except transform.TransformError as error:
            # As it is, it would not come through to the other process.
            raise RuntimeError(str(error)) from None
        clock.seconds |= result.seconds
    run = json.loads((settings.dbt_target / "run_results.json").read_text(encoding="utf-8"))
    starts = [datetime.fromisoformat(one["timing"][0]["started_at"]) for one in run["results"] if one["timing"]]
    cost.add("dbt start", min(starts).timestamp() - began)
    return cost


@contextmanager
def _own_work() -> Iterator[tuple[Cost, Durations]]:
    """This process' part of a cost, with reading and pseudonyms apart from the check that they are part of."""
    cost, clock = Cost(), Durations()
    inner = Durations()
    read, pseudonymiser = check.read_extract, PseudonymKeys.pseudonymiser  # type: ignore[attr-defined]
    check.read_extract = _timed(inner, "read", formats.read_extract)  # type: ignore[attr-defined]

    def timed_pseudonymiser(self: PseudonymKeys, kind: str) -> Callable[[Any], list[bytes | None]]:
        return _timed(inner, "pseudonyms", pseudonymiser(self, kind))

    PseudonymKeys.pseudonymiser = timed_pseudonymiser  # type: ignore[method-assign]
    start = time.process_time()
    try:
        yield cost, clock
    finally:
        check.read_extract, PseudonymKeys.pseudonymiser = read, pseudonymiser  # type: ignore[attr-defined,method-assign]
        cost.cpu = time.process_time() - start
        cost.peak_mib = _peak_mib()
        cost.seconds = dict(clock.seconds)
        for step, seconds in inner.seconds.items():
            cost.add(step, seconds)
            cost.add("check", -seconds)


def _timed(clock: Durations, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any) -> Any:
        with clock.step(step):
            return function(*arguments)

    return timed
