-- From which day on the running sums of a municipality's calendar are made again: of a changed calendar all of them.
select
    touched.municipality,
    min(touched.month) as first_day
from {{ ref('touched_month') }} as touched
where touched.municipality not in (select change.municipality from {{ ref('calendar_change') }} as change)
group by touched.municipality
union all
select distinct
    change.municipality,
    cast('-infinity' as date) as first_day
from {{ ref('calendar_change') }} as change
