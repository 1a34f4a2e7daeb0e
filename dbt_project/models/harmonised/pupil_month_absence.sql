select
    absence.person_key,
    absence.municipality,
    absence.month,
    absence.absence_class,
    sum(absence.lessons) as lessons
from {{ ref('absence') }} as absence
where absence.lessons > 0
group by absence.person_key, absence.municipality, absence.month, absence.absence_class
