-- Charges converted with an exchange rate more than fx_stale_days days old, by currency.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

with

stale as (
    select
        currency,
        count(*) as calls,
        max(fx_rate_date) as newest_rate_date,
        max(call_date) as newest_call_date
    from {{ ref('fact_calls') }}
    where
        currency <> '{{ var("reporting_currency") }}'
        and {{ days_between('fx_rate_date', 'call_date') }} > {{ var('fx_stale_days') }}
        and {{ lately_reported() }}
    group by currency
)

select
    concat(
        calls, ' charges in ', {{ code_or_shape('currency', 'currency') }},
        ', the newest of ', newest_call_date, ', are converted with a rate of ', newest_rate_date,
        ' or before; add newer rates to seeds/fx_rates.csv and run `cdr build`'
    ) as message
from stale
order by calls desc, currency asc
