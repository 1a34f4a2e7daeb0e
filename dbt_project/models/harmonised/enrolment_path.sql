{{ config(indexes=[{"columns": ["person_key", "school_year"], "unique": true}]) }}

with span as (
    select
        enrolment.person_key,
        enrolment.school_year,
        dense_rank() over (
            order by
                enrolment.municipality, enrolment.school_number, enrolment.grade,
                (enrolment.form is distinct from 'home'), enrolment.valid_from, enrolment.valid_to
        ) as span_number
    from {{ ref('enrolment') }} as enrolment
),

path as (
    select
        span.person_key,
        span.school_year,
        array_agg(span.span_number order by span.span_number) as spans
    from span
    group by span.person_key, span.school_year
)

-- Most pupils of a school and grade are there on the same days: what is scheduled for them all is worked out once.
select
    path.person_key,
    path.school_year,
    dense_rank() over (order by path.school_year, path.spans) as path_id
from path
