{{ config(materialized="view") }}

select
    absence.municipality,
    absence.person_key,
    absence.day,
    absence.month,
    absence.absence_class,
    sum(absence.surplus_lessons) as surplus_lessons
from {{ ref('absence') }} as absence
where absence.surplus_lessons > 0
group by absence.municipality, absence.person_key, absence.day, absence.month, absence.absence_class
