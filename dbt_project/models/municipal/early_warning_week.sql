with warned as (
    select
        warning.municipality,
        warning.pupil_key,
        named.person_key,
        {{ school_year_of('warning.week_end') }} as school_year,
        greatest(
            {{ days_after('warning.week_end', '1 - ' ~ definition('week_period_days', 'integer')) }},
            {{ school_year_start(school_year_of('warning.week_end')) }}
        ) as period_start,
        warning.week_end as period_end
    from {{ ref('early_warning') }} as warning
    inner join {{ ref('pupil_key') }} as named
        on
            warning.municipality = named.municipality
            and warning.pupil_key = named.pupil_key
),

-- Every week of the period, also one without school.
week as (
    select
        warned.municipality,
        warned.pupil_key,
        warned.person_key,
        cast(each.sunday as date) as week_end
    from warned
    cross join lateral {{ each_week(sunday_from('warned.period_start'), 'warned.period_end') }} as each (sunday)
),

scheduled as (
    select
        warned.municipality,
        warned.pupil_key,
        {{ sunday_from('calendar.day') }} as week_end,
        sum(calendar.lessons) as scheduled_lessons,
        sum(case when calendar.is_covered and uncovered.day is null then calendar.lessons end) as covered_lessons
    from warned
    inner join {{ ref('enrolment') }} as enrolment
        on
            warned.person_key = enrolment.person_key
            and warned.school_year = enrolment.school_year
            and enrolment.form is distinct from 'home'
    inner join {{ ref('calendar') }} as calendar
        on
            enrolment.municipality = calendar.municipality
            and enrolment.school_number = calendar.school_number
            and enrolment.grade = calendar.grade
            and calendar.day between enrolment.valid_from and enrolment.valid_to
            and calendar.day between warned.period_start and warned.period_end
    left join {{ ref('uncovered_pupil_day') }} as uncovered
        on
            enrolment.person_key = uncovered.person_key
            and enrolment.municipality = uncovered.municipality
            and calendar.day = uncovered.day
    group by warned.municipality, warned.pupil_key, {{ sunday_from('calendar.day') }}
),

absent as (
    select
        warned.municipality,
        warned.pupil_key,
        {{ sunday_from('absence.day') }} as week_end,
        sum(absence.lessons) as absent_lessons
    from warned
    inner join {{ ref('absence') }} as absence
        on
            warned.person_key = absence.person_key
            and absence.day between warned.period_start and warned.period_end
    group by warned.municipality, warned.pupil_key, {{ sunday_from('absence.day') }}
)

select
    week.municipality,
    week.pupil_key,
    week.week_end,
    coalesce(scheduled.scheduled_lessons, 0) as scheduled_lessons,
    coalesce(scheduled.covered_lessons, 0) as covered_lessons,
    coalesce(scheduled.covered_lessons, 0) / nullif(scheduled.scheduled_lessons, 0) as coverage,
    case when scheduled.covered_lessons > 0 then coalesce(absent.absent_lessons, 0) end as absent_lessons,
    case
        when scheduled.covered_lessons > 0
            then coalesce(absent.absent_lessons, 0) / scheduled.covered_lessons
    end as absence_rate
from week
left join scheduled
    on
        week.municipality = scheduled.municipality
        and week.pupil_key = scheduled.pupil_key
        and week.week_end = scheduled.week_end
left join absent
    on
        week.municipality = absent.municipality
        and week.pupil_key = absent.pupil_key
        and week.week_end = absent.week_end
