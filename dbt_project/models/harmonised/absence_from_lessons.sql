with mark as (
    select
        absence.municipality,
        reference.person_key,
        absence.day,
        absence.lesson,
        absence.minutes,
        absence.absence_class,
        class.priority
    from {{ ref('stg_absence_lesson') }} as absence
    inner join {{ ref('covered_day') }} as covered
        on
            absence.municipality = covered.municipality
            and absence.day = covered.day
            and absence.delivery_id = covered.delivery_id
    inner join {{ ref('person_reference') }} as reference
        on
            absence.municipality = reference.municipality
            and absence.pupil_ref = reference.pupil_ref
    left join {{ ref('absence_class') }} as class
        on absence.absence_class = class.absence_class
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
)

select
    lesson.municipality,
    lesson.person_key,
    lesson.day,
    class.absence_class,
    cast(case when class.is_absence then count(*) else 0 end as numeric) as lessons,
    case when class.absence_class = 'late' then count(*) else 0 end as late_marks,
    cast(case when class.absence_class = 'late' then sum(lesson.minutes) end as numeric) as late_minutes
from lesson
inner join {{ ref('absence_class') }} as class
    on lesson.priority = class.priority
group by lesson.municipality, lesson.person_key, lesson.day, class.absence_class, class.is_absence
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
