"""A release: build the candidate marts, check them, protect them, and show them all at once.

Write, audit, publish: `reporting` changes in one transaction at the very end, so a reader sees one whole release,
before or after. What was shown is kept (`pipeline.publication`), which is what a rollback restores.
"""

import logging
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from importlib.metadata import version
from zoneinfo import ZoneInfo

import psycopg
from psycopg.types.json import Jsonb

from connectors.config import (
    ConfigError,
    Municipality,
    load_municipality,
    municipality_names,
    refuse_shared_code,
)
from pipeline import access, findings, ledger, municipal, publication, quality, transform
from pipeline.linked_counts import NotLinked, TablesDisagree
from pipeline.reference import forget_other_municipalities, load_reference
from pipeline.release_due import release_due
from pipeline.release_lock import HeldLock, ReleaseLockLost, release_lock
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.timing import Durations, Progress, silent
from pipeline.warehouse import connect, prepare, warehouse_url
from pipeline.withholding import CannotProtect

HELSINKI = ZoneInfo("Europe/Helsinki")
# The share of a table's counts that are not nought above which withholding is a finding (docs/definitions.md §4).
MOST_WITHHELD = 0.25


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

    Raises ReleaseUnderWay; ReleaseLockLost, or the failing step's own error (the release is then `failed`, and
    `reporting` as it was).
    """
    durations = Durations(progress)
    with release_lock(settings) as lock:
        with connect(settings) as connection:
            number = _open(connection, settings, night, by_hand)
        try:
            outcome = _build_and_publish(settings, lock, number, night, durations)
        except BaseException as error:
            _close(settings, number, "failed", f"{type(error).__name__}: {error}", durations)
            raise
        _close(settings, number, outcome.status, outcome.reason, durations)
    return outcome


def _build_and_publish(
    settings: Settings, lock: HeldLock, number: int, night: date, durations: Durations
) -> ReleaseOutcome:
    url = warehouse_url(settings)
    lock.check()
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
    lock.check()
    metas = transform.published_marts(settings.dbt_target)
    names = municipality_names(settings.municipalities)
    with durations.step("publish", "Protecting, auditing and publishing"), connect(settings) as connection:
        marts = publication.marts_of(connection, metas)
        try:
            with durations.step("disclosure control", "Withholding what would tell of single pupils, and its audit"):
                losses = publication.freeze(connection, number, night, marts, names, publication.read_detail)
        except (publication.NotSafe, CannotProtect, NotLinked, TablesDisagree) as error:
            connection.rollback()
            _observe(connection, number, night, [*results, _audit_check(number, passed=False)])
            return ReleaseOutcome(number, night, "refused", f"disclosure control: {error}", seconds=durations.seconds)
        checks = [_audit_check(number, passed=True), *(_loss_check(number, loss) for loss in losses)]
        _observe(connection, number, night, [*results, *checks])
        # Another release that took the lock meanwhile has closed this one, and waits for this row until the commit.
        published = connection.execute(
            """
            update ops.release set status = 'published', published_at = clock_timestamp()
            where release_number = %s and status = 'building'
            """,
            (number,),
        )
        if published.rowcount != 1:
            raise ReleaseLockLost
        for mart in marts:
            publication.ensure_reporting_table(connection, mart)
        publication.show(connection, number)
        publication.forget_old_releases(connection)
        shown = _shown(connection, number)
        with durations.step("municipal detail", "Publishing each municipality's own detail"):
            models = municipal.municipal_models(settings.dbt_target)
            municipal.publish(connection, models)
        with durations.step("access gate", "Checking who may reach what"):
            access.check(connection, models)
        lock.check()
    return ReleaseOutcome(
        release_number=number,
        night=night,
        status="published",
        reason=None,
        tables={mart: rows for mart, (rows, _) in shown.items()},
        suppressed={mart: suppressed for mart, (_, suppressed) in shown.items()},
        seconds=durations.seconds,
    )


def _observe(
    connection: psycopg.Connection, number: int, night: date, results: Sequence[quality.QualityResult]
) -> None:
    quality.store([result for result in results if result.suite == "disclosure"], connection)
    findings.observe_release(connection, number, night, results)


def _audit_check(number: int, *, passed: bool) -> quality.QualityResult:
    """The audit of what is to be shown, as a check of the release gate. Senders read its message too: the reason, which
    may name cells and small counts, stays with the release."""
    return quality.QualityResult(
        run_id=f"disclosure-{number}",
        stage="release",
        suite="disclosure",
        check_id="audit",
        expectation_type="disclosure_audit",
        severity="critical",
        outcome="passed" if passed else "failed",
        numerator=int(not passed),
        denominator=1,
        threshold=0.0,
        message_fi="Tietosuojatarkastus meni läpi."
        if passed
        else "Tietosuojatarkastus ei mennyt läpi: jonkin näyttämättä jätetyn luvun olisi voinut päätellä, tai sitä ei "
        "voitu todistaa turvalliseksi. Alueen päivystäjä näkee syyn (tukiverkko status --json).",
        message_en="The disclosure audit passed."
        if passed
        else "The disclosure audit failed: a withheld count could be worked out, or could not be proved to be safe. "
        "The region's engineer sees the reason (tukiverkko status --json).",
        release_number=number,
    )


def _loss_check(number: int, loss: publication.Loss) -> quality.QualityResult:
    """How much of a table is withheld: over a quarter of the counts that are not nought is a finding."""
    share = loss.withheld / loss.counts if loss.counts else 0
    outcome: quality.Outcome = "passed" if share <= MOST_WITHHELD else "failed"
    return quality.QualityResult(
        run_id=f"disclosure-{number}",
        stage="release",
        suite="disclosure",
        check_id=f"withheld_{loss.table}",
        expectation_type="disclosure_loss",
        severity="warning",
        outcome=outcome if loss.counts else "not_applicable",
        numerator=loss.withheld,
        denominator=loss.counts,
        threshold=MOST_WITHHELD,
        message_fi=f"Taulun {loss.table} luvuista {share * 100:.0f} % on jätetty näyttämättä tietosuojan vuoksi.",
        message_en=f"{share:.0%} of the counts of {loss.table} are withheld to protect pupils.",
        release_number=number,
    )


def rollback(settings: Settings, to: int | None = None, *, models: Sequence[municipal.Model] | None = None) -> int:
    """Shows an earlier release again: `to`, or the published one before the current. Returns its number.

    models: the municipal tables that the access gate looks for (default: those of the last build). Raises
    NothingToRestore, ReleaseUnderWay, ReleaseLockLost; NotProtected where somebody could reach what is not theirs: then
    nothing changes.
    """
    with release_lock(settings) as lock, connect(settings) as connection:
        row = connection.execute(
            """
            select max(release_number) from ops.release
            where status = 'published' and release_number = coalesce(%(to)s, release_number)
                and exists (select from ops.release_part where release_part.release_number = release.release_number)
                and (%(to)s::integer is not null
                    or release_number < (select release_number from ops.release where is_current))
            """,
            {"to": to},
        ).fetchone()
        if row is None or row[0] is None:
            raise NothingToRestore("no published release " + (f"number {to}" if to else "before the current one"))
        number = int(row[0])
        publication.show(connection, number)
        access.check(connection, municipal.municipal_models(settings.dbt_target) if models is None else models)
        lock.check()
    return number


def _shown(connection: psycopg.Connection, number: int) -> dict[str, tuple[int, int]]:
    """Table → its rows, and those of them with a withheld value."""
    query = "select table_name, row_count, suppressed_count from ops.release_table where release_number = %s order by 1"
    return {name: (rows, suppressed) for name, rows, suppressed in connection.execute(query, (number,))}


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
    # What was committed as published is so, also where the commit's answer was lost on the way.
    query = """
        update ops.release set status = %s, reason = %s, durations = %s
        where release_number = %s and status in ('building', %s)
    """
    with connect(settings) as connection:
        connection.execute(query, (status, reason, Jsonb(durations.seconds), number, status))


def code_version() -> str:
    """The version of the code: `TUKIVERKKO_VERSION` (set in the image), else the git commit, else the package's."""
    if named := os.environ.get("TUKIVERKKO_VERSION"):
        return named
    command = ["git", "-C", str(PROJECT_ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return version("tukiverkko")
