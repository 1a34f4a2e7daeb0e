{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[{"columns": ["municipality", "month"]}, {"columns": ["person_key"]}],
    )
}}

with enrolled_month as (
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.form,
        enrolment.valid_from,
        enrolment.valid_to,
        touched.month
    from {{ ref('enrolment') }} as enrolment
    inner join {{ ref('touched_month') }} as touched
        on
            enrolment.municipality = touched.municipality
            and enrolment.valid_to >= touched.month
            and enrolment.valid_from <= {{ last_day_of_month('touched.month') }}
    union all
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.form,
        enrolment.valid_from,
        enrolment.valid_to,
        cast(each.month as date) as month
    from {{ ref('enrolment') }} as enrolment
    inner join {{ ref('touched_person') }} as touched_person
        on enrolment.person_key = touched_person.person_key
    cross join lateral {{ each_month(month_of('enrolment.valid_from'), 'enrolment.valid_to') }} as each (month)
    left join {{ ref('touched_month') }} as touched
        on
            enrolment.municipality = touched.municipality
            and cast(each.month as date) = touched.month
    where touched.month is null
),

span as (
    select
        enrolled_month.*,
        greatest(enrolled_month.valid_from, enrolled_month.month) as first_day,
        least(
            enrolled_month.valid_to,
            {{ last_day_of_month('enrolled_month.month') }},
            {{ days_after('tonight.night', -1) }}
        ) as last_day
    from enrolled_month
    cross join {{ ref('stg_night') }} as tonight
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
