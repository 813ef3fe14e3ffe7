-- A rate of zero or below would turn charges into nothing or into credits.
{{ config(tags=['constant']) }}
select * from {{ ref('fx_rates') }}
where rate <= 0
