-- Tests that tiers with "none", levels with "unknown", homes, places and sizes add up to the population, and that the
-- region is the sum of the municipalities in its figure.
-- Matters for every share: a pupil left out would make the others' shares too large.
-- To resolve: look for a pupil whose category is not in the seed that the mart's grid is made of, or for a municipality
-- that has no row in municipality_period.
with attended as (
    select
        concat_ws('/', 'attendance_tiers', tiers.period_type, tiers.period_end, tiers.grade_band) as place,
        tiers.period_type,
        tiers.period_end,
        tiers.municipality,
        tiers.tier as category,
        tiers.pupils,
        tiers.population
    from {{ ref('attendance_tiers') }} as tiers
    union all
    select
        concat_ws('/', 'tiers_by_support_level', tiers.period_type, tiers.period_end, tiers.support_level) as place,
        tiers.period_type,
        tiers.period_end,
        tiers.municipality,
        tiers.tier as category,
        tiers.pupils,
        tiers.population
    from {{ ref('tiers_by_support_level') }} as tiers
    where tiers.grade_band = 'all'
    union all
    select
        concat_ws('/', 'attendance_by_support_level', attendance.month, attendance.grade_band) as place,
        'month' as period_type,
        {{ last_day_of_month('attendance.month') }} as period_end,
        attendance.municipality,
        attendance.support_level as category,
        attendance.pupils,
        null as population
    from {{ ref('attendance_by_support_level') }} as attendance
    union all
    select
        concat_ws('/', 'attendance_monthly', attendance.month, attendance.grade_band) as place,
        'month' as period_type,
        {{ last_day_of_month('attendance.month') }} as period_end,
        attendance.municipality,
        attendance.absence_class as category,
        -- A municipality that does not collect the class is not in the figure.
        case when attendance.null_reason = 'not_collected' then 0 else attendance.pupils end as pupils,
        null as population
    from {{ ref('attendance_monthly') }} as attendance
),

counted as (
    select
        attended.place,
        attended.municipality,
        attended.category,
        attended.pupils,
        attended.population,
        coalesce(place.is_in_region, true) as is_in_region
    from attended
    left join {{ ref('municipality_period') }} as place
        on
            attended.period_type = place.period_type
            and attended.period_end = place.period_end
            and attended.municipality = place.municipality
    union all
    select
        concat_ws('/', 'support_levels', levels.count_day, levels.grade_band) as place,
        levels.municipality,
        levels.support_level as category,
        levels.pupils,
        levels.population,
        true as is_in_region
    from {{ ref('support_levels') }} as levels
    union all
    select
        concat_ws('/', 'home_and_teaching', homes.count_day, homes.grade_band) as place,
        homes.municipality,
        homes.home_municipality as category,
        homes.pupils,
        homes.population,
        true as is_in_region
    from {{ ref('home_and_teaching') }} as homes
    union all
    select
        concat_ws('/', 'transition_to_grade_7', moved.school_year, moved.moment, moved.measure) as place,
        moved.municipality,
        moved.category,
        moved.pupils,
        moved.population,
        true as is_in_region
    from {{ ref('transition_to_grade_7') }} as moved
    union all
    select
        concat_ws('/', 'inclusion', inclusion.count_day, inclusion.regime, inclusion.grade_band) as place,
        inclusion.municipality,
        inclusion.place as category,
        inclusion.pupils,
        inclusion.population,
        true as is_in_region
    from {{ ref('inclusion') }} as inclusion
    union all
    select
        concat_ws('/', 'group_sizes', sizes.count_day, sizes.grade_band) as place,
        sizes.municipality,
        sizes.group_size as category,
        sizes.pupils,
        sizes.population,
        true as is_in_region
    from {{ ref('group_sizes') }} as sizes
)

select
    counted.place,
    counted.municipality as part
from counted
group by counted.place, counted.municipality
having sum(counted.pupils) <> max(counted.population)
union all
select
    counted.place,
    counted.category as part
from counted
where counted.is_in_region
group by counted.place, counted.category
having sum(case when counted.municipality = 'region' then counted.pupils else -counted.pupils end) <> 0
