{#-
    What each model's rows were computed from, kept in the database. models/README.md has a picture; in short:

    model   unit                 part          version: a hash of
    stg_*   file_id              call_date     the file, the rule
    fact    file_id|call_date    report_date   the files' versions, losers, the day's rates, the rule
            (Spark: call_date)
    mart    a day or a file      the same      the units of its inputs that have rows in it, the rule
    view    all                  -             its SQL

    A unit has a row for each part that it has rows in, or one row where it has none. The row `all` of a
    model is its rule. Rows are replaced, never appended. A stale unit has `done` false, the version that it
    will have (none where it is only deleted) and the number of the batch that computes it.
-#}

{% macro build_log() %}
    {{ return(api.Relation.create(
        database=generate_database_name(), schema=sinch_cdr.build_schema(), identifier='build_log',
    )) }}
{% endmacro %}


{#- The schema of the intermediate models: a project with this one as a package may rename it. -#}
{% macro build_schema() %}
    {#- While unit tests are compiled the graph is empty. -#}
    {% set node = graph.get('nodes', {}).get('model.sinch_cdr.int_calls__contenders') %}
    {{ return(node.schema if node else 'intermediate') }}
{% endmacro %}


{#-
    Hook at the start of a run. A log of another shape is of an earlier version: it is dropped, and everything
    is recomputed.
-#}
{% macro create_build_log() %}
    {% if execute %}
        {% do run_query("create schema if not exists " ~ build_log().without_identifier()) %}
        {% set relation = load_relation(build_log()) %}
        {#- not adapter.get_columns_in_relation: it would begin a transaction that nobody commits -#}
        {% if relation and 'batch' not in run_query("select * from " ~ relation ~ " limit 0").column_names %}
            {% do adapter.drop_relation(relation) %}
        {% endif %}
        {% do create_build_queries() %}
    {% endif %}
    create table if not exists {{ build_log() }} (
        unit {{ dbt.type_string() }},
        part {{ dbt.type_string() }},
        version {{ dbt.type_string() }},
        records bigint,
        batch bigint,
        done boolean,
        logged_at timestamp,
        model {{ dbt.type_string() }}
    ) {{ partitioned_by('model') }}
{% endmacro %}


{#- The log's rows of models, as something to select from: the content of their tables. -#}
{% macro logged(models) -%}
    (
        select
            model,
            unit,
            part,
            version
        from {{ sinch_cdr.build_log() }}
        where model in ('{{ models | join("', '") }}') and done and unit <> 'all'
    )
{%- endmacro %}


{#- Rows (unit, part, version, records, and batch where they are stale) as rows of the log. -#}
{% macro log_rows(rows_sql, done) -%}
    select
        unit,
        part,
        version,
        records,
        {{ 'null' if done else 'batch' }} as batch,
        {{ 'true' if done else 'false' }} as done,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp) as logged_at,
        '{{ this.name }}' as model
    from ({{ rows_sql }}) as rows_to_log
{%- endmacro %}


{#- Columns of a model's table as texts: the unit and the part that a row of it belongs to. -#}
{% macro unit_of_row() -%}
    {%- set increment = model.config.meta.increment -%}
    {%- if increment.unit == 'call' -%}
        {{ sinch_cdr.call_unit('file_id', 'call_date') }}
    {%- else -%}
        cast({{ increment.column }} as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}

{% macro part_of_row() -%}
    {%- set column = model.config.meta.increment.part_column or "''" -%}
    coalesce(cast({{ column }} as {{ dbt.type_string() }}), '')
{%- endmacro %}

{#- The part of a unit without rows: the unit itself where parts are units, otherwise none. -#}
{% macro part_without_rows() -%}
    {%- if model.config.meta.increment.part_is_unit -%}
        case when stale.unit <> 'all' then stale.unit else '' end
    {%- else -%}
        ''
    {%- endif -%}
{%- endmacro %}


{#- Hook of every model: the version of a view is its SQL. -#}
{% macro log_view() %}
    {% if sinch_cdr.is_building() and model.config.materialized == 'view' %}
        {% set version = local_md5(sinch_cdr.rule_text()) %}
        {% set logged %}
            select count(*) as versions
            from {{ sinch_cdr.build_log() }}
            where model = '{{ this.name }}' and version = '{{ version }}'
        {% endset %}
        {% if not sinch_cdr.first_row(logged)['versions'] %}
            {% do sinch_cdr.in_transaction(sinch_cdr.forget(this.name)) %}
            {% set row = "select 'all' as unit, '' as part, '" ~ version ~ "' as version, 0 as records" %}
            {{ return("insert into " ~ sinch_cdr.build_log() ~ " " ~ sinch_cdr.log_rows(row, done=true)) }}
        {% endif %}
    {% endif %}
{% endmacro %}
