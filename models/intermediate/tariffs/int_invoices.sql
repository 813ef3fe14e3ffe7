{{ config(materialized='table', tags=['constant'], post_hook="{{ keep_team_seed('invoices') }}") }}

with

invoices as (
    select
        invoice_month,
        application_key,
        currency,
        invoice_amount
    from {{ seed_rows('invoices') }}
),

final as (
    select
        {{ guid('application_key') }} as application_key,
        {{ upper_case('currency') }} as currency,
        cast(sum(invoice_amount) as decimal(38, 6)) as invoice_amount,
        invoice_month
    from invoices
    group by
        {{ guid('application_key') }},
        {{ upper_case('currency') }},
        invoice_month
)

select * from final
