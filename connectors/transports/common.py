"""What the transports share: options, limits, and the writing of records as newline-delimited JSON."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from connectors.config import ConfigError, Municipality, key_error
from connectors.delivery import SourceRefused

HELSINKI = ZoneInfo("Europe/Helsinki")
MAX_FILE_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True)
class History:
    """What the ledger knows of one municipality and school year.

    has_earlier: any delivery was received. last_accepted_as_of: `as_of` of the last one accepted; None when none was.
    """

    has_earlier: bool
    last_accepted_as_of: datetime | None


Progress = Callable[[str], None]
HistoryOf = Callable[[int], History]


class Options:
    """The keys of `transport` in a municipality.yaml, checked as they are taken. Every method raises ConfigError."""

    def __init__(self, municipality: Municipality) -> None:
        self._municipality = municipality
        self._values = municipality.transport.options

    def _error(self, key: str, problem: str) -> ConfigError:
        return key_error(self._municipality.folder / "municipality.yaml", f"transport.{key}", problem)

    def text(self, key: str, default: str | None = None, holding: str = "") -> str:
        """A text that is not empty and has `holding` in it."""
        value = self._values.get(key, default)
        if not isinstance(value, str) or not value:
            raise self._error(key, "must be text, and is needed")
        if holding not in value:
            raise self._error(key, f"must hold {holding}")
        return value

    def number(self, key: str, default: float) -> float:
        """A number that is not negative."""
        value = self._values.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            raise self._error(key, "must be a number from 0")
        return float(value)

    def names(self, key: str, defaults: Mapping[str, str]) -> dict[str, str]:
        """What the source calls each thing: the defaults, overridden by the mapping under `key`."""
        value = self._values.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(name, str) and name for name in value.values()):
            raise self._error(key, "must be a mapping of names")
        return {**defaults, **value}


def say(progress: Progress | None, message: str) -> None:
    """Tell the progress, when somebody listens."""
    if progress is not None:
        progress(message)


def midnight(night: date) -> datetime:
    """The night's 00:00 in Europe/Helsinki."""
    return datetime.combine(night, time(), HELSINKI)


def too_large(municipality: Municipality, name: str, limit: float) -> SourceRefused:
    """The error for a file or a dataset over its limit."""
    return SourceRefused(
        municipality.name,
        f"{name} is larger than {int(limit)} bytes.",
        f"{name} on suurempi kuin {int(limit)} tavua.",
        "If that is right, raise transport.max_file_bytes in its municipality.yaml.",
        code="too_large",
    )


class Records:
    """Records as newline-delimited JSON, in memory: what is personal never touches the disk unencrypted.

    Only `columns` are kept of a record. Dates and times are written in ISO 8601, decimals and floats as text; an
    object inside a value loses its content, so that nothing unmapped (a name) can leave inside a mapped field.
    """

    def __init__(self, municipality: Municipality, name: str, columns: tuple[str, ...], limit: float) -> None:
        self._municipality = municipality
        self._name = name
        self._columns = columns
        self._limit = limit
        self._content = bytearray()

    def add(self, record: Mapping[str, Any]) -> None:
        """Append one record. Raises SourceRefused over the limit."""
        self._content += record_line(record, self._columns) + b"\n"
        if len(self._content) > self._limit:
            raise too_large(self._municipality, self._name, self._limit)

    def content(self) -> bytes:
        """Everything added so far."""
        return bytes(self._content)


def record_line(record: Mapping[str, Any], columns: tuple[str, ...]) -> bytes:
    """One record as a line of JSON, without the line's end; a column that the record lacks stays absent."""
    kept = {column: _plain(record[column]) for column in columns if column in record}
    # A lone surrogate is valid in JSON text and not in UTF-8: its value is to be rejected, not the whole delivery.
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes):
        # Text of a database that does not say in which encoding it is.
        return value.decode("utf-8", "replace")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("seconds" if value.second else "minutes")
    if isinstance(value, list | tuple):
        # No field holds lists in lists: what is inside loses its content too, however deep it is.
        return [{} if isinstance(item, list | tuple) else _plain(item) for item in value]
    return {} if isinstance(value, Mapping) else str(value)
