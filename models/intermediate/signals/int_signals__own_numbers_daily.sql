{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        caller_e164 as caller,
        callee_e164 as callee,
        is_answered,
        duration_seconds,
        amount_reporting,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    where call_type = 'phone_originated' and callee_e164 is not null and {{ stale('report_date') }}
),

by_caller as (
    select
        min(application_key) as application_key,
        max(application_key) as last_application_key,
        caller,
        callee,
        count(*) as calls,
        sum(duration_seconds) filter (where is_answered) as talk_seconds,
        sum(amount_reporting) as amount_reporting,
        report_date,
        min(called_at) as first_at,
        max(called_at) as last_at
    from calls
    group by
        caller,
        callee,
        report_date
),

final as (
    select
        case when min(application_key) = max(last_application_key) then min(application_key) end
            as application_key,
        callee,
        cast(sum(calls) as bigint) as calls,
        cast(coalesce(sum(calls) filter (where calls > 1 and caller is not null), 0) as bigint)
            as repeated_calls,
        cast(coalesce(sum(talk_seconds), 0) as double) / 60 as minutes,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting,
        report_date,
        min(first_at) as first_at,
        max(last_at) as last_at
    from by_caller
    group by
        callee,
        report_date
)

select * from final
