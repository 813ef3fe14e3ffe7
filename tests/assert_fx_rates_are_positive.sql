-- A rate of zero or below would turn charges into nothing or into credits.
select * from {{ ref('fx_rates') }}
where rate <= 0
