-- From which day on the running sums of a municipality's calendar are made again: of a changed calendar all of them.
-- `year_start`: of the school year of that day. Every municipality has a touched month: the running one.
with touched as (
    select
        touched_month.municipality,
        min(touched_month.month) as first_month,
        touched_month.municipality in (
            select change.municipality from {{ ref('calendar_change') }} as change
        ) as is_anew
    from {{ ref('touched_month') }} as touched_month
    group by touched_month.municipality
)

select
    touched.municipality,
    case when touched.is_anew then cast('-infinity' as date) else touched.first_month end as first_day,
    case
        when touched.is_anew then cast('-infinity' as date)
        else {{ school_year_start(school_year_of('touched.first_month')) }}
    end as year_start
from touched
