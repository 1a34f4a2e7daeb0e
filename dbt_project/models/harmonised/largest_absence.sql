{{ config(materialized="view") }}

-- What the disclosure control asks of a lesson sum: whether one pupil holds most of it. A view, since a release asks it
-- of the months only that it shows anew; nothing is materialised in it, so that only their rows are read.
with counted as not materialized (
    select
        pupil_month.person_key,
        pupil_month.school_year,
        pupil_month.month,
        pupil_month.municipality,
        pupil_month.counted_grade as grade,
        pupil_month.absent_lessons
    from {{ ref('pupil_month') }} as pupil_month
    inner join {{ ref('period') }} as period
        on
            pupil_month.month = period.period_start
            and period.period_type = 'month'
            and period.is_shared
    where pupil_month.is_population
),

pupil_class as not materialized (
    select
        counted.person_key,
        counted.school_year,
        counted.month,
        counted.municipality,
        counted.grade,
        absence.absence_class,
        absence.lessons
    from counted
    inner join {{ ref('pupil_month_absence') }} as absence
        on
            counted.person_key = absence.person_key
            and counted.municipality = absence.municipality
            and counted.month = absence.month
    where absence.absence_class is not null
    union all
    select
        counted.person_key,
        counted.school_year,
        counted.month,
        counted.municipality,
        counted.grade,
        'all' as absence_class,
        counted.absent_lessons as lessons
    from counted
    where counted.absent_lessons > 0
),

-- By grade first, so that few rows meet the bands.
grade_class as not materialized (
    select
        pupil_class.month,
        pupil_class.municipality,
        pupil_class.grade,
        pupil_class.absence_class,
        max(pupil_class.lessons) as lessons
    from pupil_class
    group by pupil_class.month, pupil_class.municipality, pupil_class.grade, pupil_class.absence_class
),

-- Of the region all of a pupil's lessons, also of a municipality that is not in its figure: too many, not too few. Only
-- who was in two municipalities has any elsewhere.
mover_class as not materialized (
    select
        pupil_class.month,
        pupil_class.grade,
        pupil_class.absence_class,
        sum(pupil_class.lessons) as lessons
    from {{ ref('mover') }} as mover
    inner join pupil_class
        on
            mover.person_key = pupil_class.person_key
            and mover.school_year = pupil_class.school_year
    group by pupil_class.person_key, pupil_class.month, pupil_class.grade, pupil_class.absence_class
),

movers_most as not materialized (
    select
        mover_class.month,
        mover_class.grade,
        mover_class.absence_class,
        max(mover_class.lessons) as lessons
    from mover_class
    group by mover_class.month, mover_class.grade, mover_class.absence_class
),

grade_most as not materialized (
    select
        grade_class.*,
        movers_most.lessons as mover_lessons
    from grade_class
    left join movers_most
        on
            grade_class.month = movers_most.month
            and grade_class.grade = movers_most.grade
            and grade_class.absence_class = movers_most.absence_class
)

select
    grade_most.month,
    coalesce(grade_most.municipality, 'region') as municipality,
    band.grade_band,
    grade_most.absence_class,
    case
        when grade_most.municipality is null then greatest(max(grade_most.lessons), max(grade_most.mover_lessons))
        else max(grade_most.lessons)
    end as lessons
from grade_most
inner join {{ ref('grade_band') }} as band
    on grade_most.grade = band.grade
group by
    grouping sets (
        (grade_most.month, grade_most.municipality, band.grade_band, grade_most.absence_class),
        (grade_most.month, band.grade_band, grade_most.absence_class)
    )
