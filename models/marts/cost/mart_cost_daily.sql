{{
    config(
        materialized='incremental',
        incremental_strategy=replacing_strategy(),
        partition_by=partition_column('report_date'),
        on_schema_change='fail',
        meta={'follows_vars': ['reporting_timezone', 'reporting_currency']},
        pre_hook=["{{ log_reset() }}", "{{ delete_changed_days() }}"],
        post_hook=[
            "{{ log_days() }}",
            "{{ log_settings() }}",
        ],
    )
}}

with

calls as (
    select
        application_key,
        call_type,
        destination_country,
        currency,
        is_answered,
        duration_seconds,
        amount,
        amount_reporting,
        report_date
    from {{ ref('fact_calls') }}
    where {{ on_changed_days() }}
),

summed as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        count(*) filter (where amount > 0) as charged_calls,
        coalesce(sum(duration_seconds) filter (where is_answered), 0) as answered_seconds,
        sum(duration_seconds) filter (where amount > 0) as charged_seconds,
        sum(amount) filter (where amount > 0) as charged_amount,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        count(*) filter (where amount is not null and amount_reporting is null) as unconverted_calls
    from calls
    group by
        report_date,
        call_type,
        application_key,
        destination_country,
        currency
),

final as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        calls,
        answers,
        charged_calls,
        cast(answered_seconds as double) / 60 as minutes,
        cast(amount as decimal(38, 6)) as amount,
        cast(amount_reporting as decimal(38, 6)) as amount_reporting,
        unconverted_calls,
        {{ ratio('60 * charged_amount', 'charged_seconds') }} as effective_rate_per_minute,
        {{ ratio('amount', 'answers') }} as cost_per_answer
    from summed
)

select * from final
