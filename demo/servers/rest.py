"""Siilinjärvi: a REST service of JSON items, with short-lived tokens and the bad minutes that real services have."""

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from demo.servers import Faults

RESOURCES = ("students", "absences", "support-periods", "school-days")
MAX_LIMIT = 500
MAX_RECEIPT_BYTES = 1_000_000


class Snapshot:
    """One state of a resource's file: items as JSON text, and when each was updated (None when it does not say)."""

    def __init__(self, version: str, items: Sequence[dict[str, Any]], as_of: str) -> None:
        self.version = version
        self.as_of = as_of
        self.items = [json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode() for item in items]
        self._updated = [_instant(item.get("updatedAt")) for item in items]

    def since(self, instant: datetime | None) -> list[bytes]:
        """The items updated at `instant` or later; an item that does not say when is always among them."""
        if instant is None:
            return self.items
        return [
            item
            for item, updated in zip(self.items, self._updated, strict=True)
            if updated is None or updated >= instant
        ]


class Resource:
    """A JSON file that is read again when it, or the clock beside it, has changed.

    The state before the last is kept, so that a client who is turning its pages gets all of one state.
    """

    def __init__(self, path: Path, clock: Path) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._snapshots: list[Snapshot] = []

    def current(self) -> Snapshot:
        """The state of the files now; while they cannot be read, the last state that could. Raises HTTPException 503
        when there is none."""
        with self._lock:
            try:
                version = _file_version(self._path, self._clock)
                if not self._snapshots or self._snapshots[-1].version != version:
                    as_of = json.loads(self._clock.read_bytes())["asOf"]
                    snapshot = Snapshot(version, json.loads(self._path.read_bytes()), as_of)
                    self._snapshots = [*self._snapshots[-1:], snapshot]
            except (OSError, ValueError, KeyError):
                if not self._snapshots:
                    raise HTTPException(503, "No data yet", {"Retry-After": "5"}) from None
            return self._snapshots[-1]

    def at(self, version: str) -> Snapshot | None:
        """The state that a cursor names, or None when it is no longer kept."""
        with self._lock:
            return next((snapshot for snapshot in self._snapshots if snapshot.version == version), None)


def _file_version(*paths: Path) -> str:
    stats = [path.stat() for path in paths]
    parts = [(stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _instant(text: object) -> datetime | None:
    try:
        instant = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return instant if instant.tzinfo is not None else None


def _write_cursor(resource: str, version: str, offset: int, since: str | None) -> str:
    return base64.urlsafe_b64encode(json.dumps([resource, version, offset, since]).encode()).decode().rstrip("=")


def _read_cursor(resource: str, cursor: str) -> tuple[str, int, str | None]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        named, version, offset, since = json.loads(base64.urlsafe_b64decode(padded))
        if named == resource and isinstance(offset, int) and offset >= 0:
            return str(version), offset, since
    except (ValueError, TypeError, binascii.Error):
        pass
    raise HTTPException(400, "The cursor is not one of this resource")


class Tokens:
    """Access tokens that end after `lifetime_s` seconds."""

    def __init__(self, lifetime_s: float) -> None:
        self._lifetime_s = lifetime_s
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self) -> str:
        token = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._lock:
            self._ends = {other: end for other, end in self._ends.items() if end > now}
            self._ends[token] = now + self._lifetime_s
        return token

    def valid(self, token: str) -> bool:
        with self._lock:
            return self._ends.get(token, 0.0) > time.monotonic()

    def revoke(self, token: str) -> None:
        with self._lock:
            self._ends.pop(token, None)


class Counter:
    """Decides by the number of a request since the start which fault it meets, so that a run can be repeated."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._requests = 0
        self._lock = threading.Lock()

    def next_fault(self) -> str | None:
        """Count one request; returns `too_many`, `unavailable`, `expired` or None."""
        with self._lock:
            self._requests += 1
            number = self._requests
        for name, every in (
            ("too_many", self._faults.too_many_every),
            ("unavailable", self._faults.unavailable_every),
            ("expired", self._faults.expired_every),
        ):
            if every and number % every == 0:
                return name
        return None


def create_app(folder: Path, client_id: str, client_secret: str, *, faults: Faults, token_lifetime_s: int) -> FastAPI:
    """The service over `folder` (`students.json`, `absences.json`, `support-periods.json`, `school-days.json`,
    `clock.json`); receipts are stored in its `receipts`."""
    resources = {name: Resource(folder / f"{name}.json", folder / "clock.json") for name in RESOURCES}
    tokens = Tokens(token_lifetime_s)
    counter = Counter(faults)
    receipts = folder / "receipts"
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    def access(
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(HTTPBearer(auto_error=False))],
    ) -> None:
        token = credentials.credentials if credentials else ""
        if not tokens.valid(token):
            raise _unauthorised()
        fault = counter.next_fault()
        if fault == "too_many":
            raise HTTPException(429, "Too many requests", {"Retry-After": str(faults.retry_after_s)})
        if fault == "unavailable":
            raise HTTPException(503, "Service unavailable")
        if fault == "expired":
            tokens.revoke(token)
            raise _unauthorised()

    @app.post("/oauth/token")
    async def token(
        request: Request, client: Annotated[HTTPBasicCredentials | None, Depends(HTTPBasic(auto_error=False))]
    ) -> dict[str, str | int]:
        given = f"{client.username}:{client.password}" if client else ""
        if not hmac.compare_digest(given.encode(), f"{client_id}:{client_secret}".encode()):
            raise HTTPException(401, "invalid_client", {"WWW-Authenticate": "Basic"})
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        if form.get("grant_type") != ["client_credentials"]:
            raise HTTPException(400, "unsupported_grant_type")
        return {"access_token": tokens.issue(), "token_type": "Bearer", "expires_in": token_lifetime_s}

    @app.get("/v1/{resource}", dependencies=[Depends(access)])
    def page(
        resource: str,
        limit: Annotated[str, Query()] = str(MAX_LIMIT),
        cursor: Annotated[str | None, Query()] = None,
        updated_since: Annotated[str | None, Query(alias="updatedSince")] = None,
    ) -> Response:
        if resource not in resources:
            raise HTTPException(404, "No such resource")
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MAX_LIMIT):
            raise HTTPException(400, f"limit is a whole number from 1 to {MAX_LIMIT}")
        if updated_since is not None and resource != "absences":
            raise HTTPException(400, "updatedSince is known for absences only")
        snapshot: Snapshot | None = resources[resource].current()
        offset, since = 0, updated_since
        if cursor is not None:
            version, offset, since = _read_cursor(resource, cursor)
            snapshot = resources[resource].at(version)
        if snapshot is None:
            raise HTTPException(400, "The cursor is too old: start from the first page")
        instant = _instant(since)
        if since is not None and instant is None:
            raise HTTPException(400, "updatedSince is a time with its offset, in ISO 8601")
        items = snapshot.since(instant)
        end = offset + int(limit)
        following = _write_cursor(resource, snapshot.version, end, since) if end < len(items) else None
        rest = json.dumps({"next": following, "total": len(items), "asOf": snapshot.as_of}).encode()
        # The items are JSON already; only the frame is put around them.
        body = b'{"items":[' + b",".join(items[offset:end]) + b"]," + rest[1:]
        return Response(body, media_type="application/json")

    @app.post("/v1/receipts", dependencies=[Depends(access)])
    async def receipt(request: Request, response: Response) -> dict[str, str]:
        body = await request.body()
        if len(body) > MAX_RECEIPT_BYTES:
            raise HTTPException(413, f"A receipt has at most {MAX_RECEIPT_BYTES} bytes")
        try:
            content = json.loads(body)
        except ValueError:
            raise HTTPException(400, "The body is not JSON") from None
        if not isinstance(content, dict):
            raise HTTPException(400, "A receipt is a JSON object")
        number, new = _store_receipt(receipts, content)
        response.status_code = 201 if new else 200
        return {"id": number}

    return app


def _unauthorised() -> HTTPException:
    return HTTPException(401, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def _store_receipt(folder: Path, content: dict[str, Any]) -> tuple[str, bool]:
    """Store a receipt as `<time>-<id>.json`; the id comes from the content, so one sent twice is stored once."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)
    number = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.glob(f"*-{number}.json")):
        return number, False
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{number}.json"
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)
    return number, True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._tell()


def serve(app: FastAPI, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve `app` until the process ends. `port` 0 takes a free one; `ready` is called with the port in use."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address)
    config = uvicorn.Config(app, log_level="info", timeout_graceful_shutdown=1)
    _Server(config, lambda: ready(listener.getsockname()[1])).run(sockets=[listener])
