"""What is past its time goes: originals and receipts after 30 days, landed rows after the current and two past years.

Published tables stay. `forget` removes one pupil's data on request.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from connectors.config import municipality_names
from connectors.delivery import school_year_of
from pipeline import archive, keys, municipal
from pipeline.release_lock import lock_until_commit
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
    """Removes what is past its time as of `today` (default: today in Helsinki).

    A delivery of a past school year is superseded with it, so that the next release redoes its days without it and its
    facts leave `harmonised` and `municipal` too; one that was refused or failed keeps its status and its reason.
    What was rejected of it, and what nobody knew, go with its rows. Raises ReleaseUnderWay beside a release, which may
    be reading what would go: then everything is as it was.
    """
    today = today or datetime.now(ZoneInfo("Europe/Helsinki")).date()
    oldest_kept = school_year_of(today) - PAST_SCHOOL_YEARS
    with connect(settings) as connection:
        lock_until_commit(connection)
        connection.execute(
            """
            update ops.delivery
            set status = 'superseded', reason_en = 'past its time', reason_fi = 'säilytysaika on päättynyt'
            where school_year < %s and status in ('accepted', 'held')
            """,
            (oldest_kept,),
        )
        query = "select distinct delivery_id from ops.delivery where status = 'superseded' or school_year < %s"
        past = [row[0] for row in connection.execute(query, (oldest_kept,))]
        rows = _delete(connection, "landing", "delivery_id = any(%s)", (past,))
        for table in ("ops.rejected_row", "ops.unmapped_code", "ops.finding"):
            rows += connection.execute(f"delete from {table} where delivery_id = any(%s)", (past,)).rowcount
        query = "select distinct municipality, delivery from ops.delivery where received_at < %s"
        limit = datetime.now(ZoneInfo("Europe/Helsinki")) - timedelta(days=ARCHIVE_DAYS)
        expired = connection.execute(query, (limit,)).fetchall()
    return Removed(rows, sum(_remove_archived(settings, municipality, delivery) for municipality, delivery in expired))


def forget(settings: Settings, identifier: str) -> Removed:
    """Removes everything that the warehouse and the archive hold of one person, given by HETU or oppijanumero.

    Deliveries of the person's municipalities leave the archive whole, since originals are kept as they came. Published
    frozen tables stay. The municipality must also stop delivering the person, or the next night brings the data again.
    Raises ReleaseUnderWay beside a release, which would bring rows of the person back: then everything is as it was.
    """
    rows = archived = 0
    with connect(settings) as connection:
        lock_until_commit(connection)
        person, references = _pseudonyms(connection, settings, identifier)
        places = _places(connection, references)
        # A pseudonym in harmonised is one of the person's own keys, or that of a pupil who is matched nowhere.
        rows += _delete(connection, "harmonised", "person_key = any(%s)", ([*person, *references],))
        for schema in ("harmonised", "landing"):
            rows += _delete(connection, schema, "pupil_ref = any(%s)", (references,))
        # The pupil_key that a municipality sees is one of its own references to the pupil.
        rows += municipal.forget(connection, references)
        rows += connection.execute("delete from ops.rejected_row where pupil_ref = any(%s)", (references,)).rowcount
        query = "select distinct municipality, delivery from ops.delivery where municipality = any(%s)"
        for municipality, delivery in connection.execute(query, (places,)).fetchall():
            archived += _remove_archived(settings, municipality, delivery)
        connection.execute(
            "insert into ops.erasure (municipalities, row_count, archived_deliveries) values (%s, %s, %s)",
            (places, rows, archived),
        )
    return Removed(rows, archived)


def _pseudonyms(connection: psycopg.Connection, settings: Settings, identifier: str) -> tuple[list[UUID], list[UUID]]:
    """All of a person's pseudonyms: the regional ones, and the municipalities' references to the person.

    A source that knows only the HETU and one that knows only the oppijanumero are joined by a third that knows both;
    a reference made of the identifier itself is the person's also where no enrolment landed.
    """
    made = [keys.pseudonym_keys(settings, name) for name in municipality_names(settings.municipalities)]
    person = {made[0].uuid("hetu", identifier), made[0].uuid("oppijanumero", identifier)}
    references = {one.uuid("pupil", identifier) for one in made}
    query = """
        select pupil_ref, hetu_key, oppijanumero_key from landing.enrolment
        where pupil_ref = any(%(references)s) or hetu_key = any(%(person)s) or oppijanumero_key = any(%(person)s)
    """
    known = 0
    while known < len(person) + len(references):
        known = len(person) + len(references)
        for reference, *own in connection.execute(query, {"person": [*person], "references": [*references]}):
            references.add(reference)
            person.update(key for key in own if key is not None)
    return sorted(person), sorted(references)


def _places(connection: psycopg.Connection, references: list[UUID]) -> list[str]:
    """The municipalities that have delivered anything of these pupils, also rows that were rejected."""
    tables = [f"landing.{name}" for name in _tables(connection, "landing", "pupil_ref")]
    found: set[str] = set()
    for table in [*tables, "ops.rejected_row"]:
        query = f"""
            select distinct delivery.municipality from {table} as held
            inner join ops.delivery as delivery on held.delivery_id = delivery.delivery_id
            where held.pupil_ref = any(%s)
        """
        found.update(name for (name,) in connection.execute(query, (references,)))
    return sorted(found)


def _delete(connection: psycopg.Connection, schema: str, condition: str, parameters: tuple[object, ...]) -> int:
    """Deletes from every table of the schema that has the condition's column; returns the number of rows."""
    return sum(
        connection.execute(f"delete from {schema}.{table} where {condition}", parameters).rowcount
        for table in _tables(connection, schema, condition.split(" ", 1)[0])
    )


def _tables(connection: psycopg.Connection, schema: str, column: str) -> list[str]:
    """The schema's tables that have the column."""
    query = """
        select c.table_name from information_schema.columns as c
        inner join information_schema.tables as t using (table_schema, table_name)
        where c.table_schema = %s and c.column_name = %s and t.table_type = 'BASE TABLE'
    """
    return [row[0] for row in connection.execute(query, (schema, column))]


def _remove_archived(settings: Settings, municipality: str, delivery: str) -> int:
    # A receipt tells of rows by their numbers in the original: it goes with it.
    for file in (settings.receipts / municipality).glob(f"{delivery}.*"):
        file.unlink()
    return int(archive.remove(settings.archive, municipality, delivery))
