"""A night redoes what its deliveries touch, and nothing of what others delivered before."""

from typing import Any

import pytest

from pipeline.built_state import NOT_TO_BE_BUILT_UPON
from pipeline.transform import _built_fingerprint, _fingerprint, build
from tests.dbt.tiny import (
    MODELS_ONLY,
    Row,
    TinyWarehouse,
    day,
    enrolment,
    key,
    mark,
    models,
    school_days,
    support,
    weekdays,
)
from tests.truth.state import state, unlike

# Kuopio's school year starts on Monday 11 August.
DAYS = weekdays("2025-08-11", 60)


def _deliver(warehouse: TinyWarehouse, municipality: str, night: str, *pupils: str) -> int:
    rows: dict[str, Any] = {
        "enrolment": [enrolment(municipality, one) for one in pupils],
        "school_day": school_days(municipality, DAYS),
        "support": [],
        "absence": [],
    }
    return warehouse.deliver(municipality, night, **rows)


def test_a_night_redoes_what_its_deliveries_touch(warehouse: TinyWarehouse) -> None:
    _deliver(warehouse, "kuopio", "2025-10-01", "one", "two")
    _deliver(warehouse, "kuopio", "2025-10-20", "one")
    # A delivery of one dataset alone is the same delivery on the next night, too.
    warehouse.deliver("kuopio", "2025-10-20", support=[])
    warehouse.build("2025-10-20", MODELS_ONLY)

    new = _deliver(warehouse, "siilinjarvi", "2025-10-21", "three")
    warehouse.build("2025-10-21", MODELS_ONLY)
    changed = warehouse.query("select distinct delivery_id, is_new from harmonised.delivery_change")
    assert changed == [{"delivery_id": new, "is_new": True}]
    changed = warehouse.query("select delivery_id, municipality, is_anew from harmonised.enrolment_change")
    assert changed == [{"delivery_id": new, "municipality": "siilinjarvi", "is_anew": False}]
    # Sums start at nothing where nothing was built before.
    sums = warehouse.query(
        """
        select lessons_to, days_to, covered_lessons_to, covered_days_to from harmonised.calendar_sum
        where municipality = 'siilinjarvi' and grade = 7 and day = '2025-08-01'
        """
    )
    assert [tuple(map(int, row.values())) for row in sums] == [(0, 0, 0, 0)]

    # What comes late between two that were built cannot be added to them.
    _deliver(warehouse, "kuopio", "2025-10-10", "one")
    warehouse.build("2025-10-22", MODELS_ONLY)
    changed = warehouse.query("select municipality, is_anew from harmonised.enrolment_change group by 1, 2")
    assert changed == [{"municipality": "kuopio", "is_anew": True}]


def test_a_start_that_moves_takes_the_sums_before_it_away(warehouse: TinyWarehouse) -> None:
    for night, start in (("2025-10-20", "2025-08-11"), ("2025-10-21", "2025-10-06")):
        warehouse.deliver(
            "kuopio",
            night,
            enrolment=[enrolment("kuopio", "one", first=start)],
            school_day=school_days("kuopio", DAYS),
            support=[],
            absence=[],
        )
        warehouse.build(night, MODELS_ONLY)
    # In October the first two weeks up to the night are Monday 6 to Monday 20, 11 days of 6 lessons.
    sums = warehouse.query("select month, scheduled_lessons, year_scheduled_lessons from harmonised.pupil_sum")
    assert [tuple(row.values()) for row in sums] == [(day("2025-10-01"), 66, 66)]


def test_months_without_a_calendar_are_there_from_the_first_build(warehouse: TinyWarehouse) -> None:
    # As when each night since August had added its running month.
    warehouse.deliver("kuopio", "2025-10-20", enrolment=[enrolment("kuopio", "one")], support=[], absence=[])
    warehouse.build("2025-10-20", MODELS_ONLY)
    months = warehouse.query("select month, scheduled_lessons from harmonised.pupil_month order by month")
    known = [(row["month"], int(row["scheduled_lessons"])) for row in months]
    assert known == [(day(f"2025-{month}-01"), 0) for month in ("08", "09", "10")]


def test_a_person_is_redone_in_the_school_years_that_changed(warehouse: TinyWarehouse) -> None:
    """One starts a day later now, of two another HETU is known. Both were absent in May, of which nobody says anything
    else: one for one lesson, two for two."""
    warehouse.deliver(
        "kuopio",
        "2025-06-10",
        covers=("2025-05-01", "2025-05-31"),
        enrolment=[enrolment("kuopio", pupil, first="2024-08-12", last="2025-05-31") for pupil in ("one", "two")],
        school_day=school_days("kuopio", weekdays("2025-05-01", 20)),
        support=[],
        absence=[mark("one", "2025-05-05", 1, "S"), *(mark("two", "2025-05-05", lesson, "S") for lesson in (1, 2))],
    )
    pupils = {
        "2025-10-20": [enrolment("kuopio", "one"), enrolment("kuopio", "two")],
        "2025-10-21": [enrolment("kuopio", "one", first="2025-08-12"), enrolment("kuopio", "two", person="other")],
    }
    for night, rows in pupils.items():
        warehouse.deliver(
            "kuopio",
            night,
            enrolment=rows,
            school_day=school_days("kuopio", DAYS),
            support=[],
            absence=[mark("one", "2025-10-06", 1, "S")],
        )
        warehouse.build(night, MODELS_ONLY)

    touched = warehouse.query("select person_key, school_year from harmonised.touched_person")
    of_two = {(key("hetu", person), year) for person in ("two", "other") for year in (2024, 2025)}
    assert {tuple(row.values()) for row in touched} == {(key("hetu", "one"), 2025), *of_two}
    may = warehouse.query(
        "select person_key, lessons from harmonised.pupil_month_absence where month = '2025-05-01' order by lessons"
    )
    assert [tuple(row.values()) for row in may] == [(key("hetu", "one"), 1), (key("hetu", "other"), 2)]
    counted = "select pupils_with_absence, absent_lessons from harmonised.{} where month = '2025-05-01'"
    for table in ("pupil_month_count", "pupil_class_count"):
        assert [tuple(row.values()) for row in warehouse.query(counted.format(table))] == [(2, 3)]

    increment = state(warehouse.connection)
    warehouse.connection.commit()
    build(warehouse.url, warehouse.target, select=MODELS_ONLY, full_refresh=True, night=day("2025-10-21"))
    assert unlike(increment, state(warehouse.connection)) == {}


def test_counts_of_a_school_year_are_made_again_when_something_of_it_changed(warehouse: TinyWarehouse) -> None:
    """A support decision of the school year before comes late: its May is counted at another level."""
    spring: dict[str, Any] = {
        "enrolment": [enrolment("kuopio", "one", first="2024-08-12", last="2025-05-31")],
        "school_day": school_days("kuopio", weekdays("2025-05-01", 20)),
        "absence": [],
    }
    covers = ("2025-05-01", "2025-05-31")
    warehouse.deliver("kuopio", "2025-06-10", covers=covers, support=[], **spring)
    warehouse.build("2025-07-10", MODELS_ONLY)
    may = "select support_level, pupils from harmonised.pupil_month_count where month = '2025-05-01'"
    assert [tuple(row.values()) for row in warehouse.query(may)] == [("S0", 1)]
    tiers = "select support_level from harmonised.pupil_period_count where period_end = '2025-05-31'"
    assert {row["support_level"] for row in warehouse.query(tiers)} == {"S0"}

    warehouse.deliver(
        "kuopio", "2025-08-25", school_year=2024, support=[support("kuopio", "one", "TEHO", "2025-05-01")]
    )
    _deliver(warehouse, "kuopio", "2025-08-25", "one")
    warehouse.build("2025-08-25", MODELS_ONLY)
    assert [tuple(row.values()) for row in warehouse.query(may)] == [("S1", 1)]
    assert {row["support_level"] for row in warehouse.query(tiers)} == {"S1"}
    years = warehouse.query("select school_year from harmonised.touched_year order by 1")
    assert [row["school_year"] for row in years] == [2024, 2025]

    _deliver(warehouse, "kuopio", "2025-08-26", "one")
    warehouse.build("2025-08-26", MODELS_ONLY)
    assert [row["school_year"] for row in warehouse.query("select school_year from harmonised.touched_year")] == [2025]
    assert [tuple(row.values()) for row in warehouse.query(may)] == [("S1", 1)]


# What a build that broke off had made: the large tables of absences, and nothing of what is made of them.
BROKE_OFF = models("absence", "enrolment_version")
MARKS = [mark("one", "2025-10-06", 1, "S")]
UNAUTHORISED = [*MARKS, *(mark("two", "2025-10-07", lesson, "LU") for lesson in (1, 2, 3))]


def _deliver_marks(warehouse: TinyWarehouse, night: str, marks: list[Row], **more: Any) -> int:
    rows: dict[str, Any] = {
        "enrolment": [enrolment("kuopio", "one"), enrolment("kuopio", "two")],
        "school_day": school_days("kuopio", DAYS),
        "support": [],
        "absence": marks,
    }
    return warehouse.deliver("kuopio", night, **rows, **more)


def _is_as_if_built_anew(warehouse: TinyWarehouse, night: str) -> None:
    found = state(warehouse.connection)
    warehouse.connection.commit()
    build(warehouse.url, warehouse.target, select=MODELS_ONLY, full_refresh=True, night=day(night))
    assert unlike(found, state(warehouse.connection)) == {}
    warehouse.connection.commit()


def test_what_a_build_that_broke_off_left_is_not_built_upon(warehouse: TinyWarehouse) -> None:
    _deliver_marks(warehouse, "2025-10-20", MARKS)
    warehouse.build("2025-10-20", MODELS_ONLY)
    wrong = _deliver_marks(warehouse, "2025-10-21", UNAUTHORISED)
    warehouse.build("2025-10-21", BROKE_OFF)
    assert warehouse.absent("two", "2025-10-07") == {"unauthorised": 3}

    warehouse.do(f"update ops.delivery set status = 'refused' where delivery_id = {wrong}")
    warehouse.build("2025-10-21", MODELS_ONLY)
    assert warehouse.absent("two", "2025-10-07") == {}
    warehouse.connection.commit()
    _is_as_if_built_anew(warehouse, "2025-10-21")


def test_a_code_put_back_after_a_build_that_broke_off_holds(warehouse: TinyWarehouse) -> None:
    _deliver_marks(warehouse, "2025-10-20", UNAUTHORISED)
    warehouse.build("2025-10-20", MODELS_ONLY)
    mapped = "update reference.absence_crosswalk set absence_class = '{}' where municipality = 'kuopio'"
    mapped += " and source_code = 'LU'"
    warehouse.do(mapped.format("health"))
    warehouse.build("2025-10-20", BROKE_OFF)
    assert warehouse.absent("two", "2025-10-07") == {"health": 3}

    warehouse.do(mapped.format("unauthorised"))
    _deliver_marks(warehouse, "2025-10-21", UNAUTHORISED)
    warehouse.build("2025-10-21", MODELS_ONLY)
    assert warehouse.absent("two", "2025-10-07") == {"unauthorised": 3}


def test_a_build_is_built_upon_when_its_harmonised_layer_is_whole(
    warehouse: TinyWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _deliver_marks(warehouse, "2025-10-20", MARKS)
    harmonised = "resource_type:seed tag:staging,resource_type:model tag:harmonised,resource_type:model"
    warehouse.build("2025-10-20", harmonised)
    assert _built_fingerprint(warehouse.url) == _fingerprint(warehouse.url)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("dbt.cli.main.dbtRunner.invoke", killed)
        with pytest.raises(KeyboardInterrupt):
            warehouse.build("2025-10-20", harmonised)
    assert _built_fingerprint(warehouse.url) == NOT_TO_BE_BUILT_UPON


@pytest.mark.parametrize("status", ["superseded", "refused", "held"])
def test_a_build_keeps_the_deliveries_that_were_chosen_for_it(warehouse: TinyWarehouse, status: str) -> None:
    """What becomes of a delivery after the choice is for the next build: its days must not look as if all came."""
    chosen = _deliver_marks(warehouse, "2025-10-20", UNAUTHORISED)
    warehouse.do("insert into ops.candidate_delivery select delivery_id, dataset from ops.delivery")
    warehouse.do(f"update ops.delivery set status = '{status}' where delivery_id = {chosen}")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DBT_INDIRECT_SELECTION", "empty")
        build(warehouse.url, warehouse.target, select=models("absence", "covered_day"), night=day("2025-10-20"))
    assert warehouse.absent("two", "2025-10-07") == {"unauthorised": 3}
    deciding = warehouse.query("select distinct delivery_id from harmonised.covered_day")
    assert deciding == [{"delivery_id": chosen}]
