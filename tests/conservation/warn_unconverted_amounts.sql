-- Charges without an exchange rate on or before their date are in no sum of amount_reporting: give a
-- rate of the currency in the seed fx_rates.
{{ config(severity='warn') }}

select
    currency,
    sum(unconverted_calls) as unconverted_calls,
    min(report_date) as first_report_date,
    max(report_date) as last_report_date
from {{ ref('mart_cost_daily') }}
where unconverted_calls > 0 and {{ lately_reported() }}
group by currency
