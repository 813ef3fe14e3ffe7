{{ config(materialized='table', pre_hook=["{{ forget_purged_days() }}", "{{ keep_changed_days() }}"]) }}

-- Read by these hooks, so dbt must order them first:
-- depends_on: {{ ref('int_calls__by_file_daily') }}
-- depends_on: {{ ref('stg_sinch__files') }}

with

history as (
    select
        file_id,
        {{ pii_application('application_key') }} as application_key,
        {{ pii_code('currency', 'currency') }} as currency,
        calls,
        priced_calls,
        {{ pii_amount('amount', 'currency') }} as amount,
        day,
        changed_at
    from {{ ref('int_day_history') }}
),

first_reported as (
    select
        day,
        min(changed_at) as reported_at
    from history
    group by day
),

changes as (
    select
        day,
        application_key,
        currency,
        changed_at,
        {{ numbers_joined('file_id') }} as file_ids,
        sum(calls) as calls,
        sum(case when amount is null then 0 else priced_calls end) as priced_calls,
        coalesce(sum(amount), 0) as amount
    from history
    group by
        day,
        application_key,
        currency,
        changed_at
),

summed as (
    select
        day,
        application_key,
        currency,
        changed_at,
        file_ids,
        (sum(calls) over so_far) - calls as calls_before,
        sum(calls) over so_far as calls,
        case when (sum(priced_calls) over so_far) > priced_calls then (sum(amount) over so_far) - amount end
            as amount_before,
        case when sum(priced_calls) over so_far > 0 then sum(amount) over so_far end as amount
    from changes
    window so_far as (
        partition by day, application_key, currency
        order by changed_at
        rows between unbounded preceding and current row
    )
),

final as (
    select
        summed.day,
        summed.application_key,
        summed.currency,
        summed.changed_at,
        summed.file_ids,
        cast(summed.calls_before as bigint) as calls_before,
        cast(summed.calls as bigint) as calls,
        cast(summed.amount_before as decimal(38, 6)) as amount_before,
        cast(summed.amount as decimal(38, 6)) as amount
    from summed
    inner join first_reported
        on summed.day = first_reported.day and summed.changed_at > first_reported.reported_at
    where summed.calls <> summed.calls_before or summed.amount is distinct from summed.amount_before
)

select * from final
