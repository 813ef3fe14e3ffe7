{{ incremental_by_day('call_date', column='day') }}

with

calls as (
    select
        call_type,
        application_key,
        file_id,
        currency,
        amount,
        call_date
    from {{ ref('int_calls__clear') }}
    where {{ stale('call_date') }}
),

final as (
    select
        file_id,
        call_type,
        application_key,
        currency,
        count(*) as calls,
        count(amount) as priced_calls,
        cast(coalesce(sum(amount), 0) as decimal(38, 6)) as amount,
        call_date as day
    from calls
    group by
        file_id,
        call_type,
        application_key,
        currency,
        call_date
)

select * from final
