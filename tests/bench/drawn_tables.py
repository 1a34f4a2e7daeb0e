"""A region's shared tables by a seeded draw of pupils: all rows and margins of docs/marts.md, without a warehouse.

What is drawn is plausible, not modelled: shares of levels, tiers and absences near those of the synthetic region. Since
every table counts the same drawn pupils, whatever should add up does, within a table and across them.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import product
from typing import Any

import numpy as np
import yaml

from pipeline.disclosure import Largest, Protection, protection_of
from pipeline.linked_counts import HORIZONS, RegionParts, month_end
from pipeline.settings import PROJECT_ROOT

BANDS = ("1-2", "3-6", "7-9", "all")
LEVELS = ("S0", "S1", "S2", "S3", "unknown")
TIERS = ("A0", "A1", "A2", "A3", "none")
CLASSES = ("unauthorised", "unclarified", "other_accepted", "leave", "health")
GROUPS = ("1-9", "10-19", "20-25", "26+", "unknown")
PLACES = {
    "2011": (*(f"placement_{number}" for number in range(1, 6)), "placement_missing"),
    "2025": ("special_class", "small_group", "part_small_group", "no_place_measure"),
}
BREAK, END_OF_2011 = date(2025, 8, 1), date(2026, 7, 31)
_SCHEDULED, _COVERED = 110, 107

Row = dict[str, Any]


@dataclass(frozen=True)
class Drawn:
    """Tables before protection, what one pupil holds of the lesson sums, the municipalities' parts of what is shown for
    the region only, and the municipalities."""

    tables: Mapping[str, Sequence[Row]]
    largest: Largest
    parts: RegionParts
    municipalities: tuple[str, ...]

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(map(len, self.tables.values()))


def sizes(municipalities: int, pupils: int) -> tuple[int, ...]:
    """As uneven as real municipalities are: pupils of each, the largest first."""
    weight = np.sort(np.exp(np.random.default_rng(20260529).normal(0, 1.2, municipalities)))[::-1]
    return tuple(int(one) for one in np.maximum(30, np.round(weight / weight.sum() * pupils)))


def months(last: date, count: int) -> tuple[date, ...]:
    """The `count` months up to `last`, each by its first day."""
    found = [last]
    while len(found) < count:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return tuple(reversed(found))


def protections() -> dict[str, Protection]:
    """What is protected of each mart, as its model says."""
    found = {}
    for file in sorted((PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*.yml")):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", ()):
            protection = protection_of(model.get("config", {}).get("meta", {}))
            if protection.columns:
                found[model["name"]] = protection
    return found


def draw(pupils: Sequence[int], when: Sequence[date], seed: int = 1) -> Drawn:
    """The tables of the months for municipalities with so many pupils each."""
    return _Region(pupils, seed).drawn(when)


class _Region:
    def __init__(self, pupils: Sequence[int], seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.names = tuple(f"kunta_{place:03}" for place in range(len(pupils)))
        self.place = np.repeat(np.arange(len(pupils)), pupils)
        self.grade = self.random.integers(1, 10, len(self.place))
        self.band = np.digitize(self.grade, (3, 7))
        # Who lives elsewhere: in the region's next municipality or the one after, outside, nobody knows where.
        away = self._pick((0.965, 0.02, 0.005, 0.008, 0.002))
        near = (self.place + away) % len(pupils)
        self.home = np.where(away < 3, near, len(pupils) + away - 3)
        self.level = {
            "2011": self._pick((0.78, 0.12, 0.05, 0.045, 0.005)),
            "2025": self._pick((0.88, 0, 0.065, 0.05, 0.005)),
        }
        self.by_2011 = self.random.random(len(self.place)) < 0.3
        self.group = self._pick((0.06, 0.32, 0.55, 0.06, 0.01))
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self.largest: dict[tuple[date, str, str, str], float] = {}
        self.parts: dict[tuple[str, str, date, str, str, str], int] = {}

    def _pick(self, shares: Sequence[float]) -> np.ndarray:
        return self.random.choice(len(shares), len(self.place), p=np.array(shares) / sum(shares))

    def drawn(self, when: Sequence[date]) -> Drawn:
        for month in when:
            self._month(month)
        return Drawn(dict(self.tables), self.largest, self.parts, self.names)

    def _month(self, month: date) -> None:
        end = month_end(month)
        level = self.level["2011" if end < BREAK else "2025"]
        self._attendance(month, level)
        weeks = end - timedelta(days=(end.weekday() + 1) % 7)
        periods = [("month", end), ("last_12_weeks", weeks)] + [("school_year", end)] * (month.month in (5, 12))
        for period, last in periods:
            tier = self._pick((0.55, 0.28, 0.12, 0.04, 0.01))
            self._tiers(period, last, level, tier)
            if period == "school_year" and month.month == 12:
                self._transition(month.year, level, tier)
        count_days = {9: [month.replace(day=20)], 1: [month.replace(day=20)]}.get(month.month, [])
        for day in (*count_days, end):
            self._count_day(day, level)
        self._timeliness(month, level)

    def _cells(self, category: np.ndarray, count: int, chosen: np.ndarray | None = None) -> np.ndarray:
        """Pupils by municipality (the region last), band (all last) and category."""
        found = np.zeros((len(self.names) + 1, 4, count), dtype=int)
        some = slice(None) if chosen is None else chosen
        np.add.at(found, (self.place[some], self.band[some], category[some]), 1)
        found[:, 3] = found.sum(axis=1)
        found[-1] = found.sum(axis=0)
        return found

    def _everywhere(self, bands: Sequence[int] = range(4)) -> Iterator[tuple[int, int, Row]]:
        for place, name in enumerate((*self.names, "region")):
            for band in bands:
                yield place, band, {"municipality": name, "grade_band": BANDS[band]}

    def _in_figure(self, place: int) -> Row:
        return {"municipalities": ",".join(self.names) if place == len(self.names) else self.names[place]}

    def _shares(self, table: str, key: Row, column: str, names: Sequence[str], cells: np.ndarray, **more: Any) -> None:
        """Rows of a table that divides a population into categories."""
        for place, band, row in self._everywhere():
            pupils = cells[place, band]
            named = self._in_figure(place) if table == "attendance_tiers" else {}
            for name, value in zip(names, pupils, strict=True):
                shown = {"pupils": int(value), "population": int(pupils.sum()), "share": _share(value, pupils.sum())}
                self.tables[table].append({**key, **row, column: name, **shown, **named, **more})

    def _attendance(self, month: date, level: np.ndarray) -> None:
        rates = self.random.gamma(0.5, 2, len(self.place))
        lessons = np.array([self.random.poisson(rates * share) for share in (0.3, 0.2, 0.4, 0.8, 3.0)])
        population = self._cells(np.zeros(len(self.place), dtype=int), 1)[:, :, 0]
        for name, of_class in zip(("all", *CLASSES), (lessons.sum(axis=0), *lessons), strict=True):
            absent = self._cells((of_class > 0).astype(int), 2)[:, :, 1]
            sums, largest = self._sums(of_class), self._largest(of_class)
            for place, band, row in self._everywhere():
                figures = _lessons(int(population[place, band]), int(sums[place, band]))
                counts = {"pupils": int(population[place, band]), "pupils_with_absence": int(absent[place, band])}
                key = {"month": month, **row, "absence_class": name}
                self.tables["attendance_monthly"].append({**key, **counts, **figures, **self._in_figure(place)})
                if name != "all":
                    self.largest[month, row["municipality"], row["grade_band"], name] = float(largest[place, band])
        pupils = self._cells(level, len(LEVELS))
        for number, name in enumerate(LEVELS):
            sums = self._sums(np.where(level == number, lessons.sum(axis=0), 0))
            for place, band, row in self._everywhere():
                key = {"month": month, **row, "support_level": name}
                figures = {"pupils": int(pupils[place, band, number])}
                figures |= _lessons(figures["pupils"], int(sums[place, band]))
                if self._is_out(name, month_end(month)):
                    figures = dict.fromkeys(figures)
                self.tables["attendance_by_support_level"].append({**key, **figures, **self._in_figure(place)})

    def _sums(self, lessons: np.ndarray) -> np.ndarray:
        found = np.zeros((len(self.names) + 1, 4))
        np.add.at(found, (self.place, self.band), lessons)
        found[:, 3] = found.sum(axis=1)
        found[-1] = found.sum(axis=0)
        return found

    def _largest(self, lessons: np.ndarray) -> np.ndarray:
        found = np.zeros((len(self.names) + 1, 4))
        np.maximum.at(found, (self.place, self.band), lessons)
        found[:, 3] = found.max(axis=1)
        found[-1] = found.max(axis=0)
        return found

    def _is_out(self, level: str, day: date) -> bool:
        return level == "S1" and day >= BREAK

    def _tiers(self, period: str, last: date, level: np.ndarray, tier: np.ndarray) -> None:
        key = {"period_type": period, "period_start": last, "period_end": last}
        self._shares("attendance_tiers", key, "tier", TIERS, self._cells(tier, len(TIERS)))
        cells = self._cells(level * len(TIERS) + tier, len(LEVELS) * len(TIERS))
        for place, band, row in self._everywhere():
            if place < len(self.names) and band < 3:
                self._note_parts(period, last, place, row["grade_band"], cells[place, band])
                continue
            for number, pupils in enumerate(cells[place, band].reshape(len(LEVELS), len(TIERS))):
                for name, value in zip(TIERS, pupils, strict=True):
                    shown: Row = {
                        "pupils": int(value),
                        "population": int(pupils.sum()),
                        "share": _share(value, pupils.sum()),
                    }
                    if self._is_out(LEVELS[number], last):
                        shown = dict.fromkeys(shown)
                    key = {**key, "support_level": LEVELS[number], "tier": name}
                    self.tables["tiers_by_support_level"].append({**key, **row, **shown, **self._in_figure(place)})

    def _note_parts(self, period: str, last: date, place: int, band: str, cells: np.ndarray) -> None:
        for (level, tier), pupils in zip(product(LEVELS, TIERS), cells, strict=True):
            if pupils:
                self.parts[self.names[place], period, last, band, level, tier] = int(pupils)

    def _count_day(self, day: date, level: np.ndarray) -> None:
        key = {"count_day": day}
        self._shares("support_levels", key, "support_level", LEVELS, self._cells(level, len(LEVELS)))
        for row in self.tables["support_levels"][-4 * len(LEVELS) * (len(self.names) + 1) :]:
            if self._is_out(row["support_level"], day):
                row |= {"pupils": None, "share": None}
        homes = (*self.names, "other", "unknown")
        self._shares("home_and_teaching", key, "home_municipality", homes, self._cells(self.home, len(homes)))
        self._shares(
            *("group_sizes", key, "group_size", GROUPS, self._cells(self.group, len(GROUPS))),
            groups=1,
            mean_group_size=18.0,
        )
        decided = (level == 2) | (level == 3)
        for regime, places in PLACES.items():
            if (regime == "2011" and day > END_OF_2011) or (regime == "2025" and day < BREAK):
                continue
            chosen = decided & (self.by_2011 == (regime == "2011")) if day >= BREAK else decided
            spot = self._pick((0.4, 0.2, 0.15, 0.15, 0.05, 0.05)[: len(places)])
            # Only those with S3 are taught in the first of the places.
            cells = self._cells(np.where((level == 2) & (spot == 0), 1, spot), len(places), chosen)
            self._shares("inclusion", {**key, "regime": regime}, "place", places, cells)
        unknown = {
            (row["municipality"], row["grade_band"]): row["pupils"]
            for row in self.tables["support_levels"]
            if row["count_day"] == day and row["support_level"] == "unknown"
        }
        for row in self.tables["inclusion"]:
            if row["count_day"] == day:
                row["pupils_unknown"] = unknown[row["municipality"], row["grade_band"]]

    def _timeliness(self, month: date, level: np.ndarray) -> None:
        # A source by months has no reach: that of every fourth municipality.
        daily = self.place % 4 != 3
        names = [name for place, name in enumerate(self.names) if place % 4 != 3]
        reached = daily & (self.random.random(len(self.place)) < 0.03)
        kind = np.where(level == 3, 1, np.where(level == 4, 2, 0))
        at_reach = self._cells(kind, 3, reached)
        days = self.random.integers(0, 400, len(self.place))
        for horizon in HORIZONS:
            started = self._cells(kind, 3, reached & (days <= horizon))
            for place, band, row in self._everywhere():
                if place < len(self.names) and place % 4 == 3:
                    continue
                lower, highest, unknown = map(int, at_reach[place, band])
                figure = self._in_figure(place) if place < len(self.names) else {"municipalities": ",".join(names)}
                counts = {"pupils": lower, "pupils_at_highest": highest, "pupils_unknown": unknown}
                counts["started"] = int(started[place, band, 0])
                share = {"share_started": _share(counts["started"], lower)}
                self.tables["support_timeliness"].append(
                    {"month": month, **row, "horizon": horizon, **counts, **share, **figure}
                )

    def _transition(self, year: int, level: np.ndarray, tier: np.ndarray) -> None:
        """The cohort is of those who are drawn in grade 6, at both moments."""
        chosen = self.grade == 6
        gone = self._pick((0.97, 0.02, 0.01))
        for moment in ("before", "after"):
            for measure, names, categories in (
                ("tier", TIERS, self._pick((0.55, 0.28, 0.12, 0.04, 0.01)) if moment == "before" else tier),
                ("support_level", LEVELS, self.level["2011"] if moment == "before" else level),
            ):
                listed = names if moment == "before" else (*names, "other_grade", "not_in_region", "not_delivered")
                category = categories if moment == "before" else np.where(gone > 0, len(names) - 1 + gone, categories)
                cells = self._cells(category, len(listed), chosen)
                for place, band, row in self._everywhere((3,)):
                    pupils = cells[place, band]
                    for name, value in zip(listed, pupils, strict=True):
                        shown: Row = {"pupils": int(value), "share": _share(value, pupils.sum())}
                        shown |= _lessons(int(value), 3 * int(value))
                        if measure == "support_level" and name == "S1" and moment == "after" and year >= 2025:
                            shown = dict.fromkeys(shown)
                        key = {"school_year": year, "municipality": row["municipality"], "moment": moment}
                        population = {"population": int(pupils.sum())}
                        self.tables["transition_to_grade_7"].append(
                            {**key, "measure": measure, "category": name, **shown, **population}
                        )


def _share(part: int, whole: int) -> float | None:
    return int(part) / int(whole) if whole else None


def _lessons(pupils: int, absent: int) -> Row:
    """Lesson sums and rates of so many pupils."""
    covered = pupils * _COVERED
    return {
        "scheduled_lessons": pupils * _SCHEDULED,
        "covered_lessons": covered,
        "coverage": _share(covered, pupils * _SCHEDULED),
        "absent_lessons": absent,
        "absence_rate": _share(absent, covered),
    }
