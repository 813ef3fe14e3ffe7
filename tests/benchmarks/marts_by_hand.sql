-- Each mart over fact_calls as one would write it in DuckDB alone: one query, no increments, no log. bench_marts.py runs them, one at a time,
-- with the database to compare attached as `source`, checks that each has the rows of dbt's, and measures dbt against it.
-- Settings as in dbt_project.yml: personal data in clear, calls cut at longest_call_seconds, a call that costs more than 25 is an exception.

-- mart_cost_monthly
with months as (
    select
        cast(date_trunc('month', report_date) as date) as month,
        application_key,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        coalesce(sum(duration_seconds) filter (where is_answered), 0) / 60 as minutes,
        sum(amount) as amount,
        sum(amount_reporting) as amount_reporting,
        count(*) filter (where amount is not null and amount_reporting is null) as unconverted_calls
    from source.marts.fact_calls
    group by all
)

select
    months.*,
    previous.amount as previous_amount
from months
left join months as previous
    on
        previous.month = months.month - interval 1 month
        and previous.application_key is not distinct from months.application_key
        and previous.currency is not distinct from months.currency;

-- mart_user_spend_daily
with users as (
    select
        report_date,
        application_key,
        user_id,
        currency,
        count(*) as calls,
        count(*) filter (where is_answered) as answers,
        coalesce(sum(duration_seconds) filter (where is_answered), 0) / 60 as minutes,
        sum(amount) as amount
    from source.marts.fact_calls
    group by all
)

select
    *,
    sum(amount) over (partition by report_date, application_key, currency) as application_amount,
    cast(amount as double) / nullif(application_amount, 0) as share_of_application
from users;

-- mart_cost_exceptions
with calls as (
    select
        *,
        amount > 0 and not is_answered as charged_not_answered,
        amount > 0 and is_answered and duration_seconds = 0 as charged_zero_seconds,
        amount < 0 as negative_amount,
        amount is not null and currency is null as amount_without_currency,
        call_type in ('phone_terminated', 'phone_originated') and is_answered and duration_seconds > 0
        and coalesce(amount, 0) = 0 as answered_not_charged,
        duration_seconds > 14400 and call_type <> 'app_app' as duration_over_cap,
        amount_reporting > 25 as call_cost_over
    from source.marts.fact_calls
)

select call_key, rule, amount, currency
from calls
unpivot (is_broken for rule in (
    charged_not_answered, charged_zero_seconds, negative_amount, amount_without_currency, answered_not_charged, duration_over_cap, call_cost_over
))
where is_broken
union all
select calls.call_key, 'off_tariff' as rule, calls.amount, calls.currency
from source.marts.fact_calls as calls
inner join source.intermediate.int_tariffs__daily as tariffs
    on
        calls.report_date = tariffs.report_date
        and calls.call_type = tariffs.call_type
        and calls.application_key is not distinct from tariffs.application_key
        and calls.destination_country is not distinct from tariffs.destination_country
        and calls.currency = tariffs.currency
where
    tariffs.explained_calls >= 0.95 * tariffs.calls
    and calls.is_answered and calls.amount > 0 and calls.duration_seconds > 0
    and abs(calls.amount - tariffs.connection_fee - tariffs.unit * case
        when tariffs.rounding = 'up' then ceil(
            round(
                (tariffs.first_seconds + greatest(ceil((calls.duration_seconds - tariffs.first_seconds) / tariffs.next_seconds), 0) * tariffs.next_seconds)
                * tariffs.rate_per_minute / 60 / tariffs.unit, 6
            )
        )
        else round(
            (tariffs.first_seconds + greatest(ceil((calls.duration_seconds - tariffs.first_seconds) / tariffs.next_seconds), 0) * tariffs.next_seconds)
            * tariffs.rate_per_minute / 60 / tariffs.unit
        )
    end) > 0.0000005;

-- mart_overcharges
with rated as (
    select
        calls.call_key,
        calls.amount,
        card.unit,
        case
            when calls.is_answered and calls.duration_seconds > 0
                then card.connection_fee + card.unit * round(
                    (card.first_seconds + greatest(ceil((calls.duration_seconds - card.first_seconds) / card.next_seconds), 0) * card.next_seconds)
                    * card.rate_per_minute / 60 / card.unit
                )
            else 0
        end as expected_amount,
        row_number() over (partition by calls.call_key order by card.application_key nulls last, card.valid_from desc) as place
    from source.marts.fact_calls as calls
    inner join source.intermediate.int_rate_card as card
        on
            calls.destination_country = card.country
            and calls.currency = card.currency
            and calls.call_date >= card.valid_from
            and (card.application_key is null or card.application_key = calls.application_key)
    where calls.call_type = 'phone_terminated' and calls.amount > 0
)

select call_key, amount, expected_amount, amount - expected_amount as overcharge
from rated
where place = 1 and 2 * (amount - expected_amount) > unit;

-- mart_invoice_reconciliation
with months as (
    select
        cast(date_trunc('month', call_date) as date) as month,
        case when grouping(application_key) = 1 then 'account' else 'application' end as scope,
        application_key,
        currency,
        count(*) as calls,
        sum(amount) as cdr_amount
    from source.marts.fact_calls
    group by grouping sets ((month, currency), (month, application_key, currency))
)

select months.*, invoices.invoice_amount, months.cdr_amount - invoices.invoice_amount as variance
from months
left join source.intermediate.int_invoices as invoices
    on
        months.month = invoices.invoice_month
        and months.currency = invoices.currency
        and months.application_key is not distinct from invoices.application_key
where months.scope = 'account' and months.cdr_amount is not null;

-- mart_number_daily
with parties as (
    select
        *,
        case
            when caller_e164 is null and coalesce(lower(caller) not in ('private', 'anonymous'), false) then caller
        end as caller_party,
        case when callee_e164 is null then callee end as callee_party
    from source.marts.fact_calls
    where call_type <> 'app_app'
),

roles as (
    select
        *,
        'caller' as role,
        caller_e164 as number,
        caller_party as other_party,
        coalesce(callee_e164, callee_party) as counterparty
    from parties
    union all
    select
        *,
        'callee' as role,
        callee_e164 as number,
        callee_party as other_party,
        coalesce(caller_e164, caller_party, '') as counterparty
    from parties
)

select
    report_date,
    call_type,
    role,
    number,
    other_party,
    count(distinct application_key) as application_count,
    count(*) as bids,
    count(*) filter (where is_seizure) as seizures,
    count(*) filter (where is_answered) as answers,
    count(duration_seconds) filter (where is_answered) as timed_answers,
    coalesce(sum(duration_seconds) filter (where is_answered), 0) as talk_seconds,
    count(*) filter (where is_answered and duration_seconds < 10) as under_10s_calls,
    count(*) filter (where is_answered and duration_seconds >= 60) as engaged_calls,
    count(distinct counterparty) as distinct_counterparties,
    sum(amount_reporting) as amount_reporting
from roles
group by report_date, call_type, role, number, other_party;

-- mart_traffic_hourly
-- The textbook's way: each call split at the full hours, every piece two events, a running sum of them.
with scoped as (
    select 'call_type' as scope, call_type, application_key, called_at, answered_at, interval_basis, duration_seconds, is_answered
    from source.marts.fact_calls
    union all
    select 'application', null, application_key, called_at, answered_at, interval_basis, duration_seconds, is_answered
    from source.marts.fact_calls
    union all
    select 'account', null, null, called_at, answered_at, interval_basis, duration_seconds, is_answered
    from source.marts.fact_calls
),

open_calls as (
    select
        scope,
        call_type,
        application_key,
        case when interval_basis = 'answer_time' then answered_at else called_at end as opened_at,
        opened_at + to_seconds(least(duration_seconds, 86400)) as closed_at
    from scoped
    where is_answered and duration_seconds > 0
),

pieces as (
    select
        scope,
        call_type,
        application_key,
        unnest(generate_series(
            date_trunc('hour', opened_at), date_trunc('hour', closed_at - interval 1 microsecond), interval 1 hour
        )) as hour,
        greatest(opened_at, hour) as piece_opened_at,
        least(closed_at, hour + interval 1 hour) as piece_closed_at
    from open_calls
),

events as (
    select scope, call_type, application_key, hour, piece_opened_at as moment, 1 as step
    from pieces
    union all
    select scope, call_type, application_key, hour, piece_closed_at as moment, -1 as step
    from pieces
),

running as (
    select
        scope,
        call_type,
        application_key,
        hour,
        sum(step) over (partition by scope, call_type, application_key, hour order by moment, step rows unbounded preceding) as open_now
    from events
),

peaks as (
    select scope, call_type, application_key, hour, max(open_now) as peak_concurrent_calls
    from running
    group by all
),

volumes as (
    select
        scope,
        call_type,
        application_key,
        hour,
        sum(epoch_us(piece_closed_at) - epoch_us(piece_opened_at)) / 3600000000 as erlangs
    from pieces
    group by all
),

bids as (
    select
        scope,
        call_type,
        application_key,
        date_trunc('hour', called_at) as hour,
        count(*) as bids,
        count(*) filter (where is_answered) as answers
    from scoped
    group by all
)

select
    coalesce(bids.scope, volumes.scope) as scope,
    coalesce(bids.call_type, volumes.call_type) as call_type,
    coalesce(bids.application_key, volumes.application_key) as application_key,
    coalesce(bids.bids, 0) as bids,
    coalesce(bids.answers, 0) as answers,
    coalesce(volumes.erlangs, 0) as erlangs,
    coalesce(peaks.peak_concurrent_calls, 0) as peak_concurrent_calls,
    coalesce(bids.hour, volumes.hour) as hour
from volumes
inner join peaks
    on
        volumes.scope = peaks.scope
        and volumes.call_type is not distinct from peaks.call_type
        and volumes.application_key is not distinct from peaks.application_key
        and volumes.hour = peaks.hour
full join bids
    on
        volumes.scope = bids.scope
        and volumes.call_type is not distinct from bids.call_type
        and volumes.application_key is not distinct from bids.application_key
        and volumes.hour = bids.hour;

-- mart_busy_hour
with open_calls as (
    select
        application_key,
        case when interval_basis = 'answer_time' then answered_at else called_at end as opened_at,
        opened_at + to_seconds(least(duration_seconds, 86400)) as closed_at
    from source.marts.fact_calls
    where is_answered and duration_seconds > 0
),

scoped as (
    select 'account' as scope, null as application_key, opened_at, closed_at
    from open_calls
    union all
    select 'application' as scope, application_key, opened_at, closed_at
    from open_calls
),

pieces as (
    select
        scope,
        application_key,
        unnest(generate_series(
            date_trunc('hour', opened_at), date_trunc('hour', closed_at - interval 1 microsecond), interval 1 hour
        )) as hour,
        greatest(opened_at, hour) as piece_opened_at,
        least(closed_at, hour + interval 1 hour) as piece_closed_at
    from scoped
),

events as (
    select scope, application_key, hour, piece_opened_at as moment, 1 as step
    from pieces
    union all
    select scope, application_key, hour, piece_closed_at as moment, -1 as step
    from pieces
),

running as (
    select
        scope,
        application_key,
        hour,
        sum(step) over (partition by scope, application_key, hour order by moment, step rows unbounded preceding) as open_now
    from events
),

peaks as (
    select scope, application_key, hour, max(open_now) as peak_concurrent_calls
    from running
    group by all
),

volumes as (
    select scope, application_key, hour, sum(epoch_us(piece_closed_at) - epoch_us(piece_opened_at)) / 3600000000 as erlangs
    from pieces
    group by all
)

select
    volumes.scope,
    volumes.application_key,
    max(volumes.erlangs) as erlangs,
    max(peaks.peak_concurrent_calls) as peak_concurrent_calls,
    cast(volumes.hour as date) as date,
    arg_max(volumes.hour, (volumes.erlangs, -epoch_us(volumes.hour))) as busy_hour
from volumes
inner join peaks
    on
        volumes.scope = peaks.scope
        and volumes.application_key is not distinct from peaks.application_key
        and volumes.hour = peaks.hour
group by volumes.scope, volumes.application_key, cast(volumes.hour as date);
