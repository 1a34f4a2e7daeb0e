"""Where a municipality's source is and how to log in there: an Airflow Connection that has the municipality's name.

Airflow itself is imported only when neither the environment nor the running demo region knows the connection: it
costs seconds, and the command line does without it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from connectors.delivery import SourceUnavailable


@dataclass(frozen=True)
class SourceConnection:
    """An Airflow Connection's fields. `schema` is the protocol (http, https) or the database's name.

    The representation shows neither the password nor the values of `extra`, which may hold secrets too.
    """

    conn_type: str
    host: str | None = None
    port: int | None = None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    schema: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def text(self, key: str) -> str | None:
        """A text of `extra`, or None when it is absent or empty."""
        value = self.extra.get(key)
        return str(value) if value not in (None, "") else None


class ConnectionMissing(SourceUnavailable):
    """The municipality's connection is not defined, or lacks a field. Says which and where to set it."""


def connection_for(municipality: str, home: Path) -> SourceConnection:
    """The connection of a municipality, from the first place that has it.

    `AIRFLOW_CONN_<NAME>` (JSON, or Airflow's URI form), as Airflow itself would first look; then
    `<home>/demo/connections.json` (municipality → JSON object, or its text), which the running demo region writes; then
    Airflow's secrets backends and, inside a task, its metadata. Raises ConnectionMissing.
    """
    value: Any = os.environ.get(f"AIRFLOW_CONN_{municipality.upper()}")
    if not value:
        value = _of_demo(municipality, home / "demo" / "connections.json")
    if isinstance(value, str) and not value.lstrip().startswith("{"):
        return _from_uri(municipality, value)
    return _from_json(municipality, value) if value else _of_airflow(municipality)


def require(connection: SourceConnection, municipality: str, *names: str) -> None:
    """Raises ConnectionMissing when one of the fields is empty. `extra.<key>` names a key of `extra`."""
    for name in names:
        first, _, key = name.partition(".")
        if not (connection.text(key) if key else getattr(connection, first)):
            raise _missing(municipality, f"the connection has no {name}.", f"yhteydestä puuttuu {name}.")


def _missing(municipality: str, reason_en: str, reason_fi: str) -> ConnectionMissing:
    variable = f"AIRFLOW_CONN_{municipality.upper()}"
    hint = f"Define the Airflow Connection {municipality}, or {variable} with the connection as JSON."
    return ConnectionMissing(municipality, reason_en, reason_fi, hint, "connection_incomplete")


def _unreadable(municipality: str) -> ConnectionMissing:
    return _missing(
        municipality,
        "the connection is defined but cannot be read as an Airflow Connection (JSON object).",
        "yhteys on määritelty, mutta sitä ei voi lukea Airflow-yhteytenä (JSON-olio).",
    )


def _of_demo(municipality: str, file: Path) -> Any:
    try:
        connections = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise _unreadable(municipality) from None
    return connections.get(municipality) if isinstance(connections, dict) else None


def _from_json(municipality: str, value: Any) -> SourceConnection:
    # The cause is left out of every error: a message of the parser can quote the text, and with it a password.
    try:
        fields = json.loads(value) if isinstance(value, str) else value
        extra = fields.get("extra") or {}
        extra = json.loads(extra) if isinstance(extra, str) else extra
        return SourceConnection(
            conn_type=str(fields.get("conn_type") or "generic"),
            host=fields.get("host") or None,
            port=int(fields["port"]) if fields.get("port") else None,
            login=fields.get("login") or None,
            password=fields.get("password") or None,
            schema=fields.get("schema") or None,
            extra=dict(extra),
        )
    except (ValueError, TypeError, AttributeError):
        raise _unreadable(municipality) from None


def _from_uri(municipality: str, uri: str) -> SourceConnection:
    from airflow.sdk import Connection

    try:
        return _from_airflow(Connection.from_uri(uri, conn_id=municipality))
    except Exception:
        raise _unreadable(municipality) from None


def _of_airflow(municipality: str) -> SourceConnection:
    not_defined = _missing(municipality, "no connection is defined.", "yhteyttä ei ole määritelty.")
    try:
        from airflow.sdk import Connection
        from airflow.sdk.exceptions import AirflowException
    except ImportError:
        raise not_defined from None
    try:
        found = Connection.get(municipality)
    except AirflowException:
        raise not_defined from None
    return _from_airflow(found)


def _from_airflow(found: Any) -> SourceConnection:
    return SourceConnection(
        conn_type=found.conn_type,
        host=found.host or None,
        port=found.port,
        login=found.login or None,
        password=found.password or None,
        schema=found.schema or None,
        extra=found.extra_dejson,
    )
