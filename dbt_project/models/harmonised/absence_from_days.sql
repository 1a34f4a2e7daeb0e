with reported as (
    {{ touched_reports('reported_day', ['day', 'absence_class', 'lessons']) }}
)

select
    reported.municipality,
    reported.person_key,
    reported.day,
    reported.absence_class,
    case
        when class.is_absence
            then round(sum(reported.lessons), {{ definition('lesson_decimals', 'integer') }})
        else 0
    end as lessons,
    case when reported.absence_class = 'late' then count(*) else 0 end as late_marks,
    cast(null as numeric) as late_minutes
from reported
left join {{ ref('absence_class') }} as class
    on reported.absence_class = class.absence_class
group by
    reported.municipality, reported.person_key, reported.day, reported.absence_class, class.is_absence
