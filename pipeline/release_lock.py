"""The release lock: one release at a time, and nothing that a build reads changes under it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg

from pipeline.settings import Settings
from pipeline.warehouse import RELEASE_LOCK, connect


class ReleaseUnderWay(RuntimeError):
    """A release is under way, or what it would read is being changed; to be tried again when that has ended."""

    def __init__(self) -> None:
        super().__init__(
            "a release is under way, or what it reads is being removed or landed again: nothing was changed; "
            "run this again when that has ended (`tukiverkko status`)"
        )


class ReleaseLockLost(RuntimeError):
    """The session that held the release lock is gone, so another release may have begun; nothing was published."""

    def __init__(self) -> None:
        super().__init__(
            "the release lost its lock (PostgreSQL restarted, or the connection broke), and another may have begun: "
            "nothing was published; release again"
        )


@dataclass(frozen=True)
class HeldLock:
    """The release lock while its session has it."""

    session: psycopg.Connection

    def check(self) -> None:
        """Raises ReleaseLockLost when the session ended, or does not hold the lock any more."""
        query = """
            select count(*) from pg_locks
            where locktype = 'advisory' and pid = pg_backend_pid() and granted
                and classid = 0 and objid = %s and objsubid = 1
        """
        try:
            row = self.session.execute(query, (RELEASE_LOCK,)).fetchone()
        except psycopg.OperationalError as error:
            raise ReleaseLockLost from error
        if not (row and row[0]):
            raise ReleaseLockLost


@contextmanager
def release_lock(settings: Settings) -> Iterator[HeldLock]:
    """Holds the release lock in a session of its own, for the block. Raises ReleaseUnderWay when it is taken."""
    with connect(settings, autocommit=True) as session:
        row = session.execute("select pg_try_advisory_lock(%s)", (RELEASE_LOCK,)).fetchone()
        if not (row and row[0]):
            raise ReleaseUnderWay
        try:
            yield HeldLock(session)
        finally:
            # With a session that is gone the lock is too; how the block ended must not be hidden by it.
            with suppress(psycopg.OperationalError):
                session.execute("select pg_advisory_unlock(%s)", (RELEASE_LOCK,))


def lock_until_commit(connection: psycopg.Connection) -> None:
    """Takes the release lock for the caller's transaction, without waiting for it. Raises ReleaseUnderWay.

    For whatever takes away or replaces rows that a build may read: its models read at different moments, so they would
    see some of it.
    """
    row = connection.execute("select pg_try_advisory_xact_lock(%s)", (RELEASE_LOCK,)).fetchone()
    if not (row and row[0]):
        raise ReleaseUnderWay
