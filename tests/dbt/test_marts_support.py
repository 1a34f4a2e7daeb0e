"""The marts that put attendance, support, homes and groups side by side; a few pupils, figures worked out in comments.

Kuopio's grade 6 of spring 2025, and who they are with in autumn: one in Kuopio's grade 7, one in Varkaus', one again in
grade 6, one gone. 65 days of 6 lessons in spring (3 March to 30 May), 100 in autumn (11 August to 26 December).
"""

from decimal import Decimal
from typing import Any

import pytest

from pipeline.publication import read_detail
from tests.dbt.tiny import (
    TinyWarehouse,
    day,
    enrolment,
    mark,
    month_hours,
    school_days,
    support,
    weekdays,
)

SPRING = weekdays("2025-03-03", 65)
AUTUMN = weekdays("2025-08-11", 100)
NIGHT = "2026-01-25"


def _kuopio(warehouse: TinyWarehouse) -> None:
    """In spring `a` was away for 24 of 390 lessons (6 %), `c` for 78 (20 %); in autumn `a` for 60 of 600 (10 %)."""
    sixes = ("a", "b", "c", "d")
    spring = [
        support("kuopio", "a", "TEHO", "2024-10-01"),
        support("kuopio", "b", "ERIT", "2024-08-08", placement=3),
        support("kuopio", "b", "ERIT", "2024-08-08", placement=1),
    ]
    away = [mark("a", str(one), lesson, "S") for one in SPRING[:4] for lesson in range(1, 7)]
    away += [mark("c", str(one), lesson, "S") for one in SPRING[:13] for lesson in range(1, 7)]
    warehouse.deliver(
        "kuopio",
        "2025-06-21",
        covers=("2024-08-01", "2025-06-20"),
        enrolment=[enrolment("kuopio", name, grade=6, first="2024-08-08") for name in sixes],
        school_day=school_days("kuopio", SPRING, grades=(6,)),
        support=spring,
        absence=away,
    )
    away = [mark("a", str(one), lesson, "S") for one in AUTUMN[:10] for lesson in range(1, 7)]
    away += [mark("two-measures", "2025-10-06", lesson, "S") for lesson in range(1, 7)]
    warehouse.deliver(
        "kuopio",
        NIGHT,
        covers=("2025-08-01", "2026-01-24"),
        enrolment=[
            enrolment("kuopio", "a"),
            enrolment("kuopio", "c", grade=6),
            enrolment("kuopio", "neighbour", home_municipality="749"),
            enrolment("kuopio", "two-measures", home_municipality="091"),
            enrolment("kuopio", "special", class_name="E"),
            enrolment("kuopio", "assisted") | {"class_name": None, "home_municipality": None},
            enrolment("kuopio", "at-home", form="KOTI"),
        ],
        school_day=school_days("kuopio", AUTUMN, grades=(6, 7)),
        support=[
            support("kuopio", "a", "TEHO", "2024-10-01"),
            support("kuopio", "two-measures", "TUPA", "2025-08-11", marks=["OPR", "PR"]),
            support("kuopio", "special", "TUPA-ELK", "2025-08-11"),
            support("kuopio", "assisted", "TUPA", "2025-08-11", marks=["AVU"]),
        ],
        absence=away,
    )


def _varkaus(warehouse: TinyWarehouse) -> None:
    """`b` goes on with a decision of 2011, of which the workbook does not say where it is carried out."""
    warehouse.deliver(
        "varkaus",
        "2026-01-05",
        enrolment=[enrolment("varkaus", "b")],
        school_day=school_days("varkaus", AUTUMN),
        support=[support("varkaus", "b", "E", "2024-08-08")],
        absence=[row for month in range(8, 13) for row in month_hours("b", f"2025-{month:02}-01", 0, 0, 0, 0)],
    )


def _iisalmi(warehouse: TinyWarehouse) -> None:
    """Nothing came after 10 October: 7 of October's 23 school days are covered."""
    warehouse.deliver(
        "iisalmi",
        "2025-10-10",
        enrolment=[enrolment("iisalmi", "late")],
        school_day=school_days("iisalmi", AUTUMN),
        support=[],
        absence=[],
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_kuopio, _varkaus, _iisalmi):
        fill(shared_warehouse)
    shared_warehouse.build(NIGHT)
    return shared_warehouse


def _cells(built: TinyWarehouse, mart: str, columns: str, figures: str, where: str, *values: Any) -> dict[Any, Any]:
    """The figures of a mart's rows by the named columns."""
    keys, names = columns.split(", "), figures.split(", ")
    rows = built.query(f"select {columns}, {figures} from candidate.{mart} where {where}", *values)
    found = {tuple(row[k] for k in keys): tuple(row[n] for n in names) for row in rows}
    assert len(found) == len(rows)
    return {key[0] if len(keys) == 1 else key: value[0] if len(names) == 1 else value for key, value in found.items()}


@pytest.mark.parametrize(
    ("period_type", "period_end", "municipalities", "population"),
    [
        # Kuopio's six pupils and Varkaus' one; of Iisalmi 42 of 138 lessons are covered.
        ("month", "2025-10-31", "kuopio,varkaus", 7),
        ("month", "2025-09-30", "iisalmi,kuopio,varkaus", 8),
        # From 11 August to 9 October are 44 of the 55 school days to 24 October: 80 %. Varkaus reports no days.
        ("last_12_weeks", "2025-10-26", "iisalmi,kuopio", 7),
        ("last_12_weeks", "2025-11-30", "kuopio", 6),
        ("school_year", "2025-12-31", "kuopio,varkaus", 7),
        # Nothing is scheduled anywhere in June, so of nobody anything is missing: Kuopio's four of that year.
        ("month", "2025-06-30", "kuopio", 4),
    ],
)
def test_the_same_municipalities_are_in_every_figure_of_attendance(
    built: TinyWarehouse, period_type: str, period_end: str, municipalities: str, population: int
) -> None:
    where = "municipality = 'region' and period_type = %s and period_end = %s"
    rows = built.query(
        f"""
        select distinct municipalities, population, null_reason from candidate.attendance_tiers
        where {where} and grade_band = 'all'
        """,
        period_type,
        day(period_end),
    )
    assert rows == [{"municipalities": municipalities, "population": population, "null_reason": None}]
    levels = built.query(
        f"select distinct municipalities from candidate.tiers_by_support_level where {where}",
        period_type,
        day(period_end),
    )
    assert levels == [{"municipalities": municipalities}]
    if period_type == "month":
        for mart in ("attendance_monthly", "attendance_by_support_level"):
            named = built.query(
                f"""
                select distinct municipalities from candidate.{mart} where municipality = 'region' and month = %s
                    and coalesce(null_reason, '') <> 'not_collected'
                    {"and absence_class = 'all'" if mart == "attendance_monthly" else ""}
                """,
                day(period_end).replace(day=1),
            )
            assert named == [{"municipalities": municipalities}], mart


def test_attendance_by_the_level_of_the_months_last_day(built: TinyWarehouse) -> None:
    # October has 23 weekdays of 6 lessons: 138 a pupil.
    figures = "pupils, scheduled_lessons, absent_lessons, null_reason"
    where = "month = '2025-10-01' and municipality = %s and grade_band = '7-9'"
    kuopio = _cells(built, "attendance_by_support_level", "support_level", figures, where, "kuopio")
    assert kuopio == {
        "S0": (2, 276, 0, None),
        "S1": (None, None, None, "not_in_regime"),
        "S2": (2, 276, 6, None),
        "S3": (1, 138, 0, None),
        "unknown": (0, 0, None, "nothing_scheduled"),
    }
    # With Varkaus' pupil; Iisalmi's is not in the figure.
    region = _cells(built, "attendance_by_support_level", "support_level", figures, where, "region")
    assert region["S2"] == (3, 414, 6, None)
    assert region["S0"] == (2, 276, 0, None)
    # Support is told to 9 October, so the level of the 31st is not known.
    iisalmi = _cells(built, "attendance_by_support_level", "support_level", figures, where, "iisalmi")
    assert iisalmi["unknown"] == (1, 138, 0, None)


def test_tiers_by_level_of_a_municipality_are_of_all_grades(built: TinyWarehouse) -> None:
    where = "period_type = 'month' and period_end = '2025-10-31' and support_level = 'S2'"
    cells = _cells(
        built, "tiers_by_support_level", "municipality, grade_band, tier", "pupils, population, regime", where
    )
    assert {key[:2] for key in cells} == {
        *((name, "all") for name in ("iisalmi", "kuopio", "varkaus", "region")),
        *(("region", band) for band in ("1-2", "3-6", "7-9")),
    }
    # 6 of 138 lessons are 4 %.
    assert cells["kuopio", "all", "A0"] == (2, 2, "mixed")
    assert cells["region", "7-9", "A0"] == (3, 3, "mixed")
    assert cells["region", "1-2", "A0"] == (0, 0, "mixed")


def test_what_is_shown_for_the_region_only_is_the_sum_of_its_parts(built: TinyWarehouse) -> None:
    rows = built.query(
        """
        select period_type, period_end, grade_band, support_level, tier, pupils, municipalities
        from candidate.tiers_by_support_level
        where municipality = 'region' and grade_band <> 'all' and pupils is not null
        """
    )
    parts = read_detail(built.connection, [row["period_end"] for row in rows]).parts
    for row in rows:
        *key, pupils, municipalities = row.values()
        assert sum(parts.get((name, *key), 0) for name in municipalities.split(",")) == pupils, row
    assert parts["kuopio", "month", day("2025-10-31"), "7-9", "S2", "A0"] == 2
    assert parts["varkaus", "month", day("2025-10-31"), "7-9", "S2", "A0"] == 1


def test_the_largest_absences_are_of_the_months_that_are_asked_for(built: TinyWarehouse) -> None:
    october = day("2025-10-01")
    largest = read_detail(built.connection, [october]).largest
    # Away for 6 lessons on 6 October, and nobody else in that month.
    assert {place[0] for place in largest} == {october}
    assert largest[october, "kuopio", "7-9", "all"] == 6


def test_homes_and_teaching_on_a_count_day(built: TinyWarehouse) -> None:
    where = "count_day = '2025-09-20' and grade_band = 'all'"
    homes = _cells(built, "home_and_teaching", "municipality, home_municipality", "pupils", where)
    of_kuopio = {home: count for (municipality, home), count in homes.items() if municipality == "kuopio"}
    assert of_kuopio == {"kuopio": 3, "siilinjarvi": 1, "iisalmi": 0, "varkaus": 0, "other": 1, "unknown": 1}
    # Varkaus and Iisalmi teach one each who lives in Kuopio.
    assert homes["region", "kuopio"] == 5
    assert homes["varkaus", "kuopio"] == 1


def test_the_move_to_grade_7(built: TinyWarehouse) -> None:
    where = "school_year = 2025 and municipality = 'kuopio'"
    cells = _cells(
        built,
        "transition_to_grade_7",
        "moment, measure, category",
        "pupils, population, covered_lessons, absent_lessons",
        where,
    )
    shown = {key: value for key, value in cells.items() if value[0] != 0}
    assert shown == {
        ("before", "tier", "A0"): (2, 4, 780, 0),
        ("before", "tier", "A1"): (1, 4, 390, 24),
        ("before", "tier", "A2"): (1, 4, 390, 78),
        ("before", "support_level", "S0"): (2, 4, 780, 78),
        ("before", "support_level", "S1"): (1, 4, 390, 24),
        ("before", "support_level", "S3"): (1, 4, 390, 0),
        # In Varkaus.
        ("after", "tier", "A0"): (1, 4, 600, 0),
        ("after", "tier", "A2"): (1, 4, 600, 60),
        ("after", "tier", "other_grade"): (1, 4, 600, 0),
        ("after", "tier", "not_in_region"): (1, 4, None, None),
        ("after", "support_level", "S0"): (1, 4, 600, 60),
        ("after", "support_level", "S1"): (None, 4, None, None),
        ("after", "support_level", "S2"): (1, 4, 600, 0),
        ("after", "support_level", "other_grade"): (1, 4, 600, 0),
        ("after", "support_level", "not_in_region"): (1, 4, None, None),
    }
    # Categories with and without a place outside grade 7: 5 tiers, 5 levels, 3 more of each afterwards.
    assert len(cells) == 10 + 16
    regimes = _cells(built, "transition_to_grade_7", "moment, category", "regime", f"{where} and regime is not null")
    assert (regimes["before", "S3"], regimes["after", "S0"], regimes["after", "S3"]) == ("2011", "2025", "mixed")
    as_of = _cells(built, "transition_to_grade_7", "moment, measure", "as_of", f"{where} and category in ('A0', 'S0')")
    assert as_of == {
        ("before", "tier"): day("2025-06-21"),
        ("before", "support_level"): day("2025-06-21"),
        ("after", "tier"): day(NIGHT),
        ("after", "support_level"): day(NIGHT),
    }


def test_places_of_teaching_in_each_regimes_own_terms(built: TinyWarehouse) -> None:
    where = "municipality = %s and grade_band = 'all' and count_day = %s"

    def places(municipality: str, on: str) -> dict[Any, Any]:
        cells = _cells(built, "inclusion", "regime, place", "pupils, population", where, municipality, day(on))
        return {key: value for key, value in cells.items() if value != (0, 0)}

    # Of two placements at once the first, and so is it of two measures.
    spring = places("kuopio", "2025-05-31")
    assert spring["2011", "placement_1"] == (1, 1)
    assert {regime for regime, _ in spring} == {"2011"}
    assert places("kuopio", "2025-09-20") == {
        ("2025", "special_class"): (1, 3),
        ("2025", "small_group"): (1, 3),
        ("2025", "part_small_group"): (0, 3),
        ("2025", "no_place_measure"): (1, 3),
    }
    region = places("region", "2025-09-20")
    assert region["2011", "placement_missing"] == (1, 1)
    assert region["2025", "small_group"] == (1, 3)


def test_groups_are_classes_whatever_the_grades_in_them(built: TinyWarehouse) -> None:
    # Kuopio: class A with one of grade 6 and three of grade 7, class E with one; one has no class.
    where = "count_day = '2025-09-20' and municipality = %s and pupils > 0"
    figures = "pupils, population, groups, mean_group_size"
    assert _cells(built, "group_sizes", "grade_band, group_size", figures, where, "kuopio") == {
        ("3-6", "1-9"): (1, 1, 1, 4),
        ("7-9", "1-9"): (4, 5, 2, Decimal("2.5")),
        ("7-9", "unknown"): (1, 5, None, None),
        ("all", "1-9"): (5, 6, 2, Decimal("2.5")),
        ("all", "unknown"): (1, 6, None, None),
    }
    # With a class of one in Varkaus and in Iisalmi: 4 + 1 + 1 + 1 pupils in four classes.
    region = _cells(built, "group_sizes", "grade_band, group_size", figures, where, "region")
    assert region["7-9", "1-9"] == (6, 7, 4, Decimal("1.75"))
