{#- What each new delivery says of each day, as one number; records of a chain are compared one by one instead. -#}
{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_new_content() }}",
        indexes=[{"columns": ["delivery_id", "day"]}],
    )
}}

with new_delivery as (
    select link.delivery_id
    from {{ ref('absence_link') }} as link
    where
        link.extent <> 'chain'
        and link.delivery_id in (
            select change.delivery_id
            from {{ ref('delivery_change') }} as change
            where change.dataset = 'absence' and change.is_new
        )
)

select
    absence.delivery_id,
    absence.day,
    {{ fingerprint([
        'absence.pupil_ref', 'absence.lesson', 'absence.source_code', "coalesce(absence.minutes, -1)",
        "coalesce(absence.cleared, '')"
    ]) }} as content
from {{ source('landing', 'absence_lesson') }} as absence
where {{ is_one_of('absence.delivery_id', 'select new_delivery.delivery_id from new_delivery') }}
group by absence.delivery_id, absence.day
union all
select
    absence.delivery_id,
    absence.day,
    {{ fingerprint([
        'absence.pupil_ref', 'absence.record_key', 'absence.lessons', 'absence.source_code',
        "coalesce(absence.cleared, '')", 'absence.deleted'
    ]) }} as content
from {{ source('landing', 'absence_day') }} as absence
where {{ is_one_of('absence.delivery_id', 'select new_delivery.delivery_id from new_delivery') }}
group by absence.delivery_id, absence.day
union all
select
    absence.delivery_id,
    absence.month as day,
    {{ fingerprint([
        'absence.pupil_ref', 'absence.source_code', "coalesce(absence.lessons, -1)"
    ]) }} as content
from {{ source('landing', 'absence_month') }} as absence
where {{ is_one_of('absence.delivery_id', 'select new_delivery.delivery_id from new_delivery') }}
group by absence.delivery_id, absence.month
