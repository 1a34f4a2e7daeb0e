{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[
            {"columns": ["month"]},
            {"columns": ["person_key", "day", "municipality"], "unique": true}
        ],
    )
}}

with rejected as (
    select
        rejected_day.municipality,
        rejected_day.person_key,
        rejected_day.day,
        {{ month_of('rejected_day.day') }} as month
    from {{ ref('rejected_pupil_day') }} as rejected_day
    inner join {{ ref('covered_day') }} as covered
        on
            rejected_day.municipality = covered.municipality
            and rejected_day.day = covered.day
),

uncovered as (
    select
        rejected.municipality,
        rejected.person_key,
        rejected.day
    from rejected
    where {{ is_touched('rejected') }}
    -- A code without a regional class: what the pupil did that day is not known.
    {% for model in ['absence_from_lessons', 'absence_from_intervals', 'absence_from_days'] -%}
    union
    select
        absence.municipality,
        absence.person_key,
        absence.day
    from {{ ref(model) }} as absence
    where absence.absence_class is null
    {% endfor -%}
)

select
    uncovered.municipality,
    uncovered.person_key,
    uncovered.day,
    {{ month_of('uncovered.day') }} as month,
    -- What else would count as covered.
    case when calendar.is_covered then calendar.lessons else 0 end as lessons
from uncovered
left join {{ ref('enrolment') }} as enrolment
    on
        uncovered.person_key = enrolment.person_key
        and uncovered.municipality = enrolment.municipality
        and uncovered.day between enrolment.valid_from and enrolment.valid_to
        and enrolment.form is distinct from 'home'
left join {{ ref('calendar') }} as calendar
    on
        enrolment.municipality = calendar.municipality
        and enrolment.school_number = calendar.school_number
        and enrolment.grade = calendar.grade
        and uncovered.day = calendar.day
