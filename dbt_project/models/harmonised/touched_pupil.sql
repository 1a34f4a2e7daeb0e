{{ config(indexes=[{"columns": ["person_key", "school_year"], "unique": true}]) }}

-- From which month of a school year on the sums to date of a pupil are made again.
select
    touched.person_key,
    touched.school_year,
    min(touched.first_month) as first_month
from (
    select
        pupil_month.person_key,
        pupil_month.school_year,
        min(pupil_month.month) as first_month
    from {{ ref('pupil_month') }} as pupil_month
    where {{ is_touched('pupil_month') }}
    group by pupil_month.person_key, pupil_month.school_year
    union all
    select
        touched_person.person_key,
        school_year.school_year,
        {{ school_year_start('school_year.school_year') }} as first_month
    from {{ ref('touched_person') }} as touched_person
    cross join (
        select delivery.school_year
        from {{ ref('stg_delivery') }} as delivery
        union
        select delivery.school_year
        from {{ built('stg_delivery') }} as delivery
    ) as school_year
) as touched
group by touched.person_key, touched.school_year
