{#-
    Codes that Sinch delivers, beside personal data: a record whose fields are shifted holds a number or a name in them. Only what is shaped like a code is shown
    as it is.
-#}

{#- The columns of marts that hold codes. -#}
{% macro code_columns() %}
    {{ return(['result', 'reason', 'currency', 'application_key', 'origin_country', 'destination_country']) }}
{% endmacro %}


{#- Whether a text is shaped like a code: of `result` or `reason`, a `currency`, a `country`. -#}
{% macro is_code(text, kind) -%}
    {%- set shapes = {'result': '[A-Z][A-Z0-9_/ ]{0,29}', 'reason': '[A-Z][A-Z0-9_/ ]{0,29}', 'currency': '[A-Z]{3}', 'country': '[A-Z]{2}'} -%}
    {{ matches(text, '^' ~ shapes[kind] ~ '$') }}
{%- endmacro %}


{#- A code for messages and logs: as it is, or by its shape where it is none. -#}
{% macro code_or_shape(text, kind) -%}
    case when {{ is_code(text, kind) }} then {{ text }} else {{ text_shape(text) }} end
{%- endmacro %}
