"""A dataset of a delivery stands on its own: it counts where it was accepted, whatever became of the others."""

from typing import Any

from tests.dbt.tiny import (
    MODELS_ONLY,
    TinyWarehouse,
    enrolment,
    hours,
    interval,
    mark,
    month_hours,
    school_days,
    weekdays,
)

DAYS = weekdays("2025-08-11", 60)
AWAY: dict[str, list[Any]] = {
    "kuopio": [mark("kuopio", "2025-10-01", 1, "S")],
    "siilinjarvi": [interval("one", "siilinjarvi", "2025-10-01 08:15", "2025-10-01 09:15", "SICK")],
    "iisalmi": [hours("iisalmi", "2025-10-01", 1, "1")],
    "varkaus": month_hours("varkaus", "2025-10-01", 1, 0, None, None),
}


def test_absences_that_came_alone_count(warehouse: TinyWarehouse) -> None:
    for municipality, absences in AWAY.items():
        warehouse.deliver(
            municipality,
            "2025-11-03",
            enrolment=[enrolment(municipality, municipality)],
            school_day=school_days(municipality, DAYS),
            support=[],
        )
        warehouse.deliver(municipality, "2025-11-03", absence=absences, covers=("2025-08-01", "2025-10-31"))
    warehouse.build("2025-11-03", MODELS_ONLY)
    for municipality in AWAY:
        assert warehouse.absent(municipality, "2025-10-01", "2025-10-31") == {"health": 1}, municipality
