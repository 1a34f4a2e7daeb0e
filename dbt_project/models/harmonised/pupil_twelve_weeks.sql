{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=[
            "{{ plan_for_all(always=true) }}", "{{ forget_touched_weeks() }}", "{{ forget_recent_weeks() }}"
        ],
        indexes=[
            {"columns": ["person_key", "week_end"], "unique": true}, {"columns": ["week_end"]}
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

-- The lessons absent in twelve weeks, from a Sunday on which they change up to the next such one. Of rows of one Sunday
-- all have the sum of all of them, and the last one alone lasts to the next Sunday.
absent as (
    select
        change.person_key,
        change.school_year,
        change.week_end,
        change.is_recent,
        sum(change.lessons) over weeks_so_far as absent_lessons,
        lead(change.week_end) over weeks_so_far as next_week_end
    from change
    window weeks_so_far as (
        partition by change.person_key, change.school_year
        order by change.week_end
    )
),

-- A tier needs so many days; nobody reaches the rate with less than that part of as many of the shortest ones.
high as (
    select
        absent.*,
        touched.first_month
    from absent
    inner join {{ ref('touched_pupil') }} as touched
        on
            absent.person_key = touched.person_key
            and absent.school_year = touched.school_year
    where
        absent.week_end < absent.next_week_end
        and absent.absent_lessons
        >= {{ definition('reach_minimum_rate') }} * {{ definition('period_minimum_days') }} * (
            select min(calendar.lessons) from {{ ref('calendar') }} as calendar
            where calendar.lessons > 0
        )
),

-- Materialised, because the planner cannot know how many weeks there are.
high_week as materialized (
    select
        high.person_key,
        high.school_year,
        high.absent_lessons,
        cast(each.sunday as date) as week_end
    from high
    cross join lateral {{ each_week('high.week_end', 'high.next_week_end') }} as each (sunday)
    where each.sunday >= high.first_month and each.sunday < high.next_week_end
),

candidate as (
    select
        absent.person_key,
        absent.school_year,
        absent.week_end,
        absent.is_recent,
        absent.absent_lessons
    from absent
    where absent.is_recent
    union all
    select
        high_week.person_key,
        high_week.school_year,
        high_week.week_end,
        false as is_recent,
        high_week.absent_lessons
    from high_week
    inner join week
        on
            high_week.school_year = week.school_year
            and high_week.week_end = week.week_end
            and not week.is_recent
),

span_week as (
    select
        span.path_id,
        span.municipality,
        span.school_number,
        span.grade,
        week.week_end,
        greatest(span.valid_from, week.period_start) as first_day,
        least(span.valid_to, week.week_end) as last_day
    from {{ ref('path_span') }} as span
    inner join week
        on
            span.school_year = week.school_year
            and span.valid_from <= week.week_end
            and span.valid_to >= week.period_start
    cross join first_week
    where span.is_taught and week.week_end >= first_week.first_day
),

-- Materialised, so that it is worked out for the few paths before it meets their many pupils.
schedule as materialized (
    {{ scheduled_lessons_of('span_week') }}
),

path_schedule as (
    select
        schedule.path_id,
        schedule.week_end,
        sum(schedule.scheduled_lessons) as scheduled_lessons,
        sum(schedule.covered_lessons) as covered_lessons,
        cast(sum(schedule.covered_days) as integer) as covered_days
    from schedule
    group by schedule.path_id, schedule.week_end
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

-- A Sunday counts where the pupil is enrolled on it; an older one when it is covered there.
evaluated as (
    select
        candidate.person_key,
        candidate.week_end,
        candidate.school_year,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.form,
        candidate.is_recent,
        candidate.absent_lessons,
        coalesce(schedule.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(schedule.covered_lessons, 0) - coalesce(uncovered.lessons, 0) as covered_lessons,
        coalesce(schedule.covered_days, 0) - coalesce(uncovered.days, 0) as covered_days
    from candidate
    inner join {{ ref('enrolment') }} as enrolment
        on
            candidate.person_key = enrolment.person_key
            and candidate.school_year = enrolment.school_year
            and candidate.week_end between enrolment.valid_from and enrolment.valid_to
    inner join {{ ref('enrolment_path') }} as path
        on
            candidate.person_key = path.person_key
            and candidate.school_year = path.school_year
    left join {{ ref('covered_week') }} as covered_here
        on
            enrolment.municipality = covered_here.municipality
            and candidate.week_end = covered_here.week_end
    left join path_schedule as schedule
        on
            path.path_id = schedule.path_id
            and candidate.week_end = schedule.week_end
    left join uncovered
        on
            candidate.person_key = uncovered.person_key
            and candidate.week_end = uncovered.week_end
    where candidate.is_recent or covered_here.week_end is not null
),

judged as materialized (
    select
        evaluated.*,
        {{ no_tier_reason('evaluated', "'last_12_weeks'") }} as no_tier_reason
    from evaluated
    where
        evaluated.is_recent
        or evaluated.absent_lessons >= {{ definition('reach_minimum_rate') }} * evaluated.covered_lessons
)

select
    judged.person_key,
    judged.week_end,
    judged.school_year,
    judged.municipality,
    judged.school_number,
    judged.grade,
    (band.grade_band is not null and judged.form is distinct from 'home') as is_population,
    judged.scheduled_lessons,
    judged.covered_lessons,
    judged.covered_days,
    judged.absent_lessons,
    case when judged.covered_lessons > 0 then judged.absent_lessons / judged.covered_lessons end as absence_rate,
    tier.tier,
    judged.no_tier_reason
from judged
left join {{ ref('grade_band') }} as band
    on
        judged.grade = band.grade
        and band.grade_band <> 'all'
left join {{ ref('attendance_tier') }} as tier
    on {{ is_in_tier('judged', 'tier') }}
where judged.is_recent or tier.tier is not null
