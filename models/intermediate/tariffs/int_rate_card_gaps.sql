{{ config(materialized='table') }}

with

-- Calls that were not answered, or lasted 0 s, follow no tariff.
calls as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        number_type,
        digits,
        origin_country,
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
        zone,
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

levels as (
    select distinct
        {{ columns_of_group() }},
        level_number,
        report_date
    from {{ ref('int_tariffs__zones') }}
),

parts as (
    select
        calls.*,
        {{ part_of_level('levels.level_number') }} as part
    from calls
    left join levels
        on
            calls.report_date = levels.report_date
            and {{ same_tariff_group('calls', 'levels') }}
),

-- A zone's period is made of parts of days: it can only doubt a row that explains too few calls of a part.
doubtful_parts as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        rate_row
    from parts
    group by
        call_type,
        application_key,
        destination_country,
        currency,
        rate_row,
        part,
        report_date
    having
        sum(case when difference = 0 then 1 else 0 end) < {{ var('rate_min_explained_share') }} * count(*)
),

doubtful as (
    select distinct
        call_type,
        application_key,
        destination_country,
        currency,
        rate_row
    from doubtful_parts
),

doubtful_calls as (
    select parts.*
    from parts
    inner join doubtful
        on
            parts.rate_row = doubtful.rate_row
            and {{ same_tariff_group('parts', 'doubtful') }}
),

in_zones as (
    select
        calls.*,
        labels.zone_label
    from doubtful_calls as calls
    left join {{ ref('int_tariffs__zones') }} as zones
        on
            calls.report_date = zones.report_date
            and calls.part = zones.part
            and {{ same_tariff_group('calls', 'zones') }}
    left join {{ ref('int_tariffs__zone_labels') }} as labels
        on
            zones.report_date = labels.report_date
            and zones.zone = labels.zone
            and {{ same_tariff_group('zones', 'labels') }}
),

billed as (
    select
        calls.call_key,
        calls.call_type,
        calls.application_key,
        calls.destination_country,
        tariffs.zone,
        calls.currency,
        calls.rate_prefix,
        calls.rate_number_type,
        tariffs.increment,
        tariffs.rounding,
        calls.rate_row,
        calls.amount,
        calls.expected_amount,
        calls.difference,
        tariffs.unit,
        tariffs.rate,
        tariffs.fee,
        tariffs.rate_per_minute,
        tariffs.connection_fee,
        {{ billed_seconds('calls.duration_seconds', 'tariffs.first_seconds', 'tariffs.next_seconds') }}
            as billed,
        row_number() over (
            partition by calls.call_key
            order by case when tariffs.zone is null then 1 else 0 end asc
        ) as choice,
        tariffs.valid_from,
        tariffs.valid_to
    from in_zones as calls
    inner join tariffs
        on
            {{ same_tariff_group('calls', 'tariffs') }}
            and (tariffs.zone is null or calls.zone_label = tariffs.zone)
            and calls.report_date between tariffs.valid_from and tariffs.valid_to
),

compared as (
    select
        *,
        case when difference = 0 then 1 else 0 end as explained,
        case
            when {{ micros('amount') }} - fee = {{ rated_micros('rate', 'billed', 'unit', 'rounding') }}
                then 1
            else 0
        end as follows
    from billed
    where choice = 1
),

counted as (
    select
        *,
        count(*) over of_row as row_calls,
        sum(explained) over of_row as row_explained,
        sum(follows) over of_row as row_follows
    from compared
    window of_row as (
        partition by
            call_type,
            application_key,
            destination_country,
            zone,
            currency,
            rate_row,
            valid_from
    )
),

-- Most calls of a row follow one tariff, and the row is another: it explains too few of them.
final as (
    select
        call_key,
        call_type,
        application_key,
        destination_country,
        zone,
        currency,
        rate_prefix,
        rate_number_type,
        increment,
        rounding,
        rate_row,
        amount,
        expected_amount,
        difference,
        rate_per_minute,
        connection_fee,
        valid_from,
        valid_to
    from counted
    where
        row_calls >= {{ var('rate_min_calls') }}
        and row_follows >= {{ var('rate_min_explained_share') }} * row_calls
        and row_explained < {{ var('rate_min_explained_share') }} * row_calls
)

select * from final
