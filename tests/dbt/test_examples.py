"""The worked examples of the regional definitions, built by dbt on a warehouse filled by hand."""

from decimal import Decimal

import pytest

from tests.dbt.tiny import (
    MODELS_ONLY,
    TinyWarehouse,
    day,
    enrolment,
    hours,
    interval,
    key,
    mark,
    month_hours,
    school_days,
    support,
    weekdays,
)

# 100 school days of 6 lessons, Mon 11 August to Fri 26 December 2025; and 145 more to Fri 17 July 2026.
AUTUMN = weekdays("2025-08-11", 100)
WHOLE_YEAR = weekdays("2025-08-11", 245)
NIGHT = "2026-06-25"


def _iisalmi(warehouse: TinyWarehouse) -> None:
    """Examples 1 and 5: pupils with 59, 60, 120 and 121 lessons absent of 600; one with 8 lessons on a day of 6."""
    absences = [hours("ex5", "2025-09-02", 4, "1"), hours("ex5", "2025-09-02", 4, "3")]
    for lessons in (59, 60, 120, 121):
        pupil = f"ex1-{lessons}"
        absences += [hours(pupil, one, 6, "1") for one in AUTUMN[: lessons // 6]]
        if lessons % 6:
            absences.append(hours(pupil, AUTUMN[50], lessons % 6, "3"))
    warehouse.deliver(
        "iisalmi",
        "2026-01-02",
        enrolment=[enrolment("iisalmi", name) for name in ("ex1-59", "ex1-60", "ex1-120", "ex1-121", "ex5")],
        school_day=school_days("iisalmi", AUTUMN),
        absence=absences,
        support=[],
    )


def _kuopio(warehouse: TinyWarehouse) -> None:
    """Examples 2, 7, 8, 9, 10. The last delivery of 2024-25 says what is so until 31 July 2025."""
    before = [
        support("kuopio", "ex7", "ERIT", "2024-08-08", placement=1),
        support("kuopio", "ex8", "TEHO", "2024-10-01"),
        support("kuopio", "ex9", "ERIT", "2024-08-08", "2026-05-31", placement=3),
    ]
    names = ("ex2", "ex7", "ex8", "ex9")
    warehouse.deliver(
        "kuopio",
        "2025-06-21",
        enrolment=[enrolment("kuopio", name, grade=6, first="2024-08-08") for name in names],
        school_day=[],
        support=before,
        absence=[],
    )
    warehouse.deliver(
        "kuopio",
        NIGHT,
        covers=("2025-08-01", "2026-06-24"),
        enrolment=[
            *(enrolment("kuopio", name, first="2024-08-08") for name in names),
            enrolment("kuopio", "ex10", last="2025-12-31"),
        ],
        school_day=school_days("kuopio", WHOLE_YEAR),
        support=[
            *before,
            support("kuopio", "ex7", "TUPA", "2026-01-07"),
            support("kuopio", "ex8", "TUPA", "2025-10-06"),
        ],
        absence=[
            mark("ex2", "2025-09-02", 3, "S"),
            mark("ex2", "2025-09-02", 3, "LU"),
            *(mark("ex10", "2025-10-06", lesson, "S") for lesson in range(1, 7)),
        ],
    )


def _siilinjarvi(warehouse: TinyWarehouse) -> None:
    """Examples 3 and 4: Monday 6 October 2025, school hours 08:15 to 14:15."""
    warehouse.deliver(
        "siilinjarvi",
        "2025-12-01",
        enrolment=[enrolment("siilinjarvi", "ex3"), enrolment("siilinjarvi", "ex4")],
        school_day=school_days("siilinjarvi", AUTUMN),
        support=[],
        absence=[
            interval("a", "ex3", "2025-10-06 10:15", "2025-10-08 09:15", "SICK"),
            interval("b", "ex3", "2025-10-07 08:00", "2025-10-07 16:00", "SICK"),
            interval("c", "ex4", "2025-10-09 10:15", "2025-10-09 12:45", "SICK"),
            interval("d", "ex4", "2025-10-09 11:45", "2025-10-09 12:15", "UNAUTH"),
        ],
    )


def _varkaus(warehouse: TinyWarehouse) -> None:
    """Examples 6 and 10: a workbook of 4 November, and one of 2 June with the spring."""
    workbook = {
        "enrolment": [
            enrolment("varkaus", "ex6"),
            enrolment("varkaus", "ex6-empty"),
            enrolment("varkaus", "ex10", first="2026-01-01"),
        ],
        "school_day": school_days("varkaus", WHOLE_YEAR),
        "support": [],
        "absence": [
            *month_hours("ex6", "2025-10-01", 0, 6, None, None),
            *month_hours("ex6-empty", "2025-10-01", None, None, None, None),
            *(row for month in range(1, 6) for row in month_hours("ex10", f"2026-{month:02}-01", 12, 0, 0, 0)),
        ],
    }
    warehouse.deliver("varkaus", "2026-06-02", **workbook)


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_iisalmi, _kuopio, _siilinjarvi, _varkaus):
        fill(shared_warehouse)
    shared_warehouse.build(NIGHT)
    return shared_warehouse


@pytest.mark.parametrize(("lessons", "tier"), [(59, "A1"), (60, "A2"), (120, "A2"), (121, "A3")])
def test_example_01_tier_bounds(built: TinyWarehouse, lessons: int, tier: str) -> None:
    rows = built.query(
        """
        select tier, absent_lessons, covered_lessons, covered_days from harmonised.pupil_period_tier
        where person_key = %s and period_type = 'school_year' and period_end = '2025-12-31'
        """,
        key("hetu", f"ex1-{lessons}"),
    )
    assert rows == [{"tier": tier, "absent_lessons": lessons, "covered_lessons": 600, "covered_days": 100}]


def test_example_02_two_marks_on_one_lesson(built: TinyWarehouse) -> None:
    assert built.absent("ex2", "2025-09-02") == {"unauthorised": 1}


def test_example_03_interval_over_days(built: TinyWarehouse) -> None:
    assert built.absent("ex3", "2025-10-06") == {"health": 4}
    assert built.absent("ex3", "2025-10-07") == {"health": 6}
    assert built.absent("ex3", "2025-10-08") == {"health": 1}
    assert built.absent("ex3", "2025-08-01", "2026-07-31") == {"health": 11}


def test_example_04_interval_classes_in_order(built: TinyWarehouse) -> None:
    assert built.absent("ex4", "2025-10-09") == {"unauthorised": Decimal("0.5"), "health": 2}


def test_example_05_cap_in_class_order(built: TinyWarehouse) -> None:
    assert built.absent("ex5", "2025-09-02") == {"unauthorised": 4, "health": 2}
    surplus = built.query(
        "select absence_class, surplus_lessons from harmonised.absence_surplus where person_key = %s",
        key("hetu", "ex5"),
    )
    assert surplus == [{"absence_class": "health", "surplus_lessons": 2}]


def test_example_06_months_of_a_workbook(built: TinyWarehouse) -> None:
    # October 2025 has 23 weekdays of 6 lessons.
    assert built.covered("ex6", "2025-10-01") == (138, 138)
    assert built.absent("ex6", "2025-10-01") == {"leave": 6}
    assert built.covered("ex6-empty", "2025-10-01") == (138, 0)


def test_example_06_a_running_month_is_not_reported_yet(warehouse: TinyWarehouse) -> None:
    warehouse.deliver(
        "varkaus",
        "2025-10-10",
        enrolment=[enrolment("varkaus", "ex6")],
        school_day=school_days("varkaus", AUTUMN),
        absence=month_hours("ex6", "2025-10-01", 0, 6, None, None),
        support=[],
    )
    warehouse.build("2025-12-01", MODELS_ONLY)
    assert warehouse.covered("ex6", "2025-10-01") == (138, 0)
    assert warehouse.absent("ex6", "2025-10-01") == {}


def test_example_07_overlap_of_regimes_is_unknown(built: TinyWarehouse) -> None:
    assert built.level("ex7", "2025-05-02") == ("S3", 2011, None)
    assert built.level("ex7", "2026-01-06") == ("S3", 2011, None)
    assert built.level("ex7", "2026-01-07") == ("unknown", 2025, "regimes_overlap")
    assert built.level("ex7", "2026-06-24") == ("unknown", 2025, "regimes_overlap")
    listed = built.query(
        "select row_number from harmonised.support_finding where person_key = %s and rule = 'regimes_overlap'",
        key("hetu", "ex7"),
    )
    assert len(listed) == 2


def test_example_08_intensified_ends_with_its_regime(built: TinyWarehouse) -> None:
    assert built.level("ex8", "2024-09-30") == ("S0", 2011, None)
    assert built.level("ex8", "2024-10-01") == ("S1", 2011, None)
    assert built.level("ex8", "2025-07-31") == ("S1", 2011, None)
    assert built.level("ex8", "2025-08-01") == ("S0", 2025, None)
    assert built.level("ex8", "2025-10-05") == ("S0", 2025, None)
    assert built.level("ex8", "2025-10-06") == ("S2", 2025, None)


def test_example_09_special_support_that_ends(built: TinyWarehouse) -> None:
    assert built.level("ex9", "2026-05-31") == ("S2", 2011, None)
    assert built.level("ex9", "2026-06-01") == ("S0", 2025, None)


def test_example_10_a_move_in_mid_year(built: TinyWarehouse) -> None:
    # May 2026: one pupil, in Varkaus. The year to date: Kuopio's 103 weekdays from 11 August to 31 December and
    # Varkaus' 107 from 1 January to 31 May, of 6 lessons each; 6 + 5 × 12 absent.
    rows = built.query(
        """
        select municipality, absent_lessons, scheduled_lessons, covered_lessons, tier
        from harmonised.pupil_period_tier
        where person_key = %s and period_type = 'school_year' and period_end = '2026-05-31'
        """,
        key("hetu", "ex10"),
    )
    assert rows == [
        {
            "municipality": "varkaus",
            "absent_lessons": 66,
            "scheduled_lessons": 1260,
            "covered_lessons": 1260,
            "tier": "A1",
        }
    ]
    counted = built.query(
        "select municipality, counted_municipality from harmonised.pupil_month where person_key = %s and month = %s",
        key("hetu", "ex10"),
        day("2026-05-01"),
    )
    assert counted == [{"municipality": "varkaus", "counted_municipality": "varkaus"}]
    # Kuopio's October has the pupil and its 6 lessons: 5 pupils of grade 7 with ex2, ex7, ex8, ex9.
    october = built.query(
        """
        select pupils, pupils_with_absence, absent_lessons from candidate.attendance_monthly
        where month = '2025-10-01' and municipality = 'kuopio' and grade_band = '7-9' and absence_class = 'health'
        """
    )
    assert october == [{"pupils": 5, "pupils_with_absence": 1, "absent_lessons": 6}]


def test_example_11_a_mark_with_an_impossible_date(warehouse: TinyWarehouse) -> None:
    pupils = {
        "enrolment": [enrolment("kuopio", "ex11"), enrolment("kuopio", "other")],
        "school_day": school_days("kuopio", AUTUMN),
        "support": [],
    }
    refused = {"absence": [{"pupil_ref": key("kuopio", "ex11")}]}
    warehouse.deliver("kuopio", "2025-10-01", covers=("2025-08-01", "2025-09-30"), absence=[], **pupils)
    warehouse.deliver("kuopio", "2025-10-02", absence=[], rejected=refused, **pupils)
    warehouse.build("2025-10-02", MODELS_ONLY)
    # September has 22 weekdays; the window of 2 October is 12 September to 1 October, 13 weekdays of September.
    assert warehouse.covered("ex11", "2025-09-01") == (132, 132 - 13 * 6)
    assert warehouse.covered("other", "2025-09-01") == (132, 132)
    warehouse.deliver("kuopio", "2025-10-06", absence=[mark("ex11", "2025-09-30", 2, "S")], **pupils)
    warehouse.build("2025-10-06", MODELS_ONLY)
    # The window of 6 October starts on 16 September: of the bad one only 12 and 15 September are left.
    assert warehouse.covered("ex11", "2025-09-01") == (132, 132 - 2 * 6)
    assert warehouse.absent("ex11", "2025-09-30") == {"health": 1}


def test_example_12_lost_deliveries(warehouse: TinyWarehouse) -> None:
    pupils = {"enrolment": [enrolment("kuopio", "ex12")], "school_day": school_days("kuopio", AUTUMN), "support": []}
    warehouse.deliver("kuopio", "2025-10-19", covers=("2025-08-01", "2025-10-18"), absence=[], **pupils)
    warehouse.deliver("kuopio", "2025-11-15", absence=[mark("ex12", "2025-10-27", 1, "L")], **pupils)
    warehouse.build("2025-11-15", MODELS_ONLY)
    uncovered = warehouse.query(
        """
        select min(day) as first, max(day) as last, count(*) as days from harmonised.calendar
        where not is_covered and day between '2025-08-01' and '2025-11-14'
        """
    )
    # 19 October is a Sunday and 25 October a Saturday: five school days of that week.
    assert uncovered == [{"first": day("2025-10-20"), "last": day("2025-10-24"), "days": 5}]
    assert (
        warehouse.value("select count(*) from harmonised.covered_day where day between '2025-10-19' and '2025-10-25'")
        == 0
    )
    assert warehouse.covered("ex12", "2025-10-01") == (138, 138 - 30)


def test_example_12_one_lost_delivery_leaves_no_gap(warehouse: TinyWarehouse) -> None:
    pupils = {"enrolment": [enrolment("kuopio", "ex12")], "school_day": school_days("kuopio", AUTUMN), "support": []}
    warehouse.deliver("kuopio", "2025-11-02", covers=("2025-08-01", "2025-11-01"), absence=[], **pupils)
    warehouse.deliver("kuopio", "2025-11-03", status="failed", absence=[])
    warehouse.deliver("kuopio", "2025-11-04", absence=[], **pupils)
    warehouse.build("2025-11-04", MODELS_ONLY)
    gaps = "select count(*) from harmonised.calendar where not is_covered and day <= '2025-11-03'"
    assert warehouse.value(gaps) == 0
