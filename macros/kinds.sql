{#- The kinds of files: the only list of them in dbt. A test compares it with loader/feeds.py. -#}

{#- The vendor's columns of each kind, in the order of its files. -#}
{% macro kinds() %}
    {% set every_kind = ['CallId', 'UserSpaceId', 'CallTime', 'Result', 'Reason', 'Duration'] %}
    {{ return({
        'phone_terminated': every_kind + [
            'AnswerTime', 'From', 'To', 'Amount', 'Currency', 'Custom', 'ApplicationKey', 'UserId',
            'ToCountryId',
        ],
        'phone_originated': every_kind + ['From', 'To', 'Amount', 'Currency', 'Custom', 'ApplicationKey'],
        'app_app': every_kind + ['FromUserId', 'ToUserId', 'Custom', 'ApplicationKey'],
        'sip_terminated': every_kind + ['From', 'To', 'Custom', 'ApplicationKey'],
    }) }}
{% endmacro %}


{#- How each column is typed (macros/cleaning/records.sql), in the order of the typed tables. -#}
{% macro column_types() %}
    {{ return({
        'CallId': 'text',
        'UserSpaceId': 'integer',
        'ApplicationKey': 'code',
        'UserId': 'text',
        'FromUserId': 'text',
        'ToUserId': 'text',
        'Result': 'code',
        'Reason': 'code',
        'From': 'text',
        'To': 'text',
        'ToCountryId': 'code',
        'Currency': 'code',
        'Custom': 'text',
        'Duration': 'seconds',
        'Amount': 'decimal',
        'CallTime': 'time',
        'AnswerTime': 'time',
    }) }}
{% endmacro %}


{% macro staging_models() %}
    {% set names = [] %}
    {% for kind in sinch_cdr.kinds() %}{% do names.append('stg_sinch__' ~ kind) %}{% endfor %}
    {{ return(names) }}
{% endmacro %}


{#- The columns of a kind, or of all kinds, whose delivered text may not parse: in the vendor's order. -#}
{% macro typed_fields(kind=none) %}
    {% set fields = [] %}
    {% for columns in ([kinds()[kind]] if kind else kinds().values()) %}
        {% for column in columns if column_types()[column] not in ['text', 'code'] %}
            {% if snake_case(column) not in fields %}{% do fields.append(snake_case(column)) %}{% endif %}
        {% endfor %}
    {% endfor %}
    {{ return(fields) }}
{% endmacro %}


{#- CallId as call_id. -#}
{% macro snake_case(name) %}{{ return(modules.re.sub('(?<!^)(?=[A-Z])', '_', name) | lower) }}{% endmacro %}


{#- The first of these vendor's columns that a kind has, typed; in other kinds null. -#}
{% macro typed_column(kind, columns, type) -%}
    {%- set present = columns | select('in', kinds()[kind]) | list -%}
    {{ adapter.quote(snake_case(present[0])) if present else 'cast(null as ' ~ type ~ ')' }}
{%- endmacro %}
