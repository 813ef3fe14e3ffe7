with

countries as (
    select
        country_code,
        country_name,
        region,
        time_zone
    from {{ ref('countries') }}
),

observed as (
    select destination_country as country_code
    from {{ ref('mart_quality_daily') }}
    where destination_country is not null
    group by destination_country
),

final as (
    select
        coalesce(countries.country_code, observed.country_code) as country_code,
        countries.country_name,
        countries.region,
        countries.time_zone,
        countries.country_code is not null as is_known,
        observed.country_code is not null as is_called
    from countries
    full outer join observed
        on countries.country_code = observed.country_code
)

select * from final
