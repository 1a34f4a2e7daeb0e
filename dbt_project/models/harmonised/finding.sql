select
    overlap.municipality,
    'enrolment_overlap' as rule,
    count(*) as row_count
from {{ ref('enrolment_overlap') }} as overlap
group by overlap.municipality
union all
select
    surplus.municipality,
    'absence_surplus' as rule,
    count(*) as row_count
from {{ ref('absence_surplus') }} as surplus
group by surplus.municipality
union all
select
    support.municipality,
    support.rule,
    count(*) as row_count
from {{ ref('support_finding') }} as support
group by support.municipality, support.rule
