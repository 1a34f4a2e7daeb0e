"""Small counts: 1 to 4 pupils are never shown, nor sums and rates of fewer than 10 (regional definitions §4)."""

from decimal import Decimal

import psycopg
import pytest

from pipeline.disclosure import Protection, protected_select

PROTECTION = Protection(
    counts={"pupils": ("absent_lessons", "absence_rate"), "pupils_with_absence": ("absent_lessons", "absence_rate")},
    denominators={"pupils": ("absent_lessons", "absence_rate")},
)
COLUMNS = ["municipality", "pupils", "pupils_with_absence", "absent_lessons", "absence_rate"]


@pytest.fixture
def shown(connection: psycopg.Connection) -> dict[str, tuple[object, ...]]:
    connection.execute(
        """
        create table candidate.cells (municipality text primary key, pupils integer, pupils_with_absence integer,
            absent_lessons numeric, absence_rate numeric);
        insert into candidate.cells values
            ('enough', 100, 20, 60, 0.1), ('few absent', 100, 4, 8, 0.01), ('none absent', 100, 0, 0, 0),
            ('few pupils', 4, 2, 3, 0.2), ('under ten', 9, 6, 12, 0.3), ('ten', 10, 5, 12, 0.3),
            ('not collected', 100, null, null, null)
        """
    )
    rows = connection.execute(protected_select("cells", COLUMNS, PROTECTION)).fetchall()
    return {row[0]: row[1:] for row in rows}


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("enough", (100, 20, Decimal("60"), Decimal("0.1"), False)),
        ("few absent", (100, None, None, None, True)),
        ("none absent", (100, 0, Decimal("0"), Decimal("0"), False)),
        ("few pupils", (None, None, None, None, True)),
        # Nine pupils are a count that may be shown, but no denominator.
        ("under ten", (9, 6, None, None, True)),
        ("ten", (10, 5, Decimal("12"), Decimal("0.3"), False)),
        # A structural null keeps its reason and does not raise the flag.
        ("not collected", (100, None, None, None, False)),
    ],
)
def test_what_of_a_row_is_shown(shown: dict[str, tuple[object, ...]], cell: str, expected: tuple[object, ...]) -> None:
    assert shown[cell] == expected
