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
    rejected.earliest_date
from {{ source('ops', 'rejected_row') }} as rejected
inner join {{ ref('stg_delivery') }} as delivery
    on
        rejected.delivery_id = delivery.delivery_id
        and rejected.dataset = delivery.dataset
-- An older version of an id that came along with the newer one: nothing is unknown.
where rejected.rule <> 'superseded'
