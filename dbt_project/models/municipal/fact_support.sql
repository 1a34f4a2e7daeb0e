-- How the level of a span was mapped: exactly, if any row that says it is (the later of the two words).
with mapped as (
    select
        day_level.person_key,
        day_level.municipality,
        day_level.school_year,
        day_level.valid_from,
        max(period.mapping) as mapping
    from {{ ref('support_day_level') }} as day_level
    inner join {{ ref('support_claim') }} as claim
        on
            day_level.person_key = claim.person_key
            and day_level.municipality = claim.municipality
            and day_level.school_year = claim.school_year
            and day_level.support_level = claim.support_level
            and day_level.valid_from between claim.valid_from and claim.valid_to
            and claim.effect = 'level'
    inner join {{ ref('support_period') }} as period
        on
            claim.delivery_id = period.delivery_id
            and claim.row_number = period.row_number
    group by day_level.person_key, day_level.municipality, day_level.school_year, day_level.valid_from
)

select
    day_level.municipality,
    pupil.pupil_key,
    day_level.valid_from,
    -- Of days to come nobody can know the level yet.
    least(day_level.valid_to, {{ days_after('tonight.night', -1) }}) as valid_to,
    day_level.support_level,
    cast(day_level.school_year as integer) as school_year_start,
    cast(day_level.regime as integer) as regime,
    level.comparability,
    case when day_level.support_level = 'unknown' then null else coalesce(mapped.mapping, 'exact') end as mapping,
    day_level.reason
from {{ ref('support_day_level') }} as day_level
inner join {{ ref('stg_night') }} as tonight
    on day_level.valid_from < tonight.night
inner join {{ ref('pupil_key') }} as pupil
    on
        day_level.municipality = pupil.municipality
        and day_level.person_key = pupil.person_key
inner join {{ ref('support_level') }} as level
    on day_level.support_level = level.support_level
left join mapped
    on
        day_level.person_key = mapped.person_key
        and day_level.municipality = mapped.municipality
        and day_level.school_year = mapped.school_year
        and day_level.valid_from = mapped.valid_from
