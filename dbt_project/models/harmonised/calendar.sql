{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_months() }}",
        indexes=[
            {"columns": ["month"]},
            {"columns": ["school_number", "grade", "day", "municipality"], "unique": true}
        ],
    )
}}

with uncovered as (
    select distinct
        school_day.municipality,
        school_day.school_number,
        school_day.day
    from {{ ref('uncovered_school_day') }} as uncovered_day
    inner join {{ ref('timetable') }} as school_day
        on
            uncovered_day.municipality = school_day.municipality
            and uncovered_day.day = school_day.day
            and (
                uncovered_day.school_number is null
                or uncovered_day.school_number = school_day.school_number
            )
)

select
    timetable.municipality,
    timetable.school_number,
    timetable.grade,
    timetable.day,
    timetable.month,
    timetable.lessons,
    timetable.day_start,
    timetable.slot_minutes,
    covered.day is not null
    and uncovered.day is null
    -- Without its hours nobody can tell which of a day's lessons an interval meets.
    and (
        municipality.absence_grain <> 'interval'
        or (timetable.day_start is not null and timetable.slot_minutes is not null)
    ) as is_covered
from {{ ref('timetable') }} as timetable
inner join {{ ref('touched_month') }} as touched
    on
        timetable.municipality = touched.municipality
        and timetable.month = touched.month
inner join {{ source('reference', 'municipality') }} as municipality
    on timetable.municipality = municipality.municipality
left join {{ ref('covered_day') }} as covered
    on
        timetable.municipality = covered.municipality
        and timetable.day = covered.day
left join uncovered
    on
        timetable.municipality = uncovered.municipality
        and timetable.school_number = uncovered.school_number
        and timetable.day = uncovered.day
