"""Each operator on a text of one line, and what is no mutant at all; the run itself is in test_mutation.py."""

from pathlib import Path

import pytest

from tests.mutation.catalogue import Mutant, mutants, sample
from tests.mutation.operators import Edit, sql_edits, table_edits
from tests.mutation.worker import affected


def made(text: str, operator: str) -> list[str]:
    """The texts that an operator makes of a text of SQL."""
    return [edit.apply(text) for edit in sql_edits(text) if edit.operator == operator]


@pytest.mark.parametrize(
    ("operator", "text", "expected"),
    [
        ("comparison", "on a.x = b.x", ["on a.x <> b.x"]),
        ("comparison", "where a < 1", ["where a <= 1", "where a > 1"]),
        ("comparison", "where a >= 1", ["where a > 1", "where a <= 1"]),
        ("between", "on x.d between a.f and a.l", ["on (x.d > a.f and x.d <= a.l)", "on (x.d >= a.f and x.d < a.l)"]),
        ("condition", "where a and b", ["where b", "where a "]),
        ("condition", "where a and b and c", ["where b and c", "where a  and c", "where a and b "]),
        ("condition", "select x from t where a = 1 group by x", ["select x from t  group by x"]),
        ("condition", "join t on a.x = t.x where b", ["join t on true where b", "join t on a.x = t.x "]),
        ("condition", "sum(x) filter (where y) as z", ["sum(x)  as z"]),
        ("condition", "select a or (b and c) as d", ["select (b and c) as d", "select a  as d"]),
        ("condition", "on a = 1\n    and b = 2\n{{ more_joins('x') }}", ["on b = 2\n{{ more_joins('x') }}"]),
        ("and_or", "where a and b between c and d", ["where a or b between c and d"]),
        ("join", "left join t on a", ["inner join t on a"]),
        ("join", "inner join t on a", ["left join t on a"]),
        ("join", "cross join t", []),
        ("union", "select 1 union all select 2", ["select 1 union select 2"]),
        ("union", "select 1 union select 2", ["select 1 union all select 2"]),
        ("order", "over (order by a desc, b)", ["over (order by a asc, b)", "over (order by a desc, b desc)"]),
        ("partition", "(partition by a, b order by c)", ["(partition by b order by c)", "(partition by a order by c)"]),
        ("partition", "(partition by a order by c)", ["( order by c)"]),
        ("extreme", "least(a, max(b))", ["greatest(a, max(b))", "least(a, min(b))"]),
        ("aggregate", "sum(a)", ["count(a)"]),
        ("aggregate", "count(*)", ["max(cast(1 as bigint))"]),
        ("neighbour", "lead(a) over w", ["lag(a) over w"]),
        (
            "frame",
            "rows between unbounded preceding and 1 preceding",
            ["rows between unbounded preceding and current row"],
        ),
        ("coalesce", "coalesce(a.b, 0) + 1", ["a.b + 1", "0 + 1"]),
        ("coalesce", "where coalesce(a, false)", []),
        ("constant", "select 0.80, 'home', true", ["select 0.81, 'home', true", "select 0.80, 'home~', true"]),
        ("sign", "a - b", ["a + b"]),
        ("distinct", "select distinct a", ["select a"]),
        ("null_comparison", "a is distinct from b", ["a <> b"]),
        ("null_comparison", "a is not distinct from b", ["a = b"]),
        ("null_check", "a is not null", ["a is null"]),
        ("negation", "where not a", ["where a"]),
        ("date", "{{ days_after('a.day', -1) }}", ["{{ days_after('a.day', 0) }}"]),
        ("date", "{{ month_of('a.day') }}", ["{{ last_day_of_month('a.day') }}"]),
        ("aggregate", "{{ each('coalesce(sum(a), ' ~ x ~ ')') }}", ["{{ each('coalesce(count(a), ' ~ x ~ ')') }}"]),
        ("extreme", "{{ each('least(' ~ x ~ ', a.b)') }}", ["{{ each('greatest(' ~ x ~ ', a.b)') }}"]),
    ],
)
def test_an_operator(operator: str, text: str, expected: list[str]) -> None:
    assert set(expected) <= set(made(text, operator))
    if not expected:
        assert made(text, operator) == []


@pytest.mark.parametrize(
    "text",
    [
        "-- where a = 1 and b is null",
        "{#- the least of 1 and 2 -#}",
        "/* union all */",
        "select a.b from {{ ref('first_of_1') }} as a",
        "{{ definition('days_until_1') }}",
        "interval '1 day'",
        "{% if a and b %}{% endif %}",
    ],
)
def test_what_is_no_rule_is_left_alone(text: str) -> None:
    assert [edit for edit in sql_edits(text) if edit.operator != "constant" or "interval" not in text] == []


def test_a_text_for_people_is_no_rule() -> None:
    text = "(values (1, 'yksi', 'one')) as label (number, label_fi, label_en)"
    assert [edit.apply(text) for edit in sql_edits(text)] == [text.replace("(1,", "(2,")]


def test_a_junction_inside_a_case_stays_inside_it() -> None:
    text = "case when a and b then 1 else c end as x"
    assert set(made(text, "condition")) == {text.replace("a and b", "b"), text.replace("a and b", "a ")}


SEED = "name,priority,value,label_fi\none,1,0.05,a\ntwo,2,12-31,b\nthree,3,2025-08-01,c\n"


def test_changes_to_a_seed() -> None:
    texts = [edit.apply(SEED) for edit in table_edits(SEED, rows_are_rules=False)]
    assert texts == [
        SEED.replace("one,1", "two,1"),
        SEED.replace("one,1", "one,2").replace("two,2", "two,1"),
        SEED.replace("0.05", "0.06"),
        SEED.replace("two,2", "three,2"),
        SEED.replace("two,2", "two,3").replace("three,3", "three,2"),
        SEED.replace("12-31", "12-30"),
        SEED.replace("three,3", "one,3"),
        SEED.replace("2025-08-01", "2025-08-02"),
    ]


def test_priorities_are_swapped_within_one_kind_only() -> None:
    text = "kind,priority\na,1\na,2\nb,1\n"
    swapped = [edit.apply(text) for edit in table_edits(text, rows_are_rules=False) if edit.operator == "priority"]
    assert swapped == ["kind,priority\na,2\na,1\nb,1\n"]


CODES = 'source_code,form,valid_from,valid_to,reviewed_by\nA,basic,2011-01-01,,"x, y"\nB,home,2011-01-01,,"x, y"\n'


def test_changes_to_a_crosswalk() -> None:
    texts = [edit.apply(CODES) for edit in table_edits(CODES, rows_are_rules=True)]
    assert texts == [
        CODES.replace('A,basic,2011-01-01,,"x, y"\n', ""),
        CODES.replace("A,basic", "A,home"),
        CODES.replace('B,home,2011-01-01,,"x, y"\n', ""),
        CODES.replace("B,home", "B,basic"),
    ]


def mutant(path: str, number: int, operator: str) -> Mutant:
    return Mutant(f"{path}-{number}", path, 1, operator, "", "", Edit(number, number, operator, ""))


def test_a_sample_takes_of_each_file_by_its_size_and_lets_operators_take_turns() -> None:
    own = [mutant("large", number, "constant") for number in range(80)]
    own += [mutant("large", number, "join") for number in range(80, 90)]
    own += [mutant("small", number, "sign") for number in range(10)]
    chosen = sample(own, 20, seed=3)
    assert [(wanted, candidates[0].path, len(candidates)) for wanted, candidates in chosen] == [
        (18, "large", 90),
        (2, "small", 10),
    ]
    assert [one.operator for one in chosen[0][1][:4]] in (["constant", "join"] * 2, ["join", "constant"] * 2)
    assert sample(own, 20, seed=3) == chosen
    assert sample(own, 20, seed=4) != chosen


def test_a_change_in_one_file_leaves_the_mutants_of_the_others() -> None:
    large = [mutant("large", number, "constant") for number in range(80)]
    small = [mutant("small", number, "sign") for number in range(10)]
    before, after = sample(large + small, 20, seed=3), sample(large[:70] + small, 20, seed=3)
    assert [one.key for one in after[1][1]] == [one.key for one in before[1][1]]


def test_a_mutant_keeps_its_key_when_lines_move(tmp_path: Path) -> None:
    model = tmp_path / "dbt_project" / "models" / "one.sql"
    model.parent.mkdir(parents=True)
    model.write_text("select a\nfrom t\nwhere a > 1\n", encoding="utf-8")
    before = mutants(tmp_path)
    model.write_text("-- Why.\nselect a\nfrom t\nwhere a > 1\n", encoding="utf-8")
    after = mutants(tmp_path)
    assert [one.key for one in after] == [one.key for one in before]
    assert [one.line for one in before] == [3, 3, 3, 3]
    assert [one.line for one in after] == [4, 4, 4, 4]
    assert len({one.key for one in after}) == 4


def test_a_macro_breaks_every_model_that_uses_it() -> None:
    manifest = {
        "macros": {
            "macro.p.inner": {"original_file_path": "macros/days.sql", "depends_on": {"macros": []}},
            "macro.p.outer": {"original_file_path": "macros/x.sql", "depends_on": {"macros": ["macro.p.inner"]}},
        },
        "nodes": {
            name: {
                "name": name,
                "resource_type": "model",
                "original_file_path": f"models/{name}.sql",
                "depends_on": {"macros": macros},
                "raw_code": "",
            }
            for name, macros in {"a": ["macro.p.inner"], "b": ["macro.p.outer"], "c": []}.items()
        },
    }
    assert affected(manifest, "dbt_project/macros/days.sql") == ["a", "b"]
    assert affected(manifest, "dbt_project/models/c.sql") == ["c"]
