select
    coalesce(extract.municipality, before.municipality) as municipality,
    coalesce(extract.school_year, before.school_year) as school_year,
    extract.delivery_id
from {{ ref('school_day_extract') }} as extract
full outer join {{ built('school_day_extract') }} as before
    on
        extract.municipality = before.municipality
        and extract.school_year = before.school_year
where extract.content is distinct from before.content
