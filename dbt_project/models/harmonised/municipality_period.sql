with pupil as (
    select
        tier.person_key,
        tier.period_type,
        tier.period_start,
        tier.period_end,
        tier.municipality,
        tier.scheduled_lessons,
        tier.covered_lessons,
        {{ school_year_of('tier.period_end') }} as school_year
    from {{ ref('pupil_period_tier') }} as tier
    where tier.is_population and tier.is_shared
),

-- Only who was in two municipalities in a school year had lessons elsewhere than where the period's last day was.
mover as (
    select
        enrolment.person_key,
        enrolment.school_year
    from {{ ref('enrolment') }} as enrolment
    group by enrolment.person_key, enrolment.school_year
    having min(enrolment.municipality) < max(enrolment.municipality)
),

counted as (
    select
        pupil.period_type,
        pupil.period_start,
        pupil.period_end,
        pupil.municipality,
        count(*) as pupils,
        coalesce(sum(pupil.scheduled_lessons) filter (where mover.person_key is null), 0) as scheduled_lessons,
        coalesce(sum(pupil.covered_lessons) filter (where mover.person_key is null), 0) as covered_lessons
    from pupil
    left join mover
        on
            pupil.person_key = mover.person_key
            and pupil.school_year = mover.school_year
    group by pupil.period_type, pupil.period_start, pupil.period_end, pupil.municipality
),

moved as (
    select pupil.*
    from pupil
    inner join mover
        on
            pupil.person_key = mover.person_key
            and pupil.school_year = mover.school_year
),

moved_month as (
    select
        moved.period_type,
        moved.period_start,
        moved.period_end,
        pupil_month.municipality,
        sum(pupil_month.scheduled_lessons) as scheduled_lessons,
        sum(pupil_month.covered_lessons) as covered_lessons
    from moved
    inner join {{ ref('pupil_month') }} as pupil_month
        on
            moved.person_key = pupil_month.person_key
            and pupil_month.month between moved.period_start and moved.period_end
    where moved.period_type <> 'last_12_weeks'
    group by moved.period_type, moved.period_start, moved.period_end, pupil_month.municipality
),

moved_week as (
    select
        moved.period_type,
        moved.period_start,
        moved.period_end,
        enrolment.municipality,
        sum(until_last.lessons_to - until_first.lessons_to) as scheduled_lessons,
        sum(until_last.covered_lessons_to - until_first.covered_lessons_to) as covered_lessons
    from moved
    inner join {{ ref('enrolment') }} as enrolment
        on
            moved.person_key = enrolment.person_key
            and moved.period_end >= enrolment.valid_from
            and moved.period_start <= enrolment.valid_to
    inner join {{ ref('calendar_sum') }} as until_first
        on
            enrolment.municipality = until_first.municipality
            and enrolment.school_number = until_first.school_number
            and enrolment.grade = until_first.grade
            and {{ days_after('greatest(enrolment.valid_from, moved.period_start)', -1) }} = until_first.day
    inner join {{ ref('calendar_sum') }} as until_last
        on
            enrolment.municipality = until_last.municipality
            and enrolment.school_number = until_last.school_number
            and enrolment.grade = until_last.grade
            and least(enrolment.valid_to, moved.period_end) = until_last.day
    where moved.period_type = 'last_12_weeks' and enrolment.form is distinct from 'home'
    group by moved.period_type, moved.period_start, moved.period_end, enrolment.municipality
),

moved_uncovered as (
    select
        moved.period_type,
        moved.period_start,
        moved.period_end,
        uncovered.municipality,
        0 as scheduled_lessons,
        -sum(uncovered.lessons) as covered_lessons
    from moved
    inner join {{ ref('uncovered_pupil_day') }} as uncovered
        on
            moved.person_key = uncovered.person_key
            and uncovered.day between moved.period_start and moved.period_end
    where moved.period_type = 'last_12_weeks'
    group by moved.period_type, moved.period_start, moved.period_end, uncovered.municipality
),

part as (
    select counted.*
    from counted
    {% for cte in ['moved_month', 'moved_week', 'moved_uncovered'] -%}
    union all
    select
        {{ cte }}.period_type,
        {{ cte }}.period_start,
        {{ cte }}.period_end,
        {{ cte }}.municipality,
        0 as pupils,
        {{ cte }}.scheduled_lessons,
        {{ cte }}.covered_lessons
    from {{ cte }}
    {% endfor -%}
),

summed as (
    select
        part.period_type,
        part.period_start,
        part.period_end,
        part.municipality,
        cast(sum(part.pupils) as bigint) as pupils,
        sum(part.scheduled_lessons) as scheduled_lessons,
        sum(part.covered_lessons) as covered_lessons
    from part
    group by part.period_type, part.period_start, part.period_end, part.municipality
),

-- The latest of the deliveries that decide a day of the period; months of a monthly source are no days of 12 weeks.
as_of as (
    select
        summed.period_type,
        summed.period_end,
        summed.municipality,
        max(covered.as_of) as as_of
    from summed
    inner join {{ ref('covered_as_of') }} as covered
        on
            summed.municipality = covered.municipality
            and summed.period_start <= covered.first_day
            and summed.period_end >= covered.last_day
            and (covered.is_daily or summed.period_type <> 'last_12_weeks')
    group by summed.period_type, summed.period_end, summed.municipality
)

select
    summed.period_type,
    summed.period_start,
    summed.period_end,
    summed.municipality,
    summed.pupils,
    summed.scheduled_lessons,
    summed.covered_lessons,
    -- Without pupils of its own a municipality has no row that the region could be the sum of.
    summed.pupils > 0
    and summed.scheduled_lessons > 0
    and summed.covered_lessons >= {{ definition('coverage_minimum') }} * summed.scheduled_lessons as is_in_region,
    as_of.as_of
from summed
left join as_of
    on
        summed.period_type = as_of.period_type
        and summed.period_end = as_of.period_end
        and summed.municipality = as_of.municipality
