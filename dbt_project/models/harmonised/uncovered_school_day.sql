-- A rejected row whose pupil cannot be read: nobody of the school can be said to have been there that day.
select distinct
    rejected.municipality,
    rejected.school_number,
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
where rejected.pupil_ref is null
