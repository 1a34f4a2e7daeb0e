with claimed as (
    select
        link.municipality,
        cast(each.day as date) as day,
        link.deciding_id as delivery_id,
        link.school_year,
        link.extent,
        row_number() over (
            partition by link.municipality, cast(each.day as date)
            order by link.night desc, link.delivery_id desc
        ) as newest
    from {{ ref('absence_link') }} as link
    cross join lateral {{ each_day('link.covers_from', 'link.covers_to') }} as each (day)
    where
        link.extent in ('full', 'window')
        or (link.extent = 'chain' and link.delivery_id = link.deciding_id)
)

select
    claimed.municipality,
    claimed.day,
    claimed.delivery_id,
    claimed.school_year,
    claimed.extent
from claimed
where claimed.newest = 1
