"""Varkaus' extract: an Excel workbook a school year, edited by hand once a week."""

import io
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from demo.region import support
from demo.region.absences import HEALTH, LEAVE, UNAUTHORISED, UNCLARIFIED, UNIT
from demo.region.calendars import (
    FAR,
    YEARS,
    as_date,
    day_lessons,
    number,
    school_year,
    workbook_edit,
    working_days,
)
from demo.region.enrolments import BASIC, FLEX, HOME, HOSPITAL, PREP
from demo.region.model import Region, knowledge, month_of
from demo.region.schools import NAMES, VARKAUS, of
from demo.region.support import (
    AIDS,
    ASSISTANT,
    DECISION,
    INTENSIFIED,
    INTERPRETATION,
    PART_SMALL_GROUP,
    SMALL_GROUP,
    SPECIAL,
    SPECIAL_CLASS,
)

FORM = {BASIC: "perusopetus", FLEX: "jopo", PREP: "valmistava", HOME: "kotiopetus", HOSPITAL: "sairaalaopetus"}
LEVEL = {INTENSIFIED: "T", SPECIAL: "E", DECISION: "P", None: ""}
REASONS = (HEALTH, LEAVE, UNAUTHORISED, UNCLARIFIED)
MONTHS = (
    "tammikuu", "helmikuu", "maaliskuu", "huhtikuu", "toukokuu", "kesäkuu", "heinäkuu", "elokuu", "syyskuu", "lokakuu",
    "marraskuu", "joulukuu",
)  # fmt: skip
SHEETS = {
    "Oppilaat": (
        "Oppilasnro", "Hetu", "Koulu", "Vuosiluokka", "Luokka", "Kotikunta", "Opetusmuoto", "Aloitti", "Lopetti",
    ),
    "Poissaolot": ("Oppilasnro", "Kuukausi", "Sairaus h", "Lupa h", "Luvaton h", "Epäselvä h"),
    "Tuki": (
        "Oppilasnro", "Taso", "Alkaen", "Päättyen", "Pienryhmä", "Erityisluokka", "Avustaja", "Tulkki", "Apuväline",
        "TA-opetus", "Pidennetty", "20 i §",
    ),
    "Kalenteri": ("Koulu", "Pvm", "Vuosiluokka", "Tunnit"),
}  # fmt: skip
HEADER_ROW = 3


class _Sheet:
    """A sheet with its titles and headers; rows are appended below them."""

    def __init__(self, book: xlsxwriter.Workbook, name: str, title: str, edited: str, date_format: Format) -> None:
        self._sheet: Worksheet = book.add_worksheet(name)
        self._date_format = date_format
        columns = SHEETS[name]
        last = len(columns) - 1
        self._sheet.merge_range(0, 0, 0, last, "Varkauden kaupunki, perusopetus")
        self._sheet.merge_range(1, 0, 1, last, f"{name} {title}")
        self._sheet.merge_range(2, 0, 2, last, f"Päivitetty {edited}")
        self._sheet.write_row(HEADER_ROW, 0, columns)
        self.row = HEADER_ROW + 1

    def append(self, cells: Sequence[str | int | float | date | None], hidden: bool = False) -> None:
        """Adds a row; None leaves a cell empty."""
        for column, cell in enumerate(cells):
            if cell is None or cell == "":
                continue
            if isinstance(cell, date):
                # Excel counts days from 1899-12-30; a serial number has no time zone to be wrong about.
                serial = cell.toordinal() - date(1899, 12, 30).toordinal()
                self._sheet.write_number(self.row, column, serial, self._date_format)
            elif isinstance(cell, str):
                self._sheet.write_string(self.row, column, cell)
            else:
                self._sheet.write_number(self.row, column, cell)
        if hidden:
            self._sheet.set_row(self.row, None, None, {"hidden": True})
        self.row += 1


def _day(day: int, style: int) -> str | date | None:
    """A date as Excel has it, or every third typed as d.m.yyyy."""
    if day == FAR:
        return None
    value = as_date(day)
    return f"{value.day}.{value.month}.{value.year}" if style % 3 == 0 else value


def _mix(*numbers: int) -> int:
    """A fixed number from some numbers, so that a cell looks the same in every edit."""
    found = 0x9E3779B97F4A7C15
    for n in numbers:
        found = ((found ^ n) * 0xBF58476D1CE4E5B9 + 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        found ^= found >> 29
    return found


def month_sums(region: Region, year: int, edit: int) -> dict[tuple[int, int], list[int]]:
    """Lessons (in ten-thousandths, by `REASONS`) of each pupil and month (months since 1970-01) that the workbook of
    the given edit has a row for: all months that had ended, whatever is `unreported` left out."""
    state = edit + 1
    days = working_days(VARKAUS, year)
    months = month_of(days)
    ended = [int(m) for m in np.unique(months) if number(_first_of(int(m) + 1)) <= edit]
    sums: dict[tuple[int, int], list[int]] = {}
    for e in region.enrolled(VARKAUS, year, state):
        for m in ended:
            inside = days[(months == m) & (days >= e.start) & (days <= e.last)]
            if len(inside):
                sums.setdefault((e.person_id, m), [0, 0, 0, 0])
    lessons = region.lessons[VARKAUS, year].known(state)
    for person, m, absence_class, amount in zip(
        lessons.person.tolist(),
        month_of(lessons.day).tolist(),
        lessons.later.tolist(),
        lessons.amount.tolist(),
        strict=True,
    ):
        if (person, m) in sums:
            sums[person, m][REASONS.index(absence_class)] += amount
    return sums


def _first_of(month: int) -> date:
    return date(1970 + month // 12, month % 12 + 1, 1)


def _absences(region: Region, year: int, edit: int, sheet: _Sheet, local: dict[int, str]) -> None:
    totals = [0, 0, 0, 0]
    sums = month_sums(region, year, edit)
    for (person, month), amounts in sorted(sums.items(), key=lambda item: (item[0][1], item[0][0])):
        first = _first_of(month)
        empty = region.unreported.get((person, first.year, first.month))
        if empty is False:
            continue
        style = _mix(person, month)
        label: str | date = f"{MONTHS[first.month - 1]} {first.year}"
        if style % 4 == 0:
            # Any day of the month, shown as a month.
            label = first.replace(day=1 + style // 8 % 28)
        cells: list[str | int | float | date | None] = [local[person], label]
        for n, amount in enumerate(amounts):
            totals[n] += 0 if empty else amount
            lessons = amount // UNIT if amount % UNIT == 0 else amount / UNIT
            blank = _mix(person, month, n) % 10 < 3
            cells.append(None if empty else lessons if amount else None if blank else "–")
        if not empty and all(cell is None for cell in cells[2:]):
            cells[2] = "–"
        sheet.append(cells, hidden=style % 41 == 0)
    # A blank row, then the total of each column.
    sheet.row += 1
    sheet.append(["Yhteensä", None, *(total // UNIT if total % UNIT == 0 else total / UNIT for total in totals)])


def _support(region: Region, year: int, state: int, sheet: _Sheet, local: dict[int, str]) -> None:
    for stored in region.support:
        if stored.municipality != VARKAUS or stored.person_id not in local:
            continue
        row = support.known(stored, state)
        if row is None or not support.touches(row, year):
            continue
        mark = "X" if row.style % 3 == 0 else "x"
        group = PART_SMALL_GROUP in row.measures or SMALL_GROUP in row.measures
        marks = (
            group,
            SPECIAL_CLASS in row.measures,
            ASSISTANT in row.measures,
            INTERPRETATION in row.measures,
            AIDS in row.measures,
            row.functional,
            row.extended,
            row.disability,
        )
        sheet.append(
            [local[row.person_id], LEVEL[row.kind], _day(row.start, row.style), _day(row.end, row.style + 1)]
            + [mark if is_so else None for is_so in marks],
            hidden=row.style % 23 == 7,
        )


def workbook(region: Region, year: int, edit: int) -> bytes:
    """The workbook of the school year as it was left on the day of the edit."""
    state = edit + 1
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"in_memory": True})
    # The file says when it was made: a fixed moment a workbook, or every writing would be another file.
    made = as_date(edit)
    book.set_properties({"author": "", "created": datetime(made.year, made.month, made.day, 12, tzinfo=UTC)})
    shown = book.add_format({"num_format": "d.m.yyyy"})
    title, edited = f"{year}-{year + 1}", f"{made.day}.{made.month}.{made.year}"
    sheets = {name: _Sheet(book, name, title, edited, shown) for name in SHEETS}
    rows = region.enrolled(VARKAUS, year, state)
    local = {e.person_id: e.local_id for e in rows}
    for e in rows:
        person = region.persons[e.person_id]
        style = _mix(e.enrolment_id)
        sheets["Oppilaat"].append(
            [
                e.local_id,
                person.hetu if person.hetu_from <= state else None,
                e.school.name,
                e.grade,
                e.class_name,
                NAMES[e.home],
                FORM[e.form],
                _day(e.start, style),
                _day(e.end, style // 3),
            ],
            hidden=style % 37 == 0,
        )
    _absences(region, year, edit, sheets["Poissaolot"], local)
    _support(region, year, state, sheets["Tuki"], local)
    days = working_days(VARKAUS, year).tolist()
    for school in of(VARKAUS):
        for grade in school.grades:
            for n, (day, lessons) in enumerate(zip(days, day_lessons(school, grade, year).tolist(), strict=True)):
                sheets["Kalenteri"].append([school.name, _day(day, n + grade), grade, lessons])
    book.close()
    return target.getvalue()


def write(region: Region, night: date, folder: Path) -> None:
    """Writes `Varkaus_<lukuvuosi>.xlsx` of the night's school year and of those before it, as last edited."""
    tonight = number(night)
    folder.mkdir(parents=True, exist_ok=True)
    for year in YEARS:
        edit = workbook_edit(year, tonight)
        if year > school_year(night) or edit is None or knowledge(VARKAUS, year, tonight) is None:
            continue
        key = (VARKAUS, year, edit)
        if key not in region.cache:
            region.cache[key] = workbook(region, year, edit)
        path = folder / f"Varkaus_{year}-{year + 1}.xlsx"
        path.write_bytes(region.cache[key])
        # The share tells when the workbook was last saved: on the afternoon of its edit.
        saved = datetime.combine(as_date(edit), time(15), ZoneInfo("Europe/Helsinki")).timestamp()
        os.utime(path, (saved, saved))
