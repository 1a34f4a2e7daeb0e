"""The synthetic region: four municipalities over two school years, the second of them across the change of support.

`build_region` draws the truth; how each municipality's systems express it is in `extracts`, and what they know of it
on a given morning in `truth`.
"""

from dataclasses import dataclass, field

import numpy as np

from demo.region.absences import Intervals, Lessons
from demo.region.calendars import YEARS, as_date, workbook_edit, working_days
from demo.region.enrolments import Enrolment, Person, build_enrolments, build_persons, known
from demo.region.episodes import propensities
from demo.region.histories import NewRegime, build_support
from demo.region.intervals import build_intervals
from demo.region.lessons import build_lessons
from demo.region.schools import IISALMI, KUOPIO, VARKAUS
from demo.region.support import Support


@dataclass(frozen=True)
class Region:
    """Everything that is so, and when each register learns of it.

    `lessons` by municipality and school year (Kuopio, Iisalmi, Varkaus); `intervals` (Siilinjärvi) by school year.
    `unreported` holds (person id, year, month) of Varkaus that the workbook says nothing of: True when the row is there
    with all its cells empty, False when there is no row.
    """

    seed: int
    scale: float
    persons: tuple[Person, ...]
    enrolments: tuple[Enrolment, ...]
    support: tuple[Support, ...]
    lessons: dict[tuple[str, int], Lessons]
    intervals: dict[int, Intervals]
    unreported: dict[tuple[int, int, int], bool]
    cache: dict[object, bytes] = field(default_factory=dict, compare=False, repr=False)

    def enrolled(self, municipality: str, year: int, night: int) -> list[Enrolment]:
        """The enrolment rows of the school year that the municipality's register has on the morning of `night`."""
        rows = (known(e, night) for e in self.enrolments if e.municipality == municipality and e.year == year)
        return [row for row in rows if row is not None]


def knowledge(municipality: str, year: int, night: int) -> int | None:
    """The night whose knowledge a source of the school year holds on the morning of `night`: that night itself, or for
    Varkaus the one after the last edit of the workbook (None: there is no workbook yet)."""
    if municipality != VARKAUS:
        return night
    edit = workbook_edit(year, night)
    return None if edit is None else edit + 1


def month_of(days: np.ndarray) -> np.ndarray:
    """Months since 1970-01 of day numbers."""
    found: np.ndarray = np.asarray(days).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return found


def _unreported(rng: np.random.Generator, enrolments: list[Enrolment]) -> dict[tuple[int, int, int], bool]:
    found: dict[tuple[int, int, int], bool] = {}
    for year in YEARS:
        months = sorted({(as_date(d).year, as_date(d).month) for d in working_days(VARKAUS, year)})
        pool = sorted(
            {(e.person_id, *m) for e in enrolments for m in months if e.municipality == VARKAUS and e.year == year}
        )
        count = max(2, round(0.01 * len(pool)))
        for n, place in enumerate(rng.permutation(len(pool))[:count].tolist()):
            found[pool[place]] = n % 2 == 0
    return found


def build_region(seed: int = 1, scale: float = 1.0, regime: NewRegime | None = None) -> Region:
    """The region of a seed; `scale` is the share of the pupils to make, never fewer than three a school.

    The same arguments give the same region, on any machine and in any process. Raises ValueError when `scale` is not
    above 0 and at most 1.
    """
    if not 0 < scale <= 1:
        raise ValueError(f"scale is {scale}: it must be above 0 and at most 1")

    def stream(part: int, turn: int = 0) -> np.random.Generator:
        return np.random.default_rng([seed, part, turn])

    people = build_persons(stream(1), scale)
    enrolments = build_enrolments(stream(2), people)
    support = build_support(stream(3), people, enrolments, regime or NewRegime())
    rate = propensities(stream(4), len(people))
    lessons = {
        (municipality, year): build_lessons(stream(5 + place, year), municipality, year, enrolments, rate[:, column])
        for place, municipality in enumerate((KUOPIO, IISALMI, VARKAUS))
        for column, year in enumerate(YEARS)
    }
    intervals = {
        year: build_intervals(stream(8, year), year, enrolments, rate[:, column]) for column, year in enumerate(YEARS)
    }
    unreported = _unreported(stream(9), enrolments)
    return Region(seed, scale, tuple(people), tuple(enrolments), tuple(support), lessons, intervals, unreported)
