{{ config(materialized="view") }}

-- What the disclosure control asks of a lesson sum: whether one pupil holds most of it. A view, since a release asks it
-- of the months only that it shows anew; nothing is materialised in it, so that only their rows are read.
with pupil_class as not materialized (
    select
        absence.month,
        absence.municipality,
        absence.person_key,
        absence.absence_class,
        absence.lessons
    from {{ ref('pupil_month_absence') }} as absence
    where absence.absence_class is not null
    union all
    select
        pupil_month.month,
        pupil_month.municipality,
        pupil_month.person_key,
        'all' as absence_class,
        pupil_month.absent_lessons as lessons
    from {{ ref('pupil_month') }} as pupil_month
    where pupil_month.absent_lessons > 0
),

counted as not materialized (
    select
        pupil_class.month,
        pupil_class.municipality,
        band.grade_band,
        pupil_class.absence_class,
        pupil_class.person_key,
        pupil_class.lessons
    from pupil_class
    inner join {{ ref('pupil_month') }} as pupil_month
        on
            pupil_class.person_key = pupil_month.person_key
            and pupil_class.municipality = pupil_month.municipality
            and pupil_class.month = pupil_month.month
    inner join {{ ref('period') }} as period
        on
            pupil_month.month = period.period_start
            and period.period_type = 'month'
            and period.is_shared
    inner join {{ ref('grade_band') }} as band
        on pupil_month.counted_grade = band.grade
    where pupil_month.is_population
),

-- Of the region all of a pupil's lessons, also of a municipality that is not in its figure: too many, not too few.
region_pupil as (
    select
        counted.month,
        'region' as municipality,
        counted.grade_band,
        counted.absence_class,
        counted.person_key,
        sum(counted.lessons) as lessons
    from counted
    group by counted.month, counted.grade_band, counted.absence_class, counted.person_key
)

select
    counted.month,
    counted.municipality,
    counted.grade_band,
    counted.absence_class,
    max(counted.lessons) as lessons
from counted
group by counted.month, counted.municipality, counted.grade_band, counted.absence_class
union all
select
    region_pupil.month,
    region_pupil.municipality,
    region_pupil.grade_band,
    region_pupil.absence_class,
    max(region_pupil.lessons) as lessons
from region_pupil
group by region_pupil.month, region_pupil.municipality, region_pupil.grade_band, region_pupil.absence_class
