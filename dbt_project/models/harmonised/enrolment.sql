with attribute as (
    select
        enrolment_row.person_key,
        enrolment_row.municipality,
        enrolment_row.school_year,
        enrolment_row.pupil_ref,
        enrolment_row.school_number,
        enrolment_row.source_valid_from,
        enrolment_row.first_day,
        enrolment_row.last_day,
        version.night,
        version.grade,
        version.class_name,
        version.form,
        version.home_municipality,
        row_number() over enrolment_nights as sequence_number,
        lag(version.grade) over enrolment_nights as previous_grade,
        lag(version.class_name) over enrolment_nights as previous_class_name,
        lag(version.form) over enrolment_nights as previous_form,
        lag(version.home_municipality) over enrolment_nights as previous_home_municipality
    from {{ ref('enrolment_row') }} as enrolment_row
    inner join {{ ref('enrolment_version') }} as version
        on
            enrolment_row.municipality = version.municipality
            and enrolment_row.school_year = version.school_year
            and enrolment_row.pupil_ref = version.pupil_ref
            and enrolment_row.school_number = version.school_number
            and enrolment_row.source_valid_from = version.valid_from
    where not version.is_deleted and enrolment_row.first_day <= enrolment_row.last_day
    window enrolment_nights as (
        partition by
            enrolment_row.municipality, enrolment_row.school_year, enrolment_row.pupil_ref,
            enrolment_row.school_number, enrolment_row.source_valid_from
        order by version.night, version.delivery_id
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
),

bounded as (
    select
        span.*,
        least(span.last_day, {{ days_after('span.next_valid_from', -1) }}) as valid_to
    from span
)

select
    bounded.person_key,
    bounded.municipality,
    bounded.school_year,
    bounded.pupil_ref,
    bounded.school_number,
    bounded.grade,
    bounded.class_name,
    bounded.form,
    bounded.home_municipality,
    bounded.valid_from,
    bounded.valid_to
from bounded
where bounded.valid_from <= bounded.valid_to
