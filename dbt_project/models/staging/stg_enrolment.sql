select
    delivery.municipality,
    enrolment.delivery_id,
    enrolment.row_number,
    delivery.night,
    delivery.school_year,
    enrolment.pupil_ref,
    enrolment.hetu_key,
    enrolment.oppijanumero_key,
    enrolment.school_number,
    enrolment.grade,
    enrolment.class_name,
    enrolment.home_municipality as source_home_municipality,
    coalesce(
        home_crosswalk.municipality_code,
        case
            when {{ is_municipality_code('enrolment.home_municipality') }} then enrolment.home_municipality
        end
    ) as home_municipality,
    enrolment.form as source_form,
    form_crosswalk.form,
    enrolment.valid_from,
    enrolment.valid_to,
    coalesce(enrolment.deleted, false) as is_deleted
from {{ source('landing', 'enrolment') }} as enrolment
inner join {{ ref('stg_delivery') }} as delivery
    on
        enrolment.delivery_id = delivery.delivery_id
        and delivery.dataset = 'enrolment'
left join {{ source('reference', 'home_municipality_crosswalk') }} as home_crosswalk
    on
        delivery.municipality = home_crosswalk.municipality
        and enrolment.home_municipality = home_crosswalk.source_value
left join {{ source('reference', 'form_crosswalk') }} as form_crosswalk
    on
        delivery.municipality = form_crosswalk.municipality
        and enrolment.form = form_crosswalk.source_code
        and {{ holds_on('form_crosswalk', 'delivery.night') }}
