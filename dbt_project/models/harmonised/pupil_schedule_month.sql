with span as (
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.form,
        cast(each.month as date) as month,
        greatest(enrolment.valid_from, cast(each.month as date)) as first_day,
        least(
            enrolment.valid_to,
            {{ last_day_of_month('each.month') }},
            {{ days_after('tonight.night', -1) }}
        ) as last_day
    from {{ ref('enrolment') }} as enrolment
    cross join {{ ref('stg_night') }} as tonight
    cross join lateral {{ each_month(month_of('enrolment.valid_from'), 'enrolment.valid_to') }} as each (month)
)

select
    span.person_key,
    span.municipality,
    span.school_number,
    span.month,
    coalesce(sum(until_last.lessons_to - until_first.lessons_to), 0) as scheduled_lessons,
    coalesce(sum(until_last.days_to - until_first.days_to), 0) as scheduled_days,
    coalesce(sum(until_last.covered_lessons_to - until_first.covered_lessons_to), 0) as covered_lessons,
    coalesce(sum(until_last.covered_days_to - until_first.covered_days_to), 0) as covered_days
from span
-- Home education has no lessons of the school.
left join {{ ref('calendar_sum') }} as until_first
    on
        span.municipality = until_first.municipality
        and span.school_number = until_first.school_number
        and span.grade = until_first.grade
        and {{ days_after('span.first_day', -1) }} = until_first.day
        and span.form is distinct from 'home'
left join {{ ref('calendar_sum') }} as until_last
    on
        span.municipality = until_last.municipality
        and span.school_number = until_last.school_number
        and span.grade = until_last.grade
        and span.last_day = until_last.day
        and span.form is distinct from 'home'
where span.first_day <= span.last_day
group by span.person_key, span.municipality, span.school_number, span.month
