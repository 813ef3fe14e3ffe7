{#-
    Which rows a model computes. The SQL is the same in every build, since it is part of the model's rule.
-#}

{#-
    In a model's `where`: the rows that it must compute. `column` holds the model's units, days or files;
    fact_calls names none. With `looks_back_days` also the rows of as many days before. In unit tests, and
    where nothing is built (`dbt show`), every row. In an ephemeral model, the rows for the incremental model
    that reads it.
-#}
{% macro stale(column=none, looks_back_days=0) -%}
    {%- if not is_building() or model.resource_type == 'unit_test' -%}
        true
    {%- elif looks_back_days -%}
        {{ column }} in (
            select {{ each_day(add_days('last_day', -looks_back_days), 'last_day') }}
            from (select cast(unit as date) as last_day from ({{ units_to_compute() }}) as units) as days
        )
    {%- else -%}
        {{ in_units(column, units_to_compute()) }}
        {%- if model.config.meta.increment and model.config.meta.increment.unit == 'call' %}
        {{ and_of_stale_files() }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- Whether models are being built: without a build nothing is stale. -#}
{% macro is_building() %}{{ return(execute and flags.WHICH in ['build', 'run', 'retry']) }}{% endmacro %}


{#- The node of the model that is being built, or of the incremental one that reads an ephemeral model. -#}
{% macro incremental_model(node=none) %}
    {% set node = node or model %}
    {% if node.config.meta.get('increment') %}{{ return(node) }}{% endif %}
    {% for other in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') %}
        {% if node.unique_id in other.depends_on.nodes %}{{ return(incremental_model(other)) }}{% endif %}
    {% endfor %}
    {% set problem = "no incremental model reads it, so it has no stale rows" %}
    {% do exceptions.raise_compiler_error(node.name ~ ": " ~ problem) %}
{% endmacro %}


{#- The units of the batch that is computed now, without those that are only deleted. -#}
{% macro units_to_compute() -%}
    select unit
    from {{ build_log() }}
    where {{ is_of_batch() }} and version is not null and unit <> 'all'
{%- endmacro %}


{#- In the log: whether a unit is of the batch that is computed now, the first that is not done. -#}
{% macro is_of_batch(prefix='') -%}
    {{ prefix }}model = '{{ incremental_model().name }}'
    and not {{ prefix }}done
    and {{ prefix }}batch = (
        select min(batch)
        from {{ build_log() }}
        where model = '{{ incremental_model().name }}' and not done
    )
{%- endmacro %}


{#- All units that are not done, of every batch, with those that are only deleted. -#}
{% macro units_not_done() -%}
    select unit
    from {{ build_log() }}
    where model = '{{ this.name }}' and not done and unit <> 'all'
{%- endmacro %}


{#- Whether a row belongs to one of some units; `column` holds the model's units, days or files. -#}
{% macro in_units(column, units_sql) -%}
    {%- set unit = incremental_model().config.meta.increment.unit -%}
    {%- set type = 'bigint' if unit == 'file_id' else 'date' -%}
    {%- if unit == 'call' -%}
        {{ in_call_units(units_sql) }}
    {%- else -%}
        {{ column }} in (select cast(unit as {{ type }}) from ({{ units_sql }}) as units)
    {%- endif -%}
{%- endmacro %}
