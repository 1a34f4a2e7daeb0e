"""Readers of `reporting` who ask without pause while releases come and go: what they saw, and how long they waited."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta

import psycopg
from psycopg.conninfo import make_conninfo

from pipeline import publication
from pipeline.linked_counts import month_end
from pipeline.readers import ensure_login
from pipeline.warehouse import REGION_ROLE
from tests.pipeline.test_publication import count, release

# All that one statement reads is of one release: its number, and what the candidate of that number said.
ONE_RELEASE = """
select
    (select release_number from reporting.release) as release_number,
    (select days_old from reporting.data_status) as told_by_status,
    (select count(distinct count_day) from reporting.support_levels) as days,
    (select sum(pupils) from reporting.support_levels where municipality = 'kuopio' and support_level = 'S0') as pupils
"""


@dataclass
class Seen:
    """answers: every row that a reader was given. waited: (seconds, whether a release was under way). errors: what a
    reader was told instead of an answer."""

    answers: set[tuple[int, ...]] = field(default_factory=set)
    waited: list[tuple[float, bool]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def waited_s(self, share: float, *, during: bool) -> float:
        """The quantile of the seconds that readers waited while a release was under way, or while none was."""
        ordered = sorted(seconds for seconds, was_during in self.waited if was_during is during)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Readers:
    """Threads that ask ONE_RELEASE, each with a connection of its own as somebody who reads as `bi_region`."""

    def __init__(self, owner: psycopg.Connection, readers: int, pause_s: float) -> None:
        # One login allows ten connections only.
        urls = [self._login(owner) for _ in range(readers)]
        owner.commit()
        self.seen = Seen()
        self.is_releasing = threading.Event()
        self._stop = threading.Event()
        self._pause_s = pause_s
        self._threads = [threading.Thread(target=self._read, args=(url,)) for url in urls]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @staticmethod
    def _login(owner: psycopg.Connection) -> str:
        name, password = f"anna_{secrets.token_hex(4)}", secrets.token_urlsafe(12)
        ensure_login(owner, name, REGION_ROLE, password)
        return make_conninfo(owner.info.dsn, user=name, password=password)

    @contextmanager
    def release(self) -> Iterator[None]:
        """While a release is under way."""
        self.is_releasing.set()
        try:
            yield
        finally:
            self.is_releasing.clear()

    def _read(self, url: str) -> None:
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                while not self._stop.is_set():
                    during = self.is_releasing.is_set()
                    started = time.perf_counter()
                    row = connection.execute(ONE_RELEASE).fetchone()
                    # A question that a release began or ended in belongs to neither.
                    if during == self.is_releasing.is_set():
                        self.seen.waited.append((time.perf_counter() - started, during))
                    self.seen.answers.add(tuple(row or ()))
                    self._stop.wait(self._pause_s)
        except psycopg.Error as error:
            self.seen.errors.append(str(error))


def expected(number: int) -> tuple[int, int, int, int]:
    """What ONE_RELEASE says of a release: one more day each, with 1,000 pupils more."""
    return (number, number, number, sum(1000 * one for one in range(1, number + 1)))


def run_releases(
    connection: psycopg.Connection, readers: Readers, releases: int, between: Callable[[], None]
) -> Sequence[int]:
    """Publishes releases one after the other; every third is broken off first, and after every fourth the one before is
    shown again. Each holds one closed month more; the readers come after the first. between: what happens after each.
    Returns the numbers published."""
    published: list[int] = []
    day = date(2020, 1, 31)
    with ExitStack() as reading:
        for number in range(1, releases + 1):
            _release(connection, readers, number, day)
            published.append(number)
            if number == 1:
                reading.enter_context(readers)
            between()
            if number % 4 == 0:
                for shown in (number - 1, number):
                    with readers.release():
                        publication.show(connection, shown)
                        connection.commit()
                    between()
            day = month_end(day + timedelta(days=1))
    return published


def _release(connection: psycopg.Connection, readers: Readers, number: int, day: date) -> None:
    count(connection, day, {"iisalmi": (100, 50, 20), "kuopio": (1000 * number, 200, 90)})
    connection.execute("delete from candidate.data_status")
    connection.execute("insert into candidate.data_status values ('kuopio', %s)", (number,))
    connection.commit()
    if number % 3 == 0:
        with readers.release():
            release(connection, publication.closes_on(day))
            connection.rollback()
    with readers.release():
        assert release(connection, publication.closes_on(day)) == number
        connection.commit()
