{#-
    Which of several records of a call wins: the latest file_date, then the latest loaded, then the last line.
-#}
{% macro newest_first() -%}
    case when file_date is null then 1 else 0 end,
    file_date desc,
    loaded_at desc,
    file_id desc,
    source_line desc
{%- endmacro %}


{#- The vendor's columns of a kind, in the order of its files. -#}
{% macro vendor_columns(kind) %}
    {% set start = ['CallId', 'UserSpaceId', 'CallTime', 'Result', 'Reason', 'Duration'] %}
    {{ return(start + {
        'phone_terminated': [
            'AnswerTime', 'From', 'To', 'Amount', 'Currency', 'Custom', 'ApplicationKey', 'UserId',
            'ToCountryId',
        ],
        'phone_originated': ['From', 'To', 'Amount', 'Currency', 'Custom', 'ApplicationKey'],
        'app_app': ['FromUserId', 'ToUserId', 'Custom', 'ApplicationKey'],
        'sip_terminated': ['From', 'To', 'Custom', 'ApplicationKey'],
    }[kind]) }}
{% endmacro %}


{#-
    All fields of a raw record as one text, to compare records. No field contains the separator; an absent
    field equals an empty one. Redacted records differ where they did before.
-#}
{% macro record_text(kind) -%}
    concat_ws(
        chr(31)
        {%- for column in vendor_columns(kind) %},
        coalesce({{ adapter.quote(column) }}, '')
        {%- endfor %},
        {{ kept(redaction('_extra'), 'redacted') }}
    )
{%- endmacro %}


{% macro kinds() %}
    {{ return(['phone_terminated', 'phone_originated', 'app_app', 'sip_terminated']) }}
{% endmacro %}


{% macro staging_models() %}
    {% set names = [] %}
    {% for kind in kinds() %}{% do names.append('stg_sinch__' ~ kind) %}{% endfor %}
    {{ return(names) }}
{% endmacro %}


{#-
    The fields in which two raw records of a kind differ: staging's names in the vendor's order, joined by
    commas.
-#}
{% macro differing_fields(one, other, call_type) -%}
    concat_ws(
        ','
        {%- for position in range(1, vendor_columns('phone_terminated') | length + 1) %},
        case
            when
                split_part({{ one }}, chr(31), {{ position }})
                <> split_part({{ other }}, chr(31), {{ position }})
                then case {{ call_type }}
                    {%- for kind in kinds() if vendor_columns(kind) | length >= position %}
                    when '{{ kind }}' then '{{ snake_case(vendor_columns(kind)[position - 1]) }}'
                    {%- endfor %}
                end
        end
        {%- endfor %}
    )
{%- endmacro %}


{#- CallId as call_id. -#}
{% macro snake_case(name) %}{{ return(modules.re.sub('(?<!^)(?=[A-Z])', '_', name) | lower) }}{% endmacro %}
