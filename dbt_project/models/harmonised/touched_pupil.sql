{{ config(indexes=[{"columns": ["person_key", "school_year"], "unique": true}]) }}

with month as (
    {{ touched_rows('pupil_month', ['school_year']) }}
),

-- From which month of a school year on the sums to date are made again; of a touched person all of it.
first_month as (
    select
        month.person_key,
        month.school_year,
        min(month.month) as first_month
    from month
    group by month.person_key, month.school_year
    union all
    select
        touched_person.person_key,
        touched_person.school_year,
        {{ school_year_start('touched_person.school_year') }} as first_month
    from {{ ref('touched_person') }} as touched_person
)

select
    first_month.person_key,
    first_month.school_year,
    min(first_month.first_month) as first_month
from first_month
group by first_month.person_key, first_month.school_year
