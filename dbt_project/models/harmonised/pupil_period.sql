{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_pupils() }}",
        indexes=[
            {"columns": ["person_key", "school_year", "month"]},
            {"columns": ["period_type", "period_end", "person_key"], "unique": true}
        ],
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

week_schedule as (
    select
        enrolment.person_key,
        week_period.period_end,
        sum(until_last.lessons_to - until_first.lessons_to) as scheduled_lessons,
        sum(until_last.covered_lessons_to - until_first.covered_lessons_to) as covered_lessons,
        sum(until_last.covered_days_to - until_first.covered_days_to) as covered_days
    from {{ ref('enrolment') }} as enrolment
    inner join {{ ref('touched_pupil') }} as touched
        on
            enrolment.person_key = touched.person_key
            and enrolment.school_year = touched.school_year
    inner join week_period
        on
            enrolment.school_year = week_period.school_year
            and enrolment.valid_from <= week_period.period_end
            and enrolment.valid_to >= week_period.period_start
            and touched.first_month <= week_period.month
    inner join {{ ref('calendar_sum') }} as until_first
        on
            enrolment.municipality = until_first.municipality
            and enrolment.school_number = until_first.school_number
            and enrolment.grade = until_first.grade
            and {{ days_after('greatest(enrolment.valid_from, week_period.period_start)', -1) }} = until_first.day
    inner join {{ ref('calendar_sum') }} as until_last
        on
            enrolment.municipality = until_last.municipality
            and enrolment.school_number = until_last.school_number
            and enrolment.grade = until_last.grade
            and least(enrolment.valid_to, week_period.period_end) = until_last.day
    where enrolment.form is distinct from 'home'
    group by enrolment.person_key, week_period.period_end
),

week_uncovered as (
    select
        uncovered.person_key,
        week_period.period_end,
        sum(uncovered.lessons) as lessons,
        count(*) as days
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

week_absent as (
    select
        absence.person_key,
        week_period.period_end,
        sum(absence.lessons) as absent_lessons
    from {{ ref('absence') }} as absence
    inner join week_period
        on absence.day between week_period.period_start and week_period.period_end
    inner join {{ ref('touched_pupil') }} as touched
        on
            absence.person_key = touched.person_key
            and week_period.school_year = touched.school_year
            and week_period.month >= touched.first_month
    where absence.lessons > 0
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

judged as (
    select
        enrolled.*,
        coalesce(
            case enrolled.period_type
                when 'month' then to_date.scheduled_lessons
                when 'school_year' then to_date.year_scheduled_lessons
                else week_schedule.scheduled_lessons
            end,
            0
        ) as scheduled_lessons,
        coalesce(
            case enrolled.period_type
                when 'month' then to_date.covered_lessons
                when 'school_year' then to_date.year_covered_lessons
                else week_schedule.covered_lessons - coalesce(week_uncovered.lessons, 0)
            end,
            0
        ) as covered_lessons,
        coalesce(
            case enrolled.period_type
                when 'month' then to_date.covered_days
                when 'school_year' then to_date.year_covered_days
                else week_schedule.covered_days - coalesce(week_uncovered.days, 0)
            end,
            0
        ) as covered_days,
        coalesce(
            case enrolled.period_type
                when 'month' then to_date.absent_lessons
                when 'school_year' then to_date.year_absent_lessons
                when 'last_12_weeks' then week_absent.absent_lessons
            end,
            0
        ) as absent_lessons
    from enrolled
    left join to_date
        on
            enrolled.person_key = to_date.person_key
            and enrolled.month = to_date.month
            and enrolled.period_type <> 'last_12_weeks'
    left join week_schedule
        on
            enrolled.person_key = week_schedule.person_key
            and enrolled.period_end = week_schedule.period_end
            and enrolled.period_type = 'last_12_weeks'
    left join week_uncovered
        on
            enrolled.person_key = week_uncovered.person_key
            and enrolled.period_end = week_uncovered.period_end
            and enrolled.period_type = 'last_12_weeks'
    left join week_absent
        on
            enrolled.person_key = week_absent.person_key
            and enrolled.period_end = week_absent.period_end
            and enrolled.period_type = 'last_12_weeks'
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
    known.no_tier_reason
from judged
{{ attendance_tier_joins('judged', 'judged.period_type') }}
