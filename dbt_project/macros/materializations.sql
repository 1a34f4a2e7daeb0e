{#-
    In place of dbt's own for tables, increments and views, which make some ten statements of a model: on small data
    those cost several times what its query does. Here a model is one transaction of one statement: it comes with its
    indexes, statistics and descriptions or not at all, and the table before it is read until then. Hooks run within
    that transaction; grants are the release's.
-#}

{% materialization table, adapter="postgres" -%}
    {{ return(build_anew()) }}
{%- endmaterialization %}

{% materialization incremental, adapter="postgres" -%}
    {%- set before = load_cached_relation(this) -%}
    {%- if before is none or not before.is_table or should_full_refresh() -%} {{ return(build_anew()) }} {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- set columns = adapter.get_columns_in_relation(before) | map(attribute="quoted") | join(", ") -%}
    {%- call statement("main") -%}
        insert into {{ before }} ({{ columns }})
        select {{ columns }} from (
            {{ sql }}
        ) as added;
        analyze {{ before }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({"relations": [before]}) }}
{%- endmaterialization %}

{% materialization view, adapter="postgres" -%}
    {%- set before = load_cached_relation(this) -%}
    {%- set view = this.incorporate(type="view") -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main") -%}
        {{ drop_before(before) }}
        {{ get_create_view_as_sql(view, sql) }}
        {{ describe(view) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({"relations": [view]}) }}
{%- endmaterialization %}

{% macro build_anew() -%}
    {#- The model's whole table, made beside the one before it and then put in its place. -#}
    {%- set before = load_cached_relation(this) -%}
    {%- set table = this.incorporate(type="table") -%}
    {%- set made = make_intermediate_relation(table) -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement("main") -%}
        {{ get_create_table_as_sql(false, made, sql) }}
        {%- for index in config.get("indexes", default=[]) %}
            {{ get_create_index_sql(made, index) }};
        {%- endfor %}
        {{ drop_before(before) }}
        alter table {{ made }} rename to {{ adapter.quote(table.identifier) }};
        analyze {{ table }};
        {{ describe(table) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({"relations": [table]}) }}
{%- endmacro %}

{% macro drop_before(relation) -%}
    {#- Drops what had the model's name, of whatever kind, with what was made from it. -#}
    {%- if relation is not none -%}
        {{ get_drop_sql(relation) }};
        {%- do adapter.cache_dropped(relation) -%}
    {%- endif -%}
{%- endmacro %}

{% macro describe(relation) -%}
    {#- The descriptions of the model and its columns as comments in the database. -#}
    {%- if config.persist_relation_docs() and model.description -%}
        {{ alter_relation_comment(relation, model.description) }}
    {%- endif -%}
    {%- if config.persist_column_docs() -%}
        {%- for column in model.columns.values() %}
            comment on column {{ relation }}.{{ adapter.quote(column.name) }}
            is {{ postgres_escape_comment(column.description) }};
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
