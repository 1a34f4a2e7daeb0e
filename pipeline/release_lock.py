"""The release lock: one release at a time, and nothing that a build reads changes under it."""

import psycopg

from pipeline.warehouse import RELEASE_LOCK


class ReleaseUnderWay(RuntimeError):
    """A release is under way, or what it would read is being changed; to be tried again when that has ended."""

    def __init__(self) -> None:
        super().__init__(
            "a release is under way, or what it reads is being removed or landed again: nothing was changed; "
            "run this again when that has ended (`tukiverkko status`)"
        )


def lock_until_commit(connection: psycopg.Connection) -> None:
    """Takes the release lock for the caller's transaction, without waiting for it. Raises ReleaseUnderWay.

    For whatever takes away or replaces rows that a build may read: its models read at different moments, so they would
    see some of it.
    """
    row = connection.execute("select pg_try_advisory_xact_lock(%s)", (RELEASE_LOCK,)).fetchone()
    if not (row and row[0]):
        raise ReleaseUnderWay
