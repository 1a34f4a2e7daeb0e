"""What the transports' tests share: municipalities with short waits, what the ledger knows, who listens."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.config import Municipality, Transport, load_municipality
from connectors.connection import SourceConnection
from connectors.delivery import DeliveryProblem, RawDelivery
from connectors.transports import History

MUNICIPALITIES = Path(__file__).resolve().parents[2] / "municipalities"
FAST = {"retry_wait_seconds": 0.05, "reread_seconds": 0.05, "settle_seconds": 0.05, "timeout_seconds": 5}


def municipality(name: str, **options: Any) -> Municipality:
    """A municipality of the repository, with short waits and the options given."""
    loaded = load_municipality(MUNICIPALITIES / name)
    return replace(loaded, transport=Transport(loaded.transport.kind, {**loaded.transport.options, **FAST, **options}))


def history(has_earlier: bool = False, as_of: datetime | None = None) -> Callable[[int], History]:
    """A ledger that knows the same of every school year."""
    return lambda school_year: History(has_earlier, as_of)


def contents(delivery: RawDelivery) -> dict[str, bytes]:
    """Dataset → bytes."""
    return {file.dataset: file.read_bytes() for file in delivery.files}


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def problem(kind: type[DeliveryProblem], *parts: str, hidden: tuple[str, ...] = ()) -> Iterator[None]:
    """Expects a problem of exactly this kind that names the parts in English, says why in both languages, and tells
    nothing of `hidden`, neither itself nor by its causes."""
    with pytest.raises(kind) as caught:
        yield
    error = caught.value
    assert [part for part in parts if part not in str(error)] == [], str(error)
    assert error.reason_en
    assert error.reason_fi
    assert error.reason_en != error.reason_fi
    told = str(error) + error.reason_fi + repr(error)
    seen: BaseException | None = error
    while seen is not None:
        assert seen.__suppress_context__ or seen.__context__ is None
        seen = seen.__cause__
    assert not any(text in told for text in hidden), told


def broken(connection: SourceConnection, **fields: Any) -> SourceConnection:
    """The connection with fields replaced; `extra` is merged."""
    extra = {**connection.extra, **fields.pop("extra", {})}
    return replace(connection, extra=extra, **fields)
