{#- Every row satisfies a condition; one that is neither true nor false fails too. -#}
{% test rows_satisfy(model, condition, column_name=none) %}

select *
from {{ model }}
where not coalesce({{ condition }}, false)

{% endtest %}
