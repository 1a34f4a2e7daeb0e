{{ config(materialized="view") }}

-- What the disclosure control asks of a lesson sum: whether one pupil holds most of it. Of a municipality the counts
-- know that; lessons without a class are in all absence only. A view, since a release reads it of a few months only.
with grade_class as (
    select
        class.month,
        class.municipality,
        class.grade,
        class.absence_class,
        class.largest_absent_lessons as lessons
    from {{ ref('pupil_class_count') }} as class
    where class.absence_class is not null
    union all
    select
        pupil.month,
        pupil.municipality,
        pupil.grade,
        'all' as absence_class,
        max(pupil.largest_absent_lessons) as lessons
    from {{ ref('pupil_month_count') }} as pupil
    where pupil.pupils_with_absence > 0
    group by pupil.month, pupil.municipality, pupil.grade
),

mover_month as (
    select
        pupil_month.person_key,
        pupil_month.month,
        pupil_month.municipality,
        pupil_month.counted_grade as grade,
        pupil_month.absent_lessons
    from {{ ref('mover') }} as mover
    inner join {{ ref('pupil_month') }} as pupil_month
        on
            mover.person_key = pupil_month.person_key
            and mover.school_year = pupil_month.school_year
    where pupil_month.is_population
),

-- Of the region all of a pupil's lessons, also of a municipality that is not in its figure: too many, not too few. Only
-- who was in two municipalities has any elsewhere.
mover_class as (
    select
        mover_month.month,
        mover_month.grade,
        absence.absence_class,
        sum(absence.lessons) as lessons
    from mover_month
    inner join {{ ref('pupil_month_absence') }} as absence
        on
            mover_month.person_key = absence.person_key
            and mover_month.municipality = absence.municipality
            and mover_month.month = absence.month
    group by mover_month.person_key, mover_month.month, mover_month.grade, absence.absence_class
    union all
    select
        mover_month.month,
        mover_month.grade,
        'all' as absence_class,
        sum(mover_month.absent_lessons) as lessons
    from mover_month
    group by mover_month.person_key, mover_month.month, mover_month.grade
),

movers_most as (
    select
        mover_class.month,
        mover_class.grade,
        mover_class.absence_class,
        max(mover_class.lessons) as lessons
    from mover_class
    group by mover_class.month, mover_class.grade, mover_class.absence_class
),

grade_most as (
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
