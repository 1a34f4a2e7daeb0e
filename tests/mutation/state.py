"""What a mutation run keeps outside the repository: a server, a landed region, copies to break, results."""

import json
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg import sql

from connectors.config import load_municipalities
from demo.region import write_truth
from pipeline.embedded_postgres import OWNER, EmbeddedPostgres
from pipeline.reference import load_reference
from pipeline.settings import Settings
from pipeline.transform import build
from pipeline.warehouse import prepare
from tests.reference.nights import region_of
from tests.reference.status import LastNight

# The region on which a broken rule is compared with the truth; Kuopio's window leaves two months out in between.
SEED, SCALE = 4, 0.02
NIGHTS = (date(2025, 11, 10), date(2026, 2, 3))
NIGHT = NIGHTS[-1]
LANDED = "tukiverkko"
# dbt on no rows at all, after a first and a second build: what a mutant that is no live SQL fails on.
EMPTY = "mutation_empty"
MODELS = "resource_type:seed resource_type:model"
# A mutant may join everything with everything: such a query ends by itself.
LIMITS = {
    "statement_timeout": "120s",
    "temp_file_limit": "2GB",
    "client_connection_check_interval": "2s",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}


@dataclass(frozen=True)
class State:
    """The folders of a run. root: the project whose rules are broken; nothing is changed in it."""

    folder: Path
    root: Path

    @property
    def settings(self) -> Settings:
        """The landed region's settings; its server is the server of the whole run."""
        return Settings(self.folder / "region", database_url=None, municipalities=self.root / "municipalities")

    @property
    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.settings.postgres)

    @property
    def truth(self) -> Path:
        return self.settings.home / "demo" / "truth"

    @property
    def outcomes_file(self) -> Path:
        return self.folder / "outcomes.pickle"

    @property
    def outcomes(self) -> dict[str, LastNight]:
        """How each municipality's last night ended."""
        found: dict[str, LastNight] = pickle.loads(self.outcomes_file.read_bytes())
        return found

    @property
    def results(self) -> Path:
        return self.folder / "results.jsonl"

    def base_target(self, mode: str) -> Path:
        """dbt's files of the unbroken project: `first` build of every table, or `next` one over it."""
        return self.folder / "base" / mode

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def tree(self, worker: int) -> Path:
        """A worker's own copy of the project."""
        return self.folder / f"tree-{worker}"


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant. outcome: refused (no live SQL), equivalent (the same plan), killed, timeout, survived,
    error (the tests could not be run; counts as survived).

    by: the test that failed. seconds: wall time, with the look whether it is live; processor_seconds: of the tests
    and dbt, without the database server.
    """

    key: str
    path: str
    line: int
    operator: str
    diff: str
    outcome: str
    by: str
    message: str
    seconds: float
    processor_seconds: float

    @property
    def is_live(self) -> bool:
        return self.outcome not in ("refused", "equivalent")

    @property
    def is_killed(self) -> bool:
        return self.outcome in ("killed", "timeout")


def read_verdicts(path: Path) -> dict[str, Verdict]:
    """The last verdict of each mutant in a results file; a line that was cut off is left out."""
    found: dict[str, Verdict] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            verdict = Verdict(**json.loads(line))
        except ValueError:
            continue
        found[verdict.key] = verdict
    return found


def append_verdict(path: Path, verdict: Verdict) -> None:
    """Adds one to a results file; a line that was cut off before stays alone."""
    cut = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * cut + json.dumps(asdict(verdict), ensure_ascii=False) + "\n")


@contextmanager
def running_server(state: State) -> Iterator[EmbeddedPostgres]:
    """Lands the region once, then runs its server for the block, with what the last run left behind removed."""
    if not state.outcomes_file.exists():
        shutil.rmtree(state.settings.home, ignore_errors=True)
        with region_of(state.settings.home, seed=SEED, scale=SCALE) as region:
            for night in NIGHTS:
                region.take_in(night)
            write_truth(region.running.region, NIGHT, state.truth, region.delivered)
            state.outcomes_file.write_bytes(pickle.dumps(region.outcomes))
    server = state.postgres
    server.start()
    try:
        with psycopg.connect(server.admin_url, autocommit=True) as admin:
            for name, value in LIMITS.items():
                admin.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            admin.execute("select pg_reload_conf()")
            left = admin.execute(r"select datname from pg_database where datname ~ '^(dbt|test|mutant)_'").fetchall()
            for (name,) in left:
                drop_database(server, name)
        yield server
    finally:
        server.stop()


def build_empty(state: State) -> None:
    """Builds the unbroken project twice on no rows: its plans are what a mutant's are compared with."""
    server = state.postgres
    drop_database(server, EMPTY)
    url = server.create_database(EMPTY)
    municipalities = load_municipalities(state.root / "municipalities")
    with psycopg.connect(url) as connection:
        prepare(connection, [one.name for one in municipalities])
        load_reference(connection, municipalities)
    for mode in ("first", "next"):
        target = state.base_target(mode)
        shutil.rmtree(target, ignore_errors=True)
        build(url, target, select=MODELS, night=NIGHT)


@contextmanager
def cloned(server: EmbeddedPostgres, template: str, name: str | None = None) -> Iterator[str]:
    """The URL of a copy of a database, for the block; of any name, unless one is asked for."""
    name = name or f"mutant_{token_hex(6)}"
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        query = "create database {} template {} owner {}"
        admin.execute(sql.SQL(query).format(*map(sql.Identifier, (name, template, OWNER))))
    try:
        yield server.create_database(name)
    finally:
        drop_database(server, name)


def drop_database(server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


def copy_tree(state: State, worker: int) -> Path:
    """A fresh copy of the project for a worker: only files that the tests and the build read."""
    tree = state.tree(worker)
    shutil.rmtree(tree, ignore_errors=True)
    hidden = [path.name for path in state.root.iterdir() if path.name.startswith(".")]
    shutil.copytree(
        state.root, tree, ignore=shutil.ignore_patterns(*hidden, "__pycache__", "*.egg-info", "target", "node_modules")
    )
    return tree
