with enrolled as (
    select
        enrolment.person_key,
        enrolment.municipality,
        enrolment.school_year,
        min(enrolment.valid_from) as first_day,
        max(enrolment.valid_to) as last_day
    from {{ ref('enrolment') }} as enrolment
    group by enrolment.person_key, enrolment.municipality, enrolment.school_year
),

-- Days on which something may change; the level holds from one to the day before the next.
changing as (
    select
        enrolled.person_key,
        enrolled.municipality,
        enrolled.school_year,
        enrolled.first_day as day
    from enrolled
    union
    select
        enrolled.person_key,
        enrolled.municipality,
        enrolled.school_year,
        edge.day
    from enrolled
    inner join (
        select
            covered.municipality,
            covered.school_year,
            covered.covered_from as day
        from {{ ref('support_covered') }} as covered
        union all
        select
            covered.municipality,
            covered.school_year,
            {{ days_after('covered.covered_to', 1) }} as day
        from {{ ref('support_covered') }} as covered
    ) as edge
        on
            enrolled.municipality = edge.municipality
            and enrolled.school_year = edge.school_year
            and edge.day > enrolled.first_day
            and edge.day <= enrolled.last_day
    union
    select
        enrolled.person_key,
        enrolled.municipality,
        enrolled.school_year,
        edge.day
    from enrolled
    inner join (
        select
            claim.person_key,
            claim.municipality,
            claim.school_year,
            claim.valid_from as day
        from {{ ref('support_claim') }} as claim
        where claim.effect <> 'finding'
        union all
        select
            claim.person_key,
            claim.municipality,
            claim.school_year,
            {{ days_after('claim.valid_to', 1) }} as day
        from {{ ref('support_claim') }} as claim
        where claim.effect <> 'finding'
    ) as edge
        on
            enrolled.person_key = edge.person_key
            and enrolled.municipality = edge.municipality
            and enrolled.school_year = edge.school_year
            and edge.day > enrolled.first_day
            and edge.day <= enrolled.last_day
),

segment as (
    select
        changing.person_key,
        changing.municipality,
        changing.school_year,
        changing.day as valid_from,
        coalesce(
            {{ days_after('lead(changing.day) over days_in_order', -1) }}, enrolled.last_day
        ) as valid_to
    from changing
    inner join enrolled
        on
            changing.person_key = enrolled.person_key
            and changing.municipality = enrolled.municipality
            and changing.school_year = enrolled.school_year
    window days_in_order as (
        partition by changing.person_key, changing.municipality, changing.school_year
        order by changing.day
    )
),

claimed as (
    select
        segment.person_key,
        segment.municipality,
        segment.school_year,
        segment.valid_from,
        segment.valid_to,
        covered.school_year is not null as is_covered,
        min(case when claim.effect = 'unknown' then claim.rule end) as unknown_rule,
        max(level.rank) as level_rank,
        max(claim.regime) as regime
    from segment
    left join {{ ref('support_covered') }} as covered
        on
            segment.municipality = covered.municipality
            and segment.school_year = covered.school_year
            and segment.valid_from between covered.covered_from and covered.covered_to
    left join {{ ref('support_claim') }} as claim
        on
            segment.person_key = claim.person_key
            and segment.municipality = claim.municipality
            and segment.school_year = claim.school_year
            and claim.effect <> 'finding'
            and segment.valid_from between claim.valid_from and claim.valid_to
    left join {{ ref('support_level') }} as level
        on claim.support_level = level.support_level
    group by
        segment.person_key,
        segment.municipality,
        segment.school_year,
        segment.valid_from,
        segment.valid_to,
        covered.school_year
)

select
    claimed.person_key,
    claimed.municipality,
    claimed.school_year,
    claimed.valid_from,
    claimed.valid_to,
    case
        when not claimed.is_covered or claimed.unknown_rule is not null then 'unknown'
        else level.support_level
    end as support_level,
    case
        when claimed.is_covered and claimed.unknown_rule is null and claimed.regime is not null then claimed.regime
        when claimed.valid_from < {{ definition('regime_2025_starts', 'date') }} then 2011
        else 2025
    end as regime,
    case
        when not claimed.is_covered then 'not_covered'
        else claimed.unknown_rule
    end as reason
from claimed
left join {{ ref('support_level') }} as level
    on coalesce(claimed.level_rank, 0) = level.rank
