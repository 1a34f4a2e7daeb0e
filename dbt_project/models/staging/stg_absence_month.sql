select
    delivery.municipality,
    absence.delivery_id,
    absence.row_number,
    delivery.night,
    delivery.school_year,
    absence.pupil_ref,
    absence.month,
    absence.lessons,
    absence.source_code,
    any_code.absence_class
from {{ source('landing', 'absence_month') }} as absence
inner join {{ ref('stg_delivery') }} as delivery
    on
        absence.delivery_id = delivery.delivery_id
        and delivery.dataset = 'absence'
left join {{ source('reference', 'absence_crosswalk') }} as any_code
    on
        delivery.municipality = any_code.municipality
        and absence.source_code = any_code.source_code
        and any_code.cleared is null
        and {{ holds_on('any_code', 'absence.month') }}
