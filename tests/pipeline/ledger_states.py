"""Nights as the ledger knows them, entered without their deliveries."""

from datetime import date

import psycopg

from pipeline import ledger

NIGHT, NEXT = date(2026, 2, 3), date(2026, 2, 4)
MUNICIPALITIES = ("iisalmi", "kuopio", "siilinjarvi", "varkaus")


def good_night(connection: psycopg.Connection, night: date) -> None:
    for name in MUNICIPALITIES:
        outcome(connection, name, "accepted", night=night)
    release(connection, night, "published")


def outcome(
    connection: psycopg.Connection, name: str, status: str, reason: str | None = None, night: date = NEXT
) -> None:
    """The municipality's night ended so."""
    delivery = ledger._enter(connection, name, night, 2025, status, None)
    fi = f"{reason} (suomeksi)" if reason else None
    ledger.decide(connection, delivery.delivery_id, status, reason, fi)
    ledger.report_night(connection, name, night, status, delivery.delivery, reason, fi)


def release(connection: psycopg.Connection, night: date, status: str, reason: str | None = None) -> None:
    """A release by the schedule, which ended so."""
    connection.execute(
        """
        insert into ops.release (release_number, night, by_hand, status, code_version, reason)
        select coalesce(max(release_number), 0) + 1, %s, false, %s, 'test', %s from ops.release
        """,
        (night, status, reason),
    )


def receipt(connection: psycopg.Connection, delivery: str, channel: str, status: str) -> None:
    connection.execute(
        """
        insert into ops.receipt (delivery_id, digest, channel, status, problem)
        select delivery_id, 'x', %s, %s, 'sftp does not answer' from ops.delivery where delivery = %s limit 1
        """,
        (channel, status, delivery),
    )


def unmapped(connection: psycopg.Connection) -> None:
    delivery = ledger.find_delivery(connection, f"kuopio-{NIGHT}")
    assert delivery is not None
    connection.execute("insert into ops.unmapped_code values (%s, 'support', 'mark', 'X9', 3)", (delivery.delivery_id,))
