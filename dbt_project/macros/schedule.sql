{% macro scheduled_lessons_of(spans) -%}
    {#-
        What is scheduled and covered in each of `spans` (municipality, school_number, grade, first_day, last_day; all
        other columns come along): what was up to its last day, less what was up to the day before its first. Without
        a calendar everything is null.
    -#}
    select
        {{ spans }}.*,
        until_last.lessons_to - until_first.lessons_to as scheduled_lessons,
        until_last.days_to - until_first.days_to as scheduled_days,
        until_last.covered_lessons_to - until_first.covered_lessons_to as covered_lessons,
        until_last.covered_days_to - until_first.covered_days_to as covered_days
    from {{ spans }}
    left join {{ ref('calendar_sum') }} as until_first
        on
            {{ spans }}.municipality = until_first.municipality
            and {{ spans }}.school_number = until_first.school_number
            and {{ spans }}.grade = until_first.grade
            and {{ days_after(spans ~ '.first_day', -1) }} = until_first.day
    left join {{ ref('calendar_sum') }} as until_last
        on
            {{ spans }}.municipality = until_last.municipality
            and {{ spans }}.school_number = until_last.school_number
            and {{ spans }}.grade = until_last.grade
            and {{ spans }}.last_day = until_last.day
{%- endmacro %}
