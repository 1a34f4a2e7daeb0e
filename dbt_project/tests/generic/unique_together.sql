{#-
    Tests that no two rows of the model share the values of `columns`: its grain.
    Matters whenever figures are summed: a doubled row counts a child twice.
    To resolve: find the join in the model that multiplies, or the delivery that holds the same row twice.
-#}
{% test unique_together(model, columns) %}
select {{ columns | join(", ") }}
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}
