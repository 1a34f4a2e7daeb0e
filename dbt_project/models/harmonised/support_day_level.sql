{{ config(pre_hook="{{ plan_for_all(always=true) }}") }}

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

claim as (
    select claimed.*
    from {{ ref('support_claim') }} as claimed
    where claimed.effect <> 'finding'
),

-- Days on which something may change; the level holds from one to the day before the next.
edge as (
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
        {{ days_after('covered.covered_to', 1) }} as day
    from enrolled
    inner join {{ ref('support_covered') }} as covered
        on
            enrolled.municipality = covered.municipality
            and enrolled.school_year = covered.school_year
    union
    select
        claim.person_key,
        claim.municipality,
        claim.school_year,
        claim.valid_from as day
    from claim
    union
    select
        claim.person_key,
        claim.municipality,
        claim.school_year,
        {{ days_after('claim.valid_to', 1) }} as day
    from claim
),

span as (
    select
        enrolled.person_key,
        enrolled.municipality,
        enrolled.school_year,
        edge.day as valid_from,
        coalesce({{ days_after('lead(edge.day) over days_in_order', -1) }}, enrolled.last_day) as valid_to
    from enrolled
    inner join edge
        on
            enrolled.person_key = edge.person_key
            and enrolled.municipality = edge.municipality
            and enrolled.school_year = edge.school_year
            and edge.day between enrolled.first_day and enrolled.last_day
    window days_in_order as (
        partition by enrolled.person_key, enrolled.municipality, enrolled.school_year
        order by edge.day
    )
),

claimed_span as (
    select
        span.person_key,
        span.municipality,
        span.school_year,
        span.valid_from,
        span.valid_to,
        covered.school_year is not null as is_covered,
        min(case when claim.effect = 'unknown' then claim.rule end) as unknown_rule,
        max(level.rank) as level_rank,
        max(case when claim.effect = 'level' then claim.regime end) as regime
    from span
    left join {{ ref('support_covered') }} as covered
        on
            span.municipality = covered.municipality
            and span.school_year = covered.school_year
            and span.valid_from between covered.covered_from and covered.covered_to
    left join claim
        on
            span.person_key = claim.person_key
            and span.municipality = claim.municipality
            and span.school_year = claim.school_year
            and span.valid_from between claim.valid_from and claim.valid_to
    left join {{ ref('support_level') }} as level
        on claim.support_level = level.support_level
    group by
        span.person_key, span.municipality, span.school_year, span.valid_from, span.valid_to, covered.school_year
)

select
    claimed_span.person_key,
    claimed_span.municipality,
    claimed_span.school_year,
    claimed_span.valid_from,
    claimed_span.valid_to,
    case
        when not claimed_span.is_covered or claimed_span.unknown_rule is not null then 'unknown'
        else level.support_level
    end as support_level,
    case
        when claimed_span.is_covered and claimed_span.unknown_rule is null and claimed_span.regime is not null
            then claimed_span.regime
        when claimed_span.valid_from < {{ definition('regime_2025_starts', 'date') }} then 2011
        else 2025
    end as regime,
    case
        when not claimed_span.is_covered then 'not_covered'
        else claimed_span.unknown_rule
    end as reason
from claimed_span
-- No support row on a covered day is the lowest level.
left join {{ ref('support_level') }} as level
    on coalesce(claimed_span.level_rank, 0) = level.rank
