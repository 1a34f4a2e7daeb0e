"""Iisalmi's extract: the four views of its reporting database, a parquet file each."""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from demo.region import parquet, support
from demo.region.absences import HEALTH, LEAVE, OTHER_ACCEPTED, SCHOOL_ACTIVITY, UNAUTHORISED, UNCLARIFIED, UNIT
from demo.region.calendars import day_lessons, first_day, number, school_year, working_days
from demo.region.enrolments import BASIC, FLEX, HOME, HOSPITAL, PREP, Enrolment
from demo.region.model import Region
from demo.region.parquet import texts, whole
from demo.region.schools import IISALMI, of
from demo.region.support import DECISION, INTENSIFIED, SPECIAL, SPECIAL_CLASS, Support

FORM = {BASIC: "perusopetus", FLEX: "jopo", PREP: "valmistava", HOME: "kotiopetus", HOSPITAL: "sairaalaopetus"}
REASON = {HEALTH: 1, LEAVE: 2, UNAUTHORISED: 3, OTHER_ACCEPTED: 4, SCHOOL_ACTIVITY: 5, UNCLARIFIED: 9}
TYPED = {
    INTENSIFIED: ("Teh.tuki", "tehostettu", "TEHOSTETTU TUKI"),
    SPECIAL: ("ET", "erityinen", "Erityinen tuki"),
    DECISION: ("Tuen päätös",),
}
EXTENDED, SPECIAL_CLASS_DECISION = "Erityinen (pid.)", "tuen päätös/erityisluokka"
PROSE = ("Sovittu huoltajien kanssa", "Seuranta jatkuu keväällä", "ks. oppimissuunnitelma")


def _moments(nights: np.ndarray, year: int, turn: np.ndarray) -> pl.Series:
    """Naive local time of a change that is first seen on the given nights: on the day before, in working hours."""
    minutes = (np.maximum(nights, first_day(year) - 1) - 1) * 1440 + 480 + turn * 31 % 480
    return pl.Series(minutes.astype("datetime64[m]").astype("datetime64[us]"))


def typed(row: Support) -> str:
    """The level as a clerk types it: in the spellings of `TYPED`, with stray spaces and in any case."""
    assert row.kind is not None
    text = TYPED[row.kind][row.style % len(TYPED[row.kind])]
    if row.extended and row.kind == SPECIAL:
        text = EXTENDED
    if SPECIAL_CLASS in row.measures and row.kind == DECISION:
        text = SPECIAL_CLASS_DECISION
    return (text, f" {text}", f"{text.upper()}  ", f" {text.lower()} ", text)[row.style % 5]


def remark(row: Support) -> str | None:
    """`lisatieto`: the three forms that mean something, else harmless prose or nothing."""
    forms = []
    if row.placement is not None:
        forms.append(f"toteutuspaikka {row.placement}")
    if row.functional:
        forms.append("TA")
    if row.disability:
        forms.append("20 i §")
    if forms:
        return ", ".join(forms)
    return PROSE[row.style % len(PROSE)] if row.style % 3 == 0 else None


def _pupils(region: Region, rows: list[Enrolment], year: int, night: int) -> dict[str, pl.Series]:
    people = [region.persons[e.person_id] for e in rows]
    events = [max(x for x in (e.known_from, e.end_known, e.changed) if x <= night) for e in rows]
    return {
        "hetu": texts([p.hetu for p in people]),
        "nimi": texts([p.name for p in people]),
        "koulunro": whole([int(e.school.number) for e in rows], pl.Int32),
        "luokka_aste": whole([e.grade for e in rows], pl.Int16),
        "luokka": texts([e.class_name for e in rows]),
        "kotikunta": whole([int(e.home) for e in rows], pl.Int32),
        "opetusmuoto": texts([FORM[e.form] for e in rows]),
        "alku": parquet.days([e.start for e in rows]),
        "loppu": parquet.days([e.end for e in rows]),
        "muutettu": _moments(np.array(events, dtype=np.int64), year, np.arange(len(rows))),
    }


def _absences(region: Region, year: int, night: int) -> dict[str, pl.Series]:
    lessons = region.lessons[IISALMI, year]
    lessons = lessons.take(lessons.created <= night)
    record, first, group = np.unique(lessons.record, return_index=True, return_inverse=True)
    amount = np.zeros(len(record), dtype=np.int64)
    np.add.at(amount, group, lessons.amount)
    row = lessons.take(first)
    changed = row.changed <= night
    classes = np.where(changed, row.later, row.first)
    # An accepted other reason is a 4, or a 9 that somebody has accepted.
    nine = (classes == OTHER_ACCEPTED) & (changed | (record % 3 == 0))
    reason = np.where(nine, 9, np.array([REASON.get(n, 0) for n in range(7)])[classes])
    accepted = np.select(
        [nine, classes == UNCLARIFIED, classes == UNAUTHORISED, record % 4 == 0],
        ["K", np.where(record % 2 == 0, "E", ""), np.where(record % 60 == 0, "K", "E"), ""],
        np.where(record % 90 == 1, "E", "K"),
    )
    events = np.max([np.where(e <= night, e, 0) for e in (row.created, row.changed, row.deleted)], axis=0)
    order = np.lexsort((record, row.day))
    columns = {
        "poissaolo_id": whole(record),
        "hetu": texts([p.hetu for p in region.persons]).gather(row.person),
        "paiva": parquet.days(row.day),
        "tunnit": parquet.decimals(amount // (UNIT // 100), 6, 2),
        "syy": whole(reason.astype(np.int16), pl.Int16),
        "hyvaksytty": texts([flag or None for flag in accepted.tolist()]),
        "poistettu": pl.Series(row.deleted <= night),
        "muutettu": _moments(events, year, record % 997),
    }
    return {name: column.gather(order) for name, column in columns.items()}


def _support(region: Region, year: int, night: int, pupils: set[int]) -> dict[str, pl.Series]:
    rows = []
    for stored in region.support:
        if stored.municipality == IISALMI and stored.person_id in pupils:
            row = support.known(stored, night)
            if row is not None and support.touches(row, year):
                rows.append(row)
    events = [max(x for x in (r.known_from, r.end_known) if x <= night) for r in rows]
    return {
        "tuki_id": whole([int(r.record) for r in rows]),
        "hetu": texts([region.persons[r.person_id].hetu for r in rows]),
        "tuki": texts([typed(r) for r in rows]),
        "alku": parquet.days([r.start for r in rows]),
        "loppu": parquet.days([r.end for r in rows]),
        "lisatieto": texts([remark(r) for r in rows]),
        "muutettu": _moments(np.array(events, dtype=np.int64), year, np.arange(len(rows))),
    }


def _school_days(year: int) -> dict[str, pl.Series]:
    days = working_days(IISALMI, year)
    pairs = [(school, grade) for school in of(IISALMI) for grade in school.grades]
    lessons = np.concatenate([day_lessons(school, grade, year) for school, grade in pairs]).astype(np.int64)
    return {
        "koulunro": whole(np.repeat([int(s.number) for s, _ in pairs], len(days)), pl.Int32),
        "paiva": parquet.days(np.tile(days, len(pairs))),
        "luokka_aste": whole(np.repeat([g for _, g in pairs], len(days)), pl.Int16),
        "tunnit": parquet.decimals(lessons * 100, 6, 2),
    }


def write(region: Region, night: date, folder: Path) -> None:
    """Writes `v_oppilas`, `v_poissaolo`, `v_tuki` and `v_tyopaiva` as parquet."""
    year, tonight = school_year(night), number(night)
    rows = region.enrolled(IISALMI, year, tonight)
    parquet.write(folder / "v_oppilas.parquet", _pupils(region, rows, year, tonight))
    parquet.write(folder / "v_poissaolo.parquet", _absences(region, year, tonight))
    parquet.write(folder / "v_tuki.parquet", _support(region, year, tonight, {e.person_id for e in rows}))
    parquet.write(folder / "v_tyopaiva.parquet", _school_days(year))
