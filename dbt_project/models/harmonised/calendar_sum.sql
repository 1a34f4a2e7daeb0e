with timetable as (
    select
        calendar.municipality,
        calendar.school_number,
        calendar.grade,
        {{ school_year_start(school_year_of('min(calendar.day)')) }} as first_day,
        {{ school_year_end(school_year_of('max(calendar.day)')) }} as last_day
    from {{ ref('calendar') }} as calendar
    group by calendar.municipality, calendar.school_number, calendar.grade
),

-- Every calendar day, and the day before the first, so that a span's lessons are always two look-ups. Materialised,
-- because the planner cannot know how many days there are.
dense as materialized (
    select
        timetable.municipality,
        timetable.school_number,
        timetable.grade,
        cast(each.day as date) as day
    from timetable
    cross join lateral {{ each_day(days_after('timetable.first_day', -1), 'timetable.last_day') }} as each (day)
)

select
    dense.municipality,
    dense.school_number,
    dense.grade,
    dense.day,
    coalesce(sum(calendar.lessons) over so_far, 0) as lessons_to,
    count(*) filter (where calendar.lessons > 0) over so_far as days_to,
    coalesce(sum(calendar.lessons) filter (where calendar.is_covered) over so_far, 0) as covered_lessons_to,
    count(*) filter (where calendar.lessons > 0 and calendar.is_covered) over so_far as covered_days_to
from dense
left join {{ ref('calendar') }} as calendar
    on
        dense.municipality = calendar.municipality
        and dense.school_number = calendar.school_number
        and dense.grade = calendar.grade
        and dense.day = calendar.day
window so_far as (
    partition by dense.municipality, dense.school_number, dense.grade
    order by dense.day
    rows between unbounded preceding and current row
)
