{{
    config(
        materialized="incremental",
        incremental_strategy="append",
        pre_hook="{{ forget_changed_enrolments() }}",
        indexes=[{"columns": ["municipality", "school_year", "pupil_ref"]}],
    )
}}

with delivered as (
    select
        enrolment.municipality,
        enrolment.school_year,
        enrolment.pupil_ref,
        enrolment.school_number,
        enrolment.valid_from,
        enrolment.night,
        enrolment.delivery_id,
        enrolment.hetu_key,
        enrolment.oppijanumero_key,
        enrolment.grade,
        enrolment.class_name,
        enrolment.form,
        enrolment.home_municipality,
        enrolment.is_deleted,
        -- Two rows of one school and start in one delivery: the one that holds in enrolment_row.
        row_number() over (
            partition by
                enrolment.municipality, enrolment.school_year, enrolment.pupil_ref, enrolment.school_number,
                enrolment.valid_from, enrolment.is_deleted, enrolment.delivery_id
            order by
                case when enrolment.valid_to is null then 0 else 1 end desc,
                enrolment.row_number desc
        ) as holds
    from {{ ref('stg_enrolment') }} as enrolment
    where {{ is_one_of(
        'enrolment.delivery_id', 'select change.delivery_id from ' ~ ref('enrolment_change') ~ ' as change'
    ) }}
),

{% if is_incremental() -%}
known as (
    select
        version.*,
        row_number() over (
            partition by
                version.municipality, version.school_year, version.pupil_ref, version.school_number,
                version.valid_from, version.is_deleted
            order by version.night desc, version.delivery_id desc
        ) as newest
    from {{ this }} as version
    where (version.municipality, version.school_year) in (
        select
            change.municipality,
            change.school_year
        from {{ ref('enrolment_change') }} as change
    )
),

{% endif -%}
row_in_order as (
    select
        delivered.municipality,
        delivered.school_year,
        delivered.pupil_ref,
        delivered.school_number,
        delivered.valid_from,
        delivered.night,
        delivered.delivery_id,
        delivered.hetu_key,
        delivered.oppijanumero_key,
        delivered.grade,
        delivered.class_name,
        delivered.form,
        delivered.home_municipality,
        delivered.is_deleted,
        true as is_delivered
    from delivered
    where delivered.holds = 1
    {% if is_incremental() -%}
    union all
    select
        known.municipality,
        known.school_year,
        known.pupil_ref,
        known.school_number,
        known.valid_from,
        known.night,
        known.delivery_id,
        known.hetu_key,
        known.oppijanumero_key,
        known.grade,
        known.class_name,
        known.form,
        known.home_municipality,
        known.is_deleted,
        false as is_delivered
    from known
    where known.newest = 1
    {% endif -%}
),

compared as (
    select
        row_in_order.*,
        lag(
            row(
                row_in_order.hetu_key, row_in_order.oppijanumero_key, row_in_order.grade, row_in_order.class_name,
                row_in_order.form, row_in_order.home_municipality
            )
        ) over versions_in_order as before,
        row(
            row_in_order.hetu_key, row_in_order.oppijanumero_key, row_in_order.grade, row_in_order.class_name,
            row_in_order.form, row_in_order.home_municipality
        ) as attributes,
        row_number() over versions_in_order as sequence_number
    from row_in_order
    window versions_in_order as (
        partition by
            row_in_order.municipality, row_in_order.school_year, row_in_order.pupil_ref, row_in_order.school_number,
            row_in_order.valid_from, row_in_order.is_deleted
        order by row_in_order.night, row_in_order.delivery_id
    )
)

select
    compared.municipality,
    compared.school_year,
    compared.pupil_ref,
    compared.school_number,
    compared.valid_from,
    compared.night,
    compared.delivery_id,
    compared.hetu_key,
    compared.oppijanumero_key,
    compared.grade,
    compared.class_name,
    compared.form,
    compared.home_municipality,
    compared.is_deleted
from compared
where
    compared.is_delivered
    and (compared.sequence_number = 1 or compared.attributes is distinct from compared.before)
