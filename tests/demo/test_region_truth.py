"""The truth against a plain reading of the extracts by the definitions, and against cases worked by hand."""

import csv
import json
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import openpyxl
import polars as pl
import pytest

from demo.region import Region, build_region, write_night, write_truth
from demo.region.absences import (
    HEALTH,
    LATE,
    SCHOOL_ACTIVITY,
    UNAUTHORISED,
    UNCLARIFIED,
    UNIT,
    Intervals,
    Lessons,
)
from demo.region.calendars import FAR, YEARS, number
from demo.region.enrolments import ALWAYS, Enrolment, Person
from demo.region.schools import BY_NUMBER, IISALMI, KUOPIO, MUNICIPALITIES, SIILINJARVI, VARKAUS
from demo.region.support import ASSISTANT, DECISION, INTENSIFIED, PART_SMALL_GROUP, SPECIAL, SPECIAL_CLASS, Support

HELSINKI = ZoneInfo("Europe/Helsinki")
ORDER = ("unauthorised", "unclarified", "other_accepted", "leave", "health")
Absences = dict[tuple[int, date, str], Decimal]


@cache
def small_region() -> Region:
    return build_region(1, 0.02)


def day_of(text: str) -> date:
    day, month, year = text.split(".")
    return date(int(year), int(month), int(day))


def half_up(value: Fraction) -> Decimal:
    return Decimal(int(value * 10_000 + Fraction(1, 2))) / 10_000


class Reading:
    """The extracts of one night, read without the model; only the ids are turned into person ids."""

    def __init__(self, folder: Path, truth: Path, night: date) -> None:
        self.folder, self.night = folder, night
        pupil = pl.read_parquet(truth / "pupil.parquet")
        self.person: dict[tuple[str, str], int] = {}
        for person_id, municipality, hetu, oid, local in pupil.iter_rows():
            for key in (hetu, oid, local):
                if key:
                    self.person[municipality, key] = person_id
        # (person, municipality, start, end, school, grade, form), and lessons by (school, grade, day).
        self.enrolments: list[tuple[int, str, date, date | None, str, int | None, str]] = []
        self.lessons: dict[tuple[str, int, date], Fraction] = {}
        self.slots: dict[tuple[str, int, date], tuple[int, int]] = {}
        self.csv = folder / "kuopio" / "lahtevat" / night.isoformat()
        self.book = openpyxl.load_workbook(
            folder / "varkaus" / f"Varkaus_{night.year - (night.month < 8)}-{night.year + (night.month >= 8)}.xlsx"
        )
        self._read_enrolments()
        self._read_days()
        self.by_person: dict[int, list[tuple[date, date, str, int | None, str, str]]] = defaultdict(list)
        self._resolve()

    def rows(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader((self.csv / name).read_text(encoding="utf-8-sig").splitlines(), delimiter=";"))

    def items(self, name: str) -> list[dict]:
        found = json.loads((self.folder / "siilinjarvi" / name).read_text(encoding="utf-8"))
        return [item for item in found if not item.get("deleted")]

    def view(self, name: str) -> list[dict]:
        return pl.read_parquet(self.folder / "iisalmi" / f"{name}.parquet").to_dicts()

    def sheet(self, name: str) -> list[tuple]:
        return [
            row for row in self.book[name].iter_rows(min_row=5, values_only=True) if row[0] not in (None, "Yhteensä")
        ]

    @staticmethod
    def excel_day(cell: object) -> date | None:
        if isinstance(cell, datetime):
            return cell.date()
        return day_of(cell) if isinstance(cell, str) else None

    def _read_enrolments(self) -> None:
        for row in self.rows("oppilaat.csv"):
            self.enrolments.append(
                (
                    self.person[KUOPIO, row["Oppijanumero"]], KUOPIO, day_of(row["Alkupvm"]),
                    day_of(row["Loppupvm"]) if row["Loppupvm"] else None, row["Koulunro"],
                    int(row["Luokka-aste"]) if row["Luokka-aste"] else None, row["Opetusmuoto"],
                )
            )  # fmt: skip
        self.student: dict[str, tuple[int, str, int | None]] = {}
        for item in self.items("students.json"):
            person = self.person[SIILINJARVI, item["id"]]
            self.student[item["id"]] = (person, item["schoolNumber"], item["grade"])
            self.enrolments.append(
                (
                    person, SIILINJARVI, date.fromisoformat(item["startDate"]),
                    date.fromisoformat(item["endDate"]) if item["endDate"] else None, item["schoolNumber"],
                    item["grade"], item["form"],
                )
            )  # fmt: skip
        for row in self.view("v_oppilas"):
            person, number_ = self.person[IISALMI, row["hetu"]], f"{row['koulunro']:05d}"
            form = row["opetusmuoto"]
            self.enrolments.append((person, IISALMI, row["alku"], row["loppu"], number_, row["luokka_aste"], form))
        names = {s.name: s.number for s in BY_NUMBER.values() if s.municipality == VARKAUS}
        for row in self.sheet("Oppilaat"):
            start = self.excel_day(row[7])
            assert start
            person = self.person[VARKAUS, row[0]]
            self.enrolments.append((person, VARKAUS, start, self.excel_day(row[8]), names[row[2]], row[3], row[6]))

    def _read_days(self) -> None:
        for row in self.rows("tyopaivat.csv"):
            key = (row["Koulunro"], int(row["Luokka-aste"]), day_of(row["Pvm"]))
            self.lessons[key] = Fraction(row["Oppitunnit"].replace(",", "."))
        for item in self.items("school-days.json"):
            key = (item["schoolNumber"], item["grade"], date.fromisoformat(item["date"]))
            self.lessons[key] = Fraction(item["lessons"])
            hour, minute = item["dayStart"].split(":")
            self.slots[key] = (int(hour) * 60 + int(minute), item["slotMinutes"])
        for row in self.view("v_tyopaiva"):
            self.lessons[f"{row['koulunro']:05d}", row["luokka_aste"], row["paiva"]] = Fraction(row["tunnit"])

    def _resolve(self) -> None:
        """The enrolment that started later holds, and the other schedules nothing from that day."""
        rows: dict[int, list] = defaultdict(list)
        for row in self.enrolments:
            rows[row[0]].append(row)
        for person, own in rows.items():
            own.sort(key=lambda r: (r[2], r[3] is not None, r[4]))
            for n, (_, municipality, start, end, school, grade, form) in enumerate(own):
                last = end or date.max
                if n + 1 < len(own):
                    last = min(last, own[n + 1][2] - timedelta(1))
                self.by_person[person].append((start, last, school, grade, form, municipality))

    def scheduled(self, person: int, municipality: str, day: date) -> tuple[Fraction, tuple[str, int, date] | None]:
        for start, last, school, grade, form, where in self.by_person[person]:
            if where == municipality and start <= day <= last and grade and form not in ("KOTI", "HOME", "kotiopetus"):
                key = (school, grade, day)
                return self.lessons.get(key, Fraction(0)), key
        return Fraction(0), None

    def capped(self, municipality: str, sums: dict[tuple[int, date], dict[str, Fraction]]) -> Absences:
        found: Absences = {}
        for (person, day), classes in sums.items():
            left, _ = self.scheduled(person, municipality, day)
            for name in ORDER:
                part = min(left, classes.get(name, Fraction(0)))
                left -= part
                if part > 0 and day < self.night:
                    found[person, day, name] = half_up(part)
        return found

    def kuopio(self) -> Absences:
        names = {"LU": 0, "P": 1, "H": 2, "L": 3, "S": 4}
        best: dict[tuple[int, date, str], int] = {}
        for row in self.rows("tuntimerkinnat.csv"):
            if row["Merkintä"] in names:
                key = (self.person[KUOPIO, row["Oppijanumero"]], day_of(row["Pvm"]), row["Tunti"])
                best[key] = min(best.get(key, 9), names[row["Merkintä"]])
        sums: dict[tuple[int, date], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        for (person, day, _), place in best.items():
            sums[person, day][ORDER[place]] += 1
        return self.capped(KUOPIO, sums)

    def siilinjarvi(self) -> Absences:
        names = {"UNAUTH": 0, "UNKNOWN": 1, "OTHER": 2, "LEAVE": 3, "SICK": 4}
        pieces: dict[tuple[int, date], list[tuple[int, datetime, datetime]]] = defaultdict(list)
        midnight = datetime.combine(self.night, datetime.min.time())
        for item in self.items("absences.json"):
            if item["type"] not in names or item["studentId"] not in self.student:
                continue
            person, *_ = self.student[item["studentId"]]
            start, end = (
                datetime.fromisoformat(item[key]).astimezone(HELSINKI).replace(tzinfo=None) if item[key] else midnight
                for key in ("from", "to")
            )
            day = start.date()
            while day <= end.date() and day < self.night:
                pieces[person, day].append((names[item["type"]], start, end))
                day += timedelta(1)
        sums: dict[tuple[int, date], dict[str, Fraction]] = {}
        for (person, day), own in pieces.items():
            lessons, key = self.scheduled(person, SIILINJARVI, day)
            if not key or key not in self.slots:
                continue
            opening, slot = self.slots[key]
            first = datetime.combine(day, datetime.min.time()) + timedelta(minutes=opening)
            last = first + timedelta(minutes=int(lessons) * slot)
            # Between two neighbouring ends nothing changes: the first class there takes it all.
            edges = sorted({first, last, *(min(max(t, first), last) for _, s, e in own for t in (s, e))})
            classes: dict[str, Fraction] = defaultdict(Fraction)
            for a, b in pairwise(edges):
                there = [place for place, s, e in own if s <= a and b <= e]
                if there:
                    classes[ORDER[min(there)]] += Fraction(int((b - a).total_seconds()), 60 * slot)
            sums[person, day] = classes
        return self.capped(SIILINJARVI, sums)

    def iisalmi(self) -> Absences:
        names = {1: 4, 2: 3, 3: 0, 4: 2, 9: 1}
        sums: dict[tuple[int, date], dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        for row in self.view("v_poissaolo"):
            if row["syy"] in names and not row["poistettu"]:
                place = 2 if row["syy"] == 9 and row["hyvaksytty"] == "K" else names[row["syy"]]
                sums[self.person[IISALMI, row["hetu"]], row["paiva"]][ORDER[place]] += Fraction(row["tunnit"])
        return self.capped(IISALMI, sums)

    def varkaus(self) -> tuple[dict[tuple[int, date, str], Decimal], set[tuple[int, date]]]:
        """(lessons by person, month and class; the months that have a value)."""
        months = [""]  # Named from 1.
        months += ["tammi", "helmi", "maalis", "huhti", "touko", "kesä", "heinä"]
        months += ["elo", "syys", "loka", "marras", "joulu"]
        found, reported = {}, set()
        for local, label, *cells in self.sheet("Poissaolot"):
            if isinstance(label, datetime):
                month = label.date().replace(day=1)
            else:
                name, year = label.split()
                month = date(int(year), months.index(name.removesuffix("kuu")), 1)
            person = self.person[VARKAUS, local]
            for place, cell in zip((4, 3, 0, 1), cells, strict=True):
                if cell is not None:
                    reported.add((person, month))
                    if cell != "–":
                        found[person, month, ORDER[place]] = Decimal(str(cell))
        return found, reported

    def periods(self) -> dict[tuple[str, int], list[tuple[str, str, date, date | None]]]:
        """(scheme, level, start, end) of each support row, by municipality and person."""
        found: dict[tuple[str, int], list[tuple[str, str, date, date | None]]] = defaultdict(list)

        def add(where: str, key: str, scheme: str, level: str, start: date, end: date | None) -> None:
            found[where, self.person[where, key]].append((scheme, level, start, end))

        for row in self.rows("tuki.csv"):
            code, marks, place = row["Tuki"], row["Tukitoimet"].split(","), row["Toteutuspaikka"]
            if code == "TEHO":
                scheme, level = "2011", "S1"
            elif code.startswith("ERIT"):
                wide = code == "ERIT-PID" or "TA" in marks or place == "1" or (not place and "ELK" in marks)
                scheme, level = "2011", "S3" if wide else "S2"
            else:
                scheme, level = "2025", "S3" if code != "TUPA" or {"TA", "ELK"} & set(marks) else "S2"
            end = day_of(row["Loppupvm"]) if row["Loppupvm"] else None
            add(KUOPIO, row["Oppijanumero"], scheme, level, day_of(row["Alkupvm"]), end)
        for item in self.items("support-periods.json"):
            scheme, kind = item["scheme"], item["kind"]
            special_class = "SPECIAL_CLASS" in item["measures"]
            if (scheme == "2011") == (kind == "DECISION"):
                level = "unknown"
            elif kind == "INTENSIFIED":
                level = "S1"
            elif kind == "DECISION":
                level = "S3" if special_class or item["disabilityBased"] or item["functionalAreas"] else "S2"
            else:
                wide = item["functionalAreas"] or item["extended"] or item["placement"] == 1
                level = "S3" if wide or (item["placement"] is None and special_class) else "S2"
            end = date.fromisoformat(item["end"]) if item["end"] else None
            add(SIILINJARVI, item["studentId"], scheme, level, date.fromisoformat(item["start"]), end)
        for row in self.view("v_tuki"):
            text = row["tuki"].strip().casefold()
            forms = (row["lisatieto"] or "").split(", ")
            if text in ("teh.tuki", "tehostettu", "tehostettu tuki"):
                scheme, level = "2011", "S1"
            elif text in ("et", "erityinen", "erityinen tuki", "erityinen (pid.)"):
                wide = "pid" in text or "TA" in forms or "toteutuspaikka 1" in forms
                scheme, level = "2011", "S3" if wide else "S2"
            else:
                wide = "erityisluokka" in text or "TA" in forms or "20 i §" in forms
                scheme, level = "2025", "S3" if wide else "S2"
            add(IISALMI, row["hetu"], scheme, level, row["alku"], row["loppu"])
        for local, letter, alkaen, paattyen, _, special_class, _, _, _, areas, extended, disability in self.sheet(
            "Tuki"
        ):
            start = self.excel_day(alkaen)
            assert start
            if letter == "T":
                scheme, level = "2011", "S1"
            elif letter == "E":
                scheme, level = "2011", "S3" if special_class or areas or extended else "S2"
            elif letter == "P":
                scheme, level = "2025", "S3" if special_class or areas or disability else "S2"
            else:
                scheme, level = "none", "unknown"
            add(VARKAUS, local, scheme, level, start, self.excel_day(paattyen))
        return found

    def level(self, own: list[tuple[str, str, date, date | None]], day: date) -> str:
        break_day = date(2025, 8, 1)
        there = [
            (scheme, level, start)
            for scheme, level, start, end in own
            if start <= day <= (end or date.max) and not (level == "S1" and day >= break_day)
        ]
        schemes = {scheme for scheme, _, _ in there}
        early = any(scheme == "2025" and day < break_day for scheme, _, _ in there)
        late = any(scheme == "2011" and start >= break_day for scheme, _, start in there)
        if early or late or len(schemes) > 1 or any(level == "unknown" for _, level, _ in there):
            return "unknown"
        return max((level for _, level, _ in there), default="S0")


def since(truth: Path, municipality: str, first: date) -> Absences:
    frame = pl.read_parquet(truth / "absence.parquet").filter(
        (pl.col("municipality") == municipality) & (pl.col("day") >= first)
    )
    return {(person, day, name): lessons for person, _, day, name, lessons in frame.iter_rows()}


@pytest.fixture(scope="module", params=[date(2024, 12, 3), date(2025, 11, 6), date(2026, 5, 31)], ids=str)
def reading(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Reading, Path]:
    folder = tmp_path_factory.mktemp("truth")
    night: date = request.param
    write_night(small_region(), night, folder / "sources")
    write_truth(small_region(), night, folder / "truth")
    return Reading(folder / "sources", folder / "truth", night), folder / "truth"


def first_of(night: date) -> date:
    return date(night.year - (night.month < 8), 8, 1)


def test_absences_are_what_the_extracts_say(reading: tuple[Reading, Path]) -> None:
    extract, truth = reading
    for municipality, read in (
        (KUOPIO, extract.kuopio), (SIILINJARVI, extract.siilinjarvi), (IISALMI, extract.iisalmi),
    ):  # fmt: skip
        expected, found = since(truth, municipality, first_of(extract.night)), read()
        assert len(found) > 20
        assert found == expected


def test_months_are_what_the_workbook_says(reading: tuple[Reading, Path]) -> None:
    extract, truth = reading
    found, reported = extract.varkaus()
    expected: dict[tuple[int, date, str], Decimal] = defaultdict(Decimal)
    for (person, day, name), lessons in since(truth, VARKAUS, first_of(extract.night)).items():
        expected[person, day.replace(day=1), name] += lessons
    assert len(found) > 5
    assert found == dict(expected)
    silent = {(p, m) for p, _, m in pl.read_parquet(truth / "not_reported.parquet").iter_rows()}
    assert not silent & reported
    covered = pl.read_parquet(truth / "covered_day.parquet").filter(municipality=VARKAUS)["day"]
    assert {m for _, m in reported} == {d.replace(day=1) for d in covered if d >= first_of(extract.night)}


def test_support_is_what_the_extracts_say(reading: tuple[Reading, Path]) -> None:
    extract, truth = reading
    periods, count = extract.periods(), 0
    for person, municipality, first, last, level, _, _ in pl.read_parquet(truth / "support.parquet").iter_rows():
        if last >= first_of(extract.night):
            own = periods.get((municipality, person), [])
            for day in {first, first + (last - first) / 2, last}:
                assert extract.level(own, day) == level
                count += 1
    assert count > 500


def test_one_enrolment_a_person_and_day(reading: tuple[Reading, Path]) -> None:
    extract, truth = reading
    frame = pl.read_parquet(truth / "enrolment.parquet").filter(school_year=first_of(extract.night).year)
    found: dict[int, list[tuple[date, date, str, int | None]]] = defaultdict(list)
    for row in frame.iter_rows(named=True):
        last = row["valid_to"] or date.max
        found[row["person_id"]].append((row["valid_from"], last, row["school_number"], row["grade"]))
    for person, own in extract.by_person.items():
        holds = {(s, min(e, date.max), school, grade) for s, e, school, grade, *_ in own if s <= e}
        for start, last, school, grade in found[person]:
            assert any(
                s <= start and last <= e and (school, grade) == rest
                for s, e, *rest_ in holds
                for rest in [tuple(rest_)]
            )
    for own_spans in found.values():
        own_spans.sort()
        assert all(a[1] < b[0] for a, b in pairwise(own_spans))


# Worked by hand


def columns(count: int, **given: list[int] | int) -> dict[str, np.ndarray]:
    made = {}
    for name, value in given.items():
        made[name] = np.full(count, value) if isinstance(value, int) else np.array(value, dtype=np.int64)
        assert len(made[name]) == count
    return made


def lessons(day: date, enrolment: int, marks: list[tuple[int, int, int]], **changed: list[int]) -> Lessons:
    """Marks of one pupil on one day: (lesson, class, twin), each a whole lesson known on the day after."""
    given: dict[str, list[int] | int] = {
        "enrolment": enrolment, "person": enrolment, "day": number(day), "lesson": [m[0] for m in marks],
        "amount": UNIT, "first": [m[1] for m in marks], "later": [m[1] for m in marks], "created": number(day) + 1,
        "changed": FAR, "deleted": FAR, "record": list(range(len(marks))), "minutes": 0, "twin": [m[2] for m in marks],
    }  # fmt: skip
    return Lessons(**columns(len(marks), **{**given, **changed}))


MONDAY = date(2025, 11, 10)


def tiny_region() -> Region:
    """A pupil of grade 7 in each municipality: Kuopio 0, Siilinjärvi 1, Iisalmi 2, Varkaus 3."""
    schools = ("07523", "07735", "05994", "03857")
    people = tuple(
        Person(n, m, 6, f"01011{n}A90{n}X", ALWAYS, f"1.2.246.562.98.1000000000{n}", "Qaxvuzxol Zyqwexdrå", "")
        for n, m in enumerate(MUNICIPALITIES)
    )
    enrolments = tuple(
        Enrolment(n, n, m, 2025, BY_NUMBER[schools[n]], 7, "7A", "297", "BASIC", number(date(2025, 8, 1)), FAR,
                  number(date(2025, 8, 1)), FAR, f"local-{n}-00")
        for n, m in enumerate(MUNICIPALITIES)
    )  # fmt: skip
    empty = lessons(MONDAY, 0, [])
    marks = {(m, y): empty for m in (KUOPIO, IISALMI, VARKAUS) for y in YEARS}
    # Two teachers on lesson 2: unauthorised. Lesson 3 is unclarified until it becomes illness on the 13th.
    marks[KUOPIO, 2025] = lessons(
        MONDAY, 0, [(2, UNAUTHORISED, 0), (2, HEALTH, 1), (3, HEALTH, 0), (4, SCHOOL_ACTIVITY, 0)],
        first=[UNAUTHORISED, HEALTH, UNCLARIFIED, SCHOOL_ACTIVITY], changed=[FAR, FAR, number(date(2025, 11, 13)), FAR],
    )  # fmt: skip
    # Four hours of illness and four unauthorised on a Tuesday of seven lessons.
    marks[IISALMI, 2025] = lessons(
        MONDAY + timedelta(1), 2, [(n, HEALTH if n < 4 else UNAUTHORISED, 0) for n in range(8)]
    )
    marks[VARKAUS, 2025] = lessons(MONDAY, 3, [(1, HEALTH, 0)], amount=[UNIT // 2])
    wall = {
        # Monday 10:15 to Wednesday 09:15, and Tuesday 08:00 to 16:00 within it.
        "start": [number(MONDAY) * 1440 + 615, (number(MONDAY) + 1) * 1440 + 480,
                  (number(MONDAY) + 3) * 1440 + 615, (number(MONDAY) + 3) * 1440 + 705],
        "end": [(number(MONDAY) + 2) * 1440 + 555, (number(MONDAY) + 1) * 1440 + 960,
                (number(MONDAY) + 3) * 1440 + 765, (number(MONDAY) + 3) * 1440 + 736],
    }  # fmt: skip
    classes = [HEALTH, HEALTH, HEALTH, UNAUTHORISED]
    made = columns(
        4, enrolment=1, person=1, **wall, first=classes, later=classes, created=number(MONDAY) + 1, changed=FAR,
        closed=[number(MONDAY) + 3] + [number(MONDAY)] * 3, deleted=FAR,
    )  # fmt: skip
    intervals = Intervals(**made, uuid=np.array([f"uuid-000{n}" for n in range(4)], dtype=object))
    none = intervals.take(np.zeros(0, dtype=np.int64))
    end_of_may = number(date(2026, 5, 31))
    wide: dict[str, Any] = {"placement": 1, "measures": (PART_SMALL_GROUP,)}
    support = (
        # Special support nobody ended, and a decision from 7.1.2026.
        Support(0, KUOPIO, "2011", SPECIAL, number(date(2024, 8, 8)), **wide),
        Support(0, KUOPIO, "2025", DECISION, number(date(2026, 1, 7)), known_from=number(date(2026, 1, 9))),
        # Intensified support nobody ended, and a decision from 6.10.2025.
        Support(1, SIILINJARVI, "2011", INTENSIFIED, number(date(2024, 10, 1))),
        Support(1, SIILINJARVI, "2025", DECISION, number(date(2025, 10, 6)), measures=(PART_SMALL_GROUP,)),
        # Special support to 31.5.2026, nothing after.
        Support(2, IISALMI, "2011", SPECIAL, number(date(2023, 8, 9)), end_of_may, end_known=0, placement=4),
        # Two of one regime: the higher level.
        Support(3, VARKAUS, "2025", DECISION, number(date(2025, 9, 1))),
        Support(3, VARKAUS, "2025", DECISION, number(date(2025, 9, 15)), number(date(2025, 9, 30)), end_known=0,
                measures=(SPECIAL_CLASS,)),
    )  # fmt: skip
    return Region(0, 1.0, people, enrolments, support, marks, {2024: none, 2025: intervals}, {})


def hand(tmp_path: Path, night: date, nights: list[date] | None = None) -> dict[tuple[str, date, str], str]:
    write_truth(tiny_region(), night, tmp_path, nights)
    rows = pl.read_parquet(tmp_path / "absence.parquet").iter_rows()
    return {(municipality, day, name): str(amount) for _, municipality, day, name, amount in rows}


def test_absences_worked_by_hand(tmp_path: Path) -> None:
    # On the Wednesday morning the first interval is still open: nothing of Wednesday is covered yet. Ahmon koulu has
    # 7 lessons on Mondays from 8:15: five are left from 10:15.
    wednesday = MONDAY + timedelta(2)
    assert hand(tmp_path, wednesday) == {
        ("kuopio", MONDAY, "unauthorised"): "1.0000",
        ("kuopio", MONDAY, "unclarified"): "1.0000",
        ("siilinjarvi", MONDAY, "health"): "5.0000",
        ("siilinjarvi", MONDAY + timedelta(1), "health"): "6.0000",
        ("iisalmi", MONDAY + timedelta(1), "unauthorised"): "4.0000",
        ("iisalmi", MONDAY + timedelta(1), "health"): "3.0000",
    }
    # In December: lesson 3 is illness; Wednesday has one lesson; 31 minutes of Thursday are unauthorised (31/60 =
    # 0.51666...), of its 150 minutes 119 are illness (1.98333...); Varkaus reports November.
    later = hand(tmp_path, date(2025, 12, 2))
    assert later["kuopio", MONDAY, "health"] == "1.0000"
    assert ("kuopio", MONDAY, "unclarified") not in later
    assert later["siilinjarvi", wednesday, "health"] == "1.0000"
    assert later["siilinjarvi", MONDAY + timedelta(3), "unauthorised"] == "0.5167"
    assert later["siilinjarvi", MONDAY + timedelta(3), "health"] == "1.9833"
    assert later["varkaus", MONDAY, "health"] == "0.5000"
    assert len(later) == 10


def test_absences_of_the_nights_that_came(tmp_path: Path) -> None:
    # Kuopio's day 10.11. is in the window of the deliveries to 30.11.: the one of 12.11. does not know of the illness
    # yet, and that of 1.12. reaches back to 11.11. only.
    nights = [date(2025, 10, 20), MONDAY + timedelta(2), date(2025, 12, 1)]
    found = hand(tmp_path, date(2025, 12, 1), nights)
    assert found["kuopio", MONDAY, "unclarified"] == "1.0000"
    assert found["iisalmi", MONDAY + timedelta(1), "health"] == "3.0000"
    # The edit of 1 December is seen on the 2nd.
    assert ("varkaus", MONDAY, "health") not in found
    covered = pl.read_parquet(tmp_path / "covered_day.parquet").filter(municipality=KUOPIO)["day"].to_list()
    # From 1.8. to 19.10. by the first delivery, and from 20 days before the second.
    assert date(2025, 10, 10) in covered
    assert date(2025, 10, 21) not in covered
    assert date(2025, 10, 23) in covered


def test_late_marks_worked_by_hand(tmp_path: Path) -> None:
    region = tiny_region()
    # Two teachers marked lesson 2; lesson 3 is unauthorised for one of them.
    marks = lessons(
        MONDAY, 0, [(1, LATE, 0), (2, LATE, 0), (2, LATE, 1), (3, LATE, 0), (3, UNAUTHORISED, 1)],
        minutes=[3, 5, 10, 7, 0],
    )  # fmt: skip
    # At school from 8:15. Health to 9:15: of a mark to 9:05 nothing is left, of one to 9:25 ten minutes; a third ends
    # with it.
    begin = number(MONDAY) * 1440 + 8 * 60 + 15
    given = {"start": [begin, begin, begin + 50, begin + 65], "end": [begin + 60, begin + 50, begin + 70, begin + 70]}
    classes = [HEALTH, LATE, LATE, LATE]
    intervals = Intervals(
        **columns(4, enrolment=1, person=1, **given, first=classes, later=classes, created=number(MONDAY) + 1,
                  changed=FAR, closed=number(MONDAY) + 1, deleted=FAR),
        uuid=np.array(["a", "b", "c", "d"], dtype=object),
    )  # fmt: skip
    region.lessons[KUOPIO, 2025], region.intervals[2025] = marks, intervals
    write_truth(region, date(2025, 12, 2), tmp_path)
    assert pl.read_parquet(tmp_path / "late.parquet").rows() == [
        (0, KUOPIO, MONDAY, 2, 13),
        (1, SIILINJARVI, MONDAY, 2, 10),
    ]
    # What nobody has told yet is not there.
    write_truth(region, MONDAY, tmp_path)
    assert pl.read_parquet(tmp_path / "late.parquet").is_empty()


def test_what_support_rows_have_worked_by_hand(tmp_path: Path) -> None:
    region = tiny_region()
    decision = Support(0, KUOPIO, "2025", DECISION, number(date(2025, 9, 1)), disability=True, measures=(ASSISTANT,))
    special = Support(2, IISALMI, "2011", SPECIAL, number(date(2024, 9, 1)), functional=True, extended=True)
    write_truth(replace(region, support=(decision, special)), date(2025, 11, 12), tmp_path)
    frame = pl.read_parquet(tmp_path / "support_period.parquet")
    marks = [name for name, kind in frame.schema.items() if kind == pl.Boolean]
    assert [[name for name in marks if row[name]] for row in frame.to_dicts()] == [
        ["assistant", "disability_based"],
        ["functional_areas", "extended"],
    ]


def levels(tmp_path: Path, municipality: str) -> list[tuple[date, date, str, int | None, str | None]]:
    frame = pl.read_parquet(tmp_path / "support.parquet").filter(municipality=municipality)
    return [row[2:] for row in frame.iter_rows()]


def test_support_worked_by_hand(tmp_path: Path) -> None:
    write_truth(tiny_region(), date(2026, 6, 10), tmp_path)
    first, last = date(2025, 8, 1), date(2026, 6, 9)
    assert levels(tmp_path, KUOPIO) == [
        (first, date(2026, 1, 6), "S3", 2011, None),
        (date(2026, 1, 7), last, "unknown", None, "overlap"),
    ]
    assert levels(tmp_path, SIILINJARVI) == [
        (first, date(2025, 10, 5), "S0", 2025, None),
        (date(2025, 10, 6), last, "S2", 2025, None),
    ]
    assert levels(tmp_path, IISALMI) == [
        (first, date(2026, 5, 31), "S2", 2011, None),
        (date(2026, 6, 1), last, "S0", 2025, None),
    ]
    # The workbook was last edited on Monday 8 June and came on the 9th.
    assert levels(tmp_path, VARKAUS) == [
        (first, date(2025, 8, 31), "S0", 2025, None),
        (date(2025, 9, 1), date(2025, 9, 14), "S2", 2025, None),
        (date(2025, 9, 15), date(2025, 9, 30), "S3", 2025, None),
        (date(2025, 10, 1), date(2026, 6, 8), "S2", 2025, None),
    ]
    # On the morning of 8 January nobody had entered the decision yet.
    write_truth(tiny_region(), date(2026, 1, 8), tmp_path)
    assert levels(tmp_path, KUOPIO) == [(first, date(2026, 1, 7), "S3", 2011, None)]


def test_deliveries_worked_by_hand(tmp_path: Path) -> None:
    # Kuopio's comes twice, the second after more than 20 days; the others' once. Monday 10 November is the last edit of
    # Varkaus' workbook, and October the last month that had ended.
    wednesday = date(2025, 11, 12)
    nights = dict.fromkeys(MUNICIPALITIES, (wednesday,)) | {KUOPIO: (date(2025, 10, 20), wednesday)}
    write_truth(tiny_region(), wednesday, tmp_path, nights)
    first, last = date(2025, 8, 1), date(2025, 11, 11)
    assert pl.read_parquet(tmp_path / "delivery.parquet").rows() == [
        (KUOPIO, 2025, date(2025, 10, 20), date(2025, 10, 20), first, date(2025, 10, 19)),
        (KUOPIO, 2025, wednesday, wednesday, date(2025, 10, 23), last),
        (SIILINJARVI, 2025, wednesday, wednesday, first, last),
        (IISALMI, 2025, wednesday, wednesday, first, last),
        (VARKAUS, 2025, wednesday, MONDAY, first, date(2025, 10, 31)),
    ]
    assert pl.read_parquet(tmp_path / "support_covered.parquet").rows() == [
        (municipality, 2025, first, last) for municipality in MUNICIPALITIES
    ]
    # The decision that Kuopio enters in January is not there; the other rows are as the registers have them.
    columns = ("person_id", "municipality", "school_year", "scheme", "kind", "valid_from", "valid_to", "placement",
               "special_class", "small_group", "part_small_group")  # fmt: skip
    assert pl.read_parquet(tmp_path / "support_period.parquet", columns=list(columns)).rows() == [
        (0, KUOPIO, 2025, "2011", "SPECIAL", date(2024, 8, 8), None, 1, False, False, True),
        (1, SIILINJARVI, 2025, "2011", "INTENSIFIED", date(2024, 10, 1), None, None, False, False, False),
        (1, SIILINJARVI, 2025, "2025", "DECISION", date(2025, 10, 6), None, None, False, False, True),
        (2, IISALMI, 2025, "2011", "SPECIAL", date(2023, 8, 9), date(2026, 5, 31), 4, False, False, False),
        (3, VARKAUS, 2025, "2025", "DECISION", date(2025, 9, 1), None, None, False, False, False),
        (3, VARKAUS, 2025, "2025", "DECISION", date(2025, 9, 15), date(2025, 9, 30), None, True, False, False),
    ]


def test_an_unchanged_workbook_is_no_delivery(tmp_path: Path) -> None:
    nights = [date(2025, 11, 11), date(2025, 11, 12), date(2025, 11, 18)]
    write_truth(tiny_region(), nights[-1], tmp_path, nights)
    varkaus = pl.read_parquet(tmp_path / "delivery.parquet").filter(municipality=VARKAUS)
    assert varkaus["night"].to_list() == [nights[0], nights[2]]


def test_the_workbook_tells_small_groups_from_each_other_by_nothing(tmp_path: Path) -> None:
    write_truth(small_region(), date(2026, 2, 3), tmp_path)
    varkaus = pl.read_parquet(tmp_path / "support_period.parquet").filter(municipality=VARKAUS)
    assert varkaus["small_group"].any()
    assert not varkaus["part_small_group"].any()


def test_truth_without_a_delivered_night_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no night"):
        write_truth(tiny_region(), date(2025, 9, 1), tmp_path, [date(2025, 9, 2)])


@pytest.mark.parametrize("night", [date(2024, 8, 1), date(2025, 8, 1), date(2026, 7, 31)])
def test_truth_of_the_edges(tmp_path: Path, night: date) -> None:
    write_night(small_region(), night, tmp_path / "sources")
    write_truth(small_region(), night, tmp_path)
    absence = pl.read_parquet(tmp_path / "absence.parquet")
    assert absence.filter(pl.col("day") >= first_of(night)).is_empty() == (night.month == 8)
    assert absence.schema["lessons"] == pl.Decimal(8, 4)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 10))
def test_other_seeds_and_sizes_agree(tmp_path: Path, seed: int) -> None:
    region = build_region(seed, 0.02 if seed % 4 else 0.2)
    for night in (date(2024, 10, 29), date(2025, 6, 21), date(2025, 9, 9), date(2026, 2, 3), date(2026, 7, 1)):
        folder = tmp_path / night.isoformat()
        write_night(region, night, folder / "sources")
        write_truth(region, night, folder / "truth")
        both = (Reading(folder / "sources", folder / "truth", night), folder / "truth")
        test_absences_are_what_the_extracts_say(both)
        test_months_are_what_the_workbook_says(both)
        test_support_is_what_the_extracts_say(both)
        test_one_enrolment_a_person_and_day(both)
