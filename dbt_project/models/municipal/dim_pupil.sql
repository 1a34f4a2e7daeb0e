-- A pupil as in its latest enrolment in the municipality; one that starts after the night only where there is no other.
with latest as (
    select
        enrolment.pupil_key,
        enrolment.valid_from,
        enrolment.valid_to,
        enrolment.school_key,
        enrolment.home_municipality,
        enrolment.grade,
        enrolment.grade_band,
        enrolment.class_name,
        enrolment.form,
        tonight.night between enrolment.valid_from and enrolment.valid_to as is_enrolled,
        row_number() over (
            partition by enrolment.pupil_key
            order by
                case when enrolment.valid_from <= tonight.night then 0 else 1 end,
                enrolment.valid_from desc
        ) as newest
    from {{ ref('fact_enrolment') }} as enrolment
    cross join {{ ref('stg_night') }} as tonight
)

select
    pupil.pupil_key,
    pupil.municipality,
    coalesce(latest.school_key, {{ school_key('pupil.municipality', 'null') }}) as school_key,
    coalesce(latest.home_municipality, 'unknown') as home_municipality,
    latest.grade,
    latest.grade_band,
    latest.class_name,
    latest.form,
    latest.valid_from as enrolled_from,
    latest.valid_to as enrolled_to,
    coalesce(latest.is_enrolled, false) as is_enrolled
from {{ ref('pupil_key') }} as pupil
left join latest
    on
        pupil.pupil_key = latest.pupil_key
        and latest.newest = 1
