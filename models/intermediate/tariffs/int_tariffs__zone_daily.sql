{{ incremental_by_day() }}

with

{{ calls_in_zones() }},

{{ tariffs_of_day(ref('int_tariffs__zone_sampled'), zones=true) }}

select * from final
