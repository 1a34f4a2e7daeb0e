select
    covered.municipality,
    covered.day as first_day,
    covered.day as last_day,
    true as is_daily,
    {{ local_day('delivery.as_of') }} as as_of
from {{ ref('stg_delivery') }} as delivery
inner join {{ ref('covered_day') }} as covered
    on delivery.delivery_id = covered.delivery_id
where delivery.dataset = 'absence'
union all
select
    covered.municipality,
    covered.month as first_day,
    {{ last_day_of_month('covered.month') }} as last_day,
    false as is_daily,
    {{ local_day('delivery.as_of') }} as as_of
from {{ ref('stg_delivery') }} as delivery
inner join {{ ref('covered_month') }} as covered
    on delivery.delivery_id = covered.delivery_id
where delivery.dataset = 'absence'
