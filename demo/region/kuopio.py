"""Kuopio's extract: CSV files of scheduled student-register queries, with a manifest written last."""

import csv
import hashlib
import io
import json
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from demo.region import support
from demo.region.absences import (
    HEALTH,
    LATE,
    LEAVE,
    OTHER_ACCEPTED,
    SCHOOL_ACTIVITY,
    UNAUTHORISED,
    UNCLARIFIED,
)
from demo.region.calendars import FAR, as_date, day_lessons, first_day, number, school_year, working_days
from demo.region.enrolments import BASIC, FLEX, HOME, HOSPITAL, PREP, Enrolment
from demo.region.model import Region
from demo.region.schools import KUOPIO, of
from demo.region.support import (
    AIDS,
    ASSISTANT,
    INTENSIFIED,
    INTERPRETATION,
    PART_SMALL_GROUP,
    SMALL_GROUP,
    SPECIAL_CLASS,
)

FORM = {BASIC: "PO", FLEX: "JOPO", PREP: "VAL", HOME: "KOTI", HOSPITAL: "SAIR"}
MARK = {
    UNAUTHORISED: "LU",
    UNCLARIFIED: "P",
    OTHER_ACCEPTED: "H",
    LEAVE: "L",
    HEALTH: "S",
    LATE: "M",
    SCHOOL_ACTIVITY: "K",
}
MEASURE = {
    PART_SMALL_GROUP: "OPR",
    SMALL_GROUP: "PR",
    SPECIAL_CLASS: "ELK",
    INTERPRETATION: "TUL",
    ASSISTANT: "AVU",
    AIDS: "APU",
}
SUBJECTS = ("AI", "MA", "EN", "YM", "HI", "KU", "LI", "KS", "MU", "FY", "RU")

PUPIL_COLUMNS = (
    "Oppijanumero", "Henkilötunnus", "Koulunro", "Luokka-aste", "Luokka", "Kotikunta", "Opetusmuoto", "Alkupvm",
    "Loppupvm",
)  # fmt: skip
SUPPORT_COLUMNS = ("Oppijanumero", "Tuki", "Alkupvm", "Loppupvm", "Toteutuspaikka", "Tukitoimet", "Päätöspvm")
DAY_COLUMNS = ("Koulunro", "Pvm", "Luokka-aste", "Oppitunnit")


def _day(day: int | None) -> str:
    return "" if day is None or day == FAR else as_date(day).strftime("%d.%m.%Y")


def _csv(columns: tuple[str, ...], rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _pupils(region: Region, rows: list[Enrolment], night: int) -> bytes:
    found = []
    for e in rows:
        person = region.persons[e.person_id]
        hetu = person.hetu if person.hetu_from <= night else ""
        grade = "" if e.grade is None else str(e.grade)
        found.append(
            [
                person.oppijanumero,
                hetu,
                e.school.number,
                grade,
                e.class_name,
                e.home,
                FORM[e.form],
                _day(e.start),
                _day(e.end),
            ]
        )
    return _csv(PUPIL_COLUMNS, found)


def _marks(region: Region, year: int, night: int, first: int) -> tuple[bytes, int]:
    """The marks of the days from `first` to the day before `night`, and their number."""
    marks = region.lessons[KUOPIO, year].known(night)
    marks = marks.take((marks.day >= first) & (marks.day < night))
    days = np.arange(first_day(year) - 1, night + 1)
    texts = pl.Series([_day(int(d)) for d in days])
    classes = marks.later

    def day_texts(values: np.ndarray) -> pl.Series:
        return texts.gather(np.clip(values - days[0], 0, len(days) - 1))

    # Who gave the reason, and when; a reason that nobody gave has now and then a date all the same.
    reason = (classes == HEALTH) | (classes == LEAVE) | (classes == OTHER_ACCEPTED)
    odd = (classes == UNCLARIFIED) & (marks.record % 40 == 0)
    cleared = np.where(marks.changed <= night, marks.changed - 1, np.where(classes == LEAVE, marks.day - 1, marks.day))
    school = {e.enrolment_id: e.school.number for e in region.enrolments if e.municipality == KUOPIO and e.year == year}
    numbers = np.zeros(len(region.enrolments), dtype=np.int64)
    numbers[list(school)] = [int(s) for s in school.values()]
    frame = pl.DataFrame(
        {
            "Merkintänro": marks.record,
            "Oppijanumero": pl.Series([p.oppijanumero for p in region.persons]).gather(marks.person),
            "Koulunro": pl.Series(numbers[marks.enrolment]).cast(pl.String).str.zfill(5),
            "Pvm": day_texts(marks.day),
            "Tunti": marks.lesson,
            "Aine": pl.Series(SUBJECTS).gather((marks.record // 7) % len(SUBJECTS)),
            "Merkintä": pl.Series([MARK[n] for n in range(7)]).gather(classes),
            "Kesto min": pl.Series(np.where(classes == LATE, marks.minutes, -1)).cast(pl.String).replace("-1", None),
            "Selvittäjä": pl.Series([p.guardian for p in region.persons]).gather(marks.person),
            "Selvitetty": day_texts(cleared),
        }
    ).with_columns(
        pl.when(pl.Series(reason)).then("Selvittäjä").otherwise(None),
        pl.when(pl.Series(reason | odd)).then("Selvitetty").otherwise(None),
    )
    target = io.BytesIO()
    frame.write_csv(target, include_bom=True, separator=";", line_terminator="\r\n", quote_style="necessary")
    return target.getvalue(), len(frame)


def _support(region: Region, year: int, night: int, pupils: set[int]) -> bytes:
    lines = [";".join(SUPPORT_COLUMNS)]
    for stored in region.support:
        if stored.municipality != KUOPIO or stored.person_id not in pupils:
            continue
        row = support.known(stored, night)
        if row is None or not support.touches(row, year):
            continue
        measures = [MEASURE[m] for m in row.measures]
        if row.kind == INTENSIFIED:
            code = "TEHO"
        elif row.scheme == "2011":
            code = "ERIT-PID" if row.extended else "ERIT"
        elif row.disability:
            code = "TUPA-20I"
        elif SPECIAL_CLASS in row.measures and row.style % 4:
            # The class is said by the code or by the measure, now and then by both.
            code = "TUPA-ELK"
            measures = [m for m in measures if m != "ELK" or row.style % 4 == 2]
        else:
            code = "TUPA"
        if row.functional:
            measures.append("TA")
        place = "" if row.placement is None else str(row.placement)
        oid = region.persons[row.person_id].oppijanumero
        # The query quotes the field with the commas, always.
        listed = f'"{",".join(measures)}"' if measures else ""
        lines.append(";".join((oid, code, _day(row.start), _day(row.end), place, listed, _day(row.decided))))
    return b"\xef\xbb\xbf" + ("\r\n".join(lines) + "\r\n").encode()


def _school_days(year: int) -> bytes:
    rows = []
    days = [_day(int(d)) for d in working_days(KUOPIO, year)]
    for school in of(KUOPIO):
        for grade in school.grades:
            lessons = day_lessons(school, grade, year).tolist()
            rows += [[school.number, day, str(grade), f"{n},0"] for day, n in zip(days, lessons, strict=True)]
    return _csv(DAY_COLUMNS, rows)


def _has_earlier(folder: Path, night: date) -> bool:
    if not folder.is_dir():
        return False
    first = as_date(first_day(school_year(night)))
    return any(first.isoformat() <= entry.name < night.isoformat() for entry in folder.iterdir() if entry.is_dir())


def write(region: Region, night: date, folder: Path) -> None:
    """Writes `folder/lahtevat/<night>/`. The marks are those of the 20 days before the night, or of the school year so
    far when `lahtevat` has no earlier night of the school year."""
    year, tonight = school_year(night), number(night)
    outgoing = folder / "lahtevat"
    first = first_day(year) if not _has_earlier(outgoing, night) else max(tonight - 20, first_day(year))
    rows = region.enrolled(KUOPIO, year, tonight)
    marks, mark_count = _marks(region, year, tonight, first)
    key = (KUOPIO, "tyopaivat", year)
    if key not in region.cache:
        region.cache[key] = _school_days(year)
    files = {
        "oppilaat.csv": _pupils(region, rows, tonight),
        "tuntimerkinnat.csv": marks,
        "tuki.csv": _support(region, year, tonight, {e.person_id for e in rows}),
        "tyopaivat.csv": region.cache[key],
    }
    target = outgoing / night.isoformat()
    target.mkdir(parents=True, exist_ok=True)
    listed = []
    for name, content in files.items():
        (target / name).write_bytes(content)
        # No field holds a line break, so that the lines less the header are the rows.
        count = mark_count if name == "tuntimerkinnat.csv" else content.count(b"\r\n") - 1
        listed.append(
            {"nimi": name, "tavut": len(content), "rivit": count, "sha256": hashlib.sha256(content).hexdigest()}
        )
    manifest = {"toimitus": night.isoformat(), "tiedostot": listed}
    (target / "valmis.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
