with

calls as (
    select * from {{ ref('fact_calls') }}
),

-- In pii_mode clear fact_calls has the values itself.
delivered as (
    select
        file_id,
        source_line,
        user_id,
        caller,
        callee,
        caller_e164,
        callee_e164,
        call_date
    from {{ ref('int_calls__normalised') }}
    where {{ "1 = 0" if var('pii_mode') == 'clear' else "1 = 1" }}
),

final as (
    select
        calls.call_key,
        calls.call_type,
        calls.application_key,
        coalesce(delivered.user_id, calls.user_id) as user_id,
        coalesce(delivered.caller, calls.caller) as caller,
        coalesce(delivered.callee, calls.callee) as callee,
        coalesce(delivered.caller_e164, calls.caller_e164) as caller_e164,
        coalesce(delivered.callee_e164, calls.callee_e164) as callee_e164,
        calls.number_type,
        calls.origin_country,
        calls.destination_country,
        calls.result,
        calls.outcome,
        calls.outcome_side,
        calls.currency,
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
    left join delivered
        on
            calls.call_date = delivered.call_date
            and calls.file_id = delivered.file_id
            and calls.source_line = delivered.source_line
)

select * from final
