-- A rejected row with a readable pupil: the days that it can be about, of those on which its delivery, or its chain,
-- decides; of a monthly source the month, by its first day.
select
    rejected.municipality,
    reference.person_key,
    covered.day
from {{ ref('rejected_absence') }} as rejected
inner join {{ ref('covered_day') }} as covered
    on
        rejected.municipality = covered.municipality
        and rejected.deciding_id = covered.delivery_id
        and (rejected.first_day is null or rejected.first_day <= covered.day)
        and (rejected.last_day is null or rejected.last_day >= covered.day)
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
