"""Small counts: what of a mart's row may be shown (docs/definitions.md §4).

Here the primary rule only: a count of 1 to 4 pupils, and sums and rates of fewer than 10 pupils, are withheld. A count
that could be worked out from totals (complementary suppression) is not yet looked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

SMALLEST_SHOWN = 5
SMALLEST_DENOMINATOR = 10


@dataclass(frozen=True)
class Protection:
    """What of a mart is protected. counts: count column → the value columns that are withheld with it.
    denominators: count column → the sums and rates that are shown from 10 pupils."""

    counts: Mapping[str, Sequence[str]]
    denominators: Mapping[str, Sequence[str]]

    @property
    def columns(self) -> frozenset[str]:
        """Every column that can be withheld."""
        columns = set(self.counts)
        for values in (*self.counts.values(), *self.denominators.values()):
            columns.update(values)
        return frozenset(columns)


def protection_of(meta: Mapping[str, Any]) -> Protection:
    """Reads a mart's `meta` (`protected_counts`: count → values; `min_denominator`: count → values)."""
    return Protection(
        counts=dict(meta.get("protected_counts") or {}), denominators=dict(meta.get("min_denominator") or {})
    )


def protected_select(mart: str, columns: Sequence[str], protection: Protection) -> sql.Composed:
    """A query over `candidate.<mart>` with the columns in that order, withheld values as null, and `suppressed` last.

    A structural null (a class that is not collected, a level that does not exist) does not raise the flag.
    """
    selected = [_shown(column, protection) for column in columns]
    withheld = [
        sql.SQL("({} is not null and ({}))").format(sql.Identifier(column), _reason(column, protection))
        for column in columns
        if column in protection.columns
    ]
    flag = sql.SQL(" or ").join(withheld) if withheld else sql.SQL("false")
    query = sql.SQL("select {}, coalesce({}, false) as suppressed from {}")
    return query.format(sql.SQL(", ").join(selected), flag, sql.Identifier("candidate", mart))


def _shown(column: str, protection: Protection) -> sql.Composable:
    name = sql.Identifier(column)
    if column not in protection.columns:
        return name
    return sql.SQL("case when not coalesce({}, false) then {} end as {}").format(
        _reason(column, protection), name, name
    )


def _reason(column: str, protection: Protection) -> sql.Composed:
    small = sql.SQL("{} between 1 and {}")
    few = sql.SQL("{} < {}")
    reasons = [
        small.format(sql.Identifier(count), sql.Literal(SMALLEST_SHOWN - 1))
        for count, values in protection.counts.items()
        if column == count or column in values
    ]
    reasons += [
        few.format(sql.Identifier(count), sql.Literal(SMALLEST_DENOMINATOR))
        for count, values in protection.denominators.items()
        if column in values
    ]
    return sql.SQL("coalesce({}, false)").format(sql.SQL(" or ").join(reasons))
