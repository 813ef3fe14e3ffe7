{#- Delivered text to typed value: trimmed; null where it is empty or does not fit. -#}

{#-
    A text without blank and invisible characters at its ends; null where nothing is left. For names, numbers,
    ids and custom.
-#}
{% macro clean_text(column) -%}
    nullif({{ trim_blanks(column) }}, '')
{%- endmacro %}


{#-
    As clean_text, and null where the text is a word for "none". For every column that cannot hold such a word
    as its value.
-#}
{% macro clean_code(column) -%}
    {%- set text = trim_blanks(column) -%}
    {%- set postgres_null = text_literal('\\N') -%}
    case
        when {{ text }} not in ('', '-', 'NULL', 'null', 'nil', 'None', {{ postgres_null }}) then {{ text }}
    end
{%- endmacro %}


{#-
    The bigint of a text of digits, at most `at_most`. One engine rounds 12.5 and 1e3, the other refuses them.
-#}
{% macro whole_number(text, at_most=none) -%}
    case
        when
            {{ matches(text, '^[0-9]+$') }}
            {%- if at_most is not none %}
            and try_cast({{ text }} as bigint) <= {{ at_most }}
            {%- endif %}
            then try_cast({{ text }} as bigint)
    end
{%- endmacro %}


{#- The seconds of a call. More than ten million (115 days) are a fault. -#}
{% macro call_seconds(text) -%}
    {{ whole_number(text, at_most=10000000) }}
{%- endmacro %}


{#- [+-]digits[.digits] as a decimal(18, 6). A seventh decimal must be zero: money is never rounded. -#}
{% macro to_decimal(text) -%}
    case
        when {{ matches(text, '^[+-]?[0-9]+([.][0-9]{1,6})?$') }} then try_cast({{ text }} as decimal(18, 6))
        when {{ matches(text, '^[+-]?[0-9]+[.][0-9]{6}0+$') }}
            then try_cast({{ extract_pattern(text, '^([+-]?[0-9]+[.][0-9]{6})', 1) }} as decimal(18, 6))
    end
{%- endmacro %}


{#-
    An ISO 8601 date and time before 2100 as a UTC timestamp: T, t or a blank between them; with or without
    seconds; a fraction after a point or a comma, cut to microseconds; then Z, z, an offset as hh, hhmm or
    hh:mm, or nothing (UTC). The usual form is cast as it is, others are rewritten first. A leap second (60)
    is the first second of the next minute; a database's zero date (0000-00-00) is in year 1. Hour 24 and
    offsets of 18 hours and more are null: only one of the engines reads them.
-#}
{% macro iso_timestamp(text) -%}
    {%- set date_shape = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
    {%- set minute_shape = '([01][0-9]|2[0-3]):[0-9]{2}' -%}
    {%- set usual_date = '([01][0-9]|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])' -%}
    {%- set usual = '^' ~ usual_date ~ '[T ]' ~ minute_shape ~ ':[0-9]{2}([.][0-9]{1,9})?Z?$' -%}
    {%- set offset = '[+-](0[0-9]|1[0-7])(:?[0-5][0-9])?' -%}
    {%- set to_the_minute = '^' ~ date_shape ~ '[Tt ]' ~ minute_shape -%}
    {%- set other = to_the_minute ~ '(:[0-9]{2}([.,][0-9]+)?)?([Zz]|' ~ offset ~ ')?$' -%}
    {%- set leap_second = to_the_minute ~ ':60' -%}
    {%- set read = utc_timestamp(usual_iso_form(text)) -%}
    {%- set with_second_59 = "concat(substr(" ~ text ~ ", 1, 17), '59', substr(" ~ text ~ ", 20))" -%}
    {%- set after_leap = add_seconds(utc_timestamp(usual_iso_form(with_second_59)), 1) -%}
    {%- set end = "timestamp '2100-01-01 00:00:00'" -%}
    case
        when {{ matches(text, usual) }} and substr({{ text }}, 18, 2) <> '60'
            then try_cast({{ text }} as timestamp)
        when not {{ matches(text, other) }} then null
        when substr({{ text }}, 1, 10) = '0000-00-00' then timestamp '0001-01-01 00:00:00'
        when {{ matches(text, leap_second) }}
            then case when {{ after_leap }} < {{ end }} then {{ after_leap }} end
        when {{ read }} < {{ end }} then {{ read }}
    end
{%- endmacro %}


{#-
    An ISO 8601 text of another form, rewritten with capital T and Z, seconds, a decimal point, at most six
    decimals, and minutes in its offset.
-#}
{% macro usual_iso_form(text) -%}
    {%- set capital = "upper(replace(" ~ text ~ ", ',', '.'))" -%}
    {%- set with_seconds = replace_pattern(capital, '^(.{16})((Z|[+-].*)?)$', '$1:00$2') -%}
    {%- set microseconds = replace_pattern(with_seconds, '([.][0-9]{6})[0-9]+', '$1') -%}
    {{ replace_pattern(microseconds, '^(.{11}.*[+-][0-9]{2})$', '$1:00') }}
{%- endmacro %}


{#-
    A timestamp; null before 1990. No call is that old, but systems write "none" as a time of year 1, 1900 or
    1970, in any time zone.
-#}
{% macro null_if_no_moment(moment) -%}
    case when {{ moment }} >= timestamp '1990-01-01 00:00:00' then {{ moment }} end
{%- endmacro %}


{#-
    Names of the fields whose text (`<field>_text`) did not parse, comma-separated; null where there are none.
-#}
{% macro invalid_fields(fields) -%}
    nullif(
        concat_ws(
            ','
            {%- for field in fields %},
            case when {{ field }}_text is not null and {{ field }} is null then '{{ field }}' end
            {%- endfor %}
        ),
        ''
    )
{%- endmacro %}


{#- Whether a name is one of a comma-separated list of names. -#}
{% macro is_listed(name, list) -%}
    concat(',', {{ list }}, ',') like '%,{{ name }},%'
{%- endmacro %}


{#-
    The shape of a text, without its content: digits as 9, letters (and what could be either) as a, cut to 40
    characters.
-#}
{% macro text_shape(text) -%}
    {%- set letters = '[A-Za-zªµºÀ-ÖØ-öø-῿Ⰰ-퟿豈-￯𐀀-𯿿]' -%}
    {{ replace_pattern(replace_pattern('substr(' ~ text ~ ', 1, 40)', '[0-9]', '9'), letters, 'a') }}
{%- endmacro %}
