"""What a release shows: each table in parts, a part a period. A closed period is shown, corrected once, then stays.

A part is new when its period has been closed since the release before; it is corrected when the next month closes
(docs/definitions.md §4); else a release shows the very rows of the one before. Everything here happens in the caller's
transaction.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from pipeline import audit
from pipeline.disclosure import (
    Largest,
    Protected,
    Protection,
    Published,
    protect,
    protection_of,
    without_telling_reason,
)
from pipeline.linked_counts import Count, RegionParts, linked_counts, month_end, places_of
from pipeline.warehouse import reader_roles
from pipeline.withholding import SPAN, CannotProtect

CLOSE_DAYS = 21
# Releases that a rollback can bring back.
KEPT_RELEASES = 13
# Where whole numbers leave less room than the protection's fractions, more is withheld; this many times.
ATTEMPTS = 4

Row = dict[str, Any]
Period = str


class NotSafe(Exception):
    """The audit found what can be worked out; names the counts and who could. Nothing may be released."""


@dataclass(frozen=True)
class Mart:
    """A table of `reporting`. key: its primary key. period: the columns of the key that name a part; without any, the
    table tells of today, and every release shows it as it is."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    period: tuple[str, ...]
    protection: Protection


@dataclass(frozen=True)
class Part:
    """A part as a release shows it. first_night: of the release that showed the period first."""

    part_id: int
    table: str
    period: Period
    first_night: date
    is_corrected: bool
    checksum: str


@dataclass(frozen=True)
class Loss:
    """How many counts of a table, of those that are not nought and are decided in this release, readers do not see."""

    table: str
    withheld: int
    counts: int


@dataclass(frozen=True)
class Detail:
    """What no table shows but somebody knows. largest: what one pupil holds of the classes' lesson sums. parts: the
    municipalities' parts of what is shown for the region only."""

    largest: Largest = field(default_factory=dict)
    parts: RegionParts = field(default_factory=dict)


# (connection, days of the counts at hand) → what somebody knows of them.
ReadDetail = Callable[[psycopg.Connection, Sequence[date]], Detail]


@dataclass
class Plan:
    """What a release is made of. kept: parts as they were; fresh: (table, period) → rows of a new part; corrected: the
    part that each corrects."""

    kept: list[Part] = field(default_factory=list)
    fresh: dict[tuple[str, Period], list[Row]] = field(default_factory=dict)
    corrected: dict[tuple[str, Period], Part] = field(default_factory=dict)


def last_day(mart: Mart, row: Mapping[str, Any]) -> date:
    """The last day that a part's figures tell of."""
    if "horizon" in mart.period:
        return month_end(row["month"]) + timedelta(days=int(row["horizon"]))
    if "school_year" in mart.period:
        return date(int(row["school_year"]), 12, 31)
    if "month" in mart.period:
        return month_end(row["month"])
    day: date = row[mart.period[-1]]
    return day


def closes_on(day: date) -> date:
    """When the month of a day closes."""
    return month_end(day) + timedelta(days=CLOSE_DAYS)


def next_close(night: date) -> date:
    """The first close after a night."""
    before = month_end(night.replace(day=1) - timedelta(days=1))
    closes = (closes_on(day) for day in (before - timedelta(days=31), before, night))
    return min(day for day in closes if day > night)


def marts_of(connection: psycopg.Connection, metas: Mapping[str, Mapping[str, Any]]) -> list[Mart]:
    """The marts with their columns and keys as they stand in `candidate`. metas: name → `meta` of the model."""
    return [
        Mart(
            name=name,
            columns=tuple(_columns(connection, "candidate", name)),
            key=tuple(_primary_key(connection, name)),
            period=tuple(meta.get("period") or ()),
            protection=protection_of(meta),
        )
        for name, meta in sorted(metas.items())
    ]


def read_detail(connection: psycopg.Connection, days: Sequence[date]) -> Detail:
    """What protection and audit need to know besides the tables, from the build that made `candidate`. days: those of
    the counts, first days of months among them, and also those of rows that were published before."""
    largest = """
        select month, municipality, grade_band, absence_class, lessons from harmonised.largest_absence
        where month = any(%s)
    """
    parts = """
        select municipality, period_type, period_end, grade_band, support_level, tier, pupils
        from harmonised.region_only_part where period_end = any(%s)
    """
    return Detail(
        largest={tuple(place): lessons for *place, lessons in connection.execute(largest, (list(days),))},
        parts={tuple(place): int(pupils) for *place, pupils in connection.execute(parts, (list(days),))},
    )


def freeze(
    connection: psycopg.Connection,
    number: int,
    night: date,
    marts: Sequence[Mart],
    municipalities: Sequence[str],
    detail: ReadDetail,
) -> list[Loss]:
    """Decides what release `number` shows, and keeps it: parts, decisions, and what was published of each count.
    Returns what each table lost by it. detail: says what somebody knows besides the tables (`read_detail`).

    Raises NotSafe, CannotProtect, TablesDisagree: then nothing may be shown.
    """
    base = {(part.table, part.period): part for part in _latest_parts(connection, number)}
    plan = _plan(connection, base, night, marts)
    by_name = {mart.name: mart for mart in marts}
    shown = _protected(connection, number, plan, by_name, municipalities, detail)
    parts = [*plan.kept]
    for (table, period), rows in shown.items():
        earlier = plan.corrected.get((table, period))
        parts.append(_keep_part(connection, number, table, period, rows, earlier or base.get((table, period)), night))
    for part in parts:
        connection.execute("insert into ops.release_part values (%s, %s)", (number, part.part_id))
    _note_changes(connection, number, plan, shown, base)
    connection.execute(
        """
        insert into ops.release_table (release_number, table_name, row_count, suppressed_count, checksum)
        select release_part.release_number, part.table_name, sum(part.row_count), sum(part.suppressed_count),
            encode(sha256(convert_to(string_agg(part.checksum, ' ' order by part.period), 'UTF8')), 'hex')
        from ops.release_part inner join ops.published_part as part using (part_id)
        where release_part.release_number = %s
        group by release_part.release_number, part.table_name
        """,
        (number,),
    )
    return [_loss(mart, plan, shown) for mart in marts if mart.period]


def _loss(mart: Mart, plan: Plan, shown: Mapping[tuple[str, Period], Sequence[Row]]) -> Loss:
    withheld = counts = 0
    for (table, period), truths in plan.fresh.items():
        if table != mart.name:
            continue
        readable = {_key(mart, row): row for row in shown[table, period]}
        for truth in truths:
            for column in mart.protection.counts:
                if truth[column]:
                    counts += 1
                    withheld += readable.get(_key(mart, truth), truth)[column] is None
    return Loss(mart.name, withheld, counts)


def _latest_parts(connection: psycopg.Connection, number: int) -> list[Part]:
    """The parts of the newest published release before `number`, whichever is shown now: what was published, was."""
    rows = connection.execute(
        """
        select part.part_id, part.table_name, part.period, part.first_night, part.is_corrected, part.checksum
        from ops.release_part inner join ops.published_part as part using (part_id)
        where release_part.release_number = (
            select max(release_number) from ops.release where status = 'published' and release_number < %s
        )
        """,
        (number,),
    ).fetchall()
    return [Part(*row) for row in rows]


def _plan(
    connection: psycopg.Connection, base: Mapping[tuple[str, Period], Part], night: date, marts: Sequence[Mart]
) -> Plan:
    plan = Plan()
    for mart in marts:
        there: set[Period] = set()
        for period, rows in _rows_by_period(connection, mart).items():
            part = base.get((mart.name, period))
            there.add(period)
            if not mart.period:
                plan.fresh[mart.name, period] = rows
            elif part is None:
                if closes_on(last_day(mart, rows[0])) <= night:
                    plan.fresh[mart.name, period] = rows
            elif not part.is_corrected and night >= next_close(part.first_night):
                plan.fresh[mart.name, period] = rows
                plan.corrected[mart.name, period] = part
            else:
                plan.kept.append(part)
        plan.kept += [part for (table, period), part in base.items() if table == mart.name and period not in there]
    return plan


def _rows_by_period(connection: psycopg.Connection, mart: Mart) -> dict[Period, list[Row]]:
    order = sql.SQL(", ").join(map(sql.Identifier, mart.key))
    query = sql.SQL("select * from {} order by {}").format(sql.Identifier("candidate", mart.name), order)
    found: dict[Period, list[Row]] = defaultdict(list)
    with connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(query):
            found[_text({name: row[name] for name in mart.period})].append(row)
    return found


def _protected(
    connection: psycopg.Connection,
    number: int,
    plan: Plan,
    marts: Mapping[str, Mart],
    municipalities: Sequence[str],
    detail: ReadDetail,
) -> dict[tuple[str, Period], list[Row]]:
    """The rows of the fresh parts as readers may see them.

    Where the corrections cannot be made safe, what was shown of these parts stays; a new part that cannot is not shown,
    nor is anything else of the release.
    """
    old = {place: _rows_of(connection, part, marts[place[0]]) for place, part in plan.corrected.items()}
    settled = {place: _settled(marts[place[0]], plan.fresh[place], rows) for place, rows in old.items()}
    try:
        return _decided(connection, number, plan, marts, municipalities, detail, old, settled)
    except (NotSafe, CannotProtect):
        if not old:
            raise
        settled = {place: _all_settled(marts[place[0]], plan.fresh[place], rows) for place, rows in old.items()}
        return _decided(connection, number, plan, marts, municipalities, detail, old, settled)


def _decided(
    connection: psycopg.Connection,
    number: int,
    plan: Plan,
    marts: Mapping[str, Mart],
    municipalities: Sequence[str],
    detail: ReadDetail,
    old: Mapping[tuple[str, Period], Sequence[Row]],
    settled: Mapping[tuple[str, Period], Sequence[Row]],
) -> dict[tuple[str, Period], list[Row]]:
    """The rows of the fresh parts, when those of `settled` stay as they are there."""
    tables: dict[str, list[Row]] = defaultdict(list)
    corrected: dict[str, set[int]] = defaultdict(set)
    earlier: dict[str, dict[tuple[Any, ...], Row]] = defaultdict(dict)
    for (table, period), rows in plan.fresh.items():
        mart = marts[table]
        keys = {_key(mart, row) for row in settled.get((table, period), ())}
        decided = [row for row in rows if _key(mart, row) not in keys]
        if (table, period) in old:
            corrected[table].update(range(len(tables[table]), len(tables[table]) + len(decided)))
            earlier[table] |= {_key(mart, row): row for row in old[table, period]}
        tables[table] += decided
    protected = _safe(connection, number, tables, corrected, marts, municipalities, detail)
    shown: dict[tuple[str, Period], list[Row]] = {place: list(settled.get(place, ())) for place in plan.fresh}
    for table, readable in protected.rows.items():
        for row, truth in zip(readable, tables[table], strict=True):
            period = _text({name: row[name] for name in marts[table].period})
            before = earlier[table].get(_key(marts[table], row))
            shown[table, period].append(_carried(marts[table], row, truth, before))
    for (table, _), rows in shown.items():
        rows.sort(key=lambda row: [str(row[name]) for name in marts[table].key])
    return shown


def _all_settled(mart: Mart, rows: Sequence[Row], old: Sequence[Row]) -> list[Row]:
    """All rows of a part as they were shown, flagged where they would now be others."""
    now = {_key(mart, row): row for row in rows}
    return [
        {
            **row,
            "correction_pending": row["correction_pending"]
            or any(row[name] not in (None, now.get(_key(mart, row), {}).get(name)) for name in mart.columns),
        }
        for row in old
    ]


def _settled(mart: Mart, rows: Sequence[Row], old: Sequence[Row]) -> list[Row]:
    """Rows of a corrected part that stay as they were: those that are no more, and the region's where other
    municipalities would now be in its figure, since the difference would be theirs."""
    now = {_key(mart, row): (row, places) for row, places in zip(rows, places_of(rows), strict=True)}
    kept = []
    for row, places in zip(old, places_of(old), strict=True):
        found = now.get(_key(mart, row))
        if found is None or (row.get("municipality") == "region" and found[1] != places):
            kept.append({**row, "correction_pending": True})
    return kept


def _carried(mart: Mart, row: Row, truth: Mapping[str, Any], earlier: Row | None) -> Row:
    """A corrected row: what was withheld stays withheld, and what goes with a pending count stays as it was."""
    if earlier is None:
        return row
    for column in mart.protection.columns:
        was_withheld = earlier[column] is None and earlier["suppressed"] and not earlier.get("null_reason")
        if was_withheld and row[column] is not None:
            row[column] = None
        elif row[column] is None and truth[column] is not None and earlier[column] is not None:
            row[column] = earlier[column]
            row["correction_pending"] = True
    row["suppressed"] = any(row[one] is None and truth[one] is not None for one in mart.protection.columns)
    return without_telling_reason(row)


def _safe(
    connection: psycopg.Connection,
    number: int,
    tables: Mapping[str, list[Row]],
    corrected: Mapping[str, set[int]],
    marts: Mapping[str, Mart],
    municipalities: Sequence[str],
    detail: ReadDetail,
) -> Protected:
    """Protected rows that the audit passes; keeps the decisions, and what was published of each count."""
    days = sorted({count.when for count in linked_counts(tables).values})
    known = detail(connection, _dates(days))
    before = _published(connection, days)
    seen = _seen(connection, days)
    span = float(SPAN)
    for _ in range(ATTEMPTS):
        protected = protect(
            tables,
            {table: marts[table].protection for table in tables},
            municipalities,
            before,
            span=span,
            corrected={table: frozenset(numbers) for table, numbers in corrected.items()},
            largest=known.largest,
            parts=known.parts,
        )
        findings = audit.audit(protected.rows, tables, municipalities, seen, known.largest, known.parts)
        if not findings:
            _keep_decisions(connection, number, protected)
            _keep_seen(connection, number, audit.cells(protected.rows, tables))
            return protected
        span += 2
    told = "; ".join(f"{one.attacker}: {one.cell} {one.what}" for one in findings[:5])
    raise NotSafe(f"{len(findings)} counts could be worked out: {told}")


def _published(connection: psycopg.Connection, days: Sequence[str]) -> dict[Count, Published]:
    rows = connection.execute(
        """
        select distinct on (count_name) count_name, value, shown
        from ops.disclosure_decision where happened_on = any(%s) order by count_name, release_number desc
        """,
        (list(days),),
    ).fetchall()
    return {_count(name): Published(value, shown) for name, value, shown in rows}


def _count(name: Mapping[str, Any]) -> Count:
    said = tuple((axis, category) for axis, category in name["said"])
    return Count(name["kind"], name["when"], tuple(name["places"]), name["band"], said)


def _keep_decisions(connection: psycopg.Connection, number: int, protected: Protected) -> None:
    decided = {protected.linked.at[place] for place in protected.linked.at}
    with (
        connection.cursor() as cursor,
        cursor.copy(
            "copy ops.disclosure_decision (release_number, count_name, happened_on, value, decision, shown) from stdin"
        ) as copy,
    ):
        for count in decided:
            one = protected.counts[count]
            name = {"kind": count.kind, "when": count.when, "places": count.places, "band": count.band}
            copy.write_row(
                (number, _text({**name, "said": count.said}), count.when, one.value, one.decision, one.shown)
            )


def _dates(times: Sequence[str]) -> list[date]:
    """The days among what counts are of; some are of a school year, which is named by its first year."""
    return [date.fromisoformat(time) for time in times if len(time) == len("2025-10-31")]


def _seen(connection: psycopg.Connection, days: Sequence[str]) -> dict[audit.Cell, audit.Seen]:
    """What readers last saw of the counts of these days, in the audit's own words."""
    rows = connection.execute(
        """
        select distinct on (cell) cell, shown, truth, is_pending
        from ops.published_cell where cell ->> 'day' = any(%s) order by cell, release_number desc
        """,
        ([*days, *(month_end(day).isoformat() for day in _dates(days))],),
    ).fetchall()
    return {tuple(sorted(cell.items())): audit.Seen(shown, truth, pending) for cell, shown, truth, pending in rows}


def _keep_seen(connection: psycopg.Connection, number: int, seen: Mapping[audit.Cell, audit.Seen]) -> None:
    with (
        connection.cursor() as cursor,
        cursor.copy("copy ops.published_cell (release_number, cell, shown, truth, is_pending) from stdin") as copy,
    ):
        for cell, one in seen.items():
            copy.write_row((number, _text(dict(cell)), one.shown, one.truth, one.pending))


def _keep_part(
    connection: psycopg.Connection,
    number: int,
    table: str,
    period: Period,
    rows: Sequence[Row],
    earlier: Part | None,
    night: date,
) -> Part:
    """Keeps rows as a part, or finds the part that holds the same rows already."""
    texts = [_text(row) for row in rows]
    checksum = hashlib.sha256("\n".join(texts).encode()).hexdigest()
    is_corrected = earlier is not None and period != "{}"
    if earlier is not None and earlier.checksum == checksum and earlier.is_corrected == is_corrected:
        return earlier
    first_night = earlier.first_night if earlier else night
    made = connection.execute(
        """
        insert into ops.published_part
            (release_number, table_name, period, first_night, is_corrected, row_count, suppressed_count, checksum)
        values (%s, %s, %s, %s, %s, %s, %s, %s) returning part_id
        """,
        (number, table, period, first_night, is_corrected, len(rows), sum(row["suppressed"] for row in rows), checksum),
    ).fetchone()
    assert made is not None
    with (
        connection.cursor() as cursor,
        cursor.copy("copy ops.published_row (part_id, row_number, content) from stdin") as copy,
    ):
        for position, text in enumerate(texts, 1):
            copy.write_row((made[0], position, text))
    return Part(int(made[0]), table, period, first_night, is_corrected, checksum)


def _rows_of(connection: psycopg.Connection, part: Part, mart: Mart) -> list[Row]:
    """The rows of a part, typed as in the candidate."""
    query = sql.SQL(
        """
        select typed.*, (content ->> 'suppressed')::boolean as suppressed,
            (content ->> 'correction_pending')::boolean as correction_pending
        from ops.published_row, jsonb_populate_record(null::{}, content) as typed
        where part_id = %s order by row_number
        """
    ).format(sql.Identifier("candidate", mart.name))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, (part.part_id,)).fetchall()


def _note_changes(
    connection: psycopg.Connection,
    number: int,
    plan: Plan,
    shown: Mapping[tuple[str, Period], Sequence[Row]],
    base: Mapping[tuple[str, Period], Part],
) -> None:
    """What this release shows that the one before did not, and why."""
    for (table, period), rows in shown.items():
        is_correction = (table, period) in plan.corrected
        if period == "{}" and (table, period) in base:
            continue
        pending = sum(row["correction_pending"] for row in rows)
        connection.execute(
            """
            insert into ops.release_change (release_number, table_name, period, change, row_count, pending_count)
            values (%s, %s, %s, %s, %s, %s)
            """,
            (number, table, period, "corrected" if is_correction else "new", len(rows), pending),
        )


def show(connection: psycopg.Connection, number: int) -> None:
    """Makes `reporting` show that release. Only the parts that differ are taken out and put in, never truncated:
    readers keep seeing the release before until the commit, without waiting."""
    tables = connection.execute(
        "select table_name from ops.release_table where release_number = %s order by 1", (number,)
    ).fetchall()
    for (table,) in tables:
        _show_table(connection, number, table)
    connection.execute("update ops.release set is_current = false where is_current")
    connection.execute("update ops.release set is_current = true where release_number = %s", (number,))
    connection.execute("delete from reporting.release")
    connection.execute(
        """
        insert into reporting.release
        select release_number, night, published_at, code_version
        from ops.release where is_current
        """
    )
    connection.execute("delete from reporting.release_change")
    connection.execute(
        """
        insert into reporting.release_change
        select release_number, table_name, period, change, row_count, pending_count
        from ops.release_change where release_number = %s
        """,
        (number,),
    )


def _show_table(connection: psycopg.Connection, number: int, table: str) -> None:
    target = sql.Identifier("reporting", table)
    wanted = {
        row[0]: row[1]
        for row in connection.execute(
            """
            select part.part_id, part.period from ops.release_part inner join ops.published_part as part using (part_id)
            where release_part.release_number = %s and part.table_name = %s
            """,
            (number, table),
        )
    }
    there = {
        row[0]: row[1]
        for row in connection.execute("select part_id, period from ops.shown_part where table_name = %s", (table,))
    }
    gone, come = [one for one in there if one not in wanted], [one for one in wanted if one not in there]
    for part in gone:
        columns = list(json.loads(there[part]))
        same = sql.SQL(" and ").join(
            sql.SQL("shown.{0} is not distinct from period.{0}").format(sql.Identifier(name)) for name in columns
        )
        connection.execute(
            sql.SQL(
                "delete from {target} as shown using jsonb_populate_record(null::{target}, %s) as period where {same}"
            ).format(target=target, same=same if columns else sql.SQL("true")),
            (there[part],),
        )
    connection.execute("delete from ops.shown_part where part_id = any(%s)", (gone,))
    connection.execute(
        sql.SQL(
            """
            insert into {target}
            select shown.* from ops.published_row, jsonb_populate_record(null::{target}, content) as shown
            where part_id = any(%s) order by part_id, row_number
            """
        ).format(target=target),
        (come,),
    )
    connection.execute(
        "insert into ops.shown_part select part_id, table_name, period from ops.published_part where part_id = any(%s)",
        (come,),
    )
    if gone or come:
        # Else pg_stats goes on showing readers what an earlier release showed.
        connection.execute(sql.SQL("analyze {}").format(target))


def forget_old_releases(connection: psycopg.Connection) -> None:
    """Keeps the rows of the last releases; what was published of each count stays for the audits to come."""
    connection.execute(
        """
        delete from ops.release_part where release_number <= (
            select release_number from ops.release where status = 'published'
            order by release_number desc offset %s limit 1
        ) and release_number <> (select release_number from ops.release where is_current)
        """,
        (KEPT_RELEASES,),
    )
    connection.execute(
        """
        delete from ops.published_part as part where not exists (
            select from ops.release_part where release_part.part_id = part.part_id
        )
        """
    )


def ensure_reporting_table(connection: psycopg.Connection, mart: Mart) -> None:
    """Makes `reporting.<mart>` like the candidate, with its key and comments; a table that has the same columns stays,
    with every grant and view that hangs on it."""
    if tuple(_columns(connection, "reporting", mart.name)) == (*mart.columns, "suppressed", "correction_pending"):
        return
    target, source = sql.Identifier("reporting", mart.name), sql.Identifier("candidate", mart.name)
    connection.execute(sql.SQL("drop table if exists {}").format(target))
    connection.execute("delete from ops.shown_part where table_name = %s", (mart.name,))
    connection.execute(sql.SQL("create table {} (like {} including all)").format(target, source))
    # `like` copies the comments of columns, and not the table's own.
    row = connection.execute("select obj_description(%s::regclass, 'pg_class')", (f"candidate.{mart.name}",)).fetchone()
    connection.execute(sql.SQL("comment on table {} is {}").format(target, sql.Literal(row[0] if row else None)))
    for column in sorted(mart.protection.columns):
        statement = sql.SQL("alter table {} alter column {} drop not null")
        connection.execute(statement.format(target, sql.Identifier(column)))
    for column, comment in FLAGS.items():
        statement = sql.SQL("alter table {} add column {} boolean not null")
        connection.execute(statement.format(target, sql.Identifier(column)))
        statement = sql.SQL("comment on column {} is {}")
        connection.execute(statement.format(sql.Identifier("reporting", mart.name, column), sql.Literal(comment)))
    for role in reader_roles(connection):
        connection.execute(sql.SQL("grant select, references on {} to {}").format(target, sql.Identifier(role)))


FLAGS = {
    "suppressed": "Luku on jätetty näyttämättä tietosuojan vuoksi. / A value is withheld to protect pupils.",
    "correction_pending": (
        "Luku on korjautunut niin vähän, että aiempi näytetään yhä tietosuojan vuoksi. / A value has been corrected by "
        "so little that the earlier one is still shown, to protect pupils."
    ),
}


def _key(mart: Mart, row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in mart.key)


def _text(content: Mapping[str, Any]) -> str:
    """JSON in one form: the same content is the same text. Decimals are texts, which keep every digit."""
    return json.dumps(content, default=str, ensure_ascii=False, separators=(",", ":"))


def _columns(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    query = """
        select column_name from information_schema.columns
        where table_schema = %s and table_name = %s order by ordinal_position
    """
    return [row[0] for row in connection.execute(query, (schema, table))]


def _primary_key(connection: psycopg.Connection, mart: str) -> Iterable[str]:
    rows = connection.execute(
        """
        select a.attname from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        where i.indrelid = %s::regclass and i.indisprimary
        order by array_position(i.indkey::int2[], a.attnum)
        """,
        (f"candidate.{mart}",),
    ).fetchall()
    if not rows:
        raise RuntimeError(f"candidate.{mart} has no primary key: add it to the mart's contract")
    return [row[0] for row in rows]
