{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_touched_days() }}",
        indexes=[{"columns": ["month"]}, {"columns": ["pupil_ref"]}],
    )
}}

with link as (
    select
        link.delivery_id,
        link.deciding_id,
        link.covers_from,
        link.covers_to,
        min(touched.day) as first_touched,
        max(touched.day) as last_touched
    from {{ ref('absence_link') }} as link
    inner join {{ ref('touched_day') }} as touched
        on
            link.municipality = touched.municipality
            and touched.day between link.covers_from and link.covers_to
    group by link.delivery_id, link.deciding_id, link.covers_from, link.covers_to
),

-- A record that was on a touched day in any of its versions.
touched_record as (
    select distinct
        link.deciding_id,
        absence.record
    from {{ ref('stg_absence_interval') }} as absence
    inner join link
        on absence.delivery_id = link.delivery_id
    where
        {{ is_one_of('absence.delivery_id', 'select one.delivery_id from link as one') }}
        and {{ local_day('absence.starts_at') }} <= link.last_touched
        and (absence.ends_at is null or {{ local_day('absence.ends_at') }} >= link.first_touched)
),

reported as (
    select
        absence.municipality,
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
            partition by link.deciding_id, absence.record
            order by absence.updated_at desc, absence.night desc, absence.delivery_id desc, absence.row_number desc
        ) as newest
    from {{ ref('stg_absence_interval') }} as absence
    inner join link
        on absence.delivery_id = link.delivery_id
    inner join touched_record
        on
            link.deciding_id = touched_record.deciding_id
            and absence.record = touched_record.record
    where {{ is_one_of('absence.delivery_id', 'select one.delivery_id from link as one') }}
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
    interval_day.pupil_ref,
    interval_day.day,
    {{ month_of('interval_day.day') }} as month,
    interval_day.absence_class,
    interval_day.starts_at,
    interval_day.ends_at
from interval_day
inner join {{ ref('touched_day') }} as touched
    on
        interval_day.municipality = touched.municipality
        and interval_day.day = touched.day
inner join {{ ref('covered_day') }} as covered
    on
        interval_day.municipality = covered.municipality
        and interval_day.day = covered.day
        and interval_day.deciding_id = covered.delivery_id
