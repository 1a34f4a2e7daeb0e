{% macro regime_of_level(day, level) -%}
    {#-
        The regime by which pupils of a support level are shown on `day`: 2011, 2025 or mixed. `level`: a row of the seed
        support_level.
    -#}
    case
        when {{ day }} < {{ definition("regime_2025_starts", "date") }} then '2011'
        when {{ day }} > {{ definition("special_ends", "date") }} then '2025'
        -- Both regimes are in force side by side for decisions, so also for what is not known.
        when {{ level }}.rank is null or ({{ level }}.exists_in_2025 and {{ level }}.needs_decision) then 'mixed'
        else '2025'
    end
{%- endmacro %}

{% macro is_in_regime(day, level) -%}
    {#- True when the support level exists on `day`. `level`: a row of the seed support_level. -#}
    ({{ level }}.exists_in_2025 or {{ day }} < {{ definition("regime_2025_starts", "date") }})
{%- endmacro %}
