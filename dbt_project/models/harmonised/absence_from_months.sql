select
    absence.municipality,
    reference.person_key,
    absence.month,
    absence.absence_class,
    count(absence.lessons) as reported_values,
    case
        when class.is_absence
            then round(coalesce(sum(absence.lessons), 0), {{ definition('lesson_decimals', 'integer') }})
        else 0
    end as lessons,
    0 as late_marks,
    cast(null as numeric) as late_minutes
from {{ ref('stg_absence_month') }} as absence
inner join {{ ref('covered_month') }} as covered
    on
        absence.municipality = covered.municipality
        and absence.month = covered.month
        and absence.delivery_id = covered.delivery_id
inner join {{ ref('person_reference') }} as reference
    on
        absence.municipality = reference.municipality
        and absence.pupil_ref = reference.pupil_ref
left join {{ ref('absence_class') }} as class
    on absence.absence_class = class.absence_class
group by
    absence.municipality, reference.person_key, absence.month, absence.absence_class, class.is_absence
