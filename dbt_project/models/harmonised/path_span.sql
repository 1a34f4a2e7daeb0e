-- Any of the pupils who share a path tells its spans.
with example as (
    select
        path.path_id,
        path.person_key,
        path.school_year,
        row_number() over (partition by path.path_id order by path.person_key) as place
    from {{ ref('enrolment_path') }} as path
)

select
    example.path_id,
    example.school_year,
    enrolment.municipality,
    enrolment.school_number,
    enrolment.grade,
    enrolment.valid_from,
    enrolment.valid_to,
    -- Home education has no lessons of the school.
    (enrolment.form is distinct from 'home') as is_taught
from example
inner join {{ ref('enrolment') }} as enrolment
    on
        example.person_key = enrolment.person_key
        and example.school_year = enrolment.school_year
where example.place = 1
