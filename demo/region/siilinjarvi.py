"""Siilinjärvi's extract: the items that its REST interface serves, as JSON arrays, and the service's clock."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

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
from demo.region.calendars import (
    FAR,
    as_date,
    day_lessons,
    first_day,
    number,
    school_year,
    utc_offset_hours,
    working_days,
)
from demo.region.model import Region
from demo.region.schools import SIILINJARVI, of

TYPE = {
    UNAUTHORISED: "UNAUTH",
    UNCLARIFIED: "UNKNOWN",
    OTHER_ACCEPTED: "OTHER",
    LEAVE: "LEAVE",
    HEALTH: "SICK",
    LATE: "LATE",
    SCHOOL_ACTIVITY: "SCHOOL",
}


def iso(minutes: np.ndarray) -> list[str]:
    """ISO 8601 with the offset of Helsinki, of wall-clock minutes since 1970-01-01."""
    text = np.datetime_as_string(minutes.astype("datetime64[m]"), unit="s").tolist()
    offset = [f"+0{hours}:00" for hours in utc_offset_hours(minutes).tolist()]
    return [a + b for a, b in zip(text, offset, strict=True)]


def _day(day: int) -> str | None:
    return None if day == FAR else as_date(day).isoformat()


def _updated(nights: np.ndarray, year: int, turn: np.ndarray) -> list[str]:
    """The moment of a change that is first seen on the given nights: on the day before, between 8 and 20 o'clock."""
    seen = np.maximum(nights, first_day(year) - 1)
    return iso((seen - 1) * 1440 + 480 + turn * 37 % 720)


def _latest(night: int, *events: np.ndarray) -> np.ndarray:
    """The latest event (a night) that is not after `night`, item by item."""
    found: np.ndarray = np.max([np.where(e <= night, e, -FAR) for e in events], axis=0)
    return found


def _students(region: Region, year: int, night: int) -> list[dict[str, Any]]:
    rows = [e for e in region.enrolments if e.municipality == SIILINJARVI and e.year == year and e.known_from <= night]
    events = [
        max(
            event
            for event in (e.known_from, e.end_known, e.changed, e.deleted, region.persons[e.person_id].hetu_from)
            if event <= night
        )
        for e in rows
    ]
    updated = _updated(np.array(events, dtype=np.int64), year, np.arange(len(rows)))
    items = []
    for e, stamp in zip(rows, updated, strict=True):
        person = region.persons[e.person_id]
        moved = e.changed <= night
        items.append(
            {
                "id": e.local_id,
                "personId": person.hetu if person.hetu_from <= night else None,
                "schoolNumber": e.school.number,
                "grade": e.grade,
                "className": e.class_later if moved else e.class_name,
                "homeMunicipality": e.home_later if moved else e.home,
                "form": e.form,
                "startDate": _day(e.start),
                "endDate": _day(e.end) if e.end_known <= night else None,
                "deleted": e.deleted <= night,
                "updatedAt": stamp,
            }
        )
    return items


def _absences(region: Region, year: int, night: int) -> list[dict[str, Any]]:
    items = region.intervals[year]
    items = items.take(items.created <= night)
    known = items.changed <= night
    open_ended = items.closed > night
    ids = {e.enrolment_id: e.local_id for e in region.enrolments if e.municipality == SIILINJARVI and e.year == year}
    turn = (items.start // 7) % 720
    updated = _updated(_latest(night, items.created, items.changed, items.closed, items.deleted), year, turn)
    classes = np.where(known, items.later, items.first)
    # A cleared absence has the moment of clearing; of a late mark nothing is to be cleared.
    clear = known | np.isin(classes, (LEAVE, HEALTH, OTHER_ACCEPTED))
    cleared = _updated(np.where(known, items.changed, items.created), year, turn)
    columns = zip(
        items.uuid.tolist(),
        items.enrolment.tolist(),
        iso(items.start),
        iso(items.end),
        open_ended.tolist(),
        classes.tolist(),
        clear.tolist(),
        cleared,
        (items.deleted <= night).tolist(),
        updated,
        strict=True,
    )
    return [
        {
            "id": uuid,
            "studentId": ids[enrolment],
            "from": start,
            "to": None if is_open else end,
            "type": TYPE[absence_class],
            "clearedAt": moment if is_clear else None,
            "deleted": deleted,
            "updatedAt": stamp,
        }
        for uuid, enrolment, start, end, is_open, absence_class, is_clear, moment, deleted, stamp in columns
    ]


def _support(region: Region, year: int, night: int) -> list[dict[str, Any]]:
    student: dict[int, str] = {}
    for e in region.enrolled(SIILINJARVI, year, night):
        student.setdefault(e.person_id, e.local_id)
    rows = []
    for stored in region.support:
        if stored.municipality != SIILINJARVI or stored.person_id not in student or stored.known_from > night:
            continue
        row = support.known(stored, min(night, stored.deleted - 1))
        if row is not None and support.touches(row, year):
            rows.append((stored, row))
    events = [max(x for x in (s.known_from, s.end_known, s.deleted) if x <= night) for s, _ in rows]
    updated = _updated(np.array(events, dtype=np.int64), year, np.arange(len(rows)))
    return [
        {
            "id": row.record,
            "studentId": student[row.person_id],
            "scheme": row.scheme,
            "kind": row.kind,
            "start": _day(row.start),
            "end": _day(row.end),
            "placement": row.placement,
            "functionalAreas": row.functional,
            "extended": row.extended,
            "disabilityBased": row.disability,
            "measures": list(row.measures),
            "deleted": stored.deleted <= night,
            "updatedAt": stamp,
        }
        for (stored, row), stamp in zip(rows, updated, strict=True)
    ]


def _school_days(year: int) -> list[dict[str, Any]]:
    items = []
    days = [_day(int(d)) for d in working_days(SIILINJARVI, year)]
    for school in of(SIILINJARVI):
        start = f"{school.day_start // 60:02d}:{school.day_start % 60:02d}"
        for grade in school.grades:
            for day, lessons in zip(days, day_lessons(school, grade, year).tolist(), strict=True):
                items.append(
                    {
                        "schoolNumber": school.number,
                        "date": day,
                        "grade": grade,
                        "lessons": lessons,
                        "dayStart": start,
                        "slotMinutes": school.slot_minutes,
                    }
                )
    return items


def _json(items: list[dict[str, Any]]) -> bytes:
    # An item a line.
    return ("[\n" + ",\n".join(json.dumps(item, ensure_ascii=False) for item in items) + "\n]\n").encode()


def write(region: Region, night: date, folder: Path) -> None:
    """Writes `students.json`, `absences.json`, `support-periods.json`, `school-days.json` (an array each, in a stable
    order, tombstones included) and `clock.json` (`asOf`: the morning of the night, 04:00 in Helsinki)."""
    year, tonight = school_year(night), number(night)
    folder.mkdir(parents=True, exist_ok=True)
    key = (SIILINJARVI, "school-days", year)
    if key not in region.cache:
        region.cache[key] = _json(_school_days(year))
    (folder / "students.json").write_bytes(_json(_students(region, year, tonight)))
    (folder / "absences.json").write_bytes(_json(_absences(region, year, tonight)))
    (folder / "support-periods.json").write_bytes(_json(_support(region, year, tonight)))
    (folder / "school-days.json").write_bytes(region.cache[key])
    as_of = iso(np.array([tonight * 1440 + 240]))[0]
    (folder / "clock.json").write_text(json.dumps({"asOf": as_of}) + "\n", encoding="utf-8")
