"""Bad rows change no figure but those of their own pupils and days: from the file to the harmonised layer.

A good delivery of Kuopio is built; then the same night's delivery comes again with random cells broken, and is built
again. A mark whose pupil cannot be read is not among them: it holds the whole delivery.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta

import psycopg
import pytest

from connectors.config import load_municipality
from pipeline import keys, transform
from pipeline.release import choose_deliveries
from pipeline.settings import Settings
from pipeline.warehouse import connect, warehouse_url
from tests.connectors import samples
from tests.pipeline.small_kuopio import NIGHT, oid, raw_kuopio, take_in

# Five rows may be rejected, or 2 %.
BROKEN_ROWS = 5
NAMES = ("number", "pupil", "school", "day", "lesson", "subject", "code", "minutes", "who", "cleared")
BROKEN = {
    "day": ("", "31.02.2025", "2025-13-01", "01.10.25", "15.08.2024"),
    "lesson": ("", "0", "10", "x", "1,5"),
    "code": ("",),
    "minutes": ("-5", "monta", "99999"),
}
TABLES = ("absence", "pupil_month", "pupil_period", "pupil_twelve_weeks", "enrolment", "support_day_level")


@dataclass(frozen=True)
class Mark:
    """One lesson mark, a line of tuntimerkinnat.csv."""

    fields: dict[str, str]

    @property
    def line(self) -> str:
        return ";".join(self.fields.values())

    def broken(self, chance: random.Random) -> "Mark":
        column = chance.choice(list(BROKEN))
        return Mark({**self.fields, column: chance.choice(BROKEN[column])})


def good_marks(settings: Settings) -> list[Mark]:
    """A mark on each weekday of the window for every pupil, at a lesson of its own."""
    codes = load_municipality(settings.municipalities / "kuopio").codes
    schools = sorted({school.school_number for school in codes.schools})
    days = [day for day in (NIGHT - timedelta(n) for n in range(20, 0, -1)) if day.weekday() < 5]
    return [
        Mark(
            dict(
                zip(
                    NAMES,
                    (
                        str(1000 + 50 * s + d),
                        _oid(school, s),
                        school,
                        _finnish(day),
                        str(s % 5 + 1),
                        "MA",
                        "S",
                        "",
                        "",
                        "",
                    ),
                    strict=True,
                )
            )
        )
        for s, school in enumerate(schools, 1)
        for d, day in enumerate(days)
    ]


def _oid(school: str, number: int) -> str:
    return samples.OID_1 if school == "07522" else oid(number)


def _finnish(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def built(settings: Settings) -> None:
    with connect(settings) as connection:
        choose_deliveries(connection, NIGHT)
    transform.build(
        warehouse_url(settings),
        settings.dbt_target,
        select="resource_type:seed resource_type:model",
        night=NIGHT,
    )


def figures(connection: psycopg.Connection, without: list[object]) -> dict[str, list[str]]:
    """The rows of the pupils' tables but those of the persons `without`."""
    return {
        table: [
            row
            for (row,) in connection.execute(
                f"select (to_jsonb(one) - 'delivery_id' - 'row_number')::text from harmonised.{table} as one "
                "where person_key <> all(%s) order by 1",
                (without,),
            )
        ]
        for table in TABLES
    }


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.proof), pytest.param(3, marks=pytest.mark.proof)]
)
def test_figures_of_other_pupils_stay_as_they_were(settings: Settings, seed: int) -> None:
    chance = random.Random(seed)
    marks = good_marks(settings)
    assert take_in(settings, raw_kuopio(settings, marks=[mark.line for mark in marks])).status == "accepted"
    built(settings)
    spoiled = dict.fromkeys(chance.sample(range(len(marks)), BROKEN_ROWS))
    delivered = [mark.broken(chance) if n in spoiled else mark for n, mark in enumerate(marks)]
    regional = keys.pseudonym_keys(settings, "kuopio")
    touched: list[object] = [regional.uuid("oppijanumero", marks[n].fields["pupil"]) for n in spoiled]
    with connect(settings) as connection:
        before, all_before = figures(connection, touched), figures(connection, [])
    assert take_in(settings, raw_kuopio(settings, marks=[mark.line for mark in delivered])).status == "accepted"
    built(settings)
    with connect(settings) as connection:
        row = connection.execute(
            "select rows_in, rows_landed, rows_rejected from ops.delivery "
            "where dataset = 'absence' and status = 'accepted'"
        ).fetchone()
        assert row == (len(marks), len(marks) - BROKEN_ROWS, BROKEN_ROWS)
        assert figures(connection, touched) == before
        # The touched ones did change, so there was something to be seen.
        assert figures(connection, [])["absence"] != all_before["absence"]
