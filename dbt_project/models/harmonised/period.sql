with month as (
    select
        cast(each.month as date) as month,
        least({{ last_day_of_month('each.month') }}, {{ days_after('tonight.night', -1) }}) as last_day,
        {{ days_after(last_day_of_month('each.month'), definition('month_close_days', 'integer')) }}
        <= tonight.night as is_closed
    from {{ ref('stg_night') }} as tonight
    cross join lateral {{
        each_month(
            '(select ' ~ school_year_start('min(delivery.school_year)') ~ ' from ' ~ ref('stg_delivery')
            ~ " as delivery where delivery.dataset = 'enrolment')",
            days_after('tonight.night', -1)
        )
    }} as each (month)
),

week_period as (
    select
        month.month,
        month.is_closed,
        {{ last_sunday_until('month.last_day') }} as last_day
    from month
)

select
    'month' as period_type,
    month.month as period_start,
    month.last_day as period_end,
    month.month,
    month.is_closed as is_shared
from month
union all
select
    'school_year' as period_type,
    {{ school_year_start(school_year_of('month.month')) }} as period_start,
    month.last_day as period_end,
    month.month,
    month.is_closed
    and to_char(month.last_day, 'MM-DD') in (
        {{ definition('term_end_autumn', 'text') }}, {{ definition('term_end_spring', 'text') }}
    ) as is_shared
from month
-- At term ends and, for the running one, up to the day before the night.
where
    to_char(month.last_day, 'MM-DD') in (
        {{ definition('term_end_autumn', 'text') }}, {{ definition('term_end_spring', 'text') }}
    )
    or month.month = (select max(running.month) from month as running)
union all
select
    'last_12_weeks' as period_type,
    greatest(
        {{ days_after('week_period.last_day', '1 - ' ~ definition('week_period_days', 'integer')) }},
        {{ school_year_start(school_year_of('week_period.last_day')) }}
    ) as period_start,
    week_period.last_day as period_end,
    week_period.month,
    week_period.is_closed as is_shared
from week_period
where week_period.last_day >= week_period.month
