"""A production installation without containers: real PostgreSQL, secrets as `make-secrets.sh` makes them."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

from pipeline.embedded_postgres import EmbeddedPostgres

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
URL_SECRETS = ("warehouse_url", "airflow_url", "celery_results_url", "superset_url")


@dataclass(frozen=True)
class Installation:
    """Where it is, and the environment that `airflow-init` gets in docker-compose.yml, with this machine's paths."""

    folder: Path
    secrets: Path
    postgres: EmbeddedPostgres
    environment: Mapping[str, str]

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text(encoding="utf-8")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Runs the entry point with the environment of airflow-init and `variables`."""
        return entrypoint(*arguments, environment={**self.environment, **variables})

    def connect(self, secret: str, **parameters: str) -> psycopg.Connection:
        return psycopg.connect(self.secret(secret), **parameters)


def entrypoint(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs `deploy/entrypoint.sh` with nothing in the environment but `environment`."""
    return subprocess.run(
        [str(DEPLOY / "entrypoint.sh"), *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def make_secrets(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(DEPLOY / "make-secrets.sh"), str(folder)], capture_output=True, text=True, check=True
    )


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """docker-compose.yml with its anchors resolved and its variables as written."""
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose PostgreSQL runs and whose `migrate` has been run once."""
    folder = tmp_path_factory.mktemp("installation")
    secrets = folder / "secrets"
    make_secrets(secrets)
    postgres = EmbeddedPostgres(folder / "postgres")
    postgres.folder.mkdir()
    postgres.start()
    try:
        address = urlsplit(postgres.admin_url).netloc.rpartition("@")[2]
        (secrets / "admin_url").write_text(postgres.admin_url, encoding="utf-8")
        for name in URL_SECRETS:
            file = secrets / name
            file.write_text(file.read_text(encoding="utf-8").replace("@postgres:5432", f"@{address}"), encoding="utf-8")
        environment = {
            "TUKIVERKKO_HOME": str(folder / "state"),
            "TUKIVERKKO_ADMIN_URL_FILE": str(secrets / "admin_url"),
            "TUKIVERKKO_DATABASE_URL_FILE": str(secrets / "warehouse_url"),
            "TUKIVERKKO_AIRFLOW_DATABASE_URL_FILE": str(secrets / "airflow_url"),
            "TUKIVERKKO_CELERY_RESULTS_URL_FILE": str(secrets / "celery_results_url"),
            "TUKIVERKKO_SUPERSET_DATABASE_URL_FILE": str(secrets / "superset_url"),
            "TUKIVERKKO_SUPERSET_READERS_KEY_FILE": str(secrets / "superset_readers_key"),
        }
        installed = Installation(folder, secrets, postgres, environment)
        result = installed.run("migrate")
        assert result.returncode == 0, result.stderr[-2000:]
        yield installed
    finally:
        postgres.stop()
