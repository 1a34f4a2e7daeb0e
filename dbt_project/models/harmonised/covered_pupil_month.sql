with rejected as (
    select
        rejected.municipality,
        reference.person_key,
        covered.month
    from {{ ref('stg_rejected_row') }} as rejected
    inner join {{ ref('covered_month') }} as covered
        on
            rejected.delivery_id = covered.delivery_id
            and rejected.dataset = 'absence'
            and (rejected.day is null or {{ month_of('rejected.day') }} = covered.month)
    inner join {{ ref('person_reference') }} as reference
        on
            rejected.municipality = reference.municipality
            and rejected.pupil_ref = reference.pupil_ref
    group by rejected.municipality, reference.person_key, covered.month
)

select
    absence.municipality,
    absence.person_key,
    absence.month
from {{ ref('absence_from_months') }} as absence
left join rejected
    on
        absence.municipality = rejected.municipality
        and absence.person_key = rejected.person_key
        and absence.month = rejected.month
where rejected.month is null
group by absence.municipality, absence.person_key, absence.month
-- A value in at least one reason column, and no reason column that nobody has mapped.
having
    sum(absence.reported_values) > 0
    and count(*) = count(absence.absence_class)
