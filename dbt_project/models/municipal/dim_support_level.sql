select
    level.support_level,
    coalesce(level.rank, 1000) as sort_order,
    level.label_fi,
    level.label_en,
    level.comparability,
    level.exists_in_2025,
    level.needs_decision
from {{ ref('support_level') }} as level
