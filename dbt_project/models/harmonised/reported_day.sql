{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook=["{{ forget_touched_days() }}", "{{ plan_for_all(always=true) }}"],
        indexes=[{"columns": ["month"]}, {"columns": ["pupil_ref"]}],
    )
}}

with decided as (
    select
        covered.municipality,
        covered.day,
        covered.delivery_id as deciding_id
    from {{ ref('covered_day') }} as covered
    inner join {{ ref('touched_day') }} as touched
        on
            covered.municipality = touched.municipality
            and covered.day = touched.day
),

link as (
    select
        link.delivery_id,
        link.deciding_id
    from {{ ref('absence_link') }} as link
    where link.deciding_id in (select decided.deciding_id from decided)
),

-- A record that was on a touched day in any of its versions.
touched_record as (
    select distinct
        link.deciding_id,
        absence.record
    from {{ ref('stg_absence_day') }} as absence
    inner join link
        on absence.delivery_id = link.delivery_id
    inner join decided
        on
            link.deciding_id = decided.deciding_id
            and absence.day = decided.day
    where {{ is_one_of('absence.delivery_id', 'select one.delivery_id from link as one') }}
),

reported as (
    select
        absence.municipality,
        absence.pupil_ref,
        absence.day,
        absence.lessons,
        absence.absence_class,
        absence.is_deleted,
        link.deciding_id,
        -- In a chain the newest version of a record holds; elsewhere each delivery stands for itself.
        row_number() over (
            partition by link.deciding_id, absence.record
            order by absence.updated_at desc, absence.night desc, absence.delivery_id desc, absence.row_number desc
        ) as newest
    from {{ ref('stg_absence_day') }} as absence
    inner join link
        on absence.delivery_id = link.delivery_id
    inner join touched_record
        on
            link.deciding_id = touched_record.deciding_id
            and absence.record = touched_record.record
    where {{ is_one_of('absence.delivery_id', 'select one.delivery_id from link as one') }}
)

select
    reported.municipality,
    reported.pupil_ref,
    reported.day,
    {{ month_of('reported.day') }} as month,
    reported.absence_class,
    reported.lessons
from reported
inner join decided
    on
        reported.municipality = decided.municipality
        and reported.day = decided.day
        and reported.deciding_id = decided.deciding_id
where reported.newest = 1 and not reported.is_deleted
