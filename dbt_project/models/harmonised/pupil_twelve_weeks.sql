{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=[
            "{{ plan_for_all(always=true) }}", "{{ forget_touched_weeks() }}", "{{ forget_recent_weeks() }}"
        ],
        indexes=[
            {"columns": ["person_key", "week_end"], "unique": true}, {"columns": ["municipality", "week_end"]}
        ],
    )
}}

-- The weeks to evaluate. Nothing below needs the result of another week, so this is the one place that says which.
with week as (
    select
        covered.week_end,
        covered.school_year,
        greatest(
            {{ days_after('covered.week_end', '1 - ' ~ definition('week_period_days', 'integer')) }},
            {{ school_year_start('covered.school_year') }}
        ) as period_start,
        min(covered.recency) <= 2 as is_recent
    from {{ ref('covered_week') }} as covered
    group by covered.week_end, covered.school_year
),

-- Every recent Sunday is evaluated each night, also of pupils who were never absent.
recent_week as (
    select
        enrolment.person_key,
        enrolment.school_year,
        week.week_end
    from {{ ref('enrolment') }} as enrolment
    inner join week
        on
            enrolment.school_year = week.school_year
            and week.is_recent
            and week.week_end between enrolment.valid_from and enrolment.valid_to
),

-- From which day on absences count: those of the first twelve weeks that are evaluated.
first_week as (
    select
        {{ days_after('min(week.week_end)', '1 - ' ~ definition('week_period_days', 'integer')) }} as first_day
    from week
    where
        week.is_recent
        or week.week_end >= (select min(touched.first_month) from {{ ref('touched_pupil') }} as touched)
),

absent_week as (
    select
        absence.person_key,
        absence.school_year,
        absence.week_end,
        absence.lessons
    from {{ ref('pupil_week_absence') }} as absence
    inner join first_week
        on absence.week_end >= first_week.first_day
),

-- What is added on the Sunday of its week is taken away when the twelve weeks are over.
change as (
    select
        absent_week.person_key,
        absent_week.school_year,
        absent_week.week_end,
        absent_week.lessons,
        false as is_recent
    from absent_week
    union all
    select
        absent_week.person_key,
        absent_week.school_year,
        {{ days_after('absent_week.week_end', definition('week_period_days', 'integer')) }} as week_end,
        -absent_week.lessons as lessons,
        false as is_recent
    from absent_week
    union all
    select
        recent_week.person_key,
        recent_week.school_year,
        recent_week.week_end,
        0 as lessons,
        true as is_recent
    from recent_week
),

changed_week as (
    select
        change.person_key,
        change.school_year,
        change.week_end,
        sum(change.lessons) as lessons,
        max(case when change.is_recent then 1 else 0 end) = 1 as is_recent
    from change
    group by change.person_key, change.school_year, change.week_end
),

-- The lessons absent in twelve weeks, from a Sunday on which they change up to the next such one.
absent as (
    select
        changed_week.person_key,
        changed_week.school_year,
        changed_week.week_end,
        changed_week.is_recent,
        sum(changed_week.lessons) over weeks_so_far as absent_lessons,
        lead(changed_week.week_end) over weeks_so_far as next_week_end
    from changed_week
    window weeks_so_far as (
        partition by changed_week.person_key, changed_week.school_year
        order by changed_week.week_end
    )
),

-- A tier needs so many days; nobody reaches the rate with less than that part of as many of the shortest ones.
high as (
    select absent.*
    from absent
    where
        absent.absent_lessons
        >= {{ definition('reach_minimum_rate') }} * {{ definition('period_minimum_days') }} * (
            select min(calendar.lessons) from {{ ref('calendar') }} as calendar
            where calendar.lessons > 0
        )
),

-- An older Sunday counts when it is covered where the pupil is, for touched pupils.
older_week as (
    select
        high.person_key,
        high.school_year,
        week.week_end,
        high.absent_lessons
    from high
    inner join {{ ref('touched_pupil') }} as touched
        on
            high.person_key = touched.person_key
            and high.school_year = touched.school_year
    cross join lateral {{ each_week('high.week_end', 'high.next_week_end') }} as each (sunday)
    inner join week
        on
            cast(each.sunday as date) = week.week_end
            and high.school_year = week.school_year
            and touched.first_month <= week.week_end
            and high.next_week_end > week.week_end
            and not week.is_recent
    inner join {{ ref('enrolment') }} as enrolment
        on
            high.person_key = enrolment.person_key
            and high.school_year = enrolment.school_year
            and week.week_end between enrolment.valid_from and enrolment.valid_to
    inner join {{ ref('covered_week') }} as covered_here
        on
            enrolment.municipality = covered_here.municipality
            and week.week_end = covered_here.week_end
),

-- Materialised, because the planner cannot know how many weeks there are.
candidate as materialized (
    select
        absent.person_key,
        absent.school_year,
        absent.week_end,
        true as is_recent,
        absent.absent_lessons
    from absent
    where absent.is_recent
    union all
    select
        older_week.person_key,
        older_week.school_year,
        older_week.week_end,
        false as is_recent,
        older_week.absent_lessons
    from older_week
),

-- Every enrolment that a candidate's twelve weeks meet.
enrolled_span as (
    select
        candidate.person_key,
        candidate.week_end,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.span_id,
        greatest(enrolment.valid_from, week.period_start) as first_day,
        least(enrolment.valid_to, candidate.week_end) as last_day
    from candidate
    inner join week
        on
            candidate.week_end = week.week_end
            and candidate.school_year = week.school_year
    inner join {{ ref('enrolment') }} as enrolment
        on
            candidate.person_key = enrolment.person_key
            and candidate.school_year = enrolment.school_year
            and candidate.week_end >= enrolment.valid_from
            and week.period_start <= enrolment.valid_to
    where enrolment.span_id is not null
),

span_week as (
    select distinct
        enrolled_span.span_id,
        enrolled_span.municipality,
        enrolled_span.school_number,
        enrolled_span.grade,
        enrolled_span.week_end,
        enrolled_span.first_day,
        enrolled_span.last_day
    from enrolled_span
),

-- Materialised, so that it is worked out for the few spans before it meets their many pupils.
schedule as materialized (
    {{ scheduled_lessons_of('span_week') }}
),

pupil_schedule as (
    select
        enrolled_span.person_key,
        enrolled_span.week_end,
        sum(schedule.scheduled_lessons) as scheduled_lessons,
        sum(schedule.covered_lessons) as covered_lessons,
        cast(sum(schedule.covered_days) as integer) as covered_days
    from enrolled_span
    inner join schedule
        on
            enrolled_span.span_id = schedule.span_id
            and enrolled_span.week_end = schedule.week_end
    group by enrolled_span.person_key, enrolled_span.week_end
),

uncovered as (
    select
        uncovered_day.person_key,
        week.week_end,
        sum(uncovered_day.lessons) as lessons,
        cast(count(*) as integer) as days
    from {{ ref('uncovered_pupil_day') }} as uncovered_day
    inner join week
        on uncovered_day.day between week.period_start and week.week_end
    where uncovered_day.lessons > 0
    group by uncovered_day.person_key, week.week_end
),

evaluated as (
    select
        candidate.person_key,
        candidate.school_year,
        candidate.week_end,
        candidate.is_recent,
        candidate.absent_lessons,
        coalesce(schedule.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(schedule.covered_lessons, 0) - coalesce(uncovered.lessons, 0) as covered_lessons,
        coalesce(schedule.covered_days, 0) - coalesce(uncovered.days, 0) as covered_days
    from candidate
    left join pupil_schedule as schedule
        on
            candidate.person_key = schedule.person_key
            and candidate.week_end = schedule.week_end
    left join uncovered
        on
            candidate.person_key = uncovered.person_key
            and candidate.week_end = uncovered.week_end
),

judged as (
    select
        evaluated.*,
        tier.tier,
        known.no_tier_reason
    from evaluated
    {{ attendance_tier_joins('evaluated', "'last_12_weeks'") }}
    where
        evaluated.is_recent
        or evaluated.absent_lessons >= {{ definition('reach_minimum_rate') }} * evaluated.covered_lessons
)

select
    judged.person_key,
    judged.week_end,
    judged.school_year,
    enrolment.municipality,
    enrolment.school_number,
    enrolment.grade,
    (band.grade_band is not null and enrolment.form is distinct from 'home') as is_population,
    judged.scheduled_lessons,
    judged.covered_lessons,
    judged.covered_days,
    judged.absent_lessons,
    case when judged.covered_lessons > 0 then judged.absent_lessons / judged.covered_lessons end as absence_rate,
    judged.tier,
    judged.no_tier_reason
from judged
inner join {{ ref('enrolment') }} as enrolment
    on
        judged.person_key = enrolment.person_key
        and judged.school_year = enrolment.school_year
        and judged.week_end between enrolment.valid_from and enrolment.valid_to
left join {{ ref('grade_band') }} as band
    on
        enrolment.grade = band.grade
        and band.grade_band <> 'all'
where judged.is_recent or judged.tier is not null
