{#-
    Codes that Sinch delivers, beside personal data: a record whose fields are shifted holds a number or a name in them. Only what is shaped like a code is shown
    as it is.
-#}

{#- The columns of marts that hold codes. -#}
{% macro code_columns() %}
    {{ return(['result', 'reason', 'currency', 'application_key', 'origin_country', 'destination_country']) }}
{% endmacro %}


{#- Whether a text is shaped like a code: `result`, `reason` (SIP's status codes and causes too), `currency`, `country`, or a GUID as `application_key`. -#}
{% macro is_code(text, kind) -%}
    {%- set word = '[A-Z][A-Z0-9_/ ]{0,29}' -%}
    {%- set shapes = {
        'result': word,
        'reason': word ~ '|[1-6][0-9][0-9]( ' ~ word ~ ')?|(SIP|Q[.]850) *; *CAUSE *= *[0-9]{1,3}',
        'currency': '[A-Z]{3}',
        'country': '[A-Z]{2}',
        'application_key': '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}',
    } -%}
    {{ matches(text, '^(' ~ shapes[kind] ~ ')$') }}
{%- endmacro %}


{#- A code for messages and logs: as it is, or by its shape where it is none. -#}
{% macro code_or_shape(text, kind) -%}
    case when {{ is_code(text, kind) }} then {{ text }} else {{ text_shape(text) }} end
{%- endmacro %}
