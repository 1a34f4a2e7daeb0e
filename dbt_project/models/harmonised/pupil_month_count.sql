{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ plan_for_all(always=true) }}", "{{ forget_touched_years() }}"],
    )
}}

with shared_month as (
    {{ touched_shared_months() }}
)

-- The level of the month's last day, where the pupil was enrolled then, of all lessons of the month.
select
    pupil_month.school_year,
    pupil_month.month,
    pupil_month.municipality,
    pupil_month.counted_grade as grade,
    coalesce(level.support_level, 'unknown') as support_level,
    count(*) filter (where pupil_month.municipality = pupil_month.counted_municipality) as pupils,
    count(*) filter (where pupil_month.absent_lessons > 0) as pupils_with_absence,
    sum(pupil_month.scheduled_lessons) as scheduled_lessons,
    sum(pupil_month.covered_lessons) as covered_lessons,
    sum(pupil_month.absent_lessons) as absent_lessons
from {{ ref('pupil_month') }} as pupil_month
inner join shared_month
    on pupil_month.month = shared_month.month
left join {{ ref('support_day_level') }} as level
    on
        pupil_month.person_key = level.person_key
        and pupil_month.counted_municipality = level.municipality
        and shared_month.last_day between level.valid_from and level.valid_to
where
    pupil_month.is_population
    and {{ is_one_of('pupil_month.month', 'select shared_month.month from shared_month') }}
group by
    pupil_month.school_year,
    pupil_month.month,
    pupil_month.municipality,
    pupil_month.counted_grade,
    coalesce(level.support_level, 'unknown')
