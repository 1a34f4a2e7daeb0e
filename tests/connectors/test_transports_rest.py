"""Siilinjärvi's transport against the demo's REST service, and against a small server that does what it should not."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors.config import Municipality
from connectors.connection import SourceConnection, connection_for
from connectors.delivery import RawDelivery, SourceRefused, SourceUnavailable
from connectors.transports import fetch, send_receipt
from demo.servers import Faults, RunningSources, start_sources
from tests.connectors.transport_support import broken, contents, free_port, history, municipality, problem

NIGHT = date(2025, 10, 14)
AS_OF = "2025-10-14T05:00:00+03:00"
HETU = "020415A901E"
NAME = "Tuulo Virmakko"
SECRET = "not-to-be-told"

STUDENTS = [
    {
        "id": f"pupil-{number}",
        "personId": HETU,
        "name": NAME,
        "schoolNumber": "07735",
        "grade": 4,
        "className": "4Ä",
        "endDate": None,
        "deleted": False,
        "updatedAt": "2025-08-07T06:00:00+03:00",
    }
    for number in range(1, 4)
]
ABSENCES = [
    {
        "id": f"absence-{number}",
        "studentId": "pupil-1",
        "from": f"2025-10-{number:02d}T08:15:00+03:00",
        "type": "SICK",
        "note": NAME,
        "updatedAt": f"2025-10-{number:02d}T12:00:00+03:00",
    }
    for number in range(1, 8)
]
SUPPORT = [{"id": "support-1", "studentId": "pupil-1", "measures": ["AIDS"], "extended": True, "clerk": NAME}]
SCHOOL_DAYS = [{"schoolNumber": "07735", "date": "2025-09-01", "grade": 4, "lessons": 5, "slotMinutes": 60}]
RESOURCES: dict[str, list[dict[str, Any]]] = {
    "students": STUDENTS,
    "absences": ABSENCES,
    "support-periods": SUPPORT,
    "school-days": SCHOOL_DAYS,
}

# The fields above that municipality.yaml maps, in its order.
LANDED_ABSENCES = b"".join(
    f'{{"id":"absence-{n}","studentId":"pupil-1","from":"2025-10-0{n}T08:15:00+03:00","type":"SICK",'
    f'"updatedAt":"2025-10-0{n}T12:00:00+03:00"}}\n'.encode()
    for n in range(1, 8)
)
LANDED_STUDENTS = "".join(
    f'{{"id":"pupil-{n}","personId":"{HETU}","schoolNumber":"07735","grade":4,"className":"4Ä","endDate":null,'
    '"deleted":false,"updatedAt":"2025-08-07T06:00:00+03:00"}\n'
    for n in range(1, 4)
).encode()
LANDED_SUPPORT = b'{"id":"support-1","studentId":"pupil-1","measures":["AIDS"],"extended":true}\n'
LANDED_SCHOOL_DAYS = b'{"schoolNumber":"07735","date":"2025-09-01","grade":4,"lessons":5,"slotMinutes":60}\n'


def siilinjarvi(**options: Any) -> Municipality:
    return municipality("siilinjarvi", **options)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lähteet")
    (folder / "siilinjarvi").mkdir()
    for resource, items in RESOURCES.items():
        (folder / "siilinjarvi" / f"{resource}.json").write_text(json.dumps(items))
    (folder / "siilinjarvi" / "clock.json").write_text(json.dumps({"asOf": AS_OF}))
    return folder


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSources]:
    state = tmp_path_factory.mktemp("state")
    with start_sources(folder, None, state, municipalities=["siilinjarvi"]) as running:
        yield running


def connect(running: RunningSources, home: Path, monkeypatch: pytest.MonkeyPatch) -> SourceConnection:
    monkeypatch.setenv("AIRFLOW_CONN_SIILINJARVI", running.connections()["siilinjarvi"])
    return connection_for("siilinjarvi", home)


@pytest.fixture
def connection(running: RunningSources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SourceConnection:
    return connect(running, tmp_path, monkeypatch)


def test_pulls_everything_at_the_first_night_of_a_school_year(connection: SourceConnection) -> None:
    told: list[str] = []
    (delivery,) = fetch(siilinjarvi(), NIGHT, connection, history(), told.append)
    assert contents(delivery) == {
        "enrolment": LANDED_STUDENTS,
        "absence": LANDED_ABSENCES,
        "support": LANDED_SUPPORT,
        "school_day": LANDED_SCHOOL_DAYS,
    }
    assert [file.name for file in delivery.files] == [
        "students.ndjson",
        "absences.ndjson",
        "support-periods.ndjson",
        "school-days.ndjson",
    ]
    assert delivery.as_of == datetime.fromisoformat(AS_OF)
    assert (delivery.since, delivery.first_of_year, delivery.school_year) == (None, True, 2025)
    assert HETU not in "".join(told)
    assert "absences: 7 of 7" in told


def test_turns_pages(connection: SourceConnection) -> None:
    whole, paged = (fetch(siilinjarvi(page_size=size), NIGHT, connection, history())[0] for size in (500, 2))
    assert paged == whole


def test_asks_for_what_changed_since_the_last_accepted_delivery_less_an_hour(connection: SourceConnection) -> None:
    # Less one hour this is 12:00 in Helsinki on the 6th: the absences updated at that moment and later, two of seven.
    last = datetime(2025, 10, 6, 10, 0, tzinfo=UTC)
    (delivery,) = fetch(siilinjarvi(), NIGHT, connection, history(True, last))
    assert delivery.since == datetime(2025, 10, 6, 9, 0, tzinfo=UTC)
    assert not delivery.first_of_year
    assert contents(delivery)["absence"] == b"".join(LANDED_ABSENCES.splitlines(keepends=True)[5:])
    assert contents(delivery)["enrolment"] == LANDED_STUDENTS


def test_pulls_everything_when_nothing_was_accepted(connection: SourceConnection) -> None:
    (delivery,) = fetch(siilinjarvi(), NIGHT, connection, history(has_earlier=True))
    assert (delivery.since, delivery.first_of_year) == (None, False)
    assert contents(delivery)["absence"] == LANDED_ABSENCES


def test_a_bad_day_of_the_service_changes_nothing(
    folder: Path, connection: SourceConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = Faults(too_many_every=4, unavailable_every=5, expired_every=3, retry_after_s=0)
    told: list[str] = []
    quiet = fetch(siilinjarvi(), NIGHT, connection, history())
    with start_sources(folder, None, tmp_path / "state", municipalities=["siilinjarvi"], faults=faults) as running:
        bad = connect(running, tmp_path, monkeypatch)
        assert fetch(siilinjarvi(page_size=1), NIGHT, bad, history(), told.append) == quiet
    for fault in ("answer 429", "answer 503", "the token has ended"):
        assert any(fault in message for message in told)


def test_tells_when_the_login_is_refused(connection: SourceConnection) -> None:
    with problem(SourceUnavailable, "no token (answer 401)", "login", hidden=(SECRET,)):
        fetch(siilinjarvi(), NIGHT, broken(connection, password=SECRET), history())
    with problem(SourceUnavailable, "password"):
        fetch(siilinjarvi(), NIGHT, broken(connection, password=None), history())


def test_refuses_when_the_service_has_no_such_resource(connection: SourceConnection) -> None:
    with problem(SourceRefused, "students", "404"):
        fetch(siilinjarvi(resource_path="/v9/{resource}"), NIGHT, connection, history())


def test_tells_when_the_service_goes_away(connection: SourceConnection, running: RunningSources) -> None:
    def stop(message: str) -> None:
        if message.startswith("students"):
            running.stop("siilinjarvi")

    try:
        with problem(SourceUnavailable, "3 attempts"):
            fetch(siilinjarvi(max_attempts=3), NIGHT, connection, history(), stop)
        with problem(SourceUnavailable, "ConnectError, 2 attempts"):
            fetch(siilinjarvi(max_attempts=2), NIGHT, connection, history())
    finally:
        running.start("siilinjarvi")
    assert len(fetch(siilinjarvi(), NIGHT, connection, history())) == 1


def test_tells_when_nobody_listens(connection: SourceConnection) -> None:
    with problem(SourceUnavailable, "ConnectError, 2 attempts"):
        fetch(siilinjarvi(max_attempts=2), NIGHT, broken(connection, port=free_port()), history())


def test_starts_again_when_the_data_changes_under_its_pages(connection: SourceConnection, folder: Path) -> None:
    # The demo's service keeps the state before the last: two changes make a cursor too old.
    clock = folder / "siilinjarvi" / "clock.json"
    changes = iter([" ", "  "])

    def change(message: str) -> None:
        if message.startswith("absences: 2 "):
            clock.write_text(json.dumps({"asOf": AS_OF}) + next(changes, ""))

    (delivery,) = fetch(siilinjarvi(page_size=2), NIGHT, connection, history(), change)
    assert contents(delivery)["absence"] == LANDED_ABSENCES


def test_posts_a_receipt_once(connection: SourceConnection, folder: Path) -> None:
    for _ in range(2):
        send_receipt(siilinjarvi(), connection, NIGHT, "receipt.json", b'{"delivery": "siilinjarvi-2025-10-14"}')
    (stored,) = (folder / "siilinjarvi" / "receipts").iterdir()
    assert json.loads(stored.read_bytes()) == {"delivery": "siilinjarvi-2025-10-14"}
    with problem(SourceRefused, "receipts", "400"):
        send_receipt(siilinjarvi(), connection, NIGHT, "receipt.json", b"no JSON")


# What follows speaks to a server that a test scripts: the demo's service does none of this.

Answer = tuple[int, dict[str, str], Any]
Script = Callable[[str, dict[str, str], int], Answer]


class Scripted(ThreadingHTTPServer):
    """Gives tokens to the right client and answers the rest by `script`: (path, query, number of the request)."""

    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.tokens = 0
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.expires_in: Any = 300

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is no error of a test."""

    @property
    def connection(self) -> SourceConnection:
        port = self.server_address[1]
        return SourceConnection("http", "127.0.0.1", port, "tukiverkko", SECRET, "http")


class _Handler(BaseHTTPRequestHandler):
    server: Scripted
    protocol_version = "HTTP/1.1"
    # One packet an answer: two would wait for each other for 40 ms.
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        expected = base64.b64encode(f"tukiverkko:{SECRET}".encode()).decode()
        assert self.headers["Authorization"] == f"Basic {expected}"
        self.server.tokens += 1
        self._send(200, {}, {"access_token": f"token-{self.server.tokens}", "expires_in": self.server.expires_in})

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        path = address.path.removeprefix("/v1/")
        self.server.requests.append((path, query))
        current = self.headers["Authorization"] == f"Bearer token-{self.server.tokens}"
        answer = self.server.script(path, query, len(self.server.requests)) if current else (401, {}, {})
        self._send(*answer)

    def _send(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        # Not send_response, which writes a Date of its own.
        self.send_response_only(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def scripted() -> Iterator[Callable[[Script], Scripted]]:
    servers: list[Scripted] = []

    def start(script: Script) -> Scripted:
        servers.append(Scripted(script))
        threading.Thread(target=servers[-1].serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def page(
    items: list[Any], following: object = None, total: int | None = None, changes: dict[str, Any] | None = None
) -> Answer:
    body = {"items": items, "next": following, "total": len(items) if total is None else total, "asOf": AS_OF}
    return 200, {}, {**body, **(changes or {})}


def only_absences(script: Callable[[dict[str, str], int], Answer]) -> Script:
    """The other resources answer as they should; the requests for absences are counted by themselves."""
    count = iter(range(1, 10_000))

    def answer(path: str, query: dict[str, str], number: int) -> Answer:
        return script(query, next(count)) if path == "absences" else page(RESOURCES[path])

    return answer


def pull(server: Scripted, told: list[str] | None = None, **options: Any) -> RawDelivery:
    (delivery,) = fetch(
        siilinjarvi(**options), NIGHT, server.connection, history(), None if told is None else told.append
    )
    return delivery


def test_a_token_that_never_works_is_asked_for_once_more(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(lambda path, query, number: (401, {}, {}))
    with problem(SourceUnavailable, "students", "401", hidden=(SECRET, "token-")):
        pull(server)
    assert server.tokens == 2


def test_a_token_that_ends_while_waiting_is_renewed_again(scripted: Callable[[Script], Scripted]) -> None:
    bad: dict[int, Answer] = {1: (401, {}, {}), 2: (503, {}, {}), 3: (401, {}, {})}
    server = scripted(lambda path, query, number: bad.get(number, page(RESOURCES[path])))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES
    assert server.tokens == 3


def test_a_token_that_ends_in_mid_run_is_renewed(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(lambda path, query, number: (401, {}, {}) if number == 2 else page(RESOURCES[path]))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES
    assert server.tokens == 2


def test_a_token_is_renewed_before_its_end(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(lambda path, query, number: page(RESOURCES[path]))
    server.expires_in = 0
    assert contents(pull(server))["absence"] == LANDED_ABSENCES
    assert server.tokens == 4
    server.expires_in = "soon"
    pull(server)
    assert server.tokens == 5


def test_as_of_is_the_earliest_of_all_pages(scripted: Callable[[Script], Scripted]) -> None:
    early = "2025-10-14T01:30:00Z"
    server = scripted(
        lambda path, query, number: page(
            RESOURCES[path], changes={"asOf": early} if path == "support-periods" else None
        )
    )
    assert pull(server).as_of == datetime(2025, 10, 14, 4, 30, tzinfo=datetime.fromisoformat(AS_OF).tzinfo)


def test_waits_as_long_as_the_service_asks(scripted: Callable[[Script], Scripted]) -> None:
    now = datetime(2025, 10, 14, 2, 0, tzinfo=UTC)
    date_form = {
        "Date": format_datetime(now, usegmt=True),
        "Retry-After": format_datetime(now + timedelta(seconds=1), usegmt=True),
    }
    answers: dict[int, Answer] = {
        1: (429, {"Retry-After": "1"}, {}),
        2: (503, date_form, {}),
        3: (429, {"Retry-After": "soon"}, {}),
    }
    told: list[str] = []
    server = scripted(lambda path, query, number: answers.get(number, page(RESOURCES[path])))
    pull(server, told)
    assert [message for message in told if "waiting" in message] == [
        "answer 429; waiting 1 s",
        "answer 503; waiting 1 s",
        "answer 429; waiting 0.2 s",
    ]


def test_does_not_wait_longer_than_it_may(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(lambda path, query, number: (429, {"Retry-After": "301"}, {}))
    with problem(SourceUnavailable, "wait longer than we may", "429"):
        pull(server)
    assert len(server.requests) == 1
    # Ten waits of 0.05 s are within the limit one by one and over it together.
    server = scripted(lambda path, query, number: (429, {"Retry-After": "0"}, {}) if number % 2 else (503, {}, {}))
    with problem(SourceUnavailable, "wait longer than we may", "503"):
        pull(server, max_attempts=100, max_wait_seconds=0.2)


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_gives_up_after_some_attempts(scripted: Callable[[Script], Scripted], status: int) -> None:
    server = scripted(lambda path, query, number: (status, {}, {"error": NAME}))
    with problem(SourceUnavailable, f"answer {status}, 3 attempts", hidden=(NAME,)):
        pull(server, max_attempts=3)
    assert len(server.requests) == 3


def test_a_page_that_cannot_be_read_is_asked_for_again(scripted: Callable[[Script], Scripted]) -> None:
    bad: dict[int, Answer] = {
        1: (200, {}, b"<html>"),
        2: (200, {}, b'{"items": [NaN]}'),
        3: (200, {"Content-Length": "1000"}, b'{"items"'),
        4: (200, {}, b""),
    }
    told: list[str] = []
    server = scripted(lambda path, query, number: bad.get(number, page(RESOURCES[path])))
    server.timeout = 1
    assert contents(pull(server, told, timeout_seconds=0.3))["enrolment"] == LANDED_STUDENTS
    assert sum("not JSON" in message for message in told) == 3


def test_a_silent_service_is_left_after_a_time(scripted: Callable[[Script], Scripted]) -> None:
    released = threading.Event()

    def silent(path: str, query: dict[str, str], number: int) -> Answer:
        released.wait(10)
        return page([])

    with problem(SourceUnavailable, "ReadTimeout, 2 attempts"):
        pull(scripted(silent), timeout_seconds=0.1, max_attempts=2)
    released.set()


def test_a_run_has_an_end(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(only_absences(lambda query, number: page([{"id": number}], f"c{number}", 10_000_000)))
    with problem(SourceUnavailable, "did not finish in 0.3 seconds"):
        pull(server, max_seconds=0.3)


def test_follows_no_redirect(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(lambda path, query, number: (302, {"Location": "http://127.0.0.1:9/v1/students"}, {}))
    with problem(SourceUnavailable, "students", "302"):
        pull(server)


def test_a_total_that_was_wrong_once_is_forgiven(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(only_absences(lambda query, number: page(ABSENCES, total=8 if number == 1 else 7)))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES


@pytest.mark.parametrize("total", [6, 8, 0])
def test_a_total_that_is_wrong_twice_is_not(scripted: Callable[[Script], Scripted], total: int) -> None:
    server = scripted(only_absences(lambda query, number: page(ABSENCES, total=total)))
    with problem(SourceUnavailable, "absences", "total", "twice"):
        pull(server)
    assert [path for path, _ in server.requests].count("absences") == 2


def test_totals_must_agree_over_the_pages(scripted: Callable[[Script], Scripted]) -> None:
    def script(query: dict[str, str], number: int) -> Answer:
        return page(ABSENCES[4:], total=7) if "cursor" in query else page(ABSENCES[:4], "c", 6)

    with problem(SourceUnavailable, "total"):
        pull(scripted(only_absences(script)))


def in_pages(*pages: Answer) -> Script:
    """The pages in their order, whatever the cursor, and the same at every turn."""
    return only_absences(lambda query, number: pages[(number - 1) % len(pages)])


def test_a_repeated_page_counts_once(scripted: Callable[[Script], Scripted]) -> None:
    first, rest = ABSENCES[:4], ABSENCES[4:]
    server = scripted(in_pages(page(first, "a", 7), page(first, "b", 7), page(rest, None, 7)))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES


def test_items_that_come_again_on_the_next_page_count_once(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(in_pages(page(ABSENCES[:4], "a", 7), page(ABSENCES[2:], None, 7)))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES


def test_an_item_that_changed_between_two_pages_counts_once_as_it_came_last(
    scripted: Callable[[Script], Scripted],
) -> None:
    older = {**ABSENCES[3], "type": "LEAVE"}
    server = scripted(in_pages(page([*ABSENCES[:3], older], "a", 7), page(ABSENCES[3:], None, 7)))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES


def test_items_that_the_source_holds_twice_stay(scripted: Callable[[Script], Scripted]) -> None:
    # Two versions of an id, and one item wholly twice: all three are in the total, so they are the reader's to judge.
    items = [ABSENCES[0], {**ABSENCES[0], "type": "LEAVE"}, ABSENCES[0]]
    lines = contents(pull(scripted(in_pages(page(items)))))["absence"].splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["SICK", "LEAVE", "SICK"]


def test_an_item_that_moves_while_pages_are_turned_takes_no_other_one_away(
    scripted: Callable[[Script], Scripted],
) -> None:
    # Sorted by the last change. The first item changes when its page was read: the fourth is on that page then, and the
    # changed one comes again at the end, so that seven items were read, as the total says.
    changed = {**ABSENCES[0], "type": "LEAVE"}
    after = [*ABSENCES[1:], changed]
    moving = (page(ABSENCES[:3], "a", 7), page(after[3:], None, 7))
    still = (page(after[:3], "a", 7), page(after[3:], None, 7))
    pages = [*moving, *still]
    landed = contents(pull(scripted(only_absences(lambda query, number: pages[number - 1]))))["absence"]
    assert landed == b"".join([*LANDED_ABSENCES.splitlines(keepends=True)[1:], landed.splitlines(keepends=True)[-1]])
    assert json.loads(landed.splitlines()[-1])["type"] == "LEAVE"
    # It goes on moving.
    again = [*after[1:], {**after[0], "type": "LEAVE"}]
    pages = [*moving, page(after[:3], "a", 7), page(again[3:], None, 7)]
    with problem(SourceUnavailable, "absences", "twice in a row"):
        pull(scripted(only_absences(lambda query, number: pages[number - 1])))


def test_a_cursor_that_leads_back_is_a_loop(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(in_pages(page(ABSENCES[:4], "a", 7), page(ABSENCES[4:], "a", 7)))
    with problem(SourceUnavailable, "absences", "never end"):
        pull(server)
    server = scripted(in_pages(page(ABSENCES[:2], "a", 7), page(ABSENCES[2:4], "b", 7), page(ABSENCES[4:], "a", 7)))
    with problem(SourceUnavailable, "never end"):
        pull(server)


def test_ever_new_cursors_are_a_loop_too(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(only_absences(lambda query, number: page(ABSENCES, f"cursor-{number}")))
    with problem(SourceUnavailable, "never end"):
        pull(server)
    assert len(server.requests) < 20


def test_the_question_is_put_with_the_first_page_only(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(in_pages(page(ABSENCES[:4], "a", 7), page(ABSENCES[4:], None, 7)))
    last = datetime(2025, 10, 13, 2, 0, tzinfo=UTC)
    fetch(siilinjarvi(), NIGHT, server.connection, history(True, last))
    asked = [query for path, query in server.requests if path == "absences"]
    assert asked == [{"limit": "500", "updatedSince": "2025-10-13T01:00:00+00:00"}, {"limit": "500", "cursor": "a"}]
    assert {"limit": "500"} in [query for path, query in server.requests if path == "students"]


def test_a_cursor_may_be_a_number(scripted: Callable[[Script], Scripted]) -> None:
    server = scripted(in_pages(page(ABSENCES[:4], 4, 7), page(ABSENCES[4:], "", 7)))
    assert contents(pull(server))["absence"] == LANDED_ABSENCES


@pytest.mark.parametrize(
    "changes",
    [
        {"items": None},
        {"items": [7]},
        {"total": None},
        {"total": "7"},
        {"total": True},
        {"next": {}},
        {"asOf": None},
        {"asOf": "yesterday"},
    ],
)
def test_refuses_a_page_of_another_make(scripted: Callable[[Script], Scripted], changes: dict[str, Any]) -> None:
    with problem(SourceRefused, "absences", "items, total, next, asOf"):
        pull(scripted(only_absences(lambda query, number: page([], changes=changes))))


def test_refuses_what_is_too_large(scripted: Callable[[Script], Scripted]) -> None:
    with problem(SourceRefused, "students", "300 bytes"):
        pull(scripted(lambda path, query, number: page(RESOURCES[path])), max_file_bytes=300)


def test_nothing_unmapped_leaves_inside_a_mapped_field(scripted: Callable[[Script], Scripted]) -> None:
    item = {"id": "a", "type": {"name": NAME}, "studentId": [{"name": NAME}, "b"], "note": NAME}
    delivery = pull(scripted(only_absences(lambda query, number: page([item]))))
    assert contents(delivery)["absence"] == b'{"id":"a","studentId":[{},"b"],"type":{}}\n'


def test_numbers_and_odd_characters_stay_what_they_are(scripted: Callable[[Script], Scripted]) -> None:
    # A lone surrogate is JSON and no UTF-8; one such value must not cost the delivery.
    body = (
        b'{"items": [{"schoolNumber": "\\ud800\\u2028\\n", "lessons": 5.50, "slotMinutes": 12345678901234567890}],'
        b' "next": null, "total": 1, "asOf": "2025-10-14T05:00:00"}'
    )
    server = scripted(lambda path, query, number: (200, {}, body) if path == "school-days" else page(RESOURCES[path]))
    delivery = pull(server)
    expected = '{"schoolNumber":"?\u2028\\n","lessons":"5.50","slotMinutes":12345678901234567890}\n'
    assert contents(delivery)["school_day"] == expected.encode()
    assert delivery.as_of == datetime.fromisoformat("2025-10-14T05:00:00+03:00")


def test_an_empty_resource_is_an_empty_file(scripted: Callable[[Script], Scripted]) -> None:
    assert contents(pull(scripted(only_absences(lambda query, number: page([])))))["absence"] == b""
