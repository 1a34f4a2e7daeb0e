with now as (
    select
        delivery.delivery_id,
        delivery.dataset,
        delivery.municipality,
        delivery.school_year,
        delivery.night
    from {{ ref('stg_delivery') }} as delivery
),

before as (
    select
        delivery.delivery_id,
        delivery.dataset,
        delivery.municipality,
        delivery.school_year,
        delivery.night
    from {{ built('stg_delivery') }} as delivery
)

select
    coalesce(now.delivery_id, before.delivery_id) as delivery_id,
    coalesce(now.dataset, before.dataset) as dataset,
    coalesce(now.municipality, before.municipality) as municipality,
    coalesce(now.school_year, before.school_year) as school_year,
    coalesce(now.night, before.night) as night,
    now.delivery_id is not null as is_new
from now
full outer join before
    on
        now.delivery_id = before.delivery_id
        and now.dataset = before.dataset
where now.delivery_id is null or before.delivery_id is null
