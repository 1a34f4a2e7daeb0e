{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_months() }}", "{{ forget_touched_persons() }}"],
        indexes=[
            {"columns": ["month"]},
            {"columns": ["person_key", "month", "municipality"], "unique": true}
        ],
    )
}}

-- A value in at least one reason column, no reason column that nobody has mapped, and no rejected row.
select
    absence.municipality,
    absence.person_key,
    absence.month
from {{ ref('absence_from_months') }} as absence
left join {{ ref('rejected_pupil_day') }} as rejected
    on
        absence.municipality = rejected.municipality
        and absence.person_key = rejected.person_key
        and absence.month = rejected.day
where rejected.day is null
group by absence.municipality, absence.person_key, absence.month
having
    sum(absence.reported_values) > 0
    and count(*) = count(absence.absence_class)
