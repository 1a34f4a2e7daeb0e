"""What only the scheduler knows: tasks that failed after their last try, and nights that missed their deadline.

Everything else that is wrong can be read from the ledger (`pipeline.problems`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import psycopg


@dataclass(frozen=True)
class Incident:
    """One failure of a task, or one late night, that is not over. task_id: empty for a night; municipality: None for
    what is the region's."""

    kind: Literal["task_failed", "night_late"]
    dag_id: str
    task_id: str
    municipality: str | None
    night: date


def note(connection: psycopg.Connection, incident: Incident) -> None:
    """Writes an incident; one that is there already is open again from now on."""
    connection.execute(
        """
        insert into ops.incident (kind, dag_id, task_id, municipality, night) values (%s, %s, %s, %s, %s)
        on conflict (kind, dag_id, task_id, night) do update
        set happened_at = clock_timestamp(), over_at = null, municipality = excluded.municipality
        """,
        (incident.kind, incident.dag_id, incident.task_id, incident.municipality, incident.night),
    )


def over(connection: psycopg.Connection, dag_id: str, task_id: str) -> None:
    """The task has succeeded: its earlier failures are over."""
    connection.execute(
        "update ops.incident set over_at = clock_timestamp() where dag_id = %s and task_id = %s and over_at is null",
        (dag_id, task_id),
    )


def night_under_way(connection: psycopg.Connection) -> date | None:
    """The night of the release that is being built, or None."""
    query = "select night from ops.release where status = 'building' order by release_number desc limit 1"
    row = connection.execute(query).fetchone()
    return row[0] if row else None


def read_open(connection: psycopg.Connection) -> tuple[Incident, ...]:
    """The incidents that are not over, newest night first, one a task.

    An ingest's is over when an outcome of that night or a later one was reported after it: `report` then tells how the
    night ended. One of the release is over when a later release was tried, or when its own one says why it ended.
    """
    rows = connection.execute(
        """
        select distinct on (kind, dag_id, task_id) kind, dag_id, task_id, municipality, night
        from ops.incident as incident
        where
            over_at is null
            and not exists (
                select from ops.night_outcome as outcome
                where
                    outcome.municipality = incident.municipality and outcome.night >= incident.night
                    and outcome.reported_at >= incident.happened_at
            )
            and not (incident.municipality is null and incident.dag_id = 'regional_release' and exists (
                select from ops.release as release
                where
                    release.night >= incident.night and release.status <> 'building'
                    and (
                        incident.kind = 'night_late' or release.created_at >= incident.happened_at
                        or release.status in ('refused', 'failed') and not exists (
                            select from ops.release as later where later.release_number > release.release_number
                        )
                    )
            ))
        order by kind, dag_id, task_id, night desc
        """
    ).fetchall()
    return tuple(Incident(*row) for row in rows)
