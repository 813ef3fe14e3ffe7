{#- How the free text of a SIP call's Reason is read. Every macro expects it in upper case. -#}

{#-
    The kind of code in a text and the code, as `sip|486` or `q850|17`; null where there is none. Of a reason
    of RFC 3326 (`Q.850;cause=17`, `SIP;text="Busy Here";cause=486`) the first value counts, parameters in any
    order, quoted texts ignored; of any other text the final SIP status (200, or 300 to 699) that it begins
    with.
-#}
{% macro sip_reason_code(reason) -%}
    {%- set header = '^(SIP|Q[.]850) *;([^,]*;)? *CAUSE *= *0*([0-9]{1,3}) *([;,].*)?$' -%}
    {%- set status = '^(200|[3-6][0-9][0-9])([^0-9]|$)' -%}
    {%- set unquoted = replace_pattern(reason, '"[^"]*"', '') -%}
    case
        when {{ matches(reason, status) }} then concat('sip|', {{ extract_pattern(reason, status, 1) }})
        when {{ matches(unquoted, header) }}
            then concat(
                case when substr({{ reason }}, 1, 1) = 'S' then 'sip|' else 'q850|' end,
                {{ extract_pattern(unquoted, header, 3) }}
            )
    end
{%- endmacro %}


{#-
    A text as the seed sip_reasons spells phrases: underscores and runs of blanks are one blank
    (NORMAL_CLEARING is NORMAL CLEARING).
-#}
{% macro sip_reason_phrase(reason) -%}
    {{ replace_pattern(reason, '[ _]+', ' ') }}
{%- endmacro %}
