{{ config(materialized='table') }}

with

-- Calls that were not answered, or lasted 0 s, follow no tariff.
calls as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        rate_prefix,
        rate_number_type,
        rate_row,
        duration_seconds,
        amount,
        expected_amount,
        difference,
        report_date
    from {{ ref('int_rerating__calls') }}
    where {{ shows_a_tariff() }}
),

tariffs as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        increment,
        rounding,
        first_seconds,
        next_seconds,
        unit,
        {{ rate_of_price('rate_per_minute') }} as rate,
        {{ micros('connection_fee') }} as fee,
        rate_per_minute,
        connection_fee,
        valid_from,
        valid_to
    from {{ ref('int_tariffs__periods') }}
    where tariff_state <> 'unexplained'
),

-- The card's rows that do not explain every day: if a row explains each day, it explains each period.
doubtful as (
    select distinct
        call_type,
        application_key,
        destination_country,
        currency,
        rate_row
    from (
        select
            call_type,
            application_key,
            destination_country,
            currency,
            rate_row
        from calls
        group by
            call_type,
            application_key,
            destination_country,
            currency,
            rate_row,
            report_date
        having
            sum(case when difference = 0 then 1 else 0 end)
            < {{ var('rate_min_explained_share') }} * count(*)
    ) as row_days
),

billed as (
    select
        calls.call_type,
        calls.application_key,
        calls.destination_country,
        calls.currency,
        calls.rate_prefix,
        calls.rate_number_type,
        calls.rate_row,
        calls.amount,
        calls.expected_amount,
        calls.difference,
        tariffs.increment,
        tariffs.rounding,
        tariffs.unit,
        tariffs.rate,
        tariffs.fee,
        tariffs.rate_per_minute,
        tariffs.connection_fee,
        {{ billed_seconds('calls.duration_seconds', 'tariffs.first_seconds', 'tariffs.next_seconds') }}
            as billed,
        tariffs.valid_from,
        tariffs.valid_to
    from calls
    inner join doubtful
        on
            calls.rate_row = doubtful.rate_row
            and {{ same_tariff_group('calls', 'doubtful') }}
    inner join tariffs
        on
            {{ same_tariff_group('calls', 'tariffs') }}
            and calls.report_date between tariffs.valid_from and tariffs.valid_to
),

compared as (
    select
        *,
        {{ micros('amount') }} - fee = {{ rated_micros('rate', 'billed', 'unit', 'rounding') }}
            as follows_tariff
    from billed
),

-- Most calls of a row follow one tariff, and the row is another: it explains too few of them.
final as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        rate_prefix,
        rate_number_type,
        increment,
        rounding,
        rate_row,
        count(*) as calls,
        cast(sum(amount) as decimal(38, 6)) as amount,
        cast(sum(expected_amount) as decimal(38, 6)) as expected_amount,
        cast(sum(case when difference > 0 then difference else 0 end) as decimal(38, 6)) as overcharge,
        rate_per_minute,
        connection_fee,
        valid_from,
        valid_to
    from compared
    group by
        call_type,
        application_key,
        destination_country,
        currency,
        rate_prefix,
        rate_number_type,
        increment,
        rounding,
        rate_row,
        rate_per_minute,
        connection_fee,
        valid_from,
        valid_to
    having
        count(*) >= {{ var('rate_min_calls') }}
        and sum(case when follows_tariff then 1 else 0 end)
        >= {{ var('rate_min_explained_share') }} * count(*)
        and sum(case when difference = 0 then 1 else 0 end)
        < {{ var('rate_min_explained_share') }} * count(*)
)

select * from final
