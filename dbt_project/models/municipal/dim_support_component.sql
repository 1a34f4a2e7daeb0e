select
    component.component,
    component.label_fi,
    component.label_en,
    component.comparability
from {{ ref('support_component') }} as component
union all
-- A mark of a source that nobody has mapped.
select
    'unknown' as component,
    'Ei tiedossa' as label_fi,
    'Not known' as label_en,
    'not_comparable' as comparability
