with reported as (
    select
        absence.municipality,
        absence.school_year,
        absence.pupil_ref,
        absence.starts_at,
        absence.ends_at,
        absence.absence_class,
        absence.is_deleted,
        link.deciding_id,
        link.covers_from,
        link.covers_to,
        -- In a chain the newest version of a record holds; elsewhere each delivery stands for itself.
        row_number() over (
            partition by link.deciding_id, absence.record_key
            order by absence.updated_at desc, absence.night desc, absence.delivery_id desc, absence.row_number desc
        ) as newest
    from {{ ref('stg_absence_interval') }} as absence
    inner join {{ ref('absence_link') }} as link
        on absence.delivery_id = link.delivery_id
),

interval_day as (
    select
        reported.municipality,
        reported.pupil_ref,
        reported.absence_class,
        reported.starts_at,
        reported.ends_at,
        reported.deciding_id,
        cast(each.day as date) as day
    from reported
    cross join lateral
        {{ each_day(
            'greatest(' ~ local_day('reported.starts_at') ~ ', reported.covers_from)',
            'least(' ~ local_day('reported.ends_at') ~ ', reported.covers_to)'
        ) }} as each (day)
    where reported.newest = 1 and not reported.is_deleted
),

school_hours as (
    select
        interval_day.municipality,
        reference.person_key,
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
    inner join {{ ref('covered_day') }} as covered
        on
            interval_day.municipality = covered.municipality
            and interval_day.day = covered.day
            and interval_day.deciding_id = covered.delivery_id
    inner join {{ ref('person_reference') }} as reference
        on
            interval_day.municipality = reference.municipality
            and interval_day.pupil_ref = reference.pupil_ref
    inner join {{ ref('enrolment') }} as enrolment
        on
            reference.person_key = enrolment.person_key
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
        count(*) as interval_count,
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
        partition by class_day.municipality, class_day.person_key, class_day.day
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
    case when measured.absence_class = 'late' then measured.interval_count else 0 end as late_marks,
    case when measured.absence_class = 'late' then measured.minutes end as late_minutes
from measured
left join {{ ref('absence_class') }} as class
    on measured.absence_class = class.absence_class
