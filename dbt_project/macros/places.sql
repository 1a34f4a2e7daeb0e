{% macro places_and_members() -%}
    {#-
        The places that a figure of a closed period is shown of, and the municipalities (`member`) that it is summed
        over: each municipality with pupils over itself; the region over those of them that are covered enough. For one
        that is not, the region has a row without a member, so that it is there also where nobody is in its figure.
    -#}
    select
        place.period_type,
        place.period_start,
        place.period_end,
        shown.municipality,
        shown.as_of,
        shown.member
    from {{ ref("municipality_period") }} as place
    cross join lateral (
        values
        (place.municipality, place.municipality, place.as_of),
        (
            'region',
            case when place.is_in_region then place.municipality end,
            case when place.is_in_region then place.as_of end
        )
    ) as shown (municipality, member, as_of)
    where place.pupils > 0
{%- endmacro %}

{% macro shown_places(member) -%}
    {#-
        One row a period and place of `member` (`places_and_members`): as of when its figures are, and its municipalities
        in one text; null where it has none, since a figure of nobody is no nought.
    -#}
    select
        {{ member }}.period_type,
        {{ member }}.period_start,
        {{ member }}.period_end,
        {{ member }}.municipality,
        min({{ member }}.as_of) as as_of,
        {{ dbt.listagg(member ~ ".member", "','", "order by " ~ member ~ ".member") }} as municipalities
    from {{ member }}
    group by {{ member }}.period_type, {{ member }}.period_start, {{ member }}.period_end, {{ member }}.municipality
{%- endmacro %}
