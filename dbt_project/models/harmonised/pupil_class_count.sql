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

-- A month at a time, so that only its rows are read.
select
    counted.school_year,
    shared_month.month,
    counted.municipality,
    counted.grade,
    counted.absence_class,
    counted.pupils_with_absence,
    counted.absent_lessons,
    counted.largest_absent_lessons
from shared_month
cross join lateral (
    select
        pupil_month.school_year,
        pupil_month.municipality,
        pupil_month.counted_grade as grade,
        absence.absence_class,
        count(*) as pupils_with_absence,
        sum(absence.lessons) as absent_lessons,
        {{ largest('absence.lessons') }} as largest_absent_lessons
    from {{ ref('pupil_month') }} as pupil_month
    inner join {{ ref('pupil_month_absence') }} as absence
        on
            pupil_month.person_key = absence.person_key
            and pupil_month.municipality = absence.municipality
    where
        pupil_month.is_population
        and pupil_month.month = shared_month.month
        and absence.month = shared_month.month
    group by
        pupil_month.school_year,
        pupil_month.municipality,
        pupil_month.counted_grade,
        absence.absence_class
) as counted
