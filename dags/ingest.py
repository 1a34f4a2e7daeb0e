"""One DAG a municipality: `ingest_<municipality>`, made from the folders of `municipalities/`."""

from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    CronTriggerTimetable,
    TriggerRule,
    get_parsing_context,
    task,
)
from airflow.sdk.exceptions import AirflowFailException
from house_rules import (
    NIGHT_COMPLETE,
    NIGHT_PARAM,
    ZONE_NAME,
    default_args,
    first_night,
    log,
    log_without_values,
    night_of,
    outcome_asset,
    seconds_between_tries,
    short,
)

from connectors.config import ConfigError, Municipality, key_error, load_municipality
from pipeline.settings import load_settings

USUAL_START = time(2, 0)

DOC = """\
### {name_en} ({code}): last night's delivery

Takes in what {name_en} delivered, checks it and decides whether the region may use it. The night of a day runs in its
morning at {start:%H:%M} Europe/Helsinki. Nights that were missed since `TUKIVERKKO_FIRST_NIGHT` are caught up, oldest
first.

| task | what it does | when it fails |
|---|---|---|
| `fetch` | source ({transport}) to the encrypted archive | asked again for two hours when the source is silent, \
a delivery that is not there yet every 20 minutes of its own morning; what cannot mend itself fails at once |
| `load` | reads, checks the contract, makes pseudonyms, lands, decides: accepted or held, or refused \
| tried again twice |
| `report` | records the outcome, also when a step before failed, and sends the receipt | tried again; a receipt that \
cannot be sent makes nothing red: it is tried again with the next night |
| `night_complete` | runs for the last municipality of the night only, and starts `regional_release` | tried again |
| `taken_in` | nothing: red when a step before is red | |

A red night here never stops another municipality: the region goes on with {name_en}'s last accepted delivery.
Contact: {contact_name}, {contact_email}.

#### Run one night again
Running a night again gives the same result; it replaces, never doubles.
```
airflow dags trigger {dag_id} --conf '{{"night": "2026-02-03"}}'
```
Without the scheduler: `tukiverkko ingest {name} --night 2026-02-03`

#### Run a range of nights again
```
airflow backfill create --dag-id {dag_id} --from-date 2026-02-02 --to-date 2026-02-06T23:59 \\
  --reprocess-behavior completed
```
Dates are days in Finland when `[core] default_timezone` is `Europe/Helsinki` (it is in this project's set-up);
elsewhere write `2026-02-02T00:00+02:00`.

#### What happened?
`tukiverkko status`, `tukiverkko unmapped {name}`, or the tables `ops.delivery`, `ops.rejected_row`,
`ops.finding_life`. A held delivery: `tukiverkko decide DELIVERY accept|refuse --reason "…"` (docs/deliveries.md).
"""


def starting_time(municipality: Municipality) -> time:
    """When the night starts: `transport.fetch_at` ("02:20") of the folder, or 02:00.

    The hour from 03:00 does not exist on the night when summer time begins.
    """
    text = municipality.transport.options.get("fetch_at")
    start = time.fromisoformat(str(text)) if text else USUAL_START
    if start.hour == 3 or start >= time(5, 0):
        file = municipality.folder / "municipality.yaml"
        problem = f"is {text!r}, must be before 05:00 and not between 03:00 and 03:59"
        raise key_error(file, "transport.fetch_at", problem)
    return start


def ingest_dag(municipality: Municipality) -> DAG:
    """The DAG of one municipality; `municipality` gives its name, start and contact, nothing else."""
    name = municipality.name
    dag_id = f"ingest_{name}"
    start = starting_time(municipality)
    doc = DOC.format(
        dag_id=dag_id,
        name=name,
        name_en=municipality.name_en,
        code=municipality.code,
        transport=municipality.transport.kind,
        start=start,
        contact_name=municipality.contact_name,
        contact_email=municipality.contact_email,
    )
    with DAG(
        dag_id,
        description=f"Takes in {municipality.name_en}'s delivery of the night",
        # Without a data interval the logical date is the moment of the run, so the morning of D is the night of D.
        schedule=CronTriggerTimetable(f"{start.minute} {start.hour} * * *", timezone=ZONE_NAME),
        start_date=first_night(),
        catchup=first_night() is not None,
        max_active_runs=1,
        params={"night": NIGHT_PARAM},
        default_args=default_args(),
        tags=["ingest", f"municipality:{name}", municipality.transport.kind],
        doc_md=doc,
    ) as dag:

        @task(retries=8, do_xcom_push=False)
        def fetch(**context: Any) -> None:
            from pipeline import ingest

            _step(context, name, ingest.fetch)

        @task(do_xcom_push=False)
        def load(**context: Any) -> None:
            from pipeline import ingest

            _step(context, name, ingest.load)

        @task.short_circuit(
            trigger_rule=TriggerRule.ALL_DONE,
            retries=3,
            retry_delay=seconds_between_tries(30),
            execution_timeout=timedelta(minutes=5),
            outlets=[outcome_asset(name)],
            do_xcom_push=False,
            # Skips `night_complete` only.
            ignore_downstream_trigger_rules=False,
        )
        def report(**context: Any) -> bool:
            from pipeline import ingest

            night = night_of(context)
            with log_without_values():
                outcome = ingest.report(load_settings(), name, night, _failure(context))
            log.info("Night %s of %s: %s", night, name, outcome.status)
            if outcome.waiting_for:
                log.info("The release of %s waits for %s", night, ", ".join(outcome.waiting_for))
            extra = {"municipality": name, "night": night.isoformat(), "status": outcome.status}
            context["outlet_events"][outcome_asset(name)].extra = extra
            return not outcome.waiting_for

        @task(outlets=[NIGHT_COMPLETE], execution_timeout=timedelta(minutes=5), do_xcom_push=False)
        def night_complete(**context: Any) -> None:
            context["outlet_events"][NIGHT_COMPLETE].extra = {"night": night_of(context).isoformat()}

        # Costs nothing: the scheduler sets its state. With it a failed step makes the run red though `report` is green.
        taken_in = EmptyOperator(task_id="taken_in", trigger_rule=TriggerRule.NONE_FAILED, on_failure_callback=None)
        fetched, loaded, reported = fetch(), load(), report()
        fetched >> loaded >> reported >> night_complete() >> taken_in
        fetched >> reported
        loaded >> taken_in
    return dag


def _step(context: Any, name: str, function: Any) -> None:
    """Runs one step of the night; leaves a line for `report` when it fails."""
    night: date = night_of(context)
    try:
        with log_without_values():
            function(load_settings(), name, night)
    except Exception as error:
        context["ti"].xcom_push(key="failure", value=short(error))
        raise


def _failure(context: Any) -> str | None:
    """Why the night has no delivery, or None: the first step that failed with its own line."""
    ti = context["ti"]
    for step in ("fetch", "load"):
        state = ti.get_task_states(ti.dag_id, task_ids=[step], run_ids=[ti.run_id]).get(ti.run_id, {}).get(step)
        if state != "success":
            line = ti.xcom_pull(task_ids=step, key="failure")
            return f"{step}: {line or f'ended as {state} without a message (killed, timed out or marked by hand)'}"
    return None


def broken_dag(name: str, problem: ConfigError) -> DAG:
    """Stands in for a municipality whose folder cannot be read: its runs fail with the problem, the others' go on."""
    with DAG(
        f"ingest_{name}",
        description=f"The folder of {name} cannot be read",
        schedule=CronTriggerTimetable(f"{USUAL_START.minute} {USUAL_START.hour} * * *", timezone=ZONE_NAME),
        start_date=first_night(),
        catchup=False,
        max_active_runs=1,
        params={"night": NIGHT_PARAM},
        default_args=default_args(retries=0),
        tags=["ingest", f"municipality:{name}", "broken"],
        doc_md=f"The folder of this municipality cannot be read, so nothing is taken in:\n\n    {problem}\n",
    ) as dag:

        @task(do_xcom_push=False)
        def fetch() -> None:
            raise AirflowFailException(str(problem))

        fetch()
    return dag


def dag_of(folder: Path) -> DAG:
    """The DAG of a municipality's folder, whether it can be read or not."""
    try:
        return ingest_dag(load_municipality(folder))
    except ConfigError as problem:
        return broken_dag(folder.name, problem)


# A task needs its own DAG only; building the others would be paid by every task.
wanted = get_parsing_context().dag_id
for file in sorted(load_settings().municipalities.glob("*/municipality.yaml")):
    dag_id = f"ingest_{file.parent.name}"
    if wanted in (None, dag_id):
        globals()[dag_id] = dag_of(file.parent)
