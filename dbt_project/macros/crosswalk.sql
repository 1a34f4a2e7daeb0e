{% macro absence_code_joins(day) -%}
    {#-
        Joins of `absence` (with source_code and cleared) and `delivery` to the absence crosswalk that holds on `day`:
        `cleared_code` for the clearing flag at hand, which wins over `any_code`. Left joins: an unmapped code stays.
    -#}
    left join {{ source('reference', 'absence_crosswalk') }} as any_code
        on
            delivery.municipality = any_code.municipality
            and absence.source_code = any_code.source_code
            and any_code.cleared is null
            and {{ holds_on('any_code', day) }}
    left join {{ source('reference', 'absence_crosswalk') }} as cleared_code
        on
            delivery.municipality = cleared_code.municipality
            and absence.source_code = cleared_code.source_code
            and absence.cleared = cleared_code.cleared
            and {{ holds_on('cleared_code', day) }}
{%- endmacro %}
