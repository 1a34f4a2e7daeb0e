-- The two evaluations that are compared: a municipality's last covered Sunday and the one before it.
with evaluation as (
    select
        latest.municipality,
        latest.week_end,
        earlier.week_end as previous_week_end
    from {{ ref('covered_week') }} as latest
    inner join {{ ref('covered_week') }} as earlier
        on
            latest.municipality = earlier.municipality
            and latest.school_year = earlier.school_year
            and earlier.recency = 2
    where latest.recency = 1
)

select
    evaluation.municipality,
    named.pupil_key,
    evaluation.week_end,
    {{ school_key('evaluation.municipality', 'pupil.school_number') }} as school_key,
    pupil.school_number,
    pupil.grade,
    enrolment.class_name,
    previous.tier as previous_tier,
    pupil.tier,
    case when tier.lower_bound > previous_tier.lower_bound then 'up' else 'down' end as direction,
    previous.absence_rate as previous_rate,
    previous.covered_lessons / previous.scheduled_lessons as previous_coverage,
    pupil.absence_rate,
    pupil.covered_lessons / pupil.scheduled_lessons as coverage,
    pupil.scheduled_lessons,
    pupil.covered_lessons,
    pupil.absent_lessons
from evaluation
inner join {{ ref('pupil_twelve_weeks') }} as pupil
    on
        evaluation.municipality = pupil.municipality
        and evaluation.week_end = pupil.week_end
        and pupil.is_population
inner join {{ ref('pupil_twelve_weeks') }} as previous
    on
        pupil.person_key = previous.person_key
        and evaluation.previous_week_end = previous.week_end
        and pupil.tier <> previous.tier
inner join {{ ref('attendance_tier') }} as tier
    on pupil.tier = tier.tier
inner join {{ ref('attendance_tier') }} as previous_tier
    on previous.tier = previous_tier.tier
inner join {{ ref('pupil_key') }} as named
    on
        evaluation.municipality = named.municipality
        and pupil.person_key = named.person_key
inner join {{ ref('enrolment') }} as enrolment
    on
        pupil.person_key = enrolment.person_key
        and pupil.school_year = enrolment.school_year
        and pupil.week_end between enrolment.valid_from and enrolment.valid_to
