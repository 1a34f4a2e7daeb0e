-- From which day on the running sums of a municipality's calendar are made again: of a changed calendar all of them.
-- `year_start`: of the school year of that day.
with touched as (
    select
        touched_month.municipality,
        min(touched_month.month) as first_day
    from {{ ref('touched_month') }} as touched_month
    where
        touched_month.municipality not in (
            select change.municipality from {{ ref('calendar_change') }} as change
        )
    group by touched_month.municipality
)

select
    touched.municipality,
    touched.first_day,
    {{ school_year_start(school_year_of('touched.first_day')) }} as year_start
from touched
union all
select distinct
    change.municipality,
    cast('-infinity' as date) as first_day,
    cast('-infinity' as date) as year_start
from {{ ref('calendar_change') }} as change
