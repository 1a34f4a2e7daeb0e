with typed as (
    select
        support.municipality,
        support.delivery_id,
        support.row_number,
        support.valid_from,
        item.source_mark
    from {{ ref('stg_support') }} as support
    cross join lateral {{ each_item('support.marks') }} as item (source_mark)
),

implied as (
    select
        support.municipality,
        support.delivery_id,
        support.row_number,
        support.support_code,
        item.mark
    from {{ ref('stg_support') }} as support
    cross join lateral {{ each_item('support.implied_marks') }} as item (mark)
)

select
    typed.municipality,
    typed.delivery_id,
    typed.row_number,
    typed.source_mark,
    crosswalk.mark
from typed
left join {{ source('reference', 'mark_crosswalk') }} as crosswalk
    on
        typed.municipality = crosswalk.municipality
        and typed.source_mark = crosswalk.source_code
        and {{ holds_on('crosswalk', 'typed.valid_from') }}
union all
select
    implied.municipality,
    implied.delivery_id,
    implied.row_number,
    implied.support_code as source_mark,
    implied.mark
from implied
