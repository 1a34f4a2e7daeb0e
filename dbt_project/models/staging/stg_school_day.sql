select
    delivery.municipality,
    school_day.delivery_id,
    school_day.row_number,
    delivery.night,
    delivery.school_year,
    school_day.school_number,
    school_day.day,
    school_day.grade,
    school_day.lessons,
    school_day.day_start,
    school_day.slot_minutes
from {{ source('landing', 'school_day') }} as school_day
inner join {{ ref('stg_delivery') }} as delivery
    on
        school_day.delivery_id = delivery.delivery_id
        and delivery.dataset = 'school_day'
