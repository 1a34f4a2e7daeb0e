{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ plan_for_all(always=true) }}", "{{ forget_touched_years() }}"],
    )
}}

-- Every pupil of a closed period once, with all its lessons, where it is counted.
select
    tier.school_year,
    tier.period_type,
    tier.period_end,
    tier.municipality,
    tier.grade,
    coalesce(level.support_level, 'unknown') as support_level,
    coalesce(tier.tier, 'none') as tier,
    count(*) as pupils,
    sum(tier.scheduled_lessons) as scheduled_lessons,
    sum(tier.covered_lessons) as covered_lessons
from {{ ref('pupil_period') }} as tier
inner join {{ ref('touched_year') }} as touched
    on tier.school_year = touched.school_year
inner join {{ ref('period') }} as period
    on
        tier.period_type = period.period_type
        and tier.period_end = period.period_end
        and period.is_shared
left join {{ ref('support_day_level') }} as level
    on
        tier.person_key = level.person_key
        and tier.municipality = level.municipality
        and tier.school_year = level.school_year
        and tier.period_end between level.valid_from and level.valid_to
where tier.is_population
group by
    tier.school_year,
    tier.period_type,
    tier.period_end,
    tier.municipality,
    tier.grade,
    coalesce(level.support_level, 'unknown'),
    coalesce(tier.tier, 'none')
