-- Where the pupil was last in this municipality in the month, before the night, also when it went on elsewhere.
with enrolled as (
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_number,
        enrolment.grade,
        enrolment.valid_from,
        enrolment.valid_to,
        lead(enrolment.valid_from) over (
            partition by enrolment.person_key, enrolment.municipality
            order by enrolment.valid_from
        ) as next_valid_from
    from {{ ref('enrolment') }} as enrolment
),

counted as (
    select
        pupil_month.*,
        least({{ last_day_of_month('pupil_month.month') }}, {{ days_after('tonight.night', -1) }}) as last_day
    from {{ ref('pupil_month') }} as pupil_month
    cross join {{ ref('stg_night') }} as tonight
)

select
    counted.municipality,
    pupil.pupil_key,
    {{ month_end_of('counted.month') }} as date_key,
    {{ school_key('counted.municipality', 'enrolled.school_number') }} as school_key,
    counted.month,
    cast(enrolled.grade as integer) as grade,
    band.grade_band,
    -- That a pupil is counted elsewhere in the region is not told: it could tell where somebody moved.
    counted.is_population and counted.counted_municipality = counted.municipality as is_population,
    cast(counted.scheduled_lessons as numeric) as scheduled_lessons,
    cast(counted.covered_lessons as numeric) as covered_lessons,
    cast(case when counted.covered_lessons > 0 then counted.absent_lessons end as numeric) as absent_lessons,
    cast({{ rate_of('counted.absent_lessons', 'counted.covered_lessons') }} as numeric) as absence_rate,
    cast(counted.scheduled_days as integer) as scheduled_days,
    cast(counted.covered_days as integer) as covered_days,
    cast(
        case
            when counted.covered_lessons > 0 and {{ includes('municipality.absence_classes', "'late'") }}
                then counted.late_marks
        end as integer
    ) as late_marks,
    cast(counted.late_minutes as numeric) as late_minutes
from counted
inner join {{ ref('pupil_key') }} as pupil
    on
        counted.municipality = pupil.municipality
        and counted.person_key = pupil.person_key
inner join {{ source('reference', 'municipality') }} as municipality
    on counted.municipality = municipality.municipality
left join enrolled
    on
        counted.person_key = enrolled.person_key
        and counted.municipality = enrolled.municipality
        and counted.month <= enrolled.valid_to
        and counted.last_day >= enrolled.valid_from
        and (enrolled.next_valid_from is null or counted.last_day < enrolled.next_valid_from)
left join {{ ref('grade_band') }} as band
    on
        enrolled.grade = band.grade
        and band.grade_band <> 'all'
