"""Made-up municipalities for the large benchmarks: their folders, their pupils and what happens in a school year.

Every one has the profile of one of the four real folders: its formats, ids, grain, extents and codes, under a name, a
code and school numbers of its own. Everything is drawn with numpy, many rows at once: the region of the demo is truer,
but holds four municipalities and two school years. `deliveries` writes what of it a night brings.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import polars as pl

from demo.region.calendars import WEEKLY_LESSONS, number
from demo.region.persons import hetus, oids
from pipeline.settings import PROJECT_ROOT

EASTER = {2024: date(2024, 3, 31), 2025: date(2025, 4, 20), 2026: date(2026, 4, 5)}
PROFILES = ("kuopio", "siilinjarvi", "iisalmi", "varkaus")
FAR = date(2999, 1, 1)
"""The day of what never happens."""
_REVIEWED = '"Tukiverkko, aluetiimi",2025-08-01'
# Rates that give the synthetic region's volume: about 48 absent lessons a pupil and school year.
_WHOLE_DAYS, _PARTS, _LATE, _SPREAD = 4.0, 4.5, 1.1, 0.9
_SUPPORTED = 0.2


@dataclass(frozen=True)
class School:
    """A school and its grades."""

    number: str
    name: str
    grades: tuple[int, ...]


@dataclass(frozen=True)
class Town:
    """A municipality of the benchmark. pupils: how many in each school year; first_person: the place of its first
    person among all of them, so that ids differ between towns and stay the same from year to year."""

    name: str
    code: str
    profile: str
    pupils: int
    schools: tuple[School, ...]
    seed: int


def plan(towns: int, schools: int, pupils: int) -> tuple[Town, ...]:
    """Municipalities of all profiles by turns, sizes as uneven as real ones; the sums are exactly those asked for."""
    # From the largest down, so that each profile has as many pupils as another, the lesson marks a few more.
    weight = np.sort(np.exp(np.random.default_rng(20260529).normal(0, 1.2, towns)))[::-1]
    sizes = _shares(weight, pupils, 30)
    school_counts = _shares(np.sqrt(weight), schools, 1)
    found = []
    first = 10_000
    for place, (size, count) in enumerate(zip(sizes, school_counts, strict=True)):
        numbers = range(first, first + count)
        first += count
        upper = 0 if count < 3 else max(1, count // 4)
        made = tuple(
            School(
                f"{n:05d}",
                f"Koulu {n}",
                tuple(range(1, 10) if not upper else range(7, 10) if k < upper else range(1, 7)),
            )
            for k, n in enumerate(numbers)
        )
        found.append(Town(f"kunta_{place:03d}", f"{100 + place}", PROFILES[place % 4], size, made, place))
    return tuple(found)


def _shares(weight: np.ndarray, total: int, least: int) -> list[int]:
    whole = np.maximum(least, np.floor(weight / weight.sum() * total)).astype(int)
    order = np.argsort(-weight)
    rest = total - int(whole.sum())
    for turn in range(abs(rest)):
        whole[order[turn % max(1, len(order) // 3)]] += 1 if rest > 0 else -1
    return [int(count) for count in whole]


def write_folder(town: Town, target: Path) -> None:
    """The folder of `municipalities/` for the town: the profile's own, with other names, codes and schools."""
    folder = target / town.name
    shutil.copytree(PROJECT_ROOT / "municipalities" / town.profile, folder)
    file = folder / "municipality.yaml"
    text = re.sub(r"^code: .*$", f'code: "{town.code}"', file.read_text(encoding="utf-8"), flags=re.M)
    names = f"names: {{fi: {town.name}, sv: {town.name}, en: {town.name}}}"
    file.write_text(re.sub(r"^names: .*$", names, text, flags=re.M), encoding="utf-8")
    # The home municipality is written as a name in workbooks, as a code elsewhere.
    homes = f"{town.code},{town.code},2011-01-01,,{_REVIEWED}\n{town.name},{town.code},2011-01-01,,{_REVIEWED}\n"
    _replace_lines(folder / "home_municipalities.csv", homes)
    lines = [
        f"{school.number},{school.name},{_as_written(town, school)},2011-01-01,,{_REVIEWED}\n"
        for school in town.schools
    ]
    _replace_lines(folder / "schools.csv", "".join(lines))


def _as_written(town: Town, school: School) -> str:
    return {"iisalmi": school.number.lstrip("0"), "varkaus": school.name}.get(town.profile, school.number)


def _replace_lines(file: Path, lines: str) -> None:
    header = file.read_text(encoding="utf-8").splitlines()[0]
    file.write_text(f"{header}\n{lines}", encoding="utf-8")


@dataclass(frozen=True)
class Identities:
    """Ids of a town's persons, cohort after cohort: those who start school in one year."""

    hetu: pl.Series
    oid: pl.Series


def identities(towns: Sequence[Town], years: Sequence[int]) -> dict[str, Identities]:
    """Unique ids for every person of every town who is at school in one of the years; none can be a real person's."""
    counts = [_cohort(town) * (8 + len(years)) for town in towns]
    born: list[np.ndarray] = []
    rng = np.random.default_rng(1)
    for town, count in zip(towns, counts, strict=True):
        starts = years[0] - 8 + np.arange(count) // _cohort(town)
        january = np.array([number(date(int(year) - 7, 1, 1)) for year in starts])
        born.append(january + rng.integers(0, 365, count))
    all_hetus = pl.Series(hetus(rng, np.concatenate(born)), dtype=pl.String)
    all_oids = pl.Series(oids(rng, sum(counts)), dtype=pl.String)
    found, first = {}, 0
    for town, count in zip(towns, counts, strict=True):
        found[town.name] = Identities(all_hetus.slice(first, count), all_oids.slice(first, count))
        first += count
    return found


def _cohort(town: Town) -> int:
    return -(-town.pupils // 9)


@cache
def school_days(year: int) -> tuple[date, ...]:
    """The 187 school days of a school year, 2023–24 to 2025–26; the last is the Friday of week 22."""
    sunday = EASTER[year + 1]
    free = {sunday - timedelta(days=2), sunday + timedelta(days=1), sunday + timedelta(days=39)}
    free |= {date(year, 12, 6), date(year + 1, 5, 1)}
    for first, count in (
        (date.fromisocalendar(year, 42, 1), 5),
        (date.fromisocalendar(year + 1, 10, 1), 5),
        (date(year, 12, 21), 17),
    ):
        free |= {first + timedelta(days=n) for n in range(count)}
    last = date.fromisocalendar(year + 1, 22, 5)
    days = [last - timedelta(days=n) for n in range(330)]
    return tuple(sorted([day for day in days if day.weekday() < 5 and day not in free][:187]))


@cache
def lessons_by_weekday() -> np.ndarray:
    """Lessons by grade (first axis, 0 unused) and day of the week."""
    table = np.zeros((10, 5), dtype=np.int64)
    for grade, total in WEEKLY_LESSONS.items():
        table[grade] = [total // 5 + (1 if day < total % 5 else 0) for day in range(5)]
    return table


@dataclass(frozen=True)
class TownYear:
    """One school year of a town: everything that is so, from which `write_night` takes what is known on a night."""

    town: Town
    year: int
    first_year: int
    ids: Identities

    @cached_property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng((self.town.seed, self.year))

    @cached_property
    def days(self) -> np.ndarray:
        return np.array(school_days(self.year), dtype="datetime64[D]")

    @cached_property
    def pupils(self) -> pl.DataFrame:
        """person (place among the town's ids), hetu, oid, local, school, grade, class_name, valid_from, valid_to."""
        cohort = _cohort(self.town)
        person = np.arange(cohort * 9) + (self.year - self.first_year) * cohort
        person = person[: self.town.pupils]
        grade = self.year - (self.first_year - 8 + person // cohort) + 1
        school = np.empty(len(person), dtype=object)
        name = np.empty(len(person), dtype=object)
        for one in range(1, 10):
            offered = [s for s in self.town.schools if one in s.grades]
            chosen = np.flatnonzero(grade == one)
            for place in chosen.tolist():
                at = offered[person[place] * 7919 % len(offered)]
                school[place], name[place] = at.number, at.name
        rng = np.random.default_rng((self.town.seed, self.year, 1))
        start, end = date(self.year, 8, 1), self.days
        joined = rng.random(len(person)) < 0.01
        left = ~joined & (rng.random(len(person)) < 0.01)
        some_day = end[rng.integers(5, len(end) - 5, len(person))]
        return pl.DataFrame(
            {
                "person": person,
                "hetu": self.ids.hetu.gather(person),
                "oid": self.ids.oid.gather(person),
                "local": [f"{self.town.code}{n:07d}" for n in person.tolist()],
                "school": pl.Series(school.tolist(), dtype=pl.String),
                "school_name": pl.Series(name.tolist(), dtype=pl.String),
                "grade": grade,
                "class_name": [f"{g}{'ABCD'[p % 4]}" for g, p in zip(grade.tolist(), person.tolist(), strict=True)],
                "valid_from": np.where(joined, some_day, np.datetime64(start)),
                "valid_to": np.where(left, some_day, np.datetime64(FAR)),
            }
        ).with_columns(pl.col("valid_from", "valid_to").cast(pl.Date))

    @cached_property
    def episodes(self) -> pl.DataFrame:
        """place (row of `pupils`), first, length (places of school days), position (-1: whole days), count, code words
        `at_first` and `later`, `created` and `changed` (the nights from which they are known)."""
        rng = self._rng
        pupils, days = self.pupils, len(self.days)
        weight = np.exp(rng.normal(0, _SPREAD, pupils.height)) / np.exp(_SPREAD**2 / 2)
        upper = np.where(pupils["grade"].to_numpy() >= 7, 1.3, 0.85)
        parts = []
        for rate, words, odds in (
            (_WHOLE_DAYS, ("health", "leave", "unauthorised", "other"), (0.62, 0.27, 0.06, 0.05)),
            (_PARTS, ("health", "leave", "unauthorised", "other"), (0.3, 0.2, 0.35, 0.15)),
            (_LATE, ("late",), (1.0,)),
        ):
            if rate == _LATE and self.town.profile in ("iisalmi", "varkaus"):
                # Nobody enters late marks there.
                continue
            place = np.repeat(np.arange(pupils.height), rng.poisson(rate * weight * upper))
            first = rng.integers(0, days, len(place))
            whole = rate == _WHOLE_DAYS
            length = np.minimum(rng.geometric(0.48, len(place)), 12) if whole else np.ones(len(place), dtype=np.int64)
            word = rng.choice(words, len(place), p=odds)
            unclear = (rng.random(len(place)) < 0.2) & (word != "late") & (word != "leave")
            never = unclear & (rng.random(len(place)) < 0.15)
            created = self.days[first] + 1 + np.where(rng.random(len(place)) < 0.03, rng.integers(1, 6, len(place)), 0)
            waits = np.minimum(rng.geometric(0.22, len(place)), 14)
            parts.append(
                pl.DataFrame(
                    {
                        "place": place,
                        "first": first,
                        "length": np.minimum(length, days - first),
                        "position": np.where(whole, -1, rng.integers(0, 3, len(place))),
                        "count": rng.integers(1, 3, len(place)),
                        "at_first": np.where(unclear, "unclarified", word).tolist(),
                        "later": np.where(never, "unclarified", word).tolist(),
                        "created": created,
                        "changed": np.where(unclear & ~never, created + waits, np.datetime64(FAR)),
                    }
                )
            )
        found = pl.concat(parts).with_columns(pl.col("created", "changed").cast(pl.Date))
        start = pl.Series(self.days).cast(pl.Date).gather(found["first"])
        last = pl.Series(self.days).cast(pl.Date).gather(found["first"] + found["length"] - 1)
        inside = (start >= pupils["valid_from"].gather(found["place"])) & (
            last <= pupils["valid_to"].gather(found["place"])
        )
        return found.filter(inside).with_row_index("episode")

    @cached_property
    def pupil_days(self) -> pl.DataFrame:
        """The episodes day by day, one a pupil and day: place, day, position, lessons, and the episode's words."""
        expanded = (
            self.episodes.with_columns(pl.int_ranges(pl.col("first"), pl.col("first") + pl.col("length")).alias("at"))
            .explode("at")
            .unique(["place", "at"], keep="first", maintain_order=True)
        )
        days = self.days[expanded["at"].to_numpy()]
        weekday = (days.astype(np.int64) + 3) % 7
        grade = self.pupils["grade"].gather(expanded["place"]).to_numpy()
        most = lessons_by_weekday()[grade, weekday]
        position = np.maximum(expanded["position"].to_numpy(), 0)
        lessons = np.where(
            expanded["position"].to_numpy() < 0, most, np.minimum(expanded["count"].to_numpy(), most - position)
        )
        day = pl.Series("day", days).cast(pl.Date)
        return expanded.with_columns(
            day,
            pl.Series("position", position),
            pl.Series("lessons", lessons),
            # A day of a longer absence is entered on the day after it.
            pl.max_horizontal("created", day + timedelta(days=1)).alias("created"),
        ).sort("day", "place")

    @cached_property
    def calendar(self) -> pl.DataFrame:
        """school, school_name, day, grade, lessons."""
        pairs = [(school, grade) for school in self.town.schools for grade in school.grades]
        weekday = (self.days.astype(np.int64) + 3) % 7
        count = len(self.days)
        return pl.DataFrame(
            {
                "school": np.repeat([school.number for school, _ in pairs], count).tolist(),
                "school_name": np.repeat([school.name for school, _ in pairs], count).tolist(),
                "day": np.tile(self.days, len(pairs)),
                "grade": np.repeat([grade for _, grade in pairs], count),
                "lessons": np.concatenate([lessons_by_weekday()[grade, weekday] for _, grade in pairs]),
            }
        ).with_columns(pl.col("day").cast(pl.Date))

    @cached_property
    def support(self) -> pl.DataFrame:
        """place, kind (2011 or 2025), valid_from, valid_to, marks: every fifth pupil has a row."""
        rng = np.random.default_rng((self.town.seed, 2))
        # By person, so that a pupil's support is the same in every school year.
        draw = rng.random(len(self.ids.hetu))[self.pupils["person"].to_numpy()]
        place = np.flatnonzero(draw < _SUPPORTED)
        old = draw[place] < _SUPPORTED / 2
        spread = (draw[place] * 1e6).astype(np.int64) % 250
        start = np.where(old, np.datetime64("2022-08-10"), np.datetime64("2025-08-06") + spread)
        return (
            pl.DataFrame({"place": place, "old": old, "valid_from": start, "few": spread % 5})
            .with_columns(pl.col("valid_from").cast(pl.Date))
            .filter(pl.col("valid_from") < date(self.year + 1, 8, 1))
        )
