{#-
    Which UTC days of fact_calls are written by this build, and which days of a mart follow. Days are handed to the SQL as literals, so that an engine skips
    what does not match.
-#}

{#- The files whose records fact_calls may hold: those that int_calls__contested has ranked. -#}
{% macro contested_files() %}{{ return(logged('int_calls__contested', 'file')) }}{% endmacro %}


{#- The fingerprint of the exchange rates that a day's calls are converted with, as a subquery (unit, fx) over a subquery of days. -#}
{% macro fx_by_day(days_sql) -%}
    (
        select
            days.unit,
            coalesce(
                cast(bit_xor({{ key_hash("concat_ws('|', fx.from_currency, cast(fx.rate_date as " ~ dbt.type_string() ~ "), cast(fx.rate as " ~ dbt.type_string() ~ "))") }}) as {{ dbt.type_string() }}),
                'none'
            ) as fx
        from ({{ days_sql }}) as days
        cross join (select max(last_day) as last_day from {{ ref('int_fx_rates__daily') }}) as fx_end
        left join {{ ref('int_fx_rates__daily') }} as fx
            on least(cast(days.unit as date), fx_end.last_day) = fx.day
        group by days.unit
    )
{%- endmacro %}


{#-
    In fact_calls: the UTC days to write, or none where all are. They are the days of calls that came with a file or went with one, of calls that won or
    lost against one of those, days whose exchange rates changed, and days that an interrupted build had begun.
-#}
{% macro changed_call_days() %}
    {% set changes = changed_files(contested_files()) %}
    {% if changes.everything %}{{ return(none) }}{% endif %}
    {% set own_days = logged('fact_calls', 'day') %}
    {% set sql %}
        select distinct cast(call_date as {{ dbt.type_string() }})
        from {{ ref('int_calls__unioned') }}
        where key_hash is not null and {{ in_list('file_id', changes.added) }}
        union
        select cast(call_date as {{ dbt.type_string() }})
        from {{ ref('int_calls__contested') }}
        where {{ in_list('winner_file_id', changes.added) }}
        {% if changes.removed %}
        union
        select cast(call_date as {{ dbt.type_string() }}) from {{ this }} where {{ in_list('file_id', changes.removed) }}
        union
        select cast(call_date as {{ dbt.type_string() }})
        from {{ ref('int_calls__unioned') }}
        where key_hash in (
            select {{ key_hash("concat_ws('|', call_type, call_id)") }} from {{ this }}
            where {{ in_list('file_id', changes.removed) }}
        )
        {% endif %}
        union
        select own.unit
        from {{ own_days }} as own
        inner join {{ fx_by_day("select unit from " ~ own_days ~ " as logged_days") }} as rates
            on own.unit = rates.unit
        where split_part(own.version, '|', 2) <> rates.fx
    {% endset %}
    {{ return(query_texts(sql)) }}
{% endmacro %}


{% macro day_literals(days) %}
    {% set literals = [] %}
    {% for day in days | sort %}{% do literals.append("date '" ~ day ~ "'") %}{% endfor %}
    {{ return(literals) }}
{% endmacro %}


{% macro on_changed_call_days() -%}
    {%- set days = changed_call_days() -%}
    {{ 'true' if days is none else in_list('call_date', day_literals(days)) }}
{%- endmacro %}


{#- Hook: marks the days that are about to be written, so that a build killed half-way writes them again on an engine without transactions. -#}
{% macro log_call_days_begun() %}
    {% if writes_increment() %}
        {% set days = changed_call_days() %}
        {% if days is none %}
            {{ log_units('day', "select unit, 'begun|begun' as version from " ~ logged('fact_calls', 'day') ~ " as own") }}
        {% elif days %}
            {% set rows = [] %}
            {% for day in days | sort %}{% do rows.append("select '" ~ day ~ "' as unit, 'begun|begun' as version") %}{% endfor %}
            {{ log_units('day', rows | join(' union all ')) }}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro delete_begun_call_days() %}
    {% if writes_increment() %}
        {%- set days = changed_call_days() -%}
        {{ delete_where_in(this, 'call_date', none if days is none else day_literals(days)) }}
    {% endif %}
{% endmacro %}


{#- Hook: a new version for every day that was written. -#}
{% macro log_call_days_done() %}
    {% if execute %}
        {% set written %}
            {% if computes_whole() %}
                select distinct cast(call_date as {{ dbt.type_string() }}) as unit from {{ this }}
            {% else %}
                select unit from {{ logged('fact_calls', 'day') }} as own where version = 'begun|begun'
            {% endif %}
        {% endset %}
        {% set rows %}
            select
                unit,
                concat(
                    cast((select max(seq) + 1 from {{ build_log() }} where model = 'fact_calls') as {{ dbt.type_string() }}), '|', fx
                ) as version
            from {{ fx_by_day(written) }} as written_days
        {% endset %}
        {{ log_units('day', rows) }}
    {% endif %}
{% endmacro %}


{#- ------------------------------------------------------------------------------------------------- marts by day -#}

{#- The days of the reporting time zone that UTC days reach: one or two each. -#}
{% macro report_days_of(utc_days) %}
    {% set zone = modules.pytz.timezone(var('reporting_timezone')) %}
    {% set day_length = modules.datetime.timedelta(days=1, microseconds=-1) %}
    {% set days = [] %}
    {% for day in utc_days %}
        {% set midnight = modules.pytz.utc.localize(modules.datetime.datetime.strptime(day, '%Y-%m-%d')) %}
        {% do days.append(midnight.astimezone(zone).strftime('%Y-%m-%d')) %}
        {% do days.append((midnight + day_length).astimezone(zone).strftime('%Y-%m-%d')) %}
    {% endfor %}
    {{ return(days | unique | list) }}
{% endmacro %}


{#- In a mart: the days it must compute again, or none where all are. -#}
{% macro changed_report_days() %}
    {% if not execute or not is_incremental() or computes_whole() %}{{ return(none) }}{% endif %}
    {% set difference = log_difference('day', logged('fact_calls', 'day')) %}
    {{ return(report_days_of(query_texts("select unit from (" ~ difference ~ ") as difference"))) }}
{% endmacro %}


{% macro on_changed_days() -%}
    {%- set days = changed_report_days() -%}
    {{ 'true' if days is none else in_list('report_date', day_literals(days)) }}
{%- endmacro %}


{#- Hook of a mart: deletes the days that are computed again; a day without calls any more must go too. -#}
{% macro delete_changed_days() %}
    {% if writes_increment() %}
        {%- set days = changed_report_days() -%}
        {{ delete_where_in(this, 'report_date', none if days is none else day_literals(days)) }}
    {% endif %}
{% endmacro %}


{#- Hook of a mart: logs the versions of the days that it was computed from. -#}
{% macro log_days() %}
    {{ log_units('day', log_difference('day', logged('fact_calls', 'day'))) }}
{% endmacro %}
