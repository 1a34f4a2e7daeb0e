with bound as (
    select
        {{ school_year_start('min(delivery.school_year)') }} as first_day,
        max(tonight.night) as night
    from {{ ref('stg_delivery') }} as delivery
    cross join {{ ref('stg_night') }} as tonight
    where delivery.dataset = 'enrolment'
),

-- Month ends, 20 September and 20 January, once their month is closed.
count_day as (
    select
        cast(each.day as date) as count_day,
        {{ school_year_of('each.day') }} as school_year
    from bound
    cross join lateral {{ each_day('bound.first_day', 'bound.night') }} as each (day)
    where
        (
            cast(each.day as date) = {{ last_day_of_month('each.day') }}
            or to_char(each.day, 'MM-DD') in (
                {{ definition('count_day_september', 'text') }}, {{ definition('count_day_january', 'text') }}
            )
        )
        and {{ days_after(last_day_of_month('each.day'), definition('month_close_days', 'integer')) }} <= bound.night
),

-- Most enrolments begin and end together, so that few are left to look for on each day.
stay as (
    select
        enrolment.municipality,
        enrolment.school_year,
        enrolment.grade,
        enrolment.valid_from,
        enrolment.valid_to,
        count(*) as pupils
    from {{ ref('enrolment') }} as enrolment
    where enrolment.form is distinct from 'home'
    group by
        enrolment.municipality, enrolment.school_year, enrolment.grade, enrolment.valid_from, enrolment.valid_to
),

counted as (
    select
        count_day.count_day,
        count_day.school_year,
        stay.municipality,
        cast(sum(stay.pupils) as bigint) as pupils
    from count_day
    inner join stay
        on
            count_day.school_year = stay.school_year
            and count_day.count_day between stay.valid_from and stay.valid_to
    inner join {{ ref('grade_band') }} as band
        on
            stay.grade = band.grade
            and band.grade_band = 'all'
    group by count_day.count_day, count_day.school_year, stay.municipality
),

-- The days of a school year are told by its own extracts; later ones say nothing of them.
as_of as (
    select
        delivery.municipality,
        delivery.school_year,
        max(case when delivery.dataset = 'enrolment' then {{ local_day('delivery.as_of') }} end) as enrolment_as_of,
        max(case when delivery.dataset = 'support' then {{ local_day('delivery.as_of') }} end) as support_as_of
    from {{ ref('stg_delivery') }} as delivery
    group by delivery.municipality, delivery.school_year
)

select
    counted.count_day,
    counted.municipality,
    counted.school_year,
    counted.pupils,
    as_of.enrolment_as_of,
    as_of.support_as_of
from counted
left join as_of
    on
        counted.municipality = as_of.municipality
        and counted.school_year = as_of.school_year
