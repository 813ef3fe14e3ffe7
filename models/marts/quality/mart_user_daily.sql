{{ incremental_by_day() }}

with

calls as (
    select
        application_key,
        call_type,
        user_id,
        caller,
        callee,
        callee_e164,
        callee_user_id,
        duration_seconds,
        is_answered,
        is_seizure,
        report_date
    from {{ ref('int_calls__clear') }}
    where {{ stale('report_date') }}
),

roles as (
    select
        application_key,
        'caller' as role,
        user_id,
        coalesce(callee_e164, callee) as counterparty,
        duration_seconds,
        is_answered,
        is_seizure,
        report_date
    from calls
    union all
    select
        application_key,
        'callee' as role,
        callee_user_id as user_id,
        caller as counterparty,
        duration_seconds,
        is_answered,
        is_seizure,
        report_date
    from calls
    where call_type = 'app_app'
),

by_user as (
    select
        report_date,
        application_key,
        role,
        user_id,
        {{ quality_counts(['bids', 'seizures', 'answers', 'talk_seconds']) }},
        count(distinct counterparty) as distinct_counterparties
    from roles
    group by
        report_date,
        application_key,
        role,
        user_id
),

-- Users that pii_mode shows as one are one row; in mode clear there are none.
shown as (
    select
        report_date,
        {{ pii_application('application_key') }} as application_key,
        role,
        {{ pii('user_id') }} as user_id,
        bids,
        seizures,
        answers,
        talk_seconds,
        distinct_counterparties
    from by_user
),

summed as ( -- noqa: structure.unused_cte
    select
        report_date,
        application_key,
        role,
        user_id,
        cast(sum(bids) as bigint) as bids,
        cast(sum(seizures) as bigint) as seizures,
        cast(sum(answers) as bigint) as answers,
        cast(sum(talk_seconds) as bigint) as talk_seconds,
        cast(sum(distinct_counterparties) as bigint) as distinct_counterparties
    from shown
    group by
        report_date,
        application_key,
        role,
        user_id
),

final as (
    select
        report_date,
        application_key,
        role,
        user_id,
        bids,
        seizures,
        answers,
        talk_seconds,
        {{ quality_ratios(['asr']) }},
        distinct_counterparties
    from {{ 'by_user' if var('pii_mode') == 'clear' else 'summed' }}
)

select * from final
