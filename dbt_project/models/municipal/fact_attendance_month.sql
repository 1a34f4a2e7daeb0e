-- Where the pupil was last in this municipality in the month, also when it went on elsewhere.
with last_enrolled as (
    select
        enrolment.person_key,
        enrolment.municipality,
        cast(each.month as date) as month,
        enrolment.school_number,
        enrolment.grade,
        row_number() over (
            partition by enrolment.person_key, enrolment.municipality, cast(each.month as date)
            order by enrolment.valid_to desc
        ) as newest
    from {{ ref('enrolment') }} as enrolment
    cross join {{ ref('stg_night') }} as tonight
    cross join lateral {{
        each_month(
            month_of('enrolment.valid_from'),
            'least(enrolment.valid_to, ' ~ days_after('tonight.night', -1) ~ ')'
        )
    }} as each (month)
)

select
    pupil_month.municipality,
    pupil.pupil_key,
    {{ month_end_of('pupil_month.month') }} as date_key,
    {{ school_key('pupil_month.municipality', 'last_enrolled.school_number') }} as school_key,
    pupil_month.month,
    cast(last_enrolled.grade as integer) as grade,
    band.grade_band,
    -- That a pupil is counted elsewhere in the region is not told: it could tell where somebody moved.
    pupil_month.is_population and pupil_month.counted_municipality = pupil_month.municipality as is_population,
    cast(pupil_month.scheduled_lessons as numeric) as scheduled_lessons,
    cast(pupil_month.covered_lessons as numeric) as covered_lessons,
    cast(case when pupil_month.covered_lessons > 0 then pupil_month.absent_lessons end as numeric) as absent_lessons,
    cast({{ rate_of('pupil_month.absent_lessons', 'pupil_month.covered_lessons') }} as numeric) as absence_rate,
    cast(pupil_month.scheduled_days as integer) as scheduled_days,
    cast(pupil_month.covered_days as integer) as covered_days,
    cast(
        case
            when pupil_month.covered_lessons > 0 and {{ includes('municipality.absence_classes', "'late'") }}
                then pupil_month.late_marks
        end as integer
    ) as late_marks,
    cast(pupil_month.late_minutes as numeric) as late_minutes
from {{ ref('pupil_month') }} as pupil_month
inner join {{ ref('pupil_key') }} as pupil
    on
        pupil_month.municipality = pupil.municipality
        and pupil_month.person_key = pupil.person_key
inner join {{ source('reference', 'municipality') }} as municipality
    on pupil_month.municipality = municipality.municipality
left join last_enrolled
    on
        pupil_month.person_key = last_enrolled.person_key
        and pupil_month.municipality = last_enrolled.municipality
        and pupil_month.month = last_enrolled.month
        and last_enrolled.newest = 1
left join {{ ref('grade_band') }} as band
    on
        last_enrolled.grade = band.grade
        and band.grade_band <> 'all'
