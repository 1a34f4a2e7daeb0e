with interval_day as (
    {{ touched_reports('reported_interval', ['day', 'absence_class', 'starts_at', 'ends_at']) }}
),

school_hours as (
    select
        interval_day.municipality,
        interval_day.person_key,
        interval_day.day,
        interval_day.absence_class,
        class.priority,
        calendar.slot_minutes,
        {{ time_in_both(
            time_between('interval_day.starts_at', 'interval_day.ends_at'),
            time_between(
                local_instant('(interval_day.day + calendar.day_start)'),
                local_instant(
                    minutes_after(
                        '(interval_day.day + calendar.day_start)', '(calendar.lessons * calendar.slot_minutes)'
                    )
                )
            )
        ) }} as away
    from interval_day
    inner join {{ ref('enrolment') }} as enrolment
        on
            interval_day.person_key = enrolment.person_key
            and interval_day.municipality = enrolment.municipality
            and interval_day.day between enrolment.valid_from and enrolment.valid_to
    inner join {{ ref('calendar') }} as calendar
        on
            enrolment.municipality = calendar.municipality
            and enrolment.school_number = calendar.school_number
            and enrolment.grade = calendar.grade
            and interval_day.day = calendar.day
    left join {{ ref('absence_class') }} as class
        on interval_day.absence_class = class.absence_class
),

class_day as (
    select
        school_hours.municipality,
        school_hours.person_key,
        school_hours.day,
        school_hours.absence_class,
        school_hours.priority,
        school_hours.slot_minutes,
        {{ spans_of('school_hours.away', "school_hours.absence_class = 'late'") }} as late_spans,
        {{ time_together('school_hours.away') }} as away
    from school_hours
    where not {{ is_no_time('school_hours.away') }}
    group by
        school_hours.municipality,
        school_hours.person_key,
        school_hours.day,
        school_hours.absence_class,
        school_hours.priority,
        school_hours.slot_minutes
),

-- Each instant takes the first class in the table's order.
layered as (
    select
        class_day.*,
        {{ time_without('class_day.away', time_together('class_day.away') ~ ' over earlier_classes') }} as away_alone
    from class_day
    window earlier_classes as (
        partition by class_day.person_key, class_day.day, class_day.municipality
        order by class_day.priority
        rows between unbounded preceding and 1 preceding
    )
),

measured as (
    select
        layered.*,
        {{ minutes_in('layered.away_alone') }} as minutes
    from layered
)

select
    measured.municipality,
    measured.person_key,
    measured.day,
    measured.absence_class,
    case
        when class.is_absence
            then round(measured.minutes / measured.slot_minutes, {{ definition('lesson_decimals', 'integer') }})
        else 0
    end as lessons,
    {{ spans_within('measured.late_spans', 'measured.away_alone') }} as late_marks,
    case when measured.absence_class = 'late' then measured.minutes end as late_minutes
from measured
left join {{ ref('absence_class') }} as class
    on measured.absence_class = class.absence_class
-- Who was away all the while was not late.
where measured.absence_class is distinct from 'late' or measured.minutes > 0
