with counted as (
    select
        pupil.period_type,
        pupil.period_end,
        pupil.municipality,
        band.grade_band,
        pupil.support_level,
        pupil.tier,
        sum(pupil.pupils) as pupils
    from {{ ref('pupil_period_count') }} as pupil
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by
        pupil.period_type,
        pupil.period_end,
        pupil.municipality,
        band.grade_band,
        pupil.support_level,
        pupil.tier
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band, level and tier of a period in which the municipality has pupils.
municipality_row as (
    select
        place.period_type,
        place.period_start,
        place.period_end,
        place.municipality,
        place.is_in_region,
        place.as_of,
        band.grade_band,
        level.support_level,
        tier.tier,
        coalesce(counted.pupils, 0) as pupils
    from {{ ref('municipality_period') }} as place
    cross join band
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
    where place.pupils > 0
),

-- Tier and level by grade band for the region only: a municipality's cells would be too small.
every_row as (
    select
        municipality_row.period_type,
        municipality_row.period_start,
        municipality_row.period_end,
        municipality_row.municipality,
        municipality_row.grade_band,
        municipality_row.support_level,
        municipality_row.tier,
        municipality_row.pupils,
        municipality_row.as_of,
        municipality_row.municipality as municipalities
    from municipality_row
    where municipality_row.grade_band = 'all'
    union all
    select
        municipality_row.period_type,
        municipality_row.period_start,
        municipality_row.period_end,
        'region' as municipality,
        municipality_row.grade_band,
        municipality_row.support_level,
        municipality_row.tier,
        -- Null, not nought, where no municipality is in the figure.
        sum(municipality_row.pupils) filter (where municipality_row.is_in_region) as pupils,
        min(municipality_row.as_of) filter (where municipality_row.is_in_region) as as_of,
        {{ dbt.listagg(
            'case when municipality_row.is_in_region then municipality_row.municipality end',
            "','",
            'order by municipality_row.municipality'
        ) }} as municipalities
    from municipality_row
    group by
        municipality_row.period_type,
        municipality_row.period_start,
        municipality_row.period_end,
        municipality_row.grade_band,
        municipality_row.support_level,
        municipality_row.tier
),

filled as (
    select
        every_row.*,
        {{ regime_of_level('every_row.period_end', 'level') }} as regime,
        level.comparability,
        case
            when not {{ is_in_regime('every_row.period_end', 'level') }} then 'not_in_regime'
            when every_row.municipalities is null then 'below_coverage'
        end as null_reason,
        sum(every_row.pupils) over (
            partition by
                every_row.period_type,
                every_row.period_end,
                every_row.municipality,
                every_row.grade_band,
                every_row.support_level
        ) as population
    from every_row
    inner join {{ ref('support_level') }} as level
        on every_row.support_level = level.support_level
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
