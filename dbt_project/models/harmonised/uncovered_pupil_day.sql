with uncovered as (
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
    -- A code without a regional class: what the pupil did that day is not known.
    {% for model in ['absence_from_lessons', 'absence_from_intervals', 'absence_from_days'] -%}
    union
    select
        absence.municipality,
        absence.person_key,
        absence.day
    from {{ ref(model) }} as absence
    where absence.absence_class is null
    {% endfor -%}
)

select
    uncovered.municipality,
    uncovered.person_key,
    uncovered.day,
    -- What else would count as covered.
    coalesce(max(case when calendar.is_covered then calendar.lessons end), 0) as lessons
from uncovered
left join {{ ref('enrolment') }} as enrolment
    on
        uncovered.person_key = enrolment.person_key
        and uncovered.municipality = enrolment.municipality
        and uncovered.day between enrolment.valid_from and enrolment.valid_to
        and enrolment.form is distinct from 'home'
left join {{ ref('calendar') }} as calendar
    on
        enrolment.municipality = calendar.municipality
        and enrolment.school_number = calendar.school_number
        and enrolment.grade = calendar.grade
        and uncovered.day = calendar.day
group by uncovered.municipality, uncovered.person_key, uncovered.day
