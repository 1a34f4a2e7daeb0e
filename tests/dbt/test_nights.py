"""A night redoes what its deliveries touch, and nothing of what others delivered before."""

from typing import Any

from tests.dbt.tiny import MODELS_ONLY, TinyWarehouse, day, enrolment, school_days, weekdays

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
