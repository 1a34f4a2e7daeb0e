"""The delivery ledger: `ops.delivery` (one row a delivery and dataset) and `ops.night_outcome`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg

from connectors.delivery import DATASETS, RawDelivery
from connectors.transports import History

# A delivery in one of these states was decided; it is not read again unless someone asks for it.
DECIDED = ("accepted", "unchanged", "superseded")


@dataclass(frozen=True)
class Delivery:
    """One delivery in the ledger, its datasets taken together."""

    delivery_id: int
    delivery: str
    municipality: str
    night: date
    school_year: int
    status: str
    content_digest: str | None
    reason_en: str | None
    reason_fi: str | None
    first_received: date | None


_SELECT = """
    select distinct on (delivery_id)
        delivery_id, delivery, municipality, night, school_year, status, content_digest, reason_en, reason_fi,
        first_received
    from ops.delivery
"""


def deliveries_of_night(connection: psycopg.Connection, municipality: str, night: date) -> list[Delivery]:
    """The deliveries of one night that count, in their order: not superseded, and not failed with a later one."""
    query = f"""
        {_SELECT} as delivery
        where municipality = %s and night = %s and status <> 'superseded' and (status <> 'failed' or not exists (
            select from ops.delivery as later
            where later.municipality = delivery.municipality and later.night = delivery.night
                and later.school_year = delivery.school_year and later.delivery_id > delivery.delivery_id
        ))
        order by delivery_id
    """
    return [Delivery(*row) for row in connection.execute(query, (municipality, night))]


def find_delivery(connection: psycopg.Connection, delivery: str) -> Delivery | None:
    """The delivery of that name (`kuopio-2025-10-14`), or None."""
    row = connection.execute(f"{_SELECT} where delivery = %s", (delivery,)).fetchone()
    return Delivery(*row) if row else None


def last_accepted(connection: psycopg.Connection, municipality: str, school_year: int) -> Delivery | None:
    """The accepted delivery of the latest night of that school year, or None."""
    query = f"""
        select * from ({_SELECT} where municipality = %s and school_year = %s and status = 'accepted') as accepted
        order by night desc, delivery_id desc limit 1
    """
    row = connection.execute(query, (municipality, school_year)).fetchone()
    return Delivery(*row) if row else None


def first_received(connection: psycopg.Connection, raw: RawDelivery) -> date:
    """The earliest night on which these bytes came, whatever became of them then; the delivery's own when they are
    new."""
    row = connection.execute(
        """
        select min(night) from ops.delivery
        where municipality = %s and school_year = %s and content_digest = %s and night < %s
        """,
        (raw.municipality, raw.school_year, raw.digest, raw.night),
    ).fetchone()
    return (row and row[0]) or raw.night


def history(connection: psycopg.Connection, municipality: str, school_year: int, night: date) -> History:
    """What a transport must know of the nights before: whether a delivery of the school year came, also one that was
    not accepted, and from which moment the last accepted one is (increments go on from there). The night itself does
    not count, so that it can be fetched again as it was the first time."""
    row = connection.execute(
        """
        select count(*) > 0, max(as_of) filter (where status = 'accepted')
        from ops.delivery
        where municipality = %(municipality)s and school_year = %(school_year)s and night < %(night)s
            and dataset = 'absence' and status not in ('failed', 'unchanged')
        """,
        {"municipality": municipality, "school_year": school_year, "night": night},
    ).fetchone()
    assert row is not None
    return History(has_earlier=row[0], last_accepted_as_of=row[1])


def receive(connection: psycopg.Connection, raw: RawDelivery) -> Delivery:
    """Enters a delivery as `received` and returns it.

    The same bytes for the same night are the same delivery. Other bytes than those of a delivery of that night that is
    already there make a new one (`-2`, `-3` …); the earlier one becomes `superseded` when the new one is decided. A
    failed one is taken over by the same bytes, and by any where it had none.
    """
    existing = [
        d for d in deliveries_of_night(connection, raw.municipality, raw.night) if d.school_year == raw.school_year
    ]
    for delivery in existing:
        if delivery.content_digest in (raw.digest, None):
            _reset(connection, delivery.delivery_id, raw)
            return _by_id(connection, delivery.delivery_id)
    return _enter(connection, raw.municipality, raw.night, raw.school_year, "received", raw)


def record_nothing(
    connection: psycopg.Connection,
    municipality: str,
    night: date,
    school_year: int,
    status: str,
    reason_en: str,
    reason_fi: str,
    digest: str | None = None,
) -> Delivery:
    """Enters a night on which nothing was landed (`failed`, `refused`, `unchanged`), with the reason.

    A delivery that came keeps its digest, by which `first_received` knows when its bytes came first; other bytes
    (`digest`) are entered as a delivery of their own, which supersedes it.
    """
    existing = [d for d in deliveries_of_night(connection, municipality, night) if d.school_year == school_year]
    # What came stays as it was judged, although a later try of the same night finds nobody at home.
    kept = (*DECIDED, "held", "refused") if status == "failed" else DECIDED
    if existing and existing[-1].status in kept:
        return existing[-1]
    delivery = existing[-1] if existing else _enter(connection, municipality, night, school_year, status, None)
    if digest is not None and delivery.content_digest not in (digest, None):
        earlier, delivery = delivery, _enter(connection, municipality, night, school_year, status, None)
        _supersede(connection, earlier, delivery)
    connection.execute(
        "update ops.delivery set content_digest = coalesce(%s, content_digest) where delivery_id = %s",
        (digest, delivery.delivery_id),
    )
    decide(connection, delivery.delivery_id, status, reason_en, reason_fi)
    return _by_id(connection, delivery.delivery_id)


def decide(
    connection: psycopg.Connection,
    delivery_id: int,
    status: str,
    reason_en: str | None = None,
    reason_fi: str | None = None,
) -> None:
    """Sets the status of all datasets of a delivery; an accepted one supersedes earlier ones of the same night."""
    connection.execute(
        """
        update ops.delivery set status = %s, reason_en = %s, reason_fi = %s, decided_at = clock_timestamp()
        where delivery_id = %s
        """,
        (status, reason_en, reason_fi, delivery_id),
    )
    if status == "accepted":
        connection.execute(
            """
            update ops.delivery as earlier
            set status = 'superseded', reason_en = 'replaced by ' || later.delivery,
                reason_fi = 'korvattu toimituksella ' || later.delivery, decided_at = clock_timestamp()
            from ops.delivery as later
            where later.delivery_id = %s and later.dataset = earlier.dataset
                and later.municipality = earlier.municipality and later.night = earlier.night
                and later.school_year = earlier.school_year
                and earlier.delivery_id <> later.delivery_id and earlier.status <> 'superseded'
            """,
            (delivery_id,),
        )


def _supersede(connection: psycopg.Connection, earlier: Delivery, later: Delivery) -> None:
    reasons = f"replaced by {later.delivery}", f"korvattu toimituksella {later.delivery}"
    decide(connection, earlier.delivery_id, "superseded", *reasons)


def reopen(connection: psycopg.Connection, delivery_id: int) -> str:
    """Takes a delivery back to `received`, because its rows are about to change, and returns the status that it had;
    nobody else decides it before the caller's transaction ends."""
    query = "select status from ops.delivery where delivery_id = %s order by dataset for update"
    row = connection.execute(query, (delivery_id,)).fetchone()
    assert row is not None
    connection.execute(
        """
        update ops.delivery set status = 'received', reason_en = null, reason_fi = null, decided_at = null
        where delivery_id = %s and status <> 'received'
        """,
        (delivery_id,),
    )
    return str(row[0])


def was_released(connection: psycopg.Connection, delivery_id: int) -> bool:
    """Whether a release was ever built, or begun, with the delivery; so whether a build may have read its rows."""
    query = "select exists (select from ops.release_delivery where delivery_id = %s)"
    row = connection.execute(query, (delivery_id,)).fetchone()
    return bool(row and row[0])


def report_night(
    connection: psycopg.Connection,
    municipality: str,
    night: date,
    status: str,
    delivery: str | None,
    reason_en: str | None,
    reason_fi: str | None,
) -> None:
    """Records how a municipality's night ended; a later report of the same night replaces it."""
    connection.execute(
        """
        insert into ops.night_outcome (municipality, night, status, delivery, reason_en, reason_fi)
        values (%s, %s, %s, %s, %s, %s)
        on conflict (municipality, night) do update
        set status = excluded.status, delivery = excluded.delivery, reason_en = excluded.reason_en,
            reason_fi = excluded.reason_fi, reported_at = clock_timestamp()
        """,
        (municipality, night, status, delivery, reason_en, reason_fi),
    )


def reported(connection: psycopg.Connection, night: date, municipalities: Sequence[str]) -> set[str]:
    """Those of the municipalities whose outcome of the night is known."""
    query = "select municipality from ops.night_outcome where night = %s and municipality = any(%s)"
    return {row[0] for row in connection.execute(query, (night, list(municipalities)))}


def _enter(
    connection: psycopg.Connection,
    municipality: str,
    night: date,
    school_year: int,
    status: str,
    raw: RawDelivery | None,
) -> Delivery:
    row = connection.execute("select nextval('ops.delivery_id')").fetchone()
    assert row is not None
    delivery_id = int(row[0])
    name = _free_name(connection, municipality, night, school_year)
    for dataset in DATASETS:
        connection.execute(
            """
            insert into ops.delivery
                (delivery_id, dataset, delivery, municipality, night, school_year, status)
            values (%s, %s, %s, %s, %s, %s, %s)
            """,
            (delivery_id, dataset, name, municipality, night, school_year, status),
        )
    if raw is not None:
        _reset(connection, delivery_id, raw)
    return _by_id(connection, delivery_id)


def _free_name(connection: psycopg.Connection, municipality: str, night: date, school_year: int) -> str:
    """`kuopio-2025-10-14`; a delivery of another school year than the night's own says which (`…-lv2024`)."""
    base = f"{municipality}-{night.isoformat()}"
    if school_year != (night.year if night.month >= 8 else night.year - 1):
        base = f"{base}-lv{school_year}"
    taken = {
        row[0] for row in connection.execute("select delivery from ops.delivery where delivery like %s", (f"{base}%",))
    }
    return next(name for name in (base, *(f"{base}-{n}" for n in range(2, 1000))) if name not in taken)


def _reset(connection: psycopg.Connection, delivery_id: int, raw: RawDelivery) -> None:
    connection.execute(
        """
        update ops.delivery
        set status = 'received', reason_en = null, reason_fi = null, decided_at = null, as_of = %s, since = %s,
            content_digest = %s, first_received = %s, received_at = clock_timestamp()
        where delivery_id = %s
        """,
        (_in_zone(raw.as_of), raw.since and _in_zone(raw.since), raw.digest, raw.first_received, delivery_id),
    )


def _in_zone(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a delivery's moments carry their time zone")
    return moment


def _by_id(connection: psycopg.Connection, delivery_id: int) -> Delivery:
    row = connection.execute(f"{_SELECT} where delivery_id = %s", (delivery_id,)).fetchone()
    assert row is not None
    return Delivery(*row)
