select
    enrolment.municipality,
    pupil.pupil_key,
    enrolment.valid_from,
    enrolment.valid_to,
    {{ school_key('enrolment.municipality', 'enrolment.school_number') }} as school_key,
    case
        when enrolment.home_municipality is null then 'unknown'
        else coalesce(home.municipality, 'other')
    end as home_municipality,
    cast(enrolment.school_year as integer) as school_year_start,
    cast(enrolment.grade as integer) as grade,
    band.grade_band,
    enrolment.class_name,
    enrolment.form,
    (band.grade_band is not null and enrolment.form is distinct from 'home') as is_population
from {{ ref('enrolment') }} as enrolment
inner join {{ ref('pupil_key') }} as pupil
    on
        enrolment.municipality = pupil.municipality
        and enrolment.person_key = pupil.person_key
left join {{ source('reference', 'municipality') }} as home
    on enrolment.home_municipality = home.code
left join {{ ref('grade_band') }} as band
    on
        enrolment.grade = band.grade
        and band.grade_band <> 'all'
