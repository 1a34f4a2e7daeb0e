-- A rejected row with a readable pupil: its day, or every day on which that delivery decides; of a monthly source the
-- month, by its first day.
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
union
select
    rejected.municipality,
    reference.person_key,
    covered.month as day
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
