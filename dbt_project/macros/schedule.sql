{% macro scheduled_lessons_of(spans) -%}
    {#-
        What is scheduled and covered in each of `spans` (municipality, school_number, grade, first_day, last_day; all
        other columns come along): what was up to its last day, less what was up to the day before its first; each span
        looks these two days up. Without a calendar of both everything is null.
    -#}
    select
        {{ spans }}.*,
        calendar.scheduled_lessons,
        calendar.scheduled_days,
        calendar.covered_lessons,
        calendar.covered_days
    from {{ spans }}
    left join lateral (
        select
            sum(until.sign * until.lessons_to) as scheduled_lessons,
            cast(sum(until.sign * until.days_to) as integer) as scheduled_days,
            sum(until.sign * until.covered_lessons_to) as covered_lessons,
            cast(sum(until.sign * until.covered_days_to) as integer) as covered_days
        from (
            select
                calendar_sum.*,
                case when calendar_sum.day = {{ spans }}.last_day then 1 else -1 end as sign
            from {{ ref('calendar_sum') }} as calendar_sum
            where
                calendar_sum.municipality = {{ spans }}.municipality
                and calendar_sum.school_number = {{ spans }}.school_number
                and calendar_sum.grade = {{ spans }}.grade
                and calendar_sum.day in ({{ spans }}.last_day, {{ days_after(spans ~ '.first_day', -1) }})
        ) as until
        having count(*) = 2
    ) as calendar
        on true
{%- endmacro %}
