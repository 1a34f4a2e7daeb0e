with reported as (
    {{ touched_reports('reported_month', ['month', 'absence_class', 'lessons']) }}
)

select
    reported.municipality,
    reported.person_key,
    reported.month,
    reported.absence_class,
    count(reported.lessons) as reported_values,
    case
        when class.is_absence
            then round(coalesce(sum(reported.lessons), 0), {{ definition('lesson_decimals', 'integer') }})
        else 0
    end as lessons,
    0 as late_marks,
    cast(null as numeric) as late_minutes
from reported
left join {{ ref('absence_class') }} as class
    on reported.absence_class = class.absence_class
group by
    reported.municipality, reported.person_key, reported.month, reported.absence_class, class.is_absence
