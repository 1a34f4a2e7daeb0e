with built_last as (
    select
        delivery.municipality,
        delivery.school_year,
        max(delivery.night) as night,
        max(delivery.delivery_id) as delivery_id
    from {{ built('stg_delivery') }} as delivery
    where delivery.dataset = 'enrolment'
    group by delivery.municipality, delivery.school_year
),

-- What came in order can be added to what is known; a delivery that came late or went makes its school year anew.
changed as (
    select
        change.municipality,
        change.school_year,
        max(
            case
                when
                    change.is_new
                    and (
                        built_last.night is null
                        or (change.night >= built_last.night and change.delivery_id > built_last.delivery_id)
                    )
                    then 0
                else 1
            end
        ) = 1 as is_anew
    from {{ ref('delivery_change') }} as change
    left join built_last
        on
            change.municipality = built_last.municipality
            and change.school_year = built_last.school_year
    where change.dataset = 'enrolment'
    group by change.municipality, change.school_year
)

select
    delivery.delivery_id,
    delivery.municipality,
    delivery.school_year,
    delivery.night,
    changed.is_anew
from {{ ref('stg_delivery') }} as delivery
inner join changed
    on
        delivery.municipality = changed.municipality
        and delivery.school_year = changed.school_year
left join {{ ref('delivery_change') }} as change
    on
        delivery.delivery_id = change.delivery_id
        and delivery.dataset = change.dataset
where
    delivery.dataset = 'enrolment'
    and (changed.is_anew or change.delivery_id is not null)
union all
-- A school year whose deliveries are all gone.
select
    cast(null as integer) as delivery_id,
    changed.municipality,
    changed.school_year,
    cast(null as date) as night,
    changed.is_anew
from changed
where changed.is_anew
