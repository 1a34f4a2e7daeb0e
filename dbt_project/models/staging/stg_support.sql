select
    delivery.municipality,
    support.delivery_id,
    support.row_number,
    delivery.night,
    delivery.school_year,
    support.record_key,
    support.pupil_ref,
    support.support_code,
    crosswalk.kind,
    crosswalk.regime,
    crosswalk.implied_marks,
    coalesce(crosswalk.contradiction, false) as is_contradiction,
    support.placement,
    support.marks,
    support.valid_from,
    support.valid_to,
    coalesce(support.deleted, false) as is_deleted,
    support.updated_at
from {{ source('landing', 'support') }} as support
inner join {{ ref('stg_delivery') }} as delivery
    on
        support.delivery_id = delivery.delivery_id
        and delivery.dataset = 'support'
left join {{ source('reference', 'support_crosswalk') }} as crosswalk
    on
        delivery.municipality = crosswalk.municipality
        and support.support_code = crosswalk.support_code
        and {{ holds_on('crosswalk', 'support.valid_from') }}
