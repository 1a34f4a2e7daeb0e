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

-- Materialised: the planner cannot know how few days an interval has, and would join before it expands.
interval_day as materialized (
    select
        reported.municipality,
        reported.pupil_ref,
        reported.absence_class,
        reported.starts_at,
        reported.ends_at,
        reported.deciding_id,
        cast(each.day as date) as day
    from reported
    cross join lateral {{
        each_day(
            'greatest(' ~ local_day('reported.starts_at') ~ ', reported.covers_from)',
            'least(' ~ local_day('reported.ends_at') ~ ', reported.covers_to)'
        )
    }} as each (day)
    where reported.newest = 1 and not reported.is_deleted
)

select
    interval_day.municipality,
    reference.person_key,
    interval_day.day,
    interval_day.absence_class,
    interval_day.starts_at,
    interval_day.ends_at
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
