"""What of a row may be shown: small counts and what hangs on them (regional definitions §4). Figures worked by hand."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from pipeline.audit import Seen, audit, cells
from pipeline.disclosure import Protection, Published, protect, protection_of
from pipeline.linked_counts import Count, NotLinked, TablesDisagree, linked_counts
from pipeline.settings import PROJECT_ROOT

ATTENDANCE = Protection(
    counts={
        "pupils": ("pupils_with_absence", "absent_lessons", "absence_rate"),
        "pupils_with_absence": ("absent_lessons", "absence_rate"),
    },
    denominators={
        "pupils": ("absent_lessons", "absence_rate"),
        "pupils_with_absence": ("absent_lessons", "absence_rate"),
    },
)
SHARES = Protection(
    counts={"pupils": ("share",), "population": ("pupils", "share")}, denominators={"population": ("share",)}
)
OF_SPOTS = {
    "support_levels": SHARES,
    "inclusion": Protection({**SHARES.counts, "pupils_unknown": ()}, SHARES.denominators),
}
PLACES = ("iisalmi", "kuopio", "siilinjarvi", "varkaus")
LEVELS = ("S0", "S1", "S2", "S3", "unknown")
DAY = date(2025, 10, 31)


def attendance(municipality: str, *figures: Any, absence_class: str = "all") -> dict[str, Any]:
    names = ("pupils", "pupils_with_absence", "absent_lessons", "absence_rate")
    return {
        "month": date(2025, 10, 1),
        "municipality": municipality,
        "grade_band": "all",
        "absence_class": absence_class,
        **dict(zip(names, figures, strict=True)),
        "municipalities": municipality,
    }


def levels(municipality: str, *pupils: int, band: str = "all") -> list[dict[str, Any]]:
    """Rows of support_levels: pupils of S0, S1, S2, S3 and unknown."""
    population = sum(pupils)
    return [
        {
            "count_day": DAY,
            "municipality": municipality,
            "grade_band": band,
            "support_level": level,
            "pupils": value,
            "population": population,
            "share": Decimal(value) / population if population else None,
        }
        for level, value in zip(LEVELS, pupils, strict=True)
    ]


def tiers_of_the_region(*pupils: int) -> list[dict[str, Any]]:
    """Rows of tiers_by_support_level: the region's pupils with S3 in 7-9, of A0, A1, A2 and A3."""
    return [
        {
            "period_type": "month",
            "period_end": DAY,
            "municipality": "region",
            "grade_band": "7-9",
            "support_level": "S3",
            "tier": tier,
            "pupils": value,
            "population": sum(pupils),
            "share": Decimal(value) / sum(pupils),
            "municipalities": ",".join(PLACES),
        }
        for tier, value in zip(("A0", "A1", "A2", "A3"), pupils, strict=True)
    ]


def shown_levels(rows: list[dict[str, Any]], before: dict[Count, Published] | None = None) -> list[dict[str, Any]]:
    corrected = {"support_levels": frozenset(range(len(rows)))} if before else None
    protected = protect({"support_levels": rows}, {"support_levels": SHARES}, PLACES, before, corrected=corrected)
    return list(protected.rows["support_levels"])


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ((100, 20, Decimal(60), Decimal("0.1")), (100, 20, Decimal(60), Decimal("0.1"), False)),
        # Four were absent: their count, and the sum and rate of their lessons.
        ((100, 4, Decimal(8), Decimal("0.01")), (100, None, None, None, True)),
        ((100, 0, Decimal(0), Decimal(0)), (100, 0, Decimal(0), Decimal(0), False)),
        ((4, 2, Decimal(3), Decimal("0.2")), (None, None, None, None, True)),
        # Nine pupils are a count that may be shown, but no denominator; nor are nine who were absent.
        ((9, 6, Decimal(12), Decimal("0.3")), (9, 6, None, None, True)),
        ((100, 9, Decimal(12), Decimal("0.01")), (100, 9, None, None, True)),
        ((11, 10, Decimal(12), Decimal("0.3")), (11, 10, Decimal(12), Decimal("0.3"), False)),
        # A structural null keeps its reason and does not raise the flag.
        ((100, None, None, None), (100, None, None, None, False)),
    ],
)
def test_what_of_a_row_is_shown(cell: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    tables = {"attendance_monthly": [attendance("kuopio", *cell)]}
    (row,) = protect(tables, {"attendance_monthly": ATTENDANCE}, PLACES).rows["attendance_monthly"]
    names = ("pupils", "pupils_with_absence", "absent_lessons", "absence_rate", "suppressed")
    assert tuple(row[name] for name in names) == expected


def test_a_small_count_takes_another_of_its_total_with_it() -> None:
    # 3 of S3 could be told from 100 less the others.
    rows = shown_levels(levels("kuopio", 60, 20, 17, 3, 0))
    values = {row["support_level"]: row["pupils"] for row in rows}
    assert values["S3"] is None
    assert sum(value is None for value in values.values()) == 2
    assert values["unknown"] == 0
    assert {row["population"] for row in rows} == {100}
    assert [row["share"] is None for row in rows] == [row["pupils"] is None for row in rows]
    assert [row["suppressed"] for row in rows] == [row["pupils"] is None for row in rows]


@pytest.mark.parametrize("everybody", [6, 3])
def test_where_all_are_alike_the_row_is_withheld_with_its_total_and_its_noughts(everybody: int) -> None:
    # All have S3: whoever knows a child in this band would know the level. So with six of them, and so with three.
    rows = shown_levels(levels("varkaus", 0, 0, 0, everybody, 0, band="1-2"))
    assert {row["pupils"] for row in rows} == {None}
    assert {row["population"] for row in rows} == {None}


LESSONS = ("scheduled_lessons", "covered_lessons", "coverage", "absent_lessons", "absence_rate")
BY_LEVEL = Protection(counts={"pupils": LESSONS}, denominators={"pupils": LESSONS})


def attendance_by_level(municipality: str, *pupils: int | None) -> list[dict[str, Any]]:
    """Rows of attendance_by_support_level: pupils of S0, S1 (None: not in the regime), S2, S3 and unknown, each with
    100 lessons, of which 6 were missed."""
    rows = []
    for level, value in zip(LEVELS, pupils, strict=True):
        lessons = None if value is None else Decimal(100 * value)
        missed, rate = (Decimal(6 * value), Decimal("0.06")) if value else (None, None)
        reason = "not_in_regime" if value is None else None if value else "nothing_scheduled"
        figures = (lessons, lessons, Decimal(1) if value else None, missed, rate)
        row = {"month": date(2025, 10, 1), "municipality": municipality, "grade_band": "1-2", "support_level": level}
        row |= {"pupils": value, **dict(zip(LESSONS, figures, strict=True))}
        rows.append(row | {"null_reason": reason, "municipalities": municipality})
    return rows


@pytest.mark.parametrize("everybody", [12, 3])
def test_a_reason_does_not_tell_the_noughts_that_are_withheld(everybody: int) -> None:
    """All have S3: that nothing is scheduled for the others would say so. That S1 is no more tells of nobody."""
    tables = {
        "support_levels": levels("varkaus", 0, 0, 0, everybody, 0, band="1-2"),
        "attendance_by_support_level": attendance_by_level("varkaus", 0, None, 0, everybody, 0),
    }
    shown = protect(tables, {"support_levels": SHARES, "attendance_by_support_level": BY_LEVEL}, PLACES).rows
    rows = shown["attendance_by_support_level"]
    assert [row["pupils"] for row in rows] == [None] * 5
    assert [row["null_reason"] for row in rows] == [None, "not_in_regime", None, None, None]
    assert audit(shown, tables, PLACES) == []
    reasons = [row["null_reason"] for row in tables["attendance_by_support_level"]]
    careless = [{**row, "null_reason": reason} for row, reason in zip(rows, reasons, strict=True)]
    found = audit({**shown, "attendance_by_support_level": careless}, tables, PLACES)
    of_level = "band=1-2 day=2025-10-31 level={} of=pupils who=varkaus"
    told = "the reason in its row tells of it"
    assert [(one.cell, one.what) for one in found] == [(of_level.format(one), told) for one in ("S0", "S2", "unknown")]


SPOTS = {
    "2025": ("special_class", "small_group", "part_small_group", "no_place_measure"),
    "2011": ("placement_1", "placement_2", "placement_missing"),
}


def spots(
    municipality: str, of_2025: tuple[int, ...], of_2011: tuple[int, ...], band: str = "all", unknown: int = 0
) -> list[Any]:
    """Rows of inclusion: pupils by place of teaching, of those with a decision of either regime."""
    return [
        {
            "count_day": DAY,
            "municipality": municipality,
            "grade_band": band,
            "regime": regime,
            "place": place,
            "pupils": value,
            "population": sum(pupils),
            "share": Decimal(value) / sum(pupils) if sum(pupils) else None,
            "pupils_unknown": unknown,
        }
        for regime, pupils in (("2025", of_2025), ("2011", of_2011))
        for place, value in zip(SPOTS[regime], pupils, strict=True)
    ]


def test_a_place_of_teaching_does_not_tell_the_level_of_a_whole_band() -> None:
    """All 12 of a band have S3 and are in a special class, so that their place would tell what their level does not."""
    tables = {
        "support_levels": levels("varkaus", 0, 0, 0, 12, 0, band="1-2"),
        "inclusion": spots("varkaus", (12, 0, 0, 0), (0, 0, 0), band="1-2"),
    }
    shown = protect(tables, OF_SPOTS, PLACES).rows
    assert {row["pupils"] for row in shown["support_levels"]} == {None}
    of_2025 = [(row["pupils"], row["population"]) for row in shown["inclusion"] if row["regime"] == "2025"]
    assert of_2025 == [(None, None)] * 4
    assert audit(shown, tables, PLACES) == []
    places_told = [{**row, "pupils_unknown": None} for row in tables["inclusion"]]
    found = audit({**shown, "inclusion": places_told}, tables, PLACES)
    place = "band=1-2 day=2025-10-31 of=pupils regime=2025 spot=special_class who=varkaus"
    assert place in {one.cell for one in found if one.what == "everybody of a shown whole is in it (spot)"}


@pytest.mark.parametrize(("regime", "place"), [("2025", "special_class"), ("2011", "placement_1")])
def test_where_all_with_a_decision_are_in_a_place_of_s3_the_place_is_withheld(regime: str, place: str) -> None:
    # 12 of 200 have a decision, and all of these S3: whoever knows of a child's decision would know the level.
    first, none = (12, 0, 0, 0), (0, 0, 0, 0)
    of_2025, of_2011 = (first, none[:3]) if regime == "2025" else (none, first[:3])
    tables = {"support_levels": levels("varkaus", 188, 0, 0, 12, 0), "inclusion": spots("varkaus", of_2025, of_2011)}
    shown = protect(tables, OF_SPOTS, PLACES).rows
    of_regime = [row for row in shown["inclusion"] if row["regime"] == regime]
    assert {(row["pupils"], row["population"]) for row in of_regime} == {(None, None)}
    assert audit(shown, tables, PLACES) == []
    found = {one.cell for one in audit(tables, tables, PLACES)}
    assert f"band=all day=2025-10-31 of=pupils regime={regime} spot={place} who=varkaus" in found


def test_few_with_s3_outside_its_places_are_not_told_by_the_difference() -> None:
    """Of 41 with a decision 17 have S3: 9 in a special class, 6 wholly in a special group, two elsewhere."""
    tables = {
        "support_levels": levels("varkaus", 100, 0, 24, 17, 3),
        "inclusion": spots("varkaus", (9, 7, 8, 2), (6, 9, 0), unknown=3),
    }
    linked = linked_counts(tables)
    elsewhere = Count("pupils", DAY.isoformat(), ("varkaus",), "all", (("level", "S3"), ("spot", "elsewhere")))
    assert linked.values[elsewhere] == 2
    shown = protect(tables, OF_SPOTS, PLACES).rows
    assert audit(shown, tables, PLACES) == []
    # 17 - 9 - 6 would tell the two.
    values = {row["support_level"]: row["pupils"] for row in shown["support_levels"]}
    values |= {row["place"]: row["pupils"] for row in shown["inclusion"]}
    assert None in (values["S3"], values["special_class"], values["placement_1"])
    found = {(one.cell, one.what) for one in audit(tables, tables, PLACES) if "spot=none of these" in one.cell}
    named = "band=all day=2025-10-31 level=S3 of=pupils spot=none of these who=varkaus"
    assert found == {(named, "can be known to within 0")}


def test_a_withheld_count_of_s3_is_not_told_by_the_places_that_hold_it() -> None:
    """40 with a decision, 3 of them S2: S2 and S3 are withheld with S0. 36 are in a special class, so that S3 is 36 to
    39 and S2 1 to 4."""
    tables = {
        "support_levels": levels("varkaus", 160, 0, 3, 37, 0),
        "inclusion": spots("varkaus", (36, 4, 0, 0), (0, 0, 0)),
    }
    hidden = ("S0", "S2", "S3")
    careless = {
        "support_levels": [
            {**row, "pupils": None if row["support_level"] in hidden else row["pupils"]}
            for row in tables["support_levels"]
        ],
        "inclusion": [
            {**row, "pupils": None if row["place"] == "small_group" else row["pupils"]} for row in tables["inclusion"]
        ],
    }
    found = {one.cell for one in audit(careless, tables, PLACES)}
    assert "band=all day=2025-10-31 level=S2 of=pupils who=varkaus" in found
    assert audit(protect(tables, OF_SPOTS, PLACES).rows, tables, PLACES) == []


def test_a_nought_that_is_shown_keeps_its_reason() -> None:
    rows = attendance_by_level("varkaus", 60, None, 0, 12, 0)
    tables = {"attendance_by_support_level": rows}
    shown = protect(tables, {"attendance_by_support_level": BY_LEVEL}, PLACES).rows["attendance_by_support_level"]
    assert [(row["pupils"], row["null_reason"]) for row in shown] == [
        (60, None),
        (None, "not_in_regime"),
        (0, "nothing_scheduled"),
        (12, None),
        (0, "nothing_scheduled"),
    ]


def test_of_withheld_lessons_no_reason_tells_either() -> None:
    # Nine pupils may be counted; how many lessons they have is withheld, so that there are none is too.
    rows = attendance_by_level("varkaus", 60, None, 9, 12, 0)
    rows[2] |= {"scheduled_lessons": Decimal(0), "covered_lessons": Decimal(0), "coverage": None}
    rows[2] |= {"absent_lessons": None, "absence_rate": None, "null_reason": "nothing_scheduled"}
    tables = {"attendance_by_support_level": rows}
    shown = protect(tables, {"attendance_by_support_level": BY_LEVEL}, PLACES).rows["attendance_by_support_level"]
    assert (shown[2]["pupils"], shown[2]["scheduled_lessons"], shown[2]["null_reason"]) == (9, None, None)


def test_beside_a_count_that_waits_for_its_correction_no_reason_tells_what_has_changed() -> None:
    # 9 with S2 were shown, with their lessons; 6 are left, of whom nothing was reported: the 9 stay, and say no more.
    rows = attendance_by_level("varkaus", 600, None, 6, 120, 0)
    rows[2] |= {"covered_lessons": Decimal(0), "absent_lessons": None, "absence_rate": None}
    rows[2] |= {"null_reason": "not_reported"}
    before = {Count("pupils", "2025-10-31", ("varkaus",), "1-2", (("level", "S2"),)): Published(9, 9)}
    tables = {"attendance_by_support_level": rows}
    corrected = {"attendance_by_support_level": frozenset(range(5))}
    shown = protect(tables, {"attendance_by_support_level": BY_LEVEL}, PLACES, before, corrected=corrected).rows
    row = shown["attendance_by_support_level"][2]
    assert (row["pupils"], row["correction_pending"], row["null_reason"]) == (9, True, None)


def test_rather_those_without_support_are_withheld_than_those_with_it() -> None:
    # Three unknown need a second count of the row: that of S0 tells least.
    rows = shown_levels(levels("varkaus", 1000, 0, 30, 20, 3))
    assert [row["pupils"] for row in rows] == [None, 0, 30, 20, None]


def test_where_all_have_no_support_everything_is_shown() -> None:
    rows = shown_levels(levels("varkaus", 6, 0, 0, 0, 0, band="1-2"))
    assert [row["pupils"] for row in rows] == [6, 0, 0, 0, 0]


def test_an_absence_class_of_the_whole_population_is_withheld_with_it() -> None:
    tables = {
        "attendance_monthly": [
            attendance("kuopio", 12, 12, Decimal(30), Decimal("0.1")),
            attendance("kuopio", 12, 12, Decimal(30), Decimal("0.1"), absence_class="health"),
            attendance("kuopio", 12, 0, Decimal(0), Decimal(0), absence_class="leave"),
        ]
    }
    rows = protect(tables, {"attendance_monthly": ATTENDANCE}, PLACES).rows["attendance_monthly"]
    assert [(row["pupils"], row["pupils_with_absence"]) for row in rows] == [(None, None), (None, None), (None, 0)]


@pytest.mark.parametrize(("held", "is_shown"), [(Decimal(30), True), (Decimal("30.5"), False)])
def test_a_sum_of_which_one_pupil_holds_over_half_is_withheld(held: Decimal, is_shown: bool) -> None:
    rows = [
        attendance("kuopio", 100, 30, Decimal(90), Decimal("0.15")),
        attendance("kuopio", 100, 20, Decimal(60), Decimal("0.1"), absence_class="health"),
    ]
    largest = {(date(2025, 10, 1), "kuopio", "all", "health"): held}
    tables = {"attendance_monthly": rows}
    protected = protect(tables, {"attendance_monthly": ATTENDANCE}, PLACES, largest=largest).rows
    _, health = protected["attendance_monthly"]
    assert (health["absent_lessons"], health["absence_rate"]) == ((60, Decimal("0.1")) if is_shown else (None, None))
    # That there were 20 pupils tells of nobody.
    assert (health["pupils_with_absence"], health["suppressed"]) == (20, not is_shown)
    assert audit(protected, tables, PLACES, largest=largest) == []
    assert bool(audit(tables, tables, PLACES, largest=largest)) is not is_shown


ALL = ",".join(PLACES)


def cell_of(tier: str | None) -> str:
    """A count of `tiers_of_the_region` as the audit names it; None: of all tiers."""
    period = f" month={tier}" if tier else ""
    return f"band=7-9 day=2025-10-31 level=S3{period} of=pupils who={ALL}"


@pytest.mark.parametrize(
    ("own", "told_of"),
    [
        # Kuopio's of the region's 20, 12, 10 and 9, so the others: 10, 6, 5 and 5, 26 in all.
        ((10, 6, 5, 4), []),
        ((10, 6, 5, 8), ["A3"]),
        ((10, 6, 6, 5), ["A2", "A3"]),
        # Two others in all, whoever they are.
        ((20, 12, 10, 7), ["A3", None]),
        # All are its own: of others it learns nothing.
        ((20, 12, 10, 9), []),
        ((0, 0, 0, 0), []),
    ],
)
def test_of_what_is_shown_for_the_region_only_a_municipality_must_not_learn_of_few_others(
    own: tuple[int, ...], told_of: list[str | None]
) -> None:
    tables = {"tiers_by_support_level": tiers_of_the_region(20, 12, 10, 9)}
    names = ("A0", "A1", "A2", "A3")
    parts = {("kuopio", "month", DAY, "7-9", "S3", tier): value for tier, value in zip(names, own, strict=True)}
    protected = protect(tables, {"tiers_by_support_level": SHARES}, PLACES, parts=parts).rows
    rows = protected["tiers_by_support_level"]
    shown = {None: rows[0]["population"]} | {row["tier"]: row["pupils"] for row in rows}
    assert [name for name in told_of if shown[name] is not None] == []
    assert None not in shown.values() or told_of
    assert audit(protected, tables, PLACES, parts=parts) == []
    found = {(one.attacker, one.cell) for one in audit(tables, tables, PLACES, parts=parts)}
    assert found == {("kuopio", cell_of(name)) for name in told_of}


def test_a_municipality_knows_that_a_withheld_count_holds_its_own() -> None:
    """The region's A3 and A2 are withheld, 19 together; Kuopio has 7 and 9 of them; others are 0 to 3 in each."""
    rows = tiers_of_the_region(20, 12, 10, 9)
    tables = {"tiers_by_support_level": rows}
    careless = [{**row, "pupils": row["pupils"] if row["tier"] in ("A0", "A1") else None} for row in rows]
    parts = {("kuopio", "month", DAY, "7-9", "S3", tier): value for tier, value in (("A2", 9), ("A3", 7))}
    found = audit({"tiers_by_support_level": careless}, tables, PLACES, parts=parts)
    assert [(one.attacker, one.what) for one in found] == [("kuopio", "can be known to within 3")] * 2


def test_what_a_municipality_has_in_one_band_tells_it_nothing_of_another() -> None:
    """All of 1-2 are Kuopio's, so it knows the region's figures there; of 7-9 two others have A3, all Varkaus'."""
    of_band = {
        "kuopio": {"1-2": (30, 20, 10, 8), "3-6": (30, 20, 12, 9), "7-9": (38, 15, 10, 9)},
        "varkaus": {"1-2": (0, 0, 0, 0), "3-6": (9, 6, 5, 5), "7-9": (9, 5, 7, 2)},
        "iisalmi": {"1-2": (0, 0, 0, 0), "3-6": (9, 6, 5, 5), "7-9": (0, 0, 0, 0)},
        "siilinjarvi": {"1-2": (0, 0, 0, 0), "3-6": (9, 6, 5, 5), "7-9": (0, 0, 0, 0)},
    }
    rows = []
    for place, bands in of_band.items():
        every = [sum(values) for values in zip(*bands.values(), strict=True)]
        own = {"municipality": place, "municipalities": place, "grade_band": "all"}
        rows += [row | own for row in tiers_of_the_region(*every)]
    for band in ("1-2", "3-6", "7-9"):
        every = [sum(values) for values in zip(*(bands[band] for bands in of_band.values()), strict=True)]
        rows += [row | {"grade_band": band} for row in tiers_of_the_region(*every)]
    region = [sum(bands[band][n] for bands in of_band.values() for band in bands) for n in range(4)]
    rows += [row | {"grade_band": "all"} for row in tiers_of_the_region(*region)]
    parts = {
        (place, "month", DAY, band, "S3", tier): value
        for place, bands in of_band.items()
        for band, values in bands.items()
        for tier, value in zip(("A0", "A1", "A2", "A3"), values, strict=True)
    }
    tables = {"tiers_by_support_level": rows}
    # Without a second try: with what each knows, enough is withheld at once.
    shown = protect(tables, {"tiers_by_support_level": SHARES}, PLACES, parts=parts).rows
    assert audit(shown, tables, PLACES, parts=parts) == []
    highest = {
        row["grade_band"]: row["pupils"]
        for row in shown["tiers_by_support_level"]
        if row["municipality"] == "region" and row["tier"] == "A3"
    }
    assert highest["7-9"] is None


def test_a_municipality_may_know_a_regions_count_of_nobody_but_its_own() -> None:
    """All of the region's are Kuopio's: that it can tell the 3 from the population is nothing that it does not know."""
    tables = {"tiers_by_support_level": tiers_of_the_region(30, 20, 10, 3)}
    of_tier = zip(("A0", "A1", "A2", "A3"), (30, 20, 10, 3), strict=True)
    parts = {("kuopio", "month", DAY, "7-9", "S3", tier): value for tier, value in of_tier}
    shown = protect(tables, {"tiers_by_support_level": SHARES}, PLACES, parts=parts).rows
    assert [row["pupils"] for row in shown["tiers_by_support_level"]] == [None, 20, 10, None]
    assert {row["population"] for row in shown["tiers_by_support_level"]} == {63}
    assert audit(shown, tables, PLACES, parts=parts) == []


def corrected_tiers(before: tuple[int, ...], now: tuple[int, ...], own: int) -> list[int | None]:
    """What is shown of the region's tiers when a correction is due, and Kuopio has `own` of those in A3."""
    old = {"tiers_by_support_level": tiers_of_the_region(*before)}
    tables = {"tiers_by_support_level": tiers_of_the_region(*now)}
    published = {count: Published(value, value) for count, value in linked_counts(old).values.items()}
    parts = {("kuopio", "month", DAY, "7-9", "S3", "A3"): own}
    corrected = {"tiers_by_support_level": frozenset(range(4))}
    shares = {"tiers_by_support_level": SHARES}
    shown = protect(tables, shares, PLACES, published, corrected=corrected, parts=parts).rows
    assert audit(shown, tables, PLACES, cells(old, old), parts=parts) == []
    return [row["pupils"] for row in shown["tiers_by_support_level"]]


def test_a_correction_shows_no_new_count_of_few_others() -> None:
    # 14 were shown; of the 9 that are left 7 are Kuopio's: the 14 stay, flagged.
    assert corrected_tiers((20, 12, 10, 14), (20, 12, 10, 9), own=7)[3] == 14
    assert corrected_tiers((20, 12, 10, 14), (20, 12, 10, 9), own=4)[3] == 9
    # What did not change stays as everybody has seen it.
    assert corrected_tiers((20, 12, 10, 9), (20, 12, 10, 9), own=7)[3] == 9


def test_a_sum_that_does_not_hold_any_more_binds_nothing() -> None:
    """On 31 May nobody of 3-6 in Kuopio had S2, as was shown; counted later, one of grade 6 had."""
    day = date(2025, 5, 31)
    before = {Count("pupils", "2025-05-31", ("kuopio",), "3-6", (("level", "S2"),)): Published(0, 0)}
    rows = [
        {
            "school_year": 2025,
            "municipality": "kuopio",
            "moment": "before",
            "measure": "support_level",
            "category": level,
            "pupils": value,
            "population": 30,
            "share": None,
        }
        for level, value in (("S0", 29), ("S2", 1))
    ]
    tables = {"transition_to_grade_7": rows}
    seen = {
        tuple(sorted({"of": "pupils", "day": str(day), "who": "kuopio", "band": "3-6", "level": "S2"}.items())): Seen(
            0, 0
        )
    }
    shown = protect(tables, {"transition_to_grade_7": SHARES}, PLACES, before).rows
    assert [row["pupils"] for row in shown["transition_to_grade_7"]] == [None, None]
    assert audit(shown, tables, PLACES, seen) == []


def test_a_sum_of_nobody_is_no_secret() -> None:
    """Varkaus has 8 pupils in 1-2, none of whom was absent: a sum of too few to be shown, which may be worked out."""
    figures = {
        "1-2": ((100, 12, Decimal(20)), (8, 0, Decimal(0))),
        "3-6": ((100, 12, Decimal(30)), (30, 0, Decimal(0))),
        "7-9": ((100, 15, Decimal(40)), (30, 0, Decimal(0))),
        "all": ((300, 39, Decimal(90)), (68, 0, Decimal(0))),
    }
    rows = [
        {**attendance(place, *figure, figure[2] / 1000), "grade_band": band}
        for band, both in figures.items()
        for place, figure in zip(("kuopio", "varkaus"), both, strict=True)
    ]
    shown = protect({"attendance_monthly": rows}, {"attendance_monthly": ATTENDANCE}, PLACES).rows["attendance_monthly"]
    assert [row["absent_lessons"] for row in shown if row["municipality"] == "varkaus"] == [None, 0, 0, 0]


def test_who_does_not_collect_a_class_has_nobody_in_it() -> None:
    """Varkaus does not collect `other_accepted`. Of the 30 absent in the region 26 were ill, 12 on leave, and 7 in
    Kuopio accepted for another reason: 45 in the classes together, 15 more than there are pupils."""
    figures = {
        "kuopio": {"all": (20, 120), "health": (18, 70), "leave": (5, 20), "other_accepted": (7, 30)},
        "varkaus": {"all": (10, 60), "health": (8, 40), "leave": (7, 20), "other_accepted": (None, None)},
        "region": {"all": (30, 180), "health": (26, 110), "leave": (12, 40), "other_accepted": (7, 30)},
    }
    rows = [
        attendance(place, 100, *cell, None, absence_class=name)
        | ({"municipalities": "kuopio" if name == "other_accepted" else "kuopio,varkaus"} if place == "region" else {})
        | {"pupils": 200 if place == "region" and name != "other_accepted" else 100}
        for place, classes in figures.items()
        for name, cell in classes.items()
    ]
    tables = {"attendance_monthly": rows}
    linked = linked_counts(tables)
    everybody = Count("absent", "2025-10-01", ("kuopio", "varkaus"), "all")
    assert linked.values[everybody.also("class", "in several")] == 15
    assert linked.values[replace(everybody, places=("varkaus",)).also("class", "in several")] == 5
    assert audit(protect(tables, {"attendance_monthly": ATTENDANCE}, PLACES).rows, tables, PLACES) == []


def test_a_municipality_learns_nothing_of_the_other_from_the_region() -> None:
    # Two municipalities, 2 and 30 of S3: the one with 30 would take them from the region's 32.
    rows = [
        *levels("iisalmi", 90, 40, 30, 2, 0),
        *levels("kuopio", 900, 300, 200, 30, 0),
        *levels("region", 990, 340, 230, 32, 0),
    ]
    found = {(row["municipality"], row["support_level"]): row["pupils"] for row in shown_levels(rows)}
    assert found["iisalmi", "S3"] is None
    assert found["region", "S3"] is None


def test_one_count_has_one_decision_in_all_tables() -> None:
    # The population of attendance_tiers is that of support_levels: 4 pupils are shown in neither.
    tiers = [
        {
            "period_type": "month",
            "period_start": date(2025, 10, 1),
            "period_end": DAY,
            "municipality": "kuopio",
            "grade_band": "1-2",
            "tier": tier,
            "pupils": pupils,
            "population": 7,
            "share": None,
            "municipalities": "kuopio",
        }
        for tier, pupils in (("A0", 7), ("A1", 0), ("A2", 0), ("A3", 0), ("none", 0))
    ]
    tables = {"attendance_tiers": tiers, "support_levels": levels("kuopio", 0, 0, 0, 7, 0, band="1-2")}
    found = protect(tables, dict.fromkeys(tables, SHARES), PLACES).rows
    # Support levels withhold the total, for all are of S3; so tiers must, and with it A0, which is the same seven.
    assert {row["population"] for rows in found.values() for row in rows} == {None}
    assert {row["pupils"] for row in found["attendance_tiers"]} == {None, 0}


def classes(municipality: str, *pupils: int, groups: tuple[int, ...], sizes: tuple[int, ...], band: str = "all") -> Any:
    """Rows of group_sizes: pupils in classes of each size, how many classes, and of how many pupils these are."""
    return [
        {
            "count_day": DAY,
            "municipality": municipality,
            "grade_band": band,
            "group_size": size,
            "pupils": value,
            "population": sum(pupils),
            "share": Decimal(value) / sum(pupils),
            "groups": count,
            "mean_group_size": Decimal(whole) / count if count else None,
        }
        for size, value, count, whole in zip(("1-9", "10-19", "20-25"), pupils, groups, sizes, strict=True)
    ]


OF_CLASSES = Protection(
    {"pupils": ("share", "groups", "mean_group_size"), "population": ("pupils", "share", "groups", "mean_group_size")},
    SHARES.denominators,
)


def test_a_size_tells_the_least_that_its_pupils_can_be() -> None:
    """A class of 3, one of 10 and three of 22. Without 3 and 10, 13 are left of 79, of whom at least 10 are in a class
    of 10 to 19: 1 to 3 are in the small one. Without 3 and 66, 69 are left, at least 20 of them in the large ones."""
    tables = {"group_sizes": classes("varkaus", 3, 10, 66, groups=(1, 1, 3), sizes=(3, 10, 66))}
    hidden = dict.fromkeys(("pupils", "share", "groups", "mean_group_size"))
    careless = {
        "group_sizes": [{**row, **(hidden if row["group_size"] != "20-25" else {})} for row in tables["group_sizes"]]
    }
    small = "band=all day=2025-10-31 of=pupils size=1-9 who=varkaus"
    assert (small, "can be known to within 2") in {(one.cell, one.what) for one in audit(careless, tables, PLACES)}
    shown = protect(tables, {"group_sizes": OF_CLASSES}, PLACES).rows
    assert audit(shown, tables, PLACES) == []
    assert [row["pupils"] for row in shown["group_sizes"]] == [None, 10, None]


def test_the_size_of_a_class_does_not_tell_its_pupils_of_another_band() -> None:
    """A class of 12: 9 of grades 3-6, and 3 of 7-9, who are withheld. One class of 12 less 9 would tell them."""
    tables = {
        "group_sizes": [
            *classes("varkaus", 0, 0, 44, groups=(0, 0, 2), sizes=(0, 0, 44), band="1-2"),
            *classes("varkaus", 0, 9, 66, groups=(0, 1, 3), sizes=(0, 12, 66), band="3-6"),
            *classes("varkaus", 0, 3, 44, groups=(0, 1, 2), sizes=(0, 12, 44), band="7-9"),
            *classes("varkaus", 0, 12, 154, groups=(0, 1, 7), sizes=(0, 12, 154)),
        ]
    }
    shown = protect(tables, {"group_sizes": OF_CLASSES}, PLACES).rows
    assert audit(shown, tables, PLACES) == []
    told = {(row["groups"], row["mean_group_size"]) for row in shown["group_sizes"] if row["group_size"] == "10-19"}
    assert told == {(None, None)}
    careless = {
        "group_sizes": [
            {**row, "groups": truth["groups"], "mean_group_size": truth["mean_group_size"]}
            for row, truth in zip(shown["group_sizes"], tables["group_sizes"], strict=True)
        ]
    }
    assert "the size of classes tells of it" in {one.what for one in audit(careless, tables, PLACES)}


def test_tables_that_tell_two_numbers_of_one_count_are_refused() -> None:
    tables = {
        "support_levels": levels("kuopio", 60, 20, 17, 9, 0),
        "group_sizes": [
            {
                "count_day": DAY,
                "municipality": "kuopio",
                "grade_band": "all",
                "group_size": "unknown",
                "pupils": 105,
                "population": 105,
                "share": None,
            }
        ],
    }
    with pytest.raises(TablesDisagree, match="105"):
        protect(tables, dict.fromkeys(tables, SHARES), PLACES)


def kuopio(level: str | None = None) -> Count:
    whole = Count("pupils", DAY.isoformat(), ("kuopio",), "all")
    return whole.also("level", level) if level else whole


@pytest.mark.parametrize(
    ("earlier", "now", "expected", "is_pending"),
    [
        (Published(20, 20), 20, 20, False),
        # Three more would tell of three pupils; six more do not.
        (Published(20, 20), 23, 20, True),
        (Published(20, 20), 26, 26, False),
        # It has become small: what was shown stays, since nothing at all would say that it is now 1 to 4.
        (Published(20, 20), 3, 20, True),
        (Published(3, None), 30, None, False),
    ],
)
def test_a_corrected_count(earlier: Published, now: int, expected: int | None, is_pending: bool) -> None:
    rows = levels("kuopio", 600, 200, 170, now, 50)
    found = shown_levels(rows, {kuopio("S3"): earlier})
    row = next(row for row in found if row["support_level"] == "S3")
    assert (row["pupils"], row["correction_pending"]) == (expected, is_pending)


def test_a_pending_correction_is_not_told_by_the_other_corrected_counts() -> None:
    # 20 → 23 of S3 and 600 → 597 of S0: either one, shown, would tell the other.
    before = {
        kuopio(): Published(1040, 1040),
        **{
            kuopio(level): Published(value, value) for level, value in zip(LEVELS, (600, 200, 170, 20, 50), strict=True)
        },
    }
    found = shown_levels(levels("kuopio", 597, 200, 170, 23, 50), before)
    values = {row["support_level"]: (row["pupils"], row["correction_pending"]) for row in found}
    assert values["S3"] == (20, True)
    assert values["S0"] == (600, True)


def test_a_table_of_which_nobody_has_said_what_it_counts_is_refused() -> None:
    with pytest.raises(NotLinked, match="new_table"):
        protect({"new_table": [{"pupils": 3}]}, {"new_table": SHARES}, PLACES)


# Numbers that count neither pupils nor rows of theirs: what names a row, and how old it is.
OF_NOBODY = {"school_year", "horizon", "days_old"}


def shared_models() -> list[dict[str, Any]]:
    """The models of the shared tables, as their descriptions are written."""
    files = (PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*.yml")
    return [model for file in files for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", ())]


@pytest.mark.parametrize("model", shared_models(), ids=lambda model: str(model["name"]))
def test_every_number_of_a_shared_table_is_protected(model: dict[str, Any]) -> None:
    """So is a number of rows: three support rows tonight and four tomorrow are one pupil more."""
    numbers = {one["name"] for one in model["columns"] if one["data_type"] in ("bigint", "integer", "numeric")}
    protected = protection_of(model.get("config", {}).get("meta", {})).columns
    assert numbers - OF_NOBODY - protected == set()
