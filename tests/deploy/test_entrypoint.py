"""deploy/entrypoint.sh as it runs natively: settings, secrets from files, the parts of Airflow."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.config import TRANSPORTS, load_municipalities
from pipeline.keys import archive_key, pseudonym_keys
from pipeline.settings import Settings
from tests.deploy.conftest import PROJECT, entrypoint, make_secrets

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def environment_of(tmp_path: Path, **variables: str) -> dict[str, str]:
    """What a part's process sees in its environment."""
    result = entrypoint("python", "-c", SHOW, environment={"TUKIVERKKO_HOME": str(tmp_path), **variables})
    assert result.returncode == 0, result.stderr
    seen: dict[str, str] = json.loads(result.stdout)
    return seen


def test_secrets_come_from_files_with_the_driver_that_each_library_needs(tmp_path: Path) -> None:
    for name, text in (
        ("airflow", "postgresql://a:p%40ss@db:5432/airflow\n"),
        ("results", "postgresql://c:q@db/celery"),
    ):
        (tmp_path / f"{name}_url").write_text(text, encoding="utf-8")
    (tmp_path / "fernet").write_text("f=\n", encoding="utf-8")
    seen = environment_of(
        tmp_path,
        TUKIVERKKO_AIRFLOW_DATABASE_URL_FILE=str(tmp_path / "airflow_url"),
        TUKIVERKKO_CELERY_RESULTS_URL_FILE=str(tmp_path / "results_url"),
        AIRFLOW__CORE__FERNET_KEY_FILE=str(tmp_path / "fernet"),
    )
    assert seen["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == "postgresql+psycopg://a:p%40ss@db:5432/airflow"
    assert seen["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"] == "postgresql+asyncpg://a:p%40ss@db:5432/airflow"
    assert seen["AIRFLOW__CELERY__RESULT_BACKEND"] == "db+postgresql+psycopg://c:q@db/celery"
    assert seen["AIRFLOW__CORE__FERNET_KEY"] == "f="
    assert "AIRFLOW__CORE__FERNET_KEY_FILE" not in seen


def test_the_defaults_are_those_of_production(tmp_path: Path) -> None:
    seen = environment_of(tmp_path)
    assert seen["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    assert seen["AIRFLOW__CORE__DEFAULT_TIMEZONE"] == "Europe/Helsinki"
    assert seen["AIRFLOW__CORE__DAGS_FOLDER"] == str(PROJECT / "dags")
    assert seen["AIRFLOW_HOME"] == str(tmp_path / "airflow")
    assert not [name for name in seen if "SQL_ALCHEMY" in name or "RESULT_BACKEND" in name]


def test_airflow_gets_a_private_copy_of_its_passwords(tmp_path: Path) -> None:
    secret = tmp_path / "passwords"
    secret.write_text('{"admin": "x"}', encoding="utf-8")
    secret.chmod(0o440)
    seen = environment_of(tmp_path, TUKIVERKKO_AIRFLOW_PASSWORDS_FILE=str(secret))
    copy = Path(seen["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    assert copy.read_text(encoding="utf-8") == '{"admin": "x"}'
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("content", "problem"), [(None, "cannot be read"), ("\n", "is empty")])
def test_a_secret_that_is_not_there_stops_the_part(tmp_path: Path, content: str | None, problem: str) -> None:
    file = tmp_path / "broker"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    variables = {"TUKIVERKKO_HOME": str(tmp_path), "AIRFLOW__CELERY__BROKER_URL_FILE": str(file)}
    result = entrypoint("scheduler", environment=variables)
    assert result.returncode == 2
    assert "AIRFLOW__CELERY__BROKER_URL_FILE" in result.stderr
    assert problem in result.stderr


@pytest.mark.parametrize("arguments", [(), ("webserver",)])
def test_an_unknown_part_is_wrong_use(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert entrypoint(*arguments, environment={"TUKIVERKKO_HOME": str(tmp_path)}).returncode == 2


def test_parts_are_started_with_their_arguments(tmp_path: Path) -> None:
    """`--help` goes the whole way to the part's own parser; running them is for test_services."""
    parts = ("worker", "demo-sources", "tukiverkko")
    variables = {"TUKIVERKKO_HOME": str(tmp_path), "TUKIVERKKO_ADMIN_URL": "postgresql://"}
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(lambda part: entrypoint(part, "--help", environment=variables), parts))
    for part, result in zip(parts, results, strict=True):
        assert result.returncode == 0, f"{part}: {result.stderr[-500:]}"
        assert "usage" in result.stdout.lower(), part


def test_connections_come_from_a_file_without_a_restart(tmp_path: Path) -> None:
    """The compose file's secrets backend reads the example that the operator fills in."""
    backend = {
        "AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps(
            {"connections_file_path": str(PROJECT / "deploy/secrets.example/connections.json")}
        ),
    }
    show = (
        "from connectors.connection import connection_for as c; from pathlib import Path; h = Path('/nowhere'); "
        "print(c('kuopio', h).port, c('kuopio', h).text('key_file'), c('siilinjarvi', h).schema, "
        "c('iisalmi', h).port, c('varkaus', h).text('url'))"
    )
    result = entrypoint("python", "-c", show, environment={"TUKIVERKKO_HOME": str(tmp_path), **backend})
    assert result.returncode == 0, result.stderr[-1500:]
    assert (
        result.stdout.splitlines()[-1] == "22 /run/tukiverkko/sources/kuopio_key https 5432 file:///srv/shares/varkaus"
    )


def test_the_example_has_a_connection_of_every_transport() -> None:
    example = json.loads((PROJECT / "deploy/secrets.example/connections.json").read_text(encoding="utf-8"))
    transports = {one.name: one.transport.kind for one in load_municipalities(PROJECT / "municipalities")}
    assert {transports[name] for name in example} == set(TRANSPORTS)


def test_make_secrets_keeps_what_is_there_and_makes_keys_that_the_pipeline_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    (folder / "keys" / "kuopio.key").unlink()
    again = make_secrets(folder)
    assert again.stdout.split() == ["made", str(folder / "keys" / "kuopio.key")]
    assert all(file.read_bytes() == content for file, content in before.items() if file.name != "kuopio.key")
    assert all(file.stat().st_mode & 0o777 == 0o640 for file in before)

    monkeypatch.setenv("TUKIVERKKO_KEYS", str(folder / "keys"))
    settings = Settings(home=tmp_path, database_url=None, municipalities=PROJECT / "municipalities")
    assert len(archive_key(settings)) == 32
    keys = [pseudonym_keys(settings, one.name) for one in load_municipalities(settings.municipalities)]
    assert len({key.municipal for key in keys}) == len(keys)
    assert len(base64.urlsafe_b64decode((folder / "fernet_key").read_bytes())) == 32
