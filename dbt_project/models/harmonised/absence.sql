{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[{"columns": ["month"]}, {"columns": ["person_key"]}],
    )
}}

with day_absence as (
    {% for model in ['absence_from_lessons', 'absence_from_intervals', 'absence_from_days'] -%}
    select
        absence.municipality,
        absence.person_key,
        absence.day,
        absence.absence_class,
        absence.lessons,
        absence.late_marks,
        absence.late_minutes
    from {{ ref(model) }} as absence
    where absence.absence_class is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

scheduled_day as (
    select
        day_absence.municipality,
        day_absence.person_key,
        enrolment.school_number,
        day_absence.day,
        {{ month_of('day_absence.day') }} as month,
        day_absence.absence_class,
        class.priority,
        class.is_absence,
        day_absence.lessons,
        day_absence.late_marks,
        day_absence.late_minutes,
        coalesce(calendar.lessons, 0) as scheduled_lessons
    from day_absence
    inner join {{ ref('absence_class') }} as class
        on day_absence.absence_class = class.absence_class
    left join {{ ref('enrolment') }} as enrolment
        on
            day_absence.person_key = enrolment.person_key
            and day_absence.municipality = enrolment.municipality
            and day_absence.day between enrolment.valid_from and enrolment.valid_to
            and enrolment.form is distinct from 'home'
    left join {{ ref('calendar') }} as calendar
        on
            enrolment.municipality = calendar.municipality
            and enrolment.school_number = calendar.school_number
            and enrolment.grade = calendar.grade
            and day_absence.day = calendar.day
    left join {{ ref('uncovered_pupil_day') }} as uncovered
        on
            day_absence.municipality = uncovered.municipality
            and day_absence.person_key = uncovered.person_key
            and day_absence.day = uncovered.day
    where uncovered.day is null and coalesce(calendar.is_covered, true)
),

-- Only a monthly source has pupils' months that are covered as such.
school_month as (
    select
        schedule.municipality,
        schedule.person_key,
        schedule.school_number,
        schedule.month,
        schedule.scheduled_lessons
    from {{ ref('pupil_schedule_month') }} as schedule
    inner join {{ ref('covered_pupil_month') }} as covered
        on
            schedule.municipality = covered.municipality
            and schedule.person_key = covered.person_key
            and schedule.month = covered.month
    where {{ is_touched('schedule') }}
),

month_schedule as (
    select
        school_month.municipality,
        school_month.person_key,
        school_month.month,
        sum(school_month.scheduled_lessons) as scheduled_lessons
    from school_month
    group by school_month.municipality, school_month.person_key, school_month.month
),

scheduled_month as (
    select
        absence.municipality,
        absence.person_key,
        absence.month,
        absence.absence_class,
        class.priority,
        class.is_absence,
        absence.lessons,
        coalesce(month_schedule.scheduled_lessons, 0) as scheduled_lessons
    from {{ ref('absence_from_months') }} as absence
    inner join {{ ref('absence_class') }} as class
        on absence.absence_class = class.absence_class
    inner join {{ ref('covered_pupil_month') }} as covered
        on
            absence.municipality = covered.municipality
            and absence.person_key = covered.person_key
            and absence.month = covered.month
    left join month_schedule
        on
            absence.municipality = month_schedule.municipality
            and absence.person_key = month_schedule.person_key
            and absence.month = month_schedule.month
    where absence.reported_values > 0
),

-- The cap: classes are filled in the table's order up to the scheduled lessons, the rest is surplus.
capped_day as (
    select
        scheduled_day.*,
        {{ within_schedule('scheduled_day', 'earlier_classes') }} as kept_lessons
    from scheduled_day
    window earlier_classes as (
        partition by scheduled_day.person_key, scheduled_day.day, scheduled_day.municipality
        order by scheduled_day.priority
        rows between unbounded preceding and 1 preceding
    )
),

capped_month as (
    select
        scheduled_month.*,
        {{ within_schedule('scheduled_month', 'earlier_classes') }} as kept_lessons
    from scheduled_month
    window earlier_classes as (
        partition by scheduled_month.person_key, scheduled_month.month, scheduled_month.municipality
        order by scheduled_month.priority
        rows between unbounded preceding and 1 preceding
    )
),

-- A month with two schools of one municipality is split by scheduled lessons.
school_share as (
    select
        school_month.municipality,
        school_month.person_key,
        school_month.school_number,
        school_month.month,
        sum(school_month.scheduled_lessons) over schools_so_far as lessons_to,
        sum(school_month.scheduled_lessons) over schools_so_far - school_month.scheduled_lessons as lessons_before,
        sum(school_month.scheduled_lessons) over all_schools as lessons_of_all,
        count(*) over all_schools as school_count
    from school_month
    where school_month.scheduled_lessons > 0
    window
        all_schools as (
            partition by school_month.person_key, school_month.month, school_month.municipality
        ),
        schools_so_far as (
            partition by school_month.person_key, school_month.month, school_month.municipality
            order by school_month.school_number
            rows between unbounded preceding and current row
        )
)

select
    capped_day.municipality,
    capped_day.person_key,
    capped_day.school_number,
    capped_day.day,
    capped_day.month,
    capped_day.absence_class,
    capped_day.lessons as reported_lessons,
    capped_day.kept_lessons as lessons,
    capped_day.lessons - capped_day.kept_lessons as surplus_lessons,
    capped_day.late_marks,
    capped_day.late_minutes,
    false as is_split
from capped_day
union all
select
    capped_month.municipality,
    capped_month.person_key,
    school_share.school_number,
    cast(null as date) as day,
    capped_month.month,
    capped_month.absence_class,
    {{ share_of_school('capped_month.lessons', 'school_share') }} as reported_lessons,
    {{ share_of_school('capped_month.kept_lessons', 'school_share') }} as lessons,
    {{ share_of_school('(capped_month.lessons - capped_month.kept_lessons)', 'school_share') }} as surplus_lessons,
    0 as late_marks,
    cast(null as numeric) as late_minutes,
    coalesce(school_share.school_count > 1, false) as is_split
from capped_month
left join school_share
    on
        capped_month.municipality = school_share.municipality
        and capped_month.person_key = school_share.person_key
        and capped_month.month = school_share.month
