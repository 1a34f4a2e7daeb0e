with reported as (
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
            partition by link.deciding_id, absence.record_key
            order by absence.updated_at desc, absence.night desc, absence.delivery_id desc, absence.row_number desc
        ) as newest
    from {{ ref('stg_absence_day') }} as absence
    inner join {{ ref('absence_link') }} as link
        on absence.delivery_id = link.delivery_id
    -- Only deliveries that still decide a day: a full extract makes the earlier ones void.
    where link.deciding_id in (select covered.delivery_id from {{ ref('covered_day') }} as covered)
)

select
    reported.municipality,
    reference.person_key,
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
inner join {{ ref('covered_day') }} as covered
    on
        reported.municipality = covered.municipality
        and reported.day = covered.day
        and reported.deciding_id = covered.delivery_id
inner join {{ ref('person_reference') }} as reference
    on
        reported.municipality = reference.municipality
        and reported.pupil_ref = reference.pupil_ref
left join {{ ref('absence_class') }} as class
    on reported.absence_class = class.absence_class
where reported.newest = 1 and not reported.is_deleted
group by
    reported.municipality, reference.person_key, reported.day, reported.absence_class, class.is_absence
