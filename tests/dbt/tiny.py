"""A warehouse filled by hand, a few pupils at a time, so that figures can be worked out on paper."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from pipeline.transform import TransformResult, build

HELSINKI = ZoneInfo("Europe/Helsinki")
# What the name of a module's database ends with, and that of one of a test's own.
SHARED, OWN = "shared", "own"
NAMESPACE = uuid.UUID("00000000-0000-0000-0000-000000000000")

GRAIN = {"kuopio": "lesson", "siilinjarvi": "interval", "iisalmi": "day", "varkaus": "month"}
EXTENT = {"lesson": "window", "interval": "chain", "day": "full", "month": "month"}
SCHOOL = {"kuopio": "07522", "siilinjarvi": "07735", "iisalmi": "05994", "varkaus": "07287"}
FORM = {"kuopio": "PO", "siilinjarvi": "BASIC", "iisalmi": "perusopetus", "varkaus": "perusopetus"}
REASONS = ("Sairaus h", "Lupa h", "Luvaton h", "Epäselvä h")

# What a municipality's folder says, as tables of `reference`.
CODES = (
    "municipality",
    "absence_crosswalk",
    "support_crosswalk",
    "mark_crosswalk",
    "form_crosswalk",
    "home_municipality_crosswalk",
)

# The data tests of the models are run on the larger warehouses.
MODELS_ONLY = "resource_type:seed resource_type:model"

Row = dict[str, Any]


def models(*names: str) -> str:
    """Selects these models and all that they are made of."""
    return " ".join(["resource_type:seed", *(f"+{name},resource_type:model" for name in names)])


def like(municipality: str) -> str:
    """Whose source a municipality has: `kuopio-2` sends what Kuopio does, in the same codes."""
    return municipality.partition("-")[0]


def key(*parts: str) -> uuid.UUID:
    """A made-up pseudonym: the same parts give the same one."""
    return uuid.uuid5(NAMESPACE, "/".join(parts))


def day(text: str) -> date:
    return date.fromisoformat(text)


def moment(text: str) -> datetime:
    """`2025-10-06 10:15`, by the clocks in Finland."""
    return datetime.fromisoformat(text).replace(tzinfo=HELSINKI)


def weekdays(first: str, count: int) -> list[date]:
    """That many days from Monday to Friday, from `first` on."""
    found: list[date] = []
    one = day(first)
    while len(found) < count:
        if one.weekday() < 5:
            found.append(one)
        one += timedelta(days=1)
    return found


def enrolment(
    municipality: str,
    pupil: str,
    *,
    grade: int | None = 7,
    school: str | None = None,
    first: str = "2025-08-11",
    last: str | None = None,
    form: str | None = None,
    person: str | None = None,
    class_name: str | None = "A",
    **more: Any,
) -> Row:
    """An enrolment row; the pupil's HETU is made of `person`, or of the pupil's name."""
    return {
        "pupil_ref": key(municipality, pupil),
        "hetu_key": key("hetu", person or pupil),
        "school_number": school or SCHOOL[like(municipality)],
        "grade": grade,
        "class_name": class_name,
        "home_municipality": "297",
        "form": form or FORM[like(municipality)],
        "valid_from": day(first),
        "valid_to": last and day(last),
        "deleted": False,
        **more,
    }


def school_days(
    municipality: str,
    days: Iterable[date],
    *,
    grades: Sequence[int] = (7,),
    lessons: float | Decimal = 6,
    school: str | None = None,
    slot_minutes: int = 60,
) -> list[Row]:
    """The same number of lessons on each of the days; of an interval source, from 08:15 on."""
    interval = GRAIN[like(municipality)] == "interval"
    return [
        {
            "school_number": school or SCHOOL[like(municipality)],
            "day": one,
            "grade": grade,
            "lessons": lessons,
            "day_start": time(8, 15) if interval else None,
            "slot_minutes": slot_minutes if interval else None,
        }
        for one in days
        for grade in grades
    ]


def support(municipality: str, pupil: str, code: str | None, first: str, last: str | None = None, **more: Any) -> Row:
    """A support row; `placement` and `marks` as keywords."""
    return {
        "pupil_ref": key(municipality, pupil),
        "support_code": code,
        "placement": None,
        "marks": [],
        "valid_from": day(first),
        "valid_to": last and day(last),
        "deleted": False,
        **more,
    }


def mark(
    pupil: str, on: str, lesson: int, code: str, minutes: int | None = None, *, at: str = "kuopio", **more: Any
) -> Row:
    """One of Kuopio's lesson marks."""
    return {
        "pupil_ref": key(at, pupil),
        "day": day(on),
        "lesson": lesson,
        "source_code": code,
        "minutes": minutes,
        **more,
    }


def interval(
    record: str,
    pupil: str,
    first: str,
    last: str | None,
    code: str,
    updated: str = "2025-10-01 08:00",
    *,
    at: str = "siilinjarvi",
    **more: Any,
) -> Row:
    """One of Siilinjärvi's absences."""
    return {
        "record_key": key(record),
        "pupil_ref": key(at, pupil),
        "starts_at": moment(first),
        "ends_at": last and moment(last),
        "source_code": code,
        "deleted": False,
        "updated_at": moment(updated),
        **more,
    }


def hours(
    pupil: str,
    on: str | date,
    lessons: float | Decimal,
    code: str,
    cleared: str | None = None,
    *,
    at: str = "iisalmi",
    **more: Any,
) -> Row:
    """One of Iisalmi's rows: lessons of a pupil, day and reason."""
    one = on if isinstance(on, date) else day(on)
    return {
        "record_key": key(pupil, one.isoformat(), code, cleared or ""),
        "pupil_ref": key(at, pupil),
        "day": one,
        "lessons": lessons,
        "source_code": code,
        "cleared": cleared,
        "deleted": False,
        **more,
    }


def month_hours(pupil: str, month: str, *lessons: float | None, at: str = "varkaus") -> list[Row]:
    """One row of Varkaus' workbook: lessons for Sairaus, Lupa, Luvaton, Epäselvä; None is an empty cell."""
    return [
        {"pupil_ref": key(at, pupil), "month": day(month), "source_code": reason, "lessons": value}
        for reason, value in zip(REASONS, lessons, strict=True)
    ]


@dataclass
class TinyWarehouse:
    """A prepared warehouse, what is delivered to it, and what dbt makes of it."""

    connection: psycopg.Connection
    url: str
    target: Path
    deliveries: int = 0
    rows: dict[str, int] = field(default_factory=dict)

    def deliver(
        self,
        municipality: str,
        night: str,
        *,
        status: str = "accepted",
        covers: tuple[str, str] | None = None,
        since: str | None = None,
        as_of: str | None = None,
        school_year: int | None = None,
        rejected: Mapping[str, Sequence[Row]] | None = None,
        **datasets: Sequence[Row],
    ) -> int:
        """Enters a delivery with the given datasets (enrolment, absence, support, school_day). `covers` is what the
        absences report on; without it, from 1.8. (a window: 20 days) to the day before. `school_year`: without it,
        that of the night. Returns its number."""
        self.deliveries += 1
        on = day(night)
        if school_year is None:
            school_year = on.year if on.month >= 8 else on.year - 1
        grain = GRAIN[like(municipality)]
        until = on - timedelta(days=1)
        for dataset, rows in datasets.items():
            first = date(school_year, 8, 1)
            if dataset == "absence" and grain == "lesson":
                first = max(first, on - timedelta(days=20))
            if dataset == "absence" and grain == "month":
                until = on.replace(day=1) - timedelta(days=1)
            span = (day(covers[0]), day(covers[1])) if covers and dataset == "absence" else (first, until)
            refused = (rejected or {}).get(dataset, ())
            self._insert(
                "ops.delivery",
                {
                    "delivery_id": self.deliveries,
                    "dataset": dataset,
                    "delivery": f"{municipality}-{night}-{self.deliveries}",
                    "municipality": municipality,
                    "night": on,
                    "school_year": school_year,
                    "status": status,
                    "rows_in": len(rows) + len(refused),
                    "rows_landed": len(rows),
                    "rows_rejected": len(refused),
                    "extent": EXTENT[grain] if dataset == "absence" else "full",
                    "covers_from": span[0] if span[0] <= span[1] else None,
                    "covers_to": span[1] if span[0] <= span[1] else None,
                    "as_of": moment(as_of or f"{night} 03:00"),
                    "since": since and moment(since),
                },
            )
            table = f"landing.absence_{grain}" if dataset == "absence" else f"landing.{dataset}"
            for number, row in enumerate(rows, start=1):
                self._insert(table, {"delivery_id": self.deliveries, "row_number": number, **row})
            for number, row in enumerate(refused, start=len(rows) + 1):
                named = {"rule": "unparsable", "message_fi": "-", "message_en": "-", **row}
                head = {"delivery_id": self.deliveries, "dataset": dataset, "row_number": number}
                self._insert("ops.rejected_row", {**head, **named})
        return self.deliveries

    def twin(self, name: str) -> None:
        """A further municipality, as `kuopio-2`, with Kuopio's codes and its kind of source."""
        for table in CODES:
            rows = self.query(f"select * from reference.{table} where municipality = %s", like(name))
            own = {"municipality": name, "code": name} if table == "municipality" else {"municipality": name}
            for row in rows:
                self._insert(f"reference.{table}", {**row, **own})

    def build(self, night: str | None = None, select: str | None = None) -> TransformResult:
        """Shows every accepted delivery to dbt and builds. `night`: without it that of the latest delivery (and no
        project parsed anew for another one). `select` as in `pipeline.transform.build`, but without the data tests of
        what it selects."""
        self.connection.execute("delete from ops.candidate_delivery")
        self.connection.execute(
            """
            insert into ops.candidate_delivery (delivery_id, dataset)
            select delivery_id, dataset from ops.delivery where status = 'accepted'
            """
        )
        self.connection.commit()
        with pytest.MonkeyPatch.context() as environment:
            if select:
                environment.setenv("DBT_INDIRECT_SELECTION", "empty")
            return build(self.url, self.target, select=select, night=day(night) if night else None)

    def do(self, *statements: str) -> None:
        """Runs the statements and commits."""
        for statement in statements:
            self.connection.execute(sql.SQL(statement))
        self.connection.commit()

    def query(self, text: str, *values: Any) -> list[Row]:
        """Rows as dicts."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(sql.SQL(text), values).fetchall()

    def value(self, text: str, *values: Any) -> Any:
        """The only value of the only row; None when there is no row."""
        rows = self.query(text, *values)
        assert len(rows) <= 1, rows
        return next(iter(rows[0].values())) if rows else None

    def absent(self, pupil: str, first: str, last: str | None = None) -> dict[str, Any]:
        """Lessons absent by class from `first` to `last` (one day without it); the pupil's HETU is made of `pupil`."""
        rows = self.query(
            """
            select absence_class, sum(lessons) as lessons from harmonised.absence
            where person_key = %s and coalesce(day, month) between %s and %s and lessons > 0
            group by absence_class
            """,
            key("hetu", pupil),
            day(first),
            day(last or first),
        )
        return {row["absence_class"]: row["lessons"] for row in rows}

    def level(self, pupil: str, on: str) -> tuple[str, int, str | None]:
        """(level, regime, reason) of a day."""
        rows = self.query(
            """
            select support_level, regime, reason from harmonised.support_day_level
            where person_key = %s and %s between valid_from and valid_to
            """,
            key("hetu", pupil),
            day(on),
        )
        assert len(rows) == 1, rows
        return rows[0]["support_level"], rows[0]["regime"], rows[0]["reason"]

    def spans(self, pupil: str) -> list[tuple[str, str, date, date]]:
        """Enrolments in force as (municipality, school, first day, last day), in the order of their days."""
        rows = self.query(
            """
            select municipality, school_number, min(valid_from) as first_day, max(valid_to) as last_day
            from harmonised.enrolment where person_key = %s
            group by municipality, school_number order by min(valid_from)
            """,
            key("hetu", pupil),
        )
        return [(row["municipality"], row["school_number"], row["first_day"], row["last_day"]) for row in rows]

    def enrolled(self, pupil: str, on: str, column: str) -> Any:
        """A column of the enrolment in force on a day."""
        return self.value(
            f"select {column} from harmonised.enrolment where person_key = %s and %s between valid_from and valid_to",
            key("hetu", pupil),
            day(on),
        )

    def counted(self, pupil: str, month: str) -> set[tuple[str, int]]:
        """(municipality, grade) in which a pupil is of the population of a month."""
        rows = self.query(
            """
            select distinct counted_municipality, counted_grade from harmonised.pupil_month
            where person_key = %s and month = %s and is_population
            """,
            key("hetu", pupil),
            day(month),
        )
        return {(row["counted_municipality"], row["counted_grade"]) for row in rows}

    def surplus(self, pupil: str) -> dict[str, Any]:
        """Surplus lessons by class, over all days."""
        rows = self.query(
            "select absence_class, sum(surplus_lessons) as lessons from harmonised.absence_surplus "
            "where person_key = %s group by absence_class",
            key("hetu", pupil),
        )
        return {row["absence_class"]: row["lessons"] for row in rows}

    def period(self, pupil: str, period_type: str, period_end: str) -> Row:
        """tier, no_tier_reason, scheduled, covered and absent lessons, covered_days of a pupil's period."""
        rows = self.query(
            """
            select tier, no_tier_reason, scheduled_lessons, covered_lessons, absent_lessons, covered_days
            from harmonised.pupil_period_tier where person_key = %s and period_type = %s and period_end = %s
            """,
            key("hetu", pupil),
            period_type,
            day(period_end),
        )
        assert len(rows) == 1, rows
        return rows[0]

    def findings(self, pupil: str) -> dict[str, int]:
        """Support rows of a pupil that are listed, by rule."""
        rows = self.query(
            """
            select rule, count(distinct (delivery_id, row_number)) as rows from harmonised.support_finding
            where person_key = %s group by rule
            """,
            key("hetu", pupil),
        )
        return {row["rule"]: row["rows"] for row in rows}

    def covered(self, pupil: str, month: str) -> tuple[Any, Any]:
        """(scheduled lessons, covered lessons) of a pupil's month, over all municipalities."""
        rows = self.query(
            """
            select sum(scheduled_lessons) as scheduled, sum(covered_lessons) as covered from harmonised.pupil_month
            where person_key = %s and month = %s
            """,
            key("hetu", pupil),
            day(month),
        )
        return rows[0]["scheduled"], rows[0]["covered"]

    def _insert(self, table: str, row: Mapping[str, Any]) -> None:
        schema, name = table.split(".")
        self.connection.execute(
            sql.SQL("insert into {} ({}) values ({})").format(
                sql.Identifier(schema, name),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(sql.Placeholder() * len(row)),
            ),
            list(row.values()),
        )
