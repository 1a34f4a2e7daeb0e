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
    select cast(each.day as date) as count_day
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

pupil as (
    select
        count_day.count_day,
        enrolment.municipality,
        band.grade_band,
        coalesce(level.support_level, 'unknown') as support_level
    from count_day
    inner join {{ ref('enrolment') }} as enrolment
        on count_day.count_day between enrolment.valid_from and enrolment.valid_to
    inner join {{ ref('grade_band') }} as band
        on enrolment.grade = band.grade
    left join {{ ref('support_day_level') }} as level
        on
            enrolment.person_key = level.person_key
            and enrolment.municipality = level.municipality
            and enrolment.school_year = level.school_year
            and count_day.count_day between level.valid_from and level.valid_to
    where enrolment.form is distinct from 'home'
),

counted as (
    select
        pupil.count_day,
        coalesce(pupil.municipality, 'region') as municipality,
        pupil.grade_band,
        pupil.support_level,
        count(*) as pupils
    from pupil
    group by
        grouping sets (
            (pupil.count_day, pupil.municipality, pupil.grade_band, pupil.support_level),
            (pupil.count_day, pupil.grade_band, pupil.support_level)
        )
),

place as (
    select distinct
        counted.count_day,
        counted.municipality
    from counted
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and level of a count day on which the municipality has pupils.
grid as (
    select
        place.count_day,
        place.municipality,
        band.grade_band,
        level.support_level,
        level.comparability,
        {{ regime_of_level('place.count_day', 'level') }} as regime,
        case when not {{ is_in_regime('place.count_day', 'level') }} then 'not_in_regime' end as null_reason
    from place
    cross join band
    cross join {{ ref('support_level') }} as level
),

-- The days of a school year are told by its own extracts; later ones say nothing of them.
as_of as (
    select
        delivery.municipality,
        delivery.school_year,
        max({{ local_day('delivery.as_of') }}) as as_of
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'support'
    group by delivery.municipality, delivery.school_year
),

filled as (
    select
        grid.*,
        coalesce(counted.pupils, 0) as pupils,
        sum(coalesce(counted.pupils, 0)) over (
            partition by grid.count_day, grid.municipality, grid.grade_band
        ) as population
    from grid
    left join counted
        on
            grid.count_day = counted.count_day
            and grid.municipality = counted.municipality
            and grid.grade_band = counted.grade_band
            and grid.support_level = counted.support_level
)

select
    filled.count_day,
    filled.municipality,
    filled.grade_band,
    filled.support_level,
    cast(case when filled.null_reason is null then filled.pupils end as bigint) as pupils,
    cast(filled.population as bigint) as population,
    case
        when filled.null_reason is null and filled.population > 0
            then filled.pupils / cast(filled.population as numeric)
    end as share,
    filled.regime,
    filled.comparability,
    filled.null_reason,
    (
        select min(as_of.as_of)
        from as_of
        where
            as_of.school_year = {{ school_year_of('filled.count_day') }}
            and (filled.municipality = 'region' or as_of.municipality = filled.municipality)
    ) as as_of
from filled
