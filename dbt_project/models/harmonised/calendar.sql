with extract as (
    select
        delivery.delivery_id,
        row_number() over (
            partition by delivery.municipality, delivery.school_year
            order by delivery.night desc, delivery.delivery_id desc
        ) as newest
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'school_day'
),

delivered as (
    select
        school_day.municipality,
        school_day.school_number,
        school_day.grade,
        school_day.day,
        school_day.lessons,
        school_day.day_start,
        school_day.slot_minutes,
        row_number() over (
            partition by school_day.municipality, school_day.school_number, school_day.grade, school_day.day
            order by school_day.school_year desc, school_day.row_number desc
        ) as newest
    from {{ ref('stg_school_day') }} as school_day
    inner join extract
        on
            school_day.delivery_id = extract.delivery_id
            and extract.newest = 1
    where
        school_day.day between
        {{ school_year_start('school_day.school_year') }} and {{ school_year_end('school_day.school_year') }}
)

select
    delivered.municipality,
    delivered.school_number,
    delivered.grade,
    delivered.day,
    delivered.lessons,
    delivered.day_start,
    delivered.slot_minutes,
    covered.day is not null
    and uncovered.day is null
    -- Without its hours nobody can tell which of a day's lessons an interval meets.
    and (
        municipality.absence_grain <> 'interval'
        or (delivered.day_start is not null and delivered.slot_minutes is not null)
    ) as is_covered
from delivered
inner join {{ source('reference', 'municipality') }} as municipality
    on delivered.municipality = municipality.municipality
left join {{ ref('covered_day') }} as covered
    on
        delivered.municipality = covered.municipality
        and delivered.day = covered.day
left join (
    select distinct
        school_day.municipality,
        school_day.school_number,
        school_day.day
    from delivered as school_day
    inner join {{ ref('uncovered_school_day') }} as uncovered
        on
            school_day.municipality = uncovered.municipality
            and school_day.day = uncovered.day
            and (uncovered.school_number is null or school_day.school_number = uncovered.school_number)
) as uncovered
    on
        delivered.municipality = uncovered.municipality
        and delivered.school_number = uncovered.school_number
        and delivered.day = uncovered.day
where delivered.newest = 1
