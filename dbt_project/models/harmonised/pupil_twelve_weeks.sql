{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_weeks() }}", "{{ forget_recent_weeks() }}"],
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

-- Every recent Sunday is evaluated each night; an older one, when it is covered where the pupil is, for touched pupils.
enrolled_week as (
    select
        enrolment.person_key,
        enrolment.school_year,
        week.week_end,
        week.is_recent
    from {{ ref('enrolment') }} as enrolment
    cross join lateral {{ each_week(sunday_from('enrolment.valid_from'), 'enrolment.valid_to') }} as each (sunday)
    inner join week
        on cast(each.sunday as date) = week.week_end
    left join {{ ref('touched_pupil') }} as touched
        on
            enrolment.person_key = touched.person_key
            and enrolment.school_year = touched.school_year
            and week.week_end >= touched.first_month
    left join {{ ref('covered_week') }} as covered_here
        on
            enrolment.municipality = covered_here.municipality
            and week.week_end = covered_here.week_end
    where week.is_recent or (touched.person_key is not null and covered_here.week_end is not null)
),

first_week as (
    select
        enrolled_week.person_key,
        enrolled_week.school_year,
        {{ days_after('min(enrolled_week.week_end)', '1 - ' ~ definition('week_period_days', 'integer')) }} as first_day
    from enrolled_week
    group by enrolled_week.person_key, enrolled_week.school_year
),

absent_week as (
    select
        absence.person_key,
        first_week.school_year,
        {{ sunday_from('absence.day') }} as week_end,
        sum(absence.lessons) as lessons
    from {{ ref('absence') }} as absence
    inner join first_week
        on
            absence.person_key = first_week.person_key
            and {{ school_year_of('absence.day') }} = first_week.school_year
            and absence.day >= first_week.first_day
    where
        absence.lessons > 0
        and absence.month >= (select {{ month_of('min(any_week.first_day)') }} from first_week as any_week)
    group by absence.person_key, first_week.school_year, {{ sunday_from('absence.day') }}
),

-- What is added on the Sunday of its week is taken away when the twelve weeks are over.
change as (
    select
        enrolled_week.person_key,
        enrolled_week.school_year,
        enrolled_week.week_end,
        true as is_enrolled,
        enrolled_week.is_recent,
        cast(0 as numeric) as lessons
    from enrolled_week
    union all
    select
        absent_week.person_key,
        absent_week.school_year,
        absent_week.week_end,
        false as is_enrolled,
        false as is_recent,
        absent_week.lessons
    from absent_week
    union all
    select
        absent_week.person_key,
        absent_week.school_year,
        {{ days_after('absent_week.week_end', definition('week_period_days', 'integer')) }} as week_end,
        false as is_enrolled,
        false as is_recent,
        -absent_week.lessons as lessons
    from absent_week
),

absent as (
    select
        change.*,
        sum(change.lessons) over (
            partition by change.person_key, change.school_year
            order by change.week_end
        ) as absent_lessons
    from change
),

-- A tier needs so many days; nobody reaches the rate with less than that part of as many of the shortest ones.
candidate as (
    select
        absent.person_key,
        absent.school_year,
        absent.week_end,
        absent.is_recent,
        absent.absent_lessons
    from absent
    where
        absent.is_enrolled
        and (
            absent.is_recent
            or absent.absent_lessons
            >= {{ definition('reach_minimum_rate') }} * {{ definition('period_minimum_days') }} * (
                select min(calendar.lessons) from {{ ref('calendar') }} as calendar
                where calendar.lessons > 0
            )
        )
),

-- Most pupils of a school and grade are there on the same days: their schedule is worked out once for all of them.
enrolled_span as (
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_year,
        enrolment.school_number,
        enrolment.grade,
        enrolment.valid_from,
        enrolment.valid_to,
        enrolment.municipality || '/' || enrolment.school_number || '/' || cast(enrolment.grade as text)
        || '/' || cast(enrolment.valid_from as text) || '/' || cast(enrolment.valid_to as text) as span_key
    from {{ ref('enrolment') }} as enrolment
    where
        enrolment.form is distinct from 'home'
        and enrolment.valid_to >= (select min(week.period_start) from week)
),

span as (
    select distinct
        enrolled_span.span_key,
        enrolled_span.municipality,
        enrolled_span.school_number,
        enrolled_span.grade,
        enrolled_span.valid_from,
        enrolled_span.valid_to
    from enrolled_span
),

span_week as (
    select
        span.*,
        week.week_end,
        week.period_start
    from span
    cross join lateral {{
        each_week(
            sunday_from('span.valid_from'),
            days_after('span.valid_to', definition('week_period_days', 'integer') ~ ' - 1')
        )
    }} as each (sunday)
    inner join week
        on
            cast(each.sunday as date) = week.week_end
            and span.valid_to >= week.period_start
),

-- What was scheduled up to the last day, less what was up to the day before the first.
span_edge as (
    select
        span_week.*,
        edge.day,
        edge.sign
    from span_week
    cross join lateral (
        values
        ({{ days_after('greatest(span_week.valid_from, span_week.period_start)', -1) }}, -1),
        (least(span_week.valid_to, span_week.week_end), 1)
    ) as edge (day, sign)
),

-- Materialised, because the planner cannot know how many weeks there are.
span_schedule as materialized (
    select
        span_edge.span_key,
        span_edge.week_end,
        sum(span_edge.sign * until.lessons_to) as scheduled_lessons,
        sum(span_edge.sign * until.covered_lessons_to) as covered_lessons,
        sum(span_edge.sign * until.covered_days_to) as covered_days
    from span_edge
    left join {{ ref('calendar_sum') }} as until
        on
            span_edge.municipality = until.municipality
            and span_edge.school_number = until.school_number
            and span_edge.grade = until.grade
            and span_edge.day = until.day
    group by span_edge.span_key, span_edge.week_end
),

uncovered as (
    select
        uncovered_day.person_key,
        week.week_end,
        sum(uncovered_day.lessons) as lessons,
        count(*) as days
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
        coalesce(sum(schedule.scheduled_lessons), 0) as scheduled_lessons,
        coalesce(sum(schedule.covered_lessons), 0) - coalesce(max(uncovered.lessons), 0) as covered_lessons,
        coalesce(sum(schedule.covered_days), 0) - coalesce(max(uncovered.days), 0) as covered_days
    from candidate
    left join enrolled_span
        on
            candidate.person_key = enrolled_span.person_key
            and candidate.school_year = enrolled_span.school_year
    left join span_schedule as schedule
        on
            enrolled_span.span_key = schedule.span_key
            and candidate.week_end = schedule.week_end
    left join uncovered
        on
            candidate.person_key = uncovered.person_key
            and candidate.week_end = uncovered.week_end
    group by
        candidate.person_key, candidate.school_year, candidate.week_end, candidate.is_recent, candidate.absent_lessons
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
