{#-
    An ISO 8601 text of the right shape and at most six decimals as a UTC timestamp; null where there is no
    such time. DuckDB's plain timestamp reads Z but drops an offset silently, so a text with one is cast to
    timestamptz; Spark's timestamp applies it (session time zone UTC).
-#}
{% macro utc_timestamp(text) %}{{ return(adapter.dispatch('utc_timestamp')(text)) }}{% endmacro %}

{% macro duckdb__utc_timestamp(text) -%}
    case
        when regexp_matches({{ text }}, '[+-][0-9]{2}:?[0-9]{2}$')
            then try_cast({{ text }} as timestamptz) at time zone 'UTC'
        else try_cast({{ text }} as timestamp)
    end
{%- endmacro %}

{% macro spark__utc_timestamp(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}


{#- Seconds from one timestamp to another, with their fraction. -#}
{% macro seconds_between(started_at, ended_at) %}
    {{ return(adapter.dispatch('seconds_between')(started_at, ended_at)) }}
{% endmacro %}

{% macro duckdb__seconds_between(started_at, ended_at) -%}
    (epoch_us({{ ended_at }}) - epoch_us({{ started_at }})) / 1000000.0::double
{%- endmacro %}

{% macro spark__seconds_between(started_at, ended_at) -%}
    cast(unix_micros({{ ended_at }}) - unix_micros({{ started_at }}) as double) / 1000000
{%- endmacro %}


{#- A timestamp some seconds later, an integer. -#}
{% macro add_seconds(moment, seconds) %}
    {{ return(adapter.dispatch('add_seconds')(moment, seconds)) }}
{% endmacro %}

{% macro duckdb__add_seconds(moment, seconds) -%}
    {{ moment }} + to_seconds({{ seconds }})
{%- endmacro %}

{% macro spark__add_seconds(moment, seconds) -%}
    timestamp_micros(unix_micros({{ moment }}) + {{ seconds }} * 1000000L)
{%- endmacro %}


{#- Whole days from one date to another. -#}
{% macro days_between(from_date, to_date) %}
    {{ return(adapter.dispatch('days_between')(from_date, to_date)) }}
{% endmacro %}

{% macro duckdb__days_between(from_date, to_date) -%}
    cast({{ to_date }} - {{ from_date }} as integer)
{%- endmacro %}

{% macro spark__days_between(from_date, to_date) -%}
    datediff({{ to_date }}, {{ from_date }})
{%- endmacro %}


{#-
    The wall clock of an IANA time zone at a UTC timestamp, as a timestamp without a zone; null where the zone
    is. The zone is an expression.
-#}
{% macro wall_clock(moment, zone) %}{{ return(adapter.dispatch('wall_clock')(moment, zone)) }}{% endmacro %}

{% macro duckdb__wall_clock(moment, zone) -%}
    {{ moment }} at time zone 'UTC' at time zone {{ zone }}
{%- endmacro %}

{% macro spark__wall_clock(moment, zone) -%}
    from_utc_timestamp({{ moment }}, {{ zone }})
{%- endmacro %}


{#- The same for the zone of a name. -#}
{% macro time_in_zone(moment, zone) -%}
    {{ moment if zone == 'UTC' else wall_clock(moment, text_literal(zone)) }}
{%- endmacro %}


{#- The calendar date of a UTC timestamp in an IANA time zone. -#}
{% macro date_in_zone(moment, zone) -%}
    cast({{ time_in_zone(moment, zone) }} as date)
{%- endmacro %}


{#- Day of the ISO week, Monday 1 to Sunday 7. -#}
{% macro iso_weekday(day) %}{{ return(adapter.dispatch('iso_weekday')(day)) }}{% endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    cast(isodow({{ day }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    weekday({{ day }}) + 1
{%- endmacro %}


{#- The first day of a date's month. date_trunc returns another type on each engine. -#}
{% macro month_of(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}


{#- A timestamp as microseconds since 1970, a bigint. -#}
{% macro microseconds(moment) %}{{ return(adapter.dispatch('microseconds')(moment)) }}{% endmacro %}

{% macro duckdb__microseconds(moment) -%}
    epoch_us({{ moment }})
{%- endmacro %}

{% macro spark__microseconds(moment) -%}
    unix_micros({{ moment }})
{%- endmacro %}


{#- The timestamp of microseconds since 1970. -#}
{% macro from_microseconds(number) %}{{ return(adapter.dispatch('from_microseconds')(number)) }}{% endmacro %}

{% macro duckdb__from_microseconds(number) -%}
    make_timestamp({{ number }})
{%- endmacro %}

{% macro spark__from_microseconds(number) -%}
    timestamp_micros({{ number }})
{%- endmacro %}


{#- In a select list: a row for every day from one date to another. -#}
{% macro each_day(first_day, last_day) %}
    {{ return(adapter.dispatch('each_day', 'sinch_cdr')(first_day, last_day)) }}
{% endmacro %}

{% macro duckdb__each_day(first_day, last_day) -%}
    cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date)
{%- endmacro %}

{% macro spark__each_day(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}


{#- A date some days later, or earlier. -#}
{% macro add_days(day, days) %}
    {{ return(adapter.dispatch('add_days', 'sinch_cdr')(day, days)) }}
{% endmacro %}

{% macro duckdb__add_days(day, days) -%}
    ({{ day }} + ({{ days }}))
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, {{ days }})
{%- endmacro %}
