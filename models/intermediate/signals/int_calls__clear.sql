{%- set in_clear = var('pii_mode') == 'clear' -%}
{%- set clear = 'calls' if in_clear else 'delivered' -%}

with

calls as (
    select * from {{ ref('fact_calls') }}
),

-- Not read in pii_mode clear: fact_calls has the values.
delivered as ( -- noqa: structure.unused_cte
    select
        file_id,
        source_line,
        application_key,
        user_id,
        caller,
        callee,
        caller_e164,
        callee_e164,
        callee_user_id,
        custom,
        result,
        currency,
        call_date
    from {{ ref('int_calls__located') }}
),

final as (
    select
        calls.call_key,
        calls.call_type,
        calls.user_space_id,
        calls.file_id,
        {{ clear }}.application_key,
        {{ clear }}.user_id,
        {{ clear }}.caller,
        {{ clear }}.callee,
        {{ clear }}.caller_e164,
        {{ clear }}.callee_e164,
        {{ clear }}.callee_user_id,
        calls.number_type,
        calls.origin_country,
        calls.destination_country,
        {{ clear }}.result,
        calls.outcome,
        calls.outcome_side,
        {{ clear }}.currency,
        {{ clear }}.custom,
        calls.duration_seconds,
        calls.answer_delay_seconds,
        calls.amount,
        calls.amount_reporting,
        calls.is_answered,
        calls.is_seizure,
        calls.is_network_effective,
        calls.is_abandoned,
        calls.call_date,
        calls.report_date,
        calls.called_at,
        calls.ended_at
    from calls
    {% if not in_clear %}
    inner join delivered
        on
            calls.call_date = delivered.call_date
            and calls.file_id = delivered.file_id
            and calls.source_line = delivered.source_line
    {% endif %}
)

select * from final
