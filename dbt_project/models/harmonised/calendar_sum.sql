{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_sums() }}",
        indexes=[{"columns": ["school_number", "grade", "day", "municipality"], "unique": true}],
    )
}}

with span as (
    select
        timetable.municipality,
        timetable.school_number,
        timetable.grade,
        touched.first_day as touched_from,
        {{ days_after(school_year_start(school_year_of('min(timetable.day)')), -1) }} as first_day,
        least(
            {{ school_year_end(school_year_of('max(timetable.day)')) }}, {{ days_after('max(tonight.night)', -1) }}
        ) as last_day
    from {{ ref('timetable') }} as timetable
    inner join {{ ref('touched_calendar') }} as touched
        on
            timetable.municipality = touched.municipality
            and timetable.day >= touched.year_start
    cross join {{ ref('stg_night') }} as tonight
    group by timetable.municipality, timetable.school_number, timetable.grade, touched.first_day
),

-- Every calendar day, and the day before the first, so that a span's lessons are always two look-ups. Materialised,
-- because the planner cannot know how many days there are.
dense as materialized (
    select
        span.municipality,
        span.school_number,
        span.grade,
        cast(each.day as date) as day
    from span
    cross join lateral {{ each_day('greatest(span.first_day, span.touched_from)', 'span.last_day') }} as each (day)
),

touched_lesson as (
    select
        calendar.municipality,
        calendar.school_number,
        calendar.grade,
        calendar.day,
        calendar.lessons,
        calendar.is_covered
    from {{ ref('calendar') }} as calendar
    inner join {{ ref('touched_calendar') }} as touched
        on
            calendar.municipality = touched.municipality
            and calendar.day >= touched.first_day
),

running as (
    select
        dense.municipality,
        dense.school_number,
        dense.grade,
        dense.day,
        coalesce(sum(calendar.lessons) over so_far, 0) as lessons,
        count(*) filter (where calendar.lessons > 0) over so_far as days,
        coalesce(sum(calendar.lessons) filter (where calendar.is_covered) over so_far, 0) as covered_lessons,
        count(*) filter (where calendar.lessons > 0 and calendar.is_covered) over so_far as covered_days
    from dense
    left join touched_lesson as calendar
        on
            dense.municipality = calendar.municipality
            and dense.school_number = calendar.school_number
            and dense.grade = calendar.grade
            and dense.day = calendar.day
    window so_far as (
        partition by dense.school_number, dense.grade, dense.municipality
        order by dense.day
        rows between unbounded preceding and current row
    )
){% if is_incremental() -%},

-- The sums of the last day that stays.
before as (
    select
        known.municipality,
        known.school_number,
        known.grade,
        known.lessons_to,
        known.days_to,
        known.covered_lessons_to,
        known.covered_days_to
    from {{ this }} as known
    inner join {{ ref('touched_calendar') }} as touched
        on
            known.municipality = touched.municipality
            and known.day = {{ days_after('touched.first_day', -1) }}
)
{%- endif %}

select
    running.municipality,
    running.school_number,
    running.grade,
    running.day,
    {% if is_incremental() -%}
    running.lessons + coalesce(before.lessons_to, 0) as lessons_to,
    running.days + coalesce(before.days_to, 0) as days_to,
    running.covered_lessons + coalesce(before.covered_lessons_to, 0) as covered_lessons_to,
    running.covered_days + coalesce(before.covered_days_to, 0) as covered_days_to
    {%- else -%}
    running.lessons as lessons_to,
    running.days as days_to,
    running.covered_lessons as covered_lessons_to,
    running.covered_days as covered_days_to
    {%- endif %}
from running
{% if is_incremental() -%}
left join before
    on
        running.municipality = before.municipality
        and running.school_number = before.school_number
        and running.grade = before.grade
{%- endif %}
