-- The schools that a municipality names, those that its pupils are in besides, and one for what is not known.
with school as (
    select
        reference.municipality,
        reference.school_number
    from {{ source('reference', 'school') }} as reference
    union
    select
        enrolment.municipality,
        enrolment.school_number
    from {{ ref('enrolment') }} as enrolment
    where enrolment.school_number is not null
    union
    select
        absence.municipality,
        absence.school_number
    from {{ ref('absence') }} as absence
    where absence.school_number is not null
)

select
    {{ school_key('school.municipality', 'school.school_number') }} as school_key,
    school.municipality,
    school.school_number,
    coalesce(reference.name_fi, school.school_number) as name_fi,
    reference.valid_from,
    reference.valid_to
from school
left join {{ source('reference', 'school') }} as reference
    on
        school.municipality = reference.municipality
        and school.school_number = reference.school_number
union all
select
    {{ school_key('municipality.municipality', 'null') }} as school_key,
    municipality.municipality,
    null as school_number,
    'Ei tiedossa' as name_fi,
    null as valid_from,
    null as valid_to
from {{ source('reference', 'municipality') }} as municipality
