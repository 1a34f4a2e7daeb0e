"""The marts as the warehouse has them, beside those of the reference, cell by cell."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from uuid import UUID

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pipeline.keys import pseudonym_keys
from pipeline.settings import Settings
from tests.reference.attendance import ATTENDANCE
from tests.reference.facts import Facts
from tests.reference.periods import Key, Row, Table, numbered
from tests.reference.pupils import PUPILS, WARNINGS
from tests.reference.star import STAR
from tests.reference.status import LastNight, data_status

SHARED: dict[str, Callable[[Facts], Table]] = {**ATTENDANCE, **PUPILS}
PUPIL_BY_PUPIL: dict[str, Callable[[Facts], Table]] = {**WARNINGS, **STAR}

KEYS: dict[str, tuple[str, ...]] = {
    "attendance_monthly": ("month", "municipality", "grade_band", "absence_class"),
    "attendance_tiers": ("period_type", "period_start", "period_end", "municipality", "grade_band", "tier"),
    "tiers_by_support_level": (
        *("period_type", "period_start", "period_end", "municipality", "grade_band", "support_level", "tier"),
    ),
    "attendance_by_support_level": ("month", "municipality", "grade_band", "support_level"),
    "support_levels": ("count_day", "municipality", "grade_band", "support_level"),
    "support_timeliness": ("month", "municipality", "grade_band", "horizon"),
    "home_and_teaching": ("count_day", "home_municipality", "municipality", "grade_band"),
    "transition_to_grade_7": ("school_year", "municipality", "moment", "measure", "category"),
    "inclusion": ("count_day", "municipality", "grade_band", "regime", "place"),
    "group_sizes": ("count_day", "municipality", "grade_band", "group_size"),
    "data_status": ("municipality", "dataset"),
    "early_warning": ("municipality", "pupil_key"),
    "early_warning_week": ("municipality", "pupil_key", "week_end"),
    "fact_enrolment": ("municipality", "pupil_key", "valid_from"),
    "fact_attendance_month": ("municipality", "pupil_key", "date_key"),
    "fact_attendance_tier": ("municipality", "pupil_key", "period_type", "date_key"),
    "fact_absence": ("municipality", "pupil_key", "date_key", "absence_class", "school_key", "grain"),
    "fact_support": ("municipality", "pupil_key", "valid_from"),
    "fact_support_component": (
        *("municipality", "pupil_key", "school_year_start", "valid_from", "valid_to", "support_level", "kind"),
        "component",
    ),
}

NOT_KNOWN = {
    "data_status": {"message_fi", "message_en"},
    "fact_support_component": {"period_number"},
}
"""Columns that no reading of the definitions says: wording, running numbers."""

NUMBERED = frozenset({"fact_support_component"})
"""Marts of which several rows can have the key that is compared: what tells them apart is a running number."""

SPANS = frozenset({"fact_support"})
"""Marts whose rows say something of days: what they say is compared, not where they are cut."""

EXACT = Fraction(1, 10**15)
"""How far PostgreSQL's quotient of two decimals may be from the true one, which it gives to 16 digits."""


@dataclass(frozen=True)
class Difference:
    """A cell that is not the same; `expected` and `found` are texts for the reader."""

    mart: str
    key: Key
    column: str
    expected: str
    found: str

    def __str__(self) -> str:
        key = ", ".join(str(part) for part in self.key)
        return f"{self.mart} [{key}] {self.column}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True)
class Comparison:
    """The cells that differ, and how many rows the reference has of each mart."""

    differences: list[Difference]
    rows: Mapping[str, int]

    def __str__(self) -> str:
        """How many cells differ in which column, and the first of them."""
        counts = Counter(f"{one.mart}.{one.column}" for one in self.differences)
        lines = [f"{name}: {count}" for name, count in counts.items()]
        first = list(map(str, self.differences[:30]))
        return "\n".join([f"{len(self.differences)} cells differ", *lines, *first])


def compare(
    connection: psycopg.Connection, facts: Facts, outcomes: Mapping[str, LastNight], settings: Settings, truth: Path
) -> Comparison:
    """Every mart of the warehouse with the reference, cell by cell. `truth`: the folder that `facts` were read from."""
    expected = {"data_status": data_status(facts, outcomes)}
    expected |= {mart: work_out(facts) for mart, work_out in {**SHARED, **PUPIL_BY_PUPIL}.items()}
    found = []
    for mart in ("data_status", *SHARED):
        found += _compare(mart, expected[mart], _table(connection, "candidate", mart))
    persons = _persons(settings, truth)
    for mart in PUPIL_BY_PUPIL:
        made = _table(connection, "candidate_municipal", mart)
        by_person = {(key[0], persons.get((key[0], key[1]), key[1]), *key[2:]): row for key, row in made.items()}
        assert len(by_person) == len(made), f"{mart}: a pupil has two keys in one municipality"
        found += _compare(mart, expected[mart], by_person)
    return Comparison(found, {mart: len(table) for mart, table in expected.items()})


def _table(connection: psycopg.Connection, schema: str, mart: str) -> Table:
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sql.SQL("select * from {}").format(sql.Identifier(schema, mart))).fetchall()
    names, left_out = KEYS[mart], {*KEYS[mart], *NOT_KNOWN.get(mart, ())}
    keyed = [(tuple(row[name] for name in names), {k: v for k, v in row.items() if k not in left_out}) for row in rows]
    found = numbered(keyed) if mart in NUMBERED else dict(keyed)
    assert len(found) == len(rows), f"{mart}: a key stands twice"
    return joined(found) if mart in SPANS else found


def joined(table: Table) -> Table:
    """Spans from the key's last part to `valid_to`, those joined that follow each other and say the same."""
    found: Table = {}
    before: Key = ()
    for key, row in sorted(table.items()):
        last = found.get(before)
        follows = last is not None and before[:-1] == key[:-1] and last["valid_to"] + timedelta(days=1) == key[-1]
        if last is not None and follows and last | {"valid_to": row["valid_to"]} == row:
            last["valid_to"] = row["valid_to"]
            continue
        before, found[key] = key, dict(row)
    return found


def _persons(settings: Settings, truth: Path) -> dict[tuple[str, UUID], int]:
    """Municipality and pupil key → person, by the id with which each municipality's rows refer to a pupil."""
    found: dict[tuple[str, UUID], int] = {}
    for pupil in pl.read_parquet(truth / "pupil.parquet").to_dicts():
        name = pupil["municipality"]
        reference = {"kuopio": pupil["oppijanumero"], "iisalmi": pupil["hetu"]}.get(name, pupil["local_id"])
        found[name, pseudonym_keys(settings, name).uuid("pupil", reference)] = pupil["person_id"]
    return found


def _compare(mart: str, expected: Table, found: Table) -> list[Difference]:
    result = []
    for key in sorted(expected.keys() | found.keys(), key=str):
        if key not in found or key not in expected:
            words = ("a row", "none") if key in expected else ("no row", "a row")
            result.append(Difference(mart, key, "*", *words))
            continue
        result += [
            Difference(mart, key, column, _text(wanted), _text(made))
            for column, (wanted, made) in cells(mart, expected[key], found[key]).items()
            if not same(wanted, made)
        ]
    return result


def cells(mart: str, expected: Row, found: Row) -> Mapping[str, tuple[object, object]]:
    """The columns of the mart, all of which the reference has to know, and no others. Raises AssertionError when one of
    them has a column that the other has not."""
    unknown = found.keys() - expected.keys()
    assert not unknown, f"{mart}: the reference says nothing of {sorted(unknown)}"
    missing = expected.keys() - found.keys()
    assert not missing, f"{mart}: the mart has no {sorted(missing)}"
    return {column: (expected[column], found[column]) for column in found}


def same(expected: object, found: object) -> bool:
    """Whether a cell is the reference's: counts and what four decimals say (so every sum of lessons) exactly, other
    quotients to the digits that PostgreSQL gives. Of several words that are all true any one will do."""
    if type(expected) is type(found):
        return bool(expected == found)
    if isinstance(expected, Fraction) and isinstance(found, Decimal | int):
        by = Fraction(0) if 10_000 % expected.denominator == 0 else EXACT * max(Fraction(1), expected)
        return abs(Fraction(found) - expected) <= by
    if isinstance(expected, frozenset):
        return found in expected
    return isinstance(expected, int) and isinstance(found, Decimal | int) and bool(found == expected)


def _text(value: object) -> str:
    if isinstance(value, frozenset):
        return " or ".join(sorted(value))
    if isinstance(value, Fraction):
        return f"{value} = {float(value):.6g}"
    return value.isoformat() if isinstance(value, date) else str(value)
