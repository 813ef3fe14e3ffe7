{#-
    Tests of the big tables look at what changed lately: rows that nobody has written since they were tested cannot have gone wrong.
    A test with `where: changed` reads only the files (staging) or the days (fact_calls) written in the last `test_window_days` days;
    with the variable test_scope set to `all`, everything.
-#}

{#- dbt's own macro behind the `where` of a test, taught the word `changed`. -#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') or 'true' -%}
    {%- if where == 'changed' -%}
        {%- set where = lately_changed(relation.identifier) -%}
    {%- endif -%}
    {%- if where == 'true' -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as dbt_subquery') -%}
{%- endmacro %}


{#- The files or days of an incremental model that were written lately; none where all count. -#}
{% macro units_lately_changed(model_name) %}
    {% if not execute or var('test_scope') == 'all' %}{{ return(none) }}{% endif %}
    {% set since = run_started_at - modules.datetime.timedelta(days=var('test_window_days')) %}
    {% set sql %}
        select distinct unit
        from {{ build_log() }}
        where
            model = '{{ model_name }}'
            and unit_type = '{{ "day" if model_name == "fact_calls" else "file" }}'
            and logged_at >= cast('{{ since.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
    {% endset %}
    {{ return(query_texts(sql)) }}
{% endmacro %}


{#- A condition for the rows of an incremental model that were written lately; `true` for every other model. -#}
{% macro lately_changed(model_name) %}
    {% if model_name != 'fact_calls' and not model_name in staging_models() %}{{ return('true') }}{% endif %}
    {% set units = units_lately_changed(model_name) %}
    {% if units is none %}{{ return('true') }}{% endif %}
    {{ return(in_list('call_date', day_literals(units)) if model_name == 'fact_calls' else in_list('file_id', units)) }}
{% endmacro %}


{#- A condition on report_date, for the days that calls written lately are reported on. -#}
{% macro lately_reported() %}
    {% set days = units_lately_changed('fact_calls') %}
    {{ return('true' if days is none else in_list('report_date', day_literals(report_days_of(days)))) }}
{% endmacro %}
