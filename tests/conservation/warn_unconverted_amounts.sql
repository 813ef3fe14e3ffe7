-- Charges without an exchange rate on or before their date are in no sum of amount_reporting.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

with

unconverted as (
    select
        currency,
        sum(unconverted_calls) as calls,
        min(report_date) as first_day,
        max(report_date) as last_day
    from {{ ref('mart_cost_daily') }}
    where unconverted_calls > 0 and {{ lately_reported() }}
    group by currency
)

select
    case
        when currency is null
            then concat(calls, ' charges are not in amount_reporting: their records name no currency')
        else
            concat(
                calls, ' charges in ', {{ code_or_shape('currency', 'currency') }},
                ' from ', first_day, ' to ', last_day,
                ' are not in amount_reporting: seeds/fx_rates.csv has no rate to ',
                '{{ var("reporting_currency") }} of that day or before; add it and run `cdr build`'
            )
    end as message
from unconverted
order by calls desc, currency asc
