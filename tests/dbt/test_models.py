"""Rules of the definitions beyond their worked examples, on one warehouse filled by hand; figures in comments."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg import sql

from pipeline.transform import published_marts
from tests.dbt.tiny import (
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

# Weekdays from Monday 11 August 2025 to Friday 29 May 2026, 6 lessons each.
YEAR = weekdays("2025-08-11", 210)
NIGHT = "2026-09-15"


def _siilinjarvi(warehouse: TinyWarehouse) -> None:
    """School hours 08:15 to 14:15. The chain: everything on 15 September, an increment on 3 November."""
    names = ("deleted", "changed", "clock", "open", "late", "third")
    pupils = {
        "enrolment": [enrolment("siilinjarvi", name) for name in names],
        "school_day": school_days("siilinjarvi", YEAR),
        "support": [],
    }
    warehouse.deliver(
        "siilinjarvi",
        "2025-09-15",
        absence=[
            interval("d", "deleted", "2025-09-01 08:15", "2025-09-01 14:15", "SICK"),
            interval("c", "changed", "2025-09-01 08:15", "2025-09-01 14:15", "UNAUTH"),
        ],
        **pupils,
    )
    warehouse.deliver(
        "siilinjarvi",
        "2025-11-03",
        since="2025-09-15 02:00",
        absence=[
            interval("d", "deleted", "2025-09-01 08:15", "2025-09-01 14:15", "SICK", "2025-10-20 08:00", deleted=True),
            interval("c", "changed", "2025-09-01 08:15", "2025-09-01 10:15", "SICK", "2025-10-20 08:00"),
            interval("k", "clock", "2025-10-24 10:15", "2025-10-27 09:15", "SICK"),
            interval("o", "open", "2025-10-30 08:15", None, "SICK"),
            interval("l", "late", "2025-10-20 08:15", "2025-10-20 08:35", "LATE"),
            interval("t", "third", "2025-10-20 08:15", "2025-10-20 08:35", "SICK"),
        ],
        **pupils,
    )


def _kuopio(warehouse: TinyWarehouse) -> None:
    names = ("plain", "rejected", "mixed", "unmapped", "after", "before", "twice", "clipped")
    warehouse.deliver(
        "kuopio",
        "2026-06-25",
        covers=("2025-08-01", "2026-06-24"),
        enrolment=[
            *(enrolment("kuopio", name) for name in names),
            enrolment("kuopio", "at-home", form="KOTI"),
            enrolment("kuopio", "preparing", form="VAL", grade=None),
        ],
        school_day=school_days("kuopio", YEAR),
        support=[
            support("kuopio", "after", "ERIT", "2025-09-01", placement=3),
            support("kuopio", "before", "TUPA", "2025-07-01"),
            support("kuopio", "twice", "TUPA", "2025-09-01"),
            support("kuopio", "twice", "TUPA-ELK", "2025-10-01"),
            support("kuopio", "clipped", "TEHO", "2025-09-01"),
            support("kuopio", "unmapped", "UUSI", "2025-09-01", "2025-09-30"),
            support("kuopio", "mixed", None, "2025-09-01", "2025-09-30", marks=["APU"]),
        ],
        absence=[
            mark("plain", "2025-09-01", 1, "S"),
            mark("at-home", "2025-09-01", 1, "S"),
            mark("unmapped", "2025-11-03", 1, "UUSI"),
        ],
        rejected={
            "support": [{"pupil_ref": key("kuopio", "rejected"), "earliest_date": day("2025-09-10")}],
            "absence": [{"school_number": "07522", "day": day("2025-09-03")}],
        },
    )


def _iisalmi(warehouse: TinyWarehouse) -> None:
    special = [support("iisalmi", name, "erityinen", "2024-08-08", placement=2) for name in ("expired", "renewed")]
    pupils = [enrolment("iisalmi", name) for name in ("expired", "renewed", "cleared")]
    warehouse.deliver(
        "iisalmi",
        "2026-06-25",
        enrolment=pupils,
        school_day=school_days("iisalmi", YEAR),
        support=special,
        absence=[
            hours("cleared", "2025-10-06", 2, "9", "K"),
            hours("cleared", "2025-10-06", 1, "9"),
            hours("cleared", "2025-10-07", 1, "9", "E"),
        ],
    )
    warehouse.deliver(
        "iisalmi",
        "2026-09-15",
        enrolment=[enrolment("iisalmi", name, first="2026-08-10", grade=8) for name in ("expired", "renewed")],
        school_day=[],
        support=[*special, support("iisalmi", "renewed", "tuen päätös", "2026-08-20")],
        absence=[],
    )


def _varkaus(warehouse: TinyWarehouse) -> None:
    """October 2025 has 23 weekdays: 11 to the 15th in one school, 12 in the other; 138 lessons, 66 and 72."""
    other = [{**row, "school_number": "07288"} for row in school_days("varkaus", YEAR)]
    warehouse.deliver(
        "varkaus",
        "2026-06-02",
        enrolment=[
            enrolment("varkaus", "two-schools", last="2025-10-15"),
            enrolment("varkaus", "two-schools", school="07288", first="2025-10-16"),
            enrolment("varkaus", "unreadable"),
        ],
        school_day=[*school_days("varkaus", YEAR), *other],
        support=[],
        absence=[
            *month_hours("two-schools", "2025-10-01", 10, 0, 0, 0),
            *month_hours("unreadable", "2025-10-01", 1, 0, 0, 0),
            *month_hours("unreadable", "2025-11-01", 1, 0, 0, 0),
        ],
        rejected={"absence": [{"pupil_ref": key("varkaus", "unreadable"), "day": day("2025-11-01")}]},
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_siilinjarvi, _kuopio, _iisalmi, _varkaus):
        fill(shared_warehouse)
    shared_warehouse.build(NIGHT)
    return shared_warehouse


def test_a_tombstone_takes_the_absence_away(built: TinyWarehouse) -> None:
    assert built.absent("deleted", "2025-08-01", "2026-07-31") == {}


def test_the_newest_version_of_a_record_holds(built: TinyWarehouse) -> None:
    assert built.absent("changed", "2025-08-01", "2026-07-31") == {"health": 2}


def test_an_interval_over_the_clock_change_keeps_local_school_hours(built: TinyWarehouse) -> None:
    # Clocks went back on Sunday 26 October: Friday 10:15–14:15 is 4, Monday 08:15–09:15 is 1.
    assert built.absent("clock", "2025-10-24") == {"health": 4}
    assert built.absent("clock", "2025-10-27") == {"health": 1}


def test_an_open_interval_ends_with_the_last_covered_day(built: TinyWarehouse) -> None:
    # Thursday 30 and Friday 31 October; Monday 3 November is the day of the delivery.
    assert built.absent("open", "2025-08-01", "2026-07-31") == {"health": 12}


def test_late_is_a_number_of_marks_and_minutes_never_lessons(built: TinyWarehouse) -> None:
    rows = built.query(
        "select lessons, late_marks, late_minutes from harmonised.absence where person_key = %s", key("hetu", "late")
    )
    assert rows == [{"lessons": 0, "late_marks": 1, "late_minutes": 20}]


@pytest.mark.parametrize(
    ("pupil", "month", "marks", "minutes"),
    # In September nothing at all was marked of either.
    [("late", "2025-10-01", 1, 20), ("clock", "2025-10-01", 0, None), ("late", "2025-09-01", 0, None)],
)
def test_who_was_never_late_has_no_late_mark(
    built: TinyWarehouse, pupil: str, month: str, marks: int, minutes: int | None
) -> None:
    rows = built.query(
        "select late_marks, late_minutes from harmonised.pupil_month where person_key = %s and month = %s",
        key("hetu", pupil),
        month,
    )
    assert rows == [{"late_marks": marks, "late_minutes": minutes}]


def test_lessons_are_rounded_half_up_to_four_places(built: TinyWarehouse) -> None:
    # 20 of 60 minutes.
    assert built.absent("third", "2025-10-20") == {"health": Decimal("0.3333")}


def test_home_education_is_left_out_everywhere(built: TinyWarehouse) -> None:
    assert built.covered("at-home", "2025-09-01") == (0, 0)
    assert built.absent("at-home", "2025-09-01") == {}
    assert (
        built.value(
            "select surplus_lessons from harmonised.absence_surplus where person_key = %s", key("hetu", "at-home")
        )
        == 1
    )
    # Eight pupils of grade 7; the one at home and the one without a grade are in no shared table.
    assert (
        built.value(
            """
        select pupils from candidate.attendance_monthly
        where month = '2025-09-01' and municipality = 'kuopio' and grade_band = 'all' and absence_class = 'all'
        """
        )
        == 8
    )


def test_an_unreadable_pupil_uncovers_the_schools_day(built: TinyWarehouse) -> None:
    # September 2025: 22 weekdays, the 3rd is not covered.
    assert built.covered("plain", "2025-09-01") == (132, 126)


def test_a_cleared_code_wins_over_the_code_alone(built: TinyWarehouse) -> None:
    assert built.absent("cleared", "2025-10-06") == {"other_accepted": 2, "unclarified": 1}
    assert built.absent("cleared", "2025-10-07") == {"unclarified": 1}


def test_a_month_in_two_schools_is_split_by_scheduled_lessons(built: TinyWarehouse) -> None:
    # 10 × 66 ÷ 138 = 4.7826, and the rest.
    rows = built.query(
        """
        select school_number, lessons, is_split from harmonised.absence
        where person_key = %s and lessons > 0 order by school_number
        """,
        key("hetu", "two-schools"),
    )
    assert rows == [
        {"school_number": "07287", "lessons": Decimal("4.7826"), "is_split": True},
        {"school_number": "07288", "lessons": Decimal("5.2174"), "is_split": True},
    ]


def test_a_rejected_month_is_not_reported(built: TinyWarehouse) -> None:
    assert built.covered("unreadable", "2025-10-01") == (138, 138)
    # November 2025 has 20 weekdays.
    assert built.covered("unreadable", "2025-11-01") == (120, 0)
    assert built.absent("unreadable", "2025-11-01") == {}


@pytest.mark.parametrize(
    ("pupil", "on", "expected"),
    [
        ("plain", "2025-09-20", ("S0", 2025, None)),
        # The covered time ends with the day before the latest extract.
        ("plain", "2026-06-24", ("S0", 2025, None)),
        ("plain", "2026-06-25", ("unknown", 2025, "not_covered")),
        ("rejected", "2025-09-09", ("S0", 2025, None)),
        ("rejected", "2025-09-10", ("unknown", 2025, "rejected_row")),
        ("after", "2025-08-31", ("S0", 2025, None)),
        ("after", "2025-09-01", ("unknown", 2025, "starts_after_break")),
        # It is unknown before 1 August 2025 only, and those days are not covered anyway.
        ("before", "2025-08-11", ("S2", 2025, None)),
        ("twice", "2025-09-30", ("S2", 2025, None)),
        ("twice", "2025-10-01", ("S3", 2025, None)),
        # Intensified support contradicts nothing after its regime, and is no decision.
        ("clipped", "2025-09-20", ("S0", 2025, None)),
        ("unmapped", "2025-09-20", ("unknown", 2025, "support_code_unmapped")),
        ("unmapped", "2025-10-01", ("S0", 2025, None)),
        ("mixed", "2025-09-20", ("unknown", 2025, "measures_without_level")),
        ("expired", "2026-06-24", ("S2", 2011, None)),
        ("expired", "2026-08-20", ("unknown", 2025, "expired_2011")),
        ("renewed", "2026-08-19", ("unknown", 2025, "expired_2011")),
        ("renewed", "2026-08-20", ("S2", 2025, None)),
    ],
)
def test_level_of_a_day(built: TinyWarehouse, pupil: str, on: str, expected: tuple[str, int, str | None]) -> None:
    assert built.level(pupil, on) == expected


def test_findings_name_every_row(built: TinyWarehouse) -> None:
    found = {
        (row["municipality"], row["rule"]): row["row_count"] for row in built.query("select * from harmonised.finding")
    }
    assert found["kuopio", "same_regime_overlap"] == 2
    assert found["kuopio", "tehostettu_clipped"] == 1
    assert found["kuopio", "starts_after_break"] == 1
    assert found["kuopio", "absence_surplus"] == 1
    assert found["kuopio", "rejected_row"] == 1


def _october(built: TinyWarehouse, municipality: str, absence_class: str) -> dict[str, Any]:
    rows = built.query(
        """
        select pupils, pupils_with_absence, scheduled_lessons, covered_lessons, absent_lessons, null_reason,
            municipalities
        from candidate.attendance_monthly
        where month = '2025-10-01' and municipality = %s and grade_band = '7-9' and absence_class = %s
        """,
        municipality,
        absence_class,
    )
    assert len(rows) == 1
    return rows[0]


def test_a_class_that_a_source_cannot_send_is_null(built: TinyWarehouse) -> None:
    row = _october(built, "varkaus", "other_accepted")
    assert (row["absent_lessons"], row["null_reason"]) == (None, "not_collected")
    assert _october(built, "region", "other_accepted")["municipalities"] == "iisalmi,kuopio,siilinjarvi"
    assert _october(built, "region", "health")["municipalities"] == "iisalmi,kuopio,siilinjarvi,varkaus"


def test_october_in_siilinjarvi(built: TinyWarehouse) -> None:
    # Six pupils × 138 lessons, all covered; health: 5 (clock) + 12 (open) + 0.3333 (third).
    assert _october(built, "siilinjarvi", "health") == {
        "pupils": 6,
        "pupils_with_absence": 3,
        "scheduled_lessons": 828,
        "covered_lessons": 828,
        "absent_lessons": Decimal("17.3333"),
        "null_reason": None,
        "municipalities": "siilinjarvi",
    }


def test_only_closed_months_are_shown(built: TinyWarehouse) -> None:
    # August 2026 closes on 21 September; July closed on 21 August.
    months = [row["month"] for row in built.query("select distinct month from candidate.attendance_monthly order by 1")]
    assert (months[0], months[-1]) == (day("2025-08-01"), day("2026-07-01"))
    ends = built.query("select distinct period_end from candidate.attendance_tiers where period_type = 'school_year'")
    assert sorted(row["period_end"] for row in ends) == [day("2025-12-31"), day("2026-05-31")]
    weeks = built.query(
        "select distinct period_end from candidate.attendance_tiers where period_type = 'last_12_weeks'"
    )
    assert all(row["period_end"].weekday() == 6 for row in weeks)
    assert max(row["period_end"] for row in weeks) == day("2026-07-26")


def test_days_of_a_monthly_source_are_not_covered_in_12_weeks(built: TinyWarehouse) -> None:
    rows = built.query(
        """
        select municipality, tier, no_tier_reason, period_start from harmonised.pupil_period_tier
        where period_type = 'last_12_weeks' and period_end = '2025-10-26' and person_key = any(%s) order by 1
        """,
        [key("hetu", "plain"), key("hetu", "unreadable")],
    )
    # 84 days that end on 26 October start on 4 August.
    assert rows == [
        {"municipality": "kuopio", "tier": "A0", "no_tier_reason": None, "period_start": day("2025-08-04")},
        {"municipality": "varkaus", "tier": None, "no_tier_reason": "low_coverage", "period_start": day("2025-08-04")},
    ]


def test_the_grid_is_whole(built: TinyWarehouse) -> None:
    # 4 grade bands × 6 classes, 5 tiers, 5 levels, 6 homes, 5 sizes, wherever a municipality has pupils.
    for mart, key_columns, rows in (
        ("attendance_monthly", "month, municipality", 24),
        ("attendance_by_support_level", "month, municipality", 20),
        ("attendance_tiers", "period_type, period_end, municipality", 20),
        ("support_levels", "count_day, municipality", 20),
        ("home_and_teaching", "count_day, municipality", 24),
        ("group_sizes", "count_day, municipality", 20),
    ):
        counts = built.query(f"select count(*) as rows from candidate.{mart} group by {key_columns}")
        assert {row["rows"] for row in counts} == {rows}, mart


@pytest.mark.parametrize(
    "table",
    [
        "calendar",
        "calendar_sum",
        "covered_pupil_month",
        "enrolment_path",
        "pupil_month",
        "pupil_month_absence",
        "pupil_sum",
        "pupil_twelve_weeks",
        "touched_pupil",
        "uncovered_pupil_day",
    ],
)
def test_a_row_is_refused_where_its_grain_is_taken(built: TinyWarehouse, table: str) -> None:
    # What a night forgets too little of, it would otherwise count twice.
    name = sql.Identifier("harmonised", table)
    with pytest.raises(psycopg.errors.UniqueViolation):
        built.connection.execute(sql.SQL("insert into {} select * from {} limit 1").format(name, name))
    built.connection.rollback()


def test_what_publishing_reads_from_the_manifest(built: TinyWarehouse) -> None:
    marts = published_marts(built.target)
    assert sorted(marts) == [
        "attendance_by_support_level",
        "attendance_monthly",
        "attendance_tiers",
        "data_status",
        "group_sizes",
        "home_and_teaching",
        "inclusion",
        "support_levels",
        "support_timeliness",
        "tiers_by_support_level",
        "transition_to_grade_7",
    ]
    for mart, meta in marts.items():
        columns = {
            row["column_name"]
            for row in built.query("select column_name from information_schema.columns where table_name = %s", mart)
        }
        for counts in (meta.get("protected_counts", {}), meta.get("min_denominator", {})):
            for count, values in counts.items():
                assert {count, *values} <= columns


def test_columns_are_described_in_both_languages(built: TinyWarehouse) -> None:
    rows = built.query(
        """
        select c.relname, a.attname, col_description(c.oid, a.attnum) as text
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relnamespace in ('staging'::regnamespace, 'harmonised'::regnamespace, 'candidate'::regnamespace)
            and c.relkind in ('r', 'v')
        """
    )
    assert rows
    assert [row for row in rows if " / " not in (row["text"] or "")] == []
