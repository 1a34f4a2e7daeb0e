-- The Sundays on which a municipality's pupils can be evaluated: those that an accepted delivery covers.
select
    covered.municipality,
    covered.day as week_end,
    {{ school_year_of('covered.day') }} as school_year,
    row_number() over (
        partition by covered.municipality
        order by covered.day desc
    ) as recency
from {{ ref('covered_day') }} as covered
where covered.day = {{ last_sunday_until('covered.day') }}
