{#- Statements within the transaction of the model that is being built. -#}

{% macro in_transaction(sql) %}
    {% call statement('of_increment', auto_begin=true) %}{{ sql }}{% endcall %}
{% endmacro %}


{#- The first row of a query. -#}
{% macro first_row(sql) %}
    {% call statement('of_increment', fetch_result=true, auto_begin=true) %}{{ sql }}{% endcall %}
    {{ return(load_result('of_increment').table.rows[0]) }}
{% endmacro %}


{#- The first column of a query as texts; nothing while parsing. -#}
{% macro query_texts(sql) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {{ return(run_query(sql).columns[0].values() | map('string') | list) }}
{% endmacro %}
