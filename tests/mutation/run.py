"""The run: gives mutants to the workers until the sample is full, and keeps what they say."""

import json
import os
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from tests.mutation.catalogue import Mutant, mutants, sample
from tests.mutation.own_unit_tests import models_to_ask
from tests.mutation.state import State, Verdict, append_verdict, build_empty, copy_tree, read_verdicts, running_server

# One model's unit tests, and all of them.
OWN_UNIT_TESTS = "tests/mutation/own_unit_tests.py"
UNIT_TESTS = "tests/dbt/test_unit_tests.py"
ALL_UNIT_TESTS = f"{UNIT_TESTS}::test_unit_tests_of_the_models"

# The tests that may notice a broken rule: files and folders.
TESTS = (
    OWN_UNIT_TESTS,
    "tests/dbt",
    "tests/pipeline/test_municipal.py",
    "tests/truth/test_harmonised.py",
    "tests/mutation/landed_region.py",
    "tests/truth/test_increments.py",
)

# A task for a worker that breaks nothing.
UNBROKEN: Mapping[str, Any] = {"path": "", "edit": None, "asked": [], "killers": [], "left_out": [], "named": []}


@dataclass(frozen=True)
class Plan:
    """sample: live mutants wanted, 0 for all. only: parts of paths, or keys. again: `survivors` or `all` are tried
    although there is a verdict. baseline: first see that the unbroken project passes. tolerant: leave tests out that
    fail on it, instead of refusing to run. tests: files and folders of tests that may notice a broken rule."""

    sample: int = 200
    seed: int = 1
    only: tuple[str, ...] = ()
    workers: int = 2
    again: str | None = None
    baseline: bool = True
    tolerant: bool = False
    tests: tuple[str, ...] = TESTS


class BaselineError(RuntimeError):
    """The tests fail without any mutant."""


class Worker:
    """A process of tests.mutation.worker in its own copy of the project."""

    def __init__(self, state: State, number: int) -> None:
        tree = copy_tree(state, number)
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        arguments = [str(state.folder), str(tree), str(number)]
        log = state.log(f"worker-{number}")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.mutation.worker", *arguments],
                cwd=tree,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Sends a task and waits for its answer."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("A worker ended; its log is in logs/ of the run's folder.")
        return dict(json.loads(line))

    def stop(self) -> None:
        """Ends the process, also in the middle of a mutant."""
        self.process.terminate()
        self.process.wait()


@contextmanager
def _working(state: State, count: int) -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    try:
        for number in range(count):
            workers.append(Worker(state, number))
        yield workers
    finally:
        for worker in workers:
            worker.stop()


def run(state: State, plan: Plan) -> list[Verdict]:
    """Tries the planned mutants; returns the verdicts of all of them, those of an earlier run among them.

    Raises BaselineError when a test fails on the unbroken project.
    """
    state.folder.mkdir(parents=True, exist_ok=True)
    found = [mutant for mutant in mutants(state.root) if _is_wanted(mutant, plan.only)]
    strata = sample(found, plan.sample or len(found), plan.seed)
    with running_server(state):
        build_empty(state)
        with _working(state, plan.workers) as workers:
            desk = Desk(state, plan, workers)
            if plan.baseline:
                desk.check_baseline()
            pool = ThreadPoolExecutor(max_workers=plan.workers)
            try:
                parts = list(pool.map(lambda stratum: desk.fill(*stratum), strata))
                parts = desk.top_up(strata, parts)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
    return [verdict for part in parts for verdict in part]


def _is_wanted(mutant: Mutant, only: Sequence[str]) -> bool:
    return not only or any(part in mutant.path or part == mutant.key for part in only)


class Desk:
    """Hands mutants out; knows which test has killed what."""

    def __init__(self, state: State, plan: Plan, workers: Sequence[Worker]) -> None:
        self.state = state
        self.plan = plan
        self.known = read_verdicts(state.results)
        self.lock = Lock()
        self.started = time.monotonic()
        self.idle: SimpleQueue[Worker] = SimpleQueue()
        for worker in workers:
            self.idle.put(worker)
        self.texts = {
            path.relative_to(state.root).as_posix(): path.read_text(encoding="utf-8")
            for place in (state.root / name for name in plan.tests)
            for path in (sorted(place.rglob("test_*.py")) if place.is_dir() else [place])
        }
        # The models' own unit tests stand beside them.
        own = sorted((state.root / "dbt_project" / "models").rglob("*.yml"))
        unit_tests = "".join(path.read_text("utf-8").partition("\nunit_tests:")[2] for path in own)
        self.unit_tested = set(re.findall(r"^    model: (\w+)$", unit_tests, re.MULTILINE))
        if UNIT_TESTS in self.texts:
            self.texts[UNIT_TESTS] += unit_tests
        # Seconds of each test that is known to pass on the unbroken project.
        self.costs: dict[str, float] = {}
        self.left_out: list[str] = []

    def check_baseline(self) -> None:
        """Runs every test once on the unbroken project, and keeps how long each takes."""
        worker = self.idle.get()
        try:
            task = {**UNBROKEN, "key": "baseline", "modules": [*self.texts]}
            answer = worker.ask(task)
        finally:
            self.idle.put(worker)
        failures = answer.get("failures", [])
        if answer["outcome"] != "survived" and not (failures and self.plan.tolerant):
            raise BaselineError(f"{answer['by']}: {answer['message']}; see {self.state.log('baseline')}")
        self.costs = {test: seconds for test, seconds in answer["tests"].items() if test not in failures}
        self.left_out = failures
        print(f"{len(self.costs)} tests on the unbroken project in {answer['seconds']:.0f} s", flush=True)
        for test in failures:
            print(f"left out: {test}", flush=True)

    def fill(self, wanted: int, candidates: Sequence[Mutant]) -> list[Verdict]:
        """Verdicts of candidates in their order until `wanted` are live."""
        verdicts: list[Verdict] = []
        for mutant in candidates:
            if sum(verdict.is_live for verdict in verdicts) == wanted:
                break
            verdicts.append(self._verdict(mutant))
        return verdicts

    def top_up(
        self, strata: Sequence[tuple[int, Sequence[Mutant]]], parts: Sequence[list[Verdict]]
    ) -> list[list[Verdict]]:
        """`parts` (the verdicts of each stratum), with one more live mutant of a stratum, the largest first, for each
        that is missing from the sample: of a file whose mutants are all refused nothing is live."""
        filled = list(parts)
        for place in sorted(range(len(strata)), key=lambda one: -strata[one][0]):
            if sum(verdict.is_live for part in filled for verdict in part) >= self.plan.sample:
                break
            wanted, candidates = strata[place]
            filled[place] = self.fill(wanted + 1, candidates)
        return filled

    def _verdict(self, mutant: Mutant) -> Verdict:
        known = self.known.get(mutant.key)
        again = self.plan.again == "all" or (self.plan.again == "survivors" and known and known.outcome == "survived")
        if known and not again:
            return known
        answer = self._ask(self._task(mutant))
        # A test that fails without the mutant too has noticed nothing.
        while answer["outcome"] == "killed" and not self._is_sound(answer["by"]):
            answer = self._ask(self._task(mutant))
        said = {name: answer[name] for name in ("outcome", "by", "message", "seconds", "processor_seconds")}
        verdict = Verdict(mutant.key, mutant.path, mutant.line, mutant.operator, mutant.diff(), **said)
        with self.lock:
            self.known[mutant.key] = verdict
            append_verdict(self.state.results, verdict)
            spent = f"{time.monotonic() - self.started:6.0f} s  {mutant.key}  {verdict.seconds:5.1f} s"
            place = f"{mutant.operator:10}  {mutant.path}:{mutant.line}"
            print(f"{spent}  {verdict.outcome:10}  {place}  {verdict.by}", flush=True)
        return verdict

    def _ask(self, task: Mapping[str, Any]) -> dict[str, Any]:
        worker = self.idle.get()
        try:
            return worker.ask(task)
        finally:
            self.idle.put(worker)

    def _is_sound(self, test: str) -> bool:
        """Whether a test passes on the unbroken project; asked once of each. One that does not is left out from now."""
        with self.lock:
            if test in self.left_out:
                return False
            if test in self.costs:
                return True
        task = {**UNBROKEN, "key": "unbroken", "modules": [test]}
        answer = self._ask(task)
        with self.lock:
            if answer["outcome"] == "survived":
                self.costs |= answer["tests"]
                return True
            self.left_out.append(test)
        print(f"left out, fails without any mutant: {test}", flush=True)
        return False

    def _task(self, mutant: Mutant) -> dict[str, Any]:
        with self.lock:
            killed = [verdict for verdict in self.known.values() if verdict.outcome == "killed"]
        kills = [verdict for verdict in killed if verdict.path == mutant.path]
        tests = Counter(verdict.by for verdict in kills)
        modules = Counter(verdict.by.partition("::")[0] for verdict in kills)
        # What notices most breaks of other files may notice this one as well.
        elsewhere = Counter(verdict.by.partition("::")[0] for verdict in killed)
        name = Path(mutant.path).stem
        spent: dict[str, float] = defaultdict(float)
        for test, seconds in self.costs.items():
            spent[test.partition("::")[0]] += seconds
        order = sorted(
            self.texts,
            key=lambda path: (-modules[path], -self.texts[path].count(name), -elsewhere[path], spent[path]),
        )
        killers = [test for test, _ in tests.most_common(10)]
        asked = models_to_ask(self.state.root, mutant.path, mutant.line, self.unit_tested)
        own = [OWN_UNIT_TESTS] if asked else []
        # A broken model fails its own unit tests only; whatever else is broken may fail any.
        is_model = mutant.path.startswith("dbt_project/models/")
        others = [path for path in order if path != OWN_UNIT_TESTS]
        all_unit_tests = [ALL_UNIT_TESTS] if is_model else []
        return {
            "key": mutant.key,
            "path": mutant.path,
            "edit": asdict(mutant.edit),
            "asked": asked,
            "modules": [*own, *others],
            "killers": killers,
            "left_out": [*self.left_out, *all_unit_tests],
            "named": [path for path, text in self.texts.items() if name in text],
        }
