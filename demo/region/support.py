"""Support as a municipality's register holds it, and the regional levels that follow from it.

The definitions are written down here once more from their text, apart from the pipeline's code.
"""

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from demo.region.calendars import BREAK, FAR, first_day, last_day, number

INTENSIFIED, SPECIAL, DECISION = "INTENSIFIED", "SPECIAL", "DECISION"

PART_SMALL_GROUP, SMALL_GROUP, SPECIAL_CLASS, INTERPRETATION, ASSISTANT, AIDS = MEASURES = (
    "PART_SMALL_GROUP", "SMALL_GROUP", "SPECIAL_CLASS", "INTERPRETATION", "ASSISTANT", "AIDS",
)  # fmt: skip


@dataclass(frozen=True)
class Support:
    """One row of a register. `scheme` and `kind` agree but for a mistake; `kind` is None where marks have no level.
    The row is known from the night `known_from`, its end (`FAR`: open) from the night `end_known`, and it is gone from
    the night `deleted` on. `style` counts the register's rows of a kind: it decides how a clerk types the row."""

    person_id: int
    municipality: str
    scheme: str
    kind: str | None
    start: int
    end: int = FAR
    known_from: int = -FAR
    end_known: int = FAR
    placement: int | None = None
    functional: bool = False
    extended: bool = False
    disability: bool = False
    measures: tuple[str, ...] = ()
    deleted: int = FAR
    decided: int | None = None
    record: str = ""
    style: int = 0


BREAK_DAY = number(BREAK)


def level(row: Support) -> str:
    """The regional level of a row: S1, S2, S3 or unknown."""
    if row.kind is None or (row.scheme == "2011") == (row.kind == DECISION):
        return "unknown"
    if row.kind == INTENSIFIED:
        return "S1"
    if row.kind == DECISION:
        return "S3" if SPECIAL_CLASS in row.measures or row.disability or row.functional else "S2"
    if row.placement == 1 or row.functional or row.extended:
        return "S3"
    return "S3" if row.placement is None and SPECIAL_CLASS in row.measures else "S2"


def known(row: Support, night: int) -> Support | None:
    """The row as the register has it on the morning of `night`; None when it is not there."""
    if not row.known_from <= night < row.deleted:
        return None
    return row if row.end_known <= night else replace(row, end=FAR)


@dataclass(frozen=True)
class Span:
    """A person's level in a municipality from `first` to `last` (both included)."""

    first: int
    last: int
    level: str
    regime: int | None
    reason: str | None


def spans(rows: list[Support], first: int, last: int) -> list[Span]:
    """The levels of a pupil's days from `first` to `last`, from the rows that a register holds of the pupil.

    Reason of a day that is unknown: `scheme_kind`, `no_level`, `before_break`, `after_break`, `overlap` or
    `expired_2011`; of a day without support: None.
    """
    effective = [(row, _clipped_end(row)) for row in rows if _clipped_end(row) >= row.start]
    cuts = {first, BREAK_DAY, number(date(2026, 8, 1))}
    for row, end in effective:
        cuts |= {row.start, end + 1}
    cuts = {cut for cut in cuts if first <= cut <= last}
    edges = [*sorted(cuts), last + 1]
    found: list[Span] = []
    for begin, following in pairwise(edges):
        state = _day_level([row for row, end in effective if row.start <= begin <= end], begin)
        if found and (found[-1].level, found[-1].regime, found[-1].reason) == state:
            found[-1] = replace(found[-1], last=following - 1)
        else:
            found.append(Span(begin, following - 1, *state))
    return found


def _clipped_end(row: Support) -> int:
    """The row's last day; intensified support ends with its regime."""
    is_intensified = row.scheme == "2011" and row.kind == INTENSIFIED
    return min(row.end, BREAK_DAY - 1) if is_intensified else row.end


def _day_level(rows: list[Support], day: int) -> tuple[str, int | None, str | None]:
    old = [row for row in rows if row.scheme == "2011" and row.kind is not None]
    new = [row for row in rows if row.scheme == "2025"]
    if any(row.kind is None for row in rows):
        return "unknown", None, "no_level"
    if any(level(row) == "unknown" for row in rows):
        return "unknown", None, "scheme_kind"
    if new and day < BREAK_DAY:
        return "unknown", None, "before_break"
    if any(row.start >= BREAK_DAY for row in old):
        return "unknown", None, "after_break"
    if old and new:
        return "unknown", None, "overlap"
    if old and day > number(date(2026, 7, 31)):
        return "unknown", 2011, "expired_2011"
    if old:
        return max(level(row) for row in old), 2011, None
    if new:
        return max(level(row) for row in new), 2025, None
    return "S0", 2011 if day < BREAK_DAY else 2025, None


def touches(row: Support, year: int) -> bool:
    """Whether the row's days meet the school year."""
    return row.start <= last_day(year) and row.end >= first_day(year)
