{{ incremental_by_day() }}

{#- A rule's name, its condition, the amount it expects, and its detail. -#}
{%- set rules = [
    (
        'answered_not_charged',
        "call_type in ('phone_terminated', 'phone_originated') and is_answered and duration_seconds > 0 and coalesce(amount, 0) = 0",
        'null',
        "concat('answered for ', duration_seconds, ' s, ', case when amount is null then 'no amount' else 'amount 0' end)",
    ),
    (
        'charged_not_answered',
        "amount > 0 and not is_answered",
        0,
        "concat('charged although ', coalesce(lower(result), 'without a result'), case when reason is null then '' else concat(' (', reason, ')') end)",
    ),
    ('charged_zero_seconds', "amount > 0 and is_answered and duration_seconds = 0", 0, "'charged for 0 s'"),
    ('negative_amount', "amount < 0", 'null', "'a credit'"),
    ('amount_without_currency', "amount is not null and currency is null", 'null', "'an amount without a currency'"),
    (
        'duration_over_cap',
        "duration_seconds > 14400 and call_type <> 'app_app'",
        'null',
        "concat(duration_seconds, ' s, more than 4 hours')",
    ),
    (
        'call_cost_over',
        "amount_reporting > " ~ var('call_cost_limit'),
        'null',
        "concat('costs ', amount_reporting, ' " ~ var('reporting_currency') ~ ", more than " ~ var('call_cost_limit') ~ "')",
    ),
] %}

with

-- Few calls break a rule: which one is determined among those only.
broken as (
    select
        call_key,
        call_id,
        call_type,
        application_key,
        destination_country,
        result,
        reason,
        currency,
        duration_seconds,
        amount,
        amount_reporting,
        is_answered,
        called_at,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and (({{ rules | map(attribute=1) | join(') or (') }}))
),

-- A second read of the same table: with a single import engines would keep all of its calls.
charged as (
    select
        call_key,
        call_id,
        call_type,
        application_key,
        destination_country,
        currency,
        duration_seconds,
        amount,
        called_at,
        report_date
    from {{ ref('fact_calls') }}
    where
        {{ stale('report_date') }}
        and {{ shows_a_tariff() }}
),

tariffs as (
    select
        call_type,
        application_key,
        destination_country,
        currency,
        increment,
        first_seconds,
        next_seconds,
        rounding,
        rate_per_minute,
        {{ rate_of_price('rate_per_minute') }} as rate,
        {{ micros('connection_fee') }} as fee,
        {{ micros('unit') }} as unit,
        report_date
    from {{ ref('int_tariffs__daily') }}
    where
        {{ stale('report_date') }}
        and explained_calls >= {{ var('rate_min_explained_share') }} * calls
),

exceptions as (
    {%- for rule, condition, expected_amount, detail in rules %}
    select
        call_key,
        '{{ rule }}' as rule,
        call_id,
        call_type,
        application_key,
        destination_country,
        currency,
        {{ detail }} as detail,
        duration_seconds,
        amount,
        cast({{ expected_amount }} as decimal(18, 6)) as expected_amount,
        report_date,
        called_at
    from broken
    where {{ condition }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

with_tariff as (
    select
        charged.*,
        tariffs.increment,
        tariffs.rounding,
        tariffs.rate_per_minute,
        tariffs.rate,
        tariffs.fee,
        tariffs.unit,
        {{ billed_seconds('charged.duration_seconds', 'first_seconds', 'next_seconds') }} as billed
    from charged
    inner join tariffs
        on
            charged.report_date = tariffs.report_date
            and {{ same_tariff_group('charged', 'tariffs') }}
),

rated as (
    select
        *,
        fee + {{ rated_micros('rate', 'billed', 'unit', 'rounding') }} as expected
    from with_tariff
),

off_tariff as (
    select * from rated
    where {{ micros('amount') }} <> expected
),

all_exceptions as (
    select * from exceptions
    union all
    select
        call_key,
        'off_tariff' as rule,
        call_id,
        call_type,
        application_key,
        destination_country,
        currency,
        concat('the others of that day cost ', rate_per_minute, ' a minute, ', increment) as detail,
        duration_seconds,
        amount,
        -- null where it is more than any amount can be
        case
            when expected < 1000000000000000000 then {{ amount_of_micros('expected') }}
        end as expected_amount,
        report_date,
        called_at
    from off_tariff
),

final as (
    select
        call_key,
        rule,
        call_id,
        call_type,
        application_key,
        destination_country,
        currency,
        detail,
        duration_seconds,
        amount,
        expected_amount,
        report_date,
        called_at
    from all_exceptions
)

select * from final
