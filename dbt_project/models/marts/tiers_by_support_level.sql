with member as (
    {{ places_and_members() }}
),

place as (
    {{ shown_places('member') }}
),

counted as (
    select
        member.period_type,
        member.period_end,
        member.municipality,
        band.grade_band,
        pupil.support_level,
        pupil.tier,
        sum(pupil.pupils) as pupils
    from member
    inner join {{ ref('pupil_period_count') }} as pupil
        on
            member.period_type = pupil.period_type
            and member.period_end = pupil.period_end
            and member.member = pupil.municipality
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by
        member.period_type,
        member.period_end,
        member.municipality,
        band.grade_band,
        pupil.support_level,
        pupil.tier
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every level and tier of a period in which the place has pupils. By grade band for the region only: a municipality's
-- cells would be too small.
cell as (
    select
        place.period_type,
        place.period_start,
        place.period_end,
        place.municipality,
        band.grade_band,
        level.support_level,
        tier.tier,
        case when place.municipalities is not null then coalesce(counted.pupils, 0) end as pupils,
        {{ regime_of_level('place.period_end', 'level') }} as regime,
        level.comparability,
        case
            when not {{ is_in_regime('place.period_end', 'level') }} then 'not_in_regime'
            when place.municipalities is null then 'below_coverage'
        end as null_reason,
        place.as_of,
        place.municipalities
    from place
    inner join band
        on place.municipality = 'region' or band.grade_band = 'all'
    cross join {{ ref('support_level') }} as level
    cross join {{ ref('attendance_tier') }} as tier
    left join counted
        on
            place.period_type = counted.period_type
            and place.period_end = counted.period_end
            and place.municipality = counted.municipality
            and band.grade_band = counted.grade_band
            and level.support_level = counted.support_level
            and tier.tier = counted.tier
),

filled as (
    select
        cell.*,
        sum(cell.pupils) over (
            partition by cell.period_type, cell.period_end, cell.municipality, cell.grade_band, cell.support_level
        ) as population
    from cell
)

select
    filled.period_type,
    filled.period_start,
    filled.period_end,
    filled.municipality,
    filled.grade_band,
    filled.support_level,
    filled.tier,
    cast(case when filled.null_reason is null then filled.pupils end as bigint) as pupils,
    cast(case when filled.null_reason is null then filled.population end as bigint) as population,
    case
        when filled.null_reason is null and filled.population > 0
            then filled.pupils / cast(filled.population as numeric)
    end as share,
    filled.regime,
    filled.comparability,
    filled.null_reason,
    filled.as_of,
    filled.municipalities
from filled
