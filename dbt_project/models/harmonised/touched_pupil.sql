{{ config(indexes=[{"columns": ["person_key", "school_year"], "unique": true}]) }}

with month as (
    {{ touched_rows('pupil_month', ['school_year']) }}
),

first_touched as (
    select
        month.person_key,
        month.school_year,
        min(month.month) as first_month
    from month
    group by month.person_key, month.school_year
)

-- From which month of a school year on the sums to date are made again; of a touched person all of it.
select
    coalesce(touched_person.person_key, first_touched.person_key) as person_key,
    coalesce(touched_person.school_year, first_touched.school_year) as school_year,
    coalesce(
        {{ school_year_start('touched_person.school_year') }}, first_touched.first_month
    ) as first_month
from first_touched
full outer join {{ ref('touched_person') }} as touched_person
    on
        first_touched.person_key = touched_person.person_key
        and first_touched.school_year = touched_person.school_year
