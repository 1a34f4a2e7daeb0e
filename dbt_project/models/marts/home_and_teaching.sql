-- Most enrolments begin and end together, so that few are left to look for on each day.
with stay as (
    select
        enrolment.municipality,
        enrolment.school_year,
        enrolment.grade,
        enrolment.home_municipality,
        enrolment.valid_from,
        enrolment.valid_to,
        count(*) as pupils
    from {{ ref('enrolment') }} as enrolment
    where enrolment.form is distinct from 'home'
    group by
        enrolment.municipality,
        enrolment.school_year,
        enrolment.grade,
        enrolment.home_municipality,
        enrolment.valid_from,
        enrolment.valid_to
),

pupil as (
    select
        place.count_day,
        place.municipality,
        stay.grade,
        stay.home_municipality as home_code,
        sum(stay.pupils) as pupils
    from {{ ref('municipality_count_day') }} as place
    inner join stay
        on
            place.municipality = stay.municipality
            and place.school_year = stay.school_year
            and place.count_day between stay.valid_from and stay.valid_to
    group by place.count_day, place.municipality, stay.grade, stay.home_municipality
),

housed as (
    select
        pupil.count_day,
        pupil.municipality,
        pupil.grade,
        case
            when home.municipality is not null then home.municipality
            when pupil.home_code is not null then 'other'
            else 'unknown'
        end as home_municipality,
        pupil.pupils
    from pupil
    left join {{ source('reference', 'municipality') }} as home
        on pupil.home_code = home.code
),

counted as (
    select
        housed.count_day,
        housed.home_municipality,
        coalesce(housed.municipality, 'region') as municipality,
        band.grade_band,
        sum(housed.pupils) as pupils
    from housed
    inner join {{ ref('grade_band') }} as band
        on housed.grade = band.grade
    group by
        grouping sets (
            (housed.count_day, housed.home_municipality, housed.municipality, band.grade_band),
            (housed.count_day, housed.home_municipality, band.grade_band)
        )
),

place as (
    select
        place.count_day,
        coalesce(place.municipality, 'region') as municipality,
        min(place.enrolment_as_of) as as_of
    from {{ ref('municipality_count_day') }} as place
    group by grouping sets ((place.count_day, place.municipality), (place.count_day))
),

home as (
    select municipality.municipality as home_municipality
    from {{ source('reference', 'municipality') }} as municipality
    union all
    select category.home_municipality
    from {{ ref('home_category') }} as category
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

population as (
    select
        counted.count_day,
        counted.municipality,
        counted.grade_band,
        sum(counted.pupils) as pupils
    from counted
    group by counted.count_day, counted.municipality, counted.grade_band
),

-- Every home and band of a count day on which the municipality has pupils.
cell as (
    select
        place.count_day,
        home.home_municipality,
        place.municipality,
        band.grade_band,
        place.as_of
    from place
    cross join home
    cross join band
)

select
    cell.count_day,
    cell.home_municipality,
    cell.municipality,
    cell.grade_band,
    cast(coalesce(counted.pupils, 0) as bigint) as pupils,
    cast(coalesce(population.pupils, 0) as bigint) as population,
    coalesce(counted.pupils, 0) / population.pupils as share,
    cell.as_of
from cell
left join counted
    on
        cell.count_day = counted.count_day
        and cell.home_municipality = counted.home_municipality
        and cell.municipality = counted.municipality
        and cell.grade_band = counted.grade_band
left join population
    on
        cell.count_day = population.count_day
        and cell.municipality = population.municipality
        and cell.grade_band = population.grade_band
