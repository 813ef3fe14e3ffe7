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
    {%- if not sinch_cdr.is_building() or model.resource_type == 'unit_test' -%}
        true
    {%- elif looks_back_days -%}
        {%- set units = sinch_cdr.units_to_compute() %}
        {{ column }} in (
            select {{ sinch_cdr.each_day(sinch_cdr.add_days('last_day', -looks_back_days), 'last_day') }}
            from (select cast(unit as date) as last_day from ({{ units }}) as units) as days
        )
    {%- else -%}
        {{ sinch_cdr.in_units(column, sinch_cdr.units_to_compute()) }}
        {%- if model.config.meta.increment and model.config.meta.increment.unit == 'call' %}
        {{ sinch_cdr.and_of_stale_files() }}
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
        {% if node.unique_id in other.depends_on.nodes %}
            {{ return(sinch_cdr.incremental_model(other)) }}
        {% endif %}
    {% endfor %}
    {% set problem = "no incremental model reads it, so it has no stale rows" %}
    {% do exceptions.raise_compiler_error(node.name ~ ": " ~ problem) %}
{% endmacro %}


{#- The units of the batch that is computed now, without those that are only deleted. -#}
{% macro units_to_compute() -%}
    select unit
    from {{ sinch_cdr.build_log() }}
    where {{ sinch_cdr.is_of_batch() }} and version is not null and unit <> 'all'
{%- endmacro %}


{#- In the log: whether a unit is of the batch that is computed now, the first that is not done. -#}
{% macro is_of_batch(prefix='') -%}
    {{ prefix }}model = '{{ sinch_cdr.incremental_model().name }}'
    and not {{ prefix }}done
    and {{ prefix }}batch = (
        select min(batch)
        from {{ sinch_cdr.build_log() }}
        where model = '{{ sinch_cdr.incremental_model().name }}' and not done
    )
{%- endmacro %}


{#- All units that are not done, of every batch, with those that are only deleted. -#}
{% macro units_not_done() -%}
    select unit
    from {{ sinch_cdr.build_log() }}
    where model = '{{ this.name }}' and not done and unit <> 'all'
{%- endmacro %}


{#- Whether a row belongs to one of some units; `column` holds the model's units, days or files. -#}
{% macro in_units(column, units_sql) -%}
    {%- set unit = sinch_cdr.incremental_model().config.meta.increment.unit -%}
    {%- set type = 'bigint' if unit == 'file_id' else 'date' -%}
    {%- if unit == 'call' -%}
        {{ sinch_cdr.in_call_units(units_sql) }}
    {%- else -%}
        {{ column }} in (select cast(unit as {{ type }}) from ({{ units_sql }}) as units)
    {%- endif -%}
{%- endmacro %}
