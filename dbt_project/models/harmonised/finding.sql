-- Each row is one thing to notice.
with noticed as (
    select
        overlap.municipality,
        'enrolment_overlap' as rule
    from {{ ref('enrolment_overlap') }} as overlap
    union all
    select
        surplus.municipality,
        'absence_surplus' as rule
    from {{ ref('absence_surplus') }} as surplus
    union all
    select
        support.municipality,
        support.rule
    from {{ ref('support_finding') }} as support
)

select
    noticed.municipality,
    noticed.rule,
    count(*) as row_count
from noticed
group by noticed.municipality, noticed.rule
