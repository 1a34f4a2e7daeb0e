with delivered_row as (
    select
        enrolment_row.person_key,
        enrolment_row.municipality,
        enrolment_row.school_year,
        enrolment_row.pupil_ref,
        enrolment_row.school_number,
        enrolment_row.source_valid_from,
        enrolment_row.first_day,
        enrolment_row.last_day,
        delivered.night,
        delivered.delivery_id,
        delivered.grade,
        delivered.class_name,
        delivered.form,
        delivered.home_municipality,
        case when delivered.valid_to is null then 0 else 1 end as has_end,
        delivered.row_number,
        lead(delivered.delivery_id) over enrolment_nights as next_delivery_id
    from {{ ref('enrolment_row') }} as enrolment_row
    inner join {{ ref('stg_enrolment') }} as delivered
        on
            enrolment_row.municipality = delivered.municipality
            and enrolment_row.school_year = delivered.school_year
            and enrolment_row.pupil_ref = delivered.pupil_ref
            and enrolment_row.school_number = delivered.school_number
            and enrolment_row.source_valid_from = delivered.valid_from
    where not delivered.is_deleted and enrolment_row.first_day <= enrolment_row.last_day
    window enrolment_nights as (
        partition by
            enrolment_row.municipality, enrolment_row.school_year, enrolment_row.pupil_ref,
            enrolment_row.school_number, enrolment_row.source_valid_from
        order by
            delivered.night,
            delivered.delivery_id,
            case when delivered.valid_to is null then 0 else 1 end,
            delivered.row_number
    )
),

-- Two rows of one school and start in one delivery: the one that holds in enrolment_row comes last.
attribute as (
    select
        delivered_row.*,
        row_number() over enrolment_nights as sequence_number,
        lag(delivered_row.grade) over enrolment_nights as previous_grade,
        lag(delivered_row.class_name) over enrolment_nights as previous_class_name,
        lag(delivered_row.form) over enrolment_nights as previous_form,
        lag(delivered_row.home_municipality) over enrolment_nights as previous_home_municipality
    from delivered_row
    where delivered_row.next_delivery_id is distinct from delivered_row.delivery_id
    window enrolment_nights as (
        partition by
            delivered_row.municipality, delivered_row.school_year, delivered_row.pupil_ref,
            delivered_row.school_number, delivered_row.source_valid_from
        order by delivered_row.night, delivered_row.delivery_id, delivered_row.has_end, delivered_row.row_number
    )
),

-- What the first delivery says holds from the start of the enrolment, a later change from the night it was seen.
change as (
    select
        attribute.*,
        case
            when attribute.sequence_number = 1 then attribute.first_day
            else greatest(attribute.night, attribute.first_day)
        end as valid_from
    from attribute
    where
        attribute.sequence_number = 1
        or attribute.grade is distinct from attribute.previous_grade
        or attribute.class_name is distinct from attribute.previous_class_name
        or attribute.form is distinct from attribute.previous_form
        or attribute.home_municipality is distinct from attribute.previous_home_municipality
),

span as (
    select
        change.*,
        lead(change.valid_from) over (
            partition by
                change.municipality, change.school_year, change.pupil_ref, change.school_number,
                change.source_valid_from
            order by change.sequence_number
        ) as next_valid_from
    from change
)

select
    span.person_key,
    span.municipality,
    span.school_year,
    span.pupil_ref,
    span.school_number,
    span.grade,
    span.class_name,
    span.form,
    span.home_municipality,
    span.valid_from,
    least(span.last_day, {{ days_after('span.next_valid_from', -1) }}) as valid_to
from span
where span.valid_from <= least(span.last_day, {{ days_after('span.next_valid_from', -1) }})
