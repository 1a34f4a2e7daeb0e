"""The harmonised layer against the synthetic region's own truth, pupil by pupil and day by day.

The truth comes from the region's model, never through connectors or dbt: what differs is an error in one of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from demo.night import CLOSING_NIGHT, RunningRegion, running_region
from pipeline.keys import pseudonym_keys
from pipeline.release import choose_deliveries
from pipeline.settings import PROJECT_ROOT, Settings
from pipeline.transform import build
from pipeline.warehouse import connect, warehouse_url

NIGHTS = (date(2026, 1, 30), date(2026, 2, 3))


@dataclass(frozen=True)
class Compared:
    """A region after its nights, with the truth's persons in the warehouse's keys."""

    running: RunningRegion
    truth: Path
    person_keys: pl.DataFrame

    def harmonised(self, query: str) -> pl.DataFrame:
        with connect(self.running.settings) as connection:
            cursor = connection.execute(query)
            names = [column.name for column in cursor.description or ()]
            rows = [tuple(str(v) if isinstance(v, UUID) else v for v in row) for row in cursor.fetchall()]
        return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)

    def true(self, name: str) -> pl.DataFrame:
        frame = pl.read_parquet(self.truth / f"{name}.parquet")
        return frame.join(self.person_keys, on=["person_id", "municipality"], how="left", validate="m:1")


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compared]:
    home = tmp_path_factory.mktemp("truth")
    settings = Settings(home=home, database_url=None, municipalities=PROJECT_ROOT / "municipalities")
    with running_region(settings, seed=11, scale=0.03) as running:
        running.take_in(CLOSING_NIGHT)
        for night in NIGHTS:
            running.move_to(night)
            assert {outcome.status for outcome in running.take_in(night)} <= {"accepted", "unchanged"}
        with connect(settings) as connection:
            choose_deliveries(connection, NIGHTS[-1])
        build(warehouse_url(settings), settings.dbt_target, night=NIGHTS[-1])
        yield Compared(running, running.truth, person_keys(settings, running.truth))


def person_keys(settings: Settings, truth: Path) -> pl.DataFrame:
    """person_id, municipality → person_key: of the HETU if there is one, else the oppijanumero, else the local id."""
    rows: list[dict[str, Any]] = []
    for pupil in pl.read_parquet(truth / "pupil.parquet").to_dicts():
        keys = pseudonym_keys(settings, pupil["municipality"])
        if pupil["hetu"]:
            key = keys.uuid("hetu", pupil["hetu"])
        elif pupil["oppijanumero"]:
            key = keys.uuid("oppijanumero", pupil["oppijanumero"])
        else:
            key = keys.uuid("pupil", pupil["local_id"])
        rows.append({"person_id": pupil["person_id"], "municipality": pupil["municipality"], "person_key": str(key)})
    # A pupil who has two local ids in one municipality is still one person.
    return pl.DataFrame(rows).unique()


def difference(left: pl.DataFrame, right: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Rows that stand in one frame only, with where."""
    only_true = left.join(right, on=names, how="anti", nulls_equal=True).with_columns(where=pl.lit("truth"))
    only_made = right.join(left, on=names, how="anti", nulls_equal=True).with_columns(where=pl.lit("harmonised"))
    return pl.concat([only_true, only_made]).sort(names)


def test_every_absent_lesson_of_every_day_is_the_true_one(compared: Compared) -> None:
    names = ["municipality", "person_key", "day", "absence_class", "lessons"]
    true = compared.true("absence").select(names).with_columns(pl.col("lessons").cast(pl.Decimal(12, 4)))
    made = compared.harmonised(
        """
        select municipality, person_key, day, absence_class, lessons from harmonised.absence
        where day is not null and lessons > 0
        """
    ).with_columns(pl.col("lessons").cast(pl.Decimal(12, 4)))
    true = true.filter(pl.col("municipality") != "varkaus")
    found = difference(true, made.select(names).filter(pl.col("municipality") != "varkaus"), names)
    assert found.is_empty(), f"{found.height} of {true.height} rows differ\n{found.head(20)}"


def test_every_absent_lesson_of_a_monthly_source_is_the_true_one(compared: Compared) -> None:
    names = ["person_key", "month", "absence_class", "lessons"]
    covered = compared.harmonised(
        "select person_key, month from harmonised.covered_pupil_month where municipality = 'varkaus'"
    )
    true = (
        compared.true("absence")
        .filter(pl.col("municipality") == "varkaus")
        .group_by("person_key", pl.col("day").dt.truncate("1mo").alias("month"), "absence_class")
        .agg(pl.col("lessons").sum().cast(pl.Decimal(12, 4)))
        .join(covered, on=["person_key", "month"], how="semi")
        .select(names)
    )
    made = compared.harmonised(
        """
        select person_key, month, absence_class, sum(lessons) as lessons from harmonised.absence
        where municipality = 'varkaus' group by 1, 2, 3 having sum(lessons) > 0
        """
    ).with_columns(pl.col("lessons").cast(pl.Decimal(12, 4)))
    found = difference(true, made.select(names), names)
    assert true.height > 20
    assert found.is_empty(), f"{found.height} of {true.height} rows differ\n{found.head(20)}"


def test_the_support_level_of_every_pupil_on_every_day_is_the_true_one(compared: Compared) -> None:
    """On the days on which the pupil is enrolled in the municipality; an unknown day has no regime to compare."""
    key = ["municipality", "person_key", "day"]
    names = [*key, "level", "regime"]
    enrolled = (
        days(compared.true("enrolment").with_columns(pl.col("valid_to").fill_null(NIGHTS[-1]))).select(key).unique()
    )

    def levels(frame: pl.DataFrame) -> pl.DataFrame:
        known = pl.when(pl.col("level") != "unknown").then(pl.col("regime").cast(pl.Int32)).alias("regime")
        return days(frame).with_columns(known).select(names).join(enrolled, on=key, how="semi")

    true = levels(compared.true("support"))
    made = levels(
        compared.harmonised(
            """
            select municipality, person_key, valid_from, valid_to, support_level as level, regime
            from harmonised.support_day_level where reason is distinct from 'not_covered'
            """
        )
    )
    found = difference(true, made, names)
    assert true.height > 50_000
    assert found.is_empty(), f"{found.height} of {true.height} days differ\n{found.head(20)}"


def days(frame: pl.DataFrame) -> pl.DataFrame:
    """One row a day of each span [valid_from, valid_to]."""
    return frame.with_columns(day=pl.date_ranges("valid_from", "valid_to")).explode("day")


def test_every_pupil_is_one_person(compared: Compared) -> None:
    made = compared.harmonised("select count(distinct person_key) as persons from harmonised.enrolment")
    assert made["persons"].to_list() == [compared.true("enrolment")["person_key"].n_unique()]
