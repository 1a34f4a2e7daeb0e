with member as (
    {{ places_and_members() }}
),

place as (
    {{ shown_places('member') }}
),

counted as (
    select
        member.period_type,
        member.period_end,
        member.municipality,
        band.grade_band,
        pupil.tier,
        sum(pupil.pupils) as pupils
    from member
    inner join {{ ref('pupil_period_count') }} as pupil
        on
            member.period_type = pupil.period_type
            and member.period_end = pupil.period_end
            and member.member = pupil.municipality
    inner join {{ ref('grade_band') }} as band
        on pupil.grade = band.grade
    group by member.period_type, member.period_end, member.municipality, band.grade_band, pupil.tier
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and tier of a period in which the place has pupils.
cell as (
    select
        place.period_type,
        place.period_start,
        place.period_end,
        place.municipality,
        band.grade_band,
        tier.tier,
        case when place.municipalities is not null then coalesce(counted.pupils, 0) end as pupils,
        place.as_of,
        place.municipalities
    from place
    cross join band
    cross join {{ ref('attendance_tier') }} as tier
    left join counted
        on
            place.period_type = counted.period_type
            and place.period_end = counted.period_end
            and place.municipality = counted.municipality
            and band.grade_band = counted.grade_band
            and tier.tier = counted.tier
),

filled as (
    select
        cell.*,
        sum(cell.pupils) over (
            partition by cell.period_type, cell.period_end, cell.municipality, cell.grade_band
        ) as population
    from cell
)

select
    filled.period_type,
    filled.period_start,
    filled.period_end,
    filled.municipality,
    filled.grade_band,
    filled.tier,
    cast(filled.pupils as bigint) as pupils,
    cast(filled.population as bigint) as population,
    case when filled.population > 0 then filled.pupils / cast(filled.population as numeric) end as share,
    case when filled.municipalities is null then 'below_coverage' end as null_reason,
    filled.as_of,
    filled.municipalities
from filled
