{#-
    Which files' records a model must take in or out: `everything` when it has to be computed whole, else the ids of files `added` to and
    `removed` from its input since its last build. `input_sql` is a subquery (unit, version) of what the input holds now.
-#}
{% macro changed_files(input_sql) %}
    {% if not execute or not is_incremental() %}
        {{ return({'everything': true, 'added': [], 'removed': []}) }}
    {% endif %}
    {% set changes = {'everything': false, 'added': [], 'removed': []} %}
    {% set sql %}
        select case when version is null then 'removed' else 'added' end as change, unit
        from ({{ log_difference('file', input_sql) }}) as difference
        union all
        select 'everything', '' where {{ settings_changed() }}
    {% endset %}
    {% for row in run_query(sql).rows %}
        {% if row[0] == 'everything' %}
            {% do changes.update({'everything': true}) %}
        {% else %}
            {% do changes[row[0]].append(row[1]) %}
        {% endif %}
    {% endfor %}
    {{ return(changes) }}
{% endmacro %}


{#- `column in (...)`, or a condition that is never true for an empty list. Literals, so that engines skip what does not match. -#}
{% macro in_list(column, values) -%}
    {%- if values -%}
        {{ column }} in ({{ values | join(', ') }})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}


{#- Hook: takes out the records of files that are no longer in the input, or about to be taken in again. -#}
{% macro remove_files(input_sql) %}
    {% if writes_increment() %}
        {%- set changes = changed_files(input_sql) -%}
        {{ delete_where_in(this, 'file_id', none if changes.everything else changes.added + changes.removed) }}
    {% endif %}
{% endmacro %}


{#- Hook: logs the files whose records are in the model now. -#}
{% macro log_files(input_sql) %}
    {{ log_units('file', log_difference('file', input_sql)) }}
{% endmacro %}


{#- ------------------------------------------------------------------------------------------------ staging -#}

{#- The current files of one kind, as a log input. -#}
{% macro current_files(kind) -%}
    (
        select
            cast(file_id as {{ dbt.type_string() }}) as unit,
            'in' as version
        from {{ ref('stg_sinch__files') }}
        where kind = '{{ kind }}' and state = 'current'
    )
{%- endmacro %}


{#- In a staging model: which raw records it reads. All of the current files, or those of files it has not taken in yet. -#}
{% macro records_to_stage(kind) -%}
    {%- set changes = changed_files(current_files(kind)) -%}
    {%- if changes.everything -%}
        _file_id in (select file_id from {{ ref('stg_sinch__files') }} where kind = '{{ kind }}' and state = 'current')
    {%- else -%}
        {{ in_list('_file_id', changes.added) }}
    {%- endif -%}
{%- endmacro %}
