{#-
    Tests the grain of the model: no two rows share the values of `columns`, and neither these nor the columns in
    `filled` are null in any row.
    Matters whenever figures are summed: a doubled row counts a child twice, a row without its key counts nobody.
    To resolve: find the join in the model that multiplies or that finds no partner, or the delivery that holds the
    same row twice.
-#}
{% test grain(model, columns, filled=[]) %}
select {{ columns | join(", ") }}
from {{ model }}
group by {{ columns | join(", ") }}
having
    count(*) > 1
    {% for column in columns + filled -%}
    or count({{ column }}) < count(*)
    {% endfor -%}
{% endtest %}
