select
    period_tier.municipality,
    pupil.pupil_key,
    period_tier.period_type,
    period_tier.period_end as date_key,
    coalesce(period_tier.tier, 'none') as tier,
    {{ school_key('period_tier.municipality', 'period_tier.school_number') }} as school_key,
    period_tier.period_start,
    cast(period_tier.grade as integer) as grade,
    period_tier.grade_band,
    period_tier.is_population,
    period_tier.no_tier_reason,
    cast(period_tier.scheduled_lessons as numeric) as scheduled_lessons,
    cast(period_tier.covered_lessons as numeric) as covered_lessons,
    cast(period_tier.covered_days as integer) as covered_days,
    cast(case when period_tier.covered_lessons > 0 then period_tier.absent_lessons end as numeric) as absent_lessons,
    cast({{ rate_of('period_tier.absent_lessons', 'period_tier.covered_lessons') }} as numeric) as absence_rate
from {{ ref('pupil_period_tier') }} as period_tier
inner join {{ ref('pupil_key') }} as pupil
    on
        period_tier.municipality = pupil.municipality
        and period_tier.person_key = pupil.person_key
