"""REST: one paged resource a dataset, a token by client credentials; absences as increments."""

import hashlib
import json
import logging
import math
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from connectors.config import Dataset, Municipality
from connectors.connection import SourceConnection, require
from connectors.delivery import (
    RawDelivery,
    RawFile,
    SourceRefused,
    SourceUnavailable,
    content_digest,
    school_year_of,
)
from connectors.transports.common import (
    HELSINKI,
    MAX_FILE_BYTES,
    HistoryOf,
    Options,
    Progress,
    record_line,
    say,
    too_large,
)

KEYS = {
    "items": "items",
    "next": "next",
    "total": "total",
    "as_of": "asOf",
    "cursor": "cursor",
    "limit": "limit",
    "since": "updatedSince",
}

_MAX_PAGE_BYTES = 64 * 1024 * 1024
_MAX_BACKOFF_S = 30.0
# A token is renewed this long before its end, or after 9/10 of a shorter life.
_TOKEN_MARGIN_S = 10.0

# Its INFO lines hold every address with its cursor.
logging.getLogger("httpx").setLevel(logging.WARNING)


def fetch(
    municipality: Municipality,
    night: date,
    connection: SourceConnection,
    history: HistoryOf,
    progress: Progress | None,
) -> tuple[RawDelivery, ...]:
    """All resources, each to its last page, mapped fields only, as newline-delimited JSON (`students.ndjson`).

    A dataset of extent `chain` is asked for what changed since the last accepted delivery's `as_of` less
    `overlap_minutes`, and wholly when the school year has no accepted delivery. `as_of` is the earliest of all pages.
    Raises SourceRefused, SourceUnavailable.
    """
    options = Options(municipality)
    school_year = school_year_of(night)
    known = history(school_year)
    overlap = timedelta(minutes=options.number("overlap_minutes", 60))
    since = known.last_accepted_as_of - overlap if known.last_accepted_as_of else None
    chained = {dataset.extent == "chain" for dataset in municipality.datasets.values()}
    with _Service(municipality, connection, progress) as service:
        pulls = {
            name: _pull(service, dataset, dataset.source_name(school_year, night), since)
            for name, dataset in municipality.datasets.items()
        }
    files = tuple(
        RawFile(name, f"{pull.resource.replace('/', '_')}.ndjson", pull.content) for name, pull in pulls.items()
    )
    delivery = RawDelivery(
        municipality=municipality.name,
        night=night,
        school_year=school_year,
        as_of=min(pull.as_of for pull in pulls.values()),
        since=since if True in chained else None,
        first_of_year=not known.has_earlier,
        files=files,
        digest=content_digest(files),
    )
    return (delivery,)


def send_receipt(municipality: Municipality, connection: SourceConnection, name: str, content: bytes) -> None:
    """Post a receipt (a JSON object) to the path `receipts`."""
    with _Service(municipality, connection, None) as service:
        service.post(Options(municipality).text("receipts"), content)


@dataclass(frozen=True)
class _Pull:
    """One resource's records, as newline-delimited JSON."""

    resource: str
    content: bytes
    as_of: datetime


@dataclass
class _Pages:
    """The pages of one turn through a resource. A page that came before, wholly the same, counts once."""

    total: int | None = None
    totals_agree: bool = True
    as_of: datetime | None = None
    count: int = 0
    largest: int = 0
    lines: list[bytes] = field(default_factory=list)
    item_digests: list[bytes] = field(default_factory=list)
    ids: list[object] = field(default_factory=list)
    page_digests: set[bytes] = field(default_factory=set)

    def consistent(self) -> list[bytes] | None:
        """The lines, when their number is `total`; None when it is not.

        Pages that overlap (something was inserted while they were turned) bring items again: the same item counts
        once, and of one id that came in two versions by overlap the later one. Items that a source really holds twice
        are counted in `total`, so they stay.
        """
        if not self.totals_agree or self.total is None:
            return None
        if len(self.lines) == self.total:
            return self.lines
        once = list(dict(zip(self.item_digests, self.lines, strict=True)).values())
        if len(once) == self.total:
            return once
        if None not in self.ids:
            by_id = list(dict(zip(self.ids, self.lines, strict=True)).values())
            if len(by_id) == self.total:
                return by_id
        return None

    def has_versions(self) -> bool:
        """Whether an id came in two versions: held so by the source, or changed, and moved, while pages were turned."""
        named = {(one, digest) for one, digest in zip(self.ids, self.item_digests, strict=True) if one is not None}
        return len(named) > len({one for one, _ in named})


def _pull(service: "_Service", dataset: Dataset, resource: str, since: datetime | None) -> _Pull:
    """All items of a resource; once more from the start when the first turn does not add up, or an id came in two
    versions: an item that moved to a later page can have pushed another one back over a page that was read already."""
    before: list[bytes] | None = None
    for attempt in (1, 2):
        try:
            pages = _turn(service, dataset, resource, since)
        except _StartAgain:
            pages = _Pages()
        lines = pages.consistent()
        if lines is not None and pages.as_of is not None and (not pages.has_versions() or lines == before):
            return _Pull(resource, b"".join(line + b"\n" for line in lines), pages.as_of)
        before = lines
        if attempt == 1:
            service.say(f"{resource}: the pages do not add up; once more from the start")
    service.unavailable(
        f"the pages of {resource} do not hold as many items as their total says, or items moved, twice in a row.",
        f"resurssin {resource} sivuilla ei ole niin monta tietuetta kuin total ilmoittaa, tai tietueet siirtyivät "
        "sivulta toiselle, kahdesti peräkkäin.",
        "Data may be changing while it is read; try again later.",
        code="total_disagrees",
    )


class _StartAgain(Exception):
    """The service does not know the cursor any more."""


def _turn(service: "_Service", dataset: Dataset, resource: str, since: datetime | None) -> _Pages:
    keys = service.keys
    columns = dataset.source_columns
    id_column = dataset.columns.get("record_id")
    pages = _Pages()
    query = {keys["limit"]: str(service.page_size)}
    if since is not None and dataset.extent == "chain":
        query[keys["since"]] = since.isoformat()
    cursors: set[str] = set()
    size = 0
    while True:
        page = service.page(resource, query)
        items, total, following, as_of = service.parts(resource, page)
        pages.count += 1
        pages.largest = max(pages.largest, len(items))
        pages.totals_agree &= pages.total in (None, total)
        pages.total = total
        pages.as_of = min(pages.as_of or as_of, as_of)
        digests = [hashlib.sha256(_canonical(item)).digest() for item in items]
        whole = hashlib.sha256(b"".join(digests)).digest()
        if items and whole not in pages.page_digests:
            pages.page_digests.add(whole)
            for item, digest in zip(items, digests, strict=True):
                line = record_line(item, columns)
                size += len(line) + 1
                if size > service.max_bytes:
                    raise too_large(service.municipality, resource, service.max_bytes)
                pages.lines.append(line)
                pages.item_digests.append(digest)
                pages.ids.append(_hashable(item.get(id_column)) if id_column else None)
        service.say(f"{resource}: {len(pages.lines)} of {total}")
        if following is None:
            return pages
        if following in cursors or pages.count > _most_pages(total, pages.largest):
            service.unavailable(
                f"the pages of {resource} never end: a cursor leads back.",
                f"resurssin {resource} sivut eivät lopu: sivutuksen kohdistin palaa taaksepäin.",
                code="pages_never_end",
            )
        cursors.add(following)
        # A cursor knows what was asked for; the first page's question is not put again beside it.
        query = {keys["limit"]: str(service.page_size), keys["cursor"]: following}


def _most_pages(total: int, largest: int) -> int:
    """More pages than this are a loop under ever new cursors, whatever page size the service prefers."""
    return 2 * math.ceil(total / max(1, largest)) + 10


def _canonical(item: Mapping[str, Any]) -> bytes:
    return json.dumps(item, sort_keys=True, separators=(",", ":")).encode()


def _hashable(value: Any) -> object:
    return value if isinstance(value, str | int) else None


class _Service:
    """The HTTP side: token, retries, waiting, limits. A context manager."""

    def __init__(self, municipality: Municipality, connection: SourceConnection, progress: Progress | None) -> None:
        require(connection, municipality.name, "host", "login", "password")
        options = Options(municipality)
        self.municipality = municipality
        self.keys = options.names("keys", KEYS)
        self.page_size = int(options.number("page_size", 500))
        self.max_bytes = options.number("max_file_bytes", MAX_FILE_BYTES)
        self._progress = progress
        self._token_path = options.text("token_path", "/oauth/token")
        self._resource_path = options.text("resource_path", "/{resource}", "{resource}")
        self._max_attempts = max(1, int(options.number("max_attempts", 6)))
        self._max_seconds = options.number("max_seconds", 1800)
        self._first_wait = options.number("retry_wait_seconds", 1)
        self._wait_left = options.number("max_wait_seconds", 300)
        self._ends = time.monotonic() + self._max_seconds
        self._credentials = httpx.BasicAuth(connection.login or "", connection.password or "")
        self._token: str | None = None
        self._token_ends = math.inf
        self._http = _http(connection, options.number("timeout_seconds", 30))

    def __enter__(self) -> "_Service":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def say(self, message: str) -> None:
        say(self._progress, message)

    def unavailable(self, reason_en: str, reason_fi: str, hint: str = "", *, code: str) -> NoReturn:
        raise SourceUnavailable(self.municipality.name, reason_en, reason_fi, hint, code) from None

    def refuse(self, reason_en: str, reason_fi: str, hint: str = "", *, code: str) -> NoReturn:
        raise SourceRefused(self.municipality.name, reason_en, reason_fi, hint, code) from None

    def page(self, resource: str, query: Mapping[str, str]) -> Any:
        """One page's JSON. Raises _StartAgain when the service refuses a cursor that it gave."""
        status, body = self._authorised("GET", self._resource_path.replace("{resource}", resource), query, None)
        if status == 200:
            return body
        if status in (400, 404, 410) and self.keys["cursor"] in query:
            raise _StartAgain
        self._unexpected(resource, status)

    def post(self, path: str, content: bytes) -> None:
        """Post a JSON document."""
        status, _ = self._authorised("POST", path, {}, content)
        if status not in (200, 201, 202, 204):
            self._unexpected("receipts", status)

    def _unexpected(self, what: str, status: int) -> NoReturn:
        if status in (401, 403) or status < 400:
            self.unavailable(
                f"{what}: the service answers {status}.",
                f"{what}: rajapinta vastaa {status}.",
                "Ask the municipality for the rights of our client.",
                code="access_denied",
            )
        self.refuse(
            f"{what}: the service does not know what we ask for ({status}).",
            f"{what}: rajapinta ei tunne pyyntöämme ({status}).",
            "Compare its interface with transport and datasets in municipality.yaml.",
            code="interface_changed",
        )

    def parts(self, resource: str, page: Any) -> tuple[list[dict[str, Any]], int, str | None, datetime]:
        """A page's items, total, next cursor and as-of. Raises SourceRefused when the page is not built so."""
        keys = self.keys
        try:
            items, total, following = page[keys["items"]], page[keys["total"]], page[keys["next"]]
            as_of = datetime.fromisoformat(page[keys["as_of"]])
        except (KeyError, TypeError, ValueError):
            items = total = following = as_of = None
        if (
            not isinstance(items, list)
            or not all(isinstance(item, dict) for item in items)
            or not isinstance(total, int)
            or isinstance(total, bool)
            or not isinstance(following, str | int | None)
            or as_of is None
        ):
            wanted = ", ".join(keys[key] for key in ("items", "total", "next", "as_of"))
            self.refuse(
                f"a page of {resource} is not an object with {wanted}.",
                f"resurssin {resource} sivu ei ole sovitun muotoinen olio.",
                code="page_invalid",
            )
        return items, total, None if following in (None, "") else str(following), _with_zone(as_of)

    def _authorised(self, method: str, path: str, query: Mapping[str, str], content: bytes | None) -> tuple[int, Any]:
        for turn in range(self._max_attempts):
            if self._token is None or time.monotonic() >= self._token_ends:
                self._renew()
            headers = {"Authorization": f"Bearer {self._token}"}
            status, body, attempts = self._request(method, path, query, content, headers)
            # A token can end between two requests, and while we wait before a retry; a new one that is refused at
            # once is a refusal.
            if status != 401 or (turn > 0 and attempts == 1):
                break
            self.say("the token has ended; asking for a new one")
            self._token = None
        return status, body

    def _renew(self) -> None:
        form = b"grant_type=client_credentials"
        status, body, _ = self._request("POST", self._token_path, {}, form, {}, token=True)
        token = body.get("access_token") if status == 200 and isinstance(body, dict) else None
        if not isinstance(token, str) or not token:
            self.unavailable(
                f"the service gives no token (answer {status}).",
                f"rajapinta ei anna käyttövaltuutta (vastaus {status}).",
                "Check the client id (login) and secret (password) of the connection.",
                code="login_refused",
            )
        lifetime = body.get("expires_in")
        known = isinstance(lifetime, int | float) and not isinstance(lifetime, bool)
        life = lifetime - min(_TOKEN_MARGIN_S, lifetime / 10) if known else math.inf
        self._token, self._token_ends = token, time.monotonic() + life

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        content: bytes | None,
        headers: Mapping[str, str],
        *,
        token: bool = False,
    ) -> tuple[int, Any, int]:
        """Status and JSON of the answer, and at which attempt it came; 429, 5xx, broken connections and broken JSON
        are tried again."""
        kind = "application/x-www-form-urlencoded" if token else "application/json"
        headers = {**headers, "Content-Type": kind} if content is not None else headers
        problem = ""
        for attempt in range(1, self._max_attempts + 1):
            wait = min(self._first_wait * 2 ** (attempt - 1), _MAX_BACKOFF_S)
            try:
                with self._http.stream(
                    method,
                    path,
                    params=query,
                    content=content,
                    headers=headers,
                    auth=self._credentials if token else None,
                ) as response:
                    body = self._body(response)
                status = response.status_code
                if status != 429 and status < 500:
                    wanted = status == 200 and (token or method == "GET")
                    return status, _json(body) if wanted else None, attempt
                problem = f"answer {status}"
                asked = _retry_after(response.headers)
                wait = asked if asked is not None else wait
            except httpx.RequestError as error:
                problem = type(error).__name__
            except (ValueError, RecursionError):
                problem = "an answer that is not JSON"
            if attempt < self._max_attempts:
                self._wait(wait, problem)
        self.unavailable(
            f"the service cannot be used ({problem}, {self._max_attempts} attempts).",
            f"rajapintaa ei voi käyttää (yrityksiä {self._max_attempts}; tekninen syy: {problem}).",
            code="no_answer",
        )

    def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > _MAX_PAGE_BYTES:
                raise too_large(self.municipality, "a page", _MAX_PAGE_BYTES)
            self._check_time()
        return bytes(body)

    def _wait(self, seconds: float, problem: str) -> None:
        if seconds > self._wait_left:
            self.unavailable(
                f"the service makes us wait longer than we may ({problem}).",
                f"rajapinta pyytää odottamaan pidempään kuin voimme (tekninen syy: {problem}).",
                "Try again later, or raise transport.max_wait_seconds.",
                code="told_to_wait",
            )
        self.say(f"{problem}; waiting {seconds:g} s")
        self._wait_left -= seconds
        time.sleep(seconds)
        self._check_time()

    def _check_time(self) -> None:
        if time.monotonic() > self._ends:
            self.unavailable(
                f"the service did not finish in {self._max_seconds:g} seconds.",
                f"rajapinta ei ehtinyt vastata {self._max_seconds:g} sekunnissa.",
                code="too_slow",
            )


def _http(connection: SourceConnection, timeout: float) -> httpx.Client:
    scheme = connection.schema or "https"
    # Without TLS no certificate is read (that takes a while), and none would be trusted.
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if scheme != "http":
        trusted = ssl.create_default_context(cafile=connection.text("ca_file"))
    port = f":{connection.port}" if connection.port else ""
    return httpx.Client(
        base_url=f"{scheme}://{connection.host}{port}",
        verify=trusted,
        timeout=timeout,
        # A redirect could carry the token to another host.
        follow_redirects=False,
        headers={"Accept": "application/json"},
        # A proxy for the outside world cannot reach this machine.
        trust_env=connection.host not in ("127.0.0.1", "localhost", "::1"),
    )


def _json(body: bytes) -> Any:
    # Decimals stay as they were written: a binary fraction of a lesson is another number.
    return json.loads(body, parse_float=str, parse_constant=_no_number)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _retry_after(headers: httpx.Headers) -> float | None:
    """Seconds to wait by the header Retry-After (seconds, or a date taken by the service's own clock)."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        until = _with_zone(parsedate_to_datetime(text), UTC)
    except (ValueError, TypeError):
        return None
    try:
        now = _with_zone(parsedate_to_datetime(headers["Date"]), UTC)
    except (KeyError, ValueError, TypeError):
        now = datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def _with_zone(moment: datetime, zone: Any = HELSINKI) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
