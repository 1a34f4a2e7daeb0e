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

place as (
    select distinct
        grid.period_type,
        grid.period_start,
        grid.period_end,
        grid.municipality
    from grid
),

-- The latest of the deliveries that decide a day of the period; months of a monthly source are no days of 12 weeks.
municipality_as_of as (
    select
        place.period_type,
        place.period_start,
        place.period_end,
        place.municipality,
        max(covered.as_of) as as_of
    from place
    inner join {{ ref('covered_as_of') }} as covered
        on
            place.municipality = covered.municipality
            and place.period_start <= covered.first_day
            and place.period_end >= covered.last_day
            and (covered.is_daily or place.period_type <> 'last_12_weeks')
    group by place.period_type, place.period_start, place.period_end, place.municipality
),

as_of as (
    select
        decided.period_type,
        decided.period_start,
        decided.period_end,
        coalesce(decided.municipality, 'region') as municipality,
        min(decided.as_of) as as_of
    from municipality_as_of as decided
    group by
        grouping sets (
            (decided.period_type, decided.period_start, decided.period_end, decided.municipality),
            (decided.period_type, decided.period_start, decided.period_end)
        )
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
    as_of.as_of
from filled
left join as_of
    on
        filled.period_type = as_of.period_type
        and filled.period_start = as_of.period_start
        and filled.period_end = as_of.period_end
        and filled.municipality = as_of.municipality
