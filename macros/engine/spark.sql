{#- Macros of dbt-spark and dbt, where they do not do on Spark. -#}

{#-
    A table is made empty and then filled. Made and filled in one statement, a killed build would leave files where there is no table, and Spark
    refuses to make a table there.
-#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {%- set compiled_code = get_select_subquery(compiled_code) -%}
        {%- endif -%}
        {%- set partition_by = config.get('partition_by') or [] -%}
        {%- set partition_by = [partition_by] if partition_by is string else partition_by -%}
        {%- set columns = adapter.get_column_schema_from_query(compiled_code) -%}
        {%- call statement('create_empty_table') -%}
            create table {{ relation }} (
                {%- for column in columns %}
                {{ column.quoted }} {{ column.dtype }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
            using {{ config.get('file_format', 'parquet') }}
            {{ partition_cols(label='partitioned by') }}
            {{ comment_clause() }}
        {%- endcall -%}
        {#- Partition columns come last, whatever was said. -#}
        {%- set names = columns | map(attribute='name') | reject('in', partition_by) | list + partition_by %}
        insert into {{ relation }}
        select
            {%- for name in names %}
            {{ adapter.quote(name) }}{{ ',' if not loop.last }}
            {%- endfor %}
        from ({{ compiled_code }}) as filling
    {%- endif -%}
{%- endmacro %}


{#- A text between quotes: a backslash means itself. dbt-spark's own minds the quotes only. -#}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}


{#- dbt-spark's own puts values between quotes as they are: a quote in a name breaks the statement, and null becomes the text None. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% if not agate_table.rows %}{{ return('') }}{% endif %}
    {% set types = model.config.column_types %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for name in agate_table.column_names %}
            {% set text = 'null' if row[name] is none else dbt.string_literal(dbt.escape_single_quotes(row[name] | string)) %}
            {% do values.append("cast(" ~ text ~ " as " ~ types.get(name, 'string') ~ ")") %}
        {% endfor %}
        {% do rows.append("(" ~ values | join(', ') ~ ")") %}
    {% endfor %}
    {% set sql %}
        insert into {{ this }} values
        {{ rows | join(',\n') }}
    {% endset %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}


{#- Parquet tables hold no constraints, and dbt-spark takes every table for a Delta one unless told otherwise. The tests check what constraints say. -#}
{% macro spark__persist_constraints(relation, model) %}{% endmacro %}
