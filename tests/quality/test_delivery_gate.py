"""The delivery gate on real PostgreSQL: a good delivery is accepted, each critical check has a broken one."""

from collections.abc import Callable
from datetime import date

import psycopg
import pytest

from pipeline import quality
from tests.quality import rows

Break = Callable[[psycopg.Connection], object]


def sql(*statements: str) -> Break:
    """Breaks the good delivery by statements."""

    def run(connection: psycopg.Connection) -> None:
        for statement in statements:
            connection.execute(statement)

    return run


def shrunk(dataset: str, keep: str) -> Break:
    """A good delivery of the night before, and tonight's with fewer rows."""

    def run(connection: psycopg.Connection) -> None:
        rows.land(connection, 1, status="accepted", night=date(2025, 10, 13))
        lost = connection.execute(f"delete from landing.{dataset} where delivery_id = 2 and not ({keep})").rowcount
        connection.execute(
            "update ops.delivery set rows_in = rows_in - %s, rows_landed = rows_landed - %s "
            "where delivery_id = 2 and dataset = %s",
            (lost, lost, dataset),
        )

    return run


def fewer_days_of_absence(connection: psycopg.Connection) -> None:
    """A full extract that lost 21 of its 60 rows since the night before (allowed: 20)."""
    connection.execute("delete from landing.absence_lesson")
    for delivery, count in ((1, 60), (2, 39)):
        connection.execute(
            """
            insert into landing.absence_day (delivery_id, row_number, record_key, pupil_ref, day, lessons, source_code)
            select %s, i, md5('absence' || i)::uuid, md5('pupil' || i)::uuid, '2025-09-30', 1, 'S'
            from generate_series(1, %s) as i
            """,
            (delivery, count),
        )
    connection.execute(
        """
        insert into ops.delivery (
            delivery_id, dataset, delivery, municipality, night, school_year, status, rows_in, rows_landed, extent
        ) values (1, 'absence', 'kuopio-2025-10-13', 'kuopio', '2025-10-13', 2025, 'accepted', 60, 60, 'full')
        """
    )
    connection.execute(
        "update ops.delivery set rows_in = 39, rows_landed = 39, extent = 'full' "
        "where delivery_id = 2 and dataset = 'absence'"
    )


SUPPORT_BY_HAND = """
insert into landing.support (delivery_id, row_number, record_key, pupil_ref, support_code, valid_from)
select 2, 100 + i, md5('typed' || i)::uuid, md5('pupil' || i)::uuid, 'Kanarialintunen', '2025-08-11'
from generate_series(1, %d) as i
"""

# Suite and check → what breaks it. Expected: that check fails, whatever else fails with it.
BROKEN: dict[str, Break] = {
    "delivery.known": sql("update ops.delivery set municipality = 'varkaus'"),
    "delivery.datasets_landed": sql("delete from ops.delivery where dataset = 'support'"),
    "delivery.rows_counted": sql("delete from landing.enrolment where row_number = 1"),
    "delivery.covers_past_days": sql("update ops.delivery set covers_to = night where dataset = 'absence'"),
    "delivery.as_of_past": sql("update ops.delivery set as_of = now() + interval '2 days' where dataset = 'absence'"),
    "enrolment.has_rows": sql("delete from landing.enrolment"),
    # 80 pupils before, 71 now: 9 / 80 = 11.25 %.
    "enrolment.not_shrunk": shrunk("enrolment", "row_number > 9"),
    "enrolment.schools_known": sql("update landing.enrolment set school_number = '09999' where row_number = 1"),
    "enrolment.schools_present": sql("update landing.enrolment set school_number = '07735'"),
    "enrolment.codes_mapped": sql("update landing.enrolment set form = 'Kanarialintunen' where row_number = 1"),
    "enrolment.dates_ordered": sql("update landing.enrolment set valid_to = '2025-07-31' where row_number = 1"),
    "enrolment.records_unique": sql("update landing.enrolment set record_key = md5('x')::uuid where row_number < 3"),
    # 6 of 86 rows; allowed: the greater of 2 % (1) and 5.
    "enrolment.rejected_limit": lambda connection: rows.reject(connection, "enrolment", 6),
    "school_day.has_rows": sql("delete from landing.school_day"),
    # 380 rows before, 360 now: 20 / 380 = 5.3 %.
    "school_day.not_shrunk": shrunk("school_day", "row_number > 20"),
    "school_day.schools_known": sql("update landing.school_day set school_number = '09999' where row_number = 1"),
    "school_day.codes_mapped": sql(
        "insert into ops.unmapped_code values (2, 'school_day', 'school', 'Kanarialintunen', 3)"
    ),
    "school_day.pupils_have_days": sql("update landing.enrolment set grade = 6 where row_number = 1"),
    "school_day.days_in_school_year": sql("update landing.school_day set day = '2025-07-31' where row_number = 1"),
    "school_day.days_unique": sql("update landing.school_day set day = '2025-08-12' where row_number = 1"),
    "school_day.rejected_limit": lambda connection: rows.reject(connection, "school_day", 8),
    # 200 pupils without one support period.
    "support.has_rows": sql(
        "delete from landing.support",
        "insert into landing.enrolment (delivery_id, row_number, pupil_ref, school_number, grade, form, valid_from) "
        "select 2, i, md5('pupil' || i)::uuid, '07735', 5, 'PO', '2025-08-01' from generate_series(81, 200) as i",
    ),
    "support.not_shrunk": lambda connection: (
        connection.execute(SUPPORT_BY_HAND % 40),
        connection.execute("update landing.support set support_code = 'ERIT', delivery_id = 1"),
        connection.execute(
            "insert into ops.delivery "
            "(delivery_id, dataset, delivery, municipality, night, school_year, status, extent) values "
            "(1, 'support', 'kuopio-2025-10-13', 'kuopio', '2025-10-13', 2025, 'accepted', 'full')"
        ),
    ),
    "support.codes_mapped": sql("update landing.support set support_code = 'Kanarialintunen' where row_number = 1"),
    # 6 pupils of 14 rows: more than 5 pupils and more than 1 %.
    "support.typed_text_limit": sql(SUPPORT_BY_HAND % 6),
    "support.marks_mapped": sql("update landing.support set marks = '{PR,Kanarialintunen}' where row_number = 1"),
    "support.pupils_known_limit": sql("update landing.support set pupil_ref = md5('x' || row_number)::uuid"),
    "support.dates_ordered": sql("update landing.support set valid_to = '2024-08-07' where row_number = 1"),
    "support.records_unique": sql("update landing.support set record_key = md5('x')::uuid where row_number < 3"),
    "support.rejected_limit": lambda connection: rows.reject(connection, "support", 6),
    "support.pupils_readable": lambda connection: rows.reject(connection, "support", 1, pupil_ref=None),
    "absence.has_rows": sql("delete from landing.absence_lesson"),
    # In force until the day before the marks.
    "absence.codes_mapped": sql("update reference.absence_crosswalk set valid_to = '2025-09-29'"),
    "absence.pupils_known_limit": sql(
        f"update landing.absence_lesson set pupil_ref = '{rows.CANARY_KEY}' where row_number = 1"
    ),
    "absence.pupils_readable": lambda connection: rows.reject(connection, "absence", 1, None),
    "absence.days_in_window": sql("update landing.absence_lesson set day = '2025-09-23' where row_number = 1"),
    "absence.records_unique": sql(
        "insert into landing.absence_day (delivery_id, row_number, record_key, pupil_ref, day, source_code) "
        "select 2, 50 + i, md5('x')::uuid, md5('pupil1')::uuid, '2025-09-30', 'S' from generate_series(1, 2) as i"
    ),
    "absence.months_unique": sql(
        "insert into landing.absence_month (delivery_id, row_number, pupil_ref, month, source_code) "
        "select 2, 50 + i, md5('pupil1')::uuid, '2025-09-01', 'S' from generate_series(1, 2) as i"
    ),
    "absence.schools_silent": sql(
        "update landing.absence_lesson set pupil_ref = md5('pupil4')::uuid",
    ),
    # Six hundred more pupils: a day without a mark is no chance any more, and there are marks of one day only.
    "absence.days_silent": sql(
        "insert into landing.enrolment (delivery_id, row_number, pupil_ref, school_number, grade, form, valid_from)"
        " select 2, 1000 + i, md5('more' || i)::uuid, '07735', 5, 'PO', '2025-08-01' from generate_series(1, 600) as i",
    ),
    "absence.not_shrunk": fewer_days_of_absence,
    # Increments from 10 October, but the last accepted delivery reached 9 October.
    "absence.chain_whole": sql(
        "update ops.delivery set extent = 'chain', since = '2025-10-10 05:00+03' where dataset = 'absence'",
        "insert into ops.delivery "
        "(delivery_id, dataset, delivery, municipality, night, school_year, status, extent, as_of) values "
        "(1, 'absence', 'kuopio-2025-10-09', 'kuopio', '2025-10-09', 2025, 'accepted', 'chain', '2025-10-09 05:00+03')",
    ),
    "absence.rejected_limit": lambda connection: rows.reject(connection, "absence", 6),
    "structure.columns": sql("alter table landing.support add column nickname text"),
    "structure.enrolment_rows": sql("update landing.enrolment set grade = 10 where row_number = 1"),
    "structure.school_day_rows": sql("update landing.school_day set school_number = '7735' where row_number = 1"),
    "structure.support_rows": sql("update landing.support set valid_from = null where row_number = 1"),
    "structure.absence_lesson_rows": sql("update landing.absence_lesson set lesson = 0 where row_number = 1"),
    "structure.absence_interval_rows": sql(
        # Of a deleted record too, its own id must be there.
        "insert into landing.absence_interval (delivery_id, row_number, pupil_ref, starts_at, source_code, deleted) "
        "values (2, 50, md5('pupil1')::uuid, '2025-09-30 08:00+03', 'S', true)"
    ),
    "structure.absence_day_rows": sql(
        "insert into landing.absence_day (delivery_id, row_number, pupil_ref, day, lessons, source_code) "
        "values (2, 50, md5('pupil1')::uuid, '2025-09-30', 24.5, 'S')"
    ),
    "structure.absence_month_rows": sql(
        "insert into landing.absence_month (delivery_id, row_number, pupil_ref, month, source_code) "
        "values (2, 50, md5('pupil1')::uuid, '1989-12-01', 'S')"
    ),
}


def gate(url: str, *suites: str, **parameters: object) -> dict[str, quality.QualityResult]:
    results = quality.run_suite(url, "delivery", rows.PARAMETERS | parameters, suites=suites or None)
    return {f"{result.suite}.{result.check_id}": result for result in results}


def test_every_critical_check_has_a_broken_example() -> None:
    critical = {
        f"{suite.name}.{check.id}"
        for suite in quality.load_suites("delivery")
        for check in suite.checks
        if check.severity == "critical"
    }
    assert critical == set(BROKEN)


def test_how_many_rows_may_be_rejected_is_the_contracts_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "rejected_limit", lambda dataset: (0.035, len(dataset)))
    limits = {
        suite.name: (check.allow_share, check.allow_rows, check.what.en)
        for suite in quality.load_suites("delivery")
        for check in suite.checks
        if check.id == "rejected_limit"
    }
    assert limits == {
        name: (0.035, len(name), f"At most 3.5 % or {len(name)} rows are rejected, whichever is more.")
        for name in ("enrolment", "absence", "support", "school_day")
    }


@pytest.mark.parametrize("grain", ["lesson", "interval", "day", "month"])
def test_a_good_delivery_is_accepted(warehouse: str, connection: psycopg.Connection, grain: str) -> None:
    rows.load_reference(connection)
    rows.land(connection, grain=grain)
    results = gate(warehouse)
    bad = {name: result.message_en for name, result in results.items() if result.outcome in ("failed", "error")}
    assert bad == {}
    assert quality.worst(list(results.values())) is None
    assert quality.decide(list(results.values())) == "accept"
    known = results["enrolment.schools_known"]
    assert (known.outcome, known.numerator, known.denominator, known.threshold) == ("passed", 0, 80, 0.0)
    # No earlier delivery to compare with.
    shrunk_by = results["enrolment.not_shrunk"]
    assert (shrunk_by.outcome, shrunk_by.numerator, shrunk_by.denominator) == ("not_applicable", None, None)


@pytest.mark.parametrize("name", list(BROKEN))
def test_a_broken_delivery_is_held(warehouse: str, connection: psycopg.Connection, name: str) -> None:
    rows.load_reference(connection)
    rows.land(connection)
    BROKEN[name](connection)
    results = gate(warehouse, name.partition(".")[0], support_typed=name == "support.typed_text_limit")
    assert results[name].outcome == "failed", results[name]
    assert quality.worst(list(results.values())) == "critical"
    assert quality.decide(list(results.values())) == "hold"
    numerator, denominator, threshold = results[name].numerator, results[name].denominator, results[name].threshold
    assert numerator is not None
    assert denominator
    assert threshold is not None
    assert numerator / denominator > threshold
    assert results[name].message_en.startswith("kuopio, delivery 2, ")
    assert not [result for result in results.values() if result.outcome == "error"]
    assert rows.CANARY not in repr(results)


def test_five_unknown_typed_texts_are_a_warning(warehouse: str, connection: psycopg.Connection) -> None:
    rows.load_reference(connection)
    rows.land(connection)
    connection.execute(SUPPORT_BY_HAND % 5)
    connection.execute(
        "update ops.delivery set rows_in = rows_in + 5, rows_landed = rows_landed + 5 where dataset = 'support'"
    )
    results = gate(warehouse, support_typed=True)
    assert results["support.typed_text_limit"].outcome == "passed"
    assert results["support.codes_mapped"].outcome == "not_applicable"
    known = results["support.typed_text_known"]
    assert (known.outcome, known.severity, known.numerator, known.denominator) == ("failed", "warning", 5, 13)
    assert quality.worst(list(results.values())) == "warning"
    assert quality.decide(list(results.values())) == "accept"


def test_shares_are_compared_with_the_last_accepted_delivery(warehouse: str, connection: psycopg.Connection) -> None:
    """80 pupils before, 72 now: 10 % exactly, which is allowed; the warning at 3 % or 5 pupils speaks."""
    rows.load_reference(connection)
    rows.land(connection)
    shrunk("enrolment", "row_number > 8")(connection)
    results = gate(warehouse)
    limit = results["enrolment.not_shrunk"]
    assert (limit.outcome, limit.numerator, limit.denominator, limit.threshold) == ("passed", 8, 80, 0.1)
    warned = results["enrolment.not_shrunk_much"]
    assert (warned.outcome, warned.severity, warned.threshold) == ("failed", "warning", 5 / 80)
    assert "8 / 80" in warned.message_fi


def test_an_unchanged_dataset_is_not_applicable(warehouse: str, connection: psycopg.Connection) -> None:
    rows.load_reference(connection)
    rows.land(connection)
    connection.execute("update ops.delivery set extent = null where dataset = 'support'")
    results = gate(warehouse)
    assert {result.outcome for name, result in results.items() if name.startswith("support.")} == {"not_applicable"}


def test_a_delivery_that_nobody_knows_is_held(warehouse: str, connection: psycopg.Connection) -> None:
    results = gate(warehouse, delivery_id=99)
    assert results["delivery.known"].outcome == "failed"
    assert quality.decide(list(results.values())) == "hold"
