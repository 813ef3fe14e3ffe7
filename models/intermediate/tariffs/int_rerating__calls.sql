{{ incremental_by_day() }}

with

-- A row without a rate ends a price.
rate_card as (
    select
        row_number() over (
            order by application_key, country, prefix, number_type, origin_prefix, currency, valid_from
        ) as rate_row,
        application_key,
        country,
        prefix,
        number_type,
        origin_prefix,
        currency,
        increment,
        rounding,
        rate_per_minute,
        {{ rate_of_price('rate_per_minute') }} as rate,
        {{ micros('connection_fee') }} as fee,
        {{ micros('unit') }} as unit,
        first_seconds,
        next_seconds,
        -- a number for what a row names: the row with the lowest is applied
        dense_rank() over (
            order by
                case when application_key is null then 1 else 0 end asc,
                coalesce(length(prefix), 0) desc,
                coalesce(length(origin_prefix), 0) desc,
                case when number_type is null then 1 else 0 end asc,
                case when country is null then 1 else 0 end asc
        ) as place,
        valid_from,
        next_valid_from
    from {{ ref('int_rate_card') }}
    where rate_per_minute is not null
),

places as (
    select
        place,
        max(length(prefix)) as prefix_length,
        max(length(origin_prefix)) as origin_length,
        max(application_key) is not null as has_application,
        max(country) is not null as has_country,
        max(number_type) is not null as has_number_type
    from rate_card
    group by place
),

calls as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        number_type,
        origin_country,
        currency,
        caller_e164,
        callee_e164,
        duration_seconds,
        amount,
        is_answered,
        call_date,
        report_date,
        called_at
    from {{ ref('int_calls__clear') }}
    -- A rate card prices outgoing calls. Values beyond the bounds are not a real amount or duration.
    where
        {{ stale('report_date') }}
        and call_type = 'phone_terminated'
        and amount > 0
        and amount < 1000000000
        and (duration_seconds <= 1000000 or not is_answered)
        and currency in (select currency from {{ ref('int_rate_card') }})
),

-- A call with what the rows of each place name, so that one join of equal keys finds all rows that match.
keyed as (
    select
        calls.call_key,
        calls.call_type,
        calls.application_key,
        calls.destination_country,
        calls.number_type,
        {{ digits_behind_code('calls.callee_e164') }} as digits,
        calls.origin_country,
        calls.currency,
        calls.duration_seconds,
        calls.amount,
        calls.is_answered,
        places.place,
        case when places.has_application then calls.application_key else '' end as application_of_row,
        case when places.has_country then calls.destination_country else '' end as country_of_row,
        case when places.has_number_type then calls.number_type else '' end as number_type_of_row,
        case
            when places.prefix_length > 0 then substr(calls.callee_e164, 2, places.prefix_length)
            else ''
        end as prefix_of_row,
        case
            when places.origin_length > 0 then substr(calls.caller_e164, 2, places.origin_length)
            else ''
        end as origin_of_row,
        calls.call_date,
        calls.report_date,
        calls.called_at
    from calls
    cross join places
),

matched as (
    select
        keyed.call_key,
        keyed.call_type,
        keyed.application_key,
        keyed.destination_country,
        keyed.number_type,
        keyed.digits,
        keyed.origin_country,
        keyed.currency,
        keyed.duration_seconds,
        keyed.amount,
        keyed.is_answered,
        rate_card.rate_row,
        rate_card.prefix as rate_prefix,
        rate_card.number_type as rate_number_type,
        rate_card.increment,
        rate_card.rounding,
        rate_card.rate_per_minute,
        rate_card.rate,
        rate_card.fee,
        rate_card.unit,
        {{ billed_seconds('keyed.duration_seconds', 'rate_card.first_seconds', 'rate_card.next_seconds') }}
            as billed,
        row_number() over (partition by keyed.call_key order by keyed.place) as choice,
        keyed.call_date,
        keyed.report_date,
        keyed.called_at
    from keyed
    inner join rate_card
        on
            keyed.place = rate_card.place
            and keyed.currency = rate_card.currency
            and keyed.prefix_of_row = coalesce(rate_card.prefix, '')
            and keyed.origin_of_row = coalesce(rate_card.origin_prefix, '')
            and keyed.number_type_of_row = coalesce(rate_card.number_type, '')
            and keyed.country_of_row = coalesce(rate_card.country, '')
            and keyed.application_of_row = coalesce(rate_card.application_key, '')
            and keyed.call_date >= rate_card.valid_from
            and (rate_card.next_valid_from is null or keyed.call_date < rate_card.next_valid_from)
),

rated as (
    select
        *,
        {{ micros('amount') }} as charged,
        case
            when is_answered and billed > 0
                then {{ rated_micros('rate', 'billed', 'unit', 'rounding') }} + fee
            else 0
        end as expected
    from matched
    where choice = 1
),

final as (
    select
        call_key,
        call_type,
        {{ pii_application('application_key') }} as application_key,
        destination_country,
        number_type,
        digits,
        origin_country,
        currency,
        rate_prefix,
        rate_number_type,
        increment,
        cast(rate_row as bigint) as rate_row,
        duration_seconds,
        amount,
        cast(cast(expected as bigint) * 0.000001 as decimal(19, 6)) as expected_amount,
        cast(
            case when 2 * abs(charged - expected) > unit then charged - expected else 0 end
            * 0.000001 as decimal(19, 6)
        ) as difference,
        rate_per_minute,
        is_answered,
        call_date,
        report_date,
        called_at
    from rated
)

select * from final
