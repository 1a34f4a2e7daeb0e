{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_changed_calendars() }}",
        indexes=[{"columns": ["day"]}],
    )
}}

with delivered as (
    select
        school_day.municipality,
        school_day.school_year,
        school_day.school_number,
        school_day.grade,
        school_day.day,
        school_day.lessons,
        school_day.day_start,
        school_day.slot_minutes,
        row_number() over (
            partition by school_day.school_number, school_day.grade, school_day.day, school_day.municipality
            order by school_day.row_number desc
        ) as newest
    from {{ ref('stg_school_day') }} as school_day
    where
        {{ is_one_of(
            'school_day.delivery_id', 'select change.delivery_id from ' ~ ref('calendar_change') ~ ' as change'
        ) }}
        -- An extract speaks for the days of its own school year only.
        and school_day.day between
        {{ school_year_start('school_day.school_year') }} and {{ school_year_end('school_day.school_year') }}
)

select
    delivered.municipality,
    delivered.school_year,
    delivered.school_number,
    delivered.grade,
    delivered.day,
    {{ month_of('delivered.day') }} as month,
    delivered.lessons,
    delivered.day_start,
    delivered.slot_minutes
from delivered
where delivered.newest = 1
