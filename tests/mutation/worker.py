"""One worker: breaks its own copy of the project, one mutant at a time, and runs the copy's tests.

Started with the copy as its working folder and first on the path, so that every module, table and model is the copy's.
What is slow to import is imported once; each trial is a fork. Reads tasks and writes verdicts as JSON lines.
"""

import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex
from types import SimpleNamespace
from typing import Any

# Slow to import, and the same for every mutant.
import dbt.adapters.postgres
import dbt.cli.main  # noqa: F401
import polars  # noqa: F401
import psycopg
import pytest

from connectors.config import ConfigError, load_municipalities
from pipeline.reference import load_reference
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.transform import TransformError, build
from tests.dbt.tiny import OWN, SHARED
from tests.mutation.landed_region import LandedRegion
from tests.mutation.operators import Edit
from tests.mutation.own_unit_tests import UnitTested
from tests.mutation.plugin import Trial
from tests.mutation.state import EMPTY, LANDED, NIGHT, NIGHTS, State, cloned

LIVE_LIMIT_S = 600.0
# Ample, since a mutant that takes longer counts as killed: also where other work goes before it.
TESTS_LIMIT_S = 3600.0
# What a test fails with that never came to its assertion.
BUILD_ERRORS = (TransformError.__name__, ConfigError.__name__, "psycopg.errors")
# A unit test that says so has read rows: what the database takes.
ROWS_DIFFER = "actual differs from expected"
# The databases of a worker's tests, by what their names end with.
UNIT = "unit"
KINDS = (SHARED, OWN, UNIT)
Answer = dict[str, Any]


def serve(state: State, worker: int) -> None:
    """Answers each line of the standard input with one line, until there is none."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What dbt and pytest print must not come between the answers.
    os.dup2(2, 1)
    # In a fork, since dbt leaves locks and threads behind that the trials' forks could not use.
    parsed = _forked(lambda: _parse(state, worker), LIVE_LIMIT_S, state.log(f"parse-{worker}"))
    if parsed["outcome"] != "parsed":
        raise RuntimeError(f"The unbroken project could not be parsed: {parsed['message']}")
    for line in sys.stdin:
        task = json.loads(line)
        answers.write(json.dumps(_answer(state, worker, task), ensure_ascii=False) + "\n")
        answers.flush()


def _parse(state: State, worker: int) -> Answer:
    """Has dbt parse the unbroken project for the databases of this worker's tests, so that trials parse one file."""
    for kind in KINDS:
        with cloned(state.postgres, EMPTY, f"{_database(worker)}_{kind}") as url:
            build(url, _parsed(state, worker) / kind, select="grade_band", night=NIGHT)
    return {"outcome": "parsed"}


def _database(worker: int) -> str:
    return f"dbt_{worker}"


def _parsed(state: State, worker: int) -> Path:
    return state.folder / f"parsed-{worker}"


def _answer(state: State, worker: int, task: Answer) -> Answer:
    started, used = time.monotonic(), os.times()
    edit = Edit(**task["edit"]) if task["edit"] else None
    path = PROJECT_ROOT / task["path"]
    original = path.read_text(encoding="utf-8") if edit else ""
    log = state.log(task["key"])
    shutil.rmtree(_targets(state, worker), ignore_errors=True)
    try:
        if edit:
            path.write_text(edit.apply(original), encoding="utf-8")
        answer = _forked(lambda: _test(state, worker, task), TESTS_LIMIT_S, log)
        # A look costs as much as a test, so only where a failed build or no failure at all leaves open what it means.
        if edit and (answer["outcome"] != "killed" or _is_build_error(answer["message"])):
            look = _forked(lambda: _look(state, worker, task["path"]), LIVE_LIMIT_S, log)
            if look["outcome"] == "refused" or (look["outcome"] == "equivalent" and answer["outcome"] == "survived"):
                answer = look
    finally:
        if edit:
            path.write_text(original, encoding="utf-8")
    now = os.times()
    processor = now.children_user + now.children_system - used.children_user - used.children_system
    spent = {"seconds": round(time.monotonic() - started, 2), "processor_seconds": round(processor, 2)}
    return {"by": "", "message": "", **answer, **spent}


def _is_build_error(message: str) -> bool:
    return ROWS_DIFFER not in message and any(error in message for error in BUILD_ERRORS)


def _forked(work: Callable[[], Answer], limit_s: float, log: Path) -> Answer:
    """The answer of `work` in a process of its own; a timeout when it takes too long, an error when it dies."""
    log.parent.mkdir(parents=True, exist_ok=True)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.setsid()
        with log.open("ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        try:
            answer = work()
        except BaseException as error:
            answer = {"outcome": "error", "message": f"{type(error).__name__}: {error}"[:400]}
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(writer, "w", encoding="utf-8") as pipe:
            json.dump(answer, pipe)
        # Threads and pools that the tests left behind end here.
        os._exit(0)
    # A worker that is ended ends its trial.
    signal.signal(signal.SIGTERM, lambda *_: _end(child))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as pipe:
        ready, _, _ = select.select([pipe], [], [], limit_s)
        if not ready:
            os.killpg(child, signal.SIGKILL)
        text = pipe.read()
    os.waitpid(child, 0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if text:
        answer = json.loads(text)
        return dict(answer)
    return {"outcome": "timeout" if not ready else "error", "message": "the process ended without an answer"}


def _end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    sys.exit(143)


def _look(state: State, worker: int, path: str) -> Answer:
    """refused: the database, dbt or the code tables' reader does not take the mutant. equivalent: every plan is the
    unbroken one. live: otherwise."""
    try:
        municipalities = load_municipalities(PROJECT_ROOT / "municipalities")
    except ConfigError as error:
        return {"outcome": "refused", "message": str(error)[:400]}
    with cloned(state.postgres, EMPTY) as url:
        if path.startswith("municipalities/"):
            try:
                with psycopg.connect(url) as connection:
                    load_reference(connection, municipalities)
            except psycopg.Error as error:
                return {"outcome": "refused", "message": str(error)[:400]}
            return {"outcome": "live"}
        manifest = json.loads((state.base_target("first") / "manifest.json").read_text("utf-8"))
        nodes = affected(manifest, path)
        if not nodes:
            return {"outcome": "equivalent", "message": "no model uses it"}
        same = path.endswith(".sql")
        # Only an incremental model says something else at its first build.
        found = [node["config"].get("materialized") for node in manifest["nodes"].values() if node["name"] in nodes]
        for mode in ("next", "first") if "incremental" in found else ("next",):
            target = _target(state, worker, mode)
            # With what hangs on them: a table that is made anew takes the views on it away.
            wanted = " ".join(f"{node}+,resource_type:{kind}" for node in nodes for kind in ("seed", "model"))
            try:
                build(url, target, select=wanted, full_refresh=mode == "first", night=NIGHT)
            except TransformError as error:
                return {"outcome": "refused", "message": str(error)[:400]}
            same = same and _plans(url, target, nodes) == _plans(url, state.base_target(mode), nodes)
    return {"outcome": "equivalent", "message": "the same plan"} if same else {"outcome": "live"}


def affected(manifest: Mapping[str, Any], path: str) -> list[str]:
    """The seeds and models that a file of the dbt project makes: its own, or those that use its macros."""
    inside = path.removeprefix("dbt_project/")
    nodes = [node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")]
    if not inside.startswith("macros/"):
        return [node["name"] for node in nodes if node["original_file_path"] == inside]
    macros = manifest["macros"]
    used = {name for name, macro in macros.items() if macro["original_file_path"] == inside}
    while more := {n for n, m in macros.items() if n not in used and used & set(m["depends_on"]["macros"])}:
        used |= more
    # A macro that is called with the name of another shows only in the text.
    names = [name.rpartition(".")[2] for name in used]
    return sorted(
        node["name"]
        for node in nodes
        if used & set(node["depends_on"].get("macros", ())) or any(f"{n}(" in node.get("raw_code", "") for n in names)
    )


def _plans(url: str, target: Path, nodes: Sequence[str]) -> list[str]:
    """How the server would run each compiled model, without costs."""
    manifest = json.loads((target / "manifest.json").read_text("utf-8"))
    paths = [Path(n["path"]).name for n in manifest["nodes"].values() if n["name"] in nodes]
    compiled = sorted(path for path in (target / "compiled").rglob("*.sql") if path.name in paths)
    plans = []
    with psycopg.connect(url) as connection:
        for path in compiled:
            # A relation is written with its database, which is another one in a copy.
            text = path.read_text(encoding="utf-8").replace(f'"{EMPTY}".', "")
            text = text.replace(f'"{connection.info.dbname}".', "")
            rows = connection.execute(f"explain (verbose, costs off) {text}".encode()).fetchall()
            plans.append("\n".join(row[0] for row in rows))
    return plans


def _target(state: State, worker: int, mode: str) -> Path:
    """A folder for dbt with what it has parsed of the unbroken project, so that it reads one file again."""
    target = _targets(state, worker) / token_hex(4)
    target.mkdir(parents=True)
    shutil.copy(state.base_target(mode) / "partial_parse.msgpack", target)
    return target


def _tests_target(state: State, worker: int) -> Path:
    """A folder for the tests' dbt, with what it has parsed of the unbroken project for each of their databases."""
    target = _targets(state, worker) / token_hex(4)
    for kind in KINDS:
        (target / kind).mkdir(parents=True)
        shutil.copy(_parsed(state, worker) / kind / "partial_parse.msgpack", target / kind)
    return target


def _targets(state: State, worker: int) -> Path:
    return state.folder / f"target-{worker}"


def _test(state: State, worker: int, task: Answer) -> Answer:
    if not task["modules"]:
        # pytest would run every test there is.
        return {"outcome": "survived", "message": "no test to ask"}
    trial = Trial(
        _fixtures(state, worker, task["asked"]), task["modules"], task["killers"], task["left_out"], task["named"]
    )
    flags = ["-q", "-s", "-p", "no:cacheprovider", "--timeout=0", "--tb=short"]
    flags += ["-x"] if task["edit"] else []
    code = pytest.main([*flags, *task["modules"]], plugins=[trial])
    if trial.failures:
        test, message = next(iter(trial.failures.items()))
        said = {"tests": trial.seconds, "failures": list(trial.failures)}
        return {"outcome": "killed", "by": test, "message": message, **said}
    outcome = "survived" if code == pytest.ExitCode.OK and trial.passed else "error"
    return {"outcome": outcome, "message": f"{trial.passed} tests passed ({code})", "tests": trial.seconds}


def _landed(state: State, worker: int, stack: ExitStack) -> Settings:
    """The landed region, built with the broken rules night by night, as the releases would have been."""
    url = stack.enter_context(cloned(state.postgres, LANDED))
    settings = Settings(state.settings.home, database_url=url, municipalities=PROJECT_ROOT / "municipalities")
    with psycopg.connect(url) as connection:
        load_reference(connection, load_municipalities(settings.municipalities))
    target = _target(state, worker, "first")
    for night in NIGHTS:
        with psycopg.connect(url) as connection:
            connection.execute("delete from ops.candidate_delivery")
            connection.execute(
                """
                insert into ops.candidate_delivery (delivery_id, dataset)
                select delivery_id, dataset from ops.delivery where status = 'accepted' and night <= %s
                """,
                (night,),
            )
        build(url, target, night=night)
    return settings


def _fixtures(state: State, worker: int, asked: Sequence[str]) -> dict[str, Callable[[ExitStack], Any]]:
    """What is handed to the tests in place of their own fixtures; the region is built once for all that ask. asked:
    the models whose own unit tests are; none means all."""
    made: list[Settings] = []

    def landed(stack: ExitStack) -> LandedRegion:
        if not made:
            made.append(_landed(state, worker, stack))
        return LandedRegion(made[0], state.truth, NIGHT, state.outcomes)

    def compared(stack: ExitStack) -> Any:
        from tests.truth.test_harmonised import Compared, person_keys

        settings = landed(stack).settings
        running: Any = SimpleNamespace(settings=settings, truth=state.truth)
        return Compared(running, state.truth, person_keys(settings, state.truth))

    def unit_tested(stack: ExitStack) -> UnitTested:
        url = stack.enter_context(cloned(state.postgres, EMPTY, f"{_database(worker)}_{UNIT}"))
        return UnitTested(url, _tests_target(state, worker) / UNIT, tuple(asked))

    return {
        "postgres": lambda _: state.postgres,
        "unit_tested": unit_tested,
        "dbt_database": lambda _: _database(worker),
        "dbt_target": lambda _: _tests_target(state, worker),
        "landed": landed,
        "compared": compared,
    }


if __name__ == "__main__":
    serve(State(Path(sys.argv[1]), Path(sys.argv[2])), int(sys.argv[3]))
