with

feed as (
    select
        call_type,
        status,
        file_date
    from {{ ref('mart_feed_completeness') }}
),

files as (
    select
        kind as call_type,
        file_date,
        covers_from
    from {{ ref('stg_sinch__files') }}
    where state = 'current' and covers_from is not null
),

invoiced_months as (
    select distinct invoice_month as month
    from {{ ref('int_invoices') }}
),

money_feed as (
    select * from feed
    where call_type in ('phone_terminated', 'phone_originated')
),

span as (
    select
        max(case when status in ('present', 'empty') then file_date end) as newest_file_date,
        max(file_date) as last_day
    from feed
),

kinds as (
    select
        call_type,
        {{ month_of('min(file_date)') }} as first_month
    from money_feed
    group by call_type
),

-- A kind's first file may cover days before its own.
covered_days as (
    select
        money_feed.call_type,
        {{ each_day('files.covers_from', 'files.file_date') }} as file_date
    from money_feed
    inner join files
        on money_feed.call_type = files.call_type and money_feed.file_date = files.file_date
),

known_days as (
    select
        call_type,
        file_date
    from money_feed
    where status <> 'missing'
    union distinct
    select
        call_type,
        file_date
    from covered_days
),

days as (
    select
        count(*) as kinds,
        file_date,
        {{ month_of('file_date') }} as month
    from known_days
    group by file_date
),

every_month as (
    select {{ month_of('file_date') }} as month
    from feed
    union distinct
    select month
    from days
    union distinct
    select month
    from invoiced_months
),

-- In a month that is not over, days are due up to the newest of any kind; with its invoice, all are.
months as (
    select
        count(kinds.call_type) as due_kinds,
        every_month.month,
        last_day(every_month.month) as last_day,
        case
            when invoiced_months.month is not null then last_day(every_month.month)
            else least(last_day(every_month.month), span.last_day)
        end as last_due_day,
        span.newest_file_date
    from every_month
    cross join span
    left join invoiced_months
        on every_month.month = invoiced_months.month
    left join kinds
        on every_month.month >= kinds.first_month
    group by
        every_month.month,
        invoiced_months.month,
        span.last_day,
        span.newest_file_date
),

counted as (
    select
        months.month,
        months.last_day,
        months.newest_file_date,
        count(days.file_date) as days_with_files,
        case
            when months.due_kinds > 0
                then
                    {{ days_between('months.month', 'months.last_due_day') }} + 1
                    - count(case when days.kinds >= months.due_kinds then days.file_date end)
            else 0
        end as missing_feed_days
    from months
    left join days
        on months.month = days.month
    group by
        months.month,
        months.last_day,
        months.last_due_day,
        months.newest_file_date,
        months.due_kinds
),

final as (
    select
        cast(missing_feed_days as bigint) as missing_feed_days,
        days_with_files,
        coalesce(missing_feed_days = 0 and newest_file_date >= last_day, false) as is_whole_month,
        month
    from counted
)

select * from final
