"""SQL: one view a dataset, all read in one snapshot of a database that is only read."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Any, NoReturn

import psycopg
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy import (
    URL,
    ColumnClause,
    ColumnElement,
    Connection,
    Select,
    column,
    create_engine,
    event,
    func,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from connectors.config import Dataset, Municipality
from connectors.connection import SourceConnection, require
from connectors.delivery import (
    RawDelivery,
    RawFile,
    SourceRefused,
    SourceUnavailable,
    content_digest,
    school_year_bounds,
    school_year_of,
)
from connectors.transports.common import HELSINKI, MAX_FILE_BYTES, HistoryOf, Options, Progress, Records, say

# conn_type of the connection → SQLAlchemy driver; `extra.driver` names another one.
DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}
# Keys of `extra` that are handed to the driver.
DRIVER_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "application_name")

_ATTEMPTS = 3
# What statement_timeout, or the database's administrator, does to a query.
_CANCELLED = "57014"
_ROWS_AT_A_TIME = 5000
# The database ends a late query by itself; only when that does not arrive is the line cut.
_GRACE_S = 2.0


def fetch(
    municipality: Municipality,
    night: date,
    connection: SourceConnection,
    history: HistoryOf,
    progress: Progress | None,
) -> tuple[RawDelivery, ...]:
    """The mapped columns of every view, as newline-delimited JSON (`v_oppilas.ndjson`), in a stable order.

    One read-only transaction, REPEATABLE READ unless configured otherwise, so that all views are of one moment:
    `as_of`, the transaction's start. A dataset of `one_school_year` with a mapped `day` is restricted to the school
    year's days; a row without a day comes along, to be rejected where everybody sees it.
    Raises SourceRefused, SourceUnavailable.
    """
    require(connection, municipality.name, "host", "login", "schema")
    options = Options(municipality)
    wait = options.number("retry_wait_seconds", 1)
    ends = time.monotonic() + options.number("max_seconds", 1800)
    school_year = school_year_of(night)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            as_of, files = _Database(municipality, connection, ends, progress).read(school_year, night)
            break
        except _Broken as broken:
            if attempt == _ATTEMPTS:
                raise SourceUnavailable(
                    municipality.name,
                    f"the database cannot be read ({broken}, {attempt} attempts).",
                    f"tietokantaa ei voi lukea (yrityksiä {attempt}; tekninen syy: {broken}).",
                    "Check that it runs, and the host, port, schema, login and password of the connection.",
                    code="unreachable",
                ) from None
            say(progress, f"the database cannot be read ({broken}); trying again")
            time.sleep(wait * 2 ** (attempt - 1))
    delivery = RawDelivery(
        municipality=municipality.name,
        night=night,
        school_year=school_year,
        as_of=as_of,
        since=None,
        first_of_year=not history(school_year).has_earlier,
        files=files,
        digest=content_digest(files),
    )
    return (delivery,)


class _Broken(Exception):
    """The connection could not be made or ended; says the kind of error only."""


class _Database:
    """One connection to the database; `ends` is the monotonic time at which the run must be over."""

    def __init__(
        self, municipality: Municipality, connection: SourceConnection, ends: float, progress: Progress | None
    ) -> None:
        options = Options(municipality)
        self._municipality = municipality
        self._progress = progress
        self._schema = options.text("schema")
        self._isolation = options.text("isolation_level", "REPEATABLE READ")
        self._limit = options.number("max_file_bytes", MAX_FILE_BYTES)
        self._timeout = options.number("timeout_seconds", 30)
        self._ends = ends
        self._engine = self._make_engine(connection)

    def _make_engine(self, connection: SourceConnection) -> Any:
        driver = connection.text("driver") or DRIVERS.get(connection.conn_type, "")
        url = URL.create(
            driver or "unknown",
            connection.login,
            connection.password,
            connection.host,
            connection.port,
            connection.schema,
        )
        arguments = {name: value for name in DRIVER_OPTIONS if (value := connection.text(name))}
        if driver == "postgresql+psycopg":
            arguments["connect_timeout"] = str(max(2, round(self._timeout)))
        try:
            # Parameters stay out of every error's text.
            engine = create_engine(url, connect_args=arguments, hide_parameters=True, pool_size=1, max_overflow=0)
        except (NoSuchModuleError, ImportError):
            raise SourceUnavailable(
                self._municipality.name,
                f"there is no driver for a connection of the type {connection.conn_type}.",
                f"yhteystyypille {connection.conn_type} ei ole ajuria.",
                f"Use one of {', '.join(DRIVERS)}, or name a SQLAlchemy driver in extra.driver.",
                code="connection_incomplete",
            ) from None
        if engine.dialect.name == "postgresql" and engine.driver == "psycopg":
            event.listen(engine, "connect", _read_any_date)
        return engine

    def read(self, school_year: int, night: date) -> tuple[datetime, tuple[RawFile, ...]]:
        """The transaction's start and the files. Raises _Broken, SourceRefused, SourceUnavailable."""
        settings: dict[str, Any] = {"isolation_level": self._isolation}
        if self._engine.dialect.name == "postgresql":
            settings["postgresql_readonly"] = True
        try:
            with (
                self._engine.connect().execution_options(**settings) as connection,
                self._watched(connection),
                connection.begin(),
            ):
                as_of = self._start(connection)
                files = tuple(
                    self._file(connection, name, dataset, school_year, night)
                    for name, dataset in self._municipality.datasets.items()
                )
        except DBAPIError as error:
            if time.monotonic() > self._ends:
                raise self._too_late() from None
            raise _Broken(_kind(error)) from None
        finally:
            self._engine.dispose()
        return as_of, files

    @contextmanager
    def _watched(self, connection: Connection) -> Iterator[None]:
        """Ends the connection when the time is over: a line that falls silent would be waited for for ever, and the
        database's own limit never gets through."""
        driver = connection.connection.driver_connection
        if not isinstance(driver, psycopg.Connection):
            yield
            return

        def end() -> None:
            # Only shut down: the driver still owns the descriptor.
            with (
                suppress(OSError, psycopg.Error),
                socket.fromfd(driver.fileno(), socket.AF_INET, socket.SOCK_STREAM) as line,
            ):
                line.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, self._ends - time.monotonic()) + _GRACE_S, end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _start(self, connection: Connection) -> datetime:
        if self._engine.dialect.name == "postgresql":
            connection.execute(text("set local timezone to 'Europe/Helsinki'"))
            left = max(1, round((self._ends - time.monotonic()) * 1000))
            connection.execute(text(f"set local statement_timeout to {left}"))
        moment: Any = connection.scalar(select(func.now()))
        start = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
        return start if start.tzinfo is not None else start.replace(tzinfo=HELSINKI)

    def _file(self, connection: Connection, name: str, dataset: Dataset, school_year: int, night: date) -> RawFile:
        view = dataset.source_name(school_year, night)
        columns = dataset.source_columns
        records = Records(self._municipality, view, columns, self._limit)
        count = 0
        try:
            streamed = connection.execution_options(yield_per=_ROWS_AT_A_TIME)
            for rows in streamed.execute(self._query(dataset, view, school_year)).partitions():
                for row in rows:
                    records.add(dict(zip(columns, row, strict=True)))
                count += len(rows)
                self._check_time()
        except DBAPIError as error:
            self._raise(error, view, columns)
        say(self._progress, f"{view}: {count} rows")
        return RawFile(name, f"{view}.ndjson", records.content())

    def _query(self, dataset: Dataset, view: str, school_year: int) -> Select[Any]:
        columns: dict[str, ColumnClause[Any]] = {name: column(name) for name in dataset.source_columns}
        query = select(*columns.values()).select_from(table(view, *columns.values(), schema=self._schema))
        day = dataset.columns.get("day")
        if dataset.one_school_year and day:
            query = query.where(_within(columns[day], *school_year_bounds(school_year)))
        # The same rows in another order would be another delivery.
        return query.order_by(*columns.values())

    def _raise(self, error: DBAPIError, view: str, columns: tuple[str, ...]) -> NoReturn:
        """The message of the database is left out: it can quote a row."""
        state = str(getattr(error.orig, "sqlstate", None) or "")
        where = f"{self._schema}.{view}"
        if state.startswith(("3F", "42")):
            raise SourceRefused(
                self._municipality.name,
                f"{where} does not have the columns {', '.join(columns)}, or we may not read it (SQLSTATE {state}).",
                f"näkymässä {where} ei ole sarakkeita {', '.join(columns)}, tai sitä ei saa lukea (SQLSTATE {state}).",
                "Ask the municipality whether the view changed, or was granted to our login.",
                code="interface_changed",
            ) from None
        # Data, cardinality and constraint errors, and a view that writes.
        if state.startswith(("21", "22", "23", "25")):
            raise SourceRefused(
                self._municipality.name,
                f"{where} fails on a row of its own (SQLSTATE {state}).",
                f"näkymässä {where} on rivi, jonka lukeminen aiheuttaa virheen (SQLSTATE {state}).",
                "The municipality must mend the view.",
                code="view_fails",
            ) from None
        if state == _CANCELLED or time.monotonic() > self._ends:
            raise self._too_late() from None
        raise _Broken(_kind(error)) from None

    def _check_time(self) -> None:
        if time.monotonic() > self._ends:
            raise self._too_late()

    def _too_late(self) -> SourceUnavailable:
        return SourceUnavailable(
            self._municipality.name,
            "the database did not finish in the time allowed.",
            "tietokanta ei ehtinyt vastata sallitussa ajassa.",
            "Try again later, or raise transport.max_seconds.",
            code="too_slow",
        )


def _within(day: ColumnElement[Any], first: date, last: date) -> ColumnElement[bool]:
    return or_(day.is_(None), day.between(first, last))


def _kind(error: DBAPIError) -> str:
    state = getattr(error.orig, "sqlstate", None)
    return f"SQLSTATE {state}" if state else type(error.orig).__name__


def _read_any_date(driver_connection: Any, _: object) -> None:
    """PostgreSQL's `infinity` and years beyond 9999 come as text: they spoil their row, not the delivery."""
    for name, base in (("date", DateLoader), ("timestamp", TimestampLoader), ("timestamptz", TimestamptzLoader)):
        driver_connection.adapters.register_loader(name, _lenient(base))


def _lenient(base: Any) -> Any:
    class Lenient(base):  # type: ignore[misc]
        def load(self, data: Any) -> Any:
            try:
                return super().load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return Lenient
