"""Runs the project's own tests on a broken copy: slow fixtures are handed in, the likely killer comes first."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

# A test with a warehouse of its own builds it for itself; the others share one build in a module.
OWN_WAREHOUSE = "warehouse"
# The published star is the longest of the shared builds: early only for what its tests name.
STAR = "region"


@dataclass(eq=False)
class Trial:
    """A pytest plugin for one run.

    fixtures: name → what the fixture is, made when it is first asked for and closed with `stack`. modules: files in
    the order in which they are run. killers: tests that are run before the others of their kind. left_out: tests that
    are not run, since they fail without any mutant. named: files that say the name of what is broken.
    """

    fixtures: Mapping[str, Callable[[ExitStack], Any]]
    modules: Sequence[str]
    killers: Sequence[str]
    left_out: Sequence[str] = ()
    named: Sequence[str] = ()
    stack: ExitStack = field(default_factory=ExitStack)
    failures: dict[str, str] = field(default_factory=dict)
    passed: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any], request: Any) -> Any:
        """Takes the place of the fixture's own function."""
        make = self.fixtures.get(fixturedef.argname)
        if make is None:
            return None
        value = make(self.stack)
        fixturedef.cached_result = (value, fixturedef.cache_key(request), None)
        return value

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((item for item in items if item.nodeid not in self.left_out), key=self._turn)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0.0) + report.duration
        self.passed += report.when == "call" and report.passed
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            message = str(crash.message if crash else report.longrepr)[:400]
            # At once, into the trial's log: a run that is ended says nothing at its end.
            print(f"\n{report.nodeid}: {message}", flush=True)
            self.failures.setdefault(report.nodeid, message)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.setdefault(report.nodeid, str(report.longrepr)[-400:])

    def pytest_unconfigure(self) -> None:
        self.stack.close()

    def _turn(self, item: pytest.Item) -> tuple[int, int, int]:
        """Shared builds first, then warehouses of a test's own, then the region."""
        names = getattr(item, "fixturenames", ())
        is_region = any(name in names for name in REGION_FIXTURES)
        module = item.nodeid.partition("::")[0]
        is_late = OWN_WAREHOUSE in names or (STAR in names and module not in self.named)
        stage = 3 if is_region else 2 if is_late else 0
        place = self.killers.index(item.nodeid) if item.nodeid in self.killers else len(self.killers)
        if stage and place < len(self.killers):
            stage = 1
        rank = self.modules.index(module) if module in self.modules else len(self.modules)
        return (stage, rank, place)


# Fixtures that stand for a whole landed and built region; `delivered` has a server of its own, and lands its nights.
REGION_FIXTURES = ("landed", "compared", "delivered")
