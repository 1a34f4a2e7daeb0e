"""A release: build the candidate marts, check them, protect them, and show them all at once.

Write, audit, publish: `reporting` changes in one transaction at the very end, so a reader sees one whole release,
before or after. What was shown is kept in `ops.release_row`, which is what a rollback restores.
"""

import logging
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from connectors.config import (
    ConfigError,
    Municipality,
    load_municipality,
    municipality_names,
    refuse_shared_code,
)
from pipeline import access, findings, ledger, municipal, quality, transform
from pipeline.disclosure import protected_select, protection_of
from pipeline.reference import forget_other_municipalities, load_reference
from pipeline.release_due import release_due
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.timing import Durations, Progress, silent
from pipeline.warehouse import RELEASE_LOCK, connect, prepare, reader_roles, warehouse_url

HELSINKI = ZoneInfo("Europe/Helsinki")


class ReleaseUnderWay(RuntimeError):
    """Another release is being built; this one may be tried again when that one has ended."""


class NothingToRestore(RuntimeError):
    """There is no earlier published release to go back to."""


@dataclass(frozen=True)
class ReleaseOutcome:
    """How a release ended. status: published or refused (then `reporting` is as it was). tables: rows shown a table."""

    release_number: int
    night: date
    status: str
    reason: str | None
    tables: dict[str, int] = field(default_factory=dict)
    suppressed: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def due(settings: Settings, night: date, *, by_hand: bool = False) -> tuple[bool, str]:
    """Whether a release of that night is to be made now, and why (not)."""
    expected = set(municipality_names(settings.municipalities))
    with connect(settings) as connection:
        outcomes = ledger.reported(connection, night, sorted(expected))
        # A night that is caught up late must not be released over a newer one.
        query = "select count(*) from ops.release where night >= %s and not by_hand and status = 'published'"
        row = connection.execute(query, (night,)).fetchone()
    released = bool(row and row[0])
    return release_due(night, datetime.now(HELSINKI), outcomes, expected, released, by_hand)


def latest_night(settings: Settings) -> date | None:
    """The latest night of which anything is known; what a release by hand is made for."""
    with connect(settings) as connection:
        row = connection.execute("select max(night) from ops.night_outcome").fetchone()
    return row[0] if row else None


def release(settings: Settings, night: date, *, by_hand: bool = False, progress: Progress = silent) -> ReleaseOutcome:
    """Builds, checks and publishes one release from all deliveries that are accepted now.

    Raises ReleaseUnderWay, or the failing step's own error (the release is then `failed`, and `reporting` as it was).
    """
    durations = Durations(progress)
    with connect(settings, autocommit=True) as guard, _release_lock(guard):
        with connect(settings) as connection:
            number = _open(connection, settings, night, by_hand)
        try:
            outcome = _build_and_publish(settings, number, night, durations)
        except BaseException as error:
            _close(settings, number, "failed", f"{type(error).__name__}: {error}", durations)
            raise
        _close(settings, number, outcome.status, outcome.reason, durations)
    return outcome


def _build_and_publish(settings: Settings, number: int, night: date, durations: Durations) -> ReleaseOutcome:
    url = warehouse_url(settings)
    with durations.step("dbt", "Building the harmonised layer and the marts"):
        transform.build(url, settings.dbt_target, night=night)
    with durations.step("release gate", "Checking the candidate release"):
        parameters = {"release_number": number, "night": night}
        results: list[quality.QualityResult] = []
        for stage in ("harmonised", "release"):
            run = quality.run_suite(url, stage, parameters)
            with connect(settings) as connection:
                quality.store(run, connection)
            quality.write_data_docs(run, settings.data_docs)
            results += run
        with connect(settings) as connection:
            findings.observe_release(connection, number, night, results)
    if quality.decide(results) != "accept":
        broken = [r for r in results if r.severity == "critical" and r.outcome in ("failed", "error")]
        reason = "; ".join(result.message_en for result in broken)
        return ReleaseOutcome(number, night, "refused", reason, seconds=durations.seconds)
    marts = transform.published_marts(settings.dbt_target)
    with durations.step("publish", "Publishing"), connect(settings) as connection:
        shown = {mart: _freeze(connection, number, mart, meta) for mart, meta in marts.items()}
        connection.execute(
            "update ops.release set status = 'published', published_at = clock_timestamp() where release_number = %s",
            (number,),
        )
        _show(connection, number)
        with durations.step("municipal detail", "Publishing each municipality's own detail"):
            models = municipal.municipal_models(settings.dbt_target)
            municipal.publish(connection, models)
        with durations.step("access gate", "Checking who may reach what"):
            access.check(connection, models)
    return ReleaseOutcome(
        release_number=number,
        night=night,
        status="published",
        reason=None,
        tables={mart: rows for mart, (rows, _) in shown.items()},
        suppressed={mart: suppressed for mart, (_, suppressed) in shown.items()},
        seconds=durations.seconds,
    )


def rollback(settings: Settings, to: int | None = None) -> int:
    """Shows an earlier release again: `to`, or the published one before the current. Returns its number.
    Raises NothingToRestore."""
    with connect(settings, autocommit=True) as guard, _release_lock(guard), connect(settings) as connection:
        row = connection.execute(
            """
            select max(release_number) from ops.release
            where status = 'published' and release_number = coalesce(%(to)s, release_number)
                and (%(to)s::integer is not null
                    or release_number < (select release_number from ops.release where is_current))
            """,
            {"to": to},
        ).fetchone()
        if row is None or row[0] is None:
            raise NothingToRestore("no published release " + (f"number {to}" if to else "before the current one"))
        number = int(row[0])
        _show(connection, number)
    return number


@contextmanager
def _release_lock(connection: psycopg.Connection) -> Iterator[None]:
    row = connection.execute("select pg_try_advisory_lock(%s)", (RELEASE_LOCK,)).fetchone()
    if not (row and row[0]):
        raise ReleaseUnderWay("another release is being built; try again when it has ended (`tukiverkko status`)")
    try:
        yield
    finally:
        connection.execute("select pg_advisory_unlock(%s)", (RELEASE_LOCK,))


def _open(connection: psycopg.Connection, settings: Settings, night: date, by_hand: bool) -> int:
    names = municipality_names(settings.municipalities)
    prepare(connection, names)
    forget_other_municipalities(connection, names)
    load_reference(connection, _sound_municipalities(connection, settings, names))
    # Whoever holds the lock is alone, so what is still building was killed.
    connection.execute("update ops.release set status = 'failed', reason = 'interrupted' where status = 'building'")
    row = connection.execute(
        """
        insert into ops.release (release_number, night, by_hand, status, code_version)
        select coalesce(max(release_number), 0) + 1, %s, %s, 'building', %s from ops.release
        returning release_number
        """,
        (night, by_hand, code_version()),
    ).fetchone()
    assert row is not None
    choose_deliveries(connection, night)
    connection.execute(
        """
        insert into ops.release_delivery (release_number, municipality, dataset, delivery_id)
        select %s, delivery.municipality, delivery.dataset, delivery.delivery_id
        from ops.delivery inner join ops.candidate_delivery using (delivery_id, dataset)
        """,
        (row[0],),
    )
    return int(row[0])


def choose_deliveries(connection: psycopg.Connection, night: date) -> None:
    """Opens the accepted deliveries to the models: those of `night` and before. A later one, taken in before a late
    release, knows of days that this release does not have yet: its absences would lie outside what is covered."""
    connection.execute("delete from ops.candidate_delivery")
    connection.execute(
        """
        insert into ops.candidate_delivery (delivery_id, dataset)
        select delivery_id, dataset from ops.delivery where status = 'accepted' and night <= %s
        """,
        (night,),
    )


def _sound_municipalities(
    connection: psycopg.Connection, settings: Settings, names: Sequence[str]
) -> list[Municipality]:
    """The municipalities whose folder is in order; the others go on with the codes that were loaded last, since one
    municipality's mistake must not stop the region. Of two with one code, the one that had it before is in order."""
    owners: dict[str, str] = dict(
        connection.execute("select code, municipality from reference.municipality").fetchall()
    )
    sound = []
    for name in names:
        try:
            municipality = load_municipality(settings.municipalities / name)
            _ = municipality.codes
            if owners.setdefault(municipality.code, name) != name and owners[municipality.code] in names:
                refuse_shared_code(settings.municipalities, municipality)
        except ConfigError as error:
            logging.getLogger(__name__).error("%s is left as it was: %s", name, error)
        else:
            sound.append(municipality)
    return sound


def _close(settings: Settings, number: int, status: str, reason: str | None, durations: Durations) -> None:
    with connect(settings) as connection:
        connection.execute(
            "update ops.release set status = %s, reason = %s, durations = %s where release_number = %s",
            (status, reason, Jsonb(durations.seconds), number),
        )


def _freeze(connection: psycopg.Connection, number: int, mart: str, meta: Mapping[str, Any]) -> tuple[int, int]:
    """Keeps the protected rows of a mart under the release's number. Returns (rows, suppressed rows)."""
    columns = _columns(connection, "candidate", mart)
    query = protected_select(mart, columns, protection_of(meta))
    key = sql.SQL(", ").join(map(sql.Identifier, _primary_key(connection, mart)))
    connection.execute(
        sql.SQL(
            """
            insert into ops.release_row (release_number, table_name, row_number, content)
            select {}, {}, row_number() over (order by {}), to_jsonb(shown) from ({}) as shown
            """
        ).format(sql.Literal(number), sql.Literal(mart), key, query)
    )
    row = connection.execute(
        """
        insert into ops.release_table (release_number, table_name, row_count, suppressed_count, checksum)
        select release_number, table_name, count(*), count(*) filter (where (content ->> 'suppressed')::boolean),
            encode(sha256(convert_to(string_agg(content::text, e'\n' order by row_number), 'UTF8')), 'hex')
        from ops.release_row where release_number = %s and table_name = %s
        group by release_number, table_name
        returning row_count, suppressed_count
        """,
        (number, mart),
    ).fetchone()
    _ensure_reporting_table(connection, mart, columns, frozenset(protection_of(meta).columns))
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _ensure_reporting_table(
    connection: psycopg.Connection, mart: str, columns: list[str], withheld: frozenset[str]
) -> None:
    """Makes `reporting.<mart>` like the candidate, with its key and comments; a table that has the same columns stays,
    with every grant and view that hangs on it."""
    if _columns(connection, "reporting", mart) == [*columns, "suppressed"]:
        return
    target, source = sql.Identifier("reporting", mart), sql.Identifier("candidate", mart)
    connection.execute(sql.SQL("drop table if exists {}").format(target))
    connection.execute(sql.SQL("create table {} (like {} including all)").format(target, source))
    for column in withheld:
        connection.execute(
            sql.SQL("alter table {} alter column {} drop not null").format(target, sql.Identifier(column))
        )
    connection.execute(sql.SQL("alter table {} add column suppressed boolean not null").format(target))
    comment = "Luku on jätetty näyttämättä tietosuojan vuoksi. / A value is withheld to protect pupils."
    connection.execute(sql.SQL("comment on column {}.suppressed is {}").format(target, sql.Literal(comment)))
    for role in reader_roles(connection):
        connection.execute(sql.SQL("grant select, references on {} to {}").format(target, sql.Identifier(role)))


def _show(connection: psycopg.Connection, number: int) -> None:
    """Makes `reporting` show that release, in the caller's transaction. Rows are deleted and inserted, never truncated:
    readers keep seeing the release before until the commit, without waiting."""
    tables = connection.execute(
        "select table_name from ops.release_table where release_number = %s order by 1", (number,)
    ).fetchall()
    for (table,) in tables:
        target = sql.Identifier("reporting", table)
        connection.execute(sql.SQL("delete from {}").format(target))
        connection.execute(
            sql.SQL(
                """
                insert into {target}
                select shown.* from ops.release_row, jsonb_populate_record(null::{target}, content) as shown
                where release_number = %s and table_name = %s order by row_number
                """
            ).format(target=target),
            (number, table),
        )
        # Else pg_stats goes on showing readers what an earlier release showed.
        connection.execute(sql.SQL("analyze {}").format(target))
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


def _columns(connection: psycopg.Connection, schema: str, table: str) -> list[str]:
    query = """
        select column_name from information_schema.columns
        where table_schema = %s and table_name = %s order by ordinal_position
    """
    return [row[0] for row in connection.execute(query, (schema, table))]


def _primary_key(connection: psycopg.Connection, mart: str) -> list[str]:
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


def code_version() -> str:
    """The version of the code: `TUKIVERKKO_VERSION` (set in the image), else the git commit, else the package's."""
    if named := os.environ.get("TUKIVERKKO_VERSION"):
        return named
    command = ["git", "-C", str(PROJECT_ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version("tukiverkko")
