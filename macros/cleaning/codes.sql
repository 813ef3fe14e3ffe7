{#-
    Codes that Sinch delivers. A record whose fields are shifted has a number or a name in their place: only
    what is shaped like a code is shown as it is.
-#}

{#- The columns of marts that hold codes. -#}
{% macro code_columns() %}
    {{ return(['result', 'reason', 'currency', 'application_key', 'origin_country', 'destination_country']) }}
{% endmacro %}


{#-
    Whether a text is shaped like a code: `result`, `reason` (with SIP's status codes and causes), `currency`,
    `country`, or a GUID as `application_key`.
-#}
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


{#- For messages and logs: a code as it is, any other text by its shape. -#}
{% macro code_or_shape(text, kind) -%}
    case when {{ is_code(text, kind) }} then {{ text }} else {{ text_shape(text) }} end
{%- endmacro %}
