{#- Which of several records of one call wins: the latest file_date, then the latest loaded, then the last line. -#}
{% macro newest_first() -%}
    case when file_date is null then 1 else 0 end, file_date desc, loaded_at desc, file_id desc, source_line desc
{%- endmacro %}


{#- The vendor's columns of a kind, in the order of its files. -#}
{% macro vendor_columns(kind) %}
    {% set start = ['CallId', 'UserSpaceId', 'CallTime', 'Result', 'Reason', 'Duration'] %}
    {{ return(start + {
        'phone_terminated': [
            'AnswerTime', 'From', 'To', 'Amount', 'Currency', 'Custom', 'ApplicationKey', 'UserId', 'ToCountryId'
        ],
        'phone_originated': ['From', 'To', 'Amount', 'Currency', 'Custom', 'ApplicationKey'],
        'app_app': ['FromUserId', 'ToUserId', 'Custom', 'ApplicationKey'],
        'sip_terminated': ['From', 'To', 'Custom', 'ApplicationKey'],
    }[kind]) }}
{% endmacro %}


{#- All fields of a raw record as one text, to compare records: the separator occurs in no field, an absent field equals an empty one. -#}
{% macro record_text(kind) -%}
    concat_ws(
        chr(31)
        {%- for column in vendor_columns(kind) %},
        coalesce({{ adapter.quote(column) }}, '')
        {%- endfor %}
    )
{%- endmacro %}


{% macro staging_models() %}
    {{ return([
        'stg_sinch__phone_terminated', 'stg_sinch__phone_originated', 'stg_sinch__app_app', 'stg_sinch__sip_terminated'
    ]) }}
{% endmacro %}


{#- The files whose records are in the staging models, as a log input. -#}
{% macro staged_files() -%}
    (
        {%- for model_name in staging_models() %}
        select unit, version from {{ logged(model_name, 'file') }} as {{ model_name }}
        {% if not loop.last %}union all{% endif %}
        {%- endfor %}
    )
{%- endmacro %}


{#- Hook: empties a table that is about to be computed whole without being replaced. -#}
{% macro clear_when_computed_whole() %}
    {% if writes_increment() and computes_whole() %}
        {{ delete_where_in(this, 'key_hash', none) }}
    {% endif %}
{% endmacro %}


{#- Hook of int_calls__contested: drops records of files that are gone, and keys that are left with one record. -#}
{% macro drop_uncontested(input_sql) %}
    {% if writes_increment() %}
        {% set here = "cast(file_id as " ~ dbt.type_string() ~ ") in (select unit from " ~ input_sql ~ " as input)" %}
        delete from {{ this }}
        where
            not {{ here }}
            or key_hash in (select key_hash from {{ this }} where {{ here }} group by key_hash having count(*) = 1)
    {% endif %}
{% endmacro %}


{#- The fields in which records of one call are compared, by their staging names. -#}
{% macro compared_fields() %}
    {{ return([
        'user_space_id', 'call_time', 'result', 'reason', 'duration', 'answer_time', 'from', 'to', 'from_user_id', 'to_user_id',
        'amount', 'currency', 'custom', 'application_key', 'user_id', 'to_country_id',
    ]) }}
{% endmacro %}


{#- The fields in which two raw records differ, comma-separated. -#}
{% macro differing_fields(one, other) -%}
    concat_ws(
        ','
        {%- for field in compared_fields() %},
        case
            when coalesce({{ one }}.{{ adapter.quote(field) }}, '') <> coalesce({{ other }}.{{ adapter.quote(field) }}, '')
                then '{{ field }}'
        end
        {%- endfor %}
    )
{%- endmacro %}
