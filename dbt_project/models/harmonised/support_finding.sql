select distinct
    claim.municipality,
    claim.school_year,
    claim.delivery_id,
    claim.row_number,
    claim.person_key,
    claim.rule
from {{ ref('support_claim') }} as claim
where claim.rule is not null
