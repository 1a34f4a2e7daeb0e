"""Kuopio's transport against a real SFTP server with key login."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import asyncssh
import pytest

from connectors.config import Format
from connectors.connection import SourceConnection, connection_for
from connectors.delivery import NotThereYet, SourceRefused, SourceUnavailable
from connectors.transports import fetch, send_receipt
from connectors.transports.sftp import count_rows
from demo.servers import RunningSources, start_sources
from tests.connectors.transport_support import broken, contents, free_port, history, municipality, problem

NIGHT = date(2025, 10, 14)
BOM = b"\xef\xbb\xbf"
OID = "1.2.246.562.98.10000000001"
# Data rows by hand: 1, 2 (one has a line break inside quotes), 1, 0.
FILES = {
    "oppilaat.csv": BOM + f"Oppijanumero;Koulunro\r\n{OID};03239\r\n".encode(),
    "tuntimerkinnat.csv": BOM + b'Merkint\xc3\xa4nro;Selvitt\xc3\xa4j\xc3\xa4\r\n1;"a;\r\nb"\r\n2;\r\n',
    "tuki.csv": BOM + b'Oppijanumero;Tukitoimet\r\n1;"PR,ELK"\r\n',
    "tyopaivat.csv": BOM + b"Koulunro;Pvm\r\n",
}
ROWS = {"oppilaat.csv": 1, "tuntimerkinnat.csv": 2, "tuki.csv": 1, "tyopaivat.csv": 0}


def entry(name: str, **changes: Any) -> dict[str, Any]:
    content = FILES[name]
    listed = {"nimi": name, "tavut": len(content), "rivit": ROWS[name], "sha256": hashlib.sha256(content).hexdigest()}
    return {**listed, **changes}


def write(root: Path, night: date = NIGHT, listed: list[dict[str, Any]] | None = None) -> Path:
    """The night's folder, with a ready file that lists the files truly unless told otherwise."""
    folder = root / "kuopio" / "lahtevat" / night.isoformat()
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    ready = {"toimitus": night.isoformat(), "tiedostot": listed or [entry(name) for name in FILES]}
    (folder / "valmis.json").write_text(json.dumps(ready))
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lähteet")
    # Earlier years' folders, and what else lies about, are no earlier delivery of the school year.
    for name in ("2025-05-30", "2025-99-99", "vanhat"):
        (root / "kuopio" / "lahtevat" / name).mkdir(parents=True)
    return root


@pytest.fixture(scope="module")
def running(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSources]:
    with start_sources(root, None, tmp_path_factory.mktemp("state"), municipalities=["kuopio"]) as running:
        yield running


@pytest.fixture
def connection(running: RunningSources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SourceConnection:
    monkeypatch.setenv("AIRFLOW_CONN_KUOPIO", running.connections()["kuopio"])
    return connection_for("kuopio", tmp_path)


@pytest.fixture(autouse=True)
def delivered(root: Path) -> Path:
    return write(root)


def test_takes_a_delivery_that_matches_its_ready_file(connection: SourceConnection) -> None:
    told: list[str] = []
    (delivery,) = fetch(municipality("kuopio"), NIGHT, connection, history(), told.append)
    assert contents(delivery) == {
        "enrolment": FILES["oppilaat.csv"],
        "absence": FILES["tuntimerkinnat.csv"],
        "support": FILES["tuki.csv"],
        "school_day": FILES["tyopaivat.csv"],
    }
    assert [file.name for file in delivery.files] == [
        "oppilaat.csv",
        "tuntimerkinnat.csv",
        "tuki.csv",
        "tyopaivat.csv",
    ]
    assert delivery.as_of == datetime(2025, 10, 14, tzinfo=ZoneInfo("Europe/Helsinki"))
    assert (delivery.municipality, delivery.night, delivery.school_year) == ("kuopio", NIGHT, 2025)
    assert delivery.since is None
    assert delivery.first_of_year
    assert OID not in "".join(told)


def test_fetching_again_gives_the_same_digest(connection: SourceConnection) -> None:
    first, second = (fetch(municipality("kuopio"), NIGHT, connection, history())[0] for _ in range(2))
    assert first.digest == second.digest


@pytest.mark.parametrize(
    ("known", "earlier", "first"),
    [(False, None, True), (True, None, False), (False, date(2025, 8, 12), False), (False, date(2025, 7, 31), True)],
)
def test_is_the_first_of_the_year_when_neither_ledger_nor_server_has_an_earlier_one(
    connection: SourceConnection, root: Path, known: bool, earlier: date | None, first: bool
) -> None:
    folder = root / "kuopio" / "lahtevat" / (earlier or NIGHT).isoformat()
    folder.mkdir(exist_ok=True)
    try:
        (delivery,) = fetch(municipality("kuopio"), NIGHT, connection, history(has_earlier=known))
        assert delivery.first_of_year is first
    finally:
        if earlier:
            folder.rmdir()


def test_waits_for_a_folder_and_for_its_ready_file(connection: SourceConnection, delivered: Path) -> None:
    with problem(NotThereYet, "kuopio", "valmis.json", "2025-10-15"):
        fetch(municipality("kuopio"), date(2025, 10, 15), connection, history())
    (delivered / "valmis.json").unlink()
    with problem(NotThereYet, "valmis.json", "2025-10-14"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_waits_for_the_rest_of_a_ready_file(connection: SourceConnection, delivered: Path) -> None:
    text = (delivered / "valmis.json").read_text()
    (delivered / "valmis.json").write_text(text[: len(text) // 2])
    with problem(NotThereYet, "valmis.json is not complete JSON"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"tavut": 7}, "another size"),
        ({"tavut": 10_000}, "another size"),
        ({"sha256": "0" * 64}, "another SHA-256"),
        ({"rivit": 3}, "has 2 data rows where 3 are listed"),
    ],
)
def test_waits_while_the_ready_file_does_not_match(
    connection: SourceConnection, root: Path, changes: dict[str, Any], part: str
) -> None:
    others = [entry(name) for name in FILES if name != "tuntimerkinnat.csv"]
    write(root, listed=[*others, entry("tuntimerkinnat.csv", **changes)])
    with problem(NotThereYet, "tuntimerkinnat.csv", part):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_waits_for_a_listed_file(connection: SourceConnection, delivered: Path) -> None:
    (delivered / "tuki.csv").unlink()
    with problem(NotThereYet, "tuki.csv is listed and not there"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_reads_once_more_before_it_waits(connection: SourceConnection, delivered: Path) -> None:
    (delivered / "tuki.csv").write_bytes(b"half")

    def mend(message: str) -> None:
        if "once more" in message:
            (delivered / "tuki.csv").write_bytes(FILES["tuki.csv"])

    (delivery,) = fetch(municipality("kuopio"), NIGHT, connection, history(), mend)
    assert contents(delivery)["support"] == FILES["tuki.csv"]


@pytest.mark.parametrize("name", ["../salainen.csv", "/etc/passwd", "a/b.csv", "a\\b.csv", "..", "", "c:x", "a\0b", 7])
def test_follows_no_path_in_a_ready_file(connection: SourceConnection, root: Path, name: object) -> None:
    write(root, listed=[*map(entry, FILES), {**entry("tuki.csv"), "nimi": name}])
    with problem(SourceRefused, "valmis.json"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


@pytest.mark.parametrize("content", ["[]", "{}", "7", '{"tiedostot": [7]}', '{"tiedostot": [{"nimi": "tuki.csv"}]}'])
def test_refuses_a_ready_file_of_another_make(connection: SourceConnection, delivered: Path, content: str) -> None:
    (delivered / "valmis.json").write_text(content)
    with problem(SourceRefused, "valmis.json"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


@pytest.mark.parametrize("changes", [{"tavut": -1}, {"tavut": True}, {"rivit": "2"}])
def test_refuses_numbers_that_are_none(connection: SourceConnection, root: Path, changes: dict[str, Any]) -> None:
    others = [entry(name) for name in FILES if name != "tuki.csv"]
    write(root, listed=[*others, entry("tuki.csv", **changes)])
    with problem(SourceRefused, "valmis.json"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_refuses_a_file_that_is_listed_twice(connection: SourceConnection, root: Path) -> None:
    write(root, listed=[*map(entry, FILES), entry("tuki.csv")])
    with problem(SourceRefused, "each once"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_refuses_a_delivery_without_one_of_its_datasets(connection: SourceConnection, root: Path) -> None:
    write(root, listed=[entry(name) for name in FILES if name != "tyopaivat.csv"])
    with problem(SourceRefused, "tyopaivat.csv"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_reads_nothing_that_no_dataset_needs(connection: SourceConnection, root: Path) -> None:
    write(root, listed=[*map(entry, FILES), {**entry("tuki.csv"), "nimi": "huoltajat.csv"}])
    (delivery,) = fetch(municipality("kuopio"), NIGHT, connection, history())
    assert len(delivery.files) == 4


def test_refuses_the_ready_file_of_another_night_where_it_names_one(connection: SourceConnection, root: Path) -> None:
    keys = {**municipality("kuopio").transport.options["ready_keys"], "delivery": "toimitus"}
    (delivery,) = fetch(municipality("kuopio", ready_keys=keys), NIGHT, connection, history())
    assert delivery.night == NIGHT
    folder = write(root, date(2025, 10, 16))
    (folder / "valmis.json").write_text((folder.parent / NIGHT.isoformat() / "valmis.json").read_text())
    with problem(SourceRefused, "another night than 2025-10-16"):
        fetch(municipality("kuopio", ready_keys=keys), date(2025, 10, 16), connection, history())


def test_refuses_a_file_over_the_limit_before_it_is_read(connection: SourceConnection, root: Path) -> None:
    others = [entry(name) for name in FILES if name != "tuki.csv"]
    write(root, listed=[*others, entry("tuki.csv", tavut=10**15)])
    with problem(SourceRefused, "tuki.csv", "536870912 bytes", "max_file_bytes"):
        fetch(municipality("kuopio"), NIGHT, connection, history())


def test_says_nothing_to_a_server_with_another_key(connection: SourceConnection, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    known_hosts = tmp_path / "known_hosts"
    known_hosts.write_text(f"[127.0.0.1]:{connection.port} {other}")
    with problem(SourceRefused, "host key"):
        fetch(
            municipality("kuopio"), NIGHT, broken(connection, extra={"known_hosts_file": str(known_hosts)}), history()
        )


def test_needs_a_list_of_known_hosts(connection: SourceConnection) -> None:
    with problem(SourceUnavailable, "extra.known_hosts_file"):
        fetch(municipality("kuopio"), NIGHT, broken(connection, extra={"known_hosts_file": ""}), history())
    with problem(SourceUnavailable, "extra.known_hosts_file", hidden=("/nowhere",)):
        fetch(municipality("kuopio"), NIGHT, broken(connection, extra={"known_hosts_file": "/nowhere"}), history())


def test_tells_when_the_login_is_refused(connection: SourceConnection, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    with problem(SourceUnavailable, "does not let our key in"):
        fetch(municipality("kuopio"), NIGHT, broken(connection, extra={"key_file": str(key)}), history())
    with problem(SourceUnavailable, "does not let our key in"):
        fetch(municipality("kuopio"), NIGHT, broken(connection, login="someone"), history())
    key.write_text("not a key")
    with problem(SourceUnavailable, "does not let our key in"):
        fetch(municipality("kuopio"), NIGHT, broken(connection, extra={"key_file": str(key)}), history())


def test_tells_when_nobody_listens(connection: SourceConnection) -> None:
    with problem(SourceUnavailable, "cannot be reached", "3 attempts"):
        fetch(municipality("kuopio"), NIGHT, broken(connection, port=free_port()), history())


def test_tells_when_the_server_goes_away(connection: SourceConnection, running: RunningSources) -> None:
    def stop(message: str) -> None:
        if message.startswith("oppilaat.csv"):
            running.stop("kuopio")

    try:
        with problem(SourceUnavailable, "broke"):
            fetch(municipality("kuopio"), NIGHT, connection, history(), stop)
        with problem(SourceUnavailable, "cannot be reached"):
            fetch(municipality("kuopio"), NIGHT, connection, history())
    finally:
        running.start("kuopio")
    assert len(fetch(municipality("kuopio"), NIGHT, connection, history())) == 1


def test_tells_when_a_folder_may_not_be_written(connection: SourceConnection) -> None:
    with problem(SourceUnavailable, "denies access"):
        send_receipt(municipality("kuopio", receipts="/lahtevat"), connection, NIGHT, "x.json", b"{}")


def test_puts_a_receipt_beside_the_deliveries(connection: SourceConnection, root: Path) -> None:
    for content in (b"first", b"second"):
        send_receipt(municipality("kuopio"), connection, NIGHT, "kuittaus.json", content)
    written = {file.name: file.read_bytes() for file in (root / "kuopio" / "kuittaukset").iterdir()}
    assert written == {"2025-10-14_kuittaus.json": b"second"}
    for name in ("../x", "", ".x", "a/b"):
        with pytest.raises(ValueError, match="kuopio: a receipt's name"):
            send_receipt(municipality("kuopio"), connection, NIGHT, name, b"")


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"", 0),
        (b"a;b", 0),
        (b"a;b\r\n", 0),
        (b"a;b\r\n1;2", 1),
        (b"a;b\r\n1;2\r\n\r\n;\r\n3;4\r\n", 2),
        (b'a;b\r\n"1\r\n1";"2 ""x"" \n"\r\n', 1),
        (b'a;b\r\n1;5" nail\r\n2;\r\n', 2),
        (b'a;b\r\n1;"open\r\n2;x\r\n', 1),
        (b'a;b\r\n1;"open\r\n' + b"2;x\r\n" * 40_000, 40_001),
        ("a;b\r\nYhteensä;9\r\n".encode(), 0),
    ],
)
def test_counts_records_not_lines(content: bytes, rows: int) -> None:
    assert count_rows(content, Format("csv", total_label="Yhteensä")) == rows
