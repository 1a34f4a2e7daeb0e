{{ config(indexes=[{"columns": ["person_key", "school_year"], "unique": true}]) }}

-- By schedule, so that what is worked out of weeks need not wait for the sums of months.
with month as (
    select
        path.person_key,
        path.school_year,
        path_month.month
    from {{ ref('touched_month') }} as touched
    inner join {{ ref('path_month') }} as path_month
        on
            touched.municipality = path_month.municipality
            and touched.month = path_month.month
    inner join {{ ref('enrolment_path') }} as path
        on path_month.path_id = path.path_id
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
