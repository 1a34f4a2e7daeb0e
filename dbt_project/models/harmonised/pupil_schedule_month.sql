{{ config(materialized="view") }}

select
    path.person_key,
    path_month.municipality,
    path_month.school_number,
    path_month.month,
    path_month.scheduled_lessons,
    path_month.scheduled_days,
    path_month.covered_lessons,
    path_month.covered_days
from {{ ref('enrolment_path') }} as path
inner join {{ ref('path_month') }} as path_month
    on path.path_id = path_month.path_id
