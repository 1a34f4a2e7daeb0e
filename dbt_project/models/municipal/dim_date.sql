with school_year as (
    select delivery.school_year
    from {{ ref('stg_delivery') }} as delivery
    union all
    select {{ school_year_of('tonight.night') }} as school_year
    from {{ ref('stg_night') }} as tonight
),

bound as (
    select
        {{ school_year_start('min(school_year.school_year)') }} as first_day,
        {{ school_year_end('max(school_year.school_year)') }} as last_day
    from school_year
),

calendar_day as (
    select
        cast(each.day as date) as date_key,
        {{ school_year_of('each.day') }} as school_year_start,
        cast(extract(month from each.day) as integer) as month_number,
        cast(extract(isodow from each.day) as integer) as weekday
    from bound
    cross join lateral {{ each_day('bound.first_day', 'bound.last_day') }} as each (day)
),

month_label as (
    select
        label.month_number,
        label.month_label_fi,
        label.month_label_en
    from (
        values
        (1, 'tammikuu', 'January'),
        (2, 'helmikuu', 'February'),
        (3, 'maaliskuu', 'March'),
        (4, 'huhtikuu', 'April'),
        (5, 'toukokuu', 'May'),
        (6, 'kesäkuu', 'June'),
        (7, 'heinäkuu', 'July'),
        (8, 'elokuu', 'August'),
        (9, 'syyskuu', 'September'),
        (10, 'lokakuu', 'October'),
        (11, 'marraskuu', 'November'),
        (12, 'joulukuu', 'December')
    ) as label (month_number, month_label_fi, month_label_en)
),

weekday_label as (
    select
        label.weekday,
        label.weekday_label_fi,
        label.weekday_label_en
    from (
        values
        (1, 'maanantai', 'Monday'),
        (2, 'tiistai', 'Tuesday'),
        (3, 'keskiviikko', 'Wednesday'),
        (4, 'torstai', 'Thursday'),
        (5, 'perjantai', 'Friday'),
        (6, 'lauantai', 'Saturday'),
        (7, 'sunnuntai', 'Sunday')
    ) as label (weekday, weekday_label_fi, weekday_label_en)
)

select
    calendar_day.date_key,
    calendar_day.school_year_start,
    calendar_day.school_year_start || '–' || calendar_day.school_year_start + 1 as school_year,
    case when calendar_day.month_number >= 8 then 'syksy' else 'kevät' end as term,
    case when calendar_day.month_number >= 8 then 'Syyslukukausi' else 'Kevätlukukausi' end as term_label_fi,
    case when calendar_day.month_number >= 8 then 'Autumn term' else 'Spring term' end as term_label_en,
    {{ month_of('calendar_day.date_key') }} as month,
    calendar_day.month_number,
    month_label.month_label_fi,
    month_label.month_label_en,
    cast(extract(isoyear from calendar_day.date_key) as integer) as iso_year,
    cast(extract(week from calendar_day.date_key) as integer) as iso_week,
    {{ days_after('calendar_day.date_key', '(7 - calendar_day.weekday)') }} as week_end,
    calendar_day.weekday,
    weekday_label.weekday_label_fi,
    weekday_label.weekday_label_en,
    calendar_day.date_key = {{ month_end_of('calendar_day.date_key') }}
    or to_char(calendar_day.date_key, 'MM-DD') in (
        {{ definition('count_day_september', 'text') }}, {{ definition('count_day_january', 'text') }}
    ) as is_count_day,
    calendar_day.date_key = {{ month_end_of('calendar_day.date_key') }} as is_month_end
from calendar_day
inner join month_label
    on calendar_day.month_number = month_label.month_number
inner join weekday_label
    on calendar_day.weekday = weekday_label.weekday
