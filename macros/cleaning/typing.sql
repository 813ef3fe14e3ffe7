{#- How a delivered text becomes a typed value: trimmed, empty is null, anything that does not fit is null and gets named. -#}

{% macro clean_text(column) -%}
    nullif({{ trim_blanks(column) }}, '')
{%- endmacro %}


{#- Digits only: 12.5 and 1e3 would be rounded by one engine and refused by the other. -#}
{% macro whole_number(text) -%}
    case when {{ matches(text, '^[0-9]+$') }} then try_cast({{ text }} as bigint) end
{%- endmacro %}


{#- [+-]digits[.digits] with six decimals kept; a further decimal must be zero, because money is never rounded. -#}
{% macro amount(text) -%}
    case
        when {{ matches(text, '^[+-]?[0-9]+([.][0-9]{1,6})?$') }} then try_cast({{ text }} as decimal(18, 6))
        when {{ matches(text, '^[+-]?[0-9]+[.][0-9]{6}0+$') }}
            then try_cast({{ extract_pattern(text, '^([+-]?[0-9]+[.][0-9]{6})', 1) }} as decimal(18, 6))
    end
{%- endmacro %}


{#-
    ISO 8601 date and time, T or a blank between them, Z, an offset or nothing (UTC) behind. Both engines cut decimals beyond
    microseconds; hour 24 and offsets from 18 hours are refused since only one of them reads them.
-#}
{% macro iso_timestamp(text) -%}
    {%- set date_shape = '[0-9]{4}-[0-9]{2}-[0-9]{2}' -%}
    {%- set time_shape = '([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}([.][0-9]+)?' -%}
    case
        when {{ matches(text, '^' ~ date_shape ~ '[T ]' ~ time_shape ~ '(Z|[+-](0[0-9]|1[0-7]):?[0-5][0-9])?$') }}
            then {{ utc_timestamp(text) }}
    end
{%- endmacro %}


{#- A year-one moment is how some systems write "none": null. -#}
{% macro known_moment(moment) -%}
    nullif({{ moment }}, cast('0001-01-01 00:00:00' as timestamp))
{%- endmacro %}


{#-
    Names of the fields whose text (`<field>_text`) is there but did not parse, comma-separated; null when all did.
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


{#- The fields that are more than text, so that what is delivered in them may not parse. -#}
{% macro typed_fields() %}
    {{ return(['user_space_id', 'call_time', 'duration', 'answer_time', 'amount']) }}
{% endmacro %}


{#- Whether a name is one of a comma-separated list of names. -#}
{% macro is_listed(name, list) -%}
    concat(',', {{ list }}, ',') like '%,{{ name }},%'
{%- endmacro %}


{#- What a text looks like, and nothing of what it says: digits as 9, letters (and what could be either) as a, cut to 40 characters. -#}
{% macro text_shape(text) -%}
    {%- set letters = '[A-Za-zªµºÀ-ÖØ-öø-῿Ⰰ-퟿豈-￯𐀀-𯿿]' -%}
    {{ replace_pattern(replace_pattern('substr(' ~ text ~ ', 1, 40)', '[0-9]', '9'), letters, 'a') }}
{%- endmacro %}
