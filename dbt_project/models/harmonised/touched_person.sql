with reference_change as (
    {{ changed_rows('person_reference', ['municipality', 'pupil_ref', 'person_key']) }}
),

enrolment_change as (
    {{ changed_rows('enrolment', [
        'person_key', 'municipality', 'school_year', 'school_number', 'grade', 'form', 'valid_from', 'valid_to'
    ]) }}
)

-- When everything is built anew, every month is touched already.
{% set anew = 'true' if builds_anew() else 'false' -%}
select reference_change.person_key
from reference_change
where not {{ anew }}
union
select enrolment_change.person_key
from enrolment_change
where not {{ anew }}
