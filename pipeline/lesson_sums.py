"""The lesson sums of the shared tables, as one system: what adds up to what, across tables as well as within one."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from pipeline.linked_counts import BANDS, Place, Row, Tables, places_of, widest
from pipeline.withholding import Sum

# The columns of a table that a withheld sum takes with it. Scheduled and covered lessons are of the same pupils, and
# whoever knows a rate and one of its two sums knows the other.
COLUMNS = {
    "scheduled_lessons": ("scheduled_lessons", "covered_lessons", "coverage", "absent_lessons", "absence_rate"),
    "covered_lessons": ("covered_lessons", "absent_lessons", "absence_rate"),
    "absent_lessons": ("absent_lessons", "absence_rate"),
}


@dataclass(frozen=True, slots=True)
class LessonSum:
    """The name of a sum of lessons. column: which lessons. when: the month, or the school year and moment. places: the
    municipalities. said: (axis, category), sorted by axis."""

    column: str
    when: str
    places: tuple[str, ...]
    band: str
    said: tuple[tuple[str, str], ...] = ()

    def of(self, municipality: str) -> "LessonSum":
        """The same of one municipality alone."""
        return LessonSum(self.column, self.when, (municipality,), self.band, self.said)


@dataclass(frozen=True)
class LinkedSums:
    """values: sum → lessons. at: where it stands. sums: what adds up to what; where pupils who moved make a small
    difference it counts as if it did not. unseen: sums that no table shows. columns: as COLUMNS."""

    values: dict[LessonSum, float] = field(default_factory=dict)
    at: dict[Place, LessonSum] = field(default_factory=dict)
    sums: list[Sum] = field(default_factory=list)
    unseen: set[LessonSum] = field(default_factory=set)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: COLUMNS)

    def attackers(
        self,
        municipalities: Iterable[str],
        withheld: Collection[LessonSum],
        among: Collection[LessonSum] | None = None,
    ) -> dict[str, frozenset[LessonSum]]:
        """The outsider, and each municipality with the sums of its own pupils, and those to which nobody else adds as
        far as is not withheld. among: only these sums are asked for (default: all)."""
        asked = self.values if among is None else among
        return {"outsider": frozenset()} | {
            name: frozenset(one for one in asked if self._is_known_to(name, one, withheld)) for name in municipalities
        }

    def is_own(self, municipality: str, one: LessonSum) -> bool:
        """Whether the sum is of the municipality's own pupils: nobody else has one of the kind, not even of nothing."""
        others = (one.of(name) for name in one.places if name != municipality)
        return municipality in one.places and not any(other in self.values for other in others)

    def _is_known_to(self, municipality: str, one: LessonSum, withheld: Collection[LessonSum]) -> bool:
        if municipality not in one.places:
            return False
        others = [one.of(name) for name in one.places if name != municipality]
        return not any(other in withheld or self.values.get(other, 0) > 0 for other in others)


def lesson_sums(tables: Tables) -> LinkedSums:
    """The lesson sums of the rows: table → its rows, as they are before protection."""
    found = LinkedSums()
    for table in ("attendance_monthly", "attendance_by_support_level", "transition_to_grade_7"):
        rows = tables.get(table, ())
        for number, (row, places) in enumerate(zip(rows, places_of(rows), strict=True)):
            for column in COLUMNS:
                if row.get(column) is None or not places:
                    continue
                one = _name(table, column, row, places)
                found.values.setdefault(one, float(row[column]))
                found.at[table, number, column] = one
    _bind(found)
    return found


def _name(table: str, column: str, row: Row, places: tuple[str, ...]) -> LessonSum:
    if table == "transition_to_grade_7":
        when = f"{row['school_year']} {row['moment']}"
        return LessonSum(column, when, places, "6", ((row["measure"], row["category"]),))
    one = LessonSum(column, row["month"].isoformat(), places, row["grade_band"])
    if table == "attendance_by_support_level":
        return replace(one, said=(("level", row["support_level"]),))
    # What is scheduled and covered is the same for every class.
    if column != "absent_lessons" or row["absence_class"] == "all":
        return one
    return replace(one, said=(("class", row["absence_class"]),))


def _bind(found: LinkedSums) -> None:
    shown = list(found.values)
    parts: dict[tuple[str, LessonSum], list[LessonSum]] = defaultdict(list)
    for one in shown:
        if one.band in BANDS:
            parts["band", replace(one, band="all")].append(one)
        for axis, _ in one.said:
            if axis != "class":
                parts[axis, replace(one, said=())].append(one)
    for (_, total), members in parts.items():
        if total not in found.values:
            # The lessons of a cohort are not shown, but they are the same by tier as by level.
            found.values[total] = sum(found.values[one] for one in members)
            found.unseen.add(total)
        found.sums.append(Sum(total, tuple(members)))
    _bind_classes(found)
    for total in shown:
        members = [replace(total, places=(name,)) for name in total.places]
        if len(members) > 1 and all(member in found.values for member in members):
            found.sums.append(Sum(total, tuple(members)))


def _bind_classes(found: LinkedSums) -> None:
    """The lessons of all classes make those of `all`; who does not collect a class adds nothing to it."""
    classes: dict[LessonSum, dict[str, dict[tuple[str, ...], LessonSum]]] = defaultdict(lambda: defaultdict(dict))
    for one in found.values:
        for axis, category in one.said:
            if axis == "class":
                classes[replace(one, places=(), said=())][category][one.places] = one
    for total in [one for one in found.values if not one.said]:
        by_class = classes.get(replace(total, places=()), {})
        members = [widest(total.places, by_places) for by_places in by_class.values()]
        if members and None not in members:
            found.sums.append(Sum(total, tuple(one for some in members if some is not None for one in some)))
