{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_days() }}",
        indexes=[{"columns": ["month"]}, {"columns": ["pupil_ref"]}],
    )
}}

with decided as (
    select
        covered.municipality,
        covered.day,
        covered.delivery_id
    from {{ ref('covered_day') }} as covered
    inner join {{ ref('touched_day') }} as touched
        on
            covered.municipality = touched.municipality
            and covered.day = touched.day
)

select
    absence.municipality,
    absence.pupil_ref,
    absence.day,
    {{ month_of('absence.day') }} as month,
    absence.lesson,
    absence.absence_class,
    absence.minutes
from {{ ref('stg_absence_lesson') }} as absence
inner join decided
    on
        absence.delivery_id = decided.delivery_id
        and absence.day = decided.day
where {{ is_one_of('absence.delivery_id', 'select one.delivery_id from decided as one') }}
