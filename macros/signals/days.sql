{#-
    In a rule of mart_signals: the days of which int_signals__found computes the signals in this build, and as many days before, of what a rule has as its
    history. Every day in unit tests, and where nothing is built (`dbt show`).
-#}
{% macro signal_days(column, looks_back_days=0) -%}
    {%- set days -%}
        select cast(unit as date) as last_day
        from {{ build_log() }}
        where model = 'int_signals__found' and not done and unit <> 'all' and version is not null
    {%- endset -%}
    {%- if not is_building() or model.resource_type == 'unit_test' -%}
        true
    {%- elif looks_back_days -%}
        {{ column }} in (
            select {{ each_day(add_days('last_day', -looks_back_days), 'last_day') }}
            from ({{ days }}) as days
        )
    {%- else -%}
        {{ column }} in ({{ days | replace(' as last_day', '') }})
    {%- endif -%}
{%- endmacro %}


{#- How many days before its own a signal may depend on: 90 of new_destination, and one for a burst over midnight. -#}
{% macro signal_history_days() %}{{ return(91) }}{% endmacro %}
