-- Charges converted with an exchange rate more than fx_stale_days days old, by currency: bring the
-- seed fx_rates up to date.
{{ config(severity='warn') }}

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
