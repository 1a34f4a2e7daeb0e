{{ config(materialized="view") }}

-- What the disclosure control asks of tiers by level and band, which are shown for the region only: each municipality's
-- part, which that one knows.
select
    pupil.municipality,
    pupil.period_type,
    pupil.period_end,
    band.grade_band,
    pupil.support_level,
    pupil.tier,
    sum(pupil.pupils) as pupils
from {{ ref('pupil_period_count') }} as pupil
inner join {{ ref('grade_band') }} as band
    on
        pupil.grade = band.grade
        and band.grade_band <> 'all'
group by
    pupil.municipality, pupil.period_type, pupil.period_end, band.grade_band, pupil.support_level, pupil.tier
