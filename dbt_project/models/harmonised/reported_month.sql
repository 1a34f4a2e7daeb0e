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
        covered.month,
        covered.delivery_id
    from {{ ref('covered_month') }} as covered
    inner join {{ ref('touched_day') }} as touched
        on
            covered.municipality = touched.municipality
            and covered.month = touched.day
)

select
    absence.municipality,
    absence.pupil_ref,
    absence.month as day,
    absence.month,
    absence.absence_class,
    absence.lessons
from {{ ref('stg_absence_month') }} as absence
inner join decided
    on
        absence.delivery_id = decided.delivery_id
        and absence.month = decided.month
where {{ is_one_of('absence.delivery_id', 'select one.delivery_id from decided as one') }}
