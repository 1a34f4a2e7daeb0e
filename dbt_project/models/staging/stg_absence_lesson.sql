select
    delivery.municipality,
    absence.delivery_id,
    absence.row_number,
    delivery.night,
    delivery.school_year,
    absence.pupil_ref,
    absence.day,
    absence.lesson,
    absence.minutes,
    absence.source_code,
    absence.cleared,
    coalesce(cleared_code.absence_class, any_code.absence_class) as absence_class
from {{ source('landing', 'absence_lesson') }} as absence
inner join {{ ref('stg_delivery') }} as delivery
    on
        absence.delivery_id = delivery.delivery_id
        and delivery.dataset = 'absence'
{{ absence_code_joins('absence.day') }}
