select
    covered.municipality,
    covered.day as first_day,
    covered.day as last_day,
    true as is_daily,
    {{ local_day('delivery.as_of') }} as as_of
from {{ ref('covered_day') }} as covered
inner join {{ ref('stg_delivery') }} as delivery
    on
        covered.delivery_id = delivery.delivery_id
        and delivery.dataset = 'absence'
union all
select
    covered.municipality,
    covered.month as first_day,
    {{ last_day_of_month('covered.month') }} as last_day,
    false as is_daily,
    {{ local_day('delivery.as_of') }} as as_of
from {{ ref('covered_month') }} as covered
inner join {{ ref('stg_delivery') }} as delivery
    on
        covered.delivery_id = delivery.delivery_id
        and delivery.dataset = 'absence'
