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

select
    pupil_month.school_year,
    pupil_month.month,
    pupil_month.municipality,
    pupil_month.counted_grade as grade,
    absence.absence_class,
    count(*) as pupils_with_absence,
    sum(absence.lessons) as absent_lessons
from {{ ref('pupil_month') }} as pupil_month
inner join shared_month
    on pupil_month.month = shared_month.month
inner join {{ ref('pupil_month_absence') }} as absence
    on
        pupil_month.person_key = absence.person_key
        and pupil_month.municipality = absence.municipality
        and pupil_month.month = absence.month
where
    pupil_month.is_population
    and {{ is_one_of('pupil_month.month', 'select shared_month.month from shared_month') }}
    and {{ is_one_of('absence.month', 'select shared_month.month from shared_month') }}
group by
    pupil_month.school_year,
    pupil_month.month,
    pupil_month.municipality,
    pupil_month.counted_grade,
    absence.absence_class
