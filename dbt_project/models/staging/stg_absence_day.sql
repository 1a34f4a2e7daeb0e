select
    delivery.municipality,
    absence.delivery_id,
    absence.row_number,
    delivery.night,
    delivery.school_year,
    absence.record_key,
    -- A row without an id of its own is a record of its own.
    coalesce(
        cast(absence.record_key as text), absence.delivery_id || '/' || absence.row_number
    ) as record,
    absence.pupil_ref,
    absence.day,
    absence.lessons,
    coalesce(absence.deleted, false) as is_deleted,
    absence.updated_at,
    absence.source_code,
    absence.cleared,
    coalesce(cleared_code.absence_class, any_code.absence_class) as absence_class
from {{ source('landing', 'absence_day') }} as absence
inner join {{ ref('stg_delivery') }} as delivery
    on
        absence.delivery_id = delivery.delivery_id
        and delivery.dataset = 'absence'
{{ absence_code_joins('absence.day') }}
