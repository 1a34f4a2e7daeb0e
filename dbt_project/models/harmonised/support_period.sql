with delivered as (
    select
        support.municipality,
        support.school_year,
        support.delivery_id,
        support.row_number,
        reference.person_key,
        support.support_code,
        support.kind,
        support.regime,
        support.is_contradiction,
        support.placement,
        support.valid_from,
        support.valid_to
    from {{ ref('stg_support') }} as support
    inner join {{ ref('support_covered') }} as covered
        on support.delivery_id = covered.delivery_id
    inner join {{ ref('person_reference') }} as reference
        on
            support.municipality = reference.municipality
            and support.pupil_ref = reference.pupil_ref
    where not support.is_deleted
),

marked as (
    select
        mark.delivery_id,
        mark.row_number,
        {{ dbt.listagg('mark.mark', "','", 'order by mark.mark') }} as marks,
        count(*) > count(mark.mark) as has_unmapped_mark,
        max(case when mark.mark = 'extended' then 1 else 0 end) = 1 as is_extended
    from {{ ref('support_period_mark') }} as mark
    group by mark.delivery_id, mark.row_number
),

-- The table of levels: the first rule that fits.
ruled as (
    select
        delivered.delivery_id,
        delivered.row_number,
        rule.support_level,
        rule.mapping,
        rule.finding,
        row_number() over (
            partition by delivered.delivery_id, delivered.row_number
            order by rule.priority
        ) as first_fit
    from delivered
    inner join {{ ref('support_rule') }} as rule
        on
            delivered.kind = rule.kind
            and (
                rule.placement_from is null
                or delivered.placement between rule.placement_from and rule.placement_to
            )
    left join {{ ref('support_period_mark') }} as mark
        on
            delivered.delivery_id = mark.delivery_id
            and delivered.row_number = mark.row_number
            and rule.mark = mark.mark
    where (rule.mark is null or mark.mark is not null) and not delivered.is_contradiction
),

highest as (
    select
        rule.kind,
        max(rule_level.rank) as level_rank
    from {{ ref('support_rule') }} as rule
    inner join {{ ref('support_level') }} as rule_level
        on rule.support_level = rule_level.support_level
    where rule.mark is not null
    group by rule.kind
)

select
    delivered.municipality,
    delivered.school_year,
    delivered.delivery_id,
    delivered.row_number,
    delivered.person_key,
    delivered.support_code,
    delivered.kind,
    delivered.regime,
    delivered.placement,
    marked.marks,
    delivered.valid_from,
    delivered.valid_to,
    case
        when delivered.support_code is null and marked.row_number is not null then 'measures_without_level'
        when delivered.is_contradiction then 'scheme_kind_disagree'
        when delivered.kind is null then 'support_code_unmapped'
        -- A mark that nobody has mapped could raise it: the level is not known.
        when marked.has_unmapped_mark and level.rank < highest.level_rank then 'mark_unmapped'
    end as unknown_rule,
    ruled.support_level,
    level.rank as level_rank,
    ruled.mapping,
    ruled.finding as mapping_finding,
    delivered.kind = 'decision' and delivered.placement is not null as is_placement_ignored,
    delivered.kind = 'decision' and coalesce(marked.is_extended, false) as is_extended_ignored
from delivered
left join marked
    on
        delivered.delivery_id = marked.delivery_id
        and delivered.row_number = marked.row_number
left join ruled
    on
        delivered.delivery_id = ruled.delivery_id
        and delivered.row_number = ruled.row_number
        and ruled.first_fit = 1
left join {{ ref('support_level') }} as level
    on ruled.support_level = level.support_level
left join highest
    on delivered.kind = highest.kind
