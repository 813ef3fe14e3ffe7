{%- set keys = custom_keys() -%}
{%- set open_keys = keys | rejectattr('contains_pii') | map(attribute='key') | list %}
-- noqa: disable=references.keywords,layout.indent

with

calls as (
    select
        call_key,
        application_key,
        custom,
        result,
        outcome,
        outcome_side,
        currency,
        duration_seconds,
        amount,
        amount_reporting,
        is_answered,
        is_seizure,
        is_network_effective,
        is_abandoned,
        report_date
    from {{ ref('int_calls__clear') }}
),

-- Without a key there are no rows, and nothing is read.
keys as (
    {% for key in keys -%}
    select '{{ key.key }}' as key
    {{ 'union all' if not loop.last }}
    {% else -%}
    select cast(null as {{ dbt.type_string() }}) as key
    where false
    {% endfor %}
),

found as (
    select
        calls.*,
        keys.key,
        {% if keys -%}
        case keys.key
            {%- for key in keys %}
            when '{{ key.key }}' then {{ custom_text('calls.custom', key.name) }}
            {%- endfor %}
        end as found_text
        {%- else -%}
        calls.custom as found_text
        {%- endif %}
    from calls
    cross join keys
),

cleaned as (
    select
        *,
        {{ clean_text('found_text') }} as value
    from found
),

final as (
    select
        call_key,
        {{ pii_application('application_key') }} as application_key,
        key,
        case
            {%- for key in open_keys %}
            when key = '{{ key }}' then value
            {%- endfor %}
            when true then {{ pii('value') }}
        end as value,
        {{ pii_code('currency', 'currency') }} as currency,
        result,
        outcome,
        outcome_side,
        duration_seconds,
        amount,
        amount_reporting,
        is_answered,
        is_seizure,
        is_network_effective,
        is_abandoned,
        report_date
    from cleaned
)

select * from final
