{{ incremental_by_day() }}

with

calls as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and {{ shows_a_tariff() }}
),

pairs as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        {{ micros('amount') }} as amount,
        count(*) as calls
    from calls
    group by
        report_date,
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount
),

-- A mixed choice among equally common pairs: short and long calls distinguish different increments.
ranked as (
    select
        *,
        row_number() over (
            partition by report_date, call_type, application_key, destination_country, currency
            order by
                calls desc,
                duration_seconds * 2654435761 % 4294967296 asc,
                duration_seconds asc,
                amount asc
        ) as pair_rank,
        sum(calls) over (
            partition by report_date, call_type, application_key, destination_country, currency
        ) as group_calls,
        min(
            case
                when amount % 10000 = 0 then 10000
                when amount % 1000 = 0 then 1000
                when amount % 100 = 0 then 100
                when amount % 10 = 0 then 10
                else 1
            end
        ) over (partition by report_date, call_type, application_key, destination_country, currency) as unit
    from pairs
),

final as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        calls,
        cast(unit as bigint) as unit,
        cast(group_calls as bigint) as group_calls,
        report_date
    from ranked
    where pair_rank <= 60
)

select * from final
