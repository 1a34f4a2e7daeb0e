with pupil as (
    select
        place.count_day,
        place.municipality,
        place.school_year,
        enrolment.person_key,
        enrolment.grade,
        day_level.regime
    from {{ ref('municipality_count_day') }} as place
    inner join {{ ref('support_day_level') }} as day_level
        on
            place.municipality = day_level.municipality
            and place.school_year = day_level.school_year
            and place.count_day between day_level.valid_from and day_level.valid_to
    inner join {{ ref('support_level') }} as level
        on
            day_level.support_level = level.support_level
            and level.needs_decision
    inner join {{ ref('enrolment') }} as enrolment
        on
            day_level.person_key = enrolment.person_key
            and day_level.municipality = enrolment.municipality
            and day_level.school_year = enrolment.school_year
            and place.count_day between enrolment.valid_from and enrolment.valid_to
    where enrolment.form is distinct from 'home'
),

-- Where each decision is carried out, in its own regime's terms: the first place that fits its placement or its marks.
decision as (
    select
        period.person_key,
        period.municipality,
        period.school_year,
        period.regime,
        period.valid_from,
        period.valid_to,
        min(place.priority) as priority
    from {{ ref('support_period') }} as period
    inner join {{ ref('support_level') }} as level
        on
            period.support_level = level.support_level
            and level.needs_decision
    left join {{ ref('support_period_mark') }} as mark
        on
            period.delivery_id = mark.delivery_id
            and period.row_number = mark.row_number
    inner join {{ ref('inclusion_place') }} as place
        on
            period.regime = place.regime
            and (
                period.placement = place.placement
                or mark.mark = place.mark
                or (place.placement is null and place.mark is null)
            )
    where period.unknown_rule is null
    group by
        period.person_key,
        period.municipality,
        period.school_year,
        period.regime,
        period.valid_from,
        period.valid_to
),

placed as (
    select
        pupil.count_day,
        pupil.municipality,
        pupil.person_key,
        pupil.grade,
        pupil.regime,
        min(decision.priority) as priority
    from pupil
    left join decision
        on
            pupil.person_key = decision.person_key
            and pupil.municipality = decision.municipality
            and pupil.school_year = decision.school_year
            and pupil.regime = decision.regime
            and pupil.count_day >= decision.valid_from
            and (decision.valid_to is null or pupil.count_day <= decision.valid_to)
    group by pupil.count_day, pupil.municipality, pupil.person_key, pupil.grade, pupil.regime
),

placed_count as (
    select
        placed.count_day,
        placed.municipality,
        placed.grade,
        placed.regime,
        placed.priority,
        count(*) as pupils
    from placed
    group by placed.count_day, placed.municipality, placed.grade, placed.regime, placed.priority
),

-- The last place of each regime is that of which nothing is known.
last_place as (
    select
        place.regime,
        max(place.priority) as priority
    from {{ ref('inclusion_place') }} as place
    group by place.regime
),

known_count as (
    select
        placed_count.count_day,
        placed_count.municipality,
        placed_count.grade,
        placed_count.regime,
        coalesce(placed_count.priority, last_place.priority) as priority,
        placed_count.pupils
    from placed_count
    inner join last_place
        on placed_count.regime = last_place.regime
),

counted as (
    select
        known_count.count_day,
        coalesce(known_count.municipality, 'region') as municipality,
        band.grade_band,
        known_count.regime,
        known_count.priority,
        sum(known_count.pupils) as pupils
    from known_count
    inner join {{ ref('grade_band') }} as band
        on known_count.grade = band.grade
    group by
        grouping sets (
            (
                known_count.count_day, known_count.municipality, band.grade_band, known_count.regime,
                known_count.priority
            ),
            (known_count.count_day, band.grade_band, known_count.regime, known_count.priority)
        )
),

place_day as (
    select
        place.count_day,
        coalesce(place.municipality, 'region') as municipality,
        min(place.support_as_of) as as_of
    from {{ ref('municipality_count_day') }} as place
    group by grouping sets ((place.count_day, place.municipality), (place.count_day))
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

-- Every band and place of a count day on which the municipality has pupils, while the regime has decisions.
filled as (
    select
        place_day.count_day,
        place_day.municipality,
        band.grade_band,
        place.regime,
        place.place,
        place_day.as_of,
        coalesce(counted.pupils, 0) as pupils,
        sum(coalesce(counted.pupils, 0)) over (
            partition by place_day.count_day, place_day.municipality, band.grade_band, place.regime
        ) as population
    from place_day
    cross join band
    inner join {{ ref('inclusion_place') }} as place
        on case
            when place.regime = 2011 then place_day.count_day <= {{ definition('special_ends', 'date') }}
            else place_day.count_day >= {{ definition('regime_2025_starts', 'date') }}
        end
    left join counted
        on
            place_day.count_day = counted.count_day
            and place_day.municipality = counted.municipality
            and band.grade_band = counted.grade_band
            and place.regime = counted.regime
            and place.priority = counted.priority
)

select
    filled.count_day,
    filled.municipality,
    filled.grade_band,
    cast(filled.regime as text) as regime,
    filled.place,
    cast(filled.pupils as bigint) as pupils,
    cast(filled.population as bigint) as population,
    case when filled.population > 0 then filled.pupils / cast(filled.population as numeric) end as share,
    -- Any of them may have a decision of either regime.
    unknown_level.pupils as pupils_unknown,
    filled.as_of
from filled
inner join {{ ref('support_levels') }} as unknown_level
    on
        filled.count_day = unknown_level.count_day
        and filled.municipality = unknown_level.municipality
        and filled.grade_band = unknown_level.grade_band
        and unknown_level.support_level = 'unknown'
