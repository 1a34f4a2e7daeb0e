"""What all DAGs here share: the time zone of a night, owner, retries, who is told, what a log may hold.

Imported by every DAG file while parsing, so it imports Airflow's SDK and the standard library only.
"""

import logging
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk import Asset, Param
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy

ZONE = ZoneInfo("Europe/Helsinki")
ZONE_NAME = "Europe/Helsinki"
OWNER = "tukiverkko"
FINAL_ERRORS = frozenset({"SourceRefused", "ConfigError", "MissingKey"})
log = logging.getLogger("tukiverkko")

# Emitted by the last municipality of a night; extra: {"night": "2026-02-03"}.
NIGHT_COMPLETE = Asset(name="night_complete", uri="tukiverkko://region/night-complete")

NIGHT_PARAM = Param(
    None,
    type=["null", "string"],
    format="date",
    title="Night",
    description="The night to run, as yyyy-mm-dd (the night of a day runs in its morning). Empty: the run's own day.",
)


def outcome_asset(municipality: str) -> Asset:
    """The asset that gets an event for each outcome; extra: {"municipality", "night", "status"}."""
    return Asset(
        name=f"{municipality}_outcome",
        uri=f"tukiverkko://municipality/{municipality}/outcome",
    )


def seconds_between_tries(usual: float) -> timedelta:
    """The usual wait, or `TUKIVERKKO_RETRY_SECONDS` where it is set (tests do not wait for minutes)."""
    return timedelta(seconds=float(os.environ.get("TUKIVERKKO_RETRY_SECONDS") or usual))


def first_night() -> datetime | None:
    """Start date of the schedules: the day in `TUKIVERKKO_FIRST_NIGHT`, or None when it is not set.

    Nights that were missed since that day are caught up. Without it there is no day to catch up from, and only the
    newest night runs: a source cannot be asked for the hundreds of nights before the region began.
    """
    value = os.environ.get("TUKIVERKKO_FIRST_NIGHT")
    return datetime.combine(date.fromisoformat(value), datetime.min.time(), ZONE) if value else None


def night_of(context: Mapping[str, Any]) -> date:
    """The night that a run is for: the param `night`, else the newest night among the events that triggered it, else
    the day in Finland of its logical date (or of its start, when triggered by hand without one)."""
    named = context["params"].get("night")
    if named:
        return date.fromisoformat(named)
    events = [event for group in context["triggering_asset_events"].values() for event in group]
    nights = [date.fromisoformat(event.extra["night"]) for event in events if "night" in event.extra]
    if nights:
        return max(nights)
    run = context["dag_run"]
    moment: datetime = run.logical_date or run.run_after
    return moment.astimezone(ZONE).date()


class NightRetryPolicy(RetryPolicy):
    """What asking again cannot mend fails at once; a delivery that is not there yet is asked for every 20 minutes, but
    only on its own morning: a night that is over is not waited for.

    Errors are known by name, so that parsing a DAG imports none of the modules that raise them.
    """

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Any = None,
    ) -> RetryDecision:
        names = {kind.__name__ for kind in type(exception).__mro__}
        if names & FINAL_ERRORS:
            return RetryDecision.fail("asking again does not mend this")
        if "NotThereYet" in names:
            if context is not None and night_of(context) < datetime.now(ZONE).date():
                return RetryDecision.fail("the night is over")
            return RetryDecision.retry(seconds_between_tries(1200), "the delivery is not there yet")
        return RetryDecision.default()


@contextmanager
def log_without_values() -> Iterator[None]:
    """Lets our own errors and Airflow's through, and replaces every other by its type and the places it passed.

    Our errors never hold a personal value; a library's message may quote the cell or the row that it stumbled on, and
    Airflow logs the message of whatever a task raises.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] in (
            "pipeline",
            "connectors",
            "airflow",
        ):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        places = " < ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in reversed(frames))
        kind = f"{type(error).__module__}.{type(error).__qualname__}"
        raise RuntimeError(f"{kind} (its message is left out: it may hold personal values) at {places}") from None


def short(error: BaseException) -> str:
    """A failure in one line for the ledger: our own message, or the type and the place of a foreign error."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:2000]


def default_args(**more: Any) -> dict[str, Any]:
    """Owner, retries with exponential back-off and the failure line, for every task."""
    return {
        "owner": OWNER,
        "retries": 2,
        "retry_delay": seconds_between_tries(60),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=20),
        "execution_timeout": timedelta(hours=1),
        "retry_policy": NightRetryPolicy(),
        "on_failure_callback": tell_failure,
        **more,
    }


def tell_failure(context: Any) -> None:
    """Logs what failed, for whom, which night, and the next command; notes it, and tells it by e-mail.

    What fails in an ingest is told with the night's release, so that a night brings each person one mail.
    """
    task = context["ti"].task_id
    dag = context["dag"]
    municipality = next(
        (tag.removeprefix("municipality:") for tag in dag.tags if tag.startswith("municipality:")),
        None,
    )
    night = night_of(context)
    command = f"tukiverkko ingest {municipality} --night {night}" if municipality else "tukiverkko release"
    who = municipality or "the region"
    if dag.dag_id == "retention":
        command = f"airflow dags trigger {dag.dag_id}"
    log.error(
        "%s of %s failed for the night %s after its last try. When mended: %s",
        task,
        who,
        night,
        command,
    )
    from pipeline import alerts
    from pipeline.incidents import Incident
    from pipeline.settings import load_settings

    incident = Incident("task_failed", dag.dag_id, task, municipality, night)
    if municipality:
        alerts.note(load_settings(), incident)
    else:
        log_telling(alerts.tell(load_settings(), incident))


def tell_news(context: Any) -> None:
    """Tells by e-mail what is news since the last run: after a release and after retention, which end the night."""
    from pipeline import alerts
    from pipeline.settings import load_settings

    settings = load_settings()
    alerts.succeeded(settings, context["dag"].dag_id, context["ti"].task_id)
    log_telling(alerts.tell(settings))


def tell_late(context: Any) -> None:
    """A deadline of the regional release has passed: notes its night as late, and tells it by e-mail.

    Runs on the executor, where the warehouse and the mail server are known; `context` is the run as the API describes
    it, without the events that triggered it.
    """
    from pipeline import alerts
    from pipeline.settings import load_settings

    run = context["dag_run"]
    day = datetime.fromisoformat(run["logical_date"] or run["run_after"]).astimezone(ZONE).date()
    log.error("The run %s of %s has passed its deadline. Next: tukiverkko status", run["dag_run_id"], run["dag_id"])
    log_telling(alerts.tell_late(load_settings(), run["dag_id"], day))


def log_telling(telling: Any) -> None:
    """One line in the task's log: who was told, and whose mail waits."""
    waiting = f"; waiting for the next run: {', '.join(telling.waiting)}" if telling.waiting else ""
    log.info("Told by e-mail: %s%s", ", ".join(telling.told) or "nobody", waiting)
