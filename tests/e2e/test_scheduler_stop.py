"""Airflow ends with the program that started it, also when that program is killed in the middle of a task."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.embedded_postgres import EmbeddedPostgres

PARENT = """
import sys, time
from pathlib import Path
from pipeline.scheduler import AirflowStack, start

home, url, dags = sys.argv[1:]
airflow = start(AirflowStack(Path(home), url, Path(dags)))
airflow.unpause("sleeper")
airflow.trigger("sleeper")
print(airflow.supervisor.pid, flush=True)
time.sleep(600)
"""
SLEEPER = """
import subprocess
from airflow.sdk import DAG, task

with DAG("sleeper", schedule=None):

    @task
    def sleep() -> None:
        subprocess.run(["sleep", "543"], check=True)

    sleep()
"""


@pytest.mark.proof
def test_nothing_is_left_when_the_parent_is_killed(tmp_path: Path) -> None:
    home, dags = tmp_path / "a home", tmp_path / "dags"
    dags.mkdir()
    (dags / "sleeper.py").write_text(SLEEPER, encoding="utf-8")
    postgres = EmbeddedPostgres(tmp_path / "postgres")
    postgres.start()
    try:
        command = [sys.executable, "-c", PARENT, str(home), postgres.create_database("airflow"), str(dags)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
            assert parent.stdout is not None
            supervisor = psutil.Process(int(parent.stdout.readline()))
            below = [supervisor]
            deadline = time.monotonic() + 120
            while "sleep" not in {process.name() for process in below}:
                assert time.monotonic() < deadline, "the task does not run"
                time.sleep(0.5)
                below = [supervisor, *supervisor.children(recursive=True)]
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait()
            _, alive = psutil.wait_procs(below, timeout=60)
            assert alive == []
    finally:
        postgres.stop()
