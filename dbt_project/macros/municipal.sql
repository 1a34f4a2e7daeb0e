{% macro school_key(municipality, school_number) -%}
    {#- One column, since BI tools join on one: the municipality and the school number, or its unknown school. -#}
    {{ municipality }} || '/' || coalesce({{ school_number }}, 'unknown')
{%- endmacro %}

{% macro month_end_of(day) -%}
    cast({{ last_day_of_month(day) }} as date)
{%- endmacro %}

{% macro rate_of(absent_lessons, covered_lessons) -%}
    {#- Unrounded; null where nothing is covered. -#}
    case when {{ covered_lessons }} > 0 then {{ absent_lessons }} / {{ covered_lessons }} end
{%- endmacro %}
