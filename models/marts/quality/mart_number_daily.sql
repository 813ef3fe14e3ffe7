{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        call_type,
        caller,
        callee,
        caller_e164,
        callee_e164,
        duration_seconds,
        amount_reporting,
        is_seizure,
        is_answered,
        report_date
    from {{ ref('int_calls__clear') }}
    where {{ stale('report_date') }}
),

-- A withheld number is not a name.
parties as (
    select
        *,
        case
            when caller_e164 is null and not {{ is_withheld('caller') }} then caller
        end as caller_party,
        case when callee_e164 is null then callee end as callee_party
    from calls
    where call_type <> 'app_app'
),

roles as (
    select
        application_key,
        call_type,
        'caller' as role,
        caller_e164 as number,
        caller_party as other_party,
        coalesce(callee_e164, callee_party) as counterparty,
        is_seizure,
        is_answered,
        duration_seconds,
        amount_reporting,
        report_date
    from parties
    union all
    select
        application_key,
        call_type,
        'callee' as role,
        callee_e164 as number,
        callee_party as other_party,
        coalesce(caller_e164, caller_party, '') as counterparty,
        is_seizure,
        is_answered,
        duration_seconds,
        amount_reporting,
        report_date
    from parties
),

by_number as (
    select
        report_date,
        call_type,
        role,
        number,
        other_party,
        count(distinct application_key) as application_count,
        {{ quality_counts(['bids', 'seizures', 'answers', 'timed_answers', 'talk_seconds']) }},
        count(*) filter (where is_answered and duration_seconds < 10) as under_10s_calls,
        count(*) filter (where is_answered and duration_seconds >= 60) as engaged_calls,
        count(distinct counterparty) as distinct_counterparties,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting
    from roles
    group by
        report_date,
        call_type,
        role,
        number,
        other_party
),

-- Parties that pii_mode shows as one are one row; in mode clear there are none.
shown as (
    select
        report_date,
        call_type,
        role,
        {{ pii('number') }} as number,
        {{ pii('other_party') }} as other_party,
        application_count,
        bids,
        seizures,
        answers,
        timed_answers,
        talk_seconds,
        under_10s_calls,
        engaged_calls,
        distinct_counterparties,
        amount_reporting
    from by_number
),

summed as ( -- noqa: structure.unused_cte
    select
        report_date,
        call_type,
        role,
        number,
        other_party,
        cast(sum(application_count) as bigint) as application_count,
        cast(sum(bids) as bigint) as bids,
        cast(sum(seizures) as bigint) as seizures,
        cast(sum(answers) as bigint) as answers,
        cast(sum(timed_answers) as bigint) as timed_answers,
        cast(sum(talk_seconds) as bigint) as talk_seconds,
        cast(sum(under_10s_calls) as bigint) as under_10s_calls,
        cast(sum(engaged_calls) as bigint) as engaged_calls,
        cast(sum(distinct_counterparties) as bigint) as distinct_counterparties,
        cast(sum(amount_reporting) as decimal(38, 6)) as amount_reporting
    from shown
    group by
        report_date,
        call_type,
        role,
        number,
        other_party
),

final as (
    select
        report_date,
        call_type,
        role,
        number,
        other_party,
        application_count,
        bids,
        seizures,
        answers,
        timed_answers,
        talk_seconds,
        under_10s_calls,
        engaged_calls,
        {{ quality_ratios(['asr', 'aloc_seconds']) }},
        {{ ratio('under_10s_calls', 'timed_answers') }} as under_10s_share,
        {{ ratio('engaged_calls', 'timed_answers') }} as engaged_share,
        distinct_counterparties,
        amount_reporting
    from {{ 'by_number' if var('pii_mode') == 'clear' else 'summed' }}
)

select * from final
