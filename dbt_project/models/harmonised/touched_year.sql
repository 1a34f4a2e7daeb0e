with period_change as (
    {{ changed_rows('period', ['period_type', 'period_start', 'period_end', 'month', 'is_shared']) }}
),

support_change as (
    {{ changed_rows('support_year', ['school_year', 'content']) }}
)

select {{ school_year_of('touched_month.month') }} as school_year
from {{ ref('touched_month') }} as touched_month
union
select touched_person.school_year
from {{ ref('touched_person') }} as touched_person
union
select {{ school_year_of('period_change.month') }} as school_year
from period_change
union
select support_change.school_year
from support_change
