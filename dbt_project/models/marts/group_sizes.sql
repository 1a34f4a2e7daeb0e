-- Most enrolments of a class begin and end together, so that few are left to look for on each day.
with stay as (
    select
        enrolment.municipality,
        enrolment.school_year,
        enrolment.school_number,
        enrolment.class_name,
        enrolment.grade,
        enrolment.valid_from,
        enrolment.valid_to,
        count(*) as pupils
    from {{ ref('enrolment') }} as enrolment
    where enrolment.form is distinct from 'home'
    group by
        enrolment.municipality,
        enrolment.school_year,
        enrolment.school_number,
        enrolment.class_name,
        enrolment.grade,
        enrolment.valid_from,
        enrolment.valid_to
),

pupil as (
    select
        place.count_day,
        place.municipality,
        stay.school_number,
        stay.class_name,
        stay.grade,
        sum(stay.pupils) as pupils
    from {{ ref('municipality_count_day') }} as place
    inner join stay
        on
            place.municipality = stay.municipality
            and place.school_year = stay.school_year
            and place.count_day between stay.valid_from and stay.valid_to
    group by place.count_day, place.municipality, stay.school_number, stay.class_name, stay.grade
),

-- The pupils of each class in each of its bands; those of all bands are the class.
class_band as (
    select
        pupil.count_day,
        pupil.municipality,
        pupil.school_number,
        pupil.class_name,
        band.grade_band,
        sum(pupil.pupils) as pupils,
        max(sum(pupil.pupils)) over (
            partition by pupil.count_day, pupil.municipality, pupil.school_number, pupil.class_name
        ) as class_pupils
    from pupil
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by pupil.count_day, pupil.municipality, pupil.school_number, pupil.class_name, band.grade_band
),

counted as (
    select
        class_band.count_day,
        coalesce(class_band.municipality, 'region') as municipality,
        class_band.grade_band,
        size.group_size,
        sum(class_band.pupils) as pupils,
        count(*) as groups,
        sum(class_band.class_pupils) as group_pupils
    from class_band
    inner join {{ ref('group_size') }} as size
        on
            (class_band.class_name is null and size.smallest is null)
            or (
                class_band.class_name is not null
                and class_band.class_pupils >= size.smallest
                and (size.largest is null or class_band.class_pupils <= size.largest)
            )
    group by
        grouping sets (
            (class_band.count_day, class_band.municipality, class_band.grade_band, size.group_size),
            (class_band.count_day, class_band.grade_band, size.group_size)
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

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and size of a count day on which the municipality has pupils.
filled as (
    select
        place.count_day,
        place.municipality,
        band.grade_band,
        size.group_size,
        place.as_of,
        coalesce(counted.pupils, 0) as pupils,
        sum(coalesce(counted.pupils, 0)) over (
            partition by place.count_day, place.municipality, band.grade_band
        ) as population,
        case when size.smallest is not null then coalesce(counted.groups, 0) end as groups,
        case when size.smallest is not null then counted.group_pupils end as group_pupils
    from place
    cross join band
    cross join {{ ref('group_size') }} as size
    left join counted
        on
            place.count_day = counted.count_day
            and place.municipality = counted.municipality
            and band.grade_band = counted.grade_band
            and size.group_size = counted.group_size
)

select
    filled.count_day,
    filled.municipality,
    filled.grade_band,
    filled.group_size,
    cast(filled.pupils as bigint) as pupils,
    cast(filled.population as bigint) as population,
    case when filled.population > 0 then filled.pupils / cast(filled.population as numeric) end as share,
    cast(filled.groups as bigint) as groups,
    filled.group_pupils / cast(filled.groups as numeric) as mean_group_size,
    filled.as_of
from filled
