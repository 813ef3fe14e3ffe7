{#-
    What each incremental model has taken in, kept in the warehouse and written in the model's own transaction, so that a killed build leaves
    table and log agreeing. Append-only: the newest row of (model, unit_type, unit) counts, rows before the model's last `reset` do not.

    unit_type  unit        version
    file       file_id     `in`, or null once its records are taken out again
    day        UTC date    of fact_calls: changes whenever that day's rows are written; of a mart: the fact_calls version it was computed from
    settings   `all`       fingerprint of the variables, seeds and SQL the model was computed with
    reset      `all`       the model was rebuilt whole
-#}

{% macro build_log() %}
    {{ return(api.Relation.create(database=generate_database_name(), schema='intermediate', identifier='build_log')) }}
{% endmacro %}


{% macro create_build_log() %}
    {% if execute %}
        {% do run_query("create schema if not exists " ~ build_log().without_identifier()) %}
    {% endif %}
    create table if not exists {{ build_log() }} (
        seq bigint,
        unit_type {{ dbt.type_string() }},
        unit {{ dbt.type_string() }},
        version {{ dbt.type_string() }},
        logged_at timestamp,
        model {{ dbt.type_string() }}
    ) {{ partitioned_by('model') }}
{% endmacro %}


{#- The units of one type that a model has taken in, as a subquery (unit, version). -#}
{% macro logged(model_name, unit_type) -%}
    (
        select
            unit,
            version
        from (
            select
                unit,
                version,
                row_number() over (partition by unit order by seq desc) as recency
            from {{ build_log() }}
            where
                model = '{{ model_name }}'
                and unit_type = '{{ unit_type }}'
                and seq >= coalesce(
                    (
                        select max(seq)
                        from {{ build_log() }}
                        where model = '{{ model_name }}' and unit_type = 'reset'
                    ),
                    0
                )
        ) as history
        where recency = 1 and version is not null
    )
{%- endmacro %}


{#-
    Whether hooks may change an existing table: not while parsing, not where the table is made new, and not with --empty, which would log as taken
    in what was never read.
-#}
{% macro writes_increment() %}
    {{ return(execute and is_incremental() and not flags.EMPTY) }}
{% endmacro %}


{#- Appends rows (unit, version) of one type to a model's log, all under one new sequence number. -#}
{% macro log_units(unit_type, rows_sql) %}
    {% if flags.EMPTY and unit_type != 'reset' %}{{ return('') }}{% endif %}
    {% set rows %}
        select
            (select coalesce(max(seq), 0) + 1 from {{ build_log() }} where model = '{{ this.name }}') as seq,
            '{{ unit_type }}' as unit_type,
            units.unit,
            units.version,
            cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp) as logged_at,
            '{{ this.name }}' as model
        from ({{ rows_sql }}) as units
    {% endset %}
    {{ add_to_log(rows) }}
{% endmacro %}


{#- Rows that bring a model's log in line with its input: what is new, what has another version, what is gone (version null). -#}
{% macro log_difference(unit_type, input_sql) -%}
    select
        coalesce(input.unit, own.unit) as unit,
        input.version
    from {{ input_sql }} as input
    full outer join {{ logged(this.name, unit_type) }} as own
        on input.unit = own.unit
    where input.version is distinct from own.version
{%- endmacro %}


{#-
    Fingerprint of what a model's rows depend on besides its input rows: its own SQL, and the variables and seeds that its
    config names in `meta: {follows_vars: [...], follows_seeds: [...]}`. As SQL, since seeds are tables.
-#}
{% macro settings_version() -%}
    {%- set meta = model.config.meta -%}
    {%- set settings = [model.checksum.checksum] -%}
    {%- for name in meta.get('follows_vars', []) -%}
        {%- do settings.append(name ~ '=' ~ var(name)) -%}
    {%- endfor -%}
    '{{ local_md5(settings | join("|")) }}'
    {%- if 'pii_mode' in meta.get('follows_vars', []) %}
    || ' ' || {{ pii_settings() }}
    {%- endif -%}
    {%- for seed in meta.get('follows_seeds', []) %}
    || ' ' || {{ seed_fingerprint(ref(seed)) }}
    {%- endfor -%}
{%- endmacro %}


{% macro seed_fingerprint(relation) -%}
    {%- set texts = [] -%}
    {%- for column in adapter.get_columns_in_relation(relation) -%}
        {%- do texts.append("coalesce(cast(" ~ adapter.quote(column.name) ~ " as " ~ dbt.type_string() ~ "), '')") -%}
    {%- endfor -%}
    (
        select concat_ws(
            ':',
            cast(count(*) as {{ dbt.type_string() }}),
            cast(bit_xor({{ key_hash("concat_ws('|', " ~ texts | join(', ') ~ ")") }}) as {{ dbt.type_string() }})
        )
        from {{ relation }}
    )
{%- endmacro %}


{#- Whether the model was last computed with other settings (or its log is lost): then all of it must be computed again. -#}
{% macro settings_changed() -%}
    not exists (select 1 from {{ logged(this.name, 'settings') }} as settings where version = {{ settings_version() }})
{%- endmacro %}


{#- The first column of a query's rows as texts; nothing while parsing. -#}
{% macro query_texts(sql) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {% set texts = [] %}
    {% for row in run_query(sql).rows %}{% do texts.append(row[0] | string) %}{% endfor %}
    {{ return(texts) }}
{% endmacro %}


{#- Whether a model is computed whole: a new table, a full refresh, or changed settings. -#}
{% macro computes_whole() %}
    {% if not execute or not is_incremental() %}{{ return(true) }}{% endif %}
    {{ return(query_texts("select 'yes' where " ~ settings_changed()) | length > 0) }}
{% endmacro %}


{#- Hook, the first one: marks that a model is about to be computed whole; what was logged before no longer counts, also where the build is killed. -#}
{% macro log_reset() %}
    {% if execute and computes_whole() %}
        {{ log_units('reset', "select 'all' as unit, 'reset' as version") }}
    {% endif %}
{% endmacro %}


{#- Hook, the last one: the settings the model is computed with now. -#}
{% macro log_settings() %}
    {{ log_units('settings', "select 'all' as unit, " ~ settings_version() ~ " as version") }}
{% endmacro %}
