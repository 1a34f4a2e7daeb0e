"""Histories of releases: nothing that was ever shown tells a withheld count, and the audit sees whatever would.

Both are held against `worlds`, which counts by hand what readers could still believe.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import audit as auditing
from pipeline import withholding
from pipeline.audit import Cell, Seen, audit, cells
from pipeline.disclosure import Protection, Published, protect
from pipeline.linked_counts import Count, linked_counts, month_end
from pipeline.publication import ATTEMPTS
from pipeline.withholding import SPAN, CannotProtect
from tests.pipeline.worlds import Name, Sums, Told, Worlds, worked_out

Row = dict[str, Any]
PLACES = ("iisalmi", "kuopio", "varkaus")
BANDS = ("1-2", "3-6", "7-9")
LEVELS = ("S0", "S2", "S3")
# Regime → a place that only pupils with S3 have, and another.
SPOTS = {"2011": ("placement_1", "placement_2"), "2025": ("special_class", "small_group")}
OCTOBER = date(2025, 10, 31)
SHARES = Protection(counts={"pupils": (), "population": ("pupils",)}, denominators={})
PROTECTIONS = {
    "support_levels": SHARES,
    "attendance_tiers": SHARES,
    "home_and_teaching": SHARES,
    "inclusion": SHARES,
    "transition_to_grade_7": SHARES,
    "attendance_monthly": Protection(
        counts={"pupils": ("pupils_with_absence",), "pupils_with_absence": ()}, denominators={}
    ),
    "support_timeliness": Protection(
        counts={"pupils": ("started",), "pupils_at_highest": (), "pupils_unknown": (), "started": ()}, denominators={}
    ),
}


@dataclass
class Edition:
    """The candidate of one release: table → rows, which rows correct what was shown, what each cell counts, and
    the counts that no table has but that bind those that do."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    corrected: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    names: dict[tuple[str, int, str], Name] = field(default_factory=dict)
    unseen: dict[Name, int] = field(default_factory=dict)

    def add(self, table: str, row: Row, counts: Mapping[str, Name], *, corrects: bool = False) -> None:
        number = len(self.tables[table])
        self.tables[table].append(row)
        self.names |= {(table, number, column): name for column, name in counts.items()}
        if corrects:
            self.corrected[table].add(number)

    def uncorrected(self) -> "Edition":
        """The same without what corrects: these rows stay as they were shown."""
        found = Edition()
        for table, rows in self.tables.items():
            for number, row in enumerate(rows):
                if number not in self.corrected[table]:
                    names = {
                        column: name for (one, of, column), name in self.names.items() if (one, of) == (table, number)
                    }
                    found.add(table, row, names)
        # What no table has is as old as what it binds.
        days = {dict(name)["day"] for name in found.names.values()}
        found.unseen = {name: value for name, value in self.unseen.items() if dict(name)["day"] in days}
        return found


@dataclass
class Story:
    """Releases one after another, and what everybody knows of their counts."""

    editions: list[Edition]
    places: tuple[str, ...]
    sums: Sums


def named(**said: str) -> Name:
    return tuple(sorted(said.items()))


def region(places: Sequence[str]) -> str:
    return ",".join(places)


def who(places: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(municipality of a row, whose pupils it counts)."""
    yield from ((place, place) for place in places)
    yield "region", region(places)


def add_up(values: Mapping[Name, int], *axes: Mapping[str, Sequence[str]]) -> tuple[dict[Name, int], list[Any]]:
    """The counts with their margins, and the sums: along each axis (its name → its categories) the categories make the
    count without it; along `who` and `band` they make that of all."""
    found, sums = dict(values), list[Any]()
    for along in axes:
        ((axis, categories),) = along.items()
        whole_of = {"who": region(categories), "band": "all"}.get(axis)
        families: dict[Name, list[Name]] = defaultdict(list)
        for name in [*found]:
            if dict(name).get(axis) in categories:
                rest = {key: value for key, value in name if key != axis}
                families[named(**rest, **({axis: whole_of} if whole_of else {}))].append(name)
        for total, parts in families.items():
            found[total] = sum(found[part] for part in parts)
            sums.append((total, tuple(parts)))
    return found, sums


# -- The kinds of histories: each draws the true counts of its releases.


def levels(data: st.DataObject) -> Story:
    """Levels and what they are linked with, of a month that is shown, corrected, and followed by another."""
    places = PLACES[: data.draw(st.integers(2, 3), "municipalities")]
    bands = data.draw(st.sampled_from([("all",), BANDS]), "bands") if len(places) == 2 else ("all",)
    linked = ("attendance_tiers", "home_and_teaching", "inclusion") if len(bands) == 1 and len(places) == 2 else ("",)
    other = data.draw(st.sampled_from(linked), "linked table")
    axes = {"attendance_tiers": ("month", ("A0", "A3")), "home_and_teaching": ("home", (*places[:2], "other"))}
    editions, sums, within = [Edition(), Edition()], list[Any](), list[Any]()
    for day, shown_in in ((OCTOBER, (0, 1)), (OCTOBER + timedelta(days=30), (1,))):
        base = [
            named(of="pupils", day=str(day), who=p, band=b, level=one) for p, b, one in product(places, bands, LEVELS)
        ]
        before = dict(zip(base, data.draw(counts(len(base), 22), f"levels of {day}"), strict=True))
        for number in shown_in:
            values, found = before, list[Any]()
            if number > shown_in[0]:
                moved = data.draw(st.lists(st.integers(-6, 6), min_size=len(base), max_size=len(base)), "corrections")
                values = {name: max(0, value + by) for (name, value), by in zip(before.items(), moved, strict=True)}
            margins: list[Mapping[str, Sequence[str]]] = [{"level": LEVELS}]
            margins += [{"band": BANDS}] if bands == BANDS else []
            every, found = add_up(values, *margins, {"who": places})
            if other in axes:
                axis, categories = axes[other]
                parts = _split(data, every, day, places, bands, axis, categories)
                split, more = add_up(parts, {axis: categories}, *margins[1:], {"who": places})
                every |= split
                found += more
            if other == "inclusion":
                every, found = _decided(data, every, found, day, places, bands)
            sums += found
            unseen = {("regime", "any"), ("spot", "elsewhere")}
            editions[number].unseen |= {name: value for name, value in every.items() if unseen & {*name}}
            _write_levels(editions[number], every, day, places, bands, other, corrects=number > shown_in[0])
    return Story(editions, places, Sums(list(dict.fromkeys(sums)), within))


def counts(length: int, most: int) -> st.SearchStrategy[list[int]]:
    """Counts as tables hold them: many noughts and small ones, a few large."""
    one = st.one_of(st.integers(0, 6), st.integers(0, most))
    return st.lists(one, min_size=length, max_size=length)


def _split(
    data: st.DataObject,
    every: Mapping[Name, int],
    day: date,
    places: Sequence[str],
    bands: Sequence[str],
    axis: str,
    categories: Sequence[str],
) -> dict[Name, int]:
    """Each population in categories of another axis."""
    found = {}
    for place, band in product(places, bands):
        name = {"of": "pupils", "day": str(day), "who": place, "band": band}
        rest = every[named(**name)]
        for category in categories[1:]:
            some = min(rest, data.draw(st.integers(0, 9), category))
            found[named(**name, **{axis: category})] = some
            rest -= some
        found[named(**name, **{axis: categories[0]})] = rest
    return found


def _decided(
    data: st.DataObject,
    every: dict[Name, int],
    sums: list[Any],
    day: date,
    places: Sequence[str],
    bands: Sequence[str],
) -> tuple[dict[Name, int], list[Any]]:
    """Who has S2 or S3 has a decision of a regime, and is taught in one of its two places, one of which says S3."""
    atoms = {}
    for place, band in product(places, bands):
        name = {"of": "pupils", "day": str(day), "who": place, "band": band}
        rest = sum(every[named(**name, level=level)] for level in ("S2", "S3"))
        highest = every[named(**name, level="S3")]
        of_2011 = min(rest, data.draw(st.integers(0, 8), "of 2011"))
        for regime, some in (("2011", of_2011), ("2025", rest - of_2011)):
            first = min(some, highest, data.draw(st.one_of(st.integers(0, 6), st.just(highest)), "spot"))
            highest -= first
            for spot, value in zip(SPOTS[regime], (first, some - first), strict=True):
                atoms[named(**name, regime=regime, spot=spot)] = value
    margins = [{"band": BANDS}] if "all" not in bands else []
    found, more = add_up(atoms, {"spot": [*SPOTS["2011"], *SPOTS["2025"]]}, *margins, {"who": tuple(places)})
    joined = []
    for name, value in found.items():
        said = dict(name)
        if said["regime"] == "2011" and "spot" not in said:
            people = {key: one for key, one in said.items() if key != "regime"}
            decided = named(**people, regime="any")
            # No table shows it, but it is the same by regime as by level.
            joined.append((decided, (name, named(**people, regime="2025"))))
            joined.append((decided, tuple(named(**people, level=level) for level in ("S2", "S3"))))
            every[decided] = value + found[named(**people, regime="2025")]
            level, elsewhere = named(**people, level="S3"), named(**people, level="S3", spot="elsewhere")
            of_s3 = tuple(named(**people, regime=regime, spot=spots[0]) for regime, spots in SPOTS.items())
            joined.append((level, (*of_s3, elsewhere)))
            every[elsewhere] = every[level] - sum(found[one] for one in of_s3)
    return every | found, [*sums, *more, *joined]


def _write_levels(
    edition: Edition,
    values: Mapping[Name, int],
    day: date,
    places: Sequence[str],
    bands: Sequence[str],
    other: str,
    *,
    corrects: bool,
) -> None:
    shown_bands = (*bands, "all") if len(bands) > 1 else bands
    tables = {
        "support_levels": ("support_level", "level", LEVELS),
        "attendance_tiers": ("tier", "month", ("A0", "A3")),
        "home_and_teaching": ("home_municipality", "home", (*places[:2], "other")),
    }
    for (place, whose), band in product(who(places), shown_bands):
        people = {"of": "pupils", "day": str(day), "who": whose, "band": band}
        key: Row = {"count_day": day, "municipality": place, "grade_band": band, "municipalities": whose}
        key |= {"period_type": "month", "period_end": day}
        for table in ("support_levels", other) if other in tables else ("support_levels",):
            column, axis, categories = tables[table]
            for category in categories:
                names = {"pupils": named(**people, **{axis: category}), "population": named(**people)}
                row = key | {column: category} | {one: values[name] for one, name in names.items()}
                edition.add(table, row, names, corrects=corrects)
        for regime, spot in ((one, spot) for one, spots in SPOTS.items() for spot in spots if other == "inclusion"):
            names = {"pupils": named(**people, regime=regime, spot=spot), "population": named(**people, regime=regime)}
            row = key | {"regime": regime, "place": spot} | {one: values[name] for one, name in names.items()}
            # Everybody's level is known.
            row |= {"pupils_unknown": None}
            edition.add("inclusion", row, names, corrects=corrects)


def starts(data: st.DataObject) -> Story:
    """Horizons of a month of reach, shown a month after another, each corrected when the next one comes."""
    places = PLACES[:2]
    editions = [Edition(), Edition(), Edition()]
    base = {"of": "reach", "day": "2025-10-01", "band": "all"}
    sums, within = list[Any](), list[Any]()
    drawn = {place: data.draw(counts(6, 16), place) for place in places}
    for number in range(3):
        if number:
            for place in places:
                moved = data.draw(st.lists(st.integers(-6, 6), min_size=6, max_size=6), f"corrections of {place}")
                drawn[place] = [max(0, value + by) for value, by in zip(drawn[place], moved, strict=True)]
        # Those who started in 30, 60, 90 days, those who did not, those at the highest level, those unknown.
        atoms = {}
        for place, (first, second, third, later, highest, unknown) in drawn.items():
            name = {**base, "who": place}
            for horizon, value in (("030", first), ("060", first + second), ("090", first + second + third)):
                atoms[named(**name, reached="lower", started=horizon)] = value
            atoms[named(**name, reached="lower")] = first + second + third + later
            atoms[named(**name, reached="highest")] = highest
            atoms[named(**name, reached="unknown")] = unknown
        values, found = add_up(atoms, {"who": places})
        sums += found
        for horizon in (30, 60, 90)[max(0, number - 1) : number + 1]:
            for place, whose in who(places):
                people = {**base, "who": whose}
                names = {
                    "pupils": named(**people, reached="lower"),
                    "pupils_at_highest": named(**people, reached="highest"),
                    "pupils_unknown": named(**people, reached="unknown"),
                    "started": named(**people, reached="lower", started=f"{horizon:03}"),
                }
                row: Row = {"month": date(2025, 10, 1), "municipality": place, "grade_band": "all", "horizon": horizon}
                row |= {"municipalities": whose} | {column: values[name] for column, name in names.items()}
                edition = editions[number]
                edition.add("support_timeliness", row, names, corrects=horizon == 30 * number)
    for _, whose in who(places):
        lower = {**base, "who": whose, "reached": "lower"}
        chain = [named(**lower, started=horizon) for horizon in ("030", "060", "090")] + [named(**lower)]
        within += [(one, other) for number, one in enumerate(chain) for other in chain[number + 1 :]]
    return Story(editions, places, Sums(list(dict.fromkeys(sums)), within))


def classes(data: st.DataObject) -> Story:
    """Absences by class, shown and corrected. Who was absent for a class was absent, and for some class."""
    places = PLACES[:2]
    editions = [Edition(), Edition()]
    month, day = date(2025, 10, 1), str(OCTOBER)
    sums, within = list[Any](), list[Any]()
    drawn = {place: data.draw(counts(4, 14), place) for place in places}
    for number, edition in enumerate(editions):
        if number:
            for place in places:
                moved = data.draw(st.lists(st.integers(-6, 6), min_size=4, max_size=4), f"corrections of {place}")
                drawn[place] = [max(0, value + by) for value, by in zip(drawn[place], moved, strict=True)]
        atoms = {}
        for place, (one, both, other, present) in drawn.items():
            people = {"day": day, "who": place, "band": "all"}
            atoms[named(**people, of="pupils")] = one + both + other + present
            atoms[named(**people, of="absent")] = one + both + other
            atoms[named(**people, of="absent", **{"for": "leave"})] = one + both
            atoms[named(**people, of="absent", **{"for": "health"})] = other + both
            again, marks = named(**people, of="absent", twice="yes"), named(**people, of="absent", marks="all")
            atoms |= {again: both, marks: one + both + both + other}
        values, found = add_up(atoms, {"who": places})
        sums += found
        edition.unseen |= {name: value for name, value in values.items() if {"twice", "marks"} & dict(name).keys()}
        for place, whose in who(places):
            people = {"day": day, "who": whose, "band": "all"}
            absent = named(**people, of="absent")
            by_class = [named(**people, of="absent", **{"for": one}) for one in ("leave", "health")]
            marks, again = named(**people, of="absent", marks="all"), named(**people, of="absent", twice="yes")
            sums += [(marks, tuple(by_class)), (marks, (absent, again))]
            within += [(one, absent) for one in by_class]
            for name, category in ((absent, "all"), (by_class[0], "leave"), (by_class[1], "health")):
                names = {"pupils": named(**people, of="pupils"), "pupils_with_absence": name}
                row: Row = {"month": month, "municipality": place, "grade_band": "all", "absence_class": category}
                row |= {"municipalities": whose, "absent_lessons": None}
                row |= {column: values[one] for column, one in names.items()}
                edition.add("attendance_monthly", row, names, corrects=number > 0)
    return Story(editions, places, Sums(list(dict.fromkeys(sums)), list(dict.fromkeys(within))))


def sixth_grade(data: st.DataObject) -> Story:
    """Levels of 31 May by band; months later those of the sixth grade, counted anew, and where they went."""
    places = PLACES[:2]
    day = date(2025, 5, 31)
    editions = [Edition(), Edition()]
    sums, within = list[Any](), list[Any]()
    base = [named(of="pupils", day=str(day), who=p, band=b, level=one) for p, b, one in product(places, BANDS, LEVELS)]
    before = dict(zip(base, data.draw(counts(len(base), 22), "levels"), strict=True))
    every, found = add_up(before, {"level": LEVELS}, {"band": BANDS}, {"who": places})
    sums += found
    _write_levels(editions[0], every, day, places, BANDS, "", corrects=False)
    sixth = {}
    for name in base:
        if ("band", "3-6") in name:
            # As many as there were, or, as it is counted now, a few more.
            sixth[named(**dict(name) | {"band": "6"})] = data.draw(st.integers(0, before[name] + 1), "sixth grade")
    after = {}
    for place in places:
        people = {"of": "pupils", "day": str(day), "who": place, "band": "6"}
        rest = sum(sixth[named(**people, level=level)] for level in LEVELS)
        for level in LEVELS[1:]:
            after[named(**people, then="after", level=level)] = some = min(rest, data.draw(st.integers(0, 6), level))
            rest -= some
        after[named(**people, then="after", level="S0")] = rest
    values, found = add_up(sixth, {"level": LEVELS}, {"who": places})
    later, more = add_up(after, {"who": places})
    sums += [*found, *more]
    for place, whose in who(places):
        people = {"of": "pupils", "day": str(day), "who": whose, "band": "6"}
        sums.append((named(**people), tuple(named(**people, then="after", level=level) for level in LEVELS)))
        bands = [(named(**people), named(**people | {"band": "3-6"}))]
        within += bands + [
            (named(**dict(one), level=x), named(**dict(two), level=x)) for x in LEVELS for one, two in bands
        ]
        for moment, level in product(("before", "after"), LEVELS):
            moved = {"then": "after"} if moment == "after" else {}
            names = {"population": named(**people), "pupils": named(**people, **moved, level=level)}
            row: Row = {"school_year": 2025, "municipality": place, "moment": moment, "measure": "support_level"}
            row |= {"category": level} | {column: (values | later)[name] for column, name in names.items()}
            editions[1].add("transition_to_grade_7", row, names)
    return Story(editions, places, Sums(list(dict.fromkeys(sums)), within))


KINDS = (levels, starts, classes, sixth_grade)


def tiers_by_band(data: st.DataObject) -> tuple[Story, dict[tuple[str, str, date, str, str, str], int]]:
    """Tiers of those with S3, by band for the region only; and each municipality's parts of these."""
    places = PLACES[: data.draw(st.integers(2, 3), "municipalities")]
    tiers = ("A0", "A1", "A3")
    edition, parts = Edition(), {}
    base = [
        named(of="pupils", day=str(OCTOBER), who=place, band=band, level="S3", month=tier)
        for place, band, tier in product(places, BANDS, tiers)
    ]
    values, sums = add_up(
        dict(zip(base, data.draw(counts(len(base), 14), "tiers"), strict=True)),
        {"month": tiers},
        {"band": BANDS},
        {"who": places},
    )
    for (place, whose), band in product(who(places), (*BANDS, "all")):
        population = named(of="pupils", day=str(OCTOBER), who=whose, band=band, level="S3")
        for tier in tiers:
            name = named(**dict(population), month=tier)
            if place != "region" and band != "all":
                edition.unseen |= {one: values[one] for one in (population, name)}
                parts[place, "month", OCTOBER, band, "S3", tier] = values[name]
                continue
            row: Row = {"period_type": "month", "period_end": OCTOBER, "municipality": place, "grade_band": band}
            row |= {"support_level": "S3", "tier": tier, "pupils": values[name], "population": values[population]}
            row |= {"share": None, "municipalities": whose}
            edition.add("tiers_by_support_level", row, {"pupils": name, "population": population})
    return Story([edition], places, Sums(sums)), parts


# -- What is done with a history.


@dataclass
class Shown:
    """What was published so far, as the protection, the audit and the readers remember it."""

    counts: dict[Count, Published] = field(default_factory=dict)
    cells: dict[Cell, Seen] = field(default_factory=dict)
    told: dict[Name, Told] = field(default_factory=dict)


def publish(edition: Edition, places: Sequence[str], shown: Shown) -> bool:
    """Protects and audits a release like `pipeline.publication`, and remembers it; False where nothing is released."""
    return _released(edition, places, shown) or _released(edition.uncorrected(), places, shown)


def _released(edition: Edition, places: Sequence[str], shown: Shown) -> bool:
    days = {count.when for count in linked_counts(edition.tables).values}
    days |= {str(month_end(date.fromisoformat(day))) for day in days if len(day) == 10}
    before = {count: one for count, one in shown.counts.items() if count.when in days}
    seen = {cell: one for cell, one in shown.cells.items() if dict(cell)["day"] in days}
    protections = {table: PROTECTIONS[table] for table in edition.tables}
    corrected = {table: frozenset(numbers) for table, numbers in edition.corrected.items()}
    for attempt in range(ATTEMPTS):
        try:
            found = protect(edition.tables, protections, places, before, span=SPAN + 2 * attempt, corrected=corrected)
        except CannotProtect:
            return False
        if not audit(found.rows, edition.tables, places, seen):
            shown.counts |= {count: Published(one.value, one.shown) for count, one in found.counts.items()}
            shown.cells |= cells(found.rows, edition.tables)
            shown.told |= {name: Told(value, None, unseen=True) for name, value in edition.unseen.items()}
            shown.told |= read(edition, found.rows)
            return True
    return False


def read(edition: Edition, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[Name, Told]:
    """What readers see of each count; of one that stands in several rows, a correction waits only if all say so."""
    found: dict[Name, Told] = {}
    for (table, number, column), name in edition.names.items():
        row = rows[table][number]
        pending = bool(row.get("correction_pending")) and row[column] is not None
        pending = pending and (name not in found or found[name].pending)
        found[name] = Told(edition.tables[table][number][column], row[column], pending)
    return found


def everything(data: st.DataObject) -> Story:
    """A history of one of the kinds."""
    return data.draw(st.sampled_from(KINDS), "kind")(data)


def hold_to_worlds(data: st.DataObject) -> int:
    """Publishes a history; says how many releases of it were."""
    story = everything(data)
    shown, published = Shown(), 0
    for edition in story.editions:
        if not publish(edition, story.places, shown):
            break
        published += 1
        assert [*worked_out(shown.told, story.sums, story.places)] == []
    return published


def hold_to_audit(data: st.DataObject) -> int:
    """Withholds too little of a first release; says how many counts could be worked out of it."""
    story = everything(data)
    edition = story.editions[0]
    truths = {name: edition.tables[table][number][column] for (table, number, column), name in edition.names.items()}
    others = sorted(name for name, value in truths.items() if value > 4)
    also = set(data.draw(st.lists(st.sampled_from(others), max_size=4), "also withheld")) if others else set()
    hidden = {name for name, value in truths.items() if 1 <= value <= 4} | also
    rows = {table: [dict(row) for row in truth] for table, truth in edition.tables.items()}
    for (table, number, column), name in edition.names.items():
        if name in hidden:
            rows[table][number][column] = None
    told = read(edition, rows) | {name: Told(value, None, unseen=True) for name, value in edition.unseen.items()}
    expected = {(who, text(name)) for who, name, _ in worked_out(told, story.sums, story.places)}
    found = {(one.attacker, one.cell) for one in audit(rows, edition.tables, story.places)}
    assert expected <= found, expected - found
    return len(expected)


def hold_to_parts(data: st.DataObject) -> int:
    """Publishes what is shown for the region only; says in how many counts a municipality could count few others."""
    story, parts = tiers_by_band(data)
    edition, found = story.editions[0], 0
    for attempt in range(ATTEMPTS):
        protections = {"tiers_by_support_level": SHARES}
        rows = protect(edition.tables, protections, story.places, span=SPAN + 2 * attempt, parts=parts).rows
        if not audit(rows, edition.tables, story.places, parts=parts):
            break
    else:
        return 0
    told = read(edition, rows) | {name: Told(value, None, unseen=True) for name, value in edition.unseen.items()}
    for place in story.places:
        worlds = Worlds(told, story.sums, {name for name in told if ("who", place) in name})
        for name, one in told.items():
            mine = edition.unseen.get(tuple(sorted((dict(name) | {"who": place}).items())))
            if "," in dict(name)["who"] and mine is not None and 1 <= one.truth - mine <= 4:
                found += 1
                assert worlds.span(name) >= SPAN, (place, name)
    return found


def text(name: Name) -> str:
    """A count as the audit's findings write it."""
    return " ".join(f"{axis}={category}" for axis, category in name)


@contextmanager
def as_for_many() -> Iterator[None]:
    """Protects and audits the way a hundred municipalities are: by what is near a count."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(withholding, "_LARGE", 0)
        patch.setattr(auditing, "_MANY", 0)
        yield


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.data())
def test_no_history_of_releases_tells_a_withheld_count(data: st.DataObject) -> None:
    hold_to_worlds(data)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.data())
def test_no_history_of_many_municipalities_tells_a_withheld_count(data: st.DataObject) -> None:
    with as_for_many():
        hold_to_worlds(data)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_the_audit_finds_whatever_can_be_counted_out_of_a_careless_release(data: st.DataObject) -> None:
    hold_to_audit(data)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_the_audit_of_many_municipalities_finds_it_too(data: st.DataObject) -> None:
    with as_for_many():
        hold_to_audit(data)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.data())
def test_what_is_shown_for_the_region_only_tells_no_municipality_of_few_others(data: st.DataObject) -> None:
    hold_to_parts(data)
