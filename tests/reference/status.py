"""How the last night ended and what the data shown is from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from tests.reference.facts import Facts
from tests.reference.periods import Table, day

DATASETS = ("enrolment", "absence", "support", "school_day")


@dataclass(frozen=True)
class LastNight:
    """The last night of a municipality of which anything is known, and how it ended."""

    night: date
    status: str


def data_status(facts: Facts, outcomes: Mapping[str, LastNight]) -> Table:
    """By municipality and dataset, from the last delivery that brought something."""
    found: Table = {}
    for name, outcome in outcomes.items():
        last = max(facts.deliveries[name], key=lambda one: (one.night, one.school_year))
        first = date(last.school_year, 8, 1)
        for dataset in DATASETS:
            # Marks come of a window of days, hours of whole months; the rest of the school year up to the day before.
            absences = dataset == "absence"
            to = min(last.night - 1, date(last.school_year + 1, 7, 31).toordinal())
            found[name, dataset] = {
                "last_night": outcome.night,
                "last_status": outcome.status,
                "accepted_night": day(last.night),
                "as_of": day(last.as_of),
                "covers_from": day(last.covers_from) if absences else first if first.toordinal() <= to else None,
                "covers_to": day(last.covers_to) if absences else day(to) if first.toordinal() <= to else None,
                "days_old": facts.night - last.as_of,
            }
    return found
