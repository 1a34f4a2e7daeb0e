with seen as (
    select
        version.municipality,
        version.pupil_ref,
        version.hetu_key,
        version.oppijanumero_key,
        max(version.night) as last_night
    from {{ ref('enrolment_version') }} as version
    group by version.municipality, version.pupil_ref, version.hetu_key, version.oppijanumero_key
),

-- A key that was corrected at the source: the one that came last holds.
hetu as (
    select
        seen.municipality,
        seen.pupil_ref,
        seen.hetu_key,
        row_number() over (
            partition by seen.municipality, seen.pupil_ref
            order by seen.last_night desc, seen.hetu_key asc
        ) as newest
    from seen
    where seen.hetu_key is not null
),

oppijanumero as (
    select
        seen.municipality,
        seen.pupil_ref,
        seen.oppijanumero_key,
        row_number() over (
            partition by seen.municipality, seen.pupil_ref
            order by seen.last_night desc, seen.oppijanumero_key asc
        ) as newest
    from seen
    where seen.oppijanumero_key is not null
),

reference as (
    select
        seen.municipality,
        seen.pupil_ref,
        hetu.hetu_key,
        oppijanumero.oppijanumero_key,
        max(seen.last_night) as last_night
    from seen
    left join hetu
        on
            seen.municipality = hetu.municipality
            and seen.pupil_ref = hetu.pupil_ref
            and hetu.newest = 1
    left join oppijanumero
        on
            seen.municipality = oppijanumero.municipality
            and seen.pupil_ref = oppijanumero.pupil_ref
            and oppijanumero.newest = 1
    group by seen.municipality, seen.pupil_ref, hetu.hetu_key, oppijanumero.oppijanumero_key
),

-- Where an oppijanumero and a HETU were seen for one pupil anywhere in the region, the oppijanumero leads to the HETU.
link as (
    select
        reference.oppijanumero_key,
        reference.hetu_key,
        row_number() over (
            partition by reference.oppijanumero_key
            order by reference.last_night desc, reference.hetu_key asc
        ) as newest
    from reference
    where reference.oppijanumero_key is not null and reference.hetu_key is not null
)

select
    reference.municipality,
    reference.pupil_ref,
    coalesce(
        reference.hetu_key, link.hetu_key, reference.oppijanumero_key, reference.pupil_ref
    ) as person_key,
    case
        when reference.hetu_key is not null then 'hetu'
        when link.hetu_key is not null then 'hetu_by_oppijanumero'
        when reference.oppijanumero_key is not null then 'oppijanumero'
        else 'none'
    end as matched_by
from reference
left join link
    on
        reference.oppijanumero_key = link.oppijanumero_key
        and link.newest = 1
