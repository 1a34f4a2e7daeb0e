"""A small good release, made by hand: two municipalities, grades 1 (band 1-2) and 5 (band 3-6), September 2025.

Kuopio: 20 pupils in 1-2 and 20 in 3-6; Varkaus: 10 and 10. Each pupil 100 scheduled and 80 covered lessons (coverage
0.8), each band of Kuopio 16 absent lessons (health) of 1,600 covered: 1 %. Varkaus does not collect
`other_accepted`.
"""

import psycopg

TABLES = """
create table if not exists candidate.attendance_monthly (
    month date, municipality text, grade_band text, absence_class text, pupils bigint, pupils_with_absence bigint,
    scheduled_lessons numeric, covered_lessons numeric, coverage numeric, absent_lessons numeric, absence_rate numeric,
    null_reason text, as_of date, municipalities text
);
create table if not exists candidate.attendance_tiers (
    period_type text, period_start date, period_end date, municipality text, grade_band text, tier text, pupils bigint,
    population bigint, share numeric, null_reason text, as_of date, municipalities text
);
create table if not exists candidate.support_levels (
    count_day date, municipality text, grade_band text, support_level text, pupils bigint, population bigint,
    share numeric, regime text, comparability text, null_reason text, as_of date
);
create table if not exists candidate.data_status (
    municipality text, dataset text, last_night date, last_status text, accepted_night date, as_of date,
    covers_from date, covers_to date, rows_landed integer, rows_rejected integer, days_old integer, message_fi text,
    message_en text
);
create table if not exists harmonised.period (
    period_type text, period_start date, period_end date, month date, is_shared boolean
);
create table if not exists harmonised.enrolment (
    person_key uuid, municipality text, school_year smallint, pupil_ref uuid, school_number text, grade smallint,
    form text, valid_from date, valid_to date
);
create table if not exists harmonised.calendar (
    municipality text, school_number text, grade smallint, day date, lessons numeric, is_covered boolean
);
create table if not exists harmonised.absence (
    municipality text, person_key uuid, school_number text, day date, month date, absence_class text,
    reported_lessons numeric, lessons numeric, surplus_lessons numeric
);
create table if not exists harmonised.pupil_month (
    person_key uuid, municipality text, month date, scheduled_lessons numeric, covered_lessons numeric,
    absent_lessons numeric, counted_municipality text, is_population boolean
);
create table if not exists harmonised.pupil_period_tier (
    person_key uuid, period_type text, period_start date, period_end date, tier text, no_tier_reason text
);
create table if not exists harmonised.covered_day (municipality text, day date, delivery_id integer);
create table if not exists harmonised.support_day_level (
    person_key uuid, municipality text, school_year smallint, valid_from date, valid_to date, support_level text,
    regime integer, reason text
);
create table if not exists reference.absence_class (absence_class text);
"""

GOOD = """
insert into reference.municipality values
    ('kuopio', '297', 'Kuopio', 'Kuopio', 'Kuopio', 'lesson', '{health}', '2025-08-01'),
    ('varkaus', '915', 'Varkaus', 'Varkaus', 'Varkaus', 'month', '{health}', '2025-08-01');
insert into ops.delivery (
    delivery_id, dataset, delivery, municipality, night, school_year, status, extent, as_of
)
select
    id, dataset, municipality || '-2025-10-22', municipality, '2025-10-22', 2025, 'accepted', 'full',
    '2025-10-22 05:00+03'
from (values (1, 'kuopio'), (2, 'varkaus')) as delivered (id, municipality)
cross join unnest(array['enrolment', 'absence', 'support', 'school_day']) as dataset;
insert into ops.candidate_delivery select delivery_id, dataset from ops.delivery;
insert into reference.absence_class
    values ('unauthorised'), ('unclarified'), ('other_accepted'), ('leave'), ('health'), ('late'), ('school_activity');
insert into harmonised.period values
    ('month', '2025-09-01', '2025-09-30', '2025-09-01', true),
    ('month', '2025-10-01', '2025-10-21', '2025-10-01', false);

with place (municipality, pupils, names) as (
    values ('kuopio', 20, 'kuopio'), ('varkaus', 10, 'varkaus'), ('region', 30, 'kuopio,varkaus')
),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
class (absence_class, hours) as (
    values ('unauthorised', 0), ('unclarified', 0), ('other_accepted', 0), ('leave', 0), ('health', 16), ('all', 16)
),
counted as (
    select
        *, pupils * times as counted,
        -- Varkaus has no absences at all; its other_accepted is not collected, so the region's is that of Kuopio.
        case when municipality = 'varkaus' then 0 else hours * times end as absent,
        municipality = 'varkaus' and absence_class = 'other_accepted' as is_missing,
        municipality = 'region' and absence_class = 'other_accepted' as is_kuopio_only
    from place cross join band cross join class
),
sized as (
    select *, case when is_kuopio_only then 20 * times else counted end as size from counted
)
insert into candidate.attendance_monthly
select
    '2025-09-01', municipality, grade_band, absence_class, size,
    case when not is_missing and size > 0 then sign(absent) end, size * 100, size * 80,
    case when size > 0 then 0.8 end, case when not is_missing and size > 0 then absent end,
    case when not is_missing and size > 0 then absent / (size * 80)::numeric end,
    case when is_missing then 'not_collected' when size = 0 then 'nothing_scheduled' end, '2025-10-22',
    case when is_kuopio_only then 'kuopio' else names end
from sized;
-- One pupil a band: the pupils with an absence add up.
update candidate.attendance_monthly set pupils_with_absence = 2 where grade_band = 'all' and pupils_with_absence = 1;

with place (municipality, pupils, names) as (
    values ('kuopio', 20, 'kuopio'), ('varkaus', 10, 'varkaus'), ('region', 30, 'kuopio,varkaus')
),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
tier (tier, part) as (values ('A0', 0.5), ('A1', 0.2), ('A2', 0.1), ('A3', 0.1), ('none', 0.1))
insert into candidate.attendance_tiers
select
    'month', '2025-09-01', '2025-09-30', municipality, grade_band, tier, pupils * times * part, pupils * times,
    case when times > 0 then part end, null, '2025-10-22', names
from place cross join band cross join tier;

with place (municipality, pupils) as (values ('kuopio', 20), ('varkaus', 10), ('region', 30)),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
level (support_level, part, regime) as (
    values
        ('S0', 0.8, '2025'), ('S1', null, '2025'), ('S2', 0.1, 'mixed'), ('S3', 0.1, 'mixed'), ('unknown', 0, 'mixed')
)
insert into candidate.support_levels
select
    '2025-09-20', municipality, grade_band, support_level, pupils * times * part, pupils * times,
    case when times > 0 then part end, regime, 'approximate', case when support_level = 'S1' then 'not_in_regime' end,
    '2025-10-22'
from place cross join band cross join level;

insert into candidate.data_status
select
    municipality, dataset, '2025-10-22', 'accepted', '2025-10-22', '2025-10-22', '2025-08-01', '2025-10-21', 10, 0, 0,
    'ajan tasalla', 'up to date'
from (values ('kuopio'), ('varkaus')) as place (municipality)
cross join unnest(array['enrolment', 'absence', 'support', 'school_day']) as dataset;

insert into landing.enrolment (delivery_id, row_number, pupil_ref, valid_from)
select case when i <= 20 then 1 else 2 end, i, md5('pupil' || i)::uuid, '2025-08-01' from generate_series(1, 30) as i;
insert into harmonised.enrolment
select
    md5('person' || i)::uuid, case when i <= 20 then 'kuopio' else 'varkaus' end, 2025, md5('pupil' || i)::uuid,
    '07735', 5, 'basic', '2025-08-01', '2026-07-31'
from generate_series(1, 30) as i;
insert into harmonised.calendar
select 'kuopio', '07735', 5, day::date, 6, true from generate_series(date '2025-09-01', '2025-09-05', '1 day') as day;
insert into harmonised.absence values
    ('kuopio', md5('person1')::uuid, '07735', '2025-09-01', '2025-09-01', 'health', 8, 6, 2),
    ('kuopio', md5('person2')::uuid, '07735', '2025-09-01', '2025-09-01', 'health', 200, 200, 0);
insert into harmonised.pupil_month
select person_key, municipality, '2025-09-01', 100, 80, 6, municipality, true from harmonised.enrolment;
insert into harmonised.pupil_period_tier
select person_key, 'month', '2025-09-01', '2025-09-30', 'A1', null from harmonised.enrolment;
insert into harmonised.covered_day values ('kuopio', '2025-10-21', 1);
insert into harmonised.support_day_level
select person_key, municipality, 2025, '2025-08-01', '2026-07-31', 'S0', 2025, null from harmonised.enrolment;
"""


def build(connection: psycopg.Connection) -> None:
    """Fills the tables with the good release."""
    connection.execute(GOOD)
