{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[
            {"columns": ["month"]},
            {"columns": ["person_key", "month", "municipality"], "unique": true}
        ],
    )
}}

with scheduled_path as (
    select
        path_month.path_id,
        path_month.municipality,
        path_month.month,
        sum(path_month.scheduled_lessons) as scheduled_lessons,
        cast(sum(path_month.scheduled_days) as integer) as scheduled_days,
        sum(path_month.covered_lessons) as covered_lessons,
        cast(sum(path_month.covered_days) as integer) as covered_days
    from {{ ref('path_month') }} as path_month
    group by path_month.path_id, path_month.municipality, path_month.month
),

scheduled_pupil as (
    select
        path.person_key,
        scheduled_path.*
    from {{ ref('enrolment_path') }} as path
    inner join scheduled_path
        on path.path_id = scheduled_path.path_id
),

scheduled as (
    select scheduled_pupil.*
    from scheduled_pupil
    where {{ is_touched('scheduled_pupil') }}
),

-- A person's enrolments follow each other; one is the last of a month until the next has begun.
enrolled as (
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.form,
        enrolment.valid_from,
        enrolment.valid_to,
        lead(enrolment.valid_from) over (
            partition by enrolment.person_key
            order by enrolment.valid_from
        ) as next_valid_from
    from {{ ref('enrolment') }} as enrolment
),

uncovered as (
    select
        uncovered_day.person_key,
        uncovered_day.municipality,
        uncovered_day.month,
        sum(uncovered_day.lessons) as lessons,
        cast(count(*) as integer) as days
    from {{ ref('uncovered_pupil_day') }} as uncovered_day
    where uncovered_day.lessons > 0
    group by uncovered_day.person_key, uncovered_day.municipality, uncovered_day.month
),

absence as (
    {{ touched_rows('absence', ['lessons', 'late_marks', 'late_minutes']) }}
),

absent as (
    select
        absence.person_key,
        absence.municipality,
        absence.month,
        sum(absence.lessons) as absent_lessons,
        sum(absence.late_marks) as late_marks,
        sum(absence.late_minutes) as late_minutes
    from absence
    group by absence.person_key, absence.municipality, absence.month
)

select
    scheduled.person_key,
    scheduled.municipality,
    scheduled.month,
    {{ school_year_of('scheduled.month') }} as school_year,
    scheduled.scheduled_lessons,
    scheduled.scheduled_days,
    case
        when covered_month.month is not null then scheduled.scheduled_lessons
        else scheduled.covered_lessons - coalesce(uncovered.lessons, 0)
    end as covered_lessons,
    case
        when covered_month.month is not null then scheduled.scheduled_days
        else scheduled.covered_days - coalesce(uncovered.days, 0)
    end as covered_days,
    coalesce(absent.absent_lessons, 0) as absent_lessons,
    coalesce(absent.late_marks, 0) as late_marks,
    absent.late_minutes,
    enrolled.municipality as counted_municipality,
    enrolled.school_number as counted_school_number,
    enrolled.grade as counted_grade,
    band.grade_band as counted_grade_band,
    coalesce(
        -- A month that still runs is as of the day before the night: an enrolment with another class from tonight on is
        -- no end.
        enrolled.valid_to >= least(
            {{ last_day_of_month('scheduled.month') }}, {{ days_after('tonight.night', -1) }}
        )
        and enrolled.form is distinct from 'home'
        and band.grade_band is not null,
        false
    ) as is_population
from scheduled
cross join {{ ref('stg_night') }} as tonight
-- Where a pupil's month is counted: at the last enrolled day before the night, in whatever municipality.
left join enrolled
    on
        scheduled.person_key = enrolled.person_key
        and scheduled.month <= enrolled.valid_to
        and least(
            {{ last_day_of_month('scheduled.month') }}, {{ days_after('tonight.night', -1) }}
        ) >= enrolled.valid_from
        and (
            enrolled.next_valid_from is null
            or least(
                {{ last_day_of_month('scheduled.month') }}, {{ days_after('tonight.night', -1) }}
            ) < enrolled.next_valid_from
        )
left join {{ ref('grade_band') }} as band
    on
        enrolled.grade = band.grade
        and band.grade_band <> 'all'
left join {{ ref('covered_pupil_month') }} as covered_month
    on
        scheduled.person_key = covered_month.person_key
        and scheduled.municipality = covered_month.municipality
        and scheduled.month = covered_month.month
left join uncovered
    on
        scheduled.person_key = uncovered.person_key
        and scheduled.municipality = uncovered.municipality
        and scheduled.month = uncovered.month
left join absent
    on
        scheduled.person_key = absent.person_key
        and scheduled.municipality = absent.municipality
        and scheduled.month = absent.month
