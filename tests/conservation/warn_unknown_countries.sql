-- A ToCountryId that is not in the seed countries (UK, GBR, N/A) is reported like a Result that is not in the
-- vendor's list. A number or a name in the wrong column is not a code and must not get into logs.
{{ config(
    severity=env_var(
        'CDR_ENUM_SEVERITY', 'error' if [env_var('CDR_TARGET', ''), target.name][1] == 'ci' else 'warn'
    ),
    meta={'findings': 'messages'}
) }}

with

delivered as (
    select {{ upper_case('to_country_id') }} as country_code
    from {{ ref('stg_sinch__phone_terminated') }}
    where to_country_id is not null and {{ lately_changed('stg_sinch__phone_terminated') }}
),

unknown as (
    select
        case
            when {{ is_code('country_code', 'country') }} then country_code
            else {{ code_or_shape('country_code', 'currency') }}
        end as code
    from delivered
    where country_code not in (select country_code from {{ ref('countries') }})
),

counted as (
    select
        code,
        count(*) as records
    from unknown
    group by code
)

select
    concat(
        'stg_sinch__phone_terminated, to_country_id: ', code, ' (', records,
        case when records = 1 then ' record)' else ' records)' end,
        ': no country of seeds/countries.csv, so the number called decides the country; add a row and run',
        ' `cdr build`, or ask for the file again'
    ) as message
from counted
order by records desc, code asc
