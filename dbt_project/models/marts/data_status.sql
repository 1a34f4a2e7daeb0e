with dataset as (
    select
        municipality.municipality,
        municipality.name_fi,
        municipality.name_en,
        each.dataset
    from {{ source('reference', 'municipality') }} as municipality
    cross join (values ('enrolment'), ('absence'), ('support'), ('school_day')) as each (dataset)
),

accepted as (
    select
        delivery.*,
        row_number() over (
            partition by delivery.municipality, delivery.dataset
            order by delivery.night desc, delivery.school_year desc, delivery.delivery_id desc
        ) as newest
    from {{ ref('stg_delivery') }} as delivery
),

-- The days that a chain of increments has reached, none on the year's first morning; one that it lost a part before
-- says nothing of them.
chain as (
    select
        link.municipality,
        link.school_year,
        min(link.covers_from) as covers_from,
        max(link.covers_to) as covers_to
    from {{ ref('absence_link') }} as link
    where link.extent = 'chain'
    group by link.municipality, link.school_year
),

attempt as (
    select
        delivery.municipality,
        delivery.dataset,
        delivery.night,
        delivery.status,
        1 as preference,
        delivery.school_year,
        delivery.delivery_id
    from {{ source('ops', 'delivery') }} as delivery
    union all
    -- A night on which nothing came, or nothing new.
    select
        outcome.municipality,
        dataset.dataset,
        outcome.night,
        outcome.status,
        0 as preference,
        0 as school_year,
        0 as delivery_id
    from {{ source('ops', 'night_outcome') }} as outcome
    inner join dataset
        on outcome.municipality = dataset.municipality
),

last_attempt as (
    select
        attempt.*,
        row_number() over (
            partition by attempt.municipality, attempt.dataset
            order by
                attempt.night desc, attempt.preference desc, attempt.school_year desc, attempt.delivery_id desc
        ) as newest
    from attempt
    cross join {{ ref('stg_night') }} as tonight
    where attempt.night <= tonight.night
)

select
    dataset.municipality,
    dataset.dataset,
    last_attempt.night as last_night,
    last_attempt.status as last_status,
    accepted.night as accepted_night,
    {{ local_day('accepted.as_of') }} as as_of,
    case
        when chain.municipality is null then accepted.covers_from
        when chain.covers_from <= chain.covers_to then chain.covers_from
    end as covers_from,
    case
        when chain.municipality is null then accepted.covers_to
        when chain.covers_from <= chain.covers_to then chain.covers_to
    end as covers_to,
    -- A night that is made up for later is read after its own morning: its data is not older than nothing.
    case
        when accepted.as_of is not null
            then greatest({{ dbt.datediff(local_day('accepted.as_of'), 'tonight.night', 'day') }}, 0)
    end as days_old,
    case
        when accepted.night is null then dataset.name_fi || ': hyväksyttyä toimitusta ei vielä ole.'
        when last_attempt.status not in ('accepted', 'unchanged')
            then
                dataset.name_fi
                || ': viimeisintä toimitusta ei voitu käyttää; tiedot ovat viimeisimmästä hyväksytystä toimituksesta.'
        when last_attempt.night < tonight.night
            then
                dataset.name_fi
                || ': tältä yöltä ei ole tietoa; tiedot ovat viimeisimmästä hyväksytystä toimituksesta.'
        when last_attempt.status = 'unchanged'
            then dataset.name_fi || ': lähde ei ole muuttunut viimeisimmän hyväksytyn toimituksen jälkeen.'
        when chain.municipality is not null and link.delivery_id is null
            then dataset.name_fi || ': poissaolotoimitusten ketju on poikki; myöhempiä poissaoloja ei tiedetä.'
        else dataset.name_fi || ': tiedot ovat ajan tasalla.'
    end as message_fi,
    case
        when accepted.night is null then dataset.name_en || ': no delivery has been accepted yet.'
        when last_attempt.status not in ('accepted', 'unchanged')
            then
                dataset.name_en
                || ': the latest delivery could not be used; the data is from the last accepted one.'
        when last_attempt.night < tonight.night
            then dataset.name_en || ': nothing is known of this night; the data is from the last accepted delivery.'
        when last_attempt.status = 'unchanged'
            then dataset.name_en || ': the source has not changed since the last accepted delivery.'
        when chain.municipality is not null and link.delivery_id is null
            then dataset.name_en || ': the chain of absence deliveries is broken; later absences are not known.'
        else dataset.name_en || ': the data is up to date.'
    end as message_en
from dataset
cross join {{ ref('stg_night') }} as tonight
left join accepted
    on
        dataset.municipality = accepted.municipality
        and dataset.dataset = accepted.dataset
        and accepted.newest = 1
left join chain
    on
        accepted.municipality = chain.municipality
        and accepted.school_year = chain.school_year
        and accepted.extent = 'chain'
left join {{ ref('absence_link') }} as link
    on accepted.delivery_id = link.delivery_id
left join last_attempt
    on
        dataset.municipality = last_attempt.municipality
        and dataset.dataset = last_attempt.dataset
        and last_attempt.newest = 1
