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

-- A month at a time, so that only its rows are read: the level of its last day, where the pupil was enrolled then, of
-- all lessons of the month.
select
    counted.school_year,
    shared_month.month,
    counted.municipality,
    counted.grade,
    counted.support_level,
    counted.pupils,
    counted.pupils_with_absence,
    counted.scheduled_lessons,
    counted.covered_lessons,
    counted.absent_lessons,
    counted.largest_absent_lessons
from shared_month
cross join lateral (
    select
        pupil_month.school_year,
        pupil_month.municipality,
        pupil_month.counted_grade as grade,
        coalesce(level.support_level, 'unknown') as support_level,
        count(*) filter (where pupil_month.municipality = pupil_month.counted_municipality) as pupils,
        count(*) filter (where pupil_month.absent_lessons > 0) as pupils_with_absence,
        sum(pupil_month.scheduled_lessons) as scheduled_lessons,
        sum(pupil_month.covered_lessons) as covered_lessons,
        sum(pupil_month.absent_lessons) as absent_lessons,
        {{ largest('pupil_month.absent_lessons') }} as largest_absent_lessons
    from {{ ref('pupil_month') }} as pupil_month
    left join {{ ref('support_day_level') }} as level
        on
            pupil_month.person_key = level.person_key
            and pupil_month.counted_municipality = level.municipality
            and shared_month.last_day between level.valid_from and level.valid_to
    where pupil_month.is_population and pupil_month.month = shared_month.month
    group by
        pupil_month.school_year,
        pupil_month.municipality,
        pupil_month.counted_grade,
        coalesce(level.support_level, 'unknown')
) as counted
