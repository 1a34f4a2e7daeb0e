"""Where a municipality's connection is looked for, and what is told of it."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from connectors.config import ConfigError
from connectors.connection import ConnectionMissing, SourceConnection, connection_for
from connectors.delivery import SourceUnavailable
from connectors.transports import fetch
from tests.connectors.test_transports_sftp import NIGHT
from tests.connectors.transport_support import MUNICIPALITIES, history, municipality, problem

SECRET = "not-to-be-told"
FIELDS = {
    "conn_type": "http",
    "schema": "https",
    "host": "rajapinta.example",
    "port": 8443,
    "login": "tukiverkko",
    "password": SECRET,
    "extra": {"ca_file": "ca.pem", "client_secret": SECRET},
}
CONNECTION = SourceConnection(
    "http",
    "rajapinta.example",
    8443,
    "tukiverkko",
    SECRET,
    "https",
    {"ca_file": "ca.pem", "client_secret": SECRET},
)


def remember(home: Path, content: object) -> None:
    (home / "demo").mkdir(exist_ok=True)
    (home / "demo" / "connections.json").write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.mark.parametrize(
    "fields", [FIELDS, {**FIELDS, "port": "8443"}, {**FIELDS, "extra": json.dumps(FIELDS["extra"])}]
)
def test_the_environment_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fields: dict[str, object]
) -> None:
    remember(tmp_path, {"siilinjarvi": {"conn_type": "http", "host": "demo.example"}})
    monkeypatch.setenv("AIRFLOW_CONN_SIILINJARVI", json.dumps(fields))
    assert connection_for("siilinjarvi", tmp_path) == CONNECTION


@pytest.mark.parametrize("value", [FIELDS, json.dumps(FIELDS)])
def test_then_the_running_demo_region(tmp_path: Path, value: object) -> None:
    remember(tmp_path, {"siilinjarvi": value})
    assert connection_for("siilinjarvi", tmp_path) == CONNECTION


def test_what_is_left_out_is_none(tmp_path: Path) -> None:
    remember(tmp_path, {"varkaus": {"extra": {"url": "file:///srv"}}})
    assert connection_for("varkaus", tmp_path) == SourceConnection("generic", extra={"url": "file:///srv"})


def test_no_secret_is_shown() -> None:
    assert SECRET not in repr(CONNECTION)
    assert "tukiverkko" in repr(CONNECTION)


@pytest.mark.parametrize(
    "content",
    [f'{{"siilinjarvi": {SECRET}', {"siilinjarvi": [SECRET]}, {"siilinjarvi": {**FIELDS, "port": SECRET}}],
)
def test_an_unreadable_one_is_told_without_its_content(tmp_path: Path, content: object) -> None:
    remember(tmp_path, content)
    with problem(ConnectionMissing, "siilinjarvi", "cannot be read", hidden=(SECRET,)):
        connection_for("siilinjarvi", tmp_path)


def outside(home: Path, program: str, **environment: str) -> str:
    """Runs a program with an Airflow of its own, which takes seconds to import and keeps what it once read."""
    fresh = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    variables = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__UNIT_TEST_MODE": "False", **environment}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={**fresh, **variables},
        cwd=MUNICIPALITIES.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_airflow_knows_the_rest(tmp_path: Path) -> None:
    (tmp_path / "connections.json").write_text(json.dumps({"siilinjarvi": FIELDS}))
    told = outside(
        tmp_path,
        """
        import os
        from pathlib import Path
        from connectors.connection import ConnectionMissing, connection_for
        home = Path(os.environ["AIRFLOW_HOME"])
        found = connection_for("siilinjarvi", home)
        print("1", found.conn_type, found.schema, found.host, found.port, found.login)
        print("2", len(found.password), found.text("ca_file"))
        try:
            connection_for("kuopio", home)
        except ConnectionMissing as missing:
            print("3", missing)
        os.environ["AIRFLOW_CONN_KUOPIO"] = "sftp://tukiverkko@sftp.example:2222/?key_file=key"
        found = connection_for("kuopio", home)
        print("4", found.conn_type, found.host, found.port, found.login, found.text("key_file"))
        """,
        AIRFLOW__SECRETS__BACKEND="airflow.secrets.local_filesystem.LocalFilesystemBackend",
        AIRFLOW__SECRETS__BACKEND_KWARGS=json.dumps({"connections_file_path": str(tmp_path / "connections.json")}),
    )
    # Airflow writes warnings of its own between them.
    lines = [line for line in told.splitlines() if line[:2] in ("1 ", "2 ", "3 ", "4 ")]
    assert lines == [
        "1 http https rajapinta.example 8443 tukiverkko",
        f"2 {len(SECRET)} ca.pem",
        "3 kuopio: no connection is defined. Define the Airflow Connection kuopio, or AIRFLOW_CONN_KUOPIO with the"
        " connection as JSON.",
        "4 sftp sftp.example 2222 tukiverkko key",
    ]
    assert SECRET not in told


def test_a_lacking_field_is_named() -> None:
    with problem(SourceUnavailable, "siilinjarvi", "no host", "AIRFLOW_CONN_SIILINJARVI"):
        fetch(municipality("siilinjarvi"), NIGHT, SourceConnection("http"), history())
    with problem(SourceUnavailable, "kuopio", "no extra.key_file"):
        fetch(municipality("kuopio"), NIGHT, SourceConnection("sftp", "h", 22, "l"), history())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("kuopio", {"folder": 7}),
        ("kuopio", {"folder": "/lahtevat"}),
        ("siilinjarvi", {"resource_path": "/v1"}),
        ("kuopio", {"max_file_bytes": "much"}),
        ("kuopio", {"ready_keys": {"rows": 7}}),
        ("siilinjarvi", {"timeout_seconds": -1}),
        ("siilinjarvi", {"keys": "items"}),
        ("iisalmi", {"schema": ""}),
    ],
)
def test_a_wrong_option_is_named(name: str, options: dict[str, object]) -> None:
    connection = SourceConnection("postgres", "127.0.0.1", 9, "l", "p", "s", {"key_file": "k", "known_hosts_file": "k"})
    with pytest.raises(ConfigError, match=rf"{name}/municipality.yaml: line \d+, transport.{next(iter(options))}"):
        fetch(municipality(name, **options), NIGHT, connection, history())
