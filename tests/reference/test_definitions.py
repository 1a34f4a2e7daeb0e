"""The reference's own reading of the definitions, against the worked examples and other cases worked by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.reference.compare import cells, joined, same
from tests.reference.definitions import (
    LEAST_DAYS,
    UNIT,
    band,
    comparability,
    in_regime,
    last_sunday,
    month_end,
    regime,
    school_year_start,
    tier,
    twelve_weeks,
)
from tests.reference.facts import PupilDay, SupportPeriod
from tests.reference.periods import Key, Row, numbered
from tests.reference.star import mapped, split


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


@pytest.mark.parametrize(
    ("absent", "expected"),
    [("29.9999", "A0"), ("30", "A1"), ("59", "A1"), ("60", "A2"), ("120", "A2"), ("120.0001", "A3"), ("121", "A3")],
)
def test_tiers_of_six_hundred_lessons(absent: str, expected: str) -> None:
    units = int(Decimal(absent) * UNIT)
    assert tier(units, 600 * UNIT, 600 * UNIT, 100, LEAST_DAYS) == expected


def test_too_little_known_is_no_tier() -> None:
    # 80 of 100 lessons are covered, on 20 days; then a ten-thousandth of a lesson less, or a day less.
    assert tier(0, 80 * UNIT, 100 * UNIT, 20, LEAST_DAYS) == "A0"
    assert tier(0, 80 * UNIT - 1, 100 * UNIT, 20, LEAST_DAYS) == "none"
    assert tier(0, 80 * UNIT, 100 * UNIT, 19, LEAST_DAYS) == "none"
    assert tier(0, 0, 0, 0, LEAST_DAYS) == "none"


def test_periods() -> None:
    assert last_sunday(day("2026-01-31")) == day("2026-01-25")
    assert last_sunday(day("2025-08-31")) == day("2025-08-31")
    assert twelve_weeks(day("2026-01-25")) == day("2025-11-03")
    # Never before the school year's 1 August.
    assert twelve_weeks(day("2025-09-28")) == day("2025-08-01")
    assert month_end(day("2026-02-03")) == day("2026-02-28")
    assert school_year_start(day("2025-07-31")) == day("2024-08-01")


def test_bands_and_regimes() -> None:
    assert [band(grade) for grade in (1, 2, 3, 6, 7, 9)] == ["1-2", "1-2", "3-6", "3-6", "7-9", "7-9"]
    levels = ("S0", "S1", "S2", "S3", "unknown")
    assert {regime(level, day("2025-07-31")) for level in levels} == {"2011"}
    assert [regime(level, day("2025-08-01")) for level in levels] == ["2025", "2025", "mixed", "mixed", "mixed"]
    assert {regime(level, day("2026-08-01")) for level in levels} == {"2025"}
    assert [level for level in levels if not in_regime(level, day("2025-08-01"))] == ["S1"]
    assert [comparability(level) for level in levels] == [
        *("approximate", "not_comparable", "not_comparable", "approximate", "not_comparable"),
    ]


def test_what_is_the_same_cell() -> None:
    assert same(Fraction(1, 3), Decimal("0.33333333333333333333"))
    assert not same(Fraction(1, 3), Decimal("0.3333333333333"))
    # A sum of lessons is one number, and nothing near it.
    assert not same(Fraction(12345, UNIT), Decimal("1.2345000000000001"))
    assert not same(None, 0)
    assert not same(0, None)
    assert same(4, 4)
    assert not same(4, 5)
    # Both reasons are true: either will do.
    assert same(frozenset({"low_coverage", "too_few_lessons"}), "low_coverage")
    assert not same(frozenset({"too_few_lessons"}), "low_coverage")
    assert not same(frozenset({"too_few_lessons"}), None)


def test_a_span_is_one_row_however_it_is_cut() -> None:
    first, cut, last = date(2025, 8, 1), date(2025, 10, 1), date(2026, 7, 31)
    parts = {
        ("kuopio", 1, first): {"valid_to": date(2025, 9, 30), "level": "S2"},
        ("kuopio", 1, cut): {"valid_to": last, "level": "S2"},
        ("kuopio", 2, first): {"valid_to": date(2025, 9, 30), "level": "S2"},
        ("kuopio", 2, cut): {"valid_to": last, "level": "S3"},
        # A day between them is missing.
        ("kuopio", 3, first): {"valid_to": date(2025, 9, 29), "level": "S2"},
        ("kuopio", 3, cut): {"valid_to": last, "level": "S2"},
    }
    whole = {("kuopio", 1, first): {"valid_to": last, "level": "S2"}}
    assert joined(parts) == whole | {key: row for key, row in parts.items() if key[1] > 1}


def test_rows_of_one_key_are_told_apart_by_what_they_say() -> None:
    key = ("kuopio", 1)
    rows: list[tuple[Key, Row]] = [(key, {"value": None}), (key, {"value": "3"}), (("kuopio", 2), {"value": None})]
    assert numbered(rows) == numbered(reversed(rows))
    assert len(numbered(rows)) == 3


def test_a_column_of_one_side_only_is_told() -> None:
    with pytest.raises(AssertionError, match="says nothing of"):
        cells("early_warning", {"tier": "A1"}, {"tier": "A1", "school_key": "kuopio/07523"})
    with pytest.raises(AssertionError, match="has no"):
        cells("early_warning", {"tier": "A1", "school_key": "kuopio/07523"}, {"tier": "A1"})


@pytest.mark.parametrize(
    ("scheme", "kind", "placement", "marks", "expected"),
    [
        ("2011", "SPECIAL", 1, "", ("S3", "exact")),
        ("2011", "SPECIAL", 2, "special_class", ("S2", "exact")),
        ("2011", "SPECIAL", 5, "functional_areas", ("S3", "exact")),
        ("2011", "SPECIAL", None, "extended", ("S3", "exact")),
        ("2011", "SPECIAL", None, "special_class", ("S3", "approximate")),
        ("2011", "SPECIAL", None, "assistant", ("S2", "approximate")),
        ("2011", "INTENSIFIED", 1, "special_class", ("S1", "exact")),
        ("2025", "DECISION", 1, "extended", ("S2", "exact")),
        ("2025", "DECISION", None, "disability_based", ("S3", "exact")),
        ("2025", "DECISION", None, "functional_areas", ("S3", "exact")),
        ("2025", "DECISION", None, "special_class", ("S3", "exact")),
        ("2011", "DECISION", None, "", ("unknown", None)),
        ("2025", "SPECIAL", 1, "", ("unknown", None)),
        ("2011", None, None, "assistant", ("unknown", None)),
    ],
)
def test_levels_of_register_rows(
    scheme: str, kind: str | None, placement: int | None, marks: str, expected: tuple[str, str | None]
) -> None:
    row = SupportPeriod(0, 1, scheme, kind, placement, frozenset(marks.split()))
    assert mapped(row) == expected


def test_a_month_of_two_schools_is_split_by_its_lessons() -> None:
    def one(on: int, school: str, scheduled: int, absent: int) -> PupilDay:
        return PupilDay(on, "varkaus", school, scheduled * UNIT, True, False, {"health": absent}, None)

    # 5 lessons by 3 and 11 of 14 scheduled ones: 1.07142... and 3.92857..., wherever they were.
    month = [one(1, "07349", 3, 5 * UNIT), one(2, "07287", 6, 0), one(3, "07287", 5, 0)]
    assert list(split(month)) == [("health", "07287", 39286, 2), ("health", "07349", 10714, 2)]
    assert list(split(month[:1])) == [("health", "07349", 5 * UNIT, 1)]
