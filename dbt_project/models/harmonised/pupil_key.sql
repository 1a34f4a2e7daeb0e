-- A municipality may know one person by several ids: its people see one of them, always the same.
with seen as (
    select
        version.municipality,
        version.pupil_ref,
        min(version.night) as first_night
    from {{ ref('enrolment_version') }} as version
    group by version.municipality, version.pupil_ref
),

ordered as (
    select
        reference.municipality,
        reference.person_key,
        reference.pupil_ref,
        row_number() over (
            partition by reference.municipality, reference.person_key
            order by seen.first_night, reference.pupil_ref
        ) as oldest
    from {{ ref('person_reference') }} as reference
    inner join seen
        on
            reference.municipality = seen.municipality
            and reference.pupil_ref = seen.pupil_ref
)

select
    ordered.municipality,
    ordered.person_key,
    ordered.pupil_ref as pupil_key
from ordered
where ordered.oldest = 1
