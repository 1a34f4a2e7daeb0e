select
    absence.municipality,
    pupil.pupil_key,
    coalesce(absence.day, {{ month_end_of('absence.month') }}) as date_key,
    absence.absence_class,
    {{ school_key('absence.municipality', 'absence.school_number') }} as school_key,
    case when absence.day is null then 'month' else 'day' end as grain,
    cast(absence.lessons as numeric) as lessons,
    cast(absence.late_marks as integer) as late_marks,
    cast(absence.late_minutes as numeric) as late_minutes,
    absence.is_split
from {{ ref('absence') }} as absence
inner join {{ ref('pupil_key') }} as pupil
    on
        absence.municipality = pupil.municipality
        and absence.person_key = pupil.person_key
where absence.lessons > 0 or absence.late_marks > 0
