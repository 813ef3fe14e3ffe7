{#- Every row satisfies a condition; null fails, too. -#}
{% test rows_satisfy(model, condition, column_name=none) %}

select *
from {{ model }}
where not coalesce({{ condition }}, false)

{% endtest %}
