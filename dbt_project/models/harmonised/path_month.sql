-- Of the touched months, and of all months of paths that a touched person shares.
with touched_path as (
    select path.path_id
    from {{ ref('enrolment_path') }} as path
    inner join {{ ref('touched_person') }} as touched_person
        on
            path.person_key = touched_person.person_key
            and path.school_year = touched_person.school_year
),

span_in_month as (
    select
        span.*,
        touched.month
    from {{ ref('path_span') }} as span
    inner join {{ ref('touched_month') }} as touched
        on
            span.municipality = touched.municipality
            and span.valid_to >= touched.month
            and span.valid_from <= {{ last_day_of_month('touched.month') }}
    union
    select
        span.*,
        cast(each.month as date) as month
    from {{ ref('path_span') }} as span
    inner join touched_path
        on span.path_id = touched_path.path_id
    cross join lateral {{ each_month(month_of('span.valid_from'), 'span.valid_to') }} as each (month)
),

span_month as (
    select
        span_in_month.path_id,
        span_in_month.municipality,
        span_in_month.school_number,
        span_in_month.grade,
        span_in_month.month,
        span_in_month.is_taught,
        greatest(span_in_month.valid_from, span_in_month.month) as first_day,
        least(
            span_in_month.valid_to,
            {{ last_day_of_month('span_in_month.month') }},
            {{ days_after('tonight.night', -1) }}
        ) as last_day
    from span_in_month
    cross join {{ ref('stg_night') }} as tonight
    where greatest(span_in_month.valid_from, span_in_month.month) < tonight.night
),

schedule as (
    {{ scheduled_lessons_of('span_month') }}
)

select
    schedule.path_id,
    schedule.municipality,
    schedule.school_number,
    schedule.month,
    coalesce(sum(schedule.scheduled_lessons) filter (where schedule.is_taught), 0) as scheduled_lessons,
    cast(coalesce(sum(schedule.scheduled_days) filter (where schedule.is_taught), 0) as integer) as scheduled_days,
    coalesce(sum(schedule.covered_lessons) filter (where schedule.is_taught), 0) as covered_lessons,
    cast(coalesce(sum(schedule.covered_days) filter (where schedule.is_taught), 0) as integer) as covered_days
from schedule
group by schedule.path_id, schedule.municipality, schedule.school_number, schedule.month
