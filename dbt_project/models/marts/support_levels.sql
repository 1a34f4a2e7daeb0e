-- Most enrolments and levels begin and end together, so that few are left to look for on each day.
with stay as (
    select
        enrolment.municipality,
        enrolment.school_year,
        enrolment.grade,
        coalesce(level.support_level, 'unknown') as support_level,
        greatest(enrolment.valid_from, level.valid_from) as valid_from,
        least(enrolment.valid_to, level.valid_to) as valid_to,
        count(*) as pupils
    from {{ ref('enrolment') }} as enrolment
    left join {{ ref('support_day_level') }} as level
        on
            enrolment.person_key = level.person_key
            and enrolment.municipality = level.municipality
            and enrolment.school_year = level.school_year
            and enrolment.valid_from <= level.valid_to
            and enrolment.valid_to >= level.valid_from
    where enrolment.form is distinct from 'home'
    group by
        enrolment.municipality,
        enrolment.school_year,
        enrolment.grade,
        coalesce(level.support_level, 'unknown'),
        greatest(enrolment.valid_from, level.valid_from),
        least(enrolment.valid_to, level.valid_to)
),

pupil as (
    select
        place.count_day,
        place.municipality,
        stay.grade,
        stay.support_level,
        sum(stay.pupils) as pupils
    from {{ ref('municipality_count_day') }} as place
    inner join stay
        on
            place.municipality = stay.municipality
            and place.school_year = stay.school_year
            and place.count_day between stay.valid_from and stay.valid_to
    group by place.count_day, place.municipality, stay.grade, stay.support_level
),

counted as (
    select
        pupil.count_day,
        coalesce(pupil.municipality, 'region') as municipality,
        band.grade_band,
        pupil.support_level,
        sum(pupil.pupils) as pupils
    from pupil
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by
        grouping sets (
            (pupil.count_day, pupil.municipality, band.grade_band, pupil.support_level),
            (pupil.count_day, band.grade_band, pupil.support_level)
        )
),

place_day as (
    select
        place.count_day,
        coalesce(place.municipality, 'region') as municipality,
        min(place.support_as_of) as as_of
    from {{ ref('municipality_count_day') }} as place
    group by grouping sets ((place.count_day, place.municipality), (place.count_day))
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and level of a count day on which the municipality has pupils.
filled as (
    select
        place_day.count_day,
        place_day.municipality,
        band.grade_band,
        level.support_level,
        level.comparability,
        place_day.as_of,
        {{ regime_of_level('place_day.count_day', 'level') }} as regime,
        case when not {{ is_in_regime('place_day.count_day', 'level') }} then 'not_in_regime' end as null_reason,
        coalesce(counted.pupils, 0) as pupils,
        sum(coalesce(counted.pupils, 0)) over (
            partition by place_day.count_day, place_day.municipality, band.grade_band
        ) as population
    from place_day
    cross join band
    cross join {{ ref('support_level') }} as level
    left join counted
        on
            place_day.count_day = counted.count_day
            and place_day.municipality = counted.municipality
            and band.grade_band = counted.grade_band
            and level.support_level = counted.support_level
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
    filled.as_of
from filled
