with shown_period as (
    select
        period.period_type,
        period.period_start,
        period.period_end
    from {{ ref('period') }} as period
    where period.is_shared
),

-- Every pupil once, with all its lessons, where it is counted.
counted as (
    select
        shown_period.period_type,
        shown_period.period_start,
        shown_period.period_end,
        pupil.municipality,
        cast(sum(pupil.pupils) as bigint) as pupils,
        sum(pupil.scheduled_lessons) as scheduled_lessons,
        sum(pupil.covered_lessons) as covered_lessons
    from shown_period
    inner join {{ ref('pupil_period_count') }} as pupil
        on
            shown_period.period_type = pupil.period_type
            and shown_period.period_end = pupil.period_end
    group by shown_period.period_type, shown_period.period_start, shown_period.period_end, pupil.municipality
),

-- Only who was in two municipalities in a school year had lessons elsewhere than where it is counted.
moved as (
    select
        tier.person_key,
        shown_period.period_type,
        shown_period.period_start,
        shown_period.period_end,
        tier.municipality,
        tier.scheduled_lessons,
        tier.covered_lessons
    from {{ ref('mover') }} as mover
    inner join {{ ref('pupil_period') }} as tier
        on
            mover.person_key = tier.person_key
            and mover.school_year = tier.school_year
            and tier.is_population
    inner join shown_period
        on
            tier.period_type = shown_period.period_type
            and tier.period_end = shown_period.period_end
),

-- Their lessons are taken from where they are counted and given to who scheduled them.
moved_away as (
    select
        moved.period_type,
        moved.period_start,
        moved.period_end,
        moved.municipality,
        -sum(moved.scheduled_lessons) as scheduled_lessons,
        -sum(moved.covered_lessons) as covered_lessons
    from moved
    group by moved.period_type, moved.period_start, moved.period_end, moved.municipality
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
    {% for cte in ['moved_away', 'moved_month', 'moved_week', 'moved_uncovered'] -%}
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
    -- Without pupils of its own a municipality has no row that the region could be the sum of; without a lesson, while
    -- others have some, its calendar is not known. In July nobody has any, and none is missing.
    summed.pupils > 0
    and (summed.scheduled_lessons > 0 or sum(summed.scheduled_lessons) over everybody = 0)
    and summed.covered_lessons >= {{ definition('coverage_minimum') }} * summed.scheduled_lessons as is_in_region,
    as_of.as_of
from summed
left join as_of
    on
        summed.period_type = as_of.period_type
        and summed.period_end = as_of.period_end
        and summed.municipality = as_of.municipality
window everybody as (partition by summed.period_type, summed.period_end)
