select
    reference.person_key,
    count(*) as reference_count,
    count(distinct reference.municipality) as municipality_count
from {{ ref('person_reference') }} as reference
group by reference.person_key
