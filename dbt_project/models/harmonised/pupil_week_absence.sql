{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[{"columns": ["month"]}, {"columns": ["person_key"]}],
    )
}}

with absence as (
    {{ touched_rows('absence', ['day', 'lessons']) }}
)

-- By month as well, since a week that two months share is redone for one of them at a time.
select
    absence.person_key,
    absence.municipality,
    absence.month,
    {{ sunday_from('absence.day') }} as week_end,
    {{ school_year_of('absence.month') }} as school_year,
    sum(absence.lessons) as lessons
from absence
where absence.lessons > 0 and absence.day is not null
group by absence.person_key, absence.municipality, absence.month, {{ sunday_from('absence.day') }}
