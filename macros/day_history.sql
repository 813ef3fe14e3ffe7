{#-
    What each UTC day was reported as, in intermediate.day_history: for every kind, application, currency and
    file the calls and amounts that a build found more, or fewer, than the one before. Sums up to a time are
    what was reported then; a day that stays the same has no new rows. It is not part of the build log:
    without that, or by a full refresh, it is kept.
-#}

{% macro day_history() %}
    {{ return(api.Relation.create(
        database=generate_database_name(), schema=build_schema(), identifier='day_history',
    )) }}
{% endmacro %}


{#- Hook at the start of a run. -#}
{% macro create_day_history() %}
    {% if not is_building() %}{{ return('') }}{% endif %}
    create table if not exists {{ day_history() }} (
        file_id bigint,
        call_type {{ dbt.type_string() }},
        application_key {{ dbt.type_string() }},
        currency {{ dbt.type_string() }},
        calls bigint,
        priced_calls bigint,
        amount decimal(38, 6),
        changed_at timestamp,
        day date
    ) {{ partitioned_by('day') }}
{% endmacro %}


{#-
    Hooks of the model that reads it, within its transaction: what was purged goes, and changes are added.
-#}
{% macro forget_purged_days() %}
    {% if is_building() and not flags.EMPTY %}
        {% set purged = "file_id in (select file_id from (" ~ purged_files() ~ ") as purged)" %}
        {{ return(delete_rows(day_history(), purged)) }}
    {% endif %}
{% endmacro %}

{% macro keep_changed_days() %}
    {% if is_building() and not flags.EMPTY %}
        {{ return("insert into " ~ day_history() ~ " " ~ changed_days()) }}
    {% endif %}
{% endmacro %}


{% macro purged_files() -%}
    select file_id from {{ ref('stg_sinch__files') }}
    where state = 'withdrawn' and message like 'purged on %'
{%- endmacro %}


{% macro changed_days() -%}
    {%- set keys = ['file_id', 'call_type', 'application_key', 'currency', 'day'] -%}
    select
        file_id,
        call_type,
        application_key,
        currency,
        cast(sum(calls) as bigint) as calls,
        cast(sum(priced_calls) as bigint) as priced_calls,
        cast(sum(amount) as decimal(38, 6)) as amount,
        cast('{{ run_started_at.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp) as changed_at,
        day
    from (
        select
            {{ keys | join(', ') }},
            calls,
            priced_calls,
            amount
        from {{ ref('int_calls__by_file_daily') }}
        union all
        select
            {{ keys | join(', ') }},
            -calls as calls,
            -priced_calls as priced_calls,
            -amount as amount
        from {{ day_history() }}
        where file_id not in (select file_id from ({{ purged_files() }}) as purged)
    ) as changes
    group by {{ keys | join(', ') }}
    having sum(calls) <> 0 or sum(priced_calls) <> 0 or sum(amount) <> 0
{%- endmacro %}
