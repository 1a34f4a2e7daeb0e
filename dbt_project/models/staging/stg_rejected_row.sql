select
    delivery.municipality,
    rejected.delivery_id,
    rejected.dataset,
    rejected.row_number,
    delivery.night,
    delivery.school_year,
    rejected.rule,
    rejected.pupil_ref,
    rejected.day,
    rejected.school_number,
    rejected.earliest_date,
    rejected.latest_date,
    rejected.record_key
from {{ source('ops', 'rejected_row') }} as rejected
inner join {{ ref('stg_delivery') }} as delivery
    on
        rejected.delivery_id = delivery.delivery_id
        and rejected.dataset = delivery.dataset
-- Of these another row of the delivery says the same, or says it better: nothing is unknown.
where rejected.rule not in ('duplicate', 'superseded')
