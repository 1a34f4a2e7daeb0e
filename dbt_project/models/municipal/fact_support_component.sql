-- A number that a period keeps from night to night, which a delivery's number is not.
with numbered as (
    select
        period.*,
        row_number() over (
            partition by period.municipality, period.school_year, period.person_key
            order by
                period.valid_from,
                period.valid_to,
                period.regime,
                period.kind,
                period.support_code,
                period.placement,
                period.marks,
                period.row_number
        ) as period_number
    from {{ ref('support_period') }} as period
),

-- The days of its school year on which a period says a level, or says something that nobody can tell a level from: of
-- each day one or the other.
span as (
    select
        claim.delivery_id,
        claim.row_number,
        claim.valid_from,
        claim.valid_to,
        claim.support_level
    from {{ ref('support_claim') }} as claim
    where claim.effect = 'level' or (claim.effect = 'unknown' and claim.rule <> 'regimes_overlap')
),

component as (
    select
        numbered.delivery_id,
        numbered.row_number,
        'placement' as component,
        cast(numbered.placement as text) as value,
        numbered.is_placement_ignored as is_ignored
    from numbered
    where numbered.placement is not null
    union
    select
        mark.delivery_id,
        mark.row_number,
        coalesce(mark.mark, 'unknown') as component,
        null as value,
        numbered.is_extended_ignored and mark.mark = 'extended' as is_ignored
    from {{ ref('support_period_mark') }} as mark
    inner join numbered
        on
            mark.delivery_id = numbered.delivery_id
            and mark.row_number = numbered.row_number
)

select
    numbered.municipality,
    pupil.pupil_key,
    cast(numbered.school_year as integer) as school_year_start,
    cast(numbered.period_number as integer) as period_number,
    span.valid_from,
    component.component,
    span.valid_to,
    coalesce(span.support_level, 'unknown') as support_level,
    component.value,
    coalesce(known.comparability, 'not_comparable') as comparability,
    coalesce(component.is_ignored, false) as is_ignored,
    cast(numbered.regime as integer) as regime,
    numbered.kind,
    case when span.support_level is not null then numbered.mapping end as mapping,
    case when span.support_level is not null then numbered.mapping_finding end as mapping_finding
from numbered
inner join {{ ref('pupil_key') }} as pupil
    on
        numbered.municipality = pupil.municipality
        and numbered.person_key = pupil.person_key
inner join span
    on
        numbered.delivery_id = span.delivery_id
        and numbered.row_number = span.row_number
inner join component
    on
        numbered.delivery_id = component.delivery_id
        and numbered.row_number = component.row_number
left join {{ ref('support_component') }} as known
    on component.component = known.component
