"""What the gates tell: outcomes, decisions, the ledger of results, the pages; and that no value of the data leaves."""

import logging
import subprocess
import sys
import textwrap
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from pipeline import quality
from tests.quality import rows

TEXTS = {
    f"{key}_{language}": "Tarkistus tätä testiä varten."
    for key in ("what", "when_matters", "how_to_resolve")
    for language in ("fi", "en")
}
NO_VIOLATIONS = {"expectation": "expect_column_max_to_be_between", "kwargs": {"column": "violations", "max_value": 0}}


def write_suite(folder: Path, *checks: dict[str, Any], stage: str = "delivery", **more: Any) -> Path:
    """A folder of expectations with one suite, `own`."""
    content = {
        "suite": "own",
        "stage": stage,
        "title_fi": "Oma joukko",
        "title_en": "A suite of its own",
        "expectations": [{"severity": "critical"} | TEXTS | check for check in checks],
    } | more
    file = folder / stage / "own.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def result(severity: quality.Severity, outcome: quality.Outcome) -> quality.QualityResult:
    return quality.QualityResult(
        "run", "delivery", "own", f"{severity}_{outcome}", "expect", severity, outcome, None, None, None, "fi", "en"
    )


@pytest.mark.parametrize("file", sorted(quality.EXPECTATIONS.glob("*/*.yaml")), ids=lambda file: file.stem)
def test_suite_files_are_whole(file: Path) -> None:
    suite = quality.load_suite(file)
    assert suite.title.fi != suite.title.en
    for check in suite.checks:
        for text in (check.what, check.when_matters, check.how_to_resolve):
            assert text.fi != text.en, check.id
            assert text.fi.endswith("."), check.id
            assert text.en.endswith("."), check.id


def test_what_a_delivery_needs_names_who_does_it() -> None:
    """The municipality's receipt and mail show it: an order to the region's engineer would not be for its reader."""
    checks = [check for suite in quality.load_suites("delivery") for check in suite.checks]
    actors_fi, actors_en = ("kunta ", "alueen päivystäjä "), ("the municipality ", "the region's engineer ")
    for check in checks:
        assert any(actor in check.how_to_resolve.fi.lower() for actor in actors_fi), check.id
        assert any(actor in check.how_to_resolve.en.lower() for actor in actors_en), check.id


def test_every_expectation_exists() -> None:
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    known = set(list_registered_expectation_implementations())
    stages: tuple[quality.Stage, ...] = ("delivery", "harmonised", "release")
    used = {check.expectation for stage in stages for suite in quality.load_suites(stage) for check in suite.checks}
    assert used <= known


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"what_fi": ""}, "what_fi"),
        ({"severity": "fatal"}, "fatal"),
        ({"id": "Not-An-Id"}, "Not-An-Id"),
        ({"kwargs": {"column": "hetu", "max_value": 0}}, "violations, checked, share, allowed"),
        ({"query": None}, "None"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_faulty_suite_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    good = {"id": "rule", "query": "select 1", "checked": "select 1"} | NO_VIOLATIONS
    file = write_suite(tmp_path, good | change)
    with pytest.raises(quality.SuiteError, match=problem) as caught:
        quality.load_suite(file)
    assert "expectations/delivery/own.yaml" in str(caught.value)


def test_an_id_used_twice_is_refused(tmp_path: Path) -> None:
    check = {"id": "rule", "query": "select 1", "checked": "select 1"} | NO_VIOLATIONS
    with pytest.raises(quality.SuiteError, match="id used twice: rule"):
        quality.load_suite(write_suite(tmp_path, check, check))


def test_the_name_is_that_of_the_file(tmp_path: Path) -> None:
    check = {"id": "rule", "query": "select 1", "checked": "select 1"} | NO_VIOLATIONS
    with pytest.raises(quality.SuiteError, match="file name"):
        quality.load_suite(write_suite(tmp_path, check, suite="other"))


def test_parameters_are_required_and_plain(tmp_path: Path) -> None:
    check = {"id": "rule", "query": "select 1 where :municipality = 'x'", "checked": "select 1"} | NO_VIOLATIONS
    write_suite(tmp_path, check)
    with pytest.raises(quality.SuiteError, match="needs the parameter municipality"):
        quality.run_suite("postgresql://nowhere", "delivery", {}, folder=tmp_path)
    with pytest.raises(quality.SuiteError, match="cannot go into a query"):
        quality.run_suite("postgresql://nowhere", "delivery", {"municipality": "x' or true --"}, folder=tmp_path)
    with pytest.raises(quality.SuiteError, match="no suite other"):
        quality.run_suite("postgresql://nowhere", "delivery", {"municipality": "x"}, suites=["other"], folder=tmp_path)


def test_a_stage_without_suites_is_refused(tmp_path: Path) -> None:
    with pytest.raises(quality.SuiteError, match="nothing would be checked"):
        quality.load_suites("delivery", tmp_path)


@pytest.mark.parametrize(
    ("results", "worst", "decision"),
    [
        ([("critical", "passed"), ("warning", "passed")], None, "accept"),
        ([("critical", "passed"), ("info", "failed"), ("warning", "failed")], "warning", "accept"),
        ([("warning", "failed"), ("critical", "failed"), ("critical", "passed")], "critical", "hold"),
        ([("critical", "error"), ("critical", "passed")], "critical", "hold"),
        ([("warning", "error"), ("critical", "passed")], "warning", "accept"),
        ([("critical", "not_applicable"), ("critical", "passed")], None, "accept"),
        # Nothing passed, so nothing is known.
        ([("critical", "not_applicable"), ("warning", "not_applicable")], None, "hold"),
        ([], None, "hold"),
    ],
)
def test_decisions(
    results: list[tuple[quality.Severity, quality.Outcome]], worst: quality.Severity | None, decision: str
) -> None:
    given = [result(severity, outcome) for severity, outcome in results]
    assert quality.worst(given) == worst
    assert quality.decide(given) == decision


def test_severities_are_ordered_as_in_great_expectations() -> None:
    from great_expectations.expectations.metadata_types import FailureSeverity

    assert [severity.value for severity in sorted(FailureSeverity)] == list(quality.SEVERITIES)


def test_outcomes(warehouse: str, connection: psycopg.Connection, tmp_path: Path) -> None:
    """Ten rows 1 to 10; the rule is that a number is at most 7, so three break it."""
    numbers = "select i from generate_series(1, 10) as i"
    broken = f"{numbers} where i > 7"
    count = "select count(*) from generate_series(1, 10)"
    at_most_allowed = {
        "expectation": "expect_column_pair_values_a_to_be_greater_than_b",
        "kwargs": {"column_A": "allowed", "column_B": "violations", "or_equal": True},
    }
    share = {"expectation": "expect_column_max_to_be_between", "kwargs": {"column": "share", "max_value": 0.3}}
    write_suite(
        tmp_path,
        {"id": "none", "query": broken, "checked": count} | NO_VIOLATIONS,
        {"id": "share", "query": broken, "checked": count} | share,
        {"id": "rows", "query": broken, "checked": count, "allow": {"share": 0.1, "rows": 3}} | at_most_allowed,
        {"id": "few", "query": broken, "checked": count, "allow": {"share": 0.29, "rows": 0}} | at_most_allowed,
        {"id": "sum", "query": broken, "measure": "sum(i)", "checked": count} | NO_VIOLATIONS,
        {"id": "empty", "query": "select 1 where false", "checked": "select 0"} | NO_VIOLATIONS,
        {"id": "absent", "query": broken, "checked": "select null::int"} | NO_VIOLATIONS,
        {"id": "odd", "query": broken, "checked": "select 0"} | NO_VIOLATIONS,
        {"id": "mistyped", "query": "select 1 from nowhere", "checked": count} | NO_VIOLATIONS,
        {"id": "unknown", "query": broken, "checked": count, "expectation": "expect_miracle", "kwargs": {}},
        {
            "id": "whole",
            "table": "reference.school",
            "expectation": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 1},
        },
        {
            "id": "cells",
            "table": "reference.school",
            "expectation": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "school_number", "value_set": ["07735"], "mostly": 0.4},
        },
        {
            "id": "no_column",
            "table": "reference.school",
            "expectation": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "nowhere"},
        },
    )
    rows.load_reference(connection)
    results = {
        result.check_id: (result.outcome, result.numerator, result.denominator, result.threshold)
        for result in quality.run_suite(warehouse, "delivery", {}, folder=tmp_path)
    }
    assert results == {
        "none": ("failed", 3, 10, 0.0),
        "share": ("passed", 3, 10, 0.3),
        "rows": ("passed", 3, 10, 0.3),
        "few": ("failed", 3, 10, 0.2),
        # 8 + 9 + 10
        "sum": ("failed", 27, 10, 0.0),
        "empty": ("not_applicable", None, None, None),
        "absent": ("not_applicable", None, None, None),
        "odd": ("failed", 3, 0, None),
        "mistyped": ("error", None, None, None),
        "unknown": ("error", None, None, None),
        "whole": ("passed", 0, 1, None),
        # One of two schools is not in the set; 60 % may be.
        "cells": ("passed", 1, 2, 0.6),
        "no_column": ("error", None, None, None),
    }


def test_an_unreachable_warehouse_is_an_error_everywhere(tmp_path: Path) -> None:
    write_suite(tmp_path, {"id": "rule", "query": "select 1", "checked": "select 1"} | NO_VIOLATIONS)
    url = "postgresql://nobody:secret-word@127.0.0.1:9/nothing"
    (only,) = quality.run_suite(url, "delivery", {}, folder=tmp_path)
    assert only.outcome == "error"
    assert quality.decide([only]) == "hold"
    assert "secret-word" not in repr(only)


def test_no_value_leaves_the_warehouse(
    warehouse: str,
    connection: psycopg.Connection,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A word of the data in every place where a message could pick it up: broken rows, values outside a set, and a
    conversion at which PostgreSQL quotes the value."""
    caplog.set_level(logging.DEBUG)
    rows.load_reference(connection)
    rows.land(connection)
    in_table = {"table": "landing.enrolment"}
    write_suite(
        tmp_path,
        {"id": "broken_rows", "query": "select * from landing.enrolment", "checked": "select 80"} | NO_VIOLATIONS,
        {
            "id": "cast",
            "query": "select 1 from landing.enrolment where class_name::date > now()",
            "checked": "select 80",
        }
        | NO_VIOLATIONS,
        {
            "id": "in_set",
            "expectation": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "class_name", "value_set": ["5A"]},
        }
        | in_table,
        {"id": "empty", "expectation": "expect_column_values_to_be_null", "kwargs": {"column": "class_name"}}
        | in_table,
        {
            "id": "unique",
            "expectation": "expect_compound_columns_to_be_unique",
            "kwargs": {"column_list": ["class_name", "grade"]},
        }
        | in_table,
        {
            "id": "distinct",
            "expectation": "expect_column_distinct_values_to_be_in_set",
            "kwargs": {"column": "class_name", "value_set": ["5A"]},
        }
        | in_table,
        {
            "id": "maximum",
            "expectation": "expect_column_max_to_be_between",
            "kwargs": {"column": "class_name", "max_value": "A"},
        }
        | in_table,
    )
    results = quality.run_suite(warehouse, "delivery", {"municipality": "kuopio", "delivery_id": 2}, folder=tmp_path)
    outcomes = {result.check_id: result.outcome for result in results}
    # A text is no date, and no limit can be set to it.
    assert {check for check, outcome in outcomes.items() if outcome == "error"} == {"cast", "maximum"}
    assert set(outcomes.values()) == {"error", "failed"}
    quality.store(results, connection)
    quality.write_data_docs(results, tmp_path / "docs")
    stored = connection.execute("select string_agg(quality_result::text, ' ') from ops.quality_result").fetchone()
    assert stored is not None
    captured = capfd.readouterr()
    pages = "".join(file.read_text(encoding="utf-8") for file in (tmp_path / "docs").iterdir())
    for place in (repr(results), stored[0], pages, captured.out, captured.err, caplog.text):
        assert rows.CANARY not in place


def test_results_are_stored_once(warehouse: str, connection: psycopg.Connection) -> None:
    rows.load_reference(connection)
    rows.land(connection)
    results = quality.run_suite(warehouse, "delivery", rows.PARAMETERS, suites=["delivery"], run_id="run 1")
    quality.store(results, connection)
    quality.store(results, connection)
    stored = connection.execute(
        """
        select run_id, stage, municipality, delivery_id, release_number, severity, outcome, numerator, denominator,
            threshold, meta -> 'how_to_resolve' ->> 'en'
        from ops.quality_result
        where suite = 'delivery' and check_id = 'rows_counted'
        """
    ).fetchall()
    resolve = "The region's engineer reads the delivery again from the archive (tukiverkko replay)."
    assert stored == [
        ("run 1", "delivery", "kuopio", 2, None, "critical", "passed", 0, 4, 0.0, resolve),
    ]
    quality.store((), connection)


def test_data_docs(tmp_path: Path) -> None:
    first = quality.QualityResult(
        run_id="night/1",
        stage="delivery",
        suite="absence",
        check_id="codes_mapped",
        expectation_type="expect_column_max_to_be_between",
        severity="critical",
        outcome="failed",
        numerator=1234,
        denominator=56789,
        threshold=0.001,
        message_fi="kuopio: <koodi> puuttuu",
        message_en="kuopio: a <code> is missing",
        municipality="kuopio",
        delivery_id=2,
        meta={"title": {"fi": "Poissaolot", "en": "Absences"}},
        checked_at=datetime(2025, 10, 14, 3, tzinfo=UTC),
    )
    page = quality.write_data_docs([first], tmp_path)
    assert page == tmp_path / "night_1.html"
    text = page.read_text(encoding="utf-8")
    assert "Poissaolot / Absences" in text
    assert "&lt;koodi&gt; puuttuu" in text
    assert "1\u202f234" in text
    assert "0.10%" in text
    assert "odottaa tarkistusta / hold" in text
    release = quality.QualityResult(
        "run2", "release", "marts", "rows", "expect", "critical", "passed", 0, 5, 0.0, "fi", "en", release_number=7
    )
    quality.write_data_docs([release], tmp_path)
    index = (tmp_path / "index.html").read_text(encoding="utf-8")
    # The latest first.
    assert index.index("run2.html") < index.index("night_1.html")
    assert "julkaisu / release 7" in index
    assert "kuopio, toimitus / delivery 2" in index
    # A closed network: nothing is loaded from anywhere.
    for one in (text, index):
        assert "http" not in one
        assert "<script" not in one
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(ValueError, match="one run"):
        quality.write_data_docs([], tmp_path)


def test_great_expectations_stays_out_of_the_import() -> None:
    code = "import sys, pipeline.quality as q; q.load_suites('delivery'); print('great_expectations' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "False"


def test_quiet_and_without_a_network(warehouse: str, connection: psycopg.Connection) -> None:
    """In a process whose Python cannot open a socket (psycopg's C library can) and that logs everything: the gate runs,
    says nothing, asks nobody, and leaves no connection behind."""
    rows.load_reference(connection)
    rows.land(connection)
    code = """
        import logging, socket, sys
        logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
        def refuse(*arguments, **keywords):
            raise SystemExit("a connection was tried")
        import great_expectations
        socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
        logging.getLogger().handlers[0].stream = sys.stdout
        from pipeline import quality
        results = quality.run_suite(sys.argv[1], "delivery", {"delivery_id": 2, "municipality": "kuopio"})
        print(quality.decide(results), file=sys.stderr)
    """
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", textwrap.dedent(code), warehouse],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path.cwd(),
    )
    assert done.stderr.strip().splitlines()[-1] == "accept"
    assert "great_expectations" not in done.stdout
    left = connection.execute("select count(*) from pg_stat_activity where application_name = 'tukiverkko quality'")
    assert left.fetchone() == (0,)


def test_dates_and_lists_as_parameters(warehouse: str, connection: psycopg.Connection, tmp_path: Path) -> None:
    write_suite(
        tmp_path,
        {
            "id": "values",
            "query": "select 1 where :night <> '2025-10-14'::date or not 'b' = any(:names) or :missing is not null "
            "or not :yes or '08:15'::time <> '08:15'",
            "checked": "select :count",
        }
        | NO_VIOLATIONS,
        parameters={"yes": True},
    )
    parameters = {"night": date(2025, 10, 14), "names": ["a", "b"], "missing": None, "count": 3}
    (only,) = quality.run_suite(warehouse, "delivery", parameters, folder=tmp_path)
    assert (only.outcome, only.numerator, only.denominator) == ("passed", 0, 3)
