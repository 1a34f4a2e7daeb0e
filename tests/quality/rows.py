"""A small good delivery, written straight into landing: what the gate must accept, and what the tests break.

Two schools with 40 pupils each, grade 5; school days on the weekdays of school year 2025-26 (190 of them); the night of
14 October 2025. The window 24 September to 13 October has 14 school days: 1,120 pupil-days, 560 a school.
Every tenth pupil has a support period; every fourth an absence on 30 September.
"""

from datetime import date

import psycopg

NIGHT = date(2025, 10, 14)
PARAMETERS = {"delivery_id": 2, "municipality": "kuopio"}
EXTENT = {"lesson": "window", "interval": "chain", "day": "full", "month": "month"}
# Stands in for everything personal: no result, page or log may ever hold it.
CANARY = "Kanarialintunen"
CANARY_KEY = "cafecafe-0000-4000-8000-00000000cafe"

REFERENCE = """
insert into reference.municipality values
    ('kuopio', '297', 'Kuopio', 'Kuopio', 'Kuopio', 'lesson', '{health}', '2025-08-01');
insert into reference.school values
    ('kuopio', '07735', 'Koulu A', '2020-08-01', null), ('kuopio', '07736', 'Koulu B', '2020-08-01', null);
insert into reference.absence_crosswalk values
    ('kuopio', 'S', null, 'health', '2020-08-01', null, 'Tarkastaja', '2025-01-01'),
    ('kuopio', '9', 'K', 'other_accepted', '2020-08-01', null, 'Tarkastaja', '2025-01-01');
insert into reference.form_crosswalk values
    ('kuopio', 'PO', 'basic', '2020-08-01', null, 'Tarkastaja', '2025-01-01'),
    ('kuopio', 'KOTI', 'home', '2020-08-01', null, 'Tarkastaja', '2025-01-01');
insert into reference.support_crosswalk values
    ('kuopio', 'ERIT', 'special', 2011, '{}', false, '2011-01-01', '2026-07-31', 'Tarkastaja', '2025-01-01'),
    ('kuopio', 'TUPA', 'decision', 2025, '{}', false, '2025-08-01', null, 'Tarkastaja', '2025-01-01');
insert into reference.mark_crosswalk values
    ('kuopio', 'PR', 'small_group', '2011-01-01', null, 'Tarkastaja', '2025-01-01');
"""

LANDED = """
insert into landing.enrolment (
    delivery_id, row_number, pupil_ref, hetu_key, oppijanumero_key, school_number, grade, class_name, home_municipality,
    form, valid_from, record_key
)
select
    %(id)s, i, md5('pupil' || i)::uuid, md5('hetu' || i)::uuid, md5('number' || i)::uuid,
    case when i <= 40 then '07735' else '07736' end, 5, %(canary)s, '297', 'PO', '2025-08-01', md5('record' || i)::uuid
from generate_series(1, 80) as i;

insert into landing.school_day (delivery_id, row_number, school_number, day, grade, lessons)
select %(id)s, row_number() over (order by school_number, day), school_number, day, 5, 6
from (values ('07735'), ('07736')) as school (school_number)
cross join (
    select day::date from generate_series(date '2025-08-11', '2026-07-31', '1 day') as day
    where extract(isodow from day) < 6 order by day limit 190
) as days;

insert into landing.support (
    delivery_id, row_number, record_key, pupil_ref, support_code, placement, marks, valid_from
)
select %(id)s, i, md5('support' || i)::uuid, md5('pupil' || i * 10)::uuid, 'ERIT', 2, '{PR}', '2024-08-08'
from generate_series(1, 8) as i;
"""

ABSENCES = {
    "lesson": """
insert into landing.absence_lesson (delivery_id, row_number, pupil_ref, day, lesson, source_code)
select %(id)s, i, md5('pupil' || i * 4)::uuid, '2025-09-30', 1, 'S' from generate_series(1, 20) as i
""",
    "interval": """
insert into landing.absence_interval (delivery_id, row_number, record_key, pupil_ref, starts_at, ends_at, source_code)
select
    %(id)s, i, md5('absence' || i)::uuid, md5('pupil' || i * 4)::uuid, '2025-09-30 08:00+03', '2025-09-30 10:00+03', 'S'
from generate_series(1, 20) as i
""",
    "day": """
insert into landing.absence_day (delivery_id, row_number, record_key, pupil_ref, day, lessons, source_code, cleared)
select %(id)s, i, md5('absence' || i)::uuid, md5('pupil' || i * 4)::uuid, '2025-09-30', 3, '9', 'K'
from generate_series(1, 20) as i
""",
    "month": """
insert into landing.absence_month (delivery_id, row_number, pupil_ref, month, source_code, lessons)
select %(id)s, i, md5('pupil' || i * 4)::uuid, '2025-09-01', 'S', 3 from generate_series(1, 20) as i
""",
}

COUNTS = {"enrolment": 80, "absence": 20, "support": 8, "school_day": 380}


def load_reference(connection: psycopg.Connection) -> None:
    """The municipality's schools and codes."""
    connection.execute(REFERENCE)


def land(
    connection: psycopg.Connection,
    delivery_id: int = 2,
    grain: str = "lesson",
    status: str = "received",
    night: date = NIGHT,
) -> None:
    """Lands the good delivery of one night, with its ledger rows."""
    values = {"id": delivery_id, "canary": CANARY}
    for statement in LANDED.split(";\n"):
        if statement.strip():
            connection.execute(statement.replace("'{PR}'", "array['PR']"), values)
    connection.execute(ABSENCES[grain], values)
    for dataset, count in COUNTS.items():
        connection.execute(
            """
            insert into ops.delivery (
                delivery_id, dataset, delivery, municipality, night, school_year, status, rows_in, rows_landed, extent,
                covers_from, covers_to, as_of
            ) values (
                %(id)s, %(dataset)s, 'kuopio-' || %(night)s, 'kuopio', %(night)s, 2025, %(status)s, %(count)s,
                %(count)s, %(extent)s, %(night)s::date - 20, %(night)s::date - 1, %(night)s::date + interval '5 hours'
            )
            """,
            {
                "id": delivery_id,
                "dataset": dataset,
                "night": night,
                "status": status,
                "count": count,
                "extent": EXTENT[grain] if dataset == "absence" else "full",
            },
        )


def reject(connection: psycopg.Connection, dataset: str, count: int, pupil_ref: str | None = CANARY_KEY) -> None:
    """Adds rejected rows to delivery 2, in the ledger too."""
    connection.execute(
        """
        insert into ops.rejected_row (
            delivery_id, dataset, row_number, column_name, rule, message_fi, message_en, pupil_ref
        )
        select 2, %s, 100000 + i, 'column', 'bad_date', 'fi', 'en', %s::uuid from generate_series(1, %s) as i
        """,
        (dataset, pupil_ref, count),
    )
    connection.execute(
        "update ops.delivery set rows_in = rows_in + %s, rows_rejected = rows_rejected + %s "
        "where delivery_id = 2 and dataset = %s",
        (count, count, dataset),
    )
