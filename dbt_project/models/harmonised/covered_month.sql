with reported as (
    select
        link.municipality,
        cast(each.month as date) as month,
        link.delivery_id,
        row_number() over (
            partition by link.municipality, cast(each.month as date)
            order by link.night desc, link.delivery_id desc
        ) as newest
    from {{ ref('absence_link') }} as link
    cross join lateral {{ each_month(month_of('link.covers_from'), 'link.covers_to') }} as each (month)
    where
        link.extent = 'month'
        -- A month that was still running when the workbook came is not reported by it.
        and {{ last_day_of_month('each.month') }} < link.night
)

select
    reported.municipality,
    reported.month,
    reported.delivery_id
from reported
where reported.newest = 1
