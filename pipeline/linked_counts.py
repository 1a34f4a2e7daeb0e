"""What the shared tables count, as one system: the same pupils have one name in whatever table they stand.

A count is named by what it counts: pupils of a day, of some municipalities, of a grade band, and what else is said of
them (`docs/marts.md`). Counts that add up are bound by sums, across tables as well as within one.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, TypeVar

from pipeline.withholding import Sum

BANDS = ("1-2", "3-6", "7-9")
# In the lowest of these a pupil's start counts in every horizon; `later` in none that is known yet.
HORIZONS = (30, 60, 90)
# Whoever is taught there has S3, in either regime (docs/definitions.md §3).
SPOTS_OF_S3 = ("special_class", "placement_1")
Row = Mapping[str, Any]
Name = TypeVar("Name")
Tables = Mapping[str, Sequence[Row]]
# Of tiers by level that are shown for the region only: (municipality, period type, last day, grade band, support level,
# tier) → pupils.
RegionParts = Mapping[tuple[str, str, date, str, str, str], int]


@dataclass(frozen=True, slots=True)
class Count:
    """The name of a count. kind: `pupils` (of a day), `absent`, `reach`, `cohort`, or a sum of lessons. when: the day,
    or what names the period. places: the municipalities. said: (axis, category), sorted by axis."""

    kind: str
    when: str
    places: tuple[str, ...]
    band: str
    said: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        said = "".join(f" {axis}={category}" for axis, category in self.said)
        return f"{self.kind} {self.when} {'+'.join(self.places)} {self.band}{said}"

    def without(self, axis: str) -> "Count":
        """The count of which this one is a part along an axis."""
        return replace(self, said=tuple(one for one in self.said if one[0] != axis))

    def also(self, axis: str, category: str) -> "Count":
        """The part of this count that is in the category."""
        return replace(self, said=tuple(sorted((*self.said, (axis, category)))))


# Where a count stands: table, number of the row in it, column.
Place = tuple[str, int, str]


@dataclass(frozen=True)
class LinkedCounts:
    """The counts of some tables. values: count → pupils. at: where a count stands → its name; several places can show
    one count. sums: all that a reader can know. unseen: counts that no table shows. own: municipality → its part of
    counts that are shown for the region only."""

    values: dict[Count, int] = field(default_factory=dict)
    at: dict[Place, Count] = field(default_factory=dict)
    sums: list[Sum] = field(default_factory=list)
    unseen: set[Count] = field(default_factory=set)
    own: dict[str, dict[Count, int]] = field(default_factory=dict)

    def part(self, counts: Collection[Count]) -> "LinkedCounts":
        """The counts that hang together with each other alone."""
        own = frozenset(counts)
        return LinkedCounts(
            values={count: self.values[count] for count in counts},
            sums=[one for one in self.sums if one.total in own],
            unseen=self.unseen & own,
        )

    def attackers(
        self, municipalities: Iterable[str], hidden_noughts: Collection[Count] = ()
    ) -> dict[str, frozenset[Count]]:
        """The outsider, and each municipality with what it knows anyway: its own pupils, taught there or living there,
        and what follows from these and from noughts that are shown."""
        noughts = {
            count
            for count, value in self.values.items()
            if value == 0 and count not in self.unseen and count not in hidden_noughts
        }
        open_sums = [{one.total, *one.parts} - noughts for one in self.sums]
        sums_of: dict[Count, list[int]] = defaultdict(list)
        for number, counts in enumerate(open_sums):
            for count in counts:
                sums_of[count].append(number)
        of_several = [count for count in self.values if len(count.places) > 1]
        of_one: dict[str, set[Count]] = defaultdict(set)
        for count in self.values:
            for name in {*count.places[:1], *(category for axis, category in count.said if axis == "home")}:
                if is_own(count, name):
                    of_one[name].add(count)
        found: dict[str, frozenset[Count]] = {"outsider": frozenset()}
        for name in municipalities:
            known = {count for count in of_several if self._is_known_to(name, count, hidden_noughts)} | of_one[name]
            found[name] = _with_what_follows(known, open_sums, sums_of)
        return found

    def _is_known_to(self, municipality: str, count: Count, hidden_noughts: Collection[Count]) -> bool:
        if is_own(count, municipality):
            return True
        if municipality not in count.places:
            return False
        # Where nobody else is in the whole, nobody else is in a part of it.
        wholes = (count, replace(count, band="all"), *(count.without(axis) for axis, _ in count.said))
        return any(
            0 < self.values.get(whole, 0) == self.values.get(replace(whole, places=(municipality,)))
            and not any(
                replace(whole, places=(other,)) in hidden_noughts for other in count.places if other != municipality
            )
            for whole in wholes
        )

    def cohort_of(self, count: Count) -> Count | None:
        """The pupils of grade 6 whom the counts of a cohort in grade 7 are of."""
        return replace(count, kind="pupils", when=f"{count.when}-05-31") if count.kind == "cohort" else None

    def population_of(self, count: Count) -> Count | None:
        """The pupils of the month whom the counts of absent pupils are of."""
        if count.kind != "absent":
            return None
        return replace(count, kind="pupils", when=month_end(date.fromisoformat(count.when)).isoformat())


def _with_what_follows(
    known: set[Count], open_sums: Sequence[set[Count]], sums_of: Mapping[Count, Sequence[int]]
) -> frozenset[Count]:
    """What is known, and of a sum whose other counts are known the last one. open_sums: each sum's counts that are not
    known to everybody; sums_of: count → the numbers of its sums."""
    found = set(known)
    left = [len(counts) for counts in open_sums]
    new = deque(known)
    last = [number for number, count in enumerate(left) if count == 1]
    while new or last:
        while new:
            for number in sums_of.get(new.popleft(), ()):
                left[number] -= 1
                if left[number] == 1:
                    last.append(number)
        while last:
            # Another sum may have told it in the meantime.
            for count in open_sums[last.pop()] - found:
                found.add(count)
                new.append(count)
    return frozenset(found)


def smallest_class(count: Count) -> int:
    """The least that a count can be where it is not nought: of classes of a size, with all their grades, one class."""
    size = dict(count.said).get("group", "")
    return int(size.rstrip("+").split("-")[0]) if count.band == "all" and size[:1].isdigit() else 1


def is_own(count: Count, municipality: str) -> bool:
    """Whether the count is of the municipality's own pupils, taught there or living there."""
    return count.places == (municipality,) or ("home", municipality) in count.said


class TablesDisagree(Exception):
    """Two tables tell two numbers for one count."""


class NotLinked(Exception):
    """Nobody has said what the counts of a table are of: they cannot be protected."""


def linked_counts(
    tables: Tables, before: Mapping[Count, int] | None = None, parts: RegionParts | None = None
) -> LinkedCounts:
    """The counts of the rows: table → its rows, as they are before protection.

    before: counts of other tables that were published before. parts: the municipalities' parts of what is shown for the
    region only. Raises TablesDisagree.
    """
    found = LinkedCounts()
    for table, rows in tables.items():
        read = _READERS.get(table)
        for number, (row, places) in enumerate(zip(rows, places_of(rows), strict=True)):
            if read is not None:
                _note(found, table, number, read(row, places), row)
    for count, value in (before or {}).items():
        found.values.setdefault(count, value)
    _bind_horizons(found)
    _bind_grade_6(found)
    _bind_decisions(found)
    _bind_spots(found)
    _bind_classes(found)
    _bind_axes(found)
    return replace(found, sums=_without_negative(found), own=_own_parts(found, parts or {}))


def _note(found: LinkedCounts, table: str, number: int, counts: Mapping[str, Count], row: Row) -> None:
    for column, count in counts.items():
        value = row[column]
        if value is None or not count.places:
            continue
        if found.values.setdefault(count, int(value)) != int(value):
            raise TablesDisagree(f"{table}.{column}: {count} is {value}, and elsewhere {found.values[count]}")
        found.at[table, number, column] = count


def places_of(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """The municipalities of each row; of the region's those in its figure, or all with rows of the same period."""
    names: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if row.get("municipality", "region") != "region":
            names[_period(row)].add(row["municipality"])
    everywhere = {period: tuple(sorted(found)) for period, found in names.items()}
    return [_places(row, everywhere) for row in rows]


def _period(row: Row) -> str:
    return str(row.get("count_day") or row.get("school_year"))


def _places(row: Row, everywhere: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    if row.get("municipality", "region") != "region":
        return (row["municipality"],)
    if "municipalities" in row:
        return tuple(row["municipalities"].split(",")) if row["municipalities"] else ()
    return everywhere.get(_period(row), ())


def month_end(month: date) -> date:
    """The last day of a month."""
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _pupils(day: date, places: tuple[str, ...], band: str) -> Count:
    return Count("pupils", day.isoformat(), places, band)


def _attendance_monthly(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    absent = Count("absent", row["month"].isoformat(), places, row["grade_band"])
    if row["absence_class"] != "all":
        absent = absent.also("class", row["absence_class"])
    return {"pupils": _pupils(month_end(row["month"]), places, row["grade_band"]), "pupils_with_absence": absent}


def _attendance_tiers(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    population = _pupils(row["period_end"], places, row["grade_band"])
    return {"population": population, "pupils": population.also(_tier(row), row["tier"])}


def _tier(row: Row) -> str:
    return f"tier {row['period_type']}"


def _support_levels(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    population = _pupils(row["count_day"], places, row["grade_band"])
    return {"population": population, "pupils": population.also("level", row["support_level"])}


def _attendance_by_support_level(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    return {"pupils": _pupils(month_end(row["month"]), places, row["grade_band"]).also("level", row["support_level"])}


def _tiers_by_support_level(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    population = _pupils(row["period_end"], places, row["grade_band"]).also("level", row["support_level"])
    return {"population": population, "pupils": population.also(_tier(row), row["tier"])}


def _support_timeliness(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    reach = Count("reach", row["month"].isoformat(), places, row["grade_band"])
    return {
        "pupils": reach.also("level", "below_highest"),
        "pupils_at_highest": reach.also("level", "highest"),
        "pupils_unknown": reach.also("level", "unknown"),
        "started": reach.also("started", str(row["horizon"])),
    }


def _home_and_teaching(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    population = _pupils(row["count_day"], places, row["grade_band"])
    return {"population": population, "pupils": population.also("home", row["home_municipality"])}


def _transition_to_grade_7(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    cohort = _pupils(date(row["school_year"], 5, 31), places, "6")
    axis = "level" if row["measure"] == "support_level" else "tier school_year"
    if row["moment"] == "before":
        return {"population": cohort, "pupils": cohort.also(axis, row["category"])}
    after = replace(cohort, kind="cohort", when=str(row["school_year"]))
    return {"population": cohort, "pupils": after.also(axis, row["category"])}


def _inclusion(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    people = _pupils(row["count_day"], places, row["grade_band"])
    decided = people.also("decision", str(row["regime"]))
    unknown = people.also("level", "unknown")
    return {"population": decided, "pupils": decided.also("spot", row["place"]), "pupils_unknown": unknown}


def _group_sizes(row: Row, places: tuple[str, ...]) -> dict[str, Count]:
    population = _pupils(row["count_day"], places, row["grade_band"])
    return {"population": population, "pupils": population.also("group", row["group_size"])}


_READERS = {
    "attendance_monthly": _attendance_monthly,
    "attendance_tiers": _attendance_tiers,
    "attendance_by_support_level": _attendance_by_support_level,
    "tiers_by_support_level": _tiers_by_support_level,
    "support_levels": _support_levels,
    "support_timeliness": _support_timeliness,
    "home_and_teaching": _home_and_teaching,
    "transition_to_grade_7": _transition_to_grade_7,
    "inclusion": _inclusion,
    "group_sizes": _group_sizes,
}


def require_linked(tables: Iterable[str]) -> None:
    """Raises NotLinked for a table whose counts this module does not know."""
    if unknown := sorted(set(tables) - _READERS.keys()):
        raise NotLinked(f"{', '.join(unknown)}: say in pipeline/linked_counts.py and pipeline/audit.py what they count")


def _unseen(found: LinkedCounts, count: Count, value: int) -> Count:
    found.values[count] = value
    found.unseen.add(count)
    return count


def _bind_horizons(found: LinkedCounts) -> None:
    """Who started between two horizons is the difference of two counts, and who started in none that of two more."""
    for pupils in [one for one in found.values if one.said == (("level", "below_highest"),)]:
        bare = pupils.without("level")
        started = [bare.also("started", str(horizon)) for horizon in HORIZONS]
        shown = [one for one in started if one in found.values]
        if not shown:
            continue
        between: list[Count] = []
        before = 0
        for one in shown:
            part = _unseen(found, bare.also("started between", one.said[0][1]), found.values[one] - before)
            between.append(part)
            before = found.values[one]
            found.sums.append(Sum(one, tuple(between)))
        later = _unseen(found, bare.also("started between", "later"), found.values[pupils] - before)
        found.sums.append(Sum(pupils, (*between, later)))


def _bind_grade_6(found: LinkedCounts) -> None:
    """Grade 6 is a part of the band 3-6, and its pupils are the same ones at both moments."""
    cohorts: dict[tuple[str, Count], list[Count]] = defaultdict(list)
    for one in found.values:
        if one.kind == "cohort":
            for axis in ("level", "tier school_year"):
                cohorts[axis, one.without(axis)].append(one)
    for whole in [one for one in found.values if one.kind == "pupils" and one.band == "6"]:
        band = replace(whole, band="3-6")
        if band in found.values:
            others = _unseen(found, replace(whole, band="3-5"), found.values[band] - found.values[whole])
            found.sums.append(Sum(band, (whole, others)))
        if whole.said:
            continue
        after = replace(whole, kind="cohort", when=whole.when[:4])
        for axis in ("level", "tier school_year"):
            parts = tuple(cohorts[axis, after])
            if parts:
                found.sums.append(Sum(whole, parts))


def _bind_decisions(found: LinkedCounts) -> None:
    """A pupil with S2 or S3 has a decision in one of the regimes."""
    regimes: dict[Count, list[Count]] = defaultdict(list)
    for one in found.values:
        if [axis for axis, _ in one.said] == ["decision"]:
            regimes[one.without("decision")].append(one)
    for population, decided in regimes.items():
        levels = [population.also("level", level) for level in ("S2", "S3")]
        if all(one in found.values for one in levels):
            both = _unseen(found, population.also("decision", "any"), sum(found.values[one] for one in decided))
            found.sums.extend((Sum(both, tuple(decided)), Sum(both, tuple(levels))))


def _bind_spots(found: LinkedCounts) -> None:
    """Who is taught in a special class, or wholly in a special group, has S3; others have it too."""
    taught: dict[Count, list[Count]] = defaultdict(list)
    for one in found.values:
        if dict(one.said).get("spot") in SPOTS_OF_S3:
            taught[one.without("decision").without("spot").also("level", "S3")].append(one)
    for highest, spots in taught.items():
        if highest in found.values:
            others = found.values[highest] - sum(found.values[one] for one in spots)
            found.sums.append(Sum(highest, (*spots, _unseen(found, highest.also("spot", "elsewhere"), others))))


def _bind_classes(found: LinkedCounts) -> None:
    """Who was absent for one class is among all who were absent, and all of them were for some class."""
    classes: dict[Count, list[Count]] = defaultdict(list)
    for one in found.values:
        if one.kind == "absent" and one.said:
            classes[one.without("class")].append(one)
    for everybody, parts in classes.items():
        if everybody not in found.values:
            continue
        for part in parts:
            rest = part.also("and not", "this")
            found.sums.append(
                Sum(everybody, (part, _unseen(found, rest, found.values[everybody] - found.values[part])))
            )
    for everybody, every_class in _every_class(classes).items():
        if everybody not in found.values:
            continue
        times = sum(found.values[part] for part in every_class)
        marks = _unseen(found, everybody.also("class", "sum of all"), times)
        again = _unseen(found, everybody.also("class", "in several"), times - found.values[everybody])
        found.sums.extend((Sum(marks, every_class), Sum(marks, (everybody, again))))


def _every_class(classes: Mapping[Count, Sequence[Count]]) -> dict[Count, tuple[Count, ...]]:
    """Everybody who was absent → the counts of all classes. Who does not collect a class has nobody in it, so the count
    of those who do is that of all. Left out: where a class is not known of all who collect it."""
    alike: dict[Count, dict[str, dict[tuple[str, ...], Count]]] = defaultdict(lambda: defaultdict(dict))
    for everybody, parts in classes.items():
        for part in parts:
            alike[replace(everybody, places=())][dict(part.said)["class"]][everybody.places] = part
    found = {}
    for everybody in classes:
        members = [widest(everybody.places, by_places) for by_places in alike[replace(everybody, places=())].values()]
        if None not in members:
            found[everybody] = tuple(part for parts in members if parts is not None for part in parts)
    return found


def widest(places: tuple[str, ...], by_places: Mapping[tuple[str, ...], Name]) -> tuple[Name, ...] | None:
    """The count of a class of those of the places who collect it: none, or one; None when it is not there."""
    collecting = {name for one in by_places for name in one if len(one) == 1} & set(places)
    if not collecting:
        return ()
    found = [part for one, part in by_places.items() if collecting <= set(one) <= set(places)]
    return (found[0],) if found else None


def _bind_axes(found: LinkedCounts) -> None:
    """Bands make `all`, municipalities the region, and the categories of an axis what they are categories of."""
    shown = [one for one in found.values if one not in found.unseen]
    parts: dict[tuple[str, Count], list[Count]] = defaultdict(list)
    for one in shown:
        if one.band in BANDS:
            parts["band", replace(one, band="all")].append(one)
        for axis, _ in one.said if one.kind == "pupils" else ():
            if axis != "decision":
                parts[axis, one.without(axis)].append(one)
    for (axis, total), members in parts.items():
        if total in found.values and (axis != "band" or len(members) == len(BANDS)):
            found.sums.append(Sum(total, tuple(members)))
    for total in shown:
        members = [replace(total, places=(name,)) for name in total.places]
        if len(members) > 1 and all(member in found.values for member in members):
            found.sums.append(Sum(total, tuple(members)))


def _own_parts(found: LinkedCounts, parts: RegionParts) -> dict[str, dict[Count, int]]:
    """Each municipality's part of the counts of which only the region's is shown: by level and tier, and by level."""
    by_tier: dict[tuple[str, Count], int] = {}
    by_level: dict[tuple[str, Count], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (name, period_type, last_day, band, level, tier), pupils in parts.items():
        people = _pupils(last_day, (), band).also("level", level)
        by_tier[name, people.also(f"tier {period_type}", tier)] = pupils
        # Whatever the period, its last day says who is counted.
        by_level[name, people][period_type] += pupils
    own = by_tier | {key: max(by_period.values()) for key, by_period in by_level.items()}
    parts_of: dict[str, dict[Count, int]] = defaultdict(dict)
    for total, value in found.values.items():
        people = replace(total, places=())
        for name in total.places if len(total.places) > 1 else ():
            if (name, people) in own:
                # Of what was published before, the part may since have grown.
                parts_of[name][total] = min(own[name, people], value)
    return dict(parts_of)


def _without_negative(found: LinkedCounts) -> list[Sum]:
    """The sums but those of which a part would be less than nought: of counts that were published at different times
    a sum may no longer hold, and nobody can rely on it."""
    return [one for one in found.sums if all(found.values[part] >= 0 for part in one.parts)]
