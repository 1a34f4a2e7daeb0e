{% macro within_schedule(row, earlier) -%}
    {#-
        The lessons of a class that fit into the schedule after the classes before it (`earlier`: a window over those)
        have taken theirs; 0 for a class that is no absence.
    -#}
    case
        when {{ row }}.is_absence
            then greatest(
                least(
                    {{ row }}.lessons,
                    {{ row }}.scheduled_lessons - coalesce(sum({{ row }}.lessons) over {{ earlier }}, 0)
                ),
                0
            )
        else 0
    end
{%- endmacro %}

{% macro share_of_school(lessons, share) -%}
    {#-
        A school's part of a month's lessons, by its part of the scheduled ones (`share`: a row with lessons_before,
        lessons_to and lessons_of_all). Differences of rounded running sums, so that the parts add up exactly.
    -#}
    case
        when {{ share }}.lessons_of_all is null then {{ lessons }}
        else
            round(
                {{ lessons }} * {{ share }}.lessons_to / {{ share }}.lessons_of_all,
                {{ definition("lesson_decimals", "integer") }}
            )
            - round(
                {{ lessons }} * {{ share }}.lessons_before / {{ share }}.lessons_of_all,
                {{ definition("lesson_decimals", "integer") }}
            )
    end
{%- endmacro %}
