{#-
    A night redoes what it touches. Small tables are built in full each night; a copy of them is kept when a build is
    done (`remember_build`), and what differs from that copy says which days, months and persons the large tables must
    redo (`touched_day`, `touched_month`, `touched_person`), and of which school years counts are made again
    (`touched_year`). Nothing remembered means that everything is touched, so a full build and an increment are the same
    SQL.
-#}

{% macro remembered_tables() -%}
    {{ return([
        "stg_delivery", "absence_link", "covered_day", "covered_month", "rejected_pupil_day", "uncovered_school_day",
        "person_reference", "enrolment", "school_day_extract", "period", "support_year"
    ]) }}
{%- endmacro %}

{% macro increment_models() -%}
    {#- The models that an increment adds to. -#}
    {%- set found = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == "model" and node.config.materialized == "incremental" -%}
        {%- do found.append(node) -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{% macro forget_build_with_gaps() -%}
    {#- Before the first model: a build of which a table is gone cannot be built upon. -#}
    {%- set gaps = [] -%}
    {%- set state = adapter.get_relation(target.database, "harmonised", "built_state") if execute else none -%}
    {%- if state is not none -%}
        {%- for node in increment_models() -%}
            {%- if adapter.get_relation(node.database, node.schema, node.alias) is none -%}
                {%- do gaps.append(node.alias) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if gaps -%}
        drop table {{ state }}
        {%- do adapter.cache_dropped(state) -%}
    {%- endif -%}
{%- endmacro %}

{% macro builds_anew() -%}
    {#- A text when nothing that was built before can be built upon, else nothing. -#}
    {%- set known = namespace(anew=(not execute or flags.FULL_REFRESH)) -%}
    {%- if not known.anew -%}
        {%- set known.anew = adapter.get_relation(target.database, "harmonised", "built_state") is none -%}
    {%- endif -%}
    {{- "anew" if known.anew -}}
{%- endmacro %}

{% macro built(name) -%}
    {#- The table as it was when the last build was done; empty when everything is to be built anew. -#}
    {%- if builds_anew() -%}
        (select built.* from {{ ref(name) }} as built where false)
    {%- else -%}
        harmonised.built_{{ name }}
    {%- endif -%}
{%- endmacro %}

{% macro built_night() -%}
    {#- The night of the last build; null when everything is to be built anew. -#}
    {%- if builds_anew() -%} cast(null as date)
    {%- else -%} (select built_state.night from harmonised.built_state)
    {%- endif -%}
{%- endmacro %}

{% macro forget_changed_enrolments() -%}
    {%- set driver = ref("enrolment_change") -%}
    {#- Before an increment: what the changed deliveries said, and school years that are made anew. -#}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as change
        where
            old.municipality = change.municipality
            and old.school_year = change.school_year
            and (change.is_anew or old.delivery_id = change.delivery_id)
    {%- endif -%}
{%- endmacro %}

{% macro forget_changed_calendars() -%}
    {%- set driver = ref("calendar_change") -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as change
        where old.municipality = change.municipality and old.school_year = change.school_year
    {%- endif -%}
{%- endmacro %}

{% macro forget_new_content() -%}
    {%- set driver = ref("delivery_change") -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as change
        where change.dataset = 'absence' and old.delivery_id = change.delivery_id
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_days() -%}
    {%- set driver = ref("touched_day") -%}
    {#-
        Before an increment: the rows of the touched days (of a monthly source: of the month's first day) go. The months
        are named besides, so that they are looked up however many municipalities are touched.
    -#}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where
            old.municipality = touched.municipality
            and old.month = {{ month_of("touched.day") }}
            and old.day = touched.day
            and {{ is_one_of("old.month", "select " ~ month_of("touched.day") ~ " from " ~ driver ~ " as touched") }}
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_months() -%}
    {%- set driver = ref("touched_month") -%}
    {#- Before an increment: the rows of the touched months go; they are looked up as those of touched days. -#}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where
            old.municipality = touched.municipality
            and old.month = touched.month
            and {{ is_one_of("old.month", "select touched.month from " ~ driver ~ " as touched") }}
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_persons() -%}
    {%- set driver = ref("touched_person") -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where
            old.person_key = touched.person_key
            and {{ school_year_of("old.month") }} = touched.school_year
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_years() -%}
    {%- set driver = ref("touched_year") -%}
    {#- Before an increment: the counts of the touched school years go. -#}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where old.school_year = touched.school_year
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_sums() -%}
    {%- set driver = ref("touched_calendar") -%}
    {#- Running sums of a calendar: from the first touched month on, or all where the calendar itself changed. -#}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where old.municipality = touched.municipality and old.day >= touched.first_day
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_pupils() -%}
    {%- set driver = ref("touched_pupil") -%}
    {#- Sums to date of a pupil: from the first touched month of a school year on. -#}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where
            old.person_key = touched.person_key
            and old.school_year = touched.school_year
            and old.month >= touched.first_month
    {%- endif -%}
{%- endmacro %}

{% macro forget_touched_weeks() -%}
    {%- set driver = ref("touched_pupil") -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        using {{ driver }} as touched
        where
            old.person_key = touched.person_key
            and old.school_year = touched.school_year
            and old.week_end >= touched.first_month
    {%- endif -%}
{%- endmacro %}

{% macro forget_recent_weeks() -%}
    {#- The Sundays that are evaluated each night, what was kept for having been one of them, and uncovered Sundays. -#}
    {%- set driver = ref("covered_week") -%}
    {%- set rate = definition("reach_minimum_rate") -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as old
        where
            old.tier is null
            or old.absent_lessons < {{ rate }} * old.covered_lessons
            or old.week_end in (select recent.week_end from {{ driver }} as recent where recent.recency <= 2)
            or (old.municipality, old.week_end) not in (
                select
                    covered.municipality,
                    covered.week_end
                from {{ driver }} as covered
            )
    {%- endif -%}
{%- endmacro %}

{% macro is_touched(row) -%}
    {#- True for a row (municipality, person_key, month) that this build redoes. -#}
    {%- set months, persons = ref("touched_month"), ref("touched_person") -%}
    {%- if builds_anew() -%} true
    {%- else -%}
    (
        ({{ row }}.municipality, {{ row }}.month) in (
            select
                touched_month.municipality,
                touched_month.month
            from {{ months }} as touched_month
        )
        or ({{ row }}.person_key, {{ school_year_of(row ~ ".month") }}) in (
            select
                touched_person.person_key,
                touched_person.school_year
            from {{ persons }} as touched_person
        )
    )
    {%- endif -%}
{%- endmacro %}

{% macro remember_build(results) -%}
    {#- After a build: when all of the harmonised layer was built, what the next increment compares with. -#}
    {%- if not execute -%} {{ return("") }} {%- endif -%}
    {%- set wanted = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == "model" and "harmonised" in node.tags -%}
        {%- do wanted.append(node.unique_id) -%}
    {%- endfor -%}
    {%- set done = [] -%}
    {%- for result in results if result.status == "success" and result.node.unique_id in wanted -%}
        {%- do done.append(result.node.unique_id) -%}
    {%- endfor -%}
    {%- if flags.WHICH in ("build", "run") and done | length == wanted | length -%}
        {%- for name in remembered_tables() -%}
            {%- set schema = "staging" if name == "stg_delivery" else "harmonised" -%}
            drop table if exists harmonised.built_{{ name }};
            create table harmonised.built_{{ name }} (like {{ schema }}.{{ name }} including comments);
            comment on table harmonised.built_{{ name }} is
            '{{ name }}, kun edellinen ajo valmistui. / {{ name }}, when the last build was done.';
            insert into harmonised.built_{{ name }} select * from {{ schema }}.{{ name }};
            analyze harmonised.built_{{ name }};
        {% endfor -%}
        drop table if exists harmonised.built_state;
        create table harmonised.built_state (night date, fingerprint text);
        comment on table harmonised.built_state is 'Viimeksi valmistunut ajo. / The build that was done last.';
        comment on column harmonised.built_state.night is 'Yö, jona ajo tehtiin. / Night of the build.';
        comment on column harmonised.built_state.fingerprint is
        'Mallien ja koodien tunnusluku. / Digest of the models and codes.';
        insert into harmonised.built_state
        select stg_night.night, '{{ env_var("TUKIVERKKO_BUILD_FINGERPRINT", "") }}' from staging.stg_night;
    {%- endif -%}
{%- endmacro %}

{% macro changed_rows(name, columns) -%}
    {#- The rows of a remembered table that came or went since the last build. -#}
    (
        select {{ columns | join(", ") }} from {{ ref(name) }}
        except
        select {{ columns | join(", ") }} from {{ built(name) }} as before
    )
    union all
    (
        select {{ columns | join(", ") }} from {{ built(name) }} as before
        except
        select {{ columns | join(", ") }} from {{ ref(name) }}
    )
{%- endmacro %}

{% macro touched_shared_months() -%}
    {#- The closed months (month, last_day) of the school years whose counts this build makes again. -#}
    select
        period.period_start as month,
        period.period_end as last_day
    from {{ ref("period") }} as period
    inner join {{ ref("touched_year") }} as touched
        on {{ school_year_of("period.period_start") }} = touched.school_year
    where period.period_type = 'month' and period.is_shared
{%- endmacro %}

{% macro and_columns(row, columns) -%}
    {#- Further columns of a select: those of `columns`, of `row`. -#}
    {%- for column in columns %},
        {{ row }}.{{ column }}
    {%- endfor %}
{%- endmacro %}

{% macro touched_rows(model, columns) -%}
    {#-
        The rows (municipality, person_key, month and `columns`) of a model that this build redoes: those of touched
        months, and those of touched persons in all other months of the school year; each looked up, so that what years
        have left is not read. A build that makes everything anew reads them all.
    -#}
    {%- set months, persons = ref("touched_month"), ref("touched_person") -%}
    select
        known.municipality,
        known.person_key,
        known.month
        {{- and_columns("known", columns) }}
    from {{ ref(model) }} as known
    {%- if not builds_anew() %}
    inner join {{ months }} as touched
        on
            known.municipality = touched.municipality
            and known.month = touched.month
    where {{ is_one_of("known.month", "select touched.month from " ~ months ~ " as touched") }}
    union all
    select
        known.municipality,
        known.person_key,
        known.month
        {{- and_columns("known", columns) }}
    from {{ persons }} as touched_person
    inner join {{ ref(model) }} as known
        on
            touched_person.person_key = known.person_key
            and touched_person.school_year = {{ school_year_of("known.month") }}
    left join {{ months }} as touched
        on
            known.municipality = touched.municipality
            and known.month = touched.month
    where touched.month is null
    {%- endif %}
{%- endmacro %}

{% macro touched_reports(model, columns) -%}
    {#-
        The rows (municipality, person_key and `columns`) of a table of reports (municipality, pupil_ref, month) that
        this build redoes: those of touched months, and those of touched persons in all other months of the school year;
        all of them where everything is made anew.
    -#}
    {%- set months, persons = ref("touched_month"), ref("touched_person") -%}
    select
        reported.municipality,
        reference.person_key
        {{- and_columns("reported", columns) }}
    from {{ ref(model) }} as reported
    inner join {{ ref("person_reference") }} as reference
        on
            reported.municipality = reference.municipality
            and reported.pupil_ref = reference.pupil_ref
    {%- if not builds_anew() %}
    inner join {{ months }} as touched
        on
            reported.municipality = touched.municipality
            and reported.month = touched.month
    union all
    select
        reported.municipality,
        reference.person_key
        {{- and_columns("reported", columns) }}
    from {{ ref("person_reference") }} as reference
    inner join {{ persons }} as touched_person
        on reference.person_key = touched_person.person_key
    inner join {{ ref(model) }} as reported
        on
            reference.municipality = reported.municipality
            and reference.pupil_ref = reported.pupil_ref
            and touched_person.school_year = {{ school_year_of("reported.month") }}
    left join {{ months }} as touched
        on
            reported.municipality = touched.municipality
            and reported.month = touched.month
    where touched.month is null
    {%- endif %}
{%- endmacro %}
