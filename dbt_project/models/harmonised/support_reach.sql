{{ config(pre_hook="{{ plan_for_all(always=true) }}") }}

with high as (
    select
        evaluated.person_key,
        evaluated.school_year,
        evaluated.week_end,
        evaluated.municipality,
        evaluated.grade,
        evaluated.is_population,
        row_number() over (
            partition by evaluated.person_key, evaluated.school_year
            order by evaluated.week_end
        ) as sequence_number
    from {{ ref('pupil_twelve_weeks') }} as evaluated
    inner join {{ ref('covered_week') }} as covered
        on
            evaluated.municipality = covered.municipality
            and evaluated.week_end = covered.week_end
    where
        evaluated.tier is not null
        and evaluated.absent_lessons >= {{ definition('reach_minimum_rate') }} * evaluated.covered_lessons
),

-- The level of the day before, so that what starts on the Sunday itself is a start; the Sunday's own for a pupil who
-- came that day.
level_before as (
    select
        high.person_key,
        high.school_year,
        high.week_end as reach_day,
        high.municipality,
        high.grade,
        high.is_population,
        coalesce(level.support_level, 'unknown') as support_level,
        row_number() over (
            partition by high.person_key, high.school_year
            order by level.valid_from
        ) as sequence_number
    from high
    left join {{ ref('support_day_level') }} as level
        on
            high.person_key = level.person_key
            and high.municipality = level.municipality
            and high.school_year = level.school_year
            and high.week_end >= level.valid_from
            and {{ days_after('high.week_end', -1) }} <= level.valid_to
    where high.sequence_number = 1
),

reach as (
    select
        level_before.*,
        level.rank
    from level_before
    inner join {{ ref('support_level') }} as level
        on level_before.support_level = level.support_level
    where level_before.sequence_number = 1
)

-- A start is the first day with a higher level; the level of a day is that of the municipality that teaches the pupil.
select
    reach.person_key,
    reach.school_year,
    reach.reach_day,
    reach.municipality,
    reach.grade,
    reach.is_population,
    reach.support_level,
    min(
        case
            when enrolment.person_key is not null
                then greatest(level.valid_from, enrolment.valid_from, reach.reach_day)
        end
    ) as start_day
from reach
left join {{ ref('support_day_level') }} as level
    on
        reach.person_key = level.person_key
        and reach.reach_day <= level.valid_to
left join {{ ref('support_level') }} as known
    on
        level.support_level = known.support_level
        and reach.rank < known.rank
left join {{ ref('enrolment') }} as enrolment
    on
        level.person_key = enrolment.person_key
        and level.municipality = enrolment.municipality
        and level.school_year = enrolment.school_year
        and level.valid_to >= enrolment.valid_from
        and greatest(level.valid_from, reach.reach_day) <= enrolment.valid_to
        and known.rank is not null
group by
    reach.person_key, reach.school_year, reach.reach_day, reach.municipality, reach.grade, reach.is_population,
    reach.support_level
