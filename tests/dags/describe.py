"""Parses the DAG folder as Airflow does and prints what it found as JSON; a program, run in an environment of its own.

A process of its own, because what parsing imports can only be seen in a process that has imported nothing before.
"""

import json
import sys
import time
from pathlib import Path


def main(dags: Path) -> None:
    sys.path.insert(0, str(dags))
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    began = time.perf_counter()
    bag = DagBag(str(dags))
    seconds = time.perf_counter() - began
    described = {
        dag_id: {
            "owner": dag.owner,
            "tags": sorted(dag.tags),
            "doc": dag.doc_md or "",
            "description": dag.description or "",
            "catchup": dag.catchup,
            "max_active_runs": dag.max_active_runs,
            "start_date": dag.start_date.isoformat() if dag.start_date else None,
            "schedule": DagSerialization.to_dict(dag)["dag"]["timetable"],
            "deadlines": [
                [alert.reference.reference_name, alert.interval.total_seconds(), type(alert.callback).__name__]
                for alert in dag.deadline or ()
            ],
            "params": {name: dag.params.get_param(name).dump() for name in dag.params},
            "tasks": {
                task.task_id: {
                    "type": task.task_type,
                    "retries": task.retries,
                    "retry_delay": task.retry_delay.total_seconds(),
                    "backoff": task.retry_exponential_backoff,
                    "timeout": task.execution_timeout.total_seconds() if task.execution_timeout else None,
                    "trigger_rule": str(task.trigger_rule.value),
                    "upstream": sorted(task.upstream_task_ids),
                    "outlets": sorted(getattr(outlet, "uri", None) or outlet.name for outlet in task.outlets),
                    "failure_callbacks": len(task.on_failure_callback or ()),
                    "success_callbacks": len(task.on_success_callback or ()),
                }
                for task in dag.tasks
            },
        }
        for dag_id, dag in bag.dags.items()
    }
    modules = sorted({name.partition(".")[0] for name in sys.modules})
    result = {"dags": described, "errors": bag.import_errors, "modules": modules, "seconds": seconds}
    print("\n" + json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
