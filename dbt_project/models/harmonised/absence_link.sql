with recursive delivered as (
    select
        delivery.delivery_id,
        delivery.municipality,
        delivery.school_year,
        delivery.night,
        delivery.extent,
        delivery.as_of,
        delivery.since,
        greatest(delivery.covers_from, {{ school_year_start('delivery.school_year') }}) as covers_from,
        least(
            delivery.covers_to,
            {{ days_after('delivery.night', -1) }},
            {{ school_year_end('delivery.school_year') }}
        ) as covers_to
    from {{ ref('stg_delivery') }} as delivery
    where
        delivery.dataset = 'absence'
        and (delivery.covers_from is not null or delivery.extent = 'chain')
),

-- A chain starts anew with every full pull.
full_pull as (
    select
        delivered.municipality,
        delivered.school_year,
        max(delivered.as_of) as as_of
    from delivered
    where delivered.extent = 'chain' and delivered.since is null
    group by delivered.municipality, delivered.school_year
),

pull as (
    select
        delivered.*,
        row_number() over (
            partition by delivered.municipality, delivered.school_year
            order by delivered.as_of, delivered.delivery_id
        ) as sequence_number
    from delivered
    inner join full_pull
        on
            delivered.municipality = full_pull.municipality
            and delivered.school_year = full_pull.school_year
            and delivered.as_of >= full_pull.as_of
    where delivered.extent = 'chain'
),

-- An increment belongs to the chain when it starts no later than what the chain has reached.
chain as (
    select
        pull.municipality,
        pull.school_year,
        pull.sequence_number,
        pull.delivery_id,
        pull.night,
        true as is_linked,
        pull.as_of as reached
    from pull
    where pull.sequence_number = 1
    union all
    select
        pull.municipality,
        pull.school_year,
        pull.sequence_number,
        pull.delivery_id,
        pull.night,
        coalesce(pull.since <= chain.reached, true) as is_linked,
        case when pull.since > chain.reached then chain.reached else pull.as_of end as reached
    from chain
    inner join pull
        on
            chain.municipality = pull.municipality
            and chain.school_year = pull.school_year
            and chain.sequence_number + 1 = pull.sequence_number
),

head as (
    select
        chain.municipality,
        chain.school_year,
        max(chain.reached) as reached,
        max(chain.night) as night,
        max(chain.sequence_number) as sequence_number
    from chain
    where chain.is_linked
    group by chain.municipality, chain.school_year
)

select
    delivered.delivery_id,
    delivered.municipality,
    delivered.school_year,
    delivered.night,
    delivered.extent,
    delivered.delivery_id as deciding_id,
    delivered.covers_from,
    delivered.covers_to
from delivered
where delivered.extent <> 'chain'
union all
select
    pull.delivery_id,
    pull.municipality,
    pull.school_year,
    pull.night,
    pull.extent,
    newest.delivery_id as deciding_id,
    {{ school_year_start('pull.school_year') }} as covers_from,
    -- A night that is made up for later is pulled after its own morning.
    least(
        {{ days_after(local_day('head.reached'), -1) }},
        {{ days_after('head.night', -1) }},
        {{ school_year_end('pull.school_year') }}
    ) as covers_to
from pull
inner join chain
    on
        pull.delivery_id = chain.delivery_id
        and chain.is_linked
inner join head
    on
        pull.municipality = head.municipality
        and pull.school_year = head.school_year
inner join chain as newest
    on
        head.municipality = newest.municipality
        and head.school_year = newest.school_year
        and head.sequence_number = newest.sequence_number
