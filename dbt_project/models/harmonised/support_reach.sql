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
-- came to the municipality that day.
first_high as (
    select
        high.*,
        case
            when before.person_key is null then high.week_end
            else {{ days_after('high.week_end', -1) }}
        end as level_day
    from high
    left join {{ ref('enrolment') }} as before
        on
            high.person_key = before.person_key
            and high.municipality = before.municipality
            and {{ days_after('high.week_end', -1) }} between before.valid_from and before.valid_to
    where high.sequence_number = 1
),

reach as (
    select
        first_high.person_key,
        first_high.school_year,
        first_high.week_end as reach_day,
        first_high.municipality,
        first_high.grade,
        first_high.is_population,
        known.support_level,
        known.rank
    from first_high
    left join {{ ref('support_day_level') }} as level
        on
            first_high.person_key = level.person_key
            and first_high.municipality = level.municipality
            and first_high.school_year = level.school_year
            and first_high.level_day between level.valid_from and level.valid_to
    inner join {{ ref('support_level') }} as known
        on coalesce(level.support_level, 'unknown') = known.support_level
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
