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
    member.municipality,
    null as code,
    member.name_fi,
    member.name_sv,
    member.name_en,
    false as is_in_region,
    member.sort_order
from (
    values
    ('other', 'Muu kunta', 'Annan kommun', 'Another municipality', 1000),
    ('unknown', 'Ei tiedossa', 'Okänd', 'Not known', 1001)
) as member (municipality, name_fi, name_sv, name_en, sort_order)
