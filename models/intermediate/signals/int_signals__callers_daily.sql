{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        caller_e164 as caller,
        coalesce(callee_e164, callee) as callee,
        is_answered,
        is_abandoned,
        duration_seconds,
        amount_reporting,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    where caller_e164 is not null and {{ stale('report_date') }}
),

bursts as (
    {{ signal_settings('short_call_burst', ['short_seconds', 'min_answers'], also_off=true) }}
),

low_trust as (
    {{ signal_settings('low_trust_number', ['short_seconds', 'min_answers'], also_off=true) }}
),

dialers as (
    {{ signal_settings('dialer_like', ['engaged_seconds', 'min_answers'], also_off=true) }}
),

wangiri as (
    {{ signal_settings('wangiri_like', ['min_callees'], also_off=true) }}
),

settings as (
    select
        bursts.short_seconds as burst_seconds,
        low_trust.short_seconds as trust_seconds,
        dialers.engaged_seconds,
        least(bursts.min_answers, low_trust.min_answers, dialers.min_answers, wangiri.min_callees)
            as min_calls
    from bursts
    cross join low_trust
    cross join dialers
    cross join wangiri
),

-- Most callers make too few calls for any rule and are left out: no rule about callers has a baseline.
busy as (
    select
        calls.caller,
        calls.report_date
    from calls
    cross join settings
    group by
        calls.caller,
        calls.report_date
    having count(*) >= max(settings.min_calls)
),

final as (
    select
        case
            when min(calls.application_key) = max(calls.application_key) then min(calls.application_key)
        end as application_key,
        calls.caller,
        count(*) as calls,
        count(calls.duration_seconds) filter (where calls.is_answered) as timed_answers,
        cast(coalesce(sum(calls.duration_seconds) filter (where calls.is_answered), 0) as bigint)
            as talk_seconds,
        count(*) filter (where calls.is_answered and calls.duration_seconds <= settings.burst_seconds)
            as burst_answers,
        count(*) filter (where calls.is_answered and calls.duration_seconds < settings.trust_seconds)
            as short_answers,
        count(*) filter (where calls.is_answered and calls.duration_seconds < settings.engaged_seconds)
            as unengaged_answers,
        count(distinct calls.callee) as distinct_callees,
        -- the ringing time of an abandoned call is not known, and irrelevant for other unanswered calls
        percentile_cont(0.5) within group (
            order by
                case
                    when calls.is_answered then cast(calls.duration_seconds as double)
                    when calls.is_abandoned then cast(0 as double)
                end
        ) as median_seconds,
        cast(sum(calls.amount_reporting) as decimal(38, 6)) as amount_reporting,
        calls.report_date,
        min(calls.called_at) as first_at,
        max(calls.called_at) as last_at
    from calls
    inner join busy
        on calls.caller = busy.caller and calls.report_date = busy.report_date
    cross join settings
    group by
        calls.caller,
        calls.report_date
)

select * from final
