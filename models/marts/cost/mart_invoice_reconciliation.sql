{{ config(materialized='table') }}

with

days as (
    select
        application_key,
        currency,
        calls,
        amount,
        {{ month_of('call_date') }} as month
    from {{ ref('int_amounts__daily') }}
),

invoices as (
    select
        application_key,
        currency,
        invoice_amount,
        invoice_month as month
    from {{ ref('int_invoices') }}
),

feed as (
    select
        missing_feed_days,
        month
    from {{ ref('int_feed__months') }}
),

applications as (
    select
        month,
        application_key,
        currency,
        {{ whole('sum(calls)') }} as calls,
        sum(amount) as amount
    from days
    group by
        month,
        application_key,
        currency
),

accounts as (
    select
        month,
        currency,
        {{ whole('sum(calls)') }} as calls,
        sum(amount) as amount
    from applications
    group by
        month,
        currency
),

billed_accounts as (
    select
        month,
        currency,
        coalesce(
            sum(invoice_amount) filter (where application_key is null),
            sum(invoice_amount)
        ) as invoice_amount,
        count(application_key) as application_lines
    from invoices
    group by
        month,
        currency
),

account_rows as (
    select
        coalesce(accounts.month, billed_accounts.month) as month,
        'account' as scope,
        cast(null as {{ dbt.type_string() }}) as application_key,
        coalesce(accounts.currency, billed_accounts.currency) as currency,
        accounts.calls,
        accounts.amount,
        billed_accounts.invoice_amount
    from accounts
    full outer join billed_accounts
        on accounts.month = billed_accounts.month and accounts.currency = billed_accounts.currency
),

application_invoices as (
    select * from invoices
    where application_key is not null
),

-- If an application has a line in a month and currency, other applications without one were not billed.
application_rows as (
    select
        coalesce(applications.month, application_invoices.month) as month,
        'application' as scope,
        coalesce(applications.application_key, application_invoices.application_key) as application_key,
        coalesce(applications.currency, application_invoices.currency) as currency,
        applications.calls,
        applications.amount,
        application_invoices.invoice_amount
    from applications
    full outer join application_invoices
        on
            applications.month = application_invoices.month
            and applications.application_key = application_invoices.application_key
            and applications.currency = application_invoices.currency
),

itemised as (
    select application_rows.*
    from application_rows
    inner join billed_accounts
        on
            application_rows.month = billed_accounts.month
            and application_rows.currency = billed_accounts.currency
    where billed_accounts.application_lines > 0
),

compared as (
    select * from account_rows
    where amount is not null or invoice_amount is not null
    union all
    select * from itemised
    where amount is not null or invoice_amount is not null
),

measured as (
    select
        compared.month,
        compared.scope,
        compared.application_key,
        compared.currency,
        {{ whole('compared.calls') }} as calls,
        cast(compared.amount as decimal(38, 6)) as cdr_amount,
        cast(compared.invoice_amount as decimal(38, 6)) as invoice_amount,
        cast(compared.amount - compared.invoice_amount as decimal(38, 6)) as variance,
        -- greatest ignores a null; without an invoice both are null
        cast(
            greatest(
                case when compared.invoice_amount is not null then {{ var('invoice_tolerance_amount') }} end,
                {{ var('invoice_tolerance_pct') }} * cast(abs(compared.invoice_amount) as double) / 100
            ) as decimal(38, 6)
        ) as tolerance,
        {{ whole('feed.missing_feed_days') }} as missing_feed_days
    from compared
    left join feed
        on compared.month = feed.month
),

final as (
    select
        month,
        scope,
        application_key,
        currency,
        case
            when invoice_amount is null then 'no_invoice'
            when cdr_amount is null then 'no_traffic'
            when abs(variance) <= tolerance then 'matches'
            when missing_feed_days > 0 then 'incomplete_feed'
            else 'differs'
        end as verdict,
        calls,
        cdr_amount,
        invoice_amount,
        variance,
        {{ ratio('100 * variance', 'invoice_amount') }} as variance_pct,
        tolerance,
        missing_feed_days
    from measured
)

select * from final
