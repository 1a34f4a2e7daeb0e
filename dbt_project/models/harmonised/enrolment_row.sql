with extract as (
    select
        delivery.delivery_id,
        delivery.municipality,
        delivery.school_year,
        delivery.night,
        row_number() over (
            partition by delivery.municipality, delivery.school_year
            order by delivery.night desc, delivery.delivery_id desc
        ) as newest
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'enrolment'
),

delivered as (
    select
        enrolment.municipality,
        enrolment.school_year,
        enrolment.pupil_ref,
        enrolment.school_number,
        enrolment.valid_from,
        enrolment.valid_to,
        enrolment.delivery_id,
        enrolment.row_number,
        greatest(enrolment.valid_from, {{ school_year_start('enrolment.school_year') }}) as first_day,
        least(enrolment.valid_to, {{ school_year_end('enrolment.school_year') }}) as last_day
    from {{ ref('stg_enrolment') }} as enrolment
    where
        {{ is_one_of(
            'enrolment.delivery_id', 'select extract.delivery_id from extract where extract.newest = 1'
        ) }}
        and not enrolment.is_deleted
),

-- In the order in which enrolments of one pupil displace each other: the next one holds over this one.
ordered as (
    select
        delivered.*,
        reference.person_key,
        lead(delivered.first_day) over (
            partition by reference.person_key, delivered.school_year
            order by
                delivered.valid_from,
                case when delivered.valid_to is null then 0 else 1 end,
                delivered.school_number,
                delivered.municipality,
                delivered.pupil_ref,
                delivered.row_number
        ) as next_first_day
    from delivered
    inner join {{ ref('person_reference') }} as reference
        on
            delivered.municipality = reference.municipality
            and delivered.pupil_ref = reference.pupil_ref
    where delivered.first_day <= delivered.last_day
)

select
    ordered.person_key,
    ordered.municipality,
    ordered.school_year,
    ordered.pupil_ref,
    ordered.school_number,
    ordered.valid_from as source_valid_from,
    ordered.valid_to as source_valid_to,
    ordered.delivery_id,
    ordered.row_number,
    ordered.first_day,
    least(ordered.last_day, {{ days_after('ordered.next_first_day', -1) }}) as last_day,
    coalesce(ordered.next_first_day <= ordered.last_day, false) as is_overlapped,
    ordered.next_first_day as overlapped_from
from ordered
