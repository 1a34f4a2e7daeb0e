-- A rejected row with a readable pupil: its day, or every day on which that delivery decides.
select
    rejected.municipality,
    reference.person_key,
    covered.day
from {{ ref('stg_rejected_row') }} as rejected
inner join {{ ref('absence_link') }} as link
    on
        rejected.delivery_id = link.delivery_id
        and rejected.dataset = 'absence'
inner join {{ ref('covered_day') }} as covered
    on
        link.municipality = covered.municipality
        and link.deciding_id = covered.delivery_id
        and (rejected.day is null or rejected.day = covered.day)
inner join {{ ref('person_reference') }} as reference
    on
        rejected.municipality = reference.municipality
        and rejected.pupil_ref = reference.pupil_ref
{% for model in ['absence_from_lessons', 'absence_from_intervals', 'absence_from_days'] -%}
union
-- A code without a regional class: what the pupil did that day is not known.
select
    absence.municipality,
    absence.person_key,
    absence.day
from {{ ref(model) }} as absence
where absence.absence_class is null
{% endfor -%}
