{{ config(materialized="view") }}

select
    judged.person_key,
    judged.period_type,
    judged.period_start,
    judged.period_end,
    period.is_shared,
    judged.municipality,
    judged.school_number,
    judged.grade,
    judged.grade_band,
    judged.is_population,
    judged.scheduled_lessons,
    judged.covered_lessons,
    judged.covered_days,
    judged.absent_lessons,
    judged.tier,
    judged.no_tier_reason
from {{ ref('pupil_period') }} as judged
inner join {{ ref('period') }} as period
    on
        judged.period_type = period.period_type
        and judged.period_end = period.period_end
