-- What a night finds of each school year's levels, as one number.
select
    level.school_year,
    {{ fingerprint([
        'level.person_key', 'level.municipality', 'level.valid_from', 'level.valid_to', 'level.support_level'
    ]) }} as content
from {{ ref('support_day_level') }} as level
group by level.school_year
