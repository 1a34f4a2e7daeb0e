with reported as (
    {{ touched_reports('reported_lesson', ['day', 'lesson', 'minutes', 'absence_class']) }}
),

mark as (
    select
        reported.municipality,
        reported.person_key,
        reported.day,
        reported.lesson,
        reported.minutes,
        reported.absence_class,
        class.priority
    from reported
    left join {{ ref('absence_class') }} as class
        on reported.absence_class = class.absence_class
),

-- One lesson, one class: the first in the table's order, whatever the subject.
lesson as (
    select
        mark.municipality,
        mark.person_key,
        mark.day,
        mark.lesson,
        min(mark.priority) as priority,
        max(case when mark.absence_class = 'late' then mark.minutes end) as minutes
    from mark
    where mark.absence_class is not null
    group by mark.municipality, mark.person_key, mark.day, mark.lesson
),

class_day as (
    select
        lesson.municipality,
        lesson.person_key,
        lesson.day,
        lesson.priority,
        count(*) as lessons,
        sum(lesson.minutes) as minutes
    from lesson
    group by lesson.municipality, lesson.person_key, lesson.day, lesson.priority
)

select
    class_day.municipality,
    class_day.person_key,
    class_day.day,
    class.absence_class,
    cast(case when class.is_absence then class_day.lessons else 0 end as numeric) as lessons,
    case when class.absence_class = 'late' then class_day.lessons else 0 end as late_marks,
    cast(case when class.absence_class = 'late' then class_day.minutes end as numeric) as late_minutes
from class_day
inner join {{ ref('absence_class') }} as class
    on class_day.priority = class.priority
union all
-- A code that nobody has mapped: kept, so that the day is not taken for a present one.
select
    mark.municipality,
    mark.person_key,
    mark.day,
    cast(null as text) as absence_class,
    cast(0 as numeric) as lessons,
    0 as late_marks,
    cast(null as numeric) as late_minutes
from mark
where mark.absence_class is null
group by mark.municipality, mark.person_key, mark.day
