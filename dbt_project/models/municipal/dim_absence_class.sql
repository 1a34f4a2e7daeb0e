select
    class.absence_class,
    class.priority as sort_order,
    class.label_fi,
    class.label_en,
    class.is_absence
from {{ ref('absence_class') }} as class
union all
select
    'unknown' as absence_class,
    1000 as sort_order,
    'Ei tiedossa' as label_fi,
    'Not known' as label_en,
    false as is_absence
