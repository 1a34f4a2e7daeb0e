"""The marts in hand-worked cases: who is counted in which cell, what is null and why, who is in the region's figure.

Attendance is of October 2025 (`iisalmi-2` works like Iisalmi), support of Kuopio. The night is 21 January 2026: 21 days
after the end of December, which closes on it.
"""

from decimal import Decimal
from typing import Any

import pytest

from tests.dbt.tiny import (
    Row,
    TinyWarehouse,
    day,
    enrolment,
    hours,
    key,
    models,
    month_hours,
    school_days,
    support,
    weekdays,
)

OCTOBER = weekdays("2025-10-01", 23)
NIGHT = "2026-01-21"
MARTS = (
    *("attendance_monthly", "attendance_tiers", "attendance_by_support_level", "tiers_by_support_level"),
    *("support_levels", "home_and_teaching", "inclusion", "group_sizes", "transition_to_grade_7"),
)


def _attendance(warehouse: TinyWarehouse) -> None:
    """Iisalmi: grades 1 and 7, 10 days of 6. The second: 20 days of 3, four of them not covered: 48 of 60, 80 %. The
    third: one of the four has 3.01: 48 of 60.01. Varkaus: 10 days of 6."""
    at = "iisalmi"
    warehouse.deliver(
        at,
        NIGHT,
        enrolment=[enrolment(at, "first", grade=1), enrolment(at, "seventh", grade=7)],
        school_day=school_days(at, OCTOBER[:10], grades=(1, 7)),
        support=[support(at, "seventh", "erityinen", "2024-08-08", placement=3)],
        absence=[
            hours("first", "2025-10-01", 2, "3"),
            hours("first", "2025-10-02", 1, "1"),
            hours("seventh", "2025-10-01", 3, "1"),
        ],
    )
    for at, lessons in (("iisalmi-2", Decimal(3)), ("iisalmi-3", Decimal("3.01"))):
        warehouse.twin(at)
        warehouse.deliver(
            at,
            NIGHT,
            enrolment=[enrolment(at, at, grade=4)],
            school_day=[
                *school_days(at, OCTOBER[:1], grades=(4,), lessons=lessons),
                *school_days(at, OCTOBER[1:20], grades=(4,), lessons=3),
            ],
            support=[],
            absence=[hours(at, one, 3, "1", at=at) for one in OCTOBER[4:8]],
            rejected={"absence": [{"pupil_ref": key(at, at), "day": one} for one in OCTOBER[:4]]},
        )
    warehouse.deliver(
        "varkaus",
        "2026-01-02",
        enrolment=[enrolment("varkaus", "monthly")],
        school_day=school_days("varkaus", OCTOBER[:10]),
        support=[],
        absence=month_hours("monthly", "2025-10-01", None, 6, 0, None),
    )


def _support(warehouse: TinyWarehouse) -> None:
    """Pupils of grade 6 in 2024–25; then in grade 7, but for one who stays, one who leaves, one in Siilinjärvi."""
    at = "kuopio"
    homes: dict[str, Any] = {
        "erit-3": "297",
        "tupa": "174",
        "tupa-elk": "749",
        "nothing": "091",
        "contradicts": "somewhere",
        "teho": "140",
        "no-placement": "297",
        "two-measures": None,
    }

    def pupils(grade: int, others: dict[str, int]) -> list[Row]:
        own = [
            enrolment(at, name, grade=grade, first="2024-08-08", home_municipality=home) for name, home in homes.items()
        ]
        return own + [enrolment(at, name, grade=one, first="2024-08-08") for name, one in others.items()]

    spring = [
        support(at, "erit-3", "ERIT", "2024-08-08", placement=3),
        support(at, "contradicts", "ERIT", "2024-08-08", placement=3),
        support(at, "teho", "TEHO", "2024-10-01", "2025-07-31"),
        support(at, "no-placement", "ERIT", "2024-08-08"),
    ]
    warehouse.deliver(
        at,
        "2025-06-21",
        enrolment=pupils(6, {"stays": 6, "leaves": 6, "moves": 6}),
        school_day=[],
        absence=[],
        support=spring,
    )
    warehouse.deliver(
        at,
        NIGHT,
        enrolment=pupils(7, {"stays": 6}),
        school_day=[],
        absence=[],
        support=[
            *spring,
            support(at, "tupa", "TUPA", "2025-08-11"),
            support(at, "tupa-elk", "TUPA-ELK", "2025-08-11"),
            support(at, "two-measures", "TUPA", "2025-08-11", marks=["OPR", "PR", "AVU"]),
            support(at, "contradicts", "TUPA", "2025-09-01"),
        ],
    )
    warehouse.deliver(
        "siilinjarvi",
        NIGHT,
        enrolment=[
            enrolment("siilinjarvi", "moves", grade=7),
            enrolment("siilinjarvi", "to-the-19th", last="2025-09-19"),
            enrolment("siilinjarvi", "to-the-20th", last="2025-09-20"),
        ],
        school_day=[],
        absence=[],
        support=[],
    )


def _groups(warehouse: TinyWarehouse) -> None:
    """Classes of 9 (one of them in grade 1), 10, 19, 20, 25 and 26; one pupil of a class `9` in another school, one
    without a class, and one at home in the class of 9."""
    at = "kuopio-2"
    warehouse.twin(at)
    warehouse.deliver(
        at,
        NIGHT,
        enrolment=[
            *(
                enrolment(at, f"{size}-{number}", grade=1 if (size, number) == (9, 0) else 3, class_name=str(size))
                for size in (9, 10, 19, 20, 25, 26)
                for number in range(size)
            ),
            enrolment(at, "elsewhere", grade=3, class_name="9", school="07523"),
            enrolment(at, "no-class", grade=3, class_name=None),
            enrolment(at, "at-home", grade=3, class_name="9", form="KOTI"),
        ],
        school_day=[],
        absence=[],
        support=[],
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_attendance, _support, _groups):
        fill(shared_warehouse)
    shared_warehouse.build(select=models(*MARTS))
    return shared_warehouse


def _one(built: TinyWarehouse, mart: str, **where: Any) -> Row:
    """The one row of a mart with these values."""
    condition = " and ".join(f"{name} = %s" for name in where)
    rows = built.query(f"select * from candidate.{mart} where {condition}", *where.values())
    assert len(rows) == 1, rows
    return rows[0]


def _october(built: TinyWarehouse, municipality: str, band: str = "all", absence_class: str = "all") -> Row:
    month = day("2025-10-01")
    where = {"month": month, "municipality": municipality, "grade_band": band, "absence_class": absence_class}
    return _one(built, "attendance_monthly", **where)


def _figures(row: Row, *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _shares(built: TinyWarehouse, mart: str, category: str, **where: Any) -> dict[str, Any]:
    """Pupils by category; only what is not 0. Checks that the shares are those of the population."""
    condition = " and ".join(f"{name} = %s" for name in where)
    rows = built.query(f"select * from candidate.{mart} where {condition}", *where.values())
    for row in rows:
        if row["pupils"] is not None and row["population"]:
            assert row["share"] == pytest.approx(Decimal(row["pupils"]) / row["population"])
    assert len({row["population"] for row in rows}) == 1
    return {row[category]: row["pupils"] for row in rows if row["pupils"] != 0}


# Attendance


def test_classes_of_a_municipality(built: TinyWarehouse) -> None:
    # Two pupils × 60 lessons; 2 unauthorised + 1 + 3 for health: 6 of 120 are 5 %.
    names = ("pupils", "pupils_with_absence", "scheduled_lessons", "covered_lessons", "absent_lessons", "absence_rate")
    assert _figures(_october(built, "iisalmi"), *names) == (2, 2, 120, 120, 6, Decimal("0.05"))
    unauthorised = _october(built, "iisalmi", absence_class="unauthorised")
    assert _figures(unauthorised, *names[:5]) == (2, 1, 120, 120, 2)
    assert _figures(_october(built, "iisalmi", absence_class="health"), *names[:5]) == (2, 2, 120, 120, 4)
    # What nobody was away for is 0 lessons of 0 pupils.
    assert _figures(_october(built, "iisalmi", absence_class="leave"), *names[:5]) == (2, 0, 120, 120, 0)
    # By band: grade 1 is in 1-2; nobody in 3-6.
    assert _figures(_october(built, "iisalmi", "1-2"), *names[:5]) == (1, 1, 60, 60, 3)
    empty = _october(built, "iisalmi", "3-6")
    assert _figures(empty, *names, "null_reason") == (0, None, 0, 0, None, None, "nothing_scheduled")


def test_from_80_percent_on_a_municipality_is_in_the_region(built: TinyWarehouse) -> None:
    assert _figures(_october(built, "iisalmi-2"), "coverage", "absent_lessons") == (Decimal("0.8"), 12)
    # 12 of the 48 covered lessons, not of the 60 scheduled ones.
    assert _october(built, "iisalmi-2")["absence_rate"] == Decimal("0.25")
    assert _figures(_october(built, "iisalmi-3"), "scheduled_lessons", "covered_lessons") == (Decimal("60.01"), 48)
    region = _october(built, "region")
    assert region["municipalities"] == "iisalmi,iisalmi-2,varkaus"
    # 2 + 1 + 1 pupils; 120 + 60 + 60 lessons, 120 + 48 + 60 covered; 6 + 12 + 6 absent.
    names = ("pupils", "scheduled_lessons", "covered_lessons", "absent_lessons")
    assert _figures(region, *names) == (4, 240, 228, 24)
    assert region["absence_rate"] == pytest.approx(Decimal(24) / 228)
    # In its own row a municipality names itself, also one that is not in the region's.
    assert _october(built, "iisalmi-3")["municipalities"] == "iisalmi-3"


def test_a_class_that_is_not_collected(built: TinyWarehouse) -> None:
    row = _october(built, "varkaus", absence_class="other_accepted")
    assert _figures(row, "pupils", "absent_lessons", "null_reason") == (1, None, "not_collected")
    region = _october(built, "region", absence_class="other_accepted")
    assert _figures(region, "pupils", "municipalities") == (3, "iisalmi,iisalmi-2")
    # An empty cell beside others is no absence of that class.
    assert _figures(_october(built, "varkaus", absence_class="health"), "absent_lessons", "null_reason") == (0, None)


def test_a_month_without_school_is_not_one_without_coverage(built: TinyWarehouse) -> None:
    # November has no school day anywhere: the region is the sum of its municipalities, and nothing is missing.
    places = built.query(
        """
        select municipality, pupils from candidate.attendance_monthly
        where month = '2025-11-01' and municipality <> 'region' and grade_band = 'all' and absence_class = 'all'
        order by municipality
        """
    )
    row = _one(
        built,
        "attendance_monthly",
        month=day("2025-11-01"),
        municipality="region",
        grade_band="all",
        absence_class="all",
    )
    names = ("pupils", "scheduled_lessons", "absent_lessons", "null_reason", "municipalities")
    everybody = sum(place["pupils"] for place in places)
    everywhere = ",".join(place["municipality"] for place in places)
    assert _figures(row, *names) == (everybody, 0, None, "nothing_scheduled", everywhere)


def test_tiers_of_october(built: TinyWarehouse) -> None:
    # 3 of 60 twice: A1. 12 of 48: A3. 6 of 60: A2. The third of Iisalmi's kind has 79.99 %: no tier, not in the region.
    month: dict[str, Any] = {"period_type": "month", "period_end": day("2025-10-31"), "grade_band": "all"}
    assert _shares(built, "attendance_tiers", "tier", municipality="iisalmi", **month) == {"A1": 2}
    assert _shares(built, "attendance_tiers", "tier", municipality="iisalmi-3", **month) == {"none": 1}
    assert _shares(built, "attendance_tiers", "tier", municipality="region", **month) == {"A1": 2, "A2": 1, "A3": 1}


def test_attendance_by_the_level_of_the_last_day(built: TinyWarehouse) -> None:
    where = {"month": day("2025-10-01"), "municipality": "iisalmi", "grade_band": "all"}
    names = ("pupils", "scheduled_lessons", "covered_lessons", "absent_lessons", "absence_rate", "null_reason")
    special = _one(built, "attendance_by_support_level", support_level="S2", **where)
    assert _figures(special, *names) == (1, 60, 60, 3, Decimal("0.05"), None)
    none = _one(built, "attendance_by_support_level", support_level="S0", **where)
    assert _figures(none, *names) == (1, 60, 60, 3, Decimal("0.05"), None)
    gone = _one(built, "attendance_by_support_level", support_level="S1", **where)
    assert _figures(gone, *names) == (None, None, None, None, None, "not_in_regime")
    # Unknown is a row.
    unknown = _one(built, "attendance_by_support_level", support_level="unknown", **where)
    assert _figures(unknown, "pupils", "regime") == (0, "mixed")


def test_tiers_by_level_are_shown_by_band_for_the_region_only(built: TinyWarehouse) -> None:
    month: dict[str, Any] = {"period_type": "month", "period_end": day("2025-10-31")}
    where: dict[str, Any] = {"municipality": "iisalmi", "grade_band": "all", **month}
    assert _shares(built, "tiers_by_support_level", "tier", support_level="S2", **where) == {"A1": 1}
    bands = built.query(
        """
        select municipality, array_agg(distinct grade_band) as bands from candidate.tiers_by_support_level
        where municipality in ('iisalmi', 'region') group by 1 order by 1
        """
    )
    assert [row["bands"] for row in bands] == [["all"], ["1-2", "3-6", "7-9", "all"]]
    # Grades 7–9 of the region: Iisalmi's pupil with S2, Varkaus' without support.
    where = {"municipality": "region", "grade_band": "7-9", **month}
    assert _shares(built, "tiers_by_support_level", "tier", support_level="S2", **where) == {"A1": 1}
    assert _shares(built, "tiers_by_support_level", "tier", support_level="S0", **where) == {"A2": 1}


# Support


def test_levels_of_a_count_day_before_the_break(built: TinyWarehouse) -> None:
    # Eleven pupils of grade 6. S2: three erityinen; S1: one tehostettu; nobody else has anything yet.
    where = {"count_day": day("2025-07-31"), "municipality": "kuopio", "grade_band": "3-6"}
    assert _shares(built, "support_levels", "support_level", **where) == {"S0": 7, "S1": 1, "S2": 3}
    rows = built.query(
        "select distinct regime, null_reason from candidate.support_levels where count_day = %s", where["count_day"]
    )
    assert [tuple(row.values()) for row in rows] == [("2011", None)]


def test_levels_of_the_national_count_day(built: TinyWarehouse) -> None:
    # S2: erit-3 and no-placement by the regime of 2011, tupa and two-measures by that of 2025. S3: tupa-elk.
    # Unknown: contradicts. S0: nothing, teho, stays. Nine pupils, eight of them in grade 7.
    where = {"count_day": day("2025-09-20"), "municipality": "kuopio"}
    expected = {"S0": 3, "S1": None, "S2": 4, "S3": 1, "unknown": 1}
    assert _shares(built, "support_levels", "support_level", grade_band="all", **where) == expected
    sevenths = {**expected, "S0": 2}
    assert _shares(built, "support_levels", "support_level", grade_band="7-9", **where) == sevenths
    rows = built.query(
        """
        select support_level, regime, null_reason from candidate.support_levels
        where count_day = %s and municipality = 'kuopio' and grade_band = 'all' order by 1
        """,
        where["count_day"],
    )
    assert [tuple(row.values()) for row in rows] == [
        ("S0", "2025", None),
        ("S1", "2025", "not_in_regime"),
        ("S2", "mixed", None),
        ("S3", "mixed", None),
        ("unknown", "mixed", None),
    ]


def test_count_days_are_shown_once_their_month_is_closed(built: TinyWarehouse) -> None:
    # 20 January is over, January is not closed.
    rows = built.query(
        "select distinct count_day from candidate.support_levels where count_day >= '2025-09-01' order by 1"
    )
    shown = ["2025-09-20", "2025-09-30", "2025-10-31", "2025-11-30", "2025-12-31"]
    assert [row["count_day"].isoformat() for row in rows] == shown


def test_homes_of_a_count_day(built: TinyWarehouse) -> None:
    # 297, the old code 174 and two more 297; 749; 140; 091 is Helsinki; a name that nobody knows, and none at all.
    where = {"count_day": day("2025-09-20"), "municipality": "kuopio", "grade_band": "all"}
    assert _shares(built, "home_and_teaching", "home_municipality", **where) == {
        "kuopio": 4,
        "siilinjarvi": 1,
        "iisalmi": 1,
        "other": 1,
        "unknown": 2,
    }


def test_places_of_decisions(built: TinyWarehouse) -> None:
    # The pupil whose periods contradict each other has no level, so no place. Of OPR and PR the small group is first.
    where = {"count_day": day("2025-09-20"), "municipality": "kuopio", "grade_band": "all"}
    assert _shares(built, "inclusion", "place", regime="2011", **where) == {"placement_3": 1, "placement_missing": 1}
    assert _shares(built, "inclusion", "place", regime="2025", **where) == {
        "special_class": 1,
        "small_group": 1,
        "no_place_measure": 1,
    }
    # Before the break there is no decision of 2025.
    assert (
        built.value("select count(*) from candidate.inclusion where regime = '2025' and count_day < '2025-08-01'") == 0
    )


def test_sizes_of_groups(built: TinyWarehouse) -> None:
    where: dict[str, Any] = {"count_day": day("2025-12-31"), "municipality": "kuopio-2"}
    rows = built.query(
        """
        select group_size, pupils, groups, mean_group_size from candidate.group_sizes
        where count_day = %s and municipality = %s and grade_band = 'all' order by 1
        """,
        *where.values(),
    )
    # 9 + 1 in two classes; 10 + 19; 20 + 25; 26; one without a class. The one at home is in no group.
    assert [tuple(row.values()) for row in rows] == [
        ("1-9", 10, 2, 5),
        ("10-19", 29, 2, Decimal("14.5")),
        ("20-25", 45, 2, Decimal("22.5")),
        ("26+", 26, 1, 26),
        ("unknown", 1, None, None),
    ]
    # The one pupil of grade 1 is in the class of 9.
    row = _one(built, "group_sizes", grade_band="1-2", group_size="1-9", **where)
    assert _figures(row, "pupils", "groups", "mean_group_size") == (1, 1, 9)


def test_the_move_to_grade_7(built: TinyWarehouse) -> None:
    # The cohort of 31 May 2025: eleven of Kuopio's grade 6, counted there also in December.
    where: dict[str, Any] = {"school_year": 2025, "municipality": "kuopio", "measure": "support_level"}
    assert _shares(built, "transition_to_grade_7", "category", moment="before", **where) == {"S0": 7, "S1": 1, "S2": 3}
    # December: S2 erit-3, no-placement, tupa, two-measures; S3 tupa-elk; S0 nothing, teho, the one in Siilinjärvi.
    assert _shares(built, "transition_to_grade_7", "category", moment="after", **where) == {
        "S0": 3,
        "S1": None,
        "S2": 4,
        "S3": 1,
        "unknown": 1,
        "other_grade": 1,
        "not_in_region": 1,
    }
    where["measure"] = "tier"
    assert _shares(built, "transition_to_grade_7", "category", moment="after", **where) == {
        "none": 9,
        "other_grade": 1,
        "not_in_region": 1,
    }


def test_only_who_is_enrolled_on_the_count_day_is_counted(built: TinyWarehouse) -> None:
    # Siilinjärvi: one stays; one was there to 19 September, one to the 20th.
    where: dict[str, Any] = {"municipality": "siilinjarvi", "grade_band": "all"}
    assert _shares(built, "support_levels", "support_level", count_day=day("2025-09-20"), **where)["S0"] == 2
    assert _shares(built, "support_levels", "support_level", count_day=day("2025-09-30"), **where)["S0"] == 1


def test_the_regions_support_is_the_sum_of_its_municipalities(built: TinyWarehouse) -> None:
    # Kuopio's 4 with S2 and Iisalmi's one; nobody else has a decision.
    where: dict[str, Any] = {"count_day": day("2025-09-20"), "municipality": "region", "grade_band": "7-9"}
    counted = _shares(built, "support_levels", "support_level", **where)
    assert (counted["S2"], counted["S3"], counted["unknown"]) == (5, 1, 1)


def test_a_month_closes_21_days_after_its_end(warehouse: TinyWarehouse) -> None:
    def deliver(night: str) -> None:
        pupils = [enrolment("iisalmi", "one")]
        warehouse.deliver("iisalmi", night, enrolment=pupils, school_day=[], support=[], absence=[])

    deliver("2026-06-20")
    deliver("2026-09-20")
    last_month = "select max(period_start) from harmonised.period where period_type = 'month' and is_shared"
    # 31 August + 21 days is 21 September.
    warehouse.build(select=models("period"))
    assert warehouse.value(last_month) == day("2026-07-01")
    deliver("2026-09-21")
    warehouse.build(select=models("period", "support_levels"))
    assert warehouse.value(last_month) == day("2026-08-01")
    # Erityinen ended with July at the latest: from August on there is only the regime of 2025.
    rows = warehouse.query(
        """
        select count_day, array_agg(distinct regime order by regime) as regimes from candidate.support_levels
        where count_day in ('2026-07-31', '2026-08-31') group by 1 order by 1
        """
    )
    assert [row["regimes"] for row in rows] == [["2025", "mixed"], ["2025"]]
