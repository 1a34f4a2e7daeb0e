"""Faults of the sources: what goes wrong on the way, and what must come of it, written down beforehand."""

import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import asyncssh

from tests.connectors.transport_support import free_port
from tests.corpus import kuopio, siilinjarvi
from tests.corpus.sites import AS_OF, Line, Site, fill_kuopio, list_kuopio, through, workbook

DELIVERED = ("delivered", "")
RETRIED = ("retried", "")

Arrange = Callable[[Site], AbstractContextManager[None]]
Answer = tuple[int, dict[str, str], Any]


@dataclass(frozen=True)
class Fault:
    """name: unique. arrange: does the fault, and undoes what is not undone by filling the source again. outcome:
    DELIVERED (the same delivery as without the fault), RETRIED (the same, and a retry was told), or the kind of
    trouble (`waits`, `refused`, `unavailable`) with its code. script: answers of the REST service for absences, by
    (query, number of the request), where the demo's own does not do such a thing."""

    name: str
    source: str
    arrange: Arrange
    outcome: tuple[str, str]
    script: Callable[[dict[str, str], int], Answer] | None = None


def simply(do: Callable[[Site], object]) -> Arrange:
    @contextmanager
    def arrange(site: Site) -> Iterator[None]:
        do(site)
        yield

    return arrange


def on_line(*lines: Line, **options: Any) -> Arrange:
    @contextmanager
    def arrange(site: Site) -> Iterator[None]:
        site.options.update(options)
        with through(site, *lines):
            yield

    return arrange


def options(**changes: Any) -> Arrange:
    return simply(lambda site: site.options.update(changes))


def connected(**changes: Any) -> Arrange:
    """The connection is another one for a while."""

    @contextmanager
    def arrange(site: Site) -> Iterator[None]:
        before = site.connection
        site.connection = replace(before, **changes)
        yield
        site.connection = before

    return arrange


# Kuopio


def night(site: Site) -> Path:
    return site.folder / "lahtevat" / site.night.isoformat()


def file(name: str, how: Callable[[bytes], bytes]) -> Arrange:
    """A file of the night changes after the ready file was written."""

    def do(site: Site) -> None:
        path = night(site) / name
        path.write_bytes(how(path.read_bytes()))

    return simply(do)


def ready(change: Callable[[dict[str, Any]], object]) -> Arrange:
    def do(site: Site) -> None:
        path = night(site) / "valmis.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return simply(do)


def named(name: str) -> Arrange:
    return ready(lambda content: content["tiedostot"].append({**content["tiedostot"][0], "nimi": name}))


@contextmanager
def another_host_key(site: Site) -> Iterator[None]:
    before = site.connection
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    known = site.folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{before.port} {key}")
    site.connection = replace(before, extra={**before.extra, "known_hosts_file": str(known)})
    yield
    site.connection = before
    known.unlink()


def mended_when_read_again(site: Site) -> None:
    (night(site) / "tuki.csv").write_bytes(b"half")
    site.heard.append(lambda message: fill_kuopio(site.folder) if "once more" in message else None)


def yesterdays_ready_file(site: Site) -> None:
    list_kuopio(night(site), toimitus="2025-10-13")


def larger(site: Site) -> None:
    path = night(site) / "tuntimerkinnat.csv"
    path.write_bytes(
        path.read_bytes() + f"1009;{kuopio.OID_1};07522;06.10.2025;3;".encode() + b"x" * 200_000 + b";S;;;\r\n"
    )
    list_kuopio(night(site), toimitus=site.night.isoformat())


SFTP = [
    Fault(
        "no folder yet",
        "kuopio",
        simply(lambda site: setattr(site, "night", date(2025, 10, 15))),
        ("waits", "manifest_missing"),
    ),
    Fault(
        "no ready file yet",
        "kuopio",
        simply(lambda site: (night(site) / "valmis.json").unlink()),
        ("waits", "manifest_missing"),
    ),
    Fault(
        "half a ready file", "kuopio", file("valmis.json", lambda c: c[: len(c) // 2]), ("waits", "manifest_mismatch")
    ),
    Fault("an empty ready file", "kuopio", file("valmis.json", lambda c: b""), ("waits", "manifest_mismatch")),
    Fault(
        "the ready file before its data",
        "kuopio",
        simply(lambda site: (night(site) / "tuki.csv").unlink()),
        ("waits", "manifest_mismatch"),
    ),
    Fault(
        "a half-written file",
        "kuopio",
        file("oppilaat.csv", lambda c: c[: len(c) // 2]),
        ("waits", "manifest_mismatch"),
    ),
    Fault("a file that grew", "kuopio", file("oppilaat.csv", lambda c: c + b"x"), ("waits", "manifest_mismatch")),
    Fault(
        "a file of the same size and other bytes",
        "kuopio",
        file("oppilaat.csv", lambda c: c.replace(b"7A", b"7C")),
        ("waits", "manifest_mismatch"),
    ),
    Fault(
        "a file with other rows than listed",
        "kuopio",
        ready(lambda c: c["tiedostot"][1].update(rivit=5)),
        ("waits", "manifest_mismatch"),
    ),
    Fault(
        "a ready file without one of the files",
        "kuopio",
        ready(lambda c: c["tiedostot"].pop()),
        ("refused", "manifest_incomplete"),
    ),
    Fault(
        "a ready file that lists nothing",
        "kuopio",
        ready(lambda c: c.pop("tiedostot")),
        ("refused", "manifest_invalid"),
    ),
    Fault("a ready file of yesterday", "kuopio", simply(yesterdays_ready_file), ("refused", "wrong_night")),
    Fault("a name that leads up", "kuopio", named("../../salainen.csv"), ("refused", "manifest_invalid")),
    Fault("a name from the root", "kuopio", named("/etc/passwd"), ("refused", "manifest_invalid")),
    Fault("a name of another system", "kuopio", named("..\\salainen.csv"), ("refused", "manifest_invalid")),
    Fault("a name with a NUL", "kuopio", named("tuki.csv\0.txt"), ("refused", "manifest_invalid")),
    Fault(
        "a ready file of lists in lists",
        "kuopio",
        file("valmis.json", lambda c: b"[" * 100_000),
        ("waits", "manifest_mismatch"),
    ),
    Fault(
        "a ready file of two megabytes",
        "kuopio",
        file("valmis.json", lambda c: c + b" " * 2_000_000),
        ("refused", "too_large"),
    ),
    Fault("a petabyte", "kuopio", ready(lambda c: c["tiedostot"][0].update(tavut=10**15)), ("refused", "too_large")),
    Fault("more than is agreed on", "kuopio", options(max_file_bytes=100), ("refused", "too_large")),
    Fault("a file that is whole when read again", "kuopio", simply(mended_when_read_again), RETRIED),
    Fault("a field of two hundred thousand characters", "kuopio", simply(larger), DELIVERED),
    Fault("the connection lost in mid-file", "kuopio", on_line(Line(4_000)), ("unavailable", "connection_lost")),
    Fault("the connection lost while logging in", "kuopio", on_line(Line(500)), ("unavailable", "unreachable")),
    Fault("the connection lost once while logging in", "kuopio", on_line(Line(500), Line()), DELIVERED),
    Fault(
        "a server that falls silent in mid-file",
        "kuopio",
        on_line(Line(4_000, stalled=True), max_seconds=1.5),
        ("unavailable", "too_slow"),
    ),
    Fault("a slow server", "kuopio", on_line(Line(delay=0.2), max_seconds=1.5), ("unavailable", "too_slow")),
    Fault("nobody listens", "kuopio", connected(port=free_port()), ("unavailable", "unreachable")),
    Fault("another login", "kuopio", connected(login="someone"), ("unavailable", "login_refused")),
    Fault("another host key", "kuopio", another_host_key, ("refused", "unknown_host_key")),
]

# Siilinjärvi

ABSENCES = siilinjarvi.extract().rows["absence"]
NOTHING: Arrange = simply(lambda site: None)


def page(items: list[Any], following: object = None, **changes: Any) -> Answer:
    body = {"items": items, "next": following, "total": len(ABSENCES), "asOf": AS_OF}
    return 200, {}, {**body, **changes}


def turned(query: dict[str, str], size: int = 2) -> Answer:
    """Absences by pages as they should be."""
    start = int(query.get("cursor", "0"))
    following = str(start + size) if start + size < len(ABSENCES) else None
    return page(ABSENCES[start : start + size], following)


def scripted(
    name: str, script: Callable[[dict[str, str], int], Answer], outcome: tuple[str, str], **changes: Any
) -> Fault:
    return Fault(name, "siilinjarvi", options(**changes), outcome, script)


def first(*answers: Answer) -> Callable[[dict[str, str], int], Answer]:
    """The first requests are answered so, the others as they should be."""
    return lambda query, number: answers[number - 1] if number <= len(answers) else turned(query)


def repeated(query: dict[str, str], number: int) -> Answer:
    """The first page comes again under another cursor."""
    if query.get("cursor") == "2" and number == 2:
        return page(ABSENCES[:2], "2 ")
    return turned({**query, "cursor": query.get("cursor", "0").strip()})


def overlapping(query: dict[str, str], number: int) -> Answer:
    start = int(query.get("cursor", "0"))
    return page(ABSENCES[max(0, start - 1) : start + 2], str(start + 2) if start + 2 < len(ABSENCES) else None)


def looping(query: dict[str, str], number: int) -> Answer:
    return page(ABSENCES[:2], "2" if query.get("cursor") != "2" else "4") if number < 1000 else page([])


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def broken_json(query: dict[str, str], number: int) -> Answer:
    return 200, {}, b'{"items": ['


def bomb(query: dict[str, str], number: int) -> Answer:
    return 200, {"Content-Encoding": "gzip"}, BOMB


BOMB = gzip.compress(bytes(200_000_000), 1)
STORM: Answer = (429, {"Retry-After": "1"}, {})
BAD: Answer = (503, {}, {})
ENDED: Answer = (401, {}, {})

REST = [
    scripted("a token that ends in mid-paging", lambda q, n: ENDED if n == 2 else turned(q), RETRIED),
    scripted("a token that ends again and again", lambda q, n: ENDED if n % 2 == 0 else turned(q), RETRIED),
    scripted("a token that never works", lambda q, n: ENDED, ("unavailable", "access_denied")),
    scripted(
        "now and then too many requests", lambda q, n: (429, {"Retry-After": "0"}, {}) if n % 2 else turned(q), RETRIED
    ),
    scripted("a storm of too many requests", lambda q, n: STORM, ("unavailable", "told_to_wait"), max_wait_seconds=1.5),
    scripted(
        "told to wait for a day", lambda q, n: (429, {"Retry-After": "86400"}, {}), ("unavailable", "told_to_wait")
    ),
    scripted("now and then no service", lambda q, n: BAD if n % 2 else turned(q), RETRIED),
    scripted("no service", lambda q, n: BAD, ("unavailable", "no_answer"), max_attempts=3),
    scripted("a page that comes again", repeated, DELIVERED),
    scripted("pages that overlap", overlapping, DELIVERED),
    scripted("a cursor that leads back", looping, ("unavailable", "pages_never_end")),
    scripted("ever new cursors", lambda q, n: page(ABSENCES[:2], f"cursor-{n}"), ("unavailable", "pages_never_end")),
    scripted(
        "ever new cursors of empty pages", lambda q, n: page([], f"cursor-{n}"), ("unavailable", "pages_never_end")
    ),
    scripted("a total that is too high", lambda q, n: page(ABSENCES, total=9), ("unavailable", "total_disagrees")),
    scripted("a total that is too low", lambda q, n: page(ABSENCES, total=3), ("unavailable", "total_disagrees")),
    scripted("a total that is wrong once", first(page(ABSENCES, total=9)), RETRIED),
    scripted(
        "totals that differ from page to page",
        lambda q, n: (*turned(q)[:2], {**turned(q)[2], "total": 4 + n}),
        ("unavailable", "total_disagrees"),
    ),
    scripted("a last page that is missing", lambda q, n: page(ABSENCES[:2]), ("unavailable", "total_disagrees")),
    scripted("half a page once", first((200, {}, b'{"items": [{"id": "abs')), RETRIED),
    scripted("half a page always", broken_json, ("unavailable", "no_answer"), max_attempts=3),
    scripted(
        "a body shorter than its length",
        first((200, {"Content-Length": "5000"}, b'{"items"')),
        RETRIED,
        timeout_seconds=0.5,
    ),
    scripted(
        "not a number",
        lambda q, n: (200, {}, b'{"items": [], "next": null, "total": NaN, "asOf": ""}'),
        ("unavailable", "no_answer"),
        max_attempts=2,
    ),
    scripted(
        "a hundred thousand lists in lists",
        lambda q, n: (200, {}, b"[" * 100_000 + b"]" * 100_000),
        ("unavailable", "no_answer"),
        max_attempts=2,
    ),
    scripted(
        "a whole number of five thousand digits",
        lambda q, n: (200, {}, b'{"items": [{"id": ' + b"9" * 5000 + b"}]}"),
        ("unavailable", "no_answer"),
        max_attempts=2,
    ),
    scripted("a list for a page", lambda q, n: (200, {}, ABSENCES), ("refused", "page_invalid")),
    scripted("items that are no objects", lambda q, n: page(["absence-0001"]), ("refused", "page_invalid")),
    scripted("an object for a cursor", lambda q, n: page(ABSENCES, {"next": 2}), ("refused", "page_invalid")),
    scripted("no moment that the data is from", lambda q, n: page(ABSENCES, asOf=None), ("refused", "page_invalid")),
    scripted("a total below nought", lambda q, n: page([], total=-1), ("unavailable", "total_disagrees")),
    scripted("a resource that is gone", lambda q, n: (404, {}, {}), ("refused", "interface_changed")),
    scripted(
        "a way to another host",
        lambda q, n: (302, {"Location": "http://127.0.0.1:9/"}, {}),
        ("unavailable", "access_denied"),
    ),
    scripted("two hundred megabytes in a small gzip", bomb, ("refused", "too_large")),
    scripted("more than is agreed on", lambda q, n: page(ABSENCES), ("refused", "too_large"), max_file_bytes=300),
    Fault("the connection lost in mid-page", "siilinjarvi", on_line(Line(1_200), Line()), RETRIED),
    Fault(
        "the connection lost in every page",
        "siilinjarvi",
        on_line(Line(600), max_attempts=3),
        ("unavailable", "no_answer"),
    ),
    Fault(
        "a service that falls silent",
        "siilinjarvi",
        on_line(Line(600, stalled=True), max_attempts=2, timeout_seconds=0.3),
        ("unavailable", "no_answer"),
    ),
    Fault("a slow service", "siilinjarvi", on_line(Line(delay=0.3), max_seconds=0.5), ("unavailable", "too_slow")),
    Fault("another secret", "siilinjarvi", connected(password="wrong"), ("unavailable", "login_refused")),
    Fault("nobody listens", "siilinjarvi", connected(port=free_port()), ("unavailable", "no_answer")),
]

# Iisalmi


def statement(*statements: str) -> Arrange:
    def do(site: Site) -> None:
        for one in statements:
            site.admin(one)

    return simply(do)


MANY_DAYS = "insert into rekisteri.tyopaiva select n, date '2025-09-01', 1, 5 from generate_series(1, 20000) n"
SLOW_VIEW = (
    "create or replace view raportointi.v_tyopaiva as"
    " select koulunro, paiva, luokka_aste, tunnit from rekisteri.tyopaiva, pg_sleep(10)"
)
FAILING_VIEW = (
    "create or replace view raportointi.v_tyopaiva as"
    " select koulunro / 0 as koulunro, paiva, luokka_aste, tunnit from rekisteri.tyopaiva"
)


def many_days(*lines: Line, **changes: Any) -> Arrange:
    @contextmanager
    def arrange(site: Site) -> Iterator[None]:
        site.admin(MANY_DAYS)
        site.options.update(changes)
        with through(site, *lines):
            yield

    return arrange


SQL = [
    Fault("a cursor that dies", "iisalmi", many_days(Line(300_000), Line()), RETRIED),
    Fault("a cursor that always dies", "iisalmi", many_days(Line(300_000)), ("unavailable", "unreachable")),
    Fault(
        "a cursor that falls silent",
        "iisalmi",
        many_days(Line(300_000, stalled=True), max_seconds=1),
        ("unavailable", "too_slow"),
    ),
    Fault("the connection lost while logging in", "iisalmi", on_line(Line(50), Line()), RETRIED),
    Fault(
        "a slow view",
        "iisalmi",
        simply(lambda site: (site.admin(SLOW_VIEW), site.options.update(max_seconds=0.3))),
        ("unavailable", "too_slow"),
    ),
    Fault(
        "a view that is gone", "iisalmi", statement("drop view raportointi.v_tuki"), ("refused", "interface_changed")
    ),
    Fault(
        "a column with another name",
        "iisalmi",
        statement("alter view raportointi.v_tuki rename column lisatieto to huomautus"),
        ("refused", "interface_changed"),
    ),
    Fault(
        "a view that may not be read",
        "iisalmi",
        statement("revoke select on raportointi.v_poissaolo from iisalmi_raportointi_lukija"),
        ("refused", "interface_changed"),
    ),
    Fault("a view that fails on a row", "iisalmi", statement(FAILING_VIEW), ("refused", "view_fails")),
    Fault(
        "ten times the data and more than is agreed on",
        "iisalmi",
        many_days(Line(), max_file_bytes=100_000),
        ("refused", "too_large"),
    ),
    Fault("another password", "iisalmi", connected(password="wrong"), ("unavailable", "unreachable")),
    Fault("nobody listens", "iisalmi", connected(port=free_port()), ("unavailable", "unreachable")),
]

# Varkaus


def book(site: Site) -> Path:
    return site.folder / "Varkaus_2025-2026.xlsx"


def content(how: Callable[[bytes], bytes]) -> Arrange:
    return simply(lambda site: book(site).write_bytes(how(book(site).read_bytes())))


def while_read(do: Callable[[Path], object]) -> Arrange:
    return simply(lambda site: site.heard.append(lambda message: do(book(site))))


def zipped(name: str, inside: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, inside)
    return stream.getvalue()


def lying(content: bytes) -> bytes:
    """A part of ten megabytes whose directory says that it has ten bytes."""
    packed = zipped("xl/workbook.xml", bytes(10_000_000))
    return packed.replace((10_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))


def hole(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo("xl/worksheets/sheet2.xml").header_offset + 100
    return content[:start] + bytes(50) + content[start + 50 :]


def away(site: Site) -> Iterator[None]:
    before = site.connection
    site.connection = replace(before, extra={"url": f"file://{site.folder / 'nowhere'}"})
    yield
    site.connection = before


def touched(path: Path) -> None:
    os.utime(path, (datetime.now().timestamp() + 60,) * 2)  # noqa: DTZ005


SHARE = [
    Fault("no workbook yet", "varkaus", simply(lambda site: book(site).unlink()), ("waits", "workbook_missing")),
    Fault("half a workbook", "varkaus", content(lambda c: c[: len(c) // 2]), ("waits", "being_written")),
    Fault("a workbook without its last byte", "varkaus", content(lambda c: c[:-1]), ("waits", "being_written")),
    Fault("an empty workbook file", "varkaus", content(lambda c: b""), ("waits", "being_written")),
    Fault(
        "a workbook whose place was reserved",
        "varkaus",
        content(lambda c: c[: len(c) // 2] + bytes(len(c) - len(c) // 2)),
        ("waits", "being_written"),
    ),
    Fault("a workbook with a hole", "varkaus", content(hole), ("waits", "being_written")),
    Fault(
        "a workbook that is saved while it is read",
        "varkaus",
        while_read(lambda path: path.write_bytes(workbook() + b" ")),
        ("waits", "being_written"),
    ),
    Fault("a workbook that is touched while it is read", "varkaus", while_read(touched), ("waits", "being_written")),
    Fault(
        "a workbook that is renamed while it is read",
        "varkaus",
        while_read(lambda path: path.unlink(missing_ok=True)),
        ("waits", "being_written"),
    ),
    Fault(
        "somebody has it open",
        "varkaus",
        simply(lambda site: (site.folder / "~$Varkaus_2025-2026.xlsx").write_bytes(b"lock")),
        DELIVERED,
    ),
    Fault(
        "a password",
        "varkaus",
        content(lambda c: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1000)),
        ("refused", "protected"),
    ),
    Fault("another zip", "varkaus", content(lambda c: zipped("hello.txt", b"hello")), ("refused", "not_a_workbook")),
    Fault(
        "a zip bomb",
        "varkaus",
        content(lambda c: zipped("xl/workbook.xml", bytes(300_000_000))),
        ("refused", "unpacks_too_large"),
    ),
    Fault("a zip bomb that lies of its size", "varkaus", content(lying), ("waits", "being_written")),
    Fault("more than is agreed on", "varkaus", options(max_file_bytes=1000), ("refused", "too_large")),
    Fault(
        "a folder of the workbook's name",
        "varkaus",
        simply(lambda site: (book(site).unlink(), book(site).mkdir())),
        ("unavailable", "unreachable"),
    ),
    Fault("the share is away", "varkaus", contextmanager(away), ("unavailable", "unreachable")),
]

FAULTS: list[Fault] = [
    replace(one, name=f"{one.source}: on the way: {one.name}") for one in (*SFTP, *REST, *SQL, *SHARE)
]
