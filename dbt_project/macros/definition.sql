{% macro definition(name, type="numeric") -%}
    {#- The value of one regional threshold, from the seed `definition`. -#}
    (
        select cast(definition.value as {{ type }})
        from {{ ref("definition") }} as definition
        where definition.name = '{{ name }}'
    )
{%- endmacro %}
