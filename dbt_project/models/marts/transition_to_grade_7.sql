-- The spring and the autumn around the move, once December is closed.
with autumn_term as (
    select
        {{ school_year_of('period.period_end') }} as school_year,
        period.period_end
    from {{ ref('period') }} as period
    where
        period.period_type = 'school_year'
        and period.is_shared
        and to_char(period.period_end, 'MM-DD') = {{ definition('term_end_autumn', 'text') }}
),

school_year as (
    select
        autumn_term.school_year,
        cast(
            cast(autumn_term.school_year as text) || '-' || {{ definition('term_end_spring', 'text') }} as date
        ) as day_before,
        autumn_term.period_end as day_after
    from autumn_term
),

year_to_date as (
    select
        tier.person_key,
        tier.period_end,
        tier.municipality,
        tier.grade,
        coalesce(tier.tier, 'none') as tier,
        coalesce(level.support_level, 'unknown') as support_level,
        tier.scheduled_lessons,
        tier.covered_lessons,
        tier.absent_lessons
    from {{ ref('pupil_period_tier') }} as tier
    left join {{ ref('support_day_level') }} as level
        on
            tier.person_key = level.person_key
            and tier.municipality = level.municipality
            and {{ school_year_of('tier.period_end') }} = level.school_year
            and tier.period_end between level.valid_from and level.valid_to
    where tier.period_type = 'school_year' and tier.is_shared and tier.is_population
),

cohort as (
    select
        school_year.school_year,
        school_year.day_before,
        school_year.day_after,
        year_to_date.*
    from school_year
    inner join year_to_date
        on
            school_year.day_before = year_to_date.period_end
            and year_to_date.grade = {{ definition('transition_grade_before', 'integer') }}
),

-- Where the pupil is in December; of a municipality that has no enrolment then, nobody can be said to be gone.
after_move as (
    select
        cohort.school_year,
        cohort.municipality,
        case
            when autumn.person_key is null and reported.municipality is null then 'not_delivered'
            when autumn.person_key is null then 'not_in_region'
            when autumn.grade <> {{ definition('transition_grade_after', 'integer') }} then 'other_grade'
        end as elsewhere,
        autumn.tier,
        autumn.support_level,
        autumn.scheduled_lessons,
        autumn.covered_lessons,
        autumn.absent_lessons
    from cohort
    left join year_to_date as autumn
        on
            cohort.person_key = autumn.person_key
            and cohort.day_after = autumn.period_end
    left join {{ ref('municipality_count_day') }} as reported
        on
            cohort.municipality = reported.municipality
            and cohort.day_after = reported.count_day
),

pupil as (
    select
        cohort.school_year,
        cohort.municipality,
        'before' as moment,
        cohort.tier,
        cohort.support_level,
        cohort.scheduled_lessons,
        cohort.covered_lessons,
        cohort.absent_lessons
    from cohort
    union all
    select
        after_move.school_year,
        after_move.municipality,
        'after' as moment,
        coalesce(after_move.elsewhere, after_move.tier) as tier,
        coalesce(after_move.elsewhere, after_move.support_level) as support_level,
        after_move.scheduled_lessons,
        after_move.covered_lessons,
        after_move.absent_lessons
    from after_move
),

measured as (
    {% for measure in ['tier', 'support_level'] -%}
    select
        pupil.school_year,
        pupil.municipality,
        pupil.moment,
        '{{ measure }}' as measure,
        pupil.{{ measure }} as category,
        pupil.scheduled_lessons,
        pupil.covered_lessons,
        pupil.absent_lessons
    from pupil
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

counted as (
    select
        measured.school_year,
        coalesce(measured.municipality, 'region') as municipality,
        measured.moment,
        measured.measure,
        measured.category,
        count(*) as pupils,
        coalesce(sum(measured.scheduled_lessons), 0) as scheduled_lessons,
        coalesce(sum(measured.covered_lessons), 0) as covered_lessons,
        coalesce(sum(measured.absent_lessons), 0) as absent_lessons
    from measured
    group by
        grouping sets (
            (measured.school_year, measured.municipality, measured.moment, measured.measure, measured.category),
            (measured.school_year, measured.moment, measured.measure, measured.category)
        )
),

place as (
    select
        cohort.school_year,
        coalesce(cohort.municipality, 'region') as municipality,
        count(*) as population
    from cohort
    group by grouping sets ((cohort.school_year, cohort.municipality), (cohort.school_year))
),

moment as (
    {% for moment in ['before', 'after'] -%}
    select
        school_year.school_year,
        '{{ moment }}' as moment,
        school_year.day_{{ moment }} as day
    from school_year
    {% if not loop.last %}union all{% endif %}
    {% endfor -%}
),

as_of_each as (
    select
        moment.school_year,
        moment.moment,
        place.municipality,
        attended.as_of as tier_as_of,
        supported.support_as_of
    from moment
    inner join place
        on moment.school_year = place.school_year
    left join {{ ref('municipality_period') }} as attended
        on
            moment.day = attended.period_end
            and place.municipality = attended.municipality
            and attended.period_type = 'school_year'
    left join {{ ref('municipality_count_day') }} as supported
        on
            moment.day = supported.count_day
            and place.municipality = supported.municipality
    where place.municipality <> 'region'
),

as_of as (
    select
        as_of_each.school_year,
        as_of_each.moment,
        coalesce(as_of_each.municipality, 'region') as municipality,
        min(as_of_each.tier_as_of) as tier_as_of,
        min(as_of_each.support_as_of) as support_as_of
    from as_of_each
    group by
        grouping sets (
            (as_of_each.school_year, as_of_each.moment, as_of_each.municipality),
            (as_of_each.school_year, as_of_each.moment)
        )
),

category as (
    select
        moment.school_year,
        moment.moment,
        'tier' as measure,
        tier.tier as category,
        true as has_lessons,
        cast(null as text) as regime,
        cast(null as text) as comparability,
        cast(null as text) as null_reason
    from moment
    cross join {{ ref('attendance_tier') }} as tier
    union all
    select
        moment.school_year,
        moment.moment,
        'support_level' as measure,
        level.support_level as category,
        true as has_lessons,
        {{ regime_of_level('moment.day', 'level') }} as regime,
        level.comparability,
        case when not {{ is_in_regime('moment.day', 'level') }} then 'not_in_regime' end as null_reason
    from moment
    cross join {{ ref('support_level') }} as level
    union all
    select
        moment.school_year,
        moment.moment,
        each.measure,
        elsewhere.category,
        elsewhere.is_in_region as has_lessons,
        null as regime,
        null as comparability,
        null as null_reason
    from moment
    cross join {{ ref('transition_category') }} as elsewhere
    cross join (values ('tier'), ('support_level')) as each (measure)
    where moment.moment = 'after'
),

-- Every category of a school year in which the municipality has pupils who move on.
filled as (
    select
        place.school_year,
        place.municipality,
        category.moment,
        category.measure,
        category.category,
        place.population,
        category.regime,
        category.comparability,
        category.null_reason,
        case when category.null_reason is null then coalesce(counted.pupils, 0) end as pupils,
        case
            when category.null_reason is null and category.has_lessons then coalesce(counted.scheduled_lessons, 0)
        end as scheduled_lessons,
        case
            when category.null_reason is null and category.has_lessons then coalesce(counted.covered_lessons, 0)
        end as covered_lessons,
        case
            when category.null_reason is null and category.has_lessons then coalesce(counted.absent_lessons, 0)
        end as absent_lessons,
        case when category.measure = 'tier' then as_of.tier_as_of else as_of.support_as_of end as as_of
    from place
    inner join category
        on place.school_year = category.school_year
    left join counted
        on
            place.school_year = counted.school_year
            and place.municipality = counted.municipality
            and category.moment = counted.moment
            and category.measure = counted.measure
            and category.category = counted.category
    left join as_of
        on
            place.school_year = as_of.school_year
            and place.municipality = as_of.municipality
            and category.moment = as_of.moment
)

select
    filled.school_year,
    filled.municipality,
    filled.moment,
    filled.measure,
    filled.category,
    cast(filled.pupils as bigint) as pupils,
    cast(filled.population as bigint) as population,
    filled.pupils / cast(filled.population as numeric) as share,
    filled.scheduled_lessons,
    filled.covered_lessons,
    case when filled.scheduled_lessons > 0 then filled.covered_lessons / filled.scheduled_lessons end as coverage,
    filled.absent_lessons,
    case when filled.covered_lessons > 0 then filled.absent_lessons / filled.covered_lessons end as absence_rate,
    filled.regime,
    filled.comparability,
    filled.null_reason,
    filled.as_of
from filled
