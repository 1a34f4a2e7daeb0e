"""What is past its time goes, every day."""

from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, task
from house_rules import ZONE_NAME, default_args, first_night, log_without_values, tell_news

from pipeline.settings import load_settings

DOC = """\
### Retention

Removes what is past its time: originals in the archive, landed, harmonised and detailed rows of old school years.
Published tables stay. Runs daily at 06:30 Europe/Helsinki, after the release; a missed day needs no
catching up, because a run removes everything that is past its time by then. Beside a release nothing is removed: the
run tries again for an hour and a half.

#### Run again
```
airflow dags trigger retention
```
One pupil's data goes on request with `tukiverkko forget`.
"""

with DAG(
    "retention",
    description="Removes what is past its time",
    schedule=CronTriggerTimetable("30 6 * * *", timezone=ZONE_NAME),
    start_date=first_night(),
    catchup=False,
    max_active_runs=1,
    default_args=default_args(),
    tags=["retention"],
    doc_md=DOC,
):
    # The night's last run: what a mail server did not take after the release is tried again.
    # A late release may take its time, and nothing is removed beside it.
    @task(retries=8, do_xcom_push=False, on_success_callback=tell_news)
    def retain(**_context: Any) -> None:
        from pipeline.retention import retain as run_retention

        with log_without_values():
            run_retention(load_settings())

    retain()
