{%- set night = env_var('TUKIVERKKO_BUILD_NIGHT', '') -%}

{%- if night %}
select cast('{{ night }}' as date) as night
{%- else %}
select max(delivery.night) as night
from {{ ref('stg_delivery') }} as delivery
{%- endif %}
