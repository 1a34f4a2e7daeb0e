"""What of a release may be shown (docs/definitions.md §4): one decision for each count, in whatever tables it stands.

Small counts are withheld, and with them whole groups of which everybody would be known to be alike; then what would
give them away (`pipeline.withholding`). Lesson sums, rates and shares follow the counts they are of. A count that was
published before stays withheld, or takes its corrected value only where that tells nothing of single pupils.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pipeline.lesson_sums import LessonSum, lesson_sums
from pipeline.linked_counts import (
    SPOTS_OF_S3,
    Count,
    LinkedCounts,
    Place,
    RegionParts,
    Row,
    Tables,
    is_own,
    linked_counts,
    require_linked,
    smallest_class,
)
from pipeline.withholding import SPAN, Release, withheld

SMALLEST_SHOWN = 5
SMALLEST_DENOMINATOR = 10
# A corrected count that differs by less tells of single pupils.
SMALLEST_CHANGE = 5
# Everybody of a group in one of these is known to be in it. An absence class is one, whatever the class.
SENSITIVE = {
    "level": ("S2", "S3"),
    "spot": SPOTS_OF_S3,
    "tier month": ("A3",),
    "tier school_year": ("A3",),
    "tier last_12_weeks": ("A3",),
}
# Of these readers learn least: who is in none of the others.
BASE = {"level": "S0", "tier month": "A0", "tier school_year": "A0", "tier last_12_weeks": "A0"}
# What such a count is worth to readers, beside another one.
BASE_WORTH = 0.25
# How far apart the values of a withheld lesson sum must be, as a share of it; at least SPAN lessons.
SUM_SPAN = 0.2
# A class's lesson sum of which one pupil holds more than this share tells of that pupil.
LARGEST_SHARE = 0.5
# Reasons that come of a row's own pupils and lessons: beside what is withheld they would tell that there are none.
OWN_REASONS = frozenset(("nothing_scheduled", "not_reported"))
# Columns of group_sizes that tell of whole classes, whatever band the row is of.
_OF_CLASSES = frozenset(("groups", "mean_group_size"))
# (month, municipality or `region`, grade band, absence class) → the most lessons of any one pupil.
Largest = Mapping[tuple[date, str, str, str], float]


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

    def counts_of(self, column: str) -> list[str]:
        """The count columns with which a value column is withheld."""
        return [count for count, values in self.counts.items() if column in values]

    def denominators_of(self, column: str) -> list[str]:
        """The count columns of which a value column needs 10 pupils."""
        return [count for count, values in self.denominators.items() if column in values]


def protection_of(meta: Mapping[str, Any]) -> Protection:
    """Reads a mart's `meta` (`protected_counts`: count → values; `min_denominator`: count → values)."""
    return Protection(
        counts=dict(meta.get("protected_counts") or {}), denominators=dict(meta.get("min_denominator") or {})
    )


@dataclass(frozen=True)
class Published:
    """A count as it was published last. value: what it was in truth; shown: what readers see, None if withheld."""

    value: int
    shown: int | None


@dataclass(frozen=True)
class _Known:
    """A count that readers have seen. shown: what they saw; value: what it is now."""

    shown: int
    value: int


@dataclass(frozen=True)
class Decision:
    """What becomes of a count. decision: `shown`, `primary`, `complementary`, or `pending` (readers keep seeing what
    was published before). value: the true count. shown: what readers see, None if withheld."""

    value: int
    decision: str
    shown: int | None


@dataclass(frozen=True)
class Protected:
    """rows: table → its rows as readers may see them, in the order given, with `suppressed` and `correction_pending`.
    counts: each count's decision. withheld_sums: lesson sums. linked: the counts, as they hang together."""

    rows: Mapping[str, Sequence[dict[str, Any]]]
    counts: Mapping[Count, Decision]
    withheld_sums: frozenset[LessonSum]
    linked: LinkedCounts = field(repr=False)


def protect(
    tables: Tables,
    protections: Mapping[str, Protection],
    municipalities: Sequence[str],
    before: Mapping[Count, Published] | None = None,
    *,
    span: float = SPAN,
    corrected: Mapping[str, frozenset[int]] | None = None,
    largest: Largest | None = None,
    parts: RegionParts | None = None,
) -> Protected:
    """Decides what of the rows is shown: all of them together, as one system with what was published `before`.

    tables: table → rows before protection. protections: the same tables → what of them is protected. span: how far
    apart the values of a withheld count must be, where SPAN proved too little. corrected: table → the numbers of the
    rows that correct what was published; in other rows what was shown before stays as it was. largest: what one pupil
    holds of the classes' lesson sums. parts: the municipalities' parts of what is shown for the region only. Raises
    CannotProtect, TablesDisagree, NotLinked.
    """
    require_linked(table for table, protection in protections.items() if protection.columns)
    before = before or {}
    linked = linked_counts(tables, {count: one.value for count, one in before.items()}, parts)
    groups = _groups(linked)
    small = {count for count, value in linked.values.items() if 1 <= value < SMALLEST_SHOWN}
    few = _few_others(linked)
    pending = {
        count
        for count, one in before.items()
        if _stays(one, linked.values[count]) or (count in few and one.shown not in (None, linked.values[count]))
    }
    withheld_before = {count for count, one in before.items() if one.shown is None}
    secret = small | groups | pending | withheld_before | (few - before.keys())
    primary = frozenset(secret - linked.unseen)
    # What readers have seen and is so still is no secret, though they cannot be sure of it; nor is a nought.
    open_to_all = {count for count, one in before.items() if one.shown == linked.values[count]}
    open_to_all |= {count for count, value in linked.values.items() if value == 0} - groups
    asked = {
        count: 0 if count in open_to_all else span
        for count in linked.values
        if count in small or count not in linked.unseen
    }
    # Of a count that keeps its published value readers know that it is by less than SMALLEST_CHANGE away from it.
    known = {count: _Known(one.shown, linked.values[count]) for count, one in before.items() if one.shown is not None}
    within = SMALLEST_CHANGE - 1
    hidden = withheld(
        Release(
            values=linked.values,
            sums=linked.sums,
            # Noughts of a group are withheld with it; that the others are none is not relied on.
            least={count: smallest_class(count) for count, value in linked.values.items() if value}
            | {count: 0 for count in groups if not linked.values[count]}
            | {count: max(0, min(one.shown - within, one.value)) for count, one in known.items()},
            most={count: max(one.shown + within, one.value) for count, one in known.items()},
            attackers={
                name: known | _own_changes(name, pending, before, linked)
                for name, known in linked.attackers(municipalities, groups).items()
            },
            own={name: frozenset(count for count in linked.values if is_own(count, name)) for name in municipalities},
            attackers_when=lambda counts, noughts: {
                name: known | _own_changes(name, pending, before, linked)
                for name, known in linked.part(counts).attackers(municipalities, groups | noughts).items()
            },
            floors=linked.own,
            # What holds nobody but its own tells a municipality of nobody.
            unasked={
                name: frozenset(count for count, pupils in own.items() if linked.values[count] == pupils)
                for name, own in linked.own.items()
            },
            fixed=frozenset(before.keys() - primary - _in_rows(linked, corrected or {})),
            unseen=frozenset(linked.unseen),
            spans=asked,
            worth=_worth(linked),
        ),
        primary,
    )
    counts = {
        count: _decision(value, count in hidden, count in primary, before.get(count))
        for count, value in linked.values.items()
        if count not in linked.unseen
    }
    sums = _withheld_sums(tables, protections, linked, counts, municipalities, largest or {})
    telling = _telling_sizes(tables.get("group_sizes", ()), linked, counts)
    rows = {
        table: [
            _shown(
                row,
                protections[table],
                _of_row(counts, linked.at, table, number, row),
                sums.of_row(table, number)
                | (_OF_CLASSES if table == "group_sizes" and _size(row) in telling else set()),
            )
            for number, row in enumerate(rows)
        ]
        for table, rows in tables.items()
    }
    return Protected(rows, counts, sums.withheld, linked)


def _size(row: Row) -> tuple[Any, ...]:
    return row["count_day"], row["municipality"], row["group_size"]


def _telling_sizes(
    rows: Sequence[Row], linked: LinkedCounts, counts: Mapping[Count, Decision]
) -> frozenset[tuple[Any, ...]]:
    """The sizes of group_sizes of which some grade band is not shown as it is: the classes' number and mean size would
    tell it, since a class has the pupils of all its grades."""
    return frozenset(
        _size(row)
        for number, row in enumerate(rows)
        if any(one.decision != "shown" for one in _of_row(counts, linked.at, "group_sizes", number, row).values())
    )


def _few_others(linked: LinkedCounts) -> set[Count]:
    """The counts that would tell a municipality of few others, since it knows its own part."""
    return {
        count
        for own in linked.own.values()
        for count, pupils in own.items()
        if 1 <= linked.values[count] - pupils < SMALLEST_SHOWN
    }


def _worth(linked: LinkedCounts) -> dict[Count, float]:
    """What readers lose with a count: it stands in so many places, and where another of the row will do, the ones that
    need support or are often absent stay visible."""
    return {
        count: places * (BASE_WORTH if any(BASE.get(axis) == category for axis, category in count.said) else 1.0)
        for count, places in Counter(linked.at.values()).items()
    }


def _in_rows(linked: LinkedCounts, rows: Mapping[str, frozenset[int]]) -> set[Count]:
    return {count for (table, number, _), count in linked.at.items() if number in rows.get(table, ())}


def _stays(before: Published, value: int) -> bool:
    """Whether what was shown goes on being shown, since the corrected value would tell of single pupils."""
    if before.shown is None or before.shown == value:
        return False
    return abs(value - before.shown) < SMALLEST_CHANGE or 1 <= value < SMALLEST_SHOWN


def _own_changes(
    municipality: str, pending: set[Count], before: Mapping[Count, Published], linked: LinkedCounts
) -> frozenset[Count]:
    """Counts of several municipalities that changed by no more than this one's own: the change tells it nothing."""
    found = set()
    for count in pending:
        own = replace(count, places=(municipality,))
        if municipality not in count.places or own not in before or before[own].shown is None:
            continue
        if linked.values[count] - (before[count].shown or 0) == linked.values[own] - (before[own].shown or 0):
            found.add(count)
    return frozenset(found)


def _decision(value: int, is_hidden: bool, is_primary: bool, before: Published | None) -> Decision:
    if not is_hidden:
        return Decision(value, "shown", value)
    if before is not None and before.shown is not None:
        return Decision(value, "pending", before.shown)
    return Decision(value, "primary" if is_primary else "complementary", None)


def _groups(linked: LinkedCounts) -> set[Count]:
    """The counts of each whole of which everybody is in one sensitive category: the whole, and all its categories.

    A whole of 1 to 4 pupils is one too: whoever knows that a child is in it would know what the child is in.
    """
    found: set[Count] = set()
    categories: dict[tuple[str, Count], list[Count]] = defaultdict(list)
    for count in linked.at.values():
        for axis, _ in count.said:
            categories[axis, count.without(axis)].append(count)
    for (axis, whole), parts in categories.items():
        for total in _totals(whole, linked):
            value = linked.values[total]
            sensitive = [one for one in parts if axis == "class" or dict(one.said)[axis] in SENSITIVE.get(axis, ())]
            if value > 0 and any(linked.values[one] == value for one in sensitive):
                found.update((total, *(parts if axis != "class" else (one for one in sensitive if linked.values[one]))))
    return found


def _totals(whole: Count, linked: LinkedCounts) -> list[Count]:
    """The count of a whole; of the cohort in grade 7 that of grade 6, of absent pupils the population as well."""
    wholes = [whole, *(one for one in (linked.cohort_of(whole), linked.population_of(whole)) if one is not None)]
    return [one for one in wholes if one in linked.values and one not in linked.unseen]


@dataclass(frozen=True)
class _Sums:
    """Which lesson sums are withheld, and where each stands."""

    withheld: frozenset[LessonSum]
    at: Mapping[Place, LessonSum]
    columns: Mapping[str, tuple[str, ...]]

    def of_row(self, table: str, number: int) -> frozenset[str]:
        """The columns of a row that are withheld for a lesson sum's sake."""
        return frozenset(
            column
            for kind, columns in self.columns.items()
            if self.at.get((table, number, kind)) in self.withheld
            for column in columns
        )


def _withheld_sums(
    tables: Tables,
    protections: Mapping[str, Protection],
    linked: LinkedCounts,
    counts: Mapping[Count, Decision],
    municipalities: Sequence[str],
    largest: Largest,
) -> _Sums:
    """The lesson sums of withheld counts, of too few pupils and of one pupil above all, and those that would give them
    away."""
    found = lesson_sums(tables)
    primary: set[LessonSum] = set()
    few: set[LessonSum] = set()
    # Of nobody, as a count tells that is shown: nothing to work out.
    said: set[LessonSum] = set()
    for (table, number, column), one in found.at.items():
        row, own = tables[table][number], _of_row(counts, linked.at, table, number, tables[table][number])
        if _is_withheld(column, row, protections[table], own):
            primary.add(one)
        is_of_one = table == "attendance_monthly" and column == "absent_lessons" and _is_of_one(row, largest)
        if is_of_one:
            primary.add(one)
        if is_of_one or _is_of_few(column, row, protections[table]):
            few.add(one)
        if any(own[name].shown == 0 for name in protections[table].counts_of(column) if name in own):
            said.add(one)
    few -= said
    hidden = withheld(
        Release(
            values=found.values,
            sums=found.sums,
            least=dict.fromkeys(found.values, 0),
            attackers=found.attackers(municipalities, primary - said),
            own={name: frozenset(one for one in found.values if found.is_own(name, one)) for name in municipalities},
            attackers_when=lambda sums, noughts: found.attackers(municipalities, (primary - said) | noughts, sums),
            unseen=frozenset(found.unseen),
            # The sum of many is withheld with its count, and tells of nobody when it is worked out.
            spans={one: max(SPAN, SUM_SPAN * value) if one in few else 0 for one, value in found.values.items()},
            worth=Counter(found.at.values()),
            whole=False,
        ),
        frozenset(primary),
    )
    return _Sums(frozenset(one for one in hidden if isinstance(one, LessonSum)), found.at, found.columns)


def _of_row(
    counts: Mapping[Count, Decision], at: Mapping[Place, Count], table: str, number: int, row: Row
) -> dict[str, Decision]:
    """The decisions of the counts that stand in a row: column → decision."""
    found = ((column, at.get((table, number, column))) for column in row)
    return {column: counts[count] for column, count in found if count is not None}


def _is_withheld(column: str, row: Row, protection: Protection, counts: Mapping[str, Decision]) -> bool:
    """Whether a value column is withheld for the sake of the row's counts."""
    if any(name in counts and counts[name].decision != "shown" for name in protection.counts_of(column)):
        return True
    return _is_of_few(column, row, protection)


def _is_of_one(row: Row, largest: Largest) -> bool:
    held = largest.get((row["month"], row["municipality"], row["grade_band"], row["absence_class"]), 0)
    return float(held) > LARGEST_SHARE * float(row["absent_lessons"])


def _is_of_few(column: str, row: Row, protection: Protection) -> bool:
    return any(1 <= (row[name] or 0) < SMALLEST_DENOMINATOR for name in protection.denominators_of(column))


def _shown(row: Row, protection: Protection, counts: Mapping[str, Decision], sums: frozenset[str]) -> dict[str, Any]:
    """A row as readers may see it. A structural null keeps its reason, and raises no flag."""
    shown = dict(row)
    for column in protection.columns:
        if column in counts:
            shown[column] = counts[column].shown
        elif column in sums or _is_withheld(column, row, protection, counts):
            shown[column] = None
    shown["suppressed"] = any(shown[column] is None and row[column] is not None for column in protection.columns)
    shown["correction_pending"] = any(one.decision == "pending" for one in counts.values())
    return without_telling_reason(shown)


def without_telling_reason(row: dict[str, Any]) -> dict[str, Any]:
    """The row without a reason of its own pupils and lessons, where any of its figures is withheld or waits."""
    is_kept_back = row["suppressed"] or row["correction_pending"]
    return row | {"null_reason": None} if is_kept_back and row.get("null_reason") in OWN_REASONS else row
