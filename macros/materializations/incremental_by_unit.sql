{#-
    How an incremental model is built, from top to bottom. models/README.md, "How increments are decided",
    defines the words; macros/engine/ has what differs between DuckDB and Spark.

    From the second step to the last, stale units are in the log as not done. A build that is killed in
    between leaves them so, and the next one computes them. On DuckDB all steps are one transaction, too.
-#}
{% materialization incremental_by_unit, default %}
    {% set table = this.incorporate(type='table') %}
    {% set found = load_cached_relation(this) %}
    {% set keeps_rows = found and found.is_table and sinch_cdr.table_keeps_rows() %}
    {% set is_new = not keeps_rows or should_full_refresh() %}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {#- 1. Read the rule, the logged one, and an input that is not built. -#}
    {% set rule = sinch_cdr.rule_version() %}
    {% set state = sinch_cdr.first_row(sinch_cdr.state_of_increment(rule)) %}
    {% set is_behind = state.missing and not flags.EMPTY %}
    {% if is_behind %}{% do sinch_cdr.report_missing_input(state.missing, fail=is_new) %}{% endif %}

    {#- 2. Log stale units with their new versions, as not done. -#}
    {% set is_whole = not is_behind and (is_new or (state.rule != state.logged_rule and not flags.EMPTY)) %}
    {% if is_whole %}{% do sinch_cdr.in_transaction(sinch_cdr.forget(this.name)) %}{% endif %}
    {% set rule_now = "'" ~ state.rule ~ "'" %}
    {% set stale = {'units': 0, 'batches': 0} %}
    {% if not is_behind and not flags.EMPTY %}
        {% set units = sinch_cdr.stale_units(sinch_cdr.versions(model, rule_now), rule_now) %}
        {% set stale = sinch_cdr.log_stale(units) %}
        {% do sinch_cdr.report_whole(found, state, stale.units) if is_whole %}
    {% endif %}

    {% set steps = [] %}
    {#- 3. Create the table, or delete the rows of stale units. -#}
    {% if is_whole %}
        {% if found %}{% do steps.append('drop ' ~ found.type ~ ' if exists ' ~ found) %}{% endif %}
        {% do steps.append(sinch_cdr.create_empty_table(table, sql)) %}
    {% elif stale.units %}
        {% do steps.append(sinch_cdr.delete_stale_rows()) %}
    {% endif %}
    {#- 4. Compute rows, batch by batch, and log the units as done. -#}
    {% for _ in range(stale.batches | int) %}
        {% do steps.append(sinch_cdr.insert_stale_rows(sql)) %}
        {% do steps.append(sinch_cdr.write_log(sinch_cdr.units_of_batch(), done=true)) %}
    {% endfor %}
    {% if flags.EMPTY %}{% do steps.append(sinch_cdr.insert_stale_rows(sql)) %}{% endif %}
    {% if not is_behind and not flags.EMPTY %}
        {#- The kept query computes the rule when it runs; a rule with a secret key is kept as a hash. -#}
        {% set kept_rule = rule_now if sinch_cdr.pii_key() in sql else rule %}
        {% do steps.append(sinch_cdr.keep_query(sinch_cdr.versions(model, kept_rule))) %}
    {% endif %}
    {% do sinch_cdr.run_as_main(steps | select | list or ["select 'nothing is stale' as state"]) %}

    {% do apply_grants(table, config.get('grants'), should_revoke(found, is_whole)) %}
    {% do persist_docs(table, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [table]}) }}
{% endmaterialization %}


{% macro state_of_increment(rule) -%}
    select
        {{ rule }} as rule,
        (
            select max(version)
            from {{ sinch_cdr.build_log() }}
            where model = '{{ this.name }}' and unit = 'all' and done
        ) as logged_rule,
        {{ sinch_cdr.what_is_missing() }} as missing
{%- endmacro %}


{% macro report_missing_input(name, fail) %}
    {% set message = this.name ~ " follows " ~ name ~ ", which must be built first: run `cdr build`" %}
    {% if fail %}{% do exceptions.raise_compiler_error(message) %}{% endif %}
    {% do exceptions.warn(message ~ "; until then its rows stay as they are") %}
{% endmacro %}


{% macro report_whole(found, state, units) %}
    {% set kind = 'files' if model.config.meta.increment.unit == 'file_id' else 'days' %}
    {% if state.logged_rule not in [none, state.rule] %}
        {% set number = "{:,}".format(units) %}
        {% do log("rules of " ~ this.name ~ " changed: " ~ number ~ " " ~ kind ~ " recomputed", info=true) %}
    {% elif found and not state.logged_rule and not should_full_refresh() %}
        {% set table = this.schema ~ "." ~ this.identifier %}
        {% do log(table ~ ": no build of this version is logged, it is recomputed whole", info=true) %}
    {% endif %}
{% endmacro %}


{#-
    Units whose version is not the logged one, or that are not done: rows (unit, part, version, records,
    batch). One that the inputs no longer have has no version. `all` is the rule.

    A model by days computes them in batches: a statement takes as many days, in calendar order, as have about
    var `calls_at_once` records in its inputs. So a history needs the memory and disk of one batch.
-#}
{% macro stale_units(versions_sql, rule) -%}
    {%- set has_batches = model.config.meta.increment.unit in ['call_date', 'report_date'] -%}
    select
        stale.unit,
        '' as part,
        stale.version,
        0 as records,
        {% if has_batches -%}
        case
            when stale.unit = 'all' then 0
            else {{ sinch_cdr.batch_of('sum(read.records) over earlier_days') }}
        end
        {%- else -%}
        0
        {%- endif %} as batch
    from (
        select
            coalesce(expected.unit, logged.unit) as unit,
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
                version,
                done
            from {{ sinch_cdr.build_log() }}
            where model = '{{ this.name }}'
        ) as logged
            on expected.unit = logged.unit
        where expected.version is distinct from logged.version or not logged.done
    ) as stale
    {%- if has_batches %}
    left join (
        {{ sinch_cdr.records_read() | indent(8) }}
    ) as read
        on stale.unit = read.unit and stale.version is not null
    window earlier_days as (order by stale.unit rows between unbounded preceding and 1 preceding)
    {%- endif %}
{%- endmacro %}


{#- How many units are stale, without the row of the rule, and in how many batches. -#}
{% macro stale_counted() -%}
    select
        count(case when unit <> 'all' then unit end) as units,
        count(distinct batch) as batches
    from {{ sinch_cdr.build_log() }}
    where model = '{{ this.name }}' and not done
{%- endmacro %}


{#- How many records the model's inputs have in each of its units. -#}
{% macro records_read() -%}
    select
        unit,
        sum(records) as records
    from (
        {%- for name, unit in sinch_cdr.inputs_by_unit(model).items() %}
        select
            {{ unit }} as unit,
            records
        from {{ sinch_cdr.build_log() }}
        where model = '{{ name }}' and done
        {{ 'union all' if not loop.last }}
        {%- endfor %}
    ) as records_by_input
    group by unit
{%- endmacro %}


{#-
    The units that the last statement computed: rows (unit, part, version, records), one for each part that a
    unit has rows in, or one where it has none. Units that were only deleted are left out.
-#}
{% macro units_of_batch() -%}
    select
        stale.unit,
        coalesce(counted.part, {{ sinch_cdr.part_without_rows() }}) as part,
        stale.version,
        coalesce(counted.records, 0) as records
    from {{ sinch_cdr.build_log() }} as stale
    left join (
        select
            {{ sinch_cdr.unit_of_row() }} as unit,
            {{ sinch_cdr.part_of_row() }} as part,
            count(*) as records
        from {{ this }}
        where {{ sinch_cdr.in_units(model.config.meta.increment.column, sinch_cdr.units_to_compute()) }}
        group by
            {{ sinch_cdr.unit_of_row() }},
            {{ sinch_cdr.part_of_row() }}
    ) as counted
        on stale.unit = counted.unit
    where {{ sinch_cdr.is_of_batch('stale.') }} and stale.version is not null
{%- endmacro %}
