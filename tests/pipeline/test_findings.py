"""Findings with a life: what each night's look says of those before it, worked out by hand."""

import csv
import json
import re
from datetime import date

import psycopg
import pytest

from pipeline import findings, ledger
from pipeline.finding_texts import TEXTS
from pipeline.quality import Outcome, QualityResult, Severity
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import FIXED_TABLES, connect
from tests.pipeline.test_cli import tukiverkko

NIGHTS = [date(2025, 10, day) for day in (14, 15, 16, 17)]


def result(check: str, outcome: Outcome, count: int | None = 3, severity: Severity = "warning") -> QualityResult:
    return QualityResult(
        run_id="run",
        stage="delivery",
        suite="absence",
        check_id=check,
        expectation_type="expect_column_max_to_be_between",
        severity=severity,
        outcome=outcome,
        numerator=count,
        denominator=100,
        threshold=0.0,
        message_fi=f"{check} suomeksi",
        message_en=f"{check} in English",
    )


def delivered(
    connection: psycopg.Connection, night: date, *results: QualityResult, municipality: str = "kuopio", year: int = 2025
) -> int:
    """A delivery of the night that landed, with what its gate said. Returns its number."""
    delivery = ledger._enter(connection, municipality, night, year, "received", None)
    findings.observe_delivery(connection, delivery.delivery_id, results)
    return delivery.delivery_id


def seen(connection: psycopg.Connection) -> list[tuple[object, ...]]:
    query = """
        select municipality, rule, life, outcome, row_count, first_night, last_night, nights, resolved_night
        from ops.finding_life order by municipality, stage, rule, first_night
    """
    return connection.execute(query).fetchall()


def test_a_finding_is_new_then_persisting_then_resolved(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("schools_silent_small", "failed", 2))
    assert seen(connection) == [
        ("kuopio", "absence.schools_silent_small", "new", "failed", 2, NIGHTS[0], NIGHTS[0], 1, None)
    ]
    delivered(connection, NIGHTS[1], result("schools_silent_small", "failed", 5))
    assert seen(connection) == [
        ("kuopio", "absence.schools_silent_small", "persisting", "failed", 5, NIGHTS[0], NIGHTS[1], 2, None)
    ]
    delivered(connection, NIGHTS[2], result("schools_silent_small", "passed", 0))
    assert seen(connection) == [
        ("kuopio", "absence.schools_silent_small", "resolved", "failed", 5, NIGHTS[0], NIGHTS[1], 2, NIGHTS[2])
    ]


@pytest.mark.parametrize("outcome", ["not_applicable", "error"])
def test_neither_nothing_to_check_nor_an_error_resolves_a_finding(
    connection: psycopg.Connection, outcome: Outcome
) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "failed"))
    delivered(connection, NIGHTS[1], result("pupils_known", outcome, None))
    ((_, _, life, *_, resolved),) = seen(connection)
    assert (life, resolved) == ("persisting", None)


def test_an_error_is_a_finding_of_its_own(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "passed", 0))
    delivered(connection, NIGHTS[1], result("pupils_known", "error", None))
    assert seen(connection) == [("kuopio", "absence.pupils_known", "new", "error", None, NIGHTS[1], NIGHTS[1], 1, None)]


def test_what_was_resolved_and_comes_back_is_new_again(connection: psycopg.Connection) -> None:
    for night, outcome in zip(NIGHTS, ("failed", "passed", "not_applicable", "failed"), strict=True):
        delivered(connection, night, result("pupils_known", outcome, 4))  # type: ignore[arg-type]
    assert [row[2:] for row in seen(connection)] == [
        ("resolved", "failed", 4, NIGHTS[0], NIGHTS[0], 1, NIGHTS[1]),
        ("new", "failed", 4, NIGHTS[3], NIGHTS[3], 1, None),
    ]


def test_a_night_without_a_delivery_says_nothing(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "failed"))
    ledger.record_nothing(connection, "kuopio", NIGHTS[1], 2025, "failed", "no answer", "ei vastausta")
    assert [row[2] for row in seen(connection)] == ["new"]


def test_municipalities_have_findings_of_their_own(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "failed"))
    delivered(connection, NIGHTS[1], result("pupils_known", "passed", 0), municipality="iisalmi")
    assert [row[:3] for row in seen(connection)] == [("kuopio", "absence.pupils_known", "new")]


def test_a_delivery_looked_at_again_replaces_its_first_look(connection: psycopg.Connection) -> None:
    delivery_id = delivered(connection, NIGHTS[0], result("pupils_known", "failed"))
    findings.observe_delivery(connection, delivery_id, [result("pupils_known", "passed", 0)])
    assert seen(connection) == []


def test_a_superseded_delivery_is_not_counted(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "failed"))
    later = delivered(connection, NIGHTS[0], result("pupils_known", "passed", 0))
    ledger.decide(connection, later, "accepted")
    assert seen(connection) == []


def test_two_school_years_of_one_night_count_as_the_worse(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "failed", 2))
    delivered(connection, NIGHTS[0], result("pupils_known", "passed", 0), year=2024)
    assert [row[2:5] for row in seen(connection)] == [("new", "failed", 2)]


def reject(connection: psycopg.Connection, delivery_id: int, rule: str, rows: list[int]) -> None:
    for row in rows:
        connection.execute(
            """
            insert into ops.rejected_row
                (delivery_id, dataset, row_number, column_name, rule, message_fi, message_en)
            values (%s, 'absence', %s, 'Pvm', %s, 'fi', 'en')
            """,
            (delivery_id, row, rule),
        )


def test_rejected_rows_live_too_and_a_night_without_them_resolves(connection: psycopg.Connection) -> None:
    first = delivered(connection, NIGHTS[0])
    reject(connection, first, "unparsable", [3, 8])
    reject(connection, first, "duplicate", [9])
    findings.observe_delivery(connection, first, [])
    life = connection.execute("select rule, life, severity, row_count, message_en from ops.finding_life order by rule")
    assert life.fetchall() == [
        ("absence.duplicate", "new", "info", 1, "absence: the rule duplicate (Pvm) rejected 1 rows."),
        ("absence.unparsable", "new", "warning", 2, "absence: the rule unparsable (Pvm) rejected 2 rows."),
    ]
    second = delivered(connection, NIGHTS[1])
    reject(connection, second, "duplicate", [4])
    findings.observe_delivery(connection, second, [])
    assert [row[1:5] for row in seen(connection)] == [
        ("absence.duplicate", "persisting", "failed", 1),
        ("absence.unparsable", "resolved", "failed", 2),
    ]


def test_a_night_caught_up_late_takes_its_own_place(connection: psycopg.Connection) -> None:
    first = delivered(connection, NIGHTS[0])
    reject(connection, first, "unparsable", [3])
    findings.observe_delivery(connection, first, [])
    delivered(connection, NIGHTS[2])
    second = delivered(connection, NIGHTS[1])
    reject(connection, second, "unparsable", [3])
    findings.observe_delivery(connection, second, [])
    assert [row[2:] for row in seen(connection)] == [("resolved", "failed", 1, NIGHTS[0], NIGHTS[1], 2, NIGHTS[2])]


def release(connection: psycopg.Connection, number: int, night: date, counts: dict[str, int]) -> None:
    """A release of one municipality, whose harmonised layer says the counts."""
    connection.execute("create table if not exists harmonised.finding (municipality text, rule text, row_count bigint)")
    connection.execute("delete from harmonised.finding")
    for rule, count in counts.items():
        connection.execute("insert into harmonised.finding values ('kuopio', %s, %s)", (rule, count))
    connection.execute(
        "insert into ops.release (release_number, night, by_hand, status, code_version) values (%s, %s, false, %s, %s)",
        (number, night, "building", "test"),
    )
    connection.execute("insert into ops.release_delivery values (%s, 'kuopio', 'absence', 1)", (number,))
    findings.observe_release(connection, number, night, [])


def test_surplus_and_overlap_live_from_release_to_release(connection: psycopg.Connection) -> None:
    release(connection, 1, NIGHTS[0], {"absence_surplus": 7, "enrolment_overlap": 1})
    release(connection, 2, NIGHTS[1], {"absence_surplus": 6})
    assert [row[1:] for row in seen(connection)] == [
        ("absence_surplus", "persisting", "failed", 6, NIGHTS[0], NIGHTS[1], 2, None),
        ("enrolment_overlap", "resolved", "failed", 1, NIGHTS[0], NIGHTS[0], 1, NIGHTS[1]),
    ]


def test_what_the_definitions_want_is_for_information(connection: psycopg.Connection) -> None:
    release(connection, 1, NIGHTS[0], {"tehostettu_clipped": 7, "regimes_overlap": 1})
    severities = connection.execute("select rule, severity, row_count from ops.finding_life order by rule").fetchall()
    assert severities == [("regimes_overlap", "warning", 1), ("tehostettu_clipped", "info", 7)]


def test_every_finding_of_the_harmonised_layer_is_told_in_words() -> None:
    project = PROJECT_ROOT / "dbt_project"
    models = "".join(
        (project / "models" / "harmonised" / f"{name}.sql").read_text("utf-8")
        for name in ("finding", "support_claim", "support_period")
    )
    said = {
        *re.findall(r"'(\w+)' as rule", models),
        *re.findall(r"'(?:unknown|finding)', '(\w+)'", models),
        *re.findall(r"then '(\w{8,})'", models.partition(" as unknown_rule")[0]),
        *re.findall(r"'(\w+_overlap)'", models),
    }
    with (project / "seeds" / "support_rule.csv").open(encoding="utf-8", newline="") as file:
        said |= {row["finding"] for row in csv.DictReader(file) if row["finding"]}
    assert said == TEXTS.keys()


def test_the_last_release_of_a_night_says_how_it_is(connection: psycopg.Connection) -> None:
    release(connection, 1, NIGHTS[0], {"absence_surplus": 7})
    release(connection, 2, NIGHTS[0], {})
    assert seen(connection) == []


def test_only_what_the_newest_look_resolved_is_shown(connection: psycopg.Connection) -> None:
    for night, outcome in zip(NIGHTS[:3], ("failed", "passed", "passed"), strict=True):
        delivered(connection, night, result("pupils_known", outcome))  # type: ignore[arg-type]
        shown = [finding.life for finding in findings.read_findings(connection)]
        assert shown == {NIGHTS[0]: ["new"], NIGHTS[1]: ["resolved"], NIGHTS[2]: []}[night]


def test_outcomes_are_counted_apart(connection: psycopg.Connection) -> None:
    delivered(
        connection,
        NIGHTS[0],
        result("a", "passed", 0),
        result("b", "failed"),
        result("c", "not_applicable", None),
        result("d", "error", None),
        result("e", "error", None),
    )
    assert findings.read_outcomes(connection) == {
        "kuopio": {"passed": 1, "failed": 1, "error": 2, "not_applicable": 1},
    }


def test_an_existing_warehouse_is_brought_along(connection: psycopg.Connection) -> None:
    delivered(connection, NIGHTS[0], result("pupils_known", "failed"))
    connection.execute(FIXED_TABLES.read_text(encoding="utf-8"))
    assert [row[2] for row in seen(connection)] == ["new"]


def test_status_shows_findings_and_counts_outcomes_apart(settings: Settings) -> None:
    assert settings.database_url is not None
    with connect(settings) as connection:
        delivered(connection, NIGHTS[0], result("schools_silent_small", "failed", 2))
        delivered(
            connection,
            NIGHTS[1],
            result("schools_silent_small", "failed", 2),
            result("pupils_known", "error", None),
            result("months_unique", "not_applicable", None),
            result("rejected_any", "passed", 0),
        )
    shown = tukiverkko(settings.home, "status", database_url=settings.database_url).stdout
    lines = [[part.strip() for part in line.split("│")] for line in shown.splitlines() if "│ absence" in line]
    assert [line[1:-1] for line in lines] == [
        ["kuopio", "absence.pupils_known", "new", "warning", "2025-10-15", "1", "error"],
        ["kuopio", "absence.schools_silent_small", "persisting", "warning", "2025-10-14", "2", "2"],
    ]
    assert "checks: kuopio 1 passed, 1 failed, 1 not evaluated, 1 had nothing to check" in " ".join(shown.split())
    told = json.loads(tukiverkko(settings.home, "status", "--json", database_url=settings.database_url).stdout)
    assert [(one["rule"], one["life"], one["row_count"]) for one in told["findings"]] == [
        ("absence.pupils_known", "new", None),
        ("absence.schools_silent_small", "persisting", 2),
    ]
