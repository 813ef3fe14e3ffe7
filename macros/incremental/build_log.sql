{#-
    What each model's rows were computed from, kept in the warehouse and written in the model's own transaction. models/README.md draws it; in short:

    model    unit                           part                              version: a hash of
    stg_*    file_id                        call_date                         the file, the rule
    fact     file_id|call_date (on Spark    report_date                       the files' versions, who lost on the day, the day's rates, the rule
             call_date)
    mart     a day or a file                the same                          the units of its inputs that have rows in it, the rule
    view     all                            -                                 its SQL

    A unit has a row for each part that it has rows in, or one row where it has none. The row `all` of a model holds its rule. Rows are replaced, never
    appended: a unit that is about to be written is there with `done` false and the version it will have, or with no version where it is about to go.
-#}

{% macro build_log() %}
    {{ return(api.Relation.create(database=generate_database_name(), schema=build_schema(), identifier='build_log')) }}
{% endmacro %}


{#- The schema of the intermediate models, which a project that has this one as a package may call otherwise: what builds remember is there, too. -#}
{% macro build_schema() %}
    {#- While unit tests are compiled the graph is empty. -#}
    {% set node = graph.get('nodes', {}).get('model.sinch_cdr.int_calls__contenders') %}
    {{ return(node.schema if node else 'intermediate') }}
{% endmacro %}


{#- At the start of a run. A log of another shape is of an earlier version of the project: without it everything is computed whole. -#}
{% macro create_build_log() %}
    {% if execute %}
        {% do run_query("create schema if not exists " ~ build_log().without_identifier()) %}
        {% set relation = load_relation(build_log()) %}
        {#- not adapter.get_columns_in_relation: it would begin a transaction that nobody commits -#}
        {% if relation and 'part' not in run_query('select * from ' ~ relation ~ ' limit 0').column_names %}
            {% do adapter.drop_relation(relation) %}
        {% endif %}
        {% do create_build_queries() %}
    {% endif %}
    create table if not exists {{ build_log() }} (
        unit {{ dbt.type_string() }},
        part {{ dbt.type_string() }},
        version {{ dbt.type_string() }},
        records bigint,
        done boolean,
        logged_at timestamp,
        model {{ dbt.type_string() }}
    ) {{ partitioned_by('model') }}
{% endmacro %}


{#- The log's rows of models, as something to select from: what their tables hold. -#}
{% macro logged(models) -%}
    (
        select
            model,
            unit,
            part,
            version
        from {{ build_log() }}
        where model in ('{{ models | join("', '") }}') and done and unit <> 'all'
    )
{%- endmacro %}


{#- The units of the model that is being built which are not done; `to_write`: those that will have rows, else also those that go. -#}
{% macro units_not_done(to_write=true) -%}
    select unit
    from {{ build_log() }}
    where model = '{{ this.name }}' and not done and unit <> 'all'
    {%- if to_write %} and version is not null{% endif %}
{%- endmacro %}


{#- Whether models are being built: hooks do nothing else, and without a build there is nothing stale to look at. -#}
{% macro is_building() %}{{ return(execute and flags.WHICH in ['build', 'run', 'retry']) }}{% endmacro %}


{#-
    In a model's `where`: the rows that it must compute. `column` holds days or files, as the model's units are. The text is the same in every build, since
    it is part of the model's rule. In unit tests, and where nothing is built (`dbt show`), every row.
-#}
{% macro stale(column=none, looks_back_days=0) -%}
    {%- if not is_building() or model.resource_type == 'unit_test' -%}
        true
    {%- elif looks_back_days -%}
        {{ column }} in (
            select {{ each_day(add_days('last_day', -looks_back_days), 'last_day') }}
            from (select cast(unit as date) as last_day from ({{ units_not_done() }}) as units) as days
        )
    {%- else -%}
        {{ in_units(column, units_not_done()) }}
        {%- if model.config.meta.increment.unit == 'call' %} {{ and_of_stale_files() }}{% endif -%}
    {%- endif -%}
{%- endmacro %}


{#- A statement of a hook, within the model's transaction. -#}
{% macro in_transaction(sql) %}
    {% call statement('of_increment', auto_begin=true) %}{{ sql }}{% endcall %}
{% endmacro %}

{#- The first column of a query's rows as texts; nothing while parsing. -#}
{% macro query_texts(sql) %}
    {% if not execute %}{{ return([]) }}{% endif %}
    {{ return(run_query(sql).columns[0].values() | map('string') | list) }}
{% endmacro %}


{#- The first row of a query, within the model's transaction. -#}
{% macro first_row(sql) %}
    {% call statement('of_increment', fetch_result=true, auto_begin=true) %}{{ sql }}{% endcall %}
    {{ return(load_result('of_increment').table.rows[0]) }}
{% endmacro %}


{#- The first hook of an incremental model: decides what is stale, logs it as not done and takes its rows out. -#}
{% macro begin_increment() %}
    {% if not is_building() %}{{ return('') }}{% endif %}
    {% set whole = not is_incremental() %}
    {% if flags.EMPTY %}
        {#- Nothing is read: a table that is there keeps its rows, and of one that is made anew nothing is known. -#}
        {% if whole %}{{ return(forget(this.name)) }}{% endif %}
        {{ return('') }}
    {% endif %}
    {% set rule = rule_version() %}
    {% set state %}
        select
            {{ rule }} as rule,
            (select max(version) from {{ build_log() }} where model = '{{ this.name }}' and unit = 'all' and done) as logged_rule,
            (select count(*) from {{ build_log() }} where model = '{{ this.name }}') as logged,
            {{ what_is_missing() }} as missing
    {% endset %}
    {% set state = first_row(state) %}
    {% if state['missing'] %}
        {% set message = this.name ~ " follows " ~ state['missing'] ~ ", which must be built first: run `cdr build`" %}
        {% if whole %}{% do exceptions.raise_compiler_error(message) %}{% endif %}
        {% do exceptions.warn(message ~ "; until then its rows stay as they are") %}
        {{ return('') }}
    {% endif %}
    {% set rule_now = "'" ~ state['rule'] ~ "'" %}
    {% set units = versions(model, rule_now) %}
    {#- The kept query computes the rule when it is asked; a rule that holds a key it keeps as a hash. -#}
    {% set query = keep_query(units if pii_key() in sql else units | replace(rule_now, rule)) %}
    {% if whole %}{% do in_transaction(forget(this.name)) %}{% endif %}
    {% set begun = log_as_begun(difference(units, rule_now), query) %}
    {% if state['logged_rule'] and state['logged_rule'] != state['rule'] %}
        {% set kind = 'files' if model.config.meta.increment.unit == 'file_id' else 'days' %}
        {% do log("rules of " ~ this.name ~ " changed: " ~ "{:,}".format(begun['units']) ~ " " ~ kind ~ " computed anew", info=true) %}
    {% endif %}
    {% if model.config.meta.increment.unit == 'call' %}{% do remember_stale_files() %}{% endif %}
    {% if not whole and (begun['units'] or not state['logged']) %}
        {% do in_transaction(delete_units(everything=not state['logged'])) %}
    {% endif %}
    {% if begun['last_batch'] %}{% do leave_for_later() %}{% endif %}
{% endmacro %}


{#- What the log must become: units that have another version now, or none (null). The rule's own row among them. -#}
{% macro difference(versions_sql, rule) -%}
    select
        coalesce(expected.unit, own.unit) as unit,
        expected.version
    from (
        select
            unit,
            version
        from ({{ versions_sql }}) as units
        union all
        select
            'all' as unit,
            {{ rule }} as version
    ) as expected
    full outer join (
        select distinct
            unit,
            version
        from {{ build_log() }}
        where model = '{{ this.name }}' and done
    ) as own
        on expected.unit = own.unit
    where expected.version is distinct from own.version
{%- endmacro %}


{#- The last hook: what was begun is done, with the parts that its rows are in. -#}
{% macro end_increment() %}
    {% if not is_building() or flags.EMPTY %}{{ return('') }}{% endif %}
    {% set increment = model.config.meta.increment %}
    {% set rows %}
        select
            begun.unit,
            coalesce(counted.part, {{ "case when begun.unit <> 'all' then begun.unit end, " if increment.part_is_unit }}'') as part,
            begun.version,
            coalesce(counted.records, 0) as records
        from {{ build_log() }} as begun
        left join (
            select
                {{ unit_of_row() }} as unit,
                {{ part_of_row() }} as part,
                count(*) as records
            from {{ this }}
            where {{ is_begun_row() }}
            group by
                {{ unit_of_row() }},
                {{ part_of_row() }}
        ) as counted
            on begun.unit = counted.unit
        where begun.model = '{{ this.name }}' and not begun.done and begun.version is not null
    {% endset %}
    {% for batch in log_as_done(rows) %}
        {% do begin_batch(batch) %}
        {% do in_transaction('insert into ' ~ this ~ ' by name ' ~ sql) %}
        {% do log_as_done(rows) %}
    {% endfor %}
{% endmacro %}


{#-
    Days in the order of the calendar and in batches of about var `calls_at_once` records of the model's inputs: one statement computes one. The memory and disk
    that a history takes are then those of a batch, however long it is.
-#}
{% macro batches() -%}
    select
        unit,
        version,
        cast(floor(coalesce(records_before, 0) / {{ var('calls_at_once', 2500000) }}) as integer) as batch
    from (
        select
            begun.unit,
            begun.version,
            sum(read.records) over (order by begun.unit rows between unbounded preceding and 1 preceding) as records_before
        from {{ build_log() }} as begun
        left join (
            select
                unit,
                sum(records) as records
            from (
                {%- for name, unit in inputs_by_unit(model).items() %}
                select
                    {{ unit }} as unit,
                    records
                from {{ build_log() }}
                where model = '{{ name }}' and done
                {{ 'union all' if not loop.last }}
                {%- endfor %}
            ) as records_read
            group by unit
        ) as read
            on begun.unit = read.unit
        where begun.model = '{{ this.name }}' and not begun.done and begun.version is not null and begun.unit <> 'all'
    ) as units
{%- endmacro %}


{#- Columns of a table as texts: the unit and the part that a row of it belongs to. -#}
{% macro unit_of_row() -%}
    {%- set increment = model.config.meta.increment -%}
    {%- if increment.unit == 'call' -%}
        {{ call_unit('file_id', 'call_date') }}
    {%- else -%}
        cast({{ increment.column }} as {{ dbt.type_string() }})
    {%- endif -%}
{%- endmacro %}

{% macro part_of_row() -%}
    {%- set increment = model.config.meta.increment -%}
    coalesce(cast({{ increment.part_column or "''" }} as {{ dbt.type_string() }}), '')
{%- endmacro %}


{#- Whether a row belongs to one of those units; `column` holds days or files, as the model's units are. -#}
{% macro in_units(column, units_sql) -%}
    {%- set unit = model.config.meta.increment.unit -%}
    {%- if unit == 'call' -%}
        {{ in_call_units(units_sql) }}
    {%- else -%}
        {{ column }} in (select cast(unit as {{ 'bigint' if unit == 'file_id' else 'date' }}) from ({{ units_sql }}) as units)
    {%- endif -%}
{%- endmacro %}


{#- Whether a row of the model's table belongs to a unit that is not done. -#}
{% macro is_begun_row() %}{{ return(in_units(model.config.meta.increment.column, units_not_done(to_write=false))) }}{% endmacro %}


{#- Hook of every model: the version of a view is its SQL. -#}
{% macro log_view() %}
    {% if is_building() and model.config.materialized == 'view' %}
        {% set version = local_md5(rule_text()) %}
        {% set logged %}
            select count(*) as versions from {{ build_log() }} where model = '{{ this.name }}' and version = '{{ version }}'
        {% endset %}
        {% if not first_row(logged)['versions'] %}
            {% do in_transaction(forget(this.name)) %}
            {{ return(log_units("select 'all' as unit, '' as part, '" ~ version ~ "' as version, 0 as records", 'true')) }}
        {% endif %}
    {% endif %}
{% endmacro %}


{#- Rows (unit, part, version, records) as a statement that adds them to the model's part of the log. -#}
{% macro log_units(rows_sql, done) -%}
    insert into {{ build_log() }}
    {{ log_rows(rows_sql, done) }}
{%- endmacro %}

{% macro log_rows(rows_sql, done) -%}
    select
        unit,
        part,
        version,
        records,
        {{ done }} as done,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp) as logged_at,
        '{{ this.name }}' as model
    from ({{ rows_sql }}) as rows_to_log
{%- endmacro %}
