select
    enrolment.municipality,
    enrolment.school_year,
    enrolment.person_key,
    enrolment.school_number,
    enrolment.delivery_id,
    enrolment.row_number,
    enrolment.overlapped_from
from {{ ref('enrolment_row') }} as enrolment
where enrolment.is_overlapped
