{% macro days_after(day, days) -%}
    {#- The date `days` (an expression, may be negative) after `day`. -#}
    cast({{ dbt.dateadd("day", days, day) }} as date)
{%- endmacro %}

{% macro month_of(day) -%}
    {#- The first day of the month of `day`. -#}
    cast({{ dbt.date_trunc("month", day) }} as date)
{%- endmacro %}

{% macro last_day_of_month(day) -%}
    {{ dbt.last_day(day, "month") }}
{%- endmacro %}

{% macro school_year_of(day) -%}
    {#- The year in which the school year of `day` starts; school years change on 1 August. -#}
    cast(extract(year from {{ dbt.dateadd("month", -7, day) }}) as integer)
{%- endmacro %}

{% macro school_year_start(school_year) -%}
    cast(cast({{ school_year }} as text) || '-08-01' as date)
{%- endmacro %}

{% macro school_year_end(school_year) -%}
    cast(cast({{ school_year }} + 1 as text) || '-07-31' as date)
{%- endmacro %}

{% macro last_sunday_until(day) -%}
    {#- The latest Sunday that is not after `day`. -#}
    {{ days_after(day, "-(cast(extract(isodow from " ~ day ~ ") as integer) % 7)") }}
{%- endmacro %}

{% macro sunday_from(day) -%}
    {#- The first Sunday that is not before `day`: the last day of its week. -#}
    {{ days_after(day, "7 - cast(extract(isodow from " ~ day ~ ") as integer)") }}
{%- endmacro %}

{% macro holds_on(row, day) -%}
    {#- True when `day` is in the validity of `row`: valid_from to valid_to, both included; null is open. -#}
    ({{ day }} >= {{ row }}.valid_from and ({{ row }}.valid_to is null or {{ day }} <= {{ row }}.valid_to))
{%- endmacro %}
