{#- A GUID in its one spelling, lower case with dashes; any other text as it is. -#}
{% macro guid(text) -%}
    case
        when {{ matches(text, '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') }} then {{ text }}
        when {{ matches(text, '^[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}$') }}
            then {{ dashed_guid("replace(lower(" ~ text ~ "), '-', '')") }}
        else {{ text }}
    end
{%- endmacro %}

{% macro dashed_guid(hex) -%}
    concat(
        substr({{ hex }}, 1, 8), '-', substr({{ hex }}, 9, 4), '-', substr({{ hex }}, 13, 4), '-',
        substr({{ hex }}, 17, 4), '-', substr({{ hex }}, 21, 12)
    )
{%- endmacro %}


{#-
    A phone number as `+` and digits, or null. Taken: all digits (7 to 15), with or without +; the same within `Name <...>`, behind sip: or tel: and
    before @; a + followed by digits set apart by blanks, dots or dashes. Not taken: names, private, anonymous, alphabetic users.
    No national or 00 prefix is guessed at: the digits are kept as delivered.
-#}
{% macro e164(text) -%}
    {%- set uri = '^([^<>]*<)?([sS][iI][pP][sS]?:|[tT][eE][lL]:)?[+]?([0-9]{7,15})([@;:][^<>]*)?(>.*)?$' -%}
    {%- set spaced = replace_pattern(text, '[ .-]', '') -%}
    case
        when {{ matches(text, '^[+]?[0-9]{7,15}$') }} then concat('+', replace({{ text }}, '+', ''))
        when {{ matches(text, uri) }} then concat('+', {{ extract_pattern(text, uri, 3) }})
        when {{ matches(text, '^[+][0-9 .-]+$') }} and {{ matches(spaced, '^[+][0-9]{7,15}$') }} then {{ spaced }}
    end
{%- endmacro %}
