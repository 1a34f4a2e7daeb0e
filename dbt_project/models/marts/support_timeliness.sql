with municipality_month as (
    select
        {{ month_of('covered.week_end') }} as month,
        covered.municipality
    from {{ ref('covered_week') }} as covered
    group by {{ month_of('covered.week_end') }}, covered.municipality
),

-- A horizon is looked at once it has passed for everybody who reached the rate in the month.
cohort as (
    select
        municipality_month.month,
        municipality_month.municipality,
        horizon.horizon,
        {{ days_after(last_day_of_month('municipality_month.month'), 'horizon.horizon') }} as horizon_end
    from municipality_month
    cross join {{ ref('support_horizon') }} as horizon
    cross join {{ ref('stg_night') }} as tonight
    where
        {{ days_after(last_day_of_month('municipality_month.month'), 'horizon.horizon') }} < tonight.night
),

as_of as (
    select
        delivery.municipality,
        delivery.school_year,
        max({{ local_day('delivery.as_of') }}) as as_of
    from {{ ref('stg_delivery') }} as delivery
    where delivery.dataset = 'support'
    group by delivery.municipality, delivery.school_year
),

-- A cohort whose support is told to the end of its horizon, and as of when.
told as (
    select
        cohort.*,
        covered.municipality is not null as is_covered,
        as_of.as_of
    from cohort
    left join {{ ref('support_covered') }} as covered
        on
            cohort.municipality = covered.municipality
            and cohort.horizon_end between covered.covered_from and covered.covered_to
    left join as_of
        on
            cohort.municipality = as_of.municipality
            and {{ school_year_of('cohort.horizon_end') }} = as_of.school_year
),

highest as (
    select max(level.rank) as rank
    from {{ ref('support_level') }} as level
),

pupil as (
    select
        {{ month_of('reach.reach_day') }} as month,
        reach.municipality,
        band.grade_band,
        level.rank is null as is_unknown,
        coalesce(level.rank = highest.rank, false) as is_highest,
        {{ dbt.datediff('reach.reach_day', 'reach.start_day', 'day') }} as days
    from {{ ref('support_reach') }} as reach
    inner join {{ ref('grade_band') }} as band
        on reach.grade = band.grade
    inner join {{ ref('support_level') }} as level
        on reach.support_level = level.support_level
    cross join highest
    where reach.is_population
),

band as (
    select distinct grade_band.grade_band
    from {{ ref('grade_band') }} as grade_band
),

counted as (
    select
        told.month,
        told.municipality,
        band.grade_band,
        told.horizon,
        told.is_covered,
        told.as_of,
        count(pupil.month) filter (where not pupil.is_unknown and not pupil.is_highest) as pupils,
        count(pupil.month) filter (where pupil.is_highest) as pupils_at_highest,
        count(pupil.month) filter (where pupil.is_unknown) as pupils_unknown,
        count(pupil.month) filter (
            where not pupil.is_unknown and not pupil.is_highest and pupil.days <= told.horizon
        ) as started
    from told
    cross join band
    left join pupil
        on
            told.month = pupil.month
            and told.municipality = pupil.municipality
            and band.grade_band = pupil.grade_band
    group by
        told.month, told.municipality, band.grade_band, told.horizon, told.is_covered, told.as_of
),

every_row as (
    select
        counted.month,
        counted.municipality,
        counted.grade_band,
        counted.horizon,
        counted.pupils,
        counted.pupils_at_highest,
        counted.pupils_unknown,
        counted.started,
        counted.is_covered,
        counted.municipality as municipalities,
        counted.as_of
    from counted
    union all
    select
        counted.month,
        'region' as municipality,
        counted.grade_band,
        counted.horizon,
        sum(counted.pupils) as pupils,
        sum(counted.pupils_at_highest) as pupils_at_highest,
        sum(counted.pupils_unknown) as pupils_unknown,
        sum(counted.started) as started,
        min(case when counted.is_covered then 1 else 0 end) = 1 as is_covered,
        {{ dbt.listagg('counted.municipality', "','", 'order by counted.municipality') }} as municipalities,
        min(counted.as_of) as as_of
    from counted
    group by counted.month, counted.grade_band, counted.horizon
)

select
    every_row.month,
    every_row.municipality,
    every_row.grade_band,
    every_row.horizon,
    cast(every_row.pupils as bigint) as pupils,
    cast(every_row.pupils_at_highest as bigint) as pupils_at_highest,
    cast(every_row.pupils_unknown as bigint) as pupils_unknown,
    cast(case when every_row.is_covered then every_row.started end as bigint) as started,
    case
        when every_row.is_covered and every_row.pupils > 0
            then every_row.started / cast(every_row.pupils as numeric)
    end as share_started,
    case when not every_row.is_covered then 'support_not_covered' end as null_reason,
    every_row.as_of,
    every_row.municipalities
from every_row
