{{ config(indexes=[{"columns": ["municipality", "month"]}]) }}

with bound as (
    select
        least({{ built_night() }}, tonight.night) as first_night,
        greatest({{ built_night() }}, tonight.night) as last_night
    from {{ ref('stg_night') }} as tonight
),

-- Lessons are scheduled up to the day before the night: the running month, and what has passed since the last build.
-- With nothing built all months: a pupil without a calendar is known as one of whom nothing is.
running_month as (
    select cast(each.month as date) as month
    from bound
    cross join lateral {{
        each_month(
            'case when ' ~ built_night() ~ ' is null then (select '
            ~ school_year_start('min(delivery.school_year)') ~ ' from ' ~ ref('stg_delivery')
            ~ ' as delivery) else ' ~ month_of(days_after('bound.first_night', -1)) ~ ' end',
            'bound.last_night'
        )
    }} as each (month)
),

rejection as (
    {{ changed_rows('rejected_pupil_day', ['municipality', 'person_key', 'day']) }}
),

school_rejection as (
    {{ changed_rows('uncovered_school_day', ['municipality', 'school_number', 'day']) }}
)

select
    municipality.municipality,
    running_month.month
from {{ source('reference', 'municipality') }} as municipality
cross join running_month
union
select
    touched.municipality,
    {{ month_of('touched.day') }} as month
from {{ ref('touched_day') }} as touched
union
select
    rejection.municipality,
    {{ month_of('rejection.day') }} as month
from rejection
union
select
    school_rejection.municipality,
    {{ month_of('school_rejection.day') }} as month
from school_rejection
union
select
    change.municipality,
    cast(each.month as date) as month
from {{ ref('calendar_change') }} as change
cross join lateral {{
    each_month(school_year_start('change.school_year'), school_year_end('change.school_year'))
}} as each (month)
