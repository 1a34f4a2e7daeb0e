-- A rejected row whose pupil cannot be read: nobody of the school can be said to have been there that day.
select distinct
    rejected.municipality,
    rejected.school_number,
    covered.day
from {{ ref('rejected_absence') }} as rejected
inner join {{ ref('covered_day') }} as covered
    on
        rejected.municipality = covered.municipality
        and rejected.deciding_id = covered.delivery_id
        and (rejected.first_day is null or rejected.first_day <= covered.day)
        and (rejected.last_day is null or rejected.last_day >= covered.day)
where rejected.pupil_ref is null
