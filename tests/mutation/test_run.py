"""Whose failure counts as a kill. The worker is a stand-in that knows which tests fail: a real one needs minutes."""

from pathlib import Path
from typing import Any, cast

from tests.mutation.catalogue import Mutant
from tests.mutation.operators import Edit
from tests.mutation.own_unit_tests import models_to_ask
from tests.mutation.report import kill_rate
from tests.mutation.run import Desk, Plan, Worker
from tests.mutation.state import State, read_verdicts

ALWAYS, ONLY_BROKEN = "tests/a.py::test_fails_always", "tests/b.py::test_notices"


class StandIn:
    """`ALWAYS` fails whatever is asked; `ONLY_BROKEN` fails with a mutant of `noticed`."""

    def __init__(self, noticed: set[str], refused: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        self.noticed = noticed
        self.refused = refused
        self.asked: list[str] = []

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(task["key"])
        spent = {"message": "", "seconds": 1.0, "processor_seconds": 1.0}
        if task["key"] in self.refused:
            return {"outcome": "refused", "by": "", **spent}
        asked = [ALWAYS, ONLY_BROKEN] if task["edit"] else task["modules"]
        for test in asked:
            fails = test == ALWAYS or (task["edit"] and task["key"] in self.noticed)
            if fails and test not in task["left_out"]:
                return {"outcome": "killed", "by": test, "failures": [test], "tests": {test: 1.0}, **spent}
        return {"outcome": "survived", "by": "", "tests": dict.fromkeys(asked, 1.0), **spent}


def mutant(key: str) -> Mutant:
    return Mutant(key, "dbt_project/models/a.sql", 1, "join", "left", "inner", Edit(0, 1, "join", "x"))


def desk(tmp_path: Path, worker: StandIn, sample: int = 200) -> Desk:
    return Desk(State(tmp_path, tmp_path), Plan(tests=(), sample=sample), [cast(Worker, worker)])


def test_a_test_that_fails_without_the_mutant_too_kills_nothing(tmp_path: Path) -> None:
    worker = StandIn(noticed={"one"})
    verdicts = desk(tmp_path, worker).fill(2, [mutant("one"), mutant("two")])
    assert [(one.outcome, one.by) for one in verdicts] == [("killed", ONLY_BROKEN), ("survived", "")]
    assert kill_rate(verdicts) == 0.5
    # Each test is asked once on the unbroken project.
    assert worker.asked == ["one", "unbroken", "one", "unbroken", "two"]


def test_a_mutant_that_is_no_live_sql_gives_way_to_the_next(tmp_path: Path) -> None:
    worker = StandIn(noticed={"b"}, refused={"a"})
    verdicts = desk(tmp_path, worker).fill(1, [mutant("a"), mutant("b"), mutant("c")])
    assert [one.outcome for one in verdicts] == ["refused", "killed"]
    assert kill_rate(verdicts) == 1.0


def test_a_file_of_which_nothing_is_live_gives_its_place_to_the_largest(tmp_path: Path) -> None:
    asked = desk(tmp_path, StandIn(noticed={"b", "c", "d", "e"}, refused={"a"}), sample=4)
    strata = [(1, [mutant("a")]), (1, [mutant("b")]), (2, [mutant("c"), mutant("d"), mutant("e"), mutant("f")])]
    parts = asked.top_up(strata, [asked.fill(*stratum) for stratum in strata])
    assert [[one.key for one in part if one.is_live] for part in parts] == [[], ["b"], ["c", "d", "e"]]


def test_a_verdict_is_kept_and_not_asked_for_again(tmp_path: Path) -> None:
    first = desk(tmp_path, StandIn(noticed={"b"})).fill(1, [mutant("b")])
    with (tmp_path / "results.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"key": "cut o')
    assert read_verdicts(tmp_path / "results.jsonl") == {"b": first[0]}
    worker = StandIn(noticed=set())
    assert desk(tmp_path, worker).fill(1, [mutant("b")]) == first
    assert worker.asked == []
    desk(tmp_path, StandIn(noticed=set())).fill(1, [mutant("c")])
    assert read_verdicts(tmp_path / "results.jsonl").keys() == {"b", "c"}


def test_of_a_broken_macro_the_models_are_asked_that_call_it(tmp_path: Path) -> None:
    macros, models = tmp_path / "dbt_project" / "macros", tmp_path / "dbt_project" / "models"
    macros.mkdir(parents=True)
    models.mkdir()
    (macros / "days.sql").write_text(
        "{% macro other() -%} 1 {%- endmacro %}\n"
        "{% macro month_of(day) -%}\n    date_trunc({{ day }})\n{%- endmacro %}\n"
        "{% macro next_month(day) -%} {{ month_of(day) }} {%- endmacro %}\n"
    )
    for name, text in (
        ("a", "{{ other() }}"),
        ("b", "{{ next_month('x') }}"),
        ("c", "{{ month_of('x') }}"),
        ("d", "{{ month_of('x') }}"),
    ):
        (models / f"{name}.sql").write_text(text)
    tested = {"a", "b", "c"}
    assert models_to_ask(tmp_path, "dbt_project/macros/days.sql", 3, tested) == ["b", "c"]
    assert models_to_ask(tmp_path, "dbt_project/models/c.sql", 1, tested) == ["c"]
    assert models_to_ask(tmp_path, "dbt_project/models/d.sql", 1, tested) == []
    assert models_to_ask(tmp_path, "municipalities/kuopio/forms.csv", 2, tested) == []
