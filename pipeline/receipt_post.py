"""Receipts go back where the delivery came from: by its own transport, else by e-mail to the municipality's contact.

Both forms are kept in the state folder (`receipts/<municipality>/<delivery>.json`, `.html`), and `ops.receipt` says how
the sending went. A receipt that could not be sent is tried again with the municipality's next night.
"""

import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from uuid import uuid4

import psycopg

from connectors.config import Municipality, Transport, load_municipality
from connectors.connection import connection_for
from connectors.delivery import DeliveryProblem, SourceUnavailable
from connectors.transports import send_receipt, takes_receipts
from pipeline import mail, receipts
from pipeline.receipt_page import page
from pipeline.settings import Settings
from pipeline.warehouse import connect

log = logging.getLogger(__name__)

# A night must not wait for a receipt: these bound the transport's own patience, in seconds and requests.
_PATIENCE = {"max_seconds": 60, "timeout_seconds": 10, "max_wait_seconds": 20, "max_attempts": 3}
_TRIED_FOR = timedelta(days=30)
# From best to worst: several receipts of one night are reported by the worst.
_ORDER = ("sent", "kept", "due", "failed")


@dataclass(frozen=True)
class _Due:
    """A receipt that is to be sent, with its two forms."""

    delivery_id: int
    delivery: str
    night: date
    digest: str
    channel: str
    content: bytes
    page: bytes


def tell(settings: Settings, municipality: str, night: date) -> str | None:
    """Sends what is to be told of the night, and what could not be sent before. Returns how the night's own went: sent,
    kept, due (not tried, since another could not be sent), failed; None when there is nothing to tell. Whatever
    goes wrong is logged and recorded, never raised."""
    try:
        return _tell(settings, municipality, night)
    except Exception as error:
        # Its message stays out of the log: a library's may quote what it stumbled on.
        log.error("%s: the receipt of %s could not be made (%s)", municipality, night, type(error).__name__)
        return "failed"


def tell_one(settings: Settings, delivery: str) -> str:
    """Makes the receipt of one delivery and sends it, also when it was sent before. Returns how that went. Raises
    KeyError for an unknown name, ValueError when there is nothing to tell of it."""
    with connect(settings) as connection:
        row = connection.execute(
            "select delivery_id, municipality, status from ops.delivery where delivery = %s limit 1", (delivery,)
        ).fetchone()
        if row is None:
            raise KeyError(delivery)
        delivery_id, name, status = row
        if status not in receipts.TOLD:
            raise ValueError(f"{delivery} is {status}: there is nothing to tell of it.")
        municipality = load_municipality(settings.municipalities / name)
        due = _make(connection, settings, municipality, delivery_id, again=True)
    assert due is not None
    _send(settings, municipality, due)
    return _how(settings, [delivery_id]) or "failed"


def content(settings: Settings, delivery: str) -> bytes:
    """The JSON of a delivery's receipt, as it would be sent now. Raises KeyError for an unknown name."""
    with connect(settings) as connection:
        row = connection.execute(
            "select delivery_id, municipality from ops.delivery where delivery = %s limit 1", (delivery,)
        ).fetchone()
        if row is None:
            raise KeyError(delivery)
        municipality = load_municipality(settings.municipalities / row[1])
        return receipts.as_json(receipts.build(connection, municipality, row[0]))


def _tell(settings: Settings, name: str, night: date) -> str | None:
    municipality = load_municipality(settings.municipalities / name)
    with connect(settings) as connection:
        own = _ids(connection, "municipality = %s and night = %s", (name, night))
        waiting = _ids(
            connection,
            """
            municipality = %s and received_at > now() - %s and delivery_id in (
                select delivery_id from ops.receipt where status in ('due', 'failed')
            )
            """,
            (name, _TRIED_FOR),
        )
    made = []
    for delivery_id in [*own, *(one for one in waiting if one not in own)]:
        with connect(settings) as connection:
            made.append(_make(connection, settings, municipality, delivery_id))
    for due in made:
        # A source that cannot be reached for one cannot be for the next; the others stay due.
        if due is not None and not _send(settings, municipality, due):
            break
    return _how(settings, own)


def _ids(connection: psycopg.Connection, condition: str, parameters: tuple[object, ...]) -> list[int]:
    query = f"""
        select distinct delivery_id from ops.delivery
        where {condition} and status = any(%s) order by delivery_id
    """
    return [row[0] for row in connection.execute(query, (*parameters, list(receipts.TOLD)))]


def _make(
    connection: psycopg.Connection,
    settings: Settings,
    municipality: Municipality,
    delivery_id: int,
    *,
    again: bool = False,
) -> _Due | None:
    """Writes both forms and enters the receipt as due; None when the delivery's last receipt says the same already."""
    receipt = receipts.build(connection, municipality, delivery_id)
    made, digest = receipts.as_json(receipt), receipts.digest(receipt)
    last = connection.execute(
        "select digest, status from ops.receipt where delivery_id = %s order by made_at desc limit 1", (delivery_id,)
    ).fetchone()
    if last is not None and last[0] == digest and last[1] in ("sent", "kept") and not again:
        return None
    due = _Due(
        delivery_id,
        receipt.delivery,
        date.fromisoformat(receipt.night),
        digest,
        municipality.transport.kind if takes_receipts(municipality) else "email",
        made,
        page(receipt),
    )
    folder = settings.receipts / municipality.name
    _replace(folder / f"{due.delivery}.json", due.content)
    _replace(folder / f"{due.delivery}.html", due.page)
    connection.execute(
        "update ops.receipt set status = 'replaced' where delivery_id = %s and status in ('due', 'failed', 'kept')",
        (delivery_id,),
    )
    connection.execute(
        """
        insert into ops.receipt (delivery_id, digest, channel, status) values (%s, %s, %s, 'due')
        on conflict (delivery_id, digest) do update
        set status = 'due', channel = excluded.channel, made_at = clock_timestamp()
        """,
        (delivery_id, digest, due.channel),
    )
    return due


def _send(settings: Settings, municipality: Municipality, due: _Due) -> bool:
    """Sends one receipt and records how it went. False when the source cannot be reached at all."""
    status, problem, reached = "sent", None, True
    try:
        if due.channel == "email":
            status = _mail(settings, municipality, due)
        else:
            _by_transport(settings, municipality, due)
    except DeliveryProblem as error:
        status, problem, reached = "failed", str(error), not isinstance(error, SourceUnavailable)
    except Exception as error:
        # A library's message may quote an address or a password.
        status, problem = "failed", f"{municipality.name}: {type(error).__name__} while sending the receipt"
    if problem:
        log.warning("The receipt of %s could not be sent: %s", due.delivery, problem)
    with connect(settings) as connection:
        connection.execute(
            """
            update ops.receipt
            set status = %(status)s, problem = %(problem)s, attempts = attempts + 1,
                sent_at = case when %(status)s = 'sent' then clock_timestamp() else sent_at end
            where delivery_id = %(id)s and digest = %(digest)s
            """,
            {"status": status, "problem": problem, "id": due.delivery_id, "digest": due.digest},
        )
    return reached


def _by_transport(settings: Settings, municipality: Municipality, due: _Due) -> None:
    options = municipality.transport.options
    usual = {"max_seconds": 1800, "timeout_seconds": 30, "max_wait_seconds": 300, "max_attempts": 6}
    patience = {key: min(options.get(key, usual[key]), limit) for key, limit in _PATIENCE.items()}
    quick = replace(municipality, transport=Transport(municipality.transport.kind, {**options, **patience}))
    source = connection_for(municipality.name, settings.home)
    if due.channel == "rest":
        # One document is posted, so the page for people travels inside it.
        whole = {**json.loads(due.content), "page_fi": due.page.decode()}
        made = json.dumps(whole, ensure_ascii=False, indent=1).encode()
        send_receipt(quick, source, due.night, f"{due.delivery}.json", made)
        return
    # The JSON last: a machine that waits for it finds the page there too.
    send_receipt(quick, source, due.night, f"{due.delivery}.html", due.page)
    send_receipt(quick, source, due.night, f"{due.delivery}.json", due.content)


def _mail(settings: Settings, municipality: Municipality, due: _Due) -> str:
    """Sends the receipt to the municipality's contact: `sent`; without a mail connection it is only written: `kept`."""
    source = mail.mail_server(settings)
    message = _message(municipality, due, (source and source.text("from")) or "")
    _replace(settings.receipts / municipality.name / f"{due.delivery}.eml", message.as_bytes())
    if source is None:
        return "kept"
    mail.post(source, message)
    return "sent"


def _message(municipality: Municipality, due: _Due, sender: str) -> EmailMessage:
    receipt = json.loads(due.content)
    message = EmailMessage()
    message["Subject"] = f"Tukiverkko, kuittaus: {municipality.name_fi}, toimitus {due.delivery}"
    if sender:
        message["From"] = sender
    message["To"] = municipality.contact_email
    message["Date"] = formatdate()
    # The same receipt sent twice is one message to whoever sorts mail.
    message["Message-ID"] = f"<{due.digest[:32]}.{due.delivery_id}@tukiverkko.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    steps = "\n".join(f"- {step}" for step in receipt["to_do_fi"])
    message.set_content(
        f"Kuittaus toimituksesta {due.delivery} on liitteenä: sivu ihmiselle (html) ja sama tieto koneelle (json).\n\n"
        f"Mitä teidän pitää tehdä:\n{steps}\n"
    )
    # An attachment, not the message itself: mail programs strip styles and policies.
    message.add_attachment(due.page, maintype="text", subtype="html", filename=f"{due.delivery}.html")
    message.add_attachment(due.content, maintype="application", subtype="json", filename=f"{due.delivery}.json")
    return message


def _how(settings: Settings, delivery_ids: list[int]) -> str | None:
    with connect(settings) as connection:
        rows = connection.execute(
            """
            select distinct on (delivery_id) status from ops.receipt
            where delivery_id = any(%s) order by delivery_id, made_at desc
            """,
            (delivery_ids,),
        ).fetchall()
    return max((row[0] for row in rows), key=_ORDER.index, default=None)


def _replace(path: Path, content: bytes) -> None:
    """Writes a file so that a reader sees the old or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
