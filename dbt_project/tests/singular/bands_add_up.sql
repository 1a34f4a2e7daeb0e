-- Tests that in every mart the row of all grades is the sum of the grade bands.
-- Matters for readers who add rows up, and for disclosure control, which relies on it.
-- To resolve: a pupil without a grade, or with two, has come into the population of the mart named here.
with counted as (
    select
        'attendance_monthly' as mart,
        concat_ws('/', attendance.month, attendance.municipality, attendance.absence_class) as place,
        attendance.grade_band,
        attendance.pupils,
        attendance.scheduled_lessons as lessons
    from {{ ref('attendance_monthly') }} as attendance
    union all
    select
        'attendance_tiers' as mart,
        concat_ws('/', tiers.period_type, tiers.period_end, tiers.municipality, tiers.tier) as place,
        tiers.grade_band,
        tiers.pupils,
        0 as lessons
    from {{ ref('attendance_tiers') }} as tiers
    union all
    select
        'support_levels' as mart,
        concat_ws('/', levels.count_day, levels.municipality, levels.support_level) as place,
        levels.grade_band,
        levels.pupils,
        0 as lessons
    from {{ ref('support_levels') }} as levels
)

select
    counted.mart,
    counted.place
from counted
group by counted.mart, counted.place
having
    sum(case when counted.grade_band = 'all' then counted.pupils else -counted.pupils end) <> 0
    or sum(case when counted.grade_band = 'all' then counted.lessons else -counted.lessons end) <> 0
