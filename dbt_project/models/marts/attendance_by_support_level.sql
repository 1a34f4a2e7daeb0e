with summed as (
    select
        pupil.month,
        pupil.municipality,
        band.grade_band,
        pupil.support_level,
        sum(pupil.pupils) as pupils,
        sum(pupil.scheduled_lessons) as scheduled_lessons,
        sum(pupil.covered_lessons) as covered_lessons,
        sum(pupil.absent_lessons) as absent_lessons
    from {{ ref('pupil_month_count') }} as pupil
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by pupil.month, pupil.municipality, band.grade_band, pupil.support_level
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and level of a month in which the municipality has pupils.
municipality_row as (
    select
        place.period_start as month,
        place.period_end,
        place.municipality,
        place.is_in_region,
        place.as_of,
        band.grade_band,
        level.support_level,
        coalesce(summed.pupils, 0) as pupils,
        coalesce(summed.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(summed.covered_lessons, 0) as covered_lessons,
        coalesce(summed.absent_lessons, 0) as absent_lessons
    from {{ ref('municipality_period') }} as place
    cross join band
    cross join {{ ref('support_level') }} as level
    left join summed
        on
            place.period_start = summed.month
            and place.municipality = summed.municipality
            and band.grade_band = summed.grade_band
            and level.support_level = summed.support_level
    where place.period_type = 'month' and place.pupils > 0
),

every_row as (
    select
        municipality_row.month,
        municipality_row.period_end,
        municipality_row.municipality,
        municipality_row.grade_band,
        municipality_row.support_level,
        municipality_row.pupils,
        municipality_row.scheduled_lessons,
        municipality_row.covered_lessons,
        municipality_row.absent_lessons,
        municipality_row.as_of,
        municipality_row.municipality as municipalities
    from municipality_row
    union all
    select
        municipality_row.month,
        municipality_row.period_end,
        'region' as municipality,
        municipality_row.grade_band,
        municipality_row.support_level,
        sum(municipality_row.pupils) filter (where municipality_row.is_in_region) as pupils,
        sum(municipality_row.scheduled_lessons) filter (where municipality_row.is_in_region) as scheduled_lessons,
        sum(municipality_row.covered_lessons) filter (where municipality_row.is_in_region) as covered_lessons,
        sum(municipality_row.absent_lessons) filter (where municipality_row.is_in_region) as absent_lessons,
        min(municipality_row.as_of) filter (where municipality_row.is_in_region) as as_of,
        {{ dbt.listagg(
            'case when municipality_row.is_in_region then municipality_row.municipality end',
            "','",
            'order by municipality_row.municipality'
        ) }} as municipalities
    from municipality_row
    group by
        municipality_row.month,
        municipality_row.period_end,
        municipality_row.grade_band,
        municipality_row.support_level
),

reasoned as (
    select
        every_row.*,
        {{ regime_of_level('every_row.period_end', 'level') }} as regime,
        level.comparability,
        {{ is_in_regime('every_row.period_end', 'level') }} as is_in_regime,
        case
            when not {{ is_in_regime('every_row.period_end', 'level') }} then 'not_in_regime'
            when every_row.municipalities is null then 'below_coverage'
            when every_row.scheduled_lessons = 0 then 'nothing_scheduled'
            when every_row.covered_lessons = 0 then 'not_reported'
        end as null_reason
    from every_row
    inner join {{ ref('support_level') }} as level
        on every_row.support_level = level.support_level
)

select
    reasoned.month,
    reasoned.municipality,
    reasoned.grade_band,
    reasoned.support_level,
    cast(case when reasoned.is_in_regime then reasoned.pupils end as bigint) as pupils,
    case when reasoned.is_in_regime then reasoned.scheduled_lessons end as scheduled_lessons,
    case when reasoned.is_in_regime then reasoned.covered_lessons end as covered_lessons,
    case
        when reasoned.is_in_regime and reasoned.scheduled_lessons > 0
            then reasoned.covered_lessons / reasoned.scheduled_lessons
    end as coverage,
    case when reasoned.null_reason is null then reasoned.absent_lessons end as absent_lessons,
    case
        when reasoned.null_reason is null then reasoned.absent_lessons / reasoned.covered_lessons
    end as absence_rate,
    reasoned.regime,
    reasoned.comparability,
    reasoned.null_reason,
    reasoned.as_of,
    reasoned.municipalities
from reasoned
