with member as (
    {{ places_and_members() }}
),

place as (
    {{ shown_places('member') }}
),

summed as (
    select
        pupil.month,
        member.municipality,
        band.grade_band,
        pupil.support_level,
        sum(pupil.pupils) as pupils,
        sum(pupil.scheduled_lessons) as scheduled_lessons,
        sum(pupil.covered_lessons) as covered_lessons,
        sum(pupil.absent_lessons) as absent_lessons
    from member
    inner join {{ ref('pupil_month_count') }} as pupil
        on
            member.period_start = pupil.month
            and member.member = pupil.municipality
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    where member.period_type = 'month'
    group by pupil.month, member.municipality, band.grade_band, pupil.support_level
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and level of a month in which the place has pupils.
cell as (
    select
        place.period_start as month,
        place.municipality,
        band.grade_band,
        level.support_level,
        coalesce(summed.pupils, 0) as pupils,
        coalesce(summed.scheduled_lessons, 0) as scheduled_lessons,
        coalesce(summed.covered_lessons, 0) as covered_lessons,
        coalesce(summed.absent_lessons, 0) as absent_lessons,
        {{ regime_of_level('place.period_end', 'level') }} as regime,
        level.comparability,
        {{ is_in_regime('place.period_end', 'level') }} as is_in_regime,
        place.as_of,
        place.municipalities
    from place
    cross join band
    cross join {{ ref('support_level') }} as level
    left join summed
        on
            place.period_start = summed.month
            and place.municipality = summed.municipality
            and band.grade_band = summed.grade_band
            and level.support_level = summed.support_level
    where place.period_type = 'month'
),

reasoned as (
    select
        cell.*,
        cell.is_in_regime and cell.municipalities is not null as is_shown,
        case
            when not cell.is_in_regime then 'not_in_regime'
            when cell.municipalities is null then 'below_coverage'
            when cell.scheduled_lessons = 0 then 'nothing_scheduled'
            when cell.covered_lessons = 0 then 'not_reported'
        end as null_reason
    from cell
)

select
    reasoned.month,
    reasoned.municipality,
    reasoned.grade_band,
    reasoned.support_level,
    cast(case when reasoned.is_shown then reasoned.pupils end as bigint) as pupils,
    case when reasoned.is_shown then reasoned.scheduled_lessons end as scheduled_lessons,
    case when reasoned.is_shown then reasoned.covered_lessons end as covered_lessons,
    case
        when reasoned.is_shown and reasoned.scheduled_lessons > 0
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
