{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[
            {"columns": ["month"]},
            {"columns": ["person_key", "month", "municipality", "absence_class"], "unique": true}
        ],
    )
}}

with absence as (
    {{ touched_rows('absence', ['absence_class', 'lessons']) }}
)

select
    absence.person_key,
    absence.municipality,
    absence.month,
    absence.absence_class,
    sum(absence.lessons) as lessons
from absence
where absence.lessons > 0
group by absence.person_key, absence.municipality, absence.month, absence.absence_class
