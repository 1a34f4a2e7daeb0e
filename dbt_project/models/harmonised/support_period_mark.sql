select
    mark.municipality,
    mark.delivery_id,
    mark.row_number,
    mark.source_mark,
    mark.mark,
    component.comparability
from {{ ref('stg_support_mark') }} as mark
inner join {{ ref('support_covered') }} as covered
    on mark.delivery_id = covered.delivery_id
left join {{ ref('support_component') }} as component
    on mark.mark = component.component
