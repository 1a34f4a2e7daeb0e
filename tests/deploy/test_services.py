"""Airflow's parts as the compose file starts them, without containers, checked by deploy/healthcheck.sh.

The worker needs a Redis server, which is in no Python package: what it imports is tested, and its result backend.
"""

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest

from tests.deploy.conftest import DEPLOY, Installation, entrypoint

READY_S = 90.0


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def settings(installation: Installation, part: str, port: str) -> dict[str, str]:
    """What docker-compose.yml gives the part, with this machine's paths and ports."""
    secrets = installation.secrets
    return {
        "PATH": os.environ["PATH"],
        "AIRFLOW_HOME": str(installation.folder / "airflow" / part),
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(installation.folder / "logs"),
        "AIRFLOW__API__PORT": port,
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST": "127.0.0.1",
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": port,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "TUKIVERKKO_AIRFLOW_DATABASE_URL_FILE": str(secrets / "airflow_url"),
        "AIRFLOW__CORE__FERNET_KEY_FILE": str(secrets / "fernet_key"),
        "AIRFLOW__API__SECRET_KEY_FILE": str(secrets / "api_secret_key"),
        "AIRFLOW__API_AUTH__JWT_SECRET_FILE": str(secrets / "jwt_secret"),
        "AIRFLOW__CELERY__BROKER_URL_FILE": str(secrets / "broker_url"),
        "TUKIVERKKO_CELERY_RESULTS_URL_FILE": str(secrets / "celery_results_url"),
        "TUKIVERKKO_AIRFLOW_PASSWORDS_FILE": str(secrets / "airflow_passwords"),
    }


@contextmanager
def running(part: str, environment: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The part, from its entry point until SIGTERM; it must end by itself then."""
    process = subprocess.Popen(
        [str(DEPLOY / "entrypoint.sh"), part, *arguments],
        env=dict(environment),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def healthy(part: str, environment: Mapping[str, str]) -> bool:
    result = subprocess.run(
        [str(DEPLOY / "healthcheck.sh"), part], env=dict(environment), capture_output=True, check=False, timeout=60
    )
    return result.returncode == 0


def wait_until_healthy(part: str, environment: Mapping[str, str], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_S
    while not healthy(part, environment):
        assert process.poll() is None, f"{part} has ended by itself"
        assert time.monotonic() < deadline, f"{part} is not healthy in time"
        time.sleep(0.5)


def test_the_api_server_is_healthy_and_knows_the_secret_password(installation: Installation) -> None:
    port = free_port()
    environment = settings(installation, "api-server", port)
    assert not healthy("api-server", environment)
    with running("api-server", environment, "--host", "127.0.0.1", "--port", port, "--workers", "1") as process:
        wait_until_healthy("api-server", environment, process)
        login = {"username": "admin", "password": json.loads(installation.secret("airflow_passwords"))["admin"]}
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/auth/token",
            data=json.dumps(login).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert "access_token" in json.loads(opener.open(request, timeout=30).read())
    assert not healthy("api-server", environment)


def test_the_celery_executor_loads_with_its_broker_and_its_results(installation: Installation) -> None:
    """The provider imports names out of Celery that another Celery may not have: see `celery` in pyproject.toml."""
    check = (
        "from airflow.providers.celery.executors.celery_executor import app; from airflow.executors.executor_loader "
        "import ExecutorLoader as L; L.load_executor(L.get_default_executor_name()); "
        "print(app.connection().transport.driver_name, type(app.backend).__name__)"
    )
    result = entrypoint("python", "-c", check, environment=settings(installation, "worker", "0"))
    assert result.returncode == 0, result.stderr[-1500:]
    assert result.stdout.split()[-2:] == ["redis", "DatabaseBackend"]


@pytest.mark.proof
@pytest.mark.parametrize("part", ["scheduler", "dag-processor", "triggerer"])
def test_every_other_part_becomes_healthy_and_ends_when_told(installation: Installation, part: str) -> None:
    environment = settings(installation, part, free_port())
    assert not healthy(part, environment)
    with running(part, environment) as process:
        wait_until_healthy(part, environment, process)
    assert process.returncode is not None
