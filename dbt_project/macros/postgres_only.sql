{% macro each_day(first_day, last_day) -%}
    {#- A table function: one row a day from `first_day` to `last_day`, both included. -#}
    generate_series(cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval '1 day')
{%- endmacro %}

{% macro each_week(first_day, last_day) -%}
    {#- A table function: one row a week, `first_day` and every seventh day after it, to `last_day`. -#}
    generate_series(cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval '7 days')
{%- endmacro %}

{% macro each_month(first_day, last_day) -%}
    {#- A table function: one row for each month start from `first_day` (a month start) to `last_day`. -#}
    generate_series(cast({{ first_day }} as timestamp), cast({{ last_day }} as timestamp), interval '1 month')
{%- endmacro %}

{% macro each_item(items) -%}
    {#- A table function: one row an item of an array column. -#}
    unnest({{ items }})
{%- endmacro %}

{% macro local_day(instant) -%}
    {#- The day in Finland at an instant with time zone. -#}
    cast({{ instant }} at time zone 'Europe/Helsinki' as date)
{%- endmacro %}

{% macro local_instant(wall_time) -%}
    {#- The instant at which the clocks in Finland show `wall_time` (timestamp without time zone). -#}
    ({{ wall_time }} at time zone 'Europe/Helsinki')
{%- endmacro %}

{% macro minutes_after(wall_time, minutes) -%}
    ({{ wall_time }} + {{ minutes }} * interval '1 minute')
{%- endmacro %}

{% macro time_between(first_instant, last_instant) -%}
    {#- The instants from `first_instant` up to, but without, `last_instant`. -#}
    tstzrange({{ first_instant }}, {{ last_instant }}, '[)')
{%- endmacro %}

{% macro time_in_both(one, other) -%}
    ({{ one }} * {{ other }})
{%- endmacro %}

{% macro is_no_time(span) -%}
    isempty({{ span }})
{%- endmacro %}

{% macro time_together(spans) -%}
    {#- Aggregate (also over a window): the union of spans, in which every instant counts once. -#}
    range_agg({{ spans }})
{%- endmacro %}

{% macro time_without(spans, taken) -%}
    {#- The instants of `spans` that are not in `taken`; nothing taken when it is null. -#}
    ({{ spans }} - coalesce({{ taken }}, '{}'::tstzmultirange))
{%- endmacro %}

{% macro spans_of(span, condition) -%}
    {#- Aggregate: the spans of the rows of which the condition is true, each for itself. -#}
    array_agg({{ span }}) filter (where {{ condition }})
{%- endmacro %}

{% macro spans_within(listed, spans) -%}
    {#- How many of the `listed` spans (`spans_of`; none where it is null) share an instant with `spans`. -#}
    (select cast(count(*) as integer) from unnest({{ listed }}) as span where span && {{ spans }})
{%- endmacro %}

{% macro minutes_in(spans) -%}
    {#- Exact minutes of a union of time spans. -#}
    (
        select coalesce(sum(extract(epoch from upper(span) - lower(span)) / 60), 0)
        from unnest({{ spans }}) as span
    )
{%- endmacro %}

{% macro is_municipality_code(value) -%}
    (length({{ value }}) = 3 and translate({{ value }}, '0123456789', '') = '')
{%- endmacro %}

{% macro includes(items, item) -%}
    {#- True when the array column `items` holds `item`. -#}
    ({{ item }} = any({{ items }}))
{%- endmacro %}

{% macro plan_for_all(always=false) -%}
    {#-
        Before a model that is built anew, or one that `always` reads most of what it reads: where the planner takes a
        join for a few rows, a nested loop over all of them costs minutes, and so does a merge by municipality alone; a
        hash costs little where there are few. Models run beside each other, so none hands its rows to more workers.
    -#}
    {%- if always or builds_anew() -%}
        set local enable_nestloop = off;
        set local enable_mergejoin = off;
        set local max_parallel_workers_per_gather = 0;
        set local work_mem = '256MB'
    {%- endif -%}
{%- endmacro %}

{% macro group_sorted() -%}
    {#- Before a model that makes a group of almost each row: exact sums of a million groups at once do not fit. -#}
    set local enable_hashagg = off
{%- endmacro %}

{% macro refresh_source_statistics() -%}
    {#-
        Before the first model: sources that have no statistics, or of whose rows more than a twentieth came or went
        since. The others look as they did, and to sample years of deliveries each night costs more than many models.
    -#}
    {%- if execute and flags.WHICH in ("build", "run") -%}
        {%- set names = [] -%}
        {%- for node in graph.sources.values() -%}
            {%- do names.append("'" ~ node.schema ~ "." ~ node.identifier ~ "'") -%}
        {%- endfor -%}
        {%- set stale -%}
            select relation.oid::regclass::text
            from unnest(array[{{ names | join(", ") }}]) as source (name)
            inner join pg_catalog.pg_class as relation on relation.oid = to_regclass(source.name)
            left join pg_catalog.pg_stat_user_tables as changes on changes.relid = relation.oid
            where relation.reltuples < 0 or changes.n_mod_since_analyze > relation.reltuples / 20
        {%- endset -%}
        {%- for row in run_query(stale).rows -%} analyze {{ row[0] }}; {% endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro is_one_of(value, query) -%}
    {#- True when `value` is in the one column of `query`, looked up through an index on it even when that is coarse. -#}
    {{ value }} = any(array(select distinct wanted.id from ({{ query }}) as wanted (id)))
{%- endmacro %}

{% macro largest(value) -%}
    {#- Aggregate: the largest number, always written alike: of equal ones `max` gives any, with its noughts or without. -#}
    trim_scale(max({{ value }}))
{%- endmacro %}

{% macro fingerprint(values) -%}
    {#- Aggregate: a number that two sets of rows share only when they hold the same rows, in whatever order. -#}
    sum(cast(hashtextextended(concat_ws('|', {{ values | join(', ') }}), 0) as numeric))
{%- endmacro %}

{% macro postgres__get_columns_in_relation(relation) -%}
    {#-
        In place of dbt's own, which asks `information_schema.columns`: a view that takes long for each relation, and is
        asked for every model and every input of a unit test. An array tells the type of its items besides.
    -#}
    {%- call statement("get_columns_in_relation", fetch_result=True) -%}
        select
            attribute.attname as column_name,
            format_type(attribute.atttypid, null) as data_type,
            information_schema._pg_char_max_length(attribute.atttypid, attribute.atttypmod) as character_maximum_length,
            information_schema._pg_numeric_precision(attribute.atttypid, attribute.atttypmod) as numeric_precision,
            information_schema._pg_numeric_scale(attribute.atttypid, attribute.atttypmod) as numeric_scale
        from pg_catalog.pg_attribute as attribute
        where
            attribute.attrelid = to_regclass('{{ relation }}')
            and attribute.attnum > 0
            and not attribute.attisdropped
        order by attribute.attnum
    {%- endcall -%}
    {{ return(sql_convert_columns_in_relation(load_result("get_columns_in_relation").table)) }}
{%- endmacro %}

{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {#-
        In place of dbt's own, which looks twice for each model which columns there are. Here a description of a column
        that is not there fails the build.
    -#}
    {%- set said = describe(relation) | trim -%}
    {%- if said -%}
        {%- call statement("persist_docs", auto_begin=False) -%} {{ said }} {%- endcall -%}
    {%- endif -%}
{%- endmacro %}
