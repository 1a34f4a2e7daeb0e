{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_pupils() }}",
        indexes=[{"columns": ["person_key", "school_year", "month"]}],
    )
}}

with week_period as (
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
period_week as (
    select
        week_period.period_end,
        week_period.month,
        week_period.school_year,
        cast(each.sunday as date) as week_end
    from week_period
    cross join lateral {{
        each_week(sunday_from('week_period.period_start'), 'week_period.period_end')
    }} as each (sunday)
),

-- Materialised, so that a pupil's weeks are found before each is given to its periods.
touched_week as materialized (
    select
        absence.person_key,
        absence.school_year,
        absence.week_end,
        absence.lessons,
        touched.first_month
    from {{ ref('pupil_week_absence') }} as absence
    inner join {{ ref('touched_pupil') }} as touched
        on
            absence.person_key = touched.person_key
            and absence.school_year = touched.school_year
),

week_absent as (
    select
        touched_week.person_key,
        period_week.period_end,
        sum(touched_week.lessons) as absent_lessons
    from touched_week
    inner join period_week
        on
            touched_week.school_year = period_week.school_year
            and touched_week.week_end = period_week.week_end
            and touched_week.first_month <= period_week.month
    group by touched_week.person_key, period_week.period_end
),

-- Who is counted, and where: by the enrolment on the period's last day.
enrolled as not materialized (
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
month_sum as (
    select
        enrolled.*,
        coalesce(to_date.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(to_date.covered_lessons, 0) as covered_lessons,
        coalesce(to_date.covered_days, 0) as covered_days,
        coalesce(to_date.absent_lessons, 0) as absent_lessons
    from enrolled
    left join {{ ref('pupil_sum') }} as to_date
        on
            enrolled.person_key = to_date.person_key
            and enrolled.school_year = to_date.school_year
            and enrolled.month = to_date.month
    where enrolled.period_type = 'month'
),

year_sum as (
    select
        enrolled.*,
        coalesce(to_date.year_scheduled_lessons, 0) as scheduled_lessons,
        coalesce(to_date.year_covered_lessons, 0) as covered_lessons,
        coalesce(to_date.year_covered_days, 0) as covered_days,
        coalesce(to_date.year_absent_lessons, 0) as absent_lessons
    from enrolled
    left join {{ ref('pupil_sum') }} as to_date
        on
            enrolled.person_key = to_date.person_key
            and enrolled.school_year = to_date.school_year
            and enrolled.month = to_date.month
    where enrolled.period_type = 'school_year'
),

week_sum as (
    select
        enrolled.*,
        coalesce(week_schedule.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(week_schedule.covered_lessons, 0) - coalesce(week_uncovered.lessons, 0) as covered_lessons,
        coalesce(week_schedule.covered_days, 0) - coalesce(week_uncovered.days, 0) as covered_days,
        coalesce(week_absent.absent_lessons, 0) as absent_lessons
    from enrolled
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
    where enrolled.period_type = 'last_12_weeks'
),

judged as (
    {% for sums in ['month_sum', 'year_sum', 'week_sum'] -%}
    select
        {{ sums }}.*,
        {{ no_tier_reason(sums, sums ~ '.period_type') }} as no_tier_reason
    from {{ sums }}
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
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
