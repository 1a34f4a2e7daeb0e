"""The reference's own reading of the definitions, against the worked examples and other cases worked by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.reference.compare import same
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
