"""What is past its time goes: originals and receipts after 30 days, landed rows after the current and two past years.

Published tables stay. `forget` removes one pupil's data on request.
"""

import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import psycopg

from connectors.config import municipality_names
from connectors.delivery import school_year_of
from pipeline import keys, municipal
from pipeline.settings import Settings
from pipeline.warehouse import connect

ARCHIVE_DAYS = 30
PAST_SCHOOL_YEARS = 2


@dataclass(frozen=True)
class Removed:
    """How much went: landed rows, and deliveries whose originals were removed from the archive."""

    rows: int
    archived_deliveries: int


def retain(settings: Settings, today: date | None = None) -> Removed:
    """Removes what is past its time as of `today` (default: today in Helsinki)."""
    today = today or datetime.now(ZoneInfo("Europe/Helsinki")).date()
    oldest_kept = school_year_of(today) - PAST_SCHOOL_YEARS
    with connect(settings) as connection:
        query = "select distinct delivery_id from ops.delivery where school_year < %s or status = 'superseded'"
        past = [row[0] for row in connection.execute(query, (oldest_kept,))]
        rows = _delete(connection, "landing", "delivery_id = any(%s)", (past,))
        query = "select distinct municipality, delivery from ops.delivery where received_at < %s"
        limit = datetime.now(ZoneInfo("Europe/Helsinki")) - timedelta(days=ARCHIVE_DAYS)
        expired = connection.execute(query, (limit,)).fetchall()
    return Removed(rows, sum(_remove_archived(settings, municipality, delivery) for municipality, delivery in expired))


def forget(settings: Settings, identifier: str) -> Removed:
    """Removes everything that the warehouse and the archive hold of one person, given by HETU or oppijanumero.

    Deliveries of the person's municipalities leave the archive whole, since originals are kept as they came. Published
    frozen tables stay. The municipality must also stop delivering the person, or the next night brings the data again.
    """
    names = municipality_names(settings.municipalities)
    rows = archived = 0
    with connect(settings) as connection:
        key = keys.pseudonym_keys(settings, names[0])
        person = [key.uuid("hetu", identifier), key.uuid("oppijanumero", identifier)]
        found = connection.execute(
            """
            select distinct d.municipality, e.pupil_ref
            from landing.enrolment as e
            inner join ops.delivery as d on e.delivery_id = d.delivery_id and d.dataset = 'enrolment'
            where e.hetu_key = any(%(person)s::uuid[]) or e.oppijanumero_key = any(%(person)s::uuid[])
            """,
            {"person": person},
        ).fetchall()
        references = [reference for _, reference in found]
        # A pseudonym in harmonised is one of the person's own keys, or that of a pupil who is matched nowhere.
        rows += _delete(connection, "harmonised", "person_key = any(%s)", ([*person, *references],))
        for schema in ("harmonised", "landing"):
            rows += _delete(connection, schema, "pupil_ref = any(%s)", (references,))
        # The pupil_key that a municipality sees is one of its own references to the pupil.
        rows += municipal.forget(connection, references)
        rows += connection.execute("delete from ops.rejected_row where pupil_ref = any(%s)", (references,)).rowcount
        places = sorted({municipality for municipality, _ in found})
        query = "select distinct municipality, delivery from ops.delivery where municipality = any(%s)"
        for municipality, delivery in connection.execute(query, (places,)).fetchall():
            archived += _remove_archived(settings, municipality, delivery)
        connection.execute(
            "insert into ops.erasure (municipalities, row_count, archived_deliveries) values (%s, %s, %s)",
            (places, rows, archived),
        )
    return Removed(rows, archived)


def _delete(connection: psycopg.Connection, schema: str, condition: str, parameters: tuple[object, ...]) -> int:
    """Deletes from every table of the schema that has the condition's column; returns the number of rows."""
    column = condition.split(" ", 1)[0]
    query = """
        select c.table_name from information_schema.columns as c
        inner join information_schema.tables as t using (table_schema, table_name)
        where c.table_schema = %s and c.column_name = %s and t.table_type = 'BASE TABLE'
    """
    tables = [row[0] for row in connection.execute(query, (schema, column))]
    return sum(
        connection.execute(f"delete from {schema}.{table} where {condition}", parameters).rowcount for table in tables
    )


def _remove_archived(settings: Settings, municipality: str, delivery: str) -> int:
    # A receipt tells of rows by their numbers in the original: it goes with it.
    for file in (settings.receipts / municipality).glob(f"{delivery}.*"):
        file.unlink()
    folder = settings.archive / municipality / delivery
    if not folder.exists():
        return 0
    shutil.rmtree(folder)
    return 1
