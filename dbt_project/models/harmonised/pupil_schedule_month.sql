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
        enrolment.span_id,
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
        enrolment.span_id,
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

span_month as (
    select distinct
        enrolled_month.span_id,
        enrolled_month.municipality,
        enrolled_month.school_number,
        enrolled_month.grade,
        enrolled_month.month,
        greatest(enrolled_month.valid_from, enrolled_month.month) as first_day,
        least(
            enrolled_month.valid_to,
            {{ last_day_of_month('enrolled_month.month') }},
            {{ days_after('tonight.night', -1) }}
        ) as last_day
    from enrolled_month
    cross join {{ ref('stg_night') }} as tonight
),

-- Home education has no lessons of the school; it is no span. Materialised, so that it is worked out for the few spans
-- before it meets their many pupils.
schedule as materialized (
    {{ scheduled_lessons_of('span_month') }}
    where span_month.span_id is not null
)

select
    enrolled_month.person_key,
    enrolled_month.municipality,
    enrolled_month.school_number,
    enrolled_month.month,
    coalesce(sum(schedule.scheduled_lessons), 0) as scheduled_lessons,
    cast(coalesce(sum(schedule.scheduled_days), 0) as integer) as scheduled_days,
    coalesce(sum(schedule.covered_lessons), 0) as covered_lessons,
    cast(coalesce(sum(schedule.covered_days), 0) as integer) as covered_days
from enrolled_month
cross join {{ ref('stg_night') }} as tonight
left join schedule
    on
        enrolled_month.span_id = schedule.span_id
        and enrolled_month.month = schedule.month
where greatest(enrolled_month.valid_from, enrolled_month.month) < tonight.night
group by
    enrolled_month.person_key, enrolled_month.municipality, enrolled_month.school_number, enrolled_month.month
