"""The work queue of codes that a municipality's folder does not know: where each was seen, and which line is missing.

A code leaves the queue when its line is in the folder and the delivery was read again, or when the source has stopped
sending it: a later delivery was accepted without it.
"""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from connectors.check import TYPED_TEXT_PUPILS
from connectors.config import (
    ABSENCE_CLASSES,
    FORMS,
    GAP,
    MARKS,
    SUPPORT_KINDS,
    Dataset,
    Municipality,
    load_municipality,
    municipality_names,
)
from connectors.delivery import school_year_bounds
from connectors.parsing import is_plain_code
from pipeline.settings import Settings

HELSINKI = ZoneInfo("Europe/Helsinki")
# The rows of a delivery that have a code, and the day on which it must be in force, as the delivery gate sees them.
_ABSENCES = {
    "lesson": "select source_code, cleared, day from landing.absence_lesson where delivery_id = %(id)s",
    "interval": """
        select source_code, cleared, (starts_at at time zone 'Europe/Helsinki')::date as day
        from landing.absence_interval where delivery_id = %(id)s and deleted is not true
    """,
    "day": """
        select source_code, cleared, day from landing.absence_day where delivery_id = %(id)s and deleted is not true
    """,
    "month": """
        select source_code, null as cleared, month as day from landing.absence_month where delivery_id = %(id)s
    """,
}
_SUPPORT = """
    select support_code as source_code, valid_from as day from landing.support
    where delivery_id = %(id)s and deleted is not true
"""
_MARKS = """
    select mark as source_code, valid_from as day from landing.support cross join unnest(marks) as mark
    where delivery_id = %(id)s and deleted is not true
"""
# How a code is told that could be a name, and so is told by its row only.
_HIDDEN = ("(text, row ", "(typed text, row ")
# Where a code landed, with its pupil: table (of absences, that of the grain), and which rows have it.
_LANDED = {
    "absence": ("landing.absence_{grain}", "source_code = %s"),
    "form": ("landing.enrolment", "form = %s"),
    "support": ("landing.support", "support_code = %s"),
    "mark": ("landing.support", "%s = any(marks)"),
}


@dataclass(frozen=True)
class UnmappedCode:
    """One code of the queue.

    state: `open`, or `mapped` when the folder knows it by now and the delivery waits to be read again. row_count: rows
    of the last delivery that has it. first_row: the first of them there, None where it cannot be told. first_seen,
    last_seen: nights. column: of the source; several are joined by a plus. delivery, status: the last one that has it.
    file, line: what to add to which file of the municipality's folder; `FILL IN` stands where somebody must decide, and
    meanings says what may stand there. next_command: what to run when the line is there. told_to_all: the code as
    other municipalities may read it: `source_code` where it is too short for a name or TYPED_TEXT_PUPILS landed pupils
    have it, else its row if it is known.
    """

    municipality: str
    dataset: str
    kind: str
    source_code: str
    state: str
    row_count: int
    first_row: int | None
    first_seen: date
    last_seen: date
    source: str
    column: str
    delivery: str
    status: str
    file: str
    line: str
    meanings: tuple[str, ...]
    next_command: str
    told_to_all: str


@dataclass(frozen=True)
class _Kind:
    """What a kind of code is in a folder: its file, a new code's values of the columns before the validity, the words
    that may stand in a gap, and what the folder has now (key, first day, last day)."""

    file: str
    values: Callable[[str], tuple[str, ...]]
    meanings: tuple[str, ...]
    known: Callable[[Municipality], Iterable[tuple[str, date, date | None]]]
    # Rows of earlier school years are still delivered, so a new line must reach back to the first of the file.
    reaches_back: bool


def _number(code: str) -> str:
    return code.zfill(5) if code.isdecimal() and len(code) <= 5 else GAP


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


_KINDS = {
    "absence": _Kind(
        "absence_codes.csv",
        lambda code: (code, "", GAP),
        ABSENCE_CLASSES,
        lambda m: ((one.source_code, one.valid_from, one.valid_to) for one in m.codes.absence),
        reaches_back=False,
    ),
    "support": _Kind(
        "support_codes.csv",
        lambda code: (code, GAP, GAP, "", "false"),
        (*SUPPORT_KINDS, "2011", "2025"),
        lambda m: ((one.support_code, one.valid_from, one.valid_to) for one in m.codes.support),
        reaches_back=True,
    ),
    "mark": _Kind(
        "mark_codes.csv",
        lambda code: (code, GAP),
        MARKS,
        lambda m: ((one.source_code, one.valid_from, one.valid_to) for one in m.codes.marks),
        reaches_back=True,
    ),
    "form": _Kind(
        "forms.csv",
        lambda code: (code, GAP),
        FORMS,
        lambda m: ((one.source_code, one.valid_from, one.valid_to) for one in m.codes.forms),
        reaches_back=True,
    ),
    "school": _Kind(
        "schools.csv",
        lambda code: (_number(code), GAP, code),
        (),
        lambda m: ((one.source_value, one.valid_from, one.valid_to) for one in m.codes.schools),
        reaches_back=True,
    ),
    "home_municipality": _Kind(
        "home_municipalities.csv",
        lambda code: (code, GAP),
        (),
        lambda m: ((one.source_value, one.valid_from, one.valid_to) for one in m.codes.home_municipalities),
        reaches_back=True,
    ),
}


def read_queue(
    connection: psycopg.Connection, settings: Settings, municipality: str | None = None
) -> tuple[UnmappedCode, ...]:
    """The codes of one municipality, or of all, the largest first within a municipality. Raises ConfigError when a
    folder that has codes in the queue is not in order."""
    names = municipality_names(settings.municipalities)
    wanted = [name for name in names if municipality in (None, name)]
    rows = connection.execute(_QUEUE, {"municipalities": wanted}).fetchall()
    folders = {name: load_municipality(settings.municipalities / name) for name in {row[0] for row in rows}}
    return tuple(_code(connection, folders[row[0]], *row[1:]) for row in rows)


# The rows of an accepted increment or window count for as long as they are landed; anything else is what the source
# said that night, which a later accepted delivery replaces.
_QUEUE = """
with entry as (
    select
        delivery.municipality, code.dataset, code.kind, code.source_code, code.row_count, delivery.night,
        delivery.delivery, delivery.delivery_id, delivery.status, delivery.school_year
    from ops.unmapped_code as code
    inner join ops.delivery as delivery
        on code.delivery_id = delivery.delivery_id and code.dataset = delivery.dataset
    where
        delivery.municipality = any(%(municipalities)s) and delivery.status <> 'superseded'
        and (
            (delivery.status = 'accepted' and delivery.extent in ('chain', 'window'))
            or not exists (
                select from ops.delivery as later
                where
                    later.municipality = delivery.municipality and later.dataset = delivery.dataset
                    and later.school_year = delivery.school_year and later.status = 'accepted'
                    and (later.night, later.delivery_id) > (delivery.night, delivery.delivery_id)
            )
        )
),

numbered as (
    select
        *,
        min(night) over same_code as first_seen,
        row_number() over (same_code order by night desc, delivery_id desc) as place
    from entry
    window same_code as (partition by municipality, dataset, kind, source_code)
)

select
    municipality, dataset, kind, source_code, row_count, first_seen, night, delivery, delivery_id, status, school_year
from numbered
where place = 1
order by municipality, row_count desc, dataset, kind, source_code
"""


def _code(
    connection: psycopg.Connection,
    municipality: Municipality,
    dataset: str,
    kind: str,
    source_code: str,
    row_count: int,
    first_seen: date,
    night: date,
    delivery: str,
    delivery_id: int,
    status: str,
    school_year: int,
) -> UnmappedCode:
    of = _KINDS[kind]
    layout = municipality.datasets[dataset]
    hidden = source_code.startswith(_HIDDEN)
    first_row, pupils = _landed(connection, municipality, kind, source_code, delivery_id)
    plain = hidden or is_plain_code(source_code) or pupils >= TYPED_TEXT_PUPILS
    return UnmappedCode(
        municipality=municipality.name,
        dataset=dataset,
        kind=kind,
        source_code=source_code,
        state="mapped"
        if not hidden and _is_known(connection, municipality, kind, source_code, delivery_id)
        else "open",
        row_count=row_count,
        first_row=first_row,
        first_seen=first_seen,
        last_seen=night,
        source=layout.source_name(school_year, night),
        column=_column(layout, kind),
        delivery=delivery,
        status=status,
        file=f"{municipality.name}/{of.file}",
        line=new_line(municipality, kind, GAP if hidden else source_code, school_year, datetime.now(HELSINKI).date()),
        meanings=of.meanings,
        next_command=f"tukiverkko replay {delivery}",
        told_to_all=source_code if plain else "(text)" if first_row is None else f"(text, row {first_row})",
    )


def note_out_of_force(connection: psycopg.Connection, municipality: Municipality, delivery_id: int) -> None:
    """Enters codes that the folder knows, but that were not in force on the day of a row: the reading knows a code by
    the school year only. In the caller's transaction; what the reading entered stays as it is."""
    for dataset, kind, landed, crosswalk, key, more in (
        (
            "absence",
            "absence",
            _ABSENCES[municipality.absence_grain],
            "absence_crosswalk",
            "source_code",
            "and (crosswalk.cleared is null or crosswalk.cleared = landed.cleared)",
        ),
        ("support", "support", _SUPPORT, "support_crosswalk", "support_code", ""),
        ("support", "mark", _MARKS, "mark_crosswalk", "source_code", ""),
    ):
        connection.execute(
            f"""
            insert into ops.unmapped_code (delivery_id, dataset, kind, source_code, row_count)
            select %(id)s, '{dataset}', '{kind}', landed.source_code, count(*)
            from ({landed}) as landed
            where landed.source_code is not null and not exists (
                select from reference.{crosswalk} as crosswalk
                where
                    crosswalk.municipality = %(municipality)s and crosswalk.{key} = landed.source_code {more}
                    and landed.day between crosswalk.valid_from and coalesce(crosswalk.valid_to, 'infinity')
            )
            group by landed.source_code
            on conflict do nothing
            """,
            {"id": delivery_id, "municipality": municipality.name},
        )


def new_line(municipality: Municipality, kind: str, source_code: str, school_year: int, today: date) -> str:
    """The line that makes a folder know the code, without its end; `FILL IN` stands for what somebody must decide.

    It holds from the day after an older line of the same code has ended, or until the day before one that still holds;
    else from the school year's first day, or, where what is delivered began in earlier years (support, marks, forms,
    places), from the first day of the file.
    """
    of = _KINDS[kind]
    lines = list(of.known(municipality))
    first, _ = school_year_bounds(school_year)
    if of.reaches_back:
        first = min((valid_from for _, valid_from, _ in lines), default=first)
    own = [(valid_from, last) for key, valid_from, last in lines if _folded(key) == _folded(source_code)]
    until = ""
    if any(last is None for _, last in own):
        until = (min(valid_from for valid_from, _ in own) - timedelta(days=1)).isoformat()
    elif own:
        first = max(last for _, last in own if last is not None) + timedelta(days=1)
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow((*of.values(source_code), first.isoformat(), until, GAP, today))
    return text.getvalue()


def _is_known(
    connection: psycopg.Connection, municipality: Municipality, kind: str, source_code: str, delivery_id: int
) -> bool:
    """Whether the folder says by now what the code means, on every day of the rows that have it."""
    own = [
        (valid_from, last or date.max)
        for key, valid_from, last in _KINDS[kind].known(municipality)
        if _folded(key) == _folded(source_code)
    ]
    landed = {"absence": _ABSENCES[municipality.absence_grain], "support": _SUPPORT, "mark": _MARKS}.get(kind)
    if landed is None:
        return bool(own)
    days = connection.execute(
        f"select distinct day from ({landed}) as landed where source_code = %(code)s and day is not null",
        {"id": delivery_id, "code": source_code},
    ).fetchall()
    return bool(own) and all(any(first <= day <= last for first, last in own) for (day,) in days)


def _column(layout: Dataset, kind: str) -> str:
    """The source's column or columns that hold the codes of that kind."""
    fields = {"form": "form", "school": "school_number", "home_municipality": "home_municipality"}
    match kind:
        case "absence":
            return layout.columns.get("source_code") or " + ".join(layout.reasons)
        case "support":
            return " + ".join(layout.support_code)
        case "mark":
            return " + ".join((*layout.mark_lists, *layout.mark_flags, *filter(None, (layout.mark_prose,))))
    return layout.columns.get(fields[kind], "")


def _landed(
    connection: psycopg.Connection, municipality: Municipality, kind: str, source_code: str, delivery_id: int
) -> tuple[int | None, int]:
    """The first landed row that has the code, and how many pupils have it; a code that did not land is told by its
    rejected rows."""
    if kind not in _LANDED:
        return None, 0
    table, condition = _LANDED[kind]
    row = connection.execute(
        f"""
        select min(row_number), count(distinct pupil_ref)
        from {table.format(grain=municipality.absence_grain)} where delivery_id = %s and {condition}
        """,
        (delivery_id, source_code),
    ).fetchone()
    assert row is not None
    return row[0], row[1]
