select
    municipality.municipality,
    municipality.code,
    municipality.name_fi,
    municipality.name_sv,
    municipality.name_en,
    true as is_in_region,
    cast(row_number() over (order by municipality.name_fi) as integer) as sort_order
from {{ source('reference', 'municipality') }} as municipality
union all
select
    category.home_municipality as municipality,
    null as code,
    category.label_fi as name_fi,
    null as name_sv,
    category.label_en as name_en,
    false as is_in_region,
    cast(1000 + row_number() over (order by category.home_municipality) as integer) as sort_order
from {{ ref('home_category') }} as category
