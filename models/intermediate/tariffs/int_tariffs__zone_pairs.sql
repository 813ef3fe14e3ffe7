{{ incremental_by_day() }}

with

{{ calls_in_zones() }},

{{ most_common_pairs(zones=true) }}

select * from final
