with extract as (
    select
        delivery.municipality,
        delivery.school_year,
        delivery.delivery_id,
        row_number() over (
            partition by delivery.municipality, delivery.school_year
            order by delivery.night desc, delivery.delivery_id desc
        ) as newest
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'school_day'
),

read_before as (
    {% if builds_anew() -%}
    select
        cast(null as integer) as delivery_id,
        cast(null as numeric) as content
    where false
    {%- else -%}
    select
        built.delivery_id,
        built.content
    from harmonised.built_school_day_extract as built
    {%- endif %}
),

read_now as (
    select
        school_day.delivery_id,
        {{ fingerprint([
            'school_day.school_number', 'school_day.day', 'school_day.grade', 'school_day.lessons',
            "coalesce(cast(school_day.day_start as text), '')", "coalesce(school_day.slot_minutes, 0)"
        ]) }} as content
    from {{ source('landing', 'school_day') }} as school_day
    where {{ is_one_of(
        'school_day.delivery_id',
        'select extract.delivery_id from extract where extract.newest = 1'
        ~ ' and extract.delivery_id not in (select read_before.delivery_id from read_before)'
    ) }}
    group by school_day.delivery_id
)

select
    extract.municipality,
    extract.school_year,
    extract.delivery_id,
    coalesce(read_before.content, read_now.content, 0) as content
from extract
left join read_before
    on extract.delivery_id = read_before.delivery_id
left join read_now
    on extract.delivery_id = read_now.delivery_id
where extract.newest = 1
