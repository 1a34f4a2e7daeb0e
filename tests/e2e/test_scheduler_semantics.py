"""When a real Airflow starts what: nights, catching up, the release and its four awkward cases, failures, stopping.

Airflow, its scheduler and PostgreSQL are real. The steps of the night are stand-ins (tests/e2e/standin), so that a test
can say which municipality is late, held or refused.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from pipeline.embedded_postgres import EmbeddedPostgres
from pipeline.release_due import ZONE
from pipeline.scheduler import AirflowStack, RunningAirflow, command, start
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.warehouse import connect, prepare
from tests.e2e.standin.ingest_standin import MUNICIPALITIES
from tests.mail_server import MailServer, mail_server, words_of
from tests.pipeline.ledger_states import good_night

RELEASE = "regional_release"
# No speed is tested here: what has not come by then does not come, however slow the machine.
HANG_S = 300
ON_DUTY = "aino@alue.example"
RELEASED = {"due": "success", "release": "success", "pages": "success", "published": "success"}
NOT_DUE = {"due": "success", "release": "skipped", "pages": "skipped", "published": "skipped"}


class Region:
    """The running Airflow, and the files by which stand-ins are told what to do and say what they did."""

    def __init__(self, airflow: RunningAirflow, home: Path, today: date, mails: MailServer) -> None:
        self.airflow = airflow
        self.home = home
        self.today = today
        self.mails = mails

    def plan(self, night: date, **wishes: str) -> None:
        for municipality, wish in wishes.items():
            file = self.home / "plan" / night.isoformat() / municipality
            file.parent.mkdir(parents=True, exist_ok=True)
            scratch = file.with_name(f"{municipality}.new")
            scratch.write_text(wish, encoding="utf-8")
            scratch.replace(file)

    def take_in(self, night: date, *municipalities: str) -> dict[str, str]:
        """Runs the ingests of the night by hand; returns each run's state."""
        conf = {"night": night.isoformat()}
        runs = {name: self.airflow.trigger(f"ingest_{name}", conf=conf) for name in municipalities}
        return {name: self.airflow.wait_for_run(f"ingest_{name}", run, HANG_S) for name, run in runs.items()}

    def outcome(self, night: date, municipality: str) -> str:
        file = self.home / "outcomes" / night.isoformat() / municipality
        return file.read_text(encoding="utf-8").splitlines()[0] if file.exists() else ""

    def failure(self, night: date, municipality: str) -> str:
        file = self.home / "outcomes" / night.isoformat() / municipality
        return file.read_text(encoding="utf-8").split("\n", 1)[1]

    def releases(self, night: date) -> int:
        return len(list((self.home / "releases").glob(f"{night}-*")))

    def release_runs(self) -> list[dict[str, Any]]:
        return self.airflow.dag_runs(RELEASE)

    def next_release_run(self, before: int) -> dict[str, Any]:
        """The run after the first `before` ones, when it has ended."""
        wait_until(lambda: len(self.release_runs()) > before, "another run of the release")
        run = self.release_runs()[before]
        self.airflow.wait_for_run(RELEASE, run["dag_run_id"], HANG_S)
        return self.release_runs()[before]

    def states(self, run: dict[str, Any]) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.airflow.task_instances(RELEASE, run["dag_run_id"])}

    def why(self, run: dict[str, Any]) -> str:
        return self.airflow.task_log(RELEASE, run["dag_run_id"], "due")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {HANG_S} s for {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    # A folder with a space, as a clone may have one.
    home = tmp_path_factory.mktemp("with space") / "the state"
    home.mkdir()
    now = datetime.now(ZONE)
    if now.hour == 0 and now.minute < 3:
        time.sleep(180)
        now = datetime.now(ZONE)
    postgres = EmbeddedPostgres(home / "postgres")
    # The warehouse itself is real: a good night, which the stand-ins do not add to.
    warehouse = Settings(home, postgres.start(), PROJECT_ROOT / "municipalities")
    with connect(warehouse) as connection:
        prepare(connection, MUNICIPALITIES)
        good_night(connection, now.date() - timedelta(days=1))
    mails = ExitStack()
    try:
        server = mails.enter_context(mail_server())
        municipalities = home / "municipalities"
        for name in MUNICIPALITIES:
            source = PROJECT_ROOT / "municipalities" / name / "municipality.yaml"
            text = source.read_text(encoding="utf-8").replace("transport:\n", "transport:\n  fetch_at: '00:00'\n", 1)
            (municipalities / name).mkdir(parents=True)
            (municipalities / name / "municipality.yaml").write_text(text, encoding="utf-8")
        stack = AirflowStack(
            home=home / "airflow",
            database_url=postgres.create_database("airflow"),
            dags_folder=PROJECT_ROOT / "dags",
            environment={
                "PYTHONPATH": str(Path(__file__).with_name("standin")),
                "TUKIVERKKO_HOME": str(home),
                "TUKIVERKKO_MUNICIPALITIES": str(municipalities),
                "TUKIVERKKO_FIRST_NIGHT": now.date().isoformat(),
                # "05:30" of this test is two minutes ago.
                "TUKIVERKKO_RELEASE_AT": f"{now - timedelta(minutes=2):%H:%M}",
                # And a release may take ten seconds: the night was late before anything began.
                "TUKIVERKKO_LATE_AT": f"{now - timedelta(minutes=2):%H:%M}:10",
                "TUKIVERKKO_MAIL_CONNECTION": "posti",
                "TUKIVERKKO_ALERT_TO": ON_DUTY,
                "AIRFLOW_CONN_POSTI": server.connection,
                "TUKIVERKKO_RETRY_SECONDS": "0.5",
            },
        )
        began = time.monotonic()
        airflow = start(stack)
        print(f"\nready after {time.monotonic() - began:.1f} s")
        try:
            yield Region(airflow, home, now.date(), server)
        finally:
            below = psutil.Process(airflow.supervisor.pid).children(recursive=True)
            began = time.monotonic()
            airflow.stop()
            print(f"\nstopped after {time.monotonic() - began:.1f} s")
            assert psutil.wait_procs(below, timeout=1)[1] == []
    finally:
        mails.close()
        postgres.stop()


def test_the_release_at_half_past_five_goes_without_the_late_one(region: Region) -> None:
    night = region.today
    region.plan(night, varkaus="late", siilinjarvi="unchanged", iisalmi="failed")
    region.airflow.unpause(*(f"ingest_{name}" for name in MUNICIPALITIES))
    # The night of today is not triggered by anybody: the schedule has missed it and catches up.
    early = ("iisalmi", "kuopio", "siilinjarvi")
    wait_until(lambda: all(region.outcome(night, name) for name in early), "three outcomes")
    assert [region.outcome(night, name) for name in early] == ["failed", "accepted", "unchanged"]
    assert region.failure(night, "iisalmi") == "fetch: SourceRefused: iisalmi: the source refused"
    assert region.release_runs() == []

    region.airflow.unpause(RELEASE)
    run = region.next_release_run(0)
    assert run["run_type"] == "scheduled"
    assert region.states(run) == RELEASED
    assert "without varkaus" in region.why(run)

    region.plan(night, varkaus="accepted")
    run = region.next_release_run(1)
    assert run["run_type"] == "asset_triggered"
    assert region.states(run) == NOT_DUE
    assert "released already" in region.why(run)
    assert region.releases(night) == 1


def test_the_next_night_waits_for_all_of_its_own(region: Region) -> None:
    night = region.today + timedelta(days=1)
    region.plan(night, iisalmi="held", siilinjarvi="refused", varkaus="failed")
    before = len(region.release_runs())
    states = region.take_in(night, "iisalmi", "kuopio", "siilinjarvi")
    assert states == {"iisalmi": "success", "kuopio": "success", "siilinjarvi": "success"}
    time.sleep(2)
    assert len(region.release_runs()) == before
    # A failed outcome is an outcome; its own run is red.
    assert region.take_in(night, "varkaus") == {"varkaus": "failed"}
    run = region.next_release_run(before)
    assert run["run_type"] == "asset_triggered"
    assert region.states(run) == RELEASED
    assert "all 4 municipalities" in region.why(run)
    assert region.releases(night) == 1


def test_a_release_that_the_outcomes_started_has_a_deadline_of_its_own(region: Region) -> None:
    """While it goes on, the run of 05:30 is not made, whose deadline would tell of it."""
    night = region.today + timedelta(days=2)
    region.plan(night, regional_release="late")
    before = len(region.release_runs())
    region.take_in(night, *MUNICIPALITIES)
    wait_until(lambda: len(region.release_runs()) > before, "the release")
    run = region.release_runs()[before]["dag_run_id"]
    assert run.startswith("asset_triggered")
    logs = region.airflow.stack.logs / "executor_callbacks" / RELEASE / run
    wait_until(lambda: any("Told by e-mail" in file.read_text("utf-8") for file in logs.glob("*")), "the deadline")
    region.plan(night, regional_release="accepted")
    assert region.airflow.wait_for_run(RELEASE, run, HANG_S) == "success"


def test_half_past_five_does_nothing_after_a_release(region: Region) -> None:
    night = region.today - timedelta(days=1)
    before = len(region.release_runs())
    region.take_in(night, *MUNICIPALITIES)
    run = region.next_release_run(before)
    assert region.states(run) == RELEASED

    # A backfill makes the run that the schedule would have made at that night's 05:30.
    done = command(
        region.airflow.stack, "backfill", "create", "--dag-id", RELEASE, "--from-date", f"{night}",
        "--to-date", f"{night}T23:59",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = region.next_release_run(before + 1)
    assert run["run_type"] == "backfill"
    assert region.states(run) == NOT_DUE
    assert f"{night} is released already" in region.why(run)
    assert region.releases(night) == 1


def test_a_backfill_of_nights_runs_each_of_them(region: Region) -> None:
    first, last = region.today - timedelta(days=30), region.today - timedelta(days=29)
    done = command(
        region.airflow.stack, "backfill", "create", "--dag-id", "ingest_kuopio", "--from-date", f"{first}",
        "--to-date", f"{last}T23:59", "--reprocess-behavior", "completed",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wait_until(lambda: region.outcome(first, "kuopio") != "" and region.outcome(last, "kuopio") != "", "two nights")
    outside = (first - timedelta(days=1), last + timedelta(days=1))
    assert [region.outcome(night, "kuopio") for night in outside] == ["", ""]


def test_a_source_that_answers_at_the_second_try(region: Region) -> None:
    night = region.today - timedelta(days=10)
    region.plan(night, kuopio="unavailable once")
    assert region.take_in(night, "kuopio") == {"kuopio": "success"}
    assert region.outcome(night, "kuopio") == "accepted"


def test_no_value_of_a_library_error_reaches_a_log(region: Region) -> None:
    night = region.today - timedelta(days=11)
    region.plan(night, kuopio="leaky error")
    assert region.take_in(night, "kuopio") == {"kuopio": "failed"}
    assert region.failure(night, "kuopio").startswith("load: RuntimeError: builtins.ValueError")
    # The stand-in's own source line is shown by no traceback either.
    logs = [file for file in region.airflow.stack.logs.rglob("*") if file.is_file()]
    assert logs
    assert not [file for file in logs if b"010203A9123" in file.read_bytes()]
    run = region.airflow.dag_runs("ingest_kuopio")[-1]
    line = region.airflow.task_log("ingest_kuopio", run["dag_run_id"], "load")
    assert f"load of kuopio failed for the night {night}" in line
    assert f"tukiverkko ingest kuopio --night {night}" in line


def test_a_late_night_and_a_failed_task_are_told_once_each(region: Region) -> None:
    """After the tests before: the night of today is late by Airflow's deadline, and Iisalmi's `fetch` failed in it; the
    stand-ins enter no outcome that would end either."""
    told = [words_of(mail) for addresses, mail in region.mails.mails if addresses == (ON_DUTY,)]
    late, failed = ". The night is late\n", ". iisalmi: A task failed (ingest_iisalmi.fetch)\n"
    assert [sum(part in mail for mail in told) for part in (late, failed)] == [1, 1]
    (mail,) = (mail for mail in told if late in mail)
    assert f"the release of the night of {region.today} is not made" in mail
    assert "Runbook: docs/runbook/night-late.md" in mail
    assert "010203A9123" not in "".join(told)
    assert {addresses for addresses, _ in region.mails.mails} == {(ON_DUTY,)}


def test_a_release_by_hand_and_retention(region: Region) -> None:
    night = region.today
    before = region.releases(night)
    run = region.airflow.trigger(RELEASE, conf={"night": night.isoformat()})
    assert region.airflow.wait_for_run(RELEASE, run, HANG_S) == "success"
    assert region.releases(night) == before + 1
    region.airflow.unpause("retention")
    run = region.airflow.trigger("retention")
    assert region.airflow.wait_for_run("retention", run, HANG_S) == "success"
    assert (region.home / "retained").exists()


def test_what_failed_since_then_is_told_when_the_next_run_ends(region: Region) -> None:
    """Kuopio's `load`, which failed after the night's release, is told by the release by hand or by retention."""
    failed = ". kuopio: A task failed (ingest_kuopio.load)\n"
    wait_until(
        lambda: any(failed in words_of(mail) for _, mail in list(region.mails.mails)), "the mail of a failed task"
    )


def connections_of(process: psutil.Process) -> list[Any]:
    """The process' connections. A running task hides them from an ordinary user: it is waited for, not passed over."""
    for _ in range(120):
        with suppress(psutil.AccessDenied):
            return process.net_connections("inet")
        time.sleep(0.5)
    return process.net_connections("inet")


def test_only_loopback_is_used(region: Region) -> None:
    processes = psutil.Process(region.airflow.supervisor.pid).children(recursive=True)
    connections = []
    for process in processes:
        # A task's process may end in between.
        with suppress(psutil.NoSuchProcess):
            connections += connections_of(process)
    listening = [connection for connection in connections if connection.status == psutil.CONN_LISTEN]
    assert listening
    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}
    assert {connection.raddr.ip for connection in connections if connection.raddr} == {"127.0.0.1"}


def test_secrets_are_for_the_owner_only(region: Region) -> None:
    home = region.airflow.stack.home
    files = [region.airflow.stack.password_file, *(home / "secrets").iterdir()]
    assert len(files) == 4
    assert {oct(os.stat(file).st_mode & 0o777) for file in files} == {"0o600"}
