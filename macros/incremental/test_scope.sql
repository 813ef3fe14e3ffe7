{#-
    Tests of the big tables read what changed lately: rows that were tested and not written since cannot
    have become wrong. A test with `where: changed` reads only the units (files in staging, a file's calls
    of a day in fact_calls, days in marts) written in the last `test_window_days` days; with the variable
    test_scope set to `all`, everything.
-#}

{#- A column of the log: the units or parts of a model that were written lately. -#}
{% macro logged_lately(model_name, column) -%}
    {%- set since = run_started_at - modules.datetime.timedelta(days=var('test_window_days')) -%}
    select {{ column }}
    from {{ build_log() }}
    where
        model = '{{ model_name }}'
        and unit <> 'all'
        and {{ column }} <> ''
        and logged_at >= cast('{{ since.strftime("%Y-%m-%d %H:%M:%S") }}' as timestamp)
{%- endmacro %}


{#- A condition for the rows of an incremental model written lately; `true` for every other model. -#}
{% macro lately_changed(model_name) %}
    {% if not execute or var('test_scope') == 'all' %}{{ return('true') }}{% endif %}
    {% set models = graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') %}
    {% set node = models | selectattr('name', 'equalto', model_name) | first %}
    {% set increment = node.config.meta.increment if node else none %}
    {#- Rows that are replaced by key belong to other files than those that were written. -#}
    {% if not increment or node.config.unique_key %}{{ return('true') }}{% endif %}
    {% set units = logged_lately(model_name, 'unit') %}
    {% if increment.unit == 'call' %}{{ return(in_call_units(units)) }}{% endif %}
    {% set type = 'bigint' if increment.unit == 'file_id' else 'date' %}
    {{ return(increment.column ~ ' in (select cast(unit as ' ~ type ~ ') from (' ~ units ~ ') as units)') }}
{% endmacro %}


{#- A condition on report_date, for the days that calls written lately are reported on. -#}
{% macro lately_reported() %}
    {% if not execute or var('test_scope') == 'all' %}{{ return('true') }}{% endif %}
    {% set parts = logged_lately('fact_calls', 'part') %}
    {{ return('report_date in (select cast(part as date) from (' ~ parts ~ ') as parts)') }}
{% endmacro %}


{#- A condition on a column of UTC days, for the days of such calls. -#}
{% macro lately_called(column='call_date') %}
    {% if not execute or var('test_scope') == 'all' %}{{ return('true') }}{% endif %}
    {% set units = logged_lately('fact_calls', 'unit') %}
    {% set days = "select cast(split_part(unit, '|', -1) as date) from (" ~ units ~ ") as units" %}
    {{ return(column ~ " in (" ~ days ~ ")") }}
{% endmacro %}
