"""Absence episodes: what pupils were absent for, and what the registers learnt of it, when.

An episode is one absence of one pupil: some lessons of a day, or days in a row. Three of the municipalities keep
lessons (`Lessons`, one row a lesson), Siilinjärvi keeps intervals (`Intervals`, one row an episode). Both hold
the times of knowledge as nights: a record is there from the night `created`, has the class `later` in place of
`first` from the night `changed`, and is gone from the night `deleted` on.
"""

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]

UNAUTHORISED, UNCLARIFIED, OTHER_ACCEPTED, LEAVE, HEALTH, LATE, SCHOOL_ACTIVITY = range(7)
CLASSES = (
    "unauthorised",
    "unclarified",
    "other_accepted",
    "leave",
    "health",
    "late",
    "school_activity",
)
"""In the order in which they win a lesson."""

UNIT = 10_000
"""Lessons are counted in ten-thousandths, the four decimals of the definitions."""


@dataclass(frozen=True)
class Lessons:
    """One row a lesson (or a part of one, in `amount`: ten-thousandths). `enrolment` is an enrolment id; `record` is
    the record number (Kuopio: of the mark; Iisalmi: of the row that holds the lesson), `minutes` those of a late mark.
    `twin` is 1 for the second mark of a lesson taught together, which counts nothing of its own."""

    enrolment: Array
    person: Array
    day: Array
    lesson: Array
    amount: Array
    first: Array
    later: Array
    created: Array
    changed: Array
    deleted: Array
    record: Array
    minutes: Array
    twin: Array

    def take(self, index: npt.NDArray[np.generic]) -> "Lessons":
        """The rows of an index or mask."""
        return Lessons(*(getattr(self, f.name)[index] for f in fields(self)))

    def known(self, night: int | Array) -> "Lessons":
        """The rows that are there on the morning of `night` (one for all rows, or one a row), with `later` holding the
        class they have then."""
        there = (self.created <= night) & (night < self.deleted)
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["later"] = np.where(self.changed <= night, self.later, self.first)
        return Lessons(**values).take(there)


@dataclass(frozen=True)
class Intervals:
    """One row an interval of Siilinjärvi. `start` and `end` are minutes of local wall-clock time since 1970-01-01;
    from the night `closed` the end is known, before that the interval is open."""

    enrolment: Array
    person: Array
    start: Array
    end: Array
    first: Array
    later: Array
    created: Array
    changed: Array
    closed: Array
    deleted: Array
    uuid: npt.NDArray[np.object_]

    def take(self, index: npt.NDArray[np.generic]) -> "Intervals":
        """The rows of an index or mask."""
        return Intervals(*(getattr(self, f.name)[index] for f in fields(self)))
