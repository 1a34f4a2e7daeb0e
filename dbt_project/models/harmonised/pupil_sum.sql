{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_pupils() }}", "{{ group_sorted() }}"],
        indexes=[{"columns": ["person_key", "school_year", "month"], "unique": true}],
    )
}}

with month_sum as (
    select
        pupil_month.person_key,
        pupil_month.school_year,
        pupil_month.month,
        sum(pupil_month.scheduled_lessons) as scheduled_lessons,
        sum(pupil_month.covered_lessons) as covered_lessons,
        cast(sum(pupil_month.covered_days) as integer) as covered_days,
        sum(pupil_month.absent_lessons) as absent_lessons
    from {{ ref('pupil_month') }} as pupil_month
    inner join {{ ref('touched_pupil') }} as touched
        on
            pupil_month.person_key = touched.person_key
            and pupil_month.school_year = touched.school_year
            and pupil_month.month >= touched.first_month
    group by pupil_month.person_key, pupil_month.school_year, pupil_month.month
),

-- The sums to date of the last month that stays.
kept as (
    {% if is_incremental() -%}
    select
        known.person_key,
        known.school_year,
        known.year_scheduled_lessons,
        known.year_covered_lessons,
        known.year_covered_days,
        known.year_absent_lessons,
        row_number() over (
            partition by known.person_key, known.school_year
            order by known.month desc
        ) as newest
    from {{ this }} as known
    inner join {{ ref('touched_pupil') }} as touched
        on
            known.person_key = touched.person_key
            and known.school_year = touched.school_year
    {%- else -%}
    select
        month_sum.person_key,
        month_sum.school_year,
        0 as year_scheduled_lessons,
        0 as year_covered_lessons,
        0 as year_covered_days,
        0 as year_absent_lessons,
        1 as newest
    from month_sum
    where false
    {%- endif %}
),

to_date as (
    select
        month_sum.person_key,
        month_sum.school_year,
        month_sum.month,
        month_sum.scheduled_lessons,
        month_sum.covered_lessons,
        month_sum.covered_days,
        month_sum.absent_lessons,
        sum(month_sum.scheduled_lessons) over year_to_date as year_scheduled_lessons,
        sum(month_sum.covered_lessons) over year_to_date as year_covered_lessons,
        cast(sum(month_sum.covered_days) over year_to_date as integer) as year_covered_days,
        sum(month_sum.absent_lessons) over year_to_date as year_absent_lessons
    from month_sum
    window year_to_date as (
        partition by month_sum.person_key, month_sum.school_year
        order by month_sum.month
        rows between unbounded preceding and current row
    )
)

select
    to_date.person_key,
    to_date.school_year,
    to_date.month,
    to_date.scheduled_lessons,
    to_date.covered_lessons,
    to_date.covered_days,
    to_date.absent_lessons,
    to_date.year_scheduled_lessons + coalesce(kept.year_scheduled_lessons, 0) as year_scheduled_lessons,
    to_date.year_covered_lessons + coalesce(kept.year_covered_lessons, 0) as year_covered_lessons,
    to_date.year_covered_days + coalesce(kept.year_covered_days, 0) as year_covered_days,
    to_date.year_absent_lessons + coalesce(kept.year_absent_lessons, 0) as year_absent_lessons
from to_date
left join kept
    on
        to_date.person_key = kept.person_key
        and to_date.school_year = kept.school_year
        and kept.newest = 1
