-- Without a tier comes last; the seed has it as a member of its own.
select
    tier.tier,
    cast(
        row_number() over (order by case when tier.lower_bound is null then 1 else 0 end, tier.lower_bound) as integer
    ) as sort_order,
    tier.label_fi,
    tier.label_en,
    tier.lower_bound,
    tier.upper_bound
from {{ ref('attendance_tier') }} as tier
