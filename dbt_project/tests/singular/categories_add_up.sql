-- Tests that tiers with "none", and levels with "unknown", add up to the population, and that the region is the sum of
-- its municipalities.
-- Matters for every share: a pupil left out would make the others' shares too large.
-- To resolve: look for a pupil whose tier or level is not in the seed that the mart's grid is made of.
with counted as (
    select
        concat_ws('/', 'attendance_tiers', tiers.period_type, tiers.period_end, tiers.grade_band) as place,
        tiers.municipality,
        tiers.tier as category,
        tiers.pupils,
        tiers.population
    from {{ ref('attendance_tiers') }} as tiers
    union all
    select
        concat_ws('/', 'support_levels', levels.count_day, levels.grade_band) as place,
        levels.municipality,
        levels.support_level as category,
        levels.pupils,
        levels.population
    from {{ ref('support_levels') }} as levels
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
group by counted.place, counted.category
having sum(case when counted.municipality = 'region' then counted.pupils else -counted.pupils end) <> 0
