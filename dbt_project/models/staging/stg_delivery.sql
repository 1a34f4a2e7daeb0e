-- The deliveries that the release chose: whatever becomes of one while this build goes on, all models see the same.
select
    delivery.delivery_id,
    delivery.dataset,
    delivery.municipality,
    delivery.delivery,
    delivery.night,
    coalesce(delivery.first_received, delivery.night) as first_received,
    delivery.school_year,
    delivery.extent,
    delivery.covers_from,
    delivery.covers_to,
    delivery.as_of,
    delivery.since,
    delivery.rows_landed,
    delivery.rows_rejected
from {{ source('ops', 'delivery') }} as delivery
inner join {{ source('ops', 'candidate_delivery') }} as candidate
    on
        delivery.delivery_id = candidate.delivery_id
        and delivery.dataset = candidate.dataset
