with period as (
    select
        period.*,
        coalesce(period.valid_to, {{ school_year_end('period.school_year') }}) as until,
        {{ definition('regime_2025_starts', 'date') }} as break_day,
        {{ definition('intensified_ends', 'date') }} as intensified_ends,
        {{ definition('special_ends', 'date') }} as special_ends
    from {{ ref('support_period') }} as period
    where period.unknown_rule is null
),

-- What each period says about days, before other periods are looked at.
asserted as (
    select
        period.*,
        case
            when period.regime = 2011 and period.valid_from >= period.break_day then 'starts_after_break'
        end as start_rule,
        case
            when period.kind = 'intensified' then least(period.until, period.intensified_ends)
            when period.kind = 'special' then least(period.until, period.special_ends)
            else period.until
        end as asserted_to
    from period
),

pair as (
    select
        one.municipality,
        one.school_year,
        one.delivery_id,
        one.row_number,
        one.person_key,
        case when one.regime = other.regime then 'same_regime_overlap' else 'regimes_overlap' end as rule,
        greatest(one.valid_from, other.valid_from) as valid_from,
        least(one.asserted_to, other.asserted_to) as valid_to
    from asserted as one
    inner join asserted as other
        on
            one.municipality = other.municipality
            and one.school_year = other.school_year
            and one.person_key = other.person_key
            and one.row_number <> other.row_number
            and one.valid_from <= other.asserted_to
            and other.valid_from <= one.asserted_to
    where one.valid_from <= one.asserted_to and other.valid_from <= other.asserted_to
),

-- A special support decision that outlived its regime is unknown until data of the new regime comes.
renewed as (
    select
        asserted.municipality,
        asserted.school_year,
        asserted.person_key,
        min(greatest(asserted.valid_from, {{ days_after('asserted.special_ends', 1) }})) as renewed_from
    from asserted
    where asserted.regime = 2025 and asserted.until > asserted.special_ends
    group by asserted.municipality, asserted.school_year, asserted.person_key
),

claim as (
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'unknown' as effect, unknown_rule as rule, cast(null as text) as support_level, regime,
        valid_from, coalesce(valid_to, {{ school_year_end('school_year') }}) as valid_to
    from {{ ref('support_period') }}
    where unknown_rule is not null
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'unknown' as effect, start_rule as rule, cast(null as text) as support_level, regime,
        valid_from, until as valid_to
    from asserted
    where start_rule is not null
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'level' as effect, cast(null as text) as rule, support_level, regime,
        case when regime = 2025 then greatest(valid_from, break_day) else valid_from end as valid_from,
        asserted_to as valid_to
    from asserted
    where start_rule is null
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'unknown' as effect, 'starts_before_break' as rule, cast(null as text) as support_level, regime,
        valid_from, least(until, {{ days_after('break_day', -1) }}) as valid_to
    from asserted
    where regime = 2025 and valid_from < break_day
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'unknown' as effect, rule, cast(null as text) as support_level, cast(null as integer) as regime,
        valid_from, valid_to
    from pair
    where rule = 'regimes_overlap'
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'finding' as effect, rule, cast(null as text) as support_level, cast(null as integer) as regime,
        valid_from, valid_to
    from pair
    where rule = 'same_regime_overlap'
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'finding' as effect, 'tehostettu_clipped' as rule, cast(null as text) as support_level, regime,
        {{ days_after('intensified_ends', 1) }} as valid_from, until as valid_to
    from asserted
    where kind = 'intensified' and start_rule is null
    union all
    select
        asserted.municipality, asserted.school_year, asserted.delivery_id, asserted.row_number, asserted.person_key,
        'unknown' as effect, 'expired_2011' as rule, cast(null as text) as support_level, asserted.regime,
        {{ days_after('asserted.special_ends', 1) }} as valid_from,
        least(asserted.until, {{ days_after('renewed.renewed_from', -1) }}) as valid_to
    from asserted
    left join renewed
        on
            asserted.municipality = renewed.municipality
            and asserted.school_year = renewed.school_year
            and asserted.person_key = renewed.person_key
    where asserted.kind = 'special' and asserted.start_rule is null
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'finding' as effect, mapping_finding as rule, cast(null as text) as support_level, regime,
        valid_from, until as valid_to
    from asserted
    where mapping_finding is not null
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'finding' as effect, 'placement_ignored' as rule, cast(null as text) as support_level, regime,
        valid_from, until as valid_to
    from asserted
    where is_placement_ignored
    union all
    select
        municipality, school_year, delivery_id, row_number, person_key,
        'finding' as effect, 'extended_ignored' as rule, cast(null as text) as support_level, regime,
        valid_from, until as valid_to
    from asserted
    where is_extended_ignored
    union all
    select
        covered.municipality, covered.school_year, rejected.delivery_id, rejected.row_number, reference.person_key,
        'unknown' as effect, 'rejected_row' as rule, cast(null as text) as support_level,
        cast(null as integer) as regime,
        coalesce(rejected.earliest_date, covered.covered_from) as valid_from,
        {{ school_year_end('covered.school_year') }} as valid_to
    from {{ ref('stg_rejected_row') }} as rejected
    inner join {{ ref('support_covered') }} as covered
        on
            rejected.delivery_id = covered.delivery_id
            and rejected.dataset = 'support'
    inner join {{ ref('person_reference') }} as reference
        on
            rejected.municipality = reference.municipality
            and rejected.pupil_ref = reference.pupil_ref
)

-- An extract speaks for the days of its own school year only.
select
    claim.municipality,
    claim.school_year,
    claim.delivery_id,
    claim.row_number,
    claim.person_key,
    claim.effect,
    claim.rule,
    claim.support_level,
    claim.regime,
    greatest(claim.valid_from, {{ school_year_start('claim.school_year') }}) as valid_from,
    least(claim.valid_to, {{ school_year_end('claim.school_year') }}) as valid_to
from claim
where
    greatest(claim.valid_from, {{ school_year_start('claim.school_year') }})
    <= least(claim.valid_to, {{ school_year_end('claim.school_year') }})
