-- The days of a school year stay as its own last extract said. Covered is all from 1 August of the first delivered
-- school year to the day before the latest extract was first received; one of an earlier year says nothing of a later.
with extract as (
    select
        delivery.delivery_id,
        delivery.municipality,
        delivery.school_year,
        max(delivery.first_received) over (
            partition by delivery.municipality
            order by delivery.school_year desc
        ) as last_received,
        row_number() over (
            partition by delivery.municipality, delivery.school_year
            order by delivery.night desc, delivery.delivery_id desc
        ) as newest
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'support'
)

select
    extract.municipality,
    extract.school_year,
    extract.delivery_id,
    {{ school_year_start('extract.school_year') }} as covered_from,
    least({{ school_year_end('extract.school_year') }}, {{ days_after('extract.last_received', -1) }}) as covered_to
from extract
where extract.newest = 1
