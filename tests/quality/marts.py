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
create table if not exists candidate.attendance_by_support_level (
    month date, municipality text, grade_band text, support_level text, pupils bigint, scheduled_lessons numeric,
    covered_lessons numeric, coverage numeric, absent_lessons numeric, absence_rate numeric, regime text,
    comparability text, null_reason text, as_of date, municipalities text
);
create table if not exists candidate.tiers_by_support_level (
    period_type text, period_start date, period_end date, municipality text, grade_band text, support_level text,
    tier text, pupils bigint, population bigint, share numeric, regime text, comparability text, null_reason text,
    as_of date, municipalities text
);
create table if not exists candidate.home_and_teaching (
    count_day date, home_municipality text, municipality text, grade_band text, pupils bigint, population bigint,
    share numeric, as_of date
);
create table if not exists candidate.transition_to_grade_7 (
    school_year integer, municipality text, moment text, measure text, category text, pupils bigint, population bigint,
    share numeric, scheduled_lessons numeric, covered_lessons numeric, coverage numeric, absent_lessons numeric,
    absence_rate numeric, regime text, comparability text, null_reason text, as_of date
);
create table if not exists candidate.inclusion (
    count_day date, municipality text, grade_band text, regime text, place text, pupils bigint, population bigint,
    share numeric, pupils_unknown bigint, as_of date
);
create table if not exists candidate.group_sizes (
    count_day date, municipality text, grade_band text, group_size text, pupils bigint, population bigint,
    share numeric, groups bigint, mean_group_size numeric, as_of date
);
create table if not exists candidate.support_timeliness (
    month date, municipality text, grade_band text, horizon integer, pupils bigint, pupils_at_highest bigint,
    pupils_unknown bigint, started bigint, share_started numeric, null_reason text, as_of date, municipalities text
);
create table if not exists candidate.data_status (
    municipality text, dataset text, last_night date, last_status text, accepted_night date, as_of date,
    covers_from date, covers_to date, days_old integer, message_fi text, message_en text
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
create table if not exists reference.home_category (home_municipality text);
create table if not exists reference.inclusion_place (regime integer, place text);
create table if not exists reference.group_size (group_size text, smallest integer, largest integer);
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

insert into reference.home_category values ('other'), ('unknown');
insert into reference.inclusion_place values
    (2011, 'placement_1'), (2011, 'placement_missing'), (2025, 'small_group'), (2025, 'no_place_measure');
insert into reference.group_size values ('1-9', 1, 9), ('10-19', 10, 19), ('20-25', 20, 25), ('unknown', null, null);

with place (municipality, pupils, names) as (
    values ('kuopio', 20, 'kuopio'), ('varkaus', 10, 'varkaus'), ('region', 30, 'kuopio,varkaus')
),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
level (support_level, part, regime) as (
    values
        ('S0', 0.8, '2025'), ('S1', null, '2025'), ('S2', 0.1, 'mixed'), ('S3', 0.1, 'mixed'), ('unknown', 0, 'mixed')
),
counted as (
    select *, pupils * times * part as size from place cross join band cross join level
)
insert into candidate.attendance_by_support_level
select
    '2025-09-01', municipality, grade_band, support_level, size, size * 100, size * 80,
    case when size > 0 then 0.8 end, case when size > 0 then size end, case when size > 0 then 1 / 80.0 end, regime,
    'approximate',
    case when support_level = 'S1' then 'not_in_regime' when size = 0 then 'nothing_scheduled' end, '2025-10-22', names
from counted;

with place (municipality, pupils, names) as (
    values ('kuopio', 20, 'kuopio'), ('varkaus', 10, 'varkaus'), ('region', 30, 'kuopio,varkaus')
),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
level (support_level, part, regime) as (
    values
        ('S0', 0.8, '2025'), ('S1', null, '2025'), ('S2', 0.1, 'mixed'), ('S3', 0.1, 'mixed'), ('unknown', 0, 'mixed')
),
tier (tier, of_level) as (values ('A0', 1), ('A1', 0), ('A2', 0), ('A3', 0), ('none', 0))
insert into candidate.tiers_by_support_level
select
    'month', '2025-09-01', '2025-09-30', municipality, grade_band, support_level, tier,
    pupils * times * part * of_level, pupils * times * part, case when times * part > 0 then of_level end, regime,
    'approximate', case when support_level = 'S1' then 'not_in_regime' end, '2025-10-22', names
from place cross join band cross join level cross join tier
where municipality = 'region' or grade_band = 'all';

with place (municipality, pupils) as (values ('kuopio', 20), ('varkaus', 10), ('region', 30)),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
home (home_municipality, part) as (values ('kuopio', 0.8), ('varkaus', 0.1), ('other', 0.1), ('unknown', 0))
insert into candidate.home_and_teaching
select
    '2025-09-20', home_municipality, municipality, grade_band, pupils * times * part, pupils * times,
    case when times > 0 then part end, '2025-10-22'
from place cross join band cross join home;

-- Grade 6 of May 2024, before the new regime; a tenth is gone in December.
with place (municipality, pupils) as (values ('kuopio', 20), ('varkaus', 10), ('region', 30)),
category (moment, measure, category, part, regime) as (
    values
        ('before', 'tier', 'A0', 1, null), ('before', 'tier', 'none', 0, null),
        ('before', 'support_level', 'S0', 1, '2011'), ('before', 'support_level', 'S1', 0, '2011'),
        ('after', 'tier', 'A0', 0.9, null), ('after', 'tier', 'not_in_region', 0.1, null),
        ('after', 'support_level', 'S0', 0.9, '2011'), ('after', 'support_level', 'S1', 0, '2011'),
        ('after', 'support_level', 'not_in_region', 0.1, null)
)
insert into candidate.transition_to_grade_7
select
    2024, municipality, moment, measure, category, pupils * part, pupils, part,
    case when category <> 'not_in_region' then pupils * part * 100 end,
    case when category <> 'not_in_region' then pupils * part * 80 end,
    case when category <> 'not_in_region' and part > 0 then 0.8 end,
    case when category <> 'not_in_region' then pupils * part end,
    case when category <> 'not_in_region' and part > 0 then 1 / 80.0 end, regime,
    case when regime is not null then 'approximate' end, null, '2025-06-22'
from place cross join category;

-- The tenth at S3 is of the regime of 2011, that at S2 of that of 2025.
with place (municipality, pupils) as (values ('kuopio', 20), ('varkaus', 10), ('region', 30)),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
taught (regime, place, part) as (
    values
        ('2011', 'placement_1', 1), ('2011', 'placement_missing', 0), ('2025', 'small_group', 1),
        ('2025', 'no_place_measure', 0)
)
insert into candidate.inclusion
select
    '2025-09-20', municipality, grade_band, regime, taught.place, pupils * times * 0.1 * part, pupils * times * 0.1,
    case when times > 0 then part end, 0, '2025-10-22'
from place cross join band cross join taught;

-- One class of 20 a band in Kuopio, one of 10 in Varkaus.
with place (municipality, ten, twenty) as (values ('kuopio', 0, 1), ('varkaus', 1, 0), ('region', 1, 1)),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
counted as (
    select *, (ten * 10 + twenty * 20) * times as population
    from place cross join band cross join reference.group_size
),
sized as (
    select
        *, case when smallest is not null then times * case smallest when 10 then ten when 20 then twenty else 0 end end
        as class_count
    from counted
)
insert into candidate.group_sizes
select
    '2025-09-20', municipality, grade_band, group_size, coalesce(class_count * smallest, 0), population,
    case when population > 0 then coalesce(class_count * smallest, 0) / population::numeric end, class_count,
    case when class_count > 0 then smallest end, '2025-10-22'
from sized;

-- July: Kuopio's only covered Sunday is its 27th; 30 and 60 days have passed by 22 October, 90 have not.
with place (municipality) as (values ('kuopio'), ('region')),
band (grade_band, times) as (values ('1-2', 1), ('3-6', 1), ('7-9', 0), ('all', 2)),
passed (horizon, started) as (values (30, 1), (60, 4))
insert into candidate.support_timeliness
select
    '2025-07-01', municipality, grade_band, horizon, 10 * times, times, 0, started * times,
    case when times > 0 then started / 10.0 end, null, '2025-10-22', 'kuopio'
from place cross join band cross join passed;

insert into candidate.data_status
select
    municipality, dataset, '2025-10-22', 'accepted', '2025-10-22', '2025-10-22', '2025-08-01', '2025-10-21', 0,
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
insert into harmonised.covered_day values ('kuopio', '2025-07-27', 1), ('kuopio', '2025-10-21', 1);
insert into harmonised.support_day_level
select person_key, municipality, 2025, '2025-08-01', '2026-07-31', 'S0', 2025, null from harmonised.enrolment;
"""


def build(connection: psycopg.Connection) -> None:
    """Fills the tables with the good release."""
    connection.execute(GOOD)
