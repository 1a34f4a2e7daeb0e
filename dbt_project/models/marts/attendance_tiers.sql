with pupil as (
    select
        tier.period_type,
        tier.period_start,
        tier.period_end,
        tier.municipality,
        band.grade_band,
        coalesce(tier.tier, 'none') as tier
    from {{ ref('pupil_period_tier') }} as tier
    inner join {{ ref('grade_band') }} as band
        on tier.grade = band.grade
    where tier.is_population and tier.is_shared
),

counted as (
    select
        pupil.period_type,
        pupil.period_start,
        pupil.period_end,
        coalesce(pupil.municipality, 'region') as municipality,
        pupil.grade_band,
        pupil.tier,
        count(*) as pupils
    from pupil
    group by
        grouping sets (
            (
                pupil.period_type, pupil.period_start, pupil.period_end, pupil.municipality, pupil.grade_band,
                pupil.tier
            ),
            (pupil.period_type, pupil.period_start, pupil.period_end, pupil.grade_band, pupil.tier)
        )
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and tier of a period in which the municipality has pupils.
grid as (
    select distinct
        counted.period_type,
        counted.period_start,
        counted.period_end,
        counted.municipality,
        band.grade_band,
        tier.tier
    from counted
    cross join band
    cross join {{ ref('attendance_tier') }} as tier
),

as_of as (
    select
        delivery.municipality,
        delivery.school_year,
        max({{ local_day('delivery.as_of') }}) as as_of
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'absence'
    group by delivery.municipality, delivery.school_year
),

filled as (
    select
        grid.*,
        coalesce(counted.pupils, 0) as pupils,
        sum(coalesce(counted.pupils, 0)) over (
            partition by grid.period_type, grid.period_end, grid.municipality, grid.grade_band
        ) as population
    from grid
    left join counted
        on
            grid.period_type = counted.period_type
            and grid.period_start = counted.period_start
            and grid.period_end = counted.period_end
            and grid.municipality = counted.municipality
            and grid.grade_band = counted.grade_band
            and grid.tier = counted.tier
)

select
    filled.period_type,
    filled.period_start,
    filled.period_end,
    filled.municipality,
    filled.grade_band,
    filled.tier,
    cast(filled.pupils as bigint) as pupils,
    cast(filled.population as bigint) as population,
    case when filled.population > 0 then filled.pupils / cast(filled.population as numeric) end as share,
    (
        select min(as_of.as_of)
        from as_of
        where
            as_of.school_year = {{ school_year_of('filled.period_end') }}
            and (filled.municipality = 'region' or as_of.municipality = filled.municipality)
    ) as as_of
from filled
