with rejected as (
    select
        rejected.*,
        link.deciding_id,
        delivery.as_of
    from {{ ref('stg_rejected_row') }} as rejected
    inner join {{ ref('absence_link') }} as link
        on
            rejected.delivery_id = link.delivery_id
            and rejected.dataset = 'absence'
    inner join {{ ref('stg_delivery') }} as delivery
        on
            rejected.delivery_id = delivery.delivery_id
            and rejected.dataset = delivery.dataset
),

-- The pulls of a chain that came after one with a rejected record.
later_pull as (
    select
        rejected.delivery_id as rejecting_id,
        link.delivery_id
    from rejected
    inner join {{ ref('absence_link') }} as link
        on rejected.deciding_id = link.deciding_id
    inner join {{ ref('stg_delivery') }} as delivery
        on
            link.delivery_id = delivery.delivery_id
            and rejected.dataset = delivery.dataset
            and (rejected.as_of, rejected.delivery_id) < (delivery.as_of, delivery.delivery_id)
    where rejected.record_key is not null
    group by rejected.delivery_id, link.delivery_id
),

-- A record that came again, read or rejected.
version as (
    select
        absence.delivery_id,
        absence.record_key
    from {{ source('landing', 'absence_interval') }} as absence
    where
        {{ is_one_of('absence.delivery_id', 'select later_pull.delivery_id from later_pull') }}
        and absence.record_key in (select rejected.record_key from rejected)
    union all
    select
        absence.delivery_id,
        absence.record_key
    from {{ source('landing', 'absence_day') }} as absence
    where
        {{ is_one_of('absence.delivery_id', 'select later_pull.delivery_id from later_pull') }}
        and absence.record_key in (select rejected.record_key from rejected)
    union all
    select
        rejected.delivery_id,
        rejected.record_key
    from rejected
    where rejected.record_key is not null
)

-- A day that cannot be read is no bound: the row may be about any day.
select
    rejected.municipality,
    rejected.delivery_id,
    rejected.row_number,
    rejected.deciding_id,
    rejected.pupil_ref,
    rejected.school_number,
    coalesce(rejected.day, rejected.earliest_date) as first_day,
    coalesce(rejected.day, rejected.latest_date) as last_day
from rejected
where
    rejected.record_key is null
    or (rejected.delivery_id, rejected.record_key) not in (
        select
            later_pull.rejecting_id,
            version.record_key
        from later_pull
        inner join version
            on later_pull.delivery_id = version.delivery_id
    )
