"""One municipality's night: fetch → archive → read and check → land → delivery gate → accepted, held or refused.

The Airflow tasks and the command line call the same three functions in this order: `fetch`, `load`, `report`. Each can
be run again, and killed anywhere: what is in the ledger says where to go on.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import psycopg

from connectors.check import CheckedDataset, CheckedDelivery, check_delivery
from connectors.config import Municipality, load_municipality, municipality_names
from connectors.connection import connection_for
from connectors.delivery import DeliveryProblem, RawDelivery, SourceRefused, school_year_of
from connectors.transports import History
from connectors.transports import fetch as fetch_from_source
from pipeline import archive, decisions, findings, keys, ledger, quality, receipt_post, unmapped
from pipeline.built_state import build_anew_next
from pipeline.landing import copy_frame
from pipeline.reference import load_reference
from pipeline.release_due import waiting_for
from pipeline.release_lock import lock_until_commit
from pipeline.settings import Settings
from pipeline.timing import Durations, Progress, silent
from pipeline.warehouse import connect, warehouse_url


@dataclass(frozen=True)
class Outcome:
    """How a municipality's night ended.

    status: accepted, unchanged, held, refused or failed. datasets: one mapping a delivery and dataset with rows_in,
    rows_landed, rows_rejected, covers_to. waiting_for: municipalities whose outcome of the same night is not known yet.
    seconds: step → wall time. receipt: how telling the source of it ended (sent, kept, failed), None when there is
    nothing to tell.
    """

    municipality: str
    night: date
    status: str
    delivery: str | None
    reason_en: str | None
    reason_fi: str | None
    datasets: tuple[dict[str, Any], ...] = ()
    waiting_for: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    receipt: str | None = None


# From best to worst: a night with two deliveries (two school years) is reported by its worst one.
_ORDER = ("unchanged", "accepted", "held", "refused", "received", "failed")


def ingest(
    settings: Settings, municipality: str, night: date, *, refetch: bool = False, progress: Progress = silent
) -> Outcome:
    """The whole night of one municipality. A fault of the source ends as `failed` with its reason."""
    durations = Durations(progress)
    failure: str | None = None
    try:
        fetch(settings, municipality, night, refetch=refetch, durations=durations)
        load(settings, municipality, night, durations=durations)
    except DeliveryProblem as problem:
        failure = str(problem)
    return report(settings, municipality, night, failure, durations=durations)


def fetch(
    settings: Settings, municipality: str, night: date, *, refetch: bool = False, durations: Durations | None = None
) -> list[str]:
    """Takes what the source has for the night into the encrypted archive and enters it as `received`.

    A night that was accepted before is not fetched again unless `refetch`. Returns the deliveries' names. Raises
    NotThereYet and SourceUnavailable (try again); a refusal by the transport is entered in the ledger.
    """
    durations = durations or Durations()
    config = load_municipality(settings.municipalities / municipality)
    with connect(settings) as connection:
        before = ledger.deliveries_of_night(connection, municipality, night)
    if before and not refetch and all(delivery.status in ledger.DECIDED for delivery in before):
        return [delivery.delivery for delivery in before]

    # A connection for each question: the time that a source takes must not hold a transaction open.
    def history(school_year: int) -> History:
        with connect(settings) as connection:
            return ledger.history(connection, municipality, school_year, night)

    source = connection_for(municipality, settings.home)
    try:
        with durations.step("fetch", f"{municipality}: fetching"):
            raws = fetch_from_source(config, night, source, history, durations.progress)
    except SourceRefused as refusal:
        with connect(settings) as connection:
            ledger.record_nothing(
                connection, municipality, night, school_year_of(night), "refused", refusal.reason_en, refusal.reason_fi
            )
        return []
    with durations.step("archive", f"{municipality}: archiving"), connect(settings) as connection:
        return [_take(settings, connection, config, raw) for raw in raws]


def _take(settings: Settings, connection: psycopg.Connection, config: Municipality, raw: RawDelivery) -> str:
    last = ledger.last_accepted(connection, raw.municipality, raw.school_year)
    tonight = [
        d
        for d in ledger.deliveries_of_night(connection, raw.municipality, raw.night)
        if d.school_year == raw.school_year
    ]
    for delivery in tonight:
        if delivery.status == "accepted" and delivery.content_digest == raw.digest:
            return delivery.delivery
    # A file without a date of its own that has the bytes of the last one is as old as that one.
    if config.transport.kind == "share" and last and last.content_digest == raw.digest and last.night != raw.night:
        unchanged = ledger.record_nothing(
            connection,
            raw.municipality,
            raw.night,
            raw.school_year,
            "unchanged",
            f"the same bytes as {last.delivery}",
            f"sama sisältö kuin toimituksessa {last.delivery}",
            raw.digest,
        )
        connection.commit()
        return unchanged.delivery
    if config.transport.kind == "share":
        # What was held, or could not be read, on an earlier night covers no more for being read again.
        raw = replace(raw, first_received=ledger.first_received(connection, raw))
    delivery = ledger.receive(connection, raw)
    archive.store(settings.archive, keys.archive_key(settings), delivery.delivery, raw)
    # The archive is there before the ledger says so: a kill in between leaves a copy that the next run replaces.
    connection.commit()
    return delivery.delivery


def load(settings: Settings, municipality: str, night: date, *, durations: Durations | None = None) -> list[str]:
    """Lands what was received for the night and puts it through the delivery gate. Returns the deliveries' names.

    Raises ReleaseUnderWay for a delivery that builds have read, beside a release; it is then as it was.
    """
    durations = durations or Durations()
    with connect(settings) as connection:
        received = [d for d in ledger.deliveries_of_night(connection, municipality, night) if d.status == "received"]
    for delivery in received:
        _load_one(settings, delivery, durations)
    return [delivery.delivery for delivery in received]


def replay(settings: Settings, name: str, *, progress: Progress = silent) -> Outcome:
    """Reads a delivery again from the archive, with today's folder and rules. After one that builds have read, the next
    build makes everything anew.

    Raises KeyError for an unknown name; ReleaseUnderWay for a delivery that builds read, beside a release: then it is
    as it was.
    """
    durations = Durations(progress)
    with connect(settings) as connection:
        delivery = ledger.find_delivery(connection, name)
    if delivery is None:
        raise KeyError(name)
    _load_one(settings, delivery, durations)
    return report(settings, delivery.municipality, delivery.night, None, durations=durations)


def _load_one(settings: Settings, delivery: ledger.Delivery, durations: Durations) -> None:
    config = load_municipality(settings.municipalities / delivery.municipality)
    with durations.step("read archive", f"{delivery.delivery}: reading"):
        raw = archive.load(settings.archive, keys.archive_key(settings), delivery.municipality, delivery.delivery)
        raw = replace(raw, first_received=delivery.first_received)
    try:
        with durations.step("check", f"{delivery.delivery}: checking and pseudonymising"):
            checked = check_delivery(raw, config, keys.pseudonym_keys(settings, delivery.municipality))
    except SourceRefused as refusal:
        with connect(settings) as connection:
            _reopen(connection, delivery)
            _clear(connection, delivery.delivery_id)
            findings.forget_delivery(connection, delivery.delivery_id)
            ledger.decide(connection, delivery.delivery_id, "refused", refusal.reason_en, refusal.reason_fi)
        return
    with durations.step("land", f"{delivery.delivery}: landing"), connect(settings) as connection:
        _reopen(connection, delivery)
        load_reference(connection, [config])
        _clear(connection, delivery.delivery_id)
        land(connection, delivery.delivery_id, checked)
    with durations.step("gate", f"{delivery.delivery}: checking what landed"):
        _gate(settings, delivery, config)


def _reopen(connection: psycopg.Connection, delivery: ledger.Delivery) -> None:
    """Before a delivery's rows change, in the caller's transaction: what was decided was decided of others. Raises
    ReleaseUnderWay where a build may be reading them."""
    status = ledger.reopen(connection, delivery.delivery_id)
    is_built = ledger.was_released(connection, delivery.delivery_id)
    if status == "accepted" or is_built:
        lock_until_commit(connection)
    if status == "accepted":
        # Killed before the gate, the night must not be told as well.
        _close(connection, delivery.municipality, delivery.night)
    if is_built:
        # An increment knows deliveries by their number, and would take these rows for those of the last build.
        build_anew_next(connection)


def land(connection: psycopg.Connection, delivery_id: int, checked: CheckedDelivery) -> None:
    """Writes the checked rows, the rejected ones, the unmapped codes and the findings, and the counts in the ledger, in
    the caller's transaction."""
    for dataset, part in checked.datasets.items():
        copy_frame(connection, part.table, part.frame, delivery_id)
        _copy(connection, "ops.rejected_row", delivery_id, dataset, part.rejected.to_dicts())
        _copy(connection, "ops.unmapped_code", delivery_id, dataset, part.unmapped)
        _copy(connection, "ops.finding", delivery_id, dataset, part.findings)
        _count(connection, delivery_id, dataset, part)


def _count(connection: psycopg.Connection, delivery_id: int, dataset: str, part: CheckedDataset) -> None:
    connection.execute(
        """
        update ops.delivery
        set rows_in = %s, rows_landed = %s, rows_rejected = %s, non_data = %s, extent = %s, covers_from = %s,
            covers_to = %s
        where delivery_id = %s and dataset = %s
        """,
        (
            part.rows_in,
            part.rows_landed,
            part.rows_in - part.rows_landed,
            part.non_data,
            part.extent,
            part.covers_from,
            part.covers_to,
            delivery_id,
            dataset,
        ),
    )


def _gate(settings: Settings, delivery: ledger.Delivery, config: Municipality) -> None:
    parameters = {
        "delivery_id": delivery.delivery_id,
        "municipality": delivery.municipality,
        "support_typed": config.datasets["support"].support_typed,
    }
    results = quality.run_suite(warehouse_url(settings), "delivery", parameters)
    with connect(settings) as connection:
        quality.store(results, connection)
        findings.observe_delivery(connection, delivery.delivery_id, results)
        if any(result.check_id in ("codes_mapped", "marks_mapped") for result in results if result.outcome == "failed"):
            unmapped.note_out_of_force(connection, config, delivery.delivery_id)
        quality.write_data_docs(results, settings.data_docs)
        decision = decisions.last_decision(connection, delivery.delivery_id)
        broken = {
            f"{result.suite}.{result.check_id}": result
            for result in results
            if result.severity == "critical" and result.outcome in ("failed", "error")
        }
        outcomes: dict[str, str] = {rule: result.outcome for rule, result in broken.items()}
        # A person's word stands when the same bytes are read again; of an acceptance for what it was said of.
        if decision and decision.verdict == "refuse":
            ledger.decide(connection, delivery.delivery_id, "refused", decision.reason_en, decision.reason_fi)
        elif quality.decide(results) == "accept":
            ledger.decide(connection, delivery.delivery_id, "accepted")
        elif decision and broken and decision.covers(outcomes):
            ledger.decide(connection, delivery.delivery_id, "accepted", decision.reason_en, decision.reason_fi)
        else:
            reason_en = "; ".join(result.message_en for result in broken.values())
            reason_fi = "; ".join(result.message_fi for result in broken.values())
            ledger.decide(connection, delivery.delivery_id, "held", reason_en, reason_fi)


def decide(settings: Settings, name: str, verdict: decisions.Verdict, reason: str, decided_by: str) -> Outcome:
    """A person accepts or refuses a held delivery. Raises as `decisions.decide`."""
    with connect(settings) as connection:
        delivery = decisions.decide(connection, name, verdict, reason, decided_by)
        # In the decision's transaction: killed after it, the night must not be told as held.
        _close(connection, delivery.municipality, delivery.night)
    return report(settings, delivery.municipality, delivery.night, None)


def report(
    settings: Settings, municipality: str, night: date, failure: str | None, *, durations: Durations | None = None
) -> Outcome:
    """Closes the municipality's night in the ledger, says how it ended, and tells the source; the last step, also after
    a failure. A receipt that cannot be sent changes nothing of the night: it is tried again with the next one."""
    durations = durations or Durations()
    with connect(settings) as connection:
        if failure is not None:
            for delivery in ledger.deliveries_of_night(connection, municipality, night):
                if delivery.status == "received":
                    ledger.decide(connection, delivery.delivery_id, "failed", failure, failure)
            ledger.record_nothing(connection, municipality, night, school_year_of(night), "failed", failure, failure)
        outcome = _close(connection, municipality, night)
    # Asked only now that our own outcome can be seen: of two that end together, the later one then misses nobody.
    names = municipality_names(settings.municipalities)
    with connect(settings) as connection:
        waiting = waiting_for(ledger.reported(connection, night, names), names)
    with durations.step("receipt", f"{municipality}: sending the receipt"):
        receipt = receipt_post.tell(settings, municipality, night)
    return replace(outcome, waiting_for=waiting, receipt=receipt, seconds=durations.seconds)


def _close(connection: psycopg.Connection, municipality: str, night: date) -> Outcome:
    """Records how the night ended, in the caller's transaction, and returns it."""
    deliveries = ledger.deliveries_of_night(connection, municipality, night)
    worst = max(deliveries, key=lambda delivery: _ORDER.index(delivery.status), default=None)
    outcome = Outcome(
        municipality=municipality,
        night=night,
        status=worst.status if worst else "failed",
        delivery=worst.delivery if worst else None,
        reason_en=worst.reason_en if worst else "nothing was received",
        reason_fi=worst.reason_fi if worst else "mitään ei saatu",
        datasets=tuple(_counts(connection, [delivery.delivery_id for delivery in deliveries])),
    )
    ledger.report_night(
        connection, municipality, night, outcome.status, outcome.delivery, outcome.reason_en, outcome.reason_fi
    )
    return outcome


def _counts(connection: psycopg.Connection, delivery_ids: list[int]) -> list[dict[str, Any]]:
    query = """
        select delivery, dataset, rows_in, rows_landed, rows_rejected, covers_to
        from ops.delivery where delivery_id = any(%s) order by delivery_id, dataset
    """
    names = ("delivery", "dataset", "rows_in", "rows_landed", "rows_rejected", "covers_to")
    return [dict(zip(names, row, strict=True)) for row in connection.execute(query, (delivery_ids,))]


def _clear(connection: psycopg.Connection, delivery_id: int) -> None:
    """Takes away what an earlier, interrupted or replayed loading of the delivery left."""
    # `_count` writes in the transaction of the rows, so without an extent nothing has landed. The deletes find a
    # delivery's rows by reading every page that is not summarised yet: on a large night they would take half of it.
    query = "select count(extent) from ops.delivery where delivery_id = %s"
    row = connection.execute(query, (delivery_id,)).fetchone()
    if row is None or row[0] == 0:
        return
    tables = connection.execute("select tablename from pg_tables where schemaname = 'landing'").fetchall()
    for table in [f"landing.{name}" for (name,) in tables] + ["ops.rejected_row", "ops.unmapped_code", "ops.finding"]:
        connection.execute(f"delete from {table} where delivery_id = %s", (delivery_id,))


def _copy(
    connection: psycopg.Connection, table: str, delivery_id: int, dataset: str, rows: list[dict[str, Any]]
) -> None:
    if not rows:
        return
    columns = list(rows[0])
    with connection.cursor().copy(f"copy {table} (delivery_id, dataset, {', '.join(columns)}) from stdin") as copy:
        for row in rows:
            copy.write_row((delivery_id, dataset, *(row[column] for column in columns)))
