with bound as (
    select
        {{ definition('regime_2025_starts', 'date') }} as break_day,
        {{ definition('intensified_ends', 'date') }} as intensified_ends,
        {{ definition('special_ends', 'date') }} as special_ends
),

-- What each period says about days before other periods are looked at; an open one runs at least to the year's end.
asserted as (
    select
        period.*,
        bound.break_day,
        bound.intensified_ends,
        bound.special_ends,
        coalesce(period.valid_to, {{ school_year_end('period.school_year') }}) as until,
        period.unknown_rule is null as is_known,
        coalesce(period.kind = 'special' and period.valid_from >= bound.break_day, false) as starts_after_break,
        case
            when period.kind = 'intensified'
                then least(coalesce(period.valid_to, bound.intensified_ends), bound.intensified_ends)
            when period.kind = 'special'
                then least(coalesce(period.valid_to, bound.special_ends), bound.special_ends)
            else coalesce(period.valid_to, {{ school_year_end('period.school_year') }})
        end as asserted_to
    from {{ ref('support_period') }} as period
    cross join bound
),

pair as (
    select
        one.municipality,
        one.school_year,
        one.delivery_id,
        one.row_number,
        one.person_key,
        one.regime = other.regime as is_same_regime,
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
            and one.asserted_to >= other.valid_from
    where
        one.is_known and one.valid_from <= one.asserted_to
        and other.is_known and other.valid_from <= other.asserted_to
),

-- A special support decision that outlived its regime is unknown until data of the new regime comes.
renewed as (
    select
        asserted.municipality,
        asserted.school_year,
        asserted.person_key,
        min(greatest(asserted.valid_from, {{ days_after('asserted.special_ends', 1) }})) as renewed_from
    from asserted
    where asserted.is_known and asserted.regime = 2025 and asserted.until > asserted.special_ends
    group by asserted.municipality, asserted.school_year, asserted.person_key
),

-- One line for each thing that a period says; those that do not apply to it are left out below.
said as (
    select
        asserted.municipality,
        asserted.school_year,
        asserted.delivery_id,
        asserted.row_number,
        asserted.person_key,
        line.applies,
        line.effect,
        line.rule,
        case when line.effect = 'level' then asserted.support_level end as support_level,
        asserted.regime,
        line.valid_from,
        line.valid_to
    from asserted
    left join renewed
        on
            asserted.municipality = renewed.municipality
            and asserted.school_year = renewed.school_year
            and asserted.person_key = renewed.person_key
    cross join lateral (
        values
        (
            not asserted.is_known,
            'unknown', asserted.unknown_rule,
            asserted.valid_from, asserted.until
        ),
        (
            asserted.is_known and asserted.starts_after_break,
            'unknown', 'starts_after_break',
            asserted.valid_from, asserted.until
        ),
        (
            asserted.is_known and asserted.regime = 2025 and asserted.valid_from < asserted.break_day,
            'unknown', 'starts_before_break',
            asserted.valid_from, least(asserted.until, {{ days_after('asserted.break_day', -1) }})
        ),
        (
            asserted.is_known and asserted.kind = 'special' and not asserted.starts_after_break,
            'unknown', 'expired_2011',
            {{ days_after('asserted.special_ends', 1) }},
            least(asserted.until, {{ days_after('renewed.renewed_from', -1) }})
        ),
        (
            asserted.is_known and not asserted.starts_after_break,
            'level', null,
            case
                when asserted.regime = 2025 then greatest(asserted.valid_from, asserted.break_day)
                else asserted.valid_from
            end,
            asserted.asserted_to
        ),
        (
            asserted.is_known and asserted.kind = 'intensified',
            'finding', 'tehostettu_clipped',
            greatest(asserted.valid_from, {{ days_after('asserted.intensified_ends', 1) }}), asserted.until
        ),
        (
            asserted.is_known and asserted.mapping_finding is not null,
            'finding', asserted.mapping_finding,
            asserted.valid_from, asserted.until
        ),
        (
            asserted.is_known and asserted.is_placement_ignored,
            'finding', 'placement_ignored',
            asserted.valid_from, asserted.until
        ),
        (
            asserted.is_known and asserted.is_extended_ignored,
            'finding', 'extended_ignored',
            asserted.valid_from, asserted.until
        )
    ) as line (applies, effect, rule, valid_from, valid_to)
),

claim as (
    select
        said.municipality,
        said.school_year,
        said.delivery_id,
        said.row_number,
        said.person_key,
        said.effect,
        said.rule,
        said.support_level,
        said.regime,
        said.valid_from,
        said.valid_to
    from said
    where said.applies
    union all
    select
        pair.municipality,
        pair.school_year,
        pair.delivery_id,
        pair.row_number,
        pair.person_key,
        case when pair.is_same_regime then 'finding' else 'unknown' end as effect,
        case when pair.is_same_regime then 'same_regime_overlap' else 'regimes_overlap' end as rule,
        null as support_level,
        null as regime,
        pair.valid_from,
        pair.valid_to
    from pair
    union all
    -- A rejected row: unknown from its earliest readable date, until a later extract replaces it.
    select
        covered.municipality,
        covered.school_year,
        rejected.delivery_id,
        rejected.row_number,
        reference.person_key,
        'unknown' as effect,
        'rejected_row' as rule,
        null as support_level,
        null as regime,
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
