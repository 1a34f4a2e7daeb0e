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
select
    enrolment_change.person_key,
    enrolment_change.school_year
from enrolment_change
where not {{ anew }}
-- What a changed reference reported is another person's now.
{% for model in ['reported_lesson', 'reported_interval', 'reported_day', 'reported_month'] -%}
union
select
    reference_change.person_key,
    {{ school_year_of('reported.month') }} as school_year
from reference_change
inner join {{ ref(model) }} as reported
    on
        reference_change.municipality = reported.municipality
        and reference_change.pupil_ref = reported.pupil_ref
where not {{ anew }}
{% endfor -%}
