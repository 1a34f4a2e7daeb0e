{{ config(indexes=[{"columns": ["municipality", "day"]}]) }}

with decided_now as (
    select
        covered.municipality,
        covered.day,
        covered.delivery_id,
        covered.extent
    from {{ ref('covered_day') }} as covered
    union all
    select
        covered.municipality,
        covered.month as day,
        covered.delivery_id,
        'month' as extent
    from {{ ref('covered_month') }} as covered
),

decided_before as (
    select
        covered.municipality,
        covered.day,
        covered.delivery_id,
        covered.extent
    from {{ built('covered_day') }} as covered
    union all
    select
        covered.municipality,
        covered.month as day,
        covered.delivery_id,
        'month' as extent
    from {{ built('covered_month') }} as covered
),

decided as (
    select
        coalesce(now.municipality, before.municipality) as municipality,
        coalesce(now.day, before.day) as day,
        now.delivery_id,
        before.delivery_id as before_id,
        -- Days of a chain have the same records as before, but for those that an increment names.
        coalesce(now.extent = 'chain' and before.extent = 'chain', false) as is_by_record,
        -- Nobody has counted what an extract of intervals says of each day.
        coalesce(municipality.absence_grain = 'interval', true) as is_uncounted
    from decided_now as now
    full outer join decided_before as before
        on
            now.municipality = before.municipality
            and now.day = before.day
            and (now.extent = 'month') = (before.extent = 'month')
    left join {{ source('reference', 'municipality') }} as municipality
        on now.municipality = municipality.municipality
    where now.delivery_id is distinct from before.delivery_id
),

changed_day as (
    select
        decided.municipality,
        decided.day
    from decided
    left join {{ ref('absence_content') }} as content
        on
            decided.delivery_id = content.delivery_id
            and decided.day = content.day
    left join {{ ref('absence_content') }} as before
        on
            decided.before_id = before.delivery_id
            and decided.day = before.day
    where
        decided.delivery_id is null
        or decided.before_id is null
        or (not decided.is_by_record and (decided.is_uncounted or content.content is distinct from before.content))
),

chain_now as (
    select
        link.delivery_id,
        link.municipality,
        link.school_year
    from {{ ref('absence_link') }} as link
    where link.extent = 'chain'
),

chain_before as (
    select
        link.delivery_id,
        link.municipality,
        link.school_year
    from {{ built('absence_link') }} as link
    where link.extent = 'chain'
),

joined as (
    select
        chain_now.delivery_id,
        chain_now.municipality,
        chain_now.school_year
    from chain_now
    left join chain_before
        on chain_now.delivery_id = chain_before.delivery_id
    where chain_before.delivery_id is null
),

grown_chain as (
    select distinct
        joined.municipality,
        joined.school_year
    from joined
),

-- The pulls of the chains that grew.
grown as (
    select chain_now.delivery_id
    from chain_now
    inner join grown_chain
        on
            chain_now.municipality = grown_chain.municipality
            and chain_now.school_year = grown_chain.school_year
),

-- Every version of the records that new increments bring: what they said before may have been on other days.
changed_record as (
    select
        absence.municipality,
        absence.school_year,
        {{ local_day('absence.starts_at') }} as first_day,
        coalesce({{ local_day('absence.ends_at') }}, {{ school_year_end('absence.school_year') }}) as last_day
    from {{ ref('stg_absence_interval') }} as absence
    where
        {{ is_one_of('absence.delivery_id', 'select grown.delivery_id from grown') }}
        and absence.record_key in (
            select changed.record_key
            from {{ source('landing', 'absence_interval') }} as changed
            where {{ is_one_of('changed.delivery_id', 'select joined.delivery_id from joined') }}
        )
    union
    select
        absence.municipality,
        absence.school_year,
        absence.day as first_day,
        absence.day as last_day
    from {{ ref('stg_absence_day') }} as absence
    where
        {{ is_one_of('absence.delivery_id', 'select grown.delivery_id from grown') }}
        and absence.record_key in (
            select changed.record_key
            from {{ source('landing', 'absence_day') }} as changed
            where {{ is_one_of('changed.delivery_id', 'select joined.delivery_id from joined') }}
        )
    union
    -- A chain that lost a part, or began anew: all of its school year.
    select
        chain_before.municipality,
        chain_before.school_year,
        {{ school_year_start('chain_before.school_year') }} as first_day,
        {{ school_year_end('chain_before.school_year') }} as last_day
    from chain_before
    left join chain_now
        on chain_before.delivery_id = chain_now.delivery_id
    where chain_now.delivery_id is null
)

select
    changed_day.municipality,
    changed_day.day
from changed_day
union
select
    record.municipality,
    covered.day
from changed_record as record
inner join {{ ref('covered_day') }} as covered
    on
        record.municipality = covered.municipality
        and covered.day between record.first_day and record.last_day
