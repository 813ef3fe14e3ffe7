{#-
    What a model's rows depend on, read from dbt's graph: a model needs no list. Of the incremental models
    that it reads count the units that have rows in each of its own units. Its SQL, the views that it reads
    through, and seeds and small tables (by their content) are its rule.
-#}

{#- The nodes that a model reads, by id: directly, and through views and ephemeral models. -#}
{% macro nodes_read(node, nodes) %}
    {% for id in node.depends_on.nodes if id in graph.nodes and id not in nodes %}
        {% do nodes.update({id: graph.nodes[id]}) %}
        {% if graph.nodes[id].config.materialized in ['view', 'ephemeral'] %}
            {% do sinch_cdr.nodes_read(graph.nodes[id], nodes) %}
        {% endif %}
    {% endfor %}
    {{ return(nodes.values() | sort(attribute='name')) }}
{% endmacro %}


{#-
    The incremental models among them whose units or parts are of the kind of the model's own units: for each,
    the column of the log that holds them.
-#}
{% macro inputs_by_unit(node) %}
    {% set unit = node.config.meta.increment.unit %}
    {% set inputs = {} %}
    {% for other in sinch_cdr.nodes_read(node, {}) if other.config.meta.increment %}
        {% set increment = other.config.meta.increment %}
        {% if increment.part == unit %}
            {% do inputs.update({other.name: 'part'}) %}
        {% elif increment.unit == unit %}
            {% do inputs.update({other.name: 'unit'}) %}
        {% elif increment.unit == 'call' and unit == 'call_date' %}
            {% do inputs.update({other.name: "split_part(unit, '|', -1)"}) %}
        {% endif %}
    {% endfor %}
    {% if not inputs %}
        {% set message = node.name ~ " is incremental by " ~ unit ~ ", but reads nothing that is" %}
        {% do exceptions.raise_compiler_error(message) %}
    {% endif %}
    {{ return(inputs) }}
{% endmacro %}


{#- A query (unit, version): the units that a model's inputs have now. `rule` is SQL. -#}
{% macro versions(node, rule) %}
    {% set increment = node.config.meta.increment %}
    {% if increment.kind %}{{ return(sinch_cdr.versions_of_files(increment.kind, rule)) }}{% endif %}
    {% if increment.unit == 'call' %}{{ return(sinch_cdr.versions_of_calls(rule)) }}{% endif %}
    {{ return(sinch_cdr.versions_by_inputs(node, rule)) }}
{% endmacro %}


{% macro versions_of_files(kind, rule) -%}
    select
        cast(file_id as {{ dbt.type_string() }}) as unit,
        md5(concat_ws(
            '|',
            {{ rule }},
            sha256,
            cast(file_date as {{ dbt.type_string() }}),
            cast(loaded_at as {{ dbt.type_string() }}),
            case when message like 'redacted on %' then message end
        )) as version
    from {{ ref('stg_sinch__files') }}
    where kind = '{{ kind }}' and state = 'current'
{%- endmacro %}


{#- With `looks_back_days` a unit's version covers its inputs of the days before, too. -#}
{% macro versions_by_inputs(node, rule) -%}
    {%- set looks_back_days = node.config.meta.increment.looks_back_days -%}
    with

    items as (
        {%- for name, unit in sinch_cdr.inputs_by_unit(node).items() %}
        select distinct
            {{ unit }} as unit,
            concat_ws('|', '{{ name }}', unit, version) as item
        from {{ sinch_cdr.logged([name]) }} as logged
        where {{ unit }} <> ''
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    )

    select
        units.unit,
        md5(concat_ws('|', {{ rule }}, {{ sinch_cdr.fingerprint('items.item') }})) as version
    from (select distinct unit from items) as units
    inner join items
        {%- if looks_back_days %}
        on
            cast(items.unit as date) >= {{ sinch_cdr.add_days('cast(units.unit as date)', -looks_back_days) }}
            and cast(items.unit as date) <= cast(units.unit as date)
        {%- else %}
        on units.unit = items.unit
        {%- endif %}
    group by units.unit
{%- endmacro %}


{#-
    A set of rows as one short text, in any order. The rows must be distinct: equal ones would cancel each
    other.
-#}
{% macro fingerprint(text) -%}
    concat_ws(
        ':',
        cast(count({{ text }}) as {{ dbt.type_string() }}),
        cast(bit_xor({{ sinch_cdr.key_hash(text) }}) as {{ dbt.type_string() }})
    )
{%- endmacro %}


{#-
    The compiled SQL of the model that is being built, without what does not matter: blanks, and the name of
    the database.
-#}
{% macro rule_text() %}
    {% set text = sql %}
    {% if this.database is not none %}
        {% set text = text | replace(adapter.quote(this.database) ~ '.', '') %}
        {% set text = text | replace(this.database ~ '.', '') %}
    {% endif %}
    {{ return(text.split() | join(' ')) }}
{% endmacro %}


{#- The model's contract: names, types and constraints of its columns. -#}
{% macro contract_text() %}
    {% set texts = [] %}
    {% if config.get('contract').enforced %}
        {% for column in model.columns.values() %}
            {% do texts.append([column.name, column.data_type, column.constraints] | string) %}
        {% endfor %}
    {% endif %}
    {{ return(texts | join) }}
{% endmacro %}


{#-
    SQL of one text that changes with everything that a model's rows depend on but the units of its inputs:
    its SQL and contract, the columns of those inputs, the views that it reads through as they are in the
    database, seeds and small tables by their content, and the key of pii_mode hashed.
-#}
{% macro rule_version() -%}
    {%- set views = [] -%}
    {%- set tables = [] -%}
    {%- set read_by_unit = model.config.meta.increment.read_by_unit or [] -%}
    {%- set nodes = sinch_cdr.nodes_read(model, {}) -%}
    {%- for node in nodes -%}
        {%- set is_by_unit = node.config.meta.increment or node.name in read_by_unit -%}
        {%- if node.config.materialized == 'view' -%}
            {#- dbt 2 names it post_hook here. -#}
            {%- if 'log_view' not in [node.config['post-hook'], node.config.post_hook] | string -%}
                {%- set problem = model.name ~ " reads the view " ~ node.name ~ ", which has no post-hook" -%}
                {%- set remedy = 'set `+post-hook: "{{ sinch_cdr.log_view() }}"` for your models' -%}
                {%- do exceptions.raise_compiler_error(problem ~ ": " ~ remedy) -%}
            {%- endif -%}
            {%- do views.append(node.name) -%}
        {#- The SQL of an ephemeral model is within the model's own. -#}
        {%- elif node.config.materialized != 'ephemeral' and not is_by_unit -%}
            {%- do tables.append(api.Relation.create(
                database=node.database, schema=node.schema, identifier=node.alias
            )) -%}
        {%- endif -%}
    {%- endfor -%}
    md5(concat_ws(
        '|',
        '{{ local_md5(sinch_cdr.rule_text() ~ sinch_cdr.contract_text()) }}',
        {{ sinch_cdr.columns_of(nodes | selectattr('config.meta.increment') | list) }}
        {%- if sinch_cdr.pii_key() in sql %},
        {{ sinch_cdr.pii_settings() }}
        {%- endif %},
        (
            select {{ sinch_cdr.fingerprint("concat_ws('|', model, version)") }}
            from {{ sinch_cdr.build_log() }}
            where model in ('{{ views | join("', '") }}') and unit = 'all'
        )
        {%- for table in tables %},
        {{ sinch_cdr.content_version(table) }}
        {%- endfor %}
    ))
{%- endmacro %}


{#- The content of a seed or a small table, and the names of its columns, as one text, as SQL. -#}
{% macro content_version(relation) -%}
    (
        select {{ sinch_cdr.fingerprint("concat_ws('|', content, repeats)") }}
        from (
            select
                content,
                count(*) as repeats
            from (
                select {{ sinch_cdr.row_text('row_of_table') }} as content
                from {{ relation }} as row_of_table
            ) as texts
            group by content
        ) as rows_of_table
    )
{%- endmacro %}


{#- SQL of the name of an input that is not built, or is behind its own inputs; null where none is. -#}
{% macro what_is_missing() -%}
    {%- set inputs = sinch_cdr.nodes_read(model, {}) | selectattr('config.meta.increment') -%}
    coalesce(
        (
            select min(inputs.name)
            from (
                select '' as name
                {%- for input in inputs %}
                union all
                select '{{ input.name }}' as name
                {%- endfor %}
            ) as inputs
            where
                inputs.name <> ''
                and inputs.name not in (
                    select model from {{ sinch_cdr.build_log() }} where unit = 'all' and done
                )
        ),
        {{ sinch_cdr.contenders_behind() if model.config.meta.increment.unit == 'call' else 'null' }}
    )
{%- endmacro %}
