{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_pupils() }}",
        indexes=[{"columns": ["person_key", "school_year", "month"]}],
    )
}}

-- Months and the school year to date are sums of months; a running month is summed to the day before the night.
with to_date as (
    select known.*
    from {{ ref('pupil_sum') }} as known
    inner join {{ ref('touched_pupil') }} as touched
        on
            known.person_key = touched.person_key
            and known.school_year = touched.school_year
            and known.month >= touched.first_month
),

week_period as (
    select
        period.period_start,
        period.period_end,
        period.month,
        {{ school_year_of('period.period_end') }} as school_year
    from {{ ref('period') }} as period
    where period.period_type = 'last_12_weeks'
),

span_week as (
    select
        span.path_id,
        span.municipality,
        span.school_number,
        span.grade,
        week_period.period_end,
        greatest(span.valid_from, week_period.period_start) as first_day,
        least(span.valid_to, week_period.period_end) as last_day
    from {{ ref('path_span') }} as span
    inner join week_period
        on
            span.school_year = week_period.school_year
            and span.valid_from <= week_period.period_end
            and span.valid_to >= week_period.period_start
    where
        span.is_taught
        and week_period.month >= (select min(touched.first_month) from {{ ref('touched_pupil') }} as touched)
),

-- Materialised, so that it is worked out for the few paths before it meets their many pupils.
schedule as materialized (
    {{ scheduled_lessons_of('span_week') }}
),

week_schedule as (
    select
        schedule.path_id,
        schedule.period_end,
        sum(schedule.scheduled_lessons) as scheduled_lessons,
        sum(schedule.covered_lessons) as covered_lessons,
        cast(sum(schedule.covered_days) as integer) as covered_days
    from schedule
    group by schedule.path_id, schedule.period_end
),

week_uncovered as (
    select
        uncovered.person_key,
        week_period.period_end,
        sum(uncovered.lessons) as lessons,
        cast(count(*) as integer) as days
    from {{ ref('uncovered_pupil_day') }} as uncovered
    inner join week_period
        on uncovered.day between week_period.period_start and week_period.period_end
    inner join {{ ref('touched_pupil') }} as touched
        on
            uncovered.person_key = touched.person_key
            and week_period.school_year = touched.school_year
            and week_period.month >= touched.first_month
    where uncovered.lessons > 0
    group by uncovered.person_key, week_period.period_end
),

-- A period of weeks starts on a Monday, or with the school year.
week_absent as (
    select
        absence.person_key,
        week_period.period_end,
        sum(absence.lessons) as absent_lessons
    from {{ ref('pupil_week_absence') }} as absence
    inner join week_period
        on
            absence.school_year = week_period.school_year
            and absence.week_end between week_period.period_start and week_period.period_end
    inner join {{ ref('touched_pupil') }} as touched
        on
            absence.person_key = touched.person_key
            and week_period.school_year = touched.school_year
            and week_period.month >= touched.first_month
    group by absence.person_key, week_period.period_end
),

-- Who is counted, and where: by the enrolment on the period's last day.
enrolled as (
    select
        period.period_type,
        period.period_start,
        period.period_end,
        period.month,
        enrolment.school_year,
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        band.grade_band,
        (band.grade_band is not null and enrolment.form is distinct from 'home') as is_population
    from {{ ref('period') }} as period
    inner join {{ ref('enrolment') }} as enrolment
        on period.period_end between enrolment.valid_from and enrolment.valid_to
    inner join {{ ref('touched_pupil') }} as touched
        on
            enrolment.person_key = touched.person_key
            and enrolment.school_year = touched.school_year
            and period.month >= touched.first_month
    left join {{ ref('grade_band') }} as band
        on
            enrolment.grade = band.grade
            and band.grade_band <> 'all'
),

-- What is known of a month, and of the school year to the end of it, is known by its month; of weeks by their last day.
summed as (
    select
        enrolled.*,
        coalesce(case enrolled.period_type
            when 'last_12_weeks' then week_schedule.scheduled_lessons
            when 'month' then to_date.scheduled_lessons
            else to_date.year_scheduled_lessons
        end, 0) as scheduled_lessons,
        coalesce(case enrolled.period_type
            when 'last_12_weeks' then week_schedule.covered_lessons - coalesce(week_uncovered.lessons, 0)
            when 'month' then to_date.covered_lessons
            else to_date.year_covered_lessons
        end, 0) as covered_lessons,
        coalesce(case enrolled.period_type
            when 'last_12_weeks' then week_schedule.covered_days - coalesce(week_uncovered.days, 0)
            when 'month' then to_date.covered_days
            else to_date.year_covered_days
        end, 0) as covered_days,
        coalesce(case enrolled.period_type
            when 'last_12_weeks' then week_absent.absent_lessons
            when 'month' then to_date.absent_lessons
            else to_date.year_absent_lessons
        end, 0) as absent_lessons
    from enrolled
    left join to_date
        on
            enrolled.person_key = to_date.person_key
            and enrolled.month = to_date.month
    left join {{ ref('enrolment_path') }} as path
        on
            enrolled.person_key = path.person_key
            and enrolled.school_year = path.school_year
    left join week_schedule
        on
            path.path_id = week_schedule.path_id
            and enrolled.period_end = week_schedule.period_end
    left join week_uncovered
        on
            enrolled.person_key = week_uncovered.person_key
            and enrolled.period_end = week_uncovered.period_end
    left join week_absent
        on
            enrolled.person_key = week_absent.person_key
            and enrolled.period_end = week_absent.period_end
),

judged as materialized (
    select
        summed.*,
        {{ no_tier_reason('summed', 'summed.period_type') }} as no_tier_reason
    from summed
)

select
    judged.person_key,
    judged.period_type,
    judged.period_start,
    judged.period_end,
    judged.month,
    judged.school_year,
    judged.municipality,
    judged.school_number,
    judged.grade,
    judged.grade_band,
    judged.is_population,
    judged.scheduled_lessons,
    judged.covered_lessons,
    judged.covered_days,
    judged.absent_lessons,
    tier.tier,
    judged.no_tier_reason
from judged
left join {{ ref('attendance_tier') }} as tier
    on {{ is_in_tier('judged', 'tier') }}
