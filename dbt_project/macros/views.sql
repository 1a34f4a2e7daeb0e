{% macro drop_selected_views() -%}
    {#-
        Before the first model: drops the views that this build makes anew, all in one statement. Else each model that
        replaces a relation drops the views on it, and two models that share such views can lock each other out.
    -#}
    {%- set found = [] -%}
    {%- if execute and flags.WHICH in ("build", "run") -%}
        {%- for node in graph.nodes.values() if node.unique_id in selected_resources -%}
            {%- if node.resource_type == "model" and node.config.materialized == "view" -%}
                {%- set relation = adapter.get_relation(node.database, node.schema, node.alias) -%}
                {%- if relation is not none and relation.is_view -%}
                    {%- do found.append(relation) -%}
                {%- endif -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if found -%}
        drop view {{ found | join(", ") }} cascade
        {%- for relation in found -%}
            {%- do adapter.cache_dropped(relation) -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
