"""What could make a published figure wrong at the edges of the definitions; figures worked out in comments."""

from typing import Any

import pytest

from pipeline.disclosure import protect, protection_of
from pipeline.transform import published_marts
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
    weekdays,
)

# Weekdays from Monday 11 August 2025 to Friday 29 May 2026, 6 lessons each; October 2025 has 23.
YEAR = weekdays("2025-08-11", 210)
NIGHT = "2026-06-25"


def _kuopio(warehouse: TinyWarehouse) -> None:
    """Five pupils of grade 1; one of grade 7 whose rows of the whole autumn could not be read. Windows of 21 October
    and 10 November, and one of June; and a school year before."""
    ones = ("one", "two", "three", "four")
    warehouse.deliver(
        "kuopio",
        "2025-06-21",
        enrolment=[enrolment("kuopio", name, grade=1, first="2024-08-08") for name in ones],
        school_day=[],
        support=[],
        absence=[],
    )
    year: dict[str, Any] = {
        "enrolment": [
            *(enrolment("kuopio", name, grade=1) for name in ones),
            enrolment("kuopio", "thin", grade=7),
            # One school and one start: the one with an end date holds, although the other comes later.
            enrolment("kuopio", "tie", grade=1, last="2025-12-31", class_name="B"),
            enrolment("kuopio", "tie", grade=1, class_name="A"),
        ],
        "school_day": school_days("kuopio", YEAR, grades=(1, 7)),
        "support": [],
    }
    unreadable = {"absence": [{"pupil_ref": key("kuopio", "thin")}]}
    marks = [mark("one", "2025-10-01", 1, "S")]
    warehouse.deliver(
        "kuopio", "2025-10-21", covers=("2025-08-01", "2025-10-20"), absence=marks, rejected=unreadable, **year
    )
    warehouse.deliver("kuopio", "2025-11-10", absence=[], rejected=unreadable, **year)
    warehouse.deliver("kuopio", NIGHT, absence=[], **year)


def _siilinjarvi(warehouse: TinyWarehouse) -> None:
    """School hours 08:15 to 14:15; nobody wrote when the day of 9 October begins, nor how long a lesson is on the
    10th."""
    days = school_days("siilinjarvi", YEAR)
    for row in days:
        if row["day"] == day("2025-10-09"):
            row["day_start"] = None
        if row["day"] == day("2025-10-10"):
            row["slot_minutes"] = None
    warehouse.deliver(
        "siilinjarvi",
        "2025-12-01",
        enrolment=[enrolment("siilinjarvi", "no-clock")],
        school_day=days,
        support=[],
        absence=[interval("n", "no-clock", "2025-10-08 08:15", "2025-10-10 14:15", "SICK")],
    )


def _iisalmi(warehouse: TinyWarehouse) -> None:
    """Grade 7 in Iisalmi; the last word from it is seven weeks old. In the held delivery everybody was away."""
    pupils: dict[str, Any] = {
        "enrolment": [enrolment("iisalmi", "steady"), enrolment("iisalmi", "mover", last="2025-10-15")],
        "school_day": school_days("iisalmi", YEAR),
        "support": [],
    }
    warehouse.deliver("iisalmi", "2026-05-02", absence=[hours("mover", "2025-10-01", 6, "1")], **pupils)
    warehouse.deliver(
        "iisalmi",
        "2026-05-03",
        status="held",
        absence=[hours("steady", one, 6, "3") for one in YEAR[:100]],
        **pupils,
    )


def _varkaus(warehouse: TinyWarehouse) -> None:
    """One who came from Iisalmi in mid-month. 12 weekdays of October from the 16th are 72 lessons, 12 of them away."""
    warehouse.deliver(
        "varkaus",
        "2025-11-04",
        enrolment=[enrolment("varkaus", "mover", first="2025-10-16")],
        school_day=school_days("varkaus", YEAR),
        support=[],
        absence=month_hours("mover", "2025-10-01", 12, 0, 0, 0),
    )


@pytest.fixture(scope="module")
def built(shared_warehouse: TinyWarehouse) -> TinyWarehouse:
    for fill in (_kuopio, _siilinjarvi, _iisalmi, _varkaus):
        fill(shared_warehouse)
    # A night on which Varkaus' workbook was the same.
    shared_warehouse.connection.execute(
        "insert into ops.night_outcome (municipality, night, status) values ('varkaus', %s, 'unchanged')",
        (day(NIGHT),),
    )
    shared_warehouse.build(NIGHT)
    return shared_warehouse


def _october(built: TinyWarehouse, municipality: str, band: str, absence_class: str = "all") -> dict[str, Any]:
    rows = built.query(
        """
        select * from candidate.attendance_monthly
        where month = '2025-10-01' and municipality = %s and grade_band = %s and absence_class = %s
        """,
        municipality,
        band,
        absence_class,
    )
    assert len(rows) == 1
    return rows[0]


def test_a_day_without_its_hours_is_not_covered(built: TinyWarehouse) -> None:
    # Away on the 8th, 9th and 10th; when the 9th and 10th were is not known, so the pupil is not present on them.
    assert built.covered("no-clock", "2025-10-01") == (138, 126)
    assert built.absent("no-clock", "2025-10-01", "2025-10-31") == {"health": 6}


def test_a_municipality_is_in_the_region_as_a_whole(built: TinyWarehouse) -> None:
    # Kuopio: 5 of 6 pupils are covered, 83 %, though none of the 138 lessons of grade 7 is.
    assert _october(built, "kuopio", "7-9")["null_reason"] == "not_reported"
    region = {band: _october(built, "region", band) for band in ("1-2", "3-6", "7-9", "all")}
    assert {row["municipalities"] for row in region.values()} == {"iisalmi,kuopio,siilinjarvi,varkaus"}
    # Grade 7: Kuopio 1, Siilinjärvi 1, Iisalmi 1, Varkaus 1.
    assert {band: row["pupils"] for band, row in region.items()} == {"1-2": 5, "3-6": 0, "7-9": 4, "all": 9}


def _shown(built: TinyWarehouse, mart: str) -> list[dict[str, Any]]:
    """The mart's rows as they would be published."""
    rows = built.query(f"select * from candidate.{mart}")
    protection = protection_of(published_marts(built.target)[mart])
    return list(protect({mart: rows}, {mart: protection}, ()).rows[mart])


def test_a_coverage_is_a_rate_too(built: TinyWarehouse) -> None:
    # One pupil of Siilinjärvi: 126 of 138 lessons, which would tell the lessons of that pupil.
    rows = [row for row in _shown(built, "attendance_monthly") if row["pupils"] is None or row["pupils"] < 10]
    assert len(rows) > 100
    assert {row["coverage"] for row in rows} == {None}


def test_a_region_figure_of_nobody_is_no_nought(built: TinyWarehouse) -> None:
    # May 2026: Iisalmi is covered for one day, the others for none.
    rows = built.query(
        """
        select distinct month, pupils, scheduled_lessons, covered_lessons, null_reason
        from candidate.attendance_monthly where municipality = 'region' and municipalities is null
        """
    )
    assert day("2026-05-01") in {row["month"] for row in rows}
    assert {(row["pupils"], row["scheduled_lessons"], row["covered_lessons"]) for row in rows} == {(None, None, None)}
    assert {row["null_reason"] for row in rows} == {"below_coverage"}
    assert not any(
        row["suppressed"]
        for row in _shown(built, "attendance_monthly")
        if row["municipality"] == "region" and row["municipalities"] is None
    )


def test_of_two_enrolments_of_one_school_and_start_the_one_with_an_end_date_holds(built: TinyWarehouse) -> None:
    spans = built.query(
        "select valid_from, valid_to, class_name from harmonised.enrolment where person_key = %s", key("hetu", "tie")
    )
    assert spans == [{"valid_from": day("2025-08-11"), "valid_to": day("2025-12-31"), "class_name": "B"}]
    # The other schedules nothing and is listed: the seventh row of the latest delivery.
    listed = built.query(
        "select municipality, row_number from harmonised.enrolment_overlap where person_key = %s", key("hetu", "tie")
    )
    assert listed == [{"municipality": "kuopio", "row_number": 7}]


def test_support_of_a_school_year_is_as_of_its_own_extract(built: TinyWarehouse) -> None:
    days = built.query(
        """
        select distinct count_day, as_of from candidate.support_levels
        where municipality = 'kuopio' and count_day in ('2025-01-20', '2025-09-20') order by 1
        """
    )
    # What is said of 2024–25 is from June 2025, however late the release is.
    assert days == [
        {"count_day": day("2025-01-20"), "as_of": day("2025-06-21")},
        {"count_day": day("2025-09-20"), "as_of": day(NIGHT)},
    ]


def test_absences_are_as_of_the_deliveries_that_decide_them(built: TinyWarehouse) -> None:
    # Of Kuopio's October the window of 10 November decided last; June's window reaches back to 5 June only. Siilinjärvi
    # pulled on 1 December, Iisalmi on 2 May, Varkaus' workbook is of 4 November.
    as_of = {name: _october(built, name, "all")["as_of"] for name in ("kuopio", "siilinjarvi", "iisalmi", "varkaus")}
    assert as_of == {
        "kuopio": day("2025-11-10"),
        "siilinjarvi": day("2025-12-01"),
        "iisalmi": day("2026-05-02"),
        "varkaus": day("2025-11-04"),
    }
    assert _october(built, "region", "all")["as_of"] == day("2025-11-04")
    # Nobody reported March in Kuopio: it is as of no day.
    assert built.query(
        "select distinct as_of from candidate.attendance_monthly where municipality = 'kuopio' and month = '2026-03-01'"
    ) == [{"as_of": None}]


@pytest.mark.parametrize(
    ("period_type", "period_end", "municipality", "expected"),
    [
        # Days until 20 October were decided on 21 October, those from it on 10 November.
        ("month", "2025-09-30", "kuopio", "2025-10-21"),
        ("month", "2025-10-31", "kuopio", "2025-11-10"),
        ("school_year", "2025-12-31", "kuopio", "2025-11-10"),
        ("last_12_weeks", "2025-09-28", "kuopio", "2025-10-21"),
        ("month", "2025-10-31", "region", "2025-11-04"),
        # A month's hours are no days of the 12 weeks, so Varkaus has no say in them.
        ("last_12_weeks", "2025-10-26", "varkaus", None),
        ("last_12_weeks", "2025-10-26", "region", "2025-11-10"),
    ],
)
def test_tiers_are_as_of_the_deliveries_that_decide_them(
    built: TinyWarehouse, period_type: str, period_end: str, municipality: str, expected: str | None
) -> None:
    rows = built.query(
        """
        select distinct as_of from candidate.attendance_tiers
        where period_type = %s and period_end = %s and municipality = %s
        """,
        period_type,
        day(period_end),
        municipality,
    )
    assert rows == [{"as_of": expected and day(expected)}]


@pytest.mark.parametrize(
    ("municipality", "english"),
    [
        ("kuopio", "Kuopio: the data is up to date."),
        # The latest word of each is older than the night of the release.
        ("iisalmi", "Iisalmi: the latest delivery could not be used; the data is from the last accepted one."),
        ("siilinjarvi", "Siilinjärvi: nothing is known of this night; the data is from the last accepted delivery."),
        ("varkaus", "Varkaus: the source has not changed since the last accepted delivery."),
    ],
)
def test_only_data_of_the_night_is_up_to_date(built: TinyWarehouse, municipality: str, english: str) -> None:
    message = built.value(
        "select message_en from candidate.data_status where municipality = %s and dataset = 'absence'", municipality
    )
    assert message == english


def test_a_held_delivery_says_nothing(built: TinyWarehouse) -> None:
    assert built.absent("steady", "2025-08-01", "2026-07-31") == {}


def test_a_move_in_mid_month(built: TinyWarehouse) -> None:
    # Iisalmi scheduled 23 weekdays for one and 11 for the other who left on the 15th, who was away on the 1st. Varkaus
    # scheduled 12, of which 12 lessons were away. The pupil is counted once, in Varkaus; the lessons where they were.
    iisalmi, varkaus = _october(built, "iisalmi", "7-9"), _october(built, "varkaus", "7-9")
    figures = ("pupils", "pupils_with_absence", "scheduled_lessons", "absent_lessons")
    assert [iisalmi[name] for name in figures] == [1, 1, 138 + 66, 6]
    assert [varkaus[name] for name in figures] == [1, 1, 72, 12]
    # 18 of 138 lessons are 13 %; the tier is counted in Varkaus only.
    tiers = built.query(
        """
        select municipality, tier, absent_lessons, covered_lessons from harmonised.pupil_period_tier
        where person_key = %s and period_type = 'month' and period_end = '2025-10-31'
        """,
        key("hetu", "mover"),
    )
    assert tiers == [{"municipality": "varkaus", "tier": "A2", "absent_lessons": 18, "covered_lessons": 138}]


def test_an_earlier_years_workbook_says_nothing_of_this_year(warehouse: TinyWarehouse) -> None:
    year: dict[str, Any] = {
        "enrolment": [enrolment("varkaus", "one", first="2024-08-08")],
        "school_day": [],
        "support": [],
        "absence": [],
    }
    # The workbook of 2026–27 came on 5 August; on the 20th a correction of the one of 2025–26.
    warehouse.deliver("varkaus", "2026-06-02", **year)
    warehouse.deliver("varkaus", "2026-08-05", **year)
    corrected = warehouse.deliver("varkaus", "2026-08-20", **year)
    warehouse.connection.execute("update ops.delivery set school_year = 2025 where delivery_id = %s", (corrected,))
    warehouse.build("2026-09-01", MODELS_ONLY)
    assert warehouse.level("one", "2026-07-31") == ("S0", 2025, None)
    assert warehouse.level("one", "2026-08-04") == ("S0", 2025, None)
    assert warehouse.level("one", "2026-08-05") == ("unknown", 2025, "not_covered")
