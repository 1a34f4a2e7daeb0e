"""The regional release: harmonise, check, protect, publish; once a night, when the last outcome is in or at 05:30.

It does not wait for one event a municipality: left-over events of a night that was released at 05:30 would count for
the next one. The last municipality of a night emits one event instead, and the ledger says when it is the last.
"""

from datetime import date, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
    TriggerRule,
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
    tell_late,
    tell_news,
)

from pipeline.release_due import LATE, LATEST
from pipeline.settings import load_settings

# From the run of `LATEST` to `LATE`. A run that the outcomes start earlier may take as long, so it is told by then too.
LONGEST = datetime.combine(date.min, LATE) - datetime.combine(date.min, LATEST)

DOC = f"""\
### Regional release

Builds the harmonised layer and the marts from every municipality's last accepted delivery, checks them, protects small
numbers and publishes, atomically. Nothing is visible before it has passed every gate; readers see one whole release.

**When:** as soon as all municipalities' outcomes of the night are in, whatever they are (accepted, unchanged, held,
refused, failed), and at the latest at {LATEST:%H:%M} Europe/Helsinki with those that are. One scheduled release
a night: the run of {LATEST:%H:%M}, and a run after a late outcome, are skipped at `due` when the night is released
(its log says why).

| task | what it does |
|---|---|
| `due` | asks whether this night is due; everything after it is skipped when not |
| `release` | dbt, release gate, small counts, publish; a killed release leaves nothing behind, \
so it is safe to run again |
| `pages` | writes the report, the quality page and the dictionary, whether a release was published or refused |
| `published` | fails with `release`, so that `pages` does not make the run look well |

**Who is told:** when `release` has ended, published or not, everybody hears of the whole night in one mail, and only
what is news to them (docs/alerts.md). A release that takes longer than {LONGEST.seconds // 60} minutes, or a run of \
{LATEST:%H:%M} that has not ended by {LATE:%H:%M}, is told to the engineers as late.

#### Release again
By hand a release is always due:
```
airflow dags trigger regional_release --conf '{{"night": "2026-02-03"}}'
```
Without the scheduler: `tukiverkko release`. Back to the release before: `tukiverkko rollback`

#### One municipality, or a range of nights, again
Run `ingest_<municipality>` again (its page says how), then release by hand once.
"""


def by_hand(context: Any) -> bool:
    """True for a run that somebody triggered; such a release is always due and does not count as the night's own."""
    return bool(context["dag_run"].run_type == "manual")


with DAG(
    "regional_release",
    description=f"Publishes one release of the region a night, when all outcomes are in or at {LATEST:%H:%M}",
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable(f"{LATEST.minute} {LATEST.hour} * * *", timezone=ZONE_NAME),
        assets=[NIGHT_COMPLETE],
    ),
    start_date=first_night(),
    catchup=False,
    max_active_runs=1,
    params={"night": NIGHT_PARAM},
    default_args=default_args(),
    # While a run that the outcomes have started goes on, the run of `LATEST` is not even made (max_active_runs), and
    # the former has no logical date: so it has a deadline of its own. On the executor, where the mail server is known.
    deadline=[
        DeadlineAlert(DeadlineReference.DAGRUN_LOGICAL_DATE, LONGEST, SyncCallback(tell_late)),
        DeadlineAlert(DeadlineReference.DAGRUN_QUEUED_AT, LONGEST, SyncCallback(tell_late)),
    ],
    tags=["release"],
    doc_md=DOC,
):

    @task.short_circuit(do_xcom_push=False, execution_timeout=timedelta(minutes=5))
    def due(**context: Any) -> bool:
        from pipeline.release import due as is_due

        night = night_of(context)
        with log_without_values():
            answer, reason = is_due(load_settings(), night, by_hand=by_hand(context))
        log.info("Release of %s: %s", night, reason)
        return answer

    @task(do_xcom_push=False, execution_timeout=timedelta(hours=2), on_success_callback=tell_news)
    def release(**context: Any) -> None:
        from pipeline.problems import release_cause
        from pipeline.release import release as run_release

        night = night_of(context)
        with log_without_values():
            outcome = run_release(load_settings(), night, by_hand=by_hand(context))
        if outcome.status != "published":
            _, cause = release_cause(outcome.status, outcome.reason or "")
            # The same data gives the same answer: no second try.
            raise AirflowFailException(f"Release {outcome.release_number} of {night} is {outcome.status}: {cause}")
        log.info("Release %s of %s is published", outcome.release_number, night)

    @task(do_xcom_push=False, execution_timeout=timedelta(minutes=10), trigger_rule=TriggerRule.ALL_DONE)
    def pages(**_context: Any) -> None:
        from pages.site import publish

        with log_without_values():
            publish(load_settings())

    published = EmptyOperator(task_id="published", on_failure_callback=None)
    due() >> release() >> [pages(), published]
