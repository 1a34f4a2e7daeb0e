"""Loads what the folders of `municipalities/` say (names, schools, crosswalks) into schema `reference`."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from connectors.config import Municipality

# What every line of a crosswalk ends with.
_VALIDITY = ("valid_from", "valid_to", "reviewed_by", "reviewed_on")
TABLES = (
    "municipality",
    "school",
    "home_municipality_crosswalk",
    "absence_crosswalk",
    "support_crosswalk",
    "mark_crosswalk",
    "form_crosswalk",
)


def load_reference(connection: psycopg.Connection, municipalities: Sequence[Municipality]) -> None:
    """Replaces what the reference tables say of these municipalities by what their folders say, in the caller's
    transaction. Other municipalities' rows stay, so that two ingests can run beside each other."""
    names = [municipality.name for municipality in municipalities]
    _replace(
        connection,
        names,
        "municipality",
        ("municipality", "code", "name_fi", "name_sv", "name_en", "absence_grain", "absence_classes", "valid_from"),
        (
            (
                m.name,
                m.code,
                m.name_fi,
                m.name_sv,
                m.name_en,
                m.absence_grain,
                sorted({code.absence_class for code in m.codes.absence}),
                m.valid_from,
            )
            for m in municipalities
        ),
    )
    _replace(
        connection,
        names,
        "school",
        ("municipality", "school_number", "name_fi", "valid_from", "valid_to"),
        {
            (m.name, s.school_number): (m.name, s.school_number, s.name_fi, s.valid_from, s.valid_to)
            for m in municipalities
            for s in m.codes.schools
        }.values(),
    )
    _replace(
        connection,
        names,
        "home_municipality_crosswalk",
        ("municipality", "source_value", "municipality_code"),
        ((m.name, h.source_value, h.municipality_code) for m in municipalities for h in m.codes.home_municipalities),
    )
    _replace(
        connection,
        names,
        "absence_crosswalk",
        ("municipality", "source_code", "cleared", "absence_class", *_VALIDITY),
        (
            (m.name, c.source_code, c.cleared, c.absence_class, *_validity(c))
            for m in municipalities
            for c in m.codes.absence
        ),
    )
    _replace(
        connection,
        names,
        "support_crosswalk",
        ("municipality", "support_code", "kind", "regime", "implied_marks", "contradiction", *_VALIDITY),
        (
            (m.name, c.support_code, c.kind, c.regime, list(c.implies_marks), c.contradiction, *_validity(c))
            for m in municipalities
            for c in m.codes.support
        ),
    )
    _replace(
        connection,
        names,
        "mark_crosswalk",
        ("municipality", "source_code", "mark", *_VALIDITY),
        ((m.name, c.source_code, c.mark, *_validity(c)) for m in municipalities for c in m.codes.marks),
    )
    _replace(
        connection,
        names,
        "form_crosswalk",
        ("municipality", "source_code", "form", *_VALIDITY),
        ((m.name, c.source_code, c.form, *_validity(c)) for m in municipalities for c in m.codes.forms),
    )


def forget_other_municipalities(connection: psycopg.Connection, names: Sequence[str]) -> None:
    """Removes what the reference tables say of municipalities that have no folder any more; `names` have one."""
    for table in TABLES:
        target = sql.Identifier("reference", table)
        connection.execute(sql.SQL("delete from {} where municipality <> all(%s)").format(target), (list(names),))


def _validity(code: Any) -> tuple[Any, ...]:
    return tuple(getattr(code, name) for name in _VALIDITY)


def _replace(
    connection: psycopg.Connection,
    municipalities: list[str],
    table: str,
    columns: tuple[str, ...],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    target = sql.Identifier("reference", table)
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    connection.execute(sql.SQL("delete from {} where municipality = any(%s)").format(target), (municipalities,))
    with connection.cursor().copy(sql.SQL("copy {} ({}) from stdin").format(target, listed)) as copy:
        for row in rows:
            copy.write_row(row)
