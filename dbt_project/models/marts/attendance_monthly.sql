with lesson_sum as (
    select
        pupil.month,
        pupil.municipality,
        band.grade_band,
        sum(pupil.pupils) as pupils,
        sum(pupil.scheduled_lessons) as scheduled_lessons,
        sum(pupil.covered_lessons) as covered_lessons
    from {{ ref('pupil_month_count') }} as pupil
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by pupil.month, pupil.municipality, band.grade_band
),

each_class as (
    select
        class.month,
        class.municipality,
        class.grade,
        class.absence_class,
        class.pupils_with_absence,
        class.absent_lessons
    from {{ ref('pupil_class_count') }} as class
    union all
    select
        pupil.month,
        pupil.municipality,
        pupil.grade,
        'all' as absence_class,
        pupil.pupils_with_absence,
        pupil.absent_lessons
    from {{ ref('pupil_month_count') }} as pupil
),

class_sum as (
    select
        each_class.month,
        each_class.municipality,
        band.grade_band,
        each_class.absence_class,
        sum(each_class.pupils_with_absence) as pupils_with_absence,
        sum(each_class.absent_lessons) as absent_lessons
    from each_class
    inner join {{ ref('grade_band') }} as band
        on each_class.grade = band.grade
    group by each_class.month, each_class.municipality, band.grade_band, each_class.absence_class
),

shown_class as (
    select class.absence_class
    from {{ ref('absence_class') }} as class
    where class.is_absence
    union all
    select 'all' as absence_class
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and class of a month in which the municipality has pupils, so that what is missing shows.
grid as (
    select
        place.period_start as month,
        place.municipality,
        band.grade_band,
        shown_class.absence_class,
        place.is_in_region as is_covered_enough,
        place.as_of,
        shown_class.absence_class = 'all'
        or {{ includes('municipality.absence_classes', 'shown_class.absence_class') }} as is_collected
    from {{ ref('municipality_period') }} as place
    inner join {{ source('reference', 'municipality') }} as municipality
        on place.municipality = municipality.municipality
    cross join band
    cross join shown_class
    where place.period_type = 'month' and place.pupils > 0
),

municipality_row as (
    select
        grid.month,
        grid.municipality,
        grid.grade_band,
        grid.absence_class,
        coalesce(lesson_sum.pupils, 0) as pupils,
        coalesce(class_sum.pupils_with_absence, 0) as pupils_with_absence,
        coalesce(lesson_sum.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(lesson_sum.covered_lessons, 0) as covered_lessons,
        coalesce(class_sum.absent_lessons, 0) as absent_lessons,
        grid.is_collected,
        grid.is_covered_enough,
        grid.is_collected and grid.is_covered_enough as is_in_region,
        grid.as_of
    from grid
    left join lesson_sum
        on
            grid.month = lesson_sum.month
            and grid.municipality = lesson_sum.municipality
            and grid.grade_band = lesson_sum.grade_band
    left join class_sum
        on
            grid.month = class_sum.month
            and grid.municipality = class_sum.municipality
            and grid.grade_band = class_sum.grade_band
            and grid.absence_class = class_sum.absence_class
),

region_row as (
    select
        municipality_row.month,
        'region' as municipality,
        municipality_row.grade_band,
        municipality_row.absence_class,
        -- Null, not nought, where no municipality is in the figure.
        sum(municipality_row.pupils) filter (where municipality_row.is_in_region) as pupils,
        sum(municipality_row.pupils_with_absence) filter (where municipality_row.is_in_region) as pupils_with_absence,
        sum(municipality_row.scheduled_lessons) filter (where municipality_row.is_in_region) as scheduled_lessons,
        sum(municipality_row.covered_lessons) filter (where municipality_row.is_in_region) as covered_lessons,
        sum(municipality_row.absent_lessons) filter (where municipality_row.is_in_region) as absent_lessons,
        max(case when municipality_row.is_covered_enough then 1 else 0 end) = 1 as is_covered_enough,
        min(municipality_row.as_of) filter (where municipality_row.is_in_region) as as_of,
        {{ dbt.listagg(
            'case when municipality_row.is_in_region then municipality_row.municipality end',
            "','",
            'order by municipality_row.municipality'
        ) }} as municipalities
    from municipality_row
    group by municipality_row.month, municipality_row.grade_band, municipality_row.absence_class
),

every_row as (
    select
        municipality_row.month,
        municipality_row.municipality,
        municipality_row.grade_band,
        municipality_row.absence_class,
        municipality_row.pupils,
        municipality_row.pupils_with_absence,
        municipality_row.scheduled_lessons,
        municipality_row.covered_lessons,
        municipality_row.absent_lessons,
        case
            when not municipality_row.is_collected then 'not_collected'
            when municipality_row.scheduled_lessons = 0 then 'nothing_scheduled'
            when municipality_row.covered_lessons = 0 then 'not_reported'
        end as null_reason,
        municipality_row.as_of,
        municipality_row.municipality as municipalities
    from municipality_row
    union all
    select
        region_row.month,
        region_row.municipality,
        region_row.grade_band,
        region_row.absence_class,
        region_row.pupils,
        region_row.pupils_with_absence,
        region_row.scheduled_lessons,
        region_row.covered_lessons,
        region_row.absent_lessons,
        case
            when not region_row.is_covered_enough then 'below_coverage'
            when region_row.municipalities is null then 'not_collected'
            when region_row.scheduled_lessons = 0 then 'nothing_scheduled'
            when region_row.covered_lessons = 0 then 'not_reported'
        end as null_reason,
        region_row.as_of,
        region_row.municipalities
    from region_row
)

select
    every_row.month,
    every_row.municipality,
    every_row.grade_band,
    every_row.absence_class,
    cast(every_row.pupils as bigint) as pupils,
    cast(
        case when every_row.null_reason is null then every_row.pupils_with_absence end as bigint
    ) as pupils_with_absence,
    every_row.scheduled_lessons,
    every_row.covered_lessons,
    case
        when every_row.scheduled_lessons > 0 then every_row.covered_lessons / every_row.scheduled_lessons
    end as coverage,
    case when every_row.null_reason is null then every_row.absent_lessons end as absent_lessons,
    case
        when every_row.null_reason is null then every_row.absent_lessons / every_row.covered_lessons
    end as absence_rate,
    every_row.null_reason,
    every_row.as_of,
    every_row.municipalities
from every_row
