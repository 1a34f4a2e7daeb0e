{% macro generate_schema_name(custom_schema_name, node) -%}
    {#- Schemas are named exactly as configured: other parts and roles rely on the names. -#}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
