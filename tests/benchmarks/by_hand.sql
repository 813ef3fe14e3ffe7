-- What a full build computes, as one would write it in DuckDB alone: one script, no dbt, no increments, no log. bench_build.py runs it on a
-- new database with the one to compare attached as `source` (raw_sinch and the seeds in reference are read from it), checks on a small
-- delivery with every irregularity that each table equals dbt's row for row, and measures dbt against it.
-- Settings as in dbt_project.yml: reports in UTC and EUR, short calls up to 6 seconds, personal data in clear.

create schema staging;
create schema marts;

-- A set of characters is slow to trim: only where there is a blank at an end.
create temp macro clean(t) as
    nullif(case when t < '!' or right(t, 1) < '!' then trim(t, e' \t\r\n\f\x0b') else t end, '');
create temp macro digits(t) as case when regexp_matches(t, '^[0-9]+$') then try_cast(t as bigint) end;
create temp macro money(t) as case
    when regexp_matches(t, '^[+-]?[0-9]+([.][0-9]{1,6})?$') then try_cast(t as decimal(18, 6))
    when regexp_matches(t, '^[+-]?[0-9]+[.][0-9]{6}0+$')
        then try_cast(regexp_extract(t, '^[+-]?[0-9]+[.][0-9]{6}') as decimal(18, 6))
end;
-- The usual spelling by its outline, which the cast completes; the others by a pattern. Hour 24 is no hour.
create temp macro moment(t) as case
    when t like '____-__-__T__:__:__%Z' and substr(t, 12, 2) < '24' and length(t) between 20 and 27
        then try_cast(t as timestamp)
    when
        regexp_matches(
            t,
            '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?$'
        )
        then case
            when regexp_matches(t, '[+-][0-9]{2}:?[0-9]{2}$') then try_cast(t as timestamptz) at time zone 'UTC'
            else try_cast(t as timestamp)
        end
end;
create temp macro known(m) as nullif(m, timestamp '0001-01-01 00:00:00');
create temp macro call_hash(kind, id) as cast(md5_number(concat_ws('|', kind, id)) >> 65 as bigint);
create temp macro guid(t) as case
    when regexp_matches(t, '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') then t
    when regexp_matches(t, '^[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}$')
        then cast(cast(t as uuid) as varchar)
    else t
end;
create temp macro e164(t) as case
    when regexp_matches(t, '^[+]?[0-9]{7,15}$') then case when t[1] = '+' then t else '+' || t end
    when regexp_matches(t, '^([^<>]*<)?([sS][iI][pP][sS]?:|[tT][eE][lL]:)?[+]?([0-9]{7,15})([@;:][^<>]*)?(>.*)?$')
        then '+' || regexp_extract(
            t, '^([^<>]*<)?([sS][iI][pP][sS]?:|[tT][eE][lL]:)?[+]?([0-9]{7,15})([@;:][^<>]*)?(>.*)?$', 3
        )
    when
        regexp_matches(t, '^[+][0-9 .-]+$')
        and regexp_matches(regexp_replace(t, '[ .-]', '', 'g'), '^[+][0-9]{7,15}$')
        then regexp_replace(t, '[ .-]', '', 'g')
end;

create temp table files as
select * from source.raw_sinch.files
where state = 'current';

-- ------------------------------------------------------------------------------------------------------ staging

create table staging.stg_sinch__phone_terminated as
with typed as (
    select
        _file_id as file_id,
        _line as source_line,
        clean("CallId") as call_id,
        clean("UserSpaceId") as user_space_text,
        clean("ApplicationKey") as application_key,
        clean("UserId") as user_id,
        clean("Result") as result,
        clean("Reason") as reason,
        clean("From") as "from",
        clean("To") as "to",
        clean("ToCountryId") as to_country_id,
        clean("Currency") as currency,
        clean("Custom") as custom,
        _extra as extra,
        clean("Duration") as duration_text,
        clean("Amount") as amount_text,
        clean("CallTime") as call_time_text,
        clean("AnswerTime") as answer_time_text,
        digits(user_space_text) as user_space_id,
        digits(duration_text) as duration,
        money(amount_text) as amount,
        known(moment(call_time_text)) as call_time,
        moment(answer_time_text) as answer_time
    from source.raw_sinch.phone_terminated
)

select
    typed.* exclude (user_space_text, duration_text, amount_text, call_time_text, answer_time_text, answer_time),
    known(answer_time) as answer_time,
    case when call_id is not null and call_time is not null then call_hash('phone_terminated', call_id) end as key_hash,
    nullif(concat_ws(
        ',',
        case when user_space_text is not null and user_space_id is null then 'user_space_id' end,
        case when call_time_text is not null and call_time is null then 'call_time' end,
        case when duration_text is not null and duration is null then 'duration' end,
        case when answer_time_text is not null and typed.answer_time is null then 'answer_time' end,
        case when amount_text is not null and amount is null then 'amount' end
    ), '') as invalid_fields,
    cast(call_time as date) as call_date,
    files.file_date,
    files.loaded_at
from typed
inner join files using (file_id);

create table staging.stg_sinch__phone_originated as
with typed as (
    select
        _file_id as file_id,
        _line as source_line,
        clean("CallId") as call_id,
        clean("UserSpaceId") as user_space_text,
        clean("ApplicationKey") as application_key,
        clean("Result") as result,
        clean("Reason") as reason,
        clean("From") as "from",
        clean("To") as "to",
        clean("Currency") as currency,
        clean("Custom") as custom,
        _extra as extra,
        clean("Duration") as duration_text,
        clean("Amount") as amount_text,
        clean("CallTime") as call_time_text,
        digits(user_space_text) as user_space_id,
        digits(duration_text) as duration,
        money(amount_text) as amount,
        known(moment(call_time_text)) as call_time
    from source.raw_sinch.phone_originated
)

select
    typed.* exclude (user_space_text, duration_text, amount_text, call_time_text),
    case when call_id is not null and call_time is not null then call_hash('phone_originated', call_id) end as key_hash,
    nullif(concat_ws(
        ',',
        case when user_space_text is not null and user_space_id is null then 'user_space_id' end,
        case when call_time_text is not null and call_time is null then 'call_time' end,
        case when duration_text is not null and duration is null then 'duration' end,
        case when amount_text is not null and amount is null then 'amount' end
    ), '') as invalid_fields,
    cast(call_time as date) as call_date,
    files.file_date,
    files.loaded_at
from typed
inner join files using (file_id);

create table staging.stg_sinch__app_app as
with typed as (
    select
        _file_id as file_id,
        _line as source_line,
        clean("CallId") as call_id,
        clean("UserSpaceId") as user_space_text,
        clean("ApplicationKey") as application_key,
        clean("FromUserId") as from_user_id,
        clean("ToUserId") as to_user_id,
        clean("Result") as result,
        clean("Reason") as reason,
        clean("Custom") as custom,
        _extra as extra,
        clean("Duration") as duration_text,
        clean("CallTime") as call_time_text,
        digits(user_space_text) as user_space_id,
        digits(duration_text) as duration,
        known(moment(call_time_text)) as call_time
    from source.raw_sinch.app_app
)

select
    typed.* exclude (user_space_text, duration_text, call_time_text),
    case when call_id is not null and call_time is not null then call_hash('app_app', call_id) end as key_hash,
    nullif(concat_ws(
        ',',
        case when user_space_text is not null and user_space_id is null then 'user_space_id' end,
        case when call_time_text is not null and call_time is null then 'call_time' end,
        case when duration_text is not null and duration is null then 'duration' end
    ), '') as invalid_fields,
    cast(call_time as date) as call_date,
    files.file_date,
    files.loaded_at
from typed
inner join files using (file_id);

create table staging.stg_sinch__sip_terminated as
with typed as (
    select
        _file_id as file_id,
        _line as source_line,
        clean("CallId") as call_id,
        clean("UserSpaceId") as user_space_text,
        clean("ApplicationKey") as application_key,
        clean("Result") as result,
        clean("Reason") as reason,
        clean("From") as "from",
        clean("To") as "to",
        clean("Custom") as custom,
        _extra as extra,
        clean("Duration") as duration_text,
        clean("CallTime") as call_time_text,
        digits(user_space_text) as user_space_id,
        digits(duration_text) as duration,
        known(moment(call_time_text)) as call_time
    from source.raw_sinch.sip_terminated
)

select
    typed.* exclude (user_space_text, duration_text, call_time_text),
    case when call_id is not null and call_time is not null then call_hash('sip_terminated', call_id) end as key_hash,
    nullif(concat_ws(
        ',',
        case when user_space_text is not null and user_space_id is null then 'user_space_id' end,
        case when call_time_text is not null and call_time is null then 'call_time' end,
        case when duration_text is not null and duration is null then 'duration' end
    ), '') as invalid_fields,
    cast(call_time as date) as call_date,
    files.file_date,
    files.loaded_at
from typed
inner join files using (file_id);

create temp view records as
select
    call_id, 'phone_terminated' as call_type, user_space_id, application_key, user_id, "from" as caller, "to" as callee, to_country_id,
    result, reason, amount, currency, custom, duration as duration_seconds, call_time as called_at, answer_time as answered_at,
    file_id, source_line, file_date, loaded_at, call_date, key_hash, invalid_fields
from staging.stg_sinch__phone_terminated
union all by name
select
    call_id, 'phone_originated' as call_type, user_space_id, application_key, "from" as caller, "to" as callee,
    result, reason, amount, currency, custom, duration as duration_seconds, call_time as called_at,
    file_id, source_line, file_date, loaded_at, call_date, key_hash, invalid_fields
from staging.stg_sinch__phone_originated
union all by name
select
    call_id, 'app_app' as call_type, user_space_id, application_key, from_user_id as user_id, from_user_id as caller, to_user_id as callee,
    result, reason, custom, duration as duration_seconds, call_time as called_at,
    file_id, source_line, file_date, loaded_at, call_date, key_hash, invalid_fields
from staging.stg_sinch__app_app
union all by name
select
    call_id, 'sip_terminated' as call_type, user_space_id, application_key, "from" as caller, "to" as callee,
    result, reason, custom, duration as duration_seconds, call_time as called_at,
    file_id, source_line, file_date, loaded_at, call_date, key_hash, invalid_fields
from staging.stg_sinch__sip_terminated;

-- ------------------------------------------------------------------------------- several records of one call

create temp view delivered as
select * exclude (_extra, _file_id, _line), _file_id as file_id, _line as source_line from (
    select 'phone_terminated' as kind, * from source.raw_sinch.phone_terminated
    union all by name
    select 'phone_originated' as kind, * from source.raw_sinch.phone_originated
    union all by name
    select 'app_app' as kind, * from source.raw_sinch.app_app
    union all by name
    select 'sip_terminated' as kind, * from source.raw_sinch.sip_terminated
);

create temp table unusable as
select
    file_id,
    source_line,
    case
        when call_id is null then 'missing_call_id'
        when contains(invalid_fields, 'call_time') then 'unreadable_call_time'
        else 'missing_call_time'
    end as reason_code
from records
where key_hash is null;

-- Only keys that occur more than once are ranked; the raw text of those records is read once.
create temp table candidates as
select file_id, source_line, call_type, call_id, file_date, loaded_at from records
where key_hash in (
    select key_hash from records
    where key_hash is not null
    group by key_hash
    having count(*) > 1
);

create temp table looked_up as
select delivered.* from delivered
inner join (
    select file_id, source_line from candidates
    union all
    select file_id, source_line from unusable
) using (file_id, source_line);

create temp macro text_of(kind, r) as concat_ws(
    chr(31),
    coalesce(r."CallId", ''), coalesce(r."UserSpaceId", ''), coalesce(r."CallTime", ''), coalesce(r."Result", ''),
    coalesce(r."Reason", ''), coalesce(r."Duration", ''),
    case when kind = 'phone_terminated' then coalesce(r."AnswerTime", '') end,
    case when kind <> 'app_app' then coalesce(r."From", '') end,
    case when kind <> 'app_app' then coalesce(r."To", '') end,
    case when kind = 'app_app' then coalesce(r."FromUserId", '') end,
    case when kind = 'app_app' then coalesce(r."ToUserId", '') end,
    case when kind in ('phone_terminated', 'phone_originated') then coalesce(r."Amount", '') end,
    case when kind in ('phone_terminated', 'phone_originated') then coalesce(r."Currency", '') end,
    coalesce(r."Custom", ''), coalesce(r."ApplicationKey", ''),
    case when kind = 'phone_terminated' then coalesce(r."UserId", '') end,
    case when kind = 'phone_terminated' then coalesce(r."ToCountryId", '') end
);

create temp table contested as
select
    file_id,
    source_line,
    call_type,
    call_id,
    first_value(file_id) over of_all as winner_file_id,
    first_value(source_line) over of_all as winner_line,
    case
        when row_number() over of_all = 1 then 'winner'
        when row_number() over among_equals > 1 then 'exact_duplicate'
        else 'conflict'
    end as role
from candidates
inner join (select file_id, source_line, text_of(kind, looked_up) as record_text from looked_up) using (file_id, source_line)
window
    of_all as (
        partition by call_type, call_id
        order by file_date desc nulls last, loaded_at desc, file_id desc, source_line desc
    ),
    among_equals as (
        partition by call_type, call_id, record_text
        order by file_date desc nulls last, loaded_at desc, file_id desc, source_line desc
    )
qualify count(*) over (partition by call_type, call_id) > 1;

-- --------------------------------------------------------------------------------------------------- look-ups

-- Every pair of Result and Reason that occurs, with its outcome.
create temp table pairs as
select
    pair.result,
    pair.reason,
    outcomes.* exclude (description),
    coalesce(exact.is_contradictory, by_reason.is_contradictory, by_result.is_contradictory, fallback.is_contradictory)
        as is_contradictory
from (select distinct upper(result) as result, upper(reason) as reason from records) as pair
left join source.reference.outcome_map as exact
    on pair.result = exact.result and pair.reason = exact.reason
left join source.reference.outcome_map as by_reason
    on
        pair.reason = by_reason.reason and by_reason.result = '*' and by_reason.reason <> '*'
        and pair.result is distinct from 'ANSWERED'
left join source.reference.outcome_map as by_result
    on pair.result = by_result.result and by_result.reason = '*'
left join source.reference.outcome_map as fallback
    on fallback.result = '*' and fallback.reason = '*'
inner join source.reference.outcomes as outcomes
    on coalesce(exact.outcome, by_reason.outcome, by_result.outcome, fallback.outcome) = outcomes.outcome;

-- Countries of all beginnings of four digits, and of seven where a longer code begins with them.
create temp table prefixes as
with numbers as (
    select lpad(cast(n as varchar), 4, '0') as prefix from range(10000) as four (n)
    union all
    select long.prefix || lpad(cast(n as varchar), 3, '0')
    from (select distinct left(prefix, 4) as prefix from source.reference.calling_codes where length(prefix) > 4) as long
    cross join range(1000) as three (n)
)

select
    numbers.prefix,
    codes.country_code
from numbers
cross join range(1, 8) as lengths (n)
inner join source.reference.calling_codes as codes
    on left(numbers.prefix, lengths.n) = codes.prefix and length(codes.prefix) = lengths.n
qualify row_number() over (partition by numbers.prefix order by lengths.n desc) = 1;

create temp table rates as
select
    days.call_date,
    fx.from_currency,
    fx.rate,
    fx.rate_date
from (select distinct call_date from records where key_hash is not null) as days
cross join (select distinct from_currency from source.reference.fx_rates where to_currency = 'EUR' and from_currency <> 'EUR') as money
asof join (select * from source.reference.fx_rates where to_currency = 'EUR') as fx
    on money.from_currency = fx.from_currency and days.call_date >= fx.rate_date;

-- ------------------------------------------------------------------------------------------------------ marts

create table marts.fact_calls as
with calls as (
    select
        records.* replace (
            guid(application_key) as application_key,
            upper(to_country_id) as to_country_id,
            upper(records.result) as result,
            upper(records.reason) as reason,
            upper(currency) as currency
        ),
        case when call_type <> 'app_app' then e164(caller) end as caller_e164,
        case when call_type <> 'app_app' then e164(callee) end as callee_e164,
        coalesce(answered_at, called_at) + to_seconds(least(coalesce(duration_seconds, 0), 8000000000000)) as ended_at
    from records
    anti join (select file_id, source_line from contested where role <> 'winner') as losers using (file_id, source_line)
    where key_hash is not null
)

select
    md5(call_type || '|' || call_id) as call_key,
    call_id,
    call_type,
    user_space_id,
    application_key,
    user_id,
    caller,
    callee,
    caller_e164,
    callee_e164,
    coalesce(caller_7.country_code, caller_4.country_code) as origin_country,
    case when call_type <> 'app_app' then coalesce(to_country_id, callee_7.country_code, callee_4.country_code) end
        as destination_country,
    calls.result,
    calls.reason,
    pairs.outcome,
    pairs.outcome_side,
    pairs.is_answered,
    pairs.is_seizure,
    pairs.is_network_effective,
    pairs.is_abandoned,
    pairs.is_contradictory,
    called_at,
    answered_at,
    ended_at,
    calls.call_date,
    calls.call_date as report_date,
    duration_seconds,
    case when call_type = 'phone_terminated' then (epoch_us(answered_at) - epoch_us(called_at)) / 1000000.0::double end
        as answer_delay_seconds,
    case when answered_at is null then 'call_time' else 'answer_time' end as interval_basis,
    amount,
    currency,
    case
        when currency = 'EUR' then amount
        else try_cast(cast(amount as decimal(19, 6)) * rates.rate as decimal(18, 6))
    end as amount_reporting,
    case when amount is not null then rates.rate_date end as fx_rate_date,
    custom,
    case when json_valid(custom) then custom end as custom_json,
    file_id,
    files.file_name as source_file,
    source_line,
    calls.file_date,
    calls.loaded_at,
    cast(calls.file_date - cast(ended_at as date) as integer) as days_late
from calls
inner join files using (file_id)
inner join pairs on calls.result is not distinct from pairs.result and calls.reason is not distinct from pairs.reason
left join prefixes as caller_7 on caller_e164[2:8] = caller_7.prefix
left join prefixes as caller_4 on caller_e164[2:5] = caller_4.prefix
left join prefixes as callee_7 on callee_e164[2:8] = callee_7.prefix
left join prefixes as callee_4 on callee_e164[2:5] = callee_4.prefix
left join rates on currency = rates.from_currency and calls.call_date = rates.call_date;

create table marts.mart_cost_daily as
select
    report_date,
    call_type,
    application_key,
    destination_country,
    currency,
    count(*) as calls,
    count(*) filter (where is_answered) as answers,
    count(*) filter (where amount > 0) as charged_calls,
    sum(amount) filter (where amount > 0 and duration_seconds is not null) as charged_amount,
    coalesce(sum(duration_seconds) filter (where amount > 0), 0)::bigint as charged_seconds,
    coalesce(sum(duration_seconds) filter (where is_answered), 0)::double / 60 as minutes,
    sum(amount) as amount,
    sum(amount_reporting) as amount_reporting,
    count(*) filter (where amount is not null and amount_reporting is null) as unconverted_calls,
    count(unreadable.source_line) as unreadable_amounts,
    cast(60 * charged_amount as double) / nullif(charged_seconds, 0) as effective_rate_per_minute,
    cast(sum(amount) as double) / nullif(count(*) filter (where is_answered), 0) as cost_per_answer
from marts.fact_calls
left join (
    select
        file_id,
        source_line
    from records
    where contains(invalid_fields, 'amount')
) as unreadable using (file_id, source_line)
group by all;

create table marts.mart_quality_daily as
with counted as (
    select
        report_date,
        call_type,
        application_key,
        destination_country,
        count(*) as bids,
        count(*) filter (where is_seizure) as seizures,
        count(*) filter (where is_answered) as answers,
        count(*) filter (where is_network_effective) as network_effective,
        count(*) filter (where is_abandoned) as abandoned,
        count(duration_seconds) filter (where is_answered) as timed_answers,
        coalesce(sum(duration_seconds) filter (where is_answered), 0)::bigint as talk_seconds,
        count(*) filter (where is_answered and duration_seconds <= 6) as short_calls,
        count(*) filter (where is_answered and outcome in ('cut_no_credit', 'dropped_error')) as drops,
        count(*) filter (where not is_answered and outcome_side = 'network') as network_failures,
        count(*) filter (where result = 'FAILED') as failed,
        quantile_cont(answer_delay_seconds, [0.5, 0.95]) as delays
    from marts.fact_calls
    group by all
)

select
    * exclude (delays),
    answers / nullif(bids, 0) as abr,
    answers / nullif(seizures, 0) as asr,
    network_effective / nullif(seizures, 0) as ner,
    (network_effective - abandoned) / nullif(seizures - abandoned, 0) as ner_excl_abandoned,
    talk_seconds / nullif(timed_answers, 0) as aloc_seconds,
    talk_seconds / 60 as minutes,
    delays[1] as answer_delay_p50_seconds,
    delays[2] as answer_delay_p95_seconds,
    short_calls / nullif(timed_answers, 0) as short_call_ratio,
    drops / nullif(answers, 0) as drop_ratio,
    network_failures / nullif(bids, 0) as network_failure_ratio,
    failed / nullif(bids, 0) as failed_ratio
from counted;

create table marts.mart_failure_reasons_daily as
select
    *,
    sum(calls) over (partition by report_date, call_type, application_key)::bigint as day_bids,
    calls / day_bids as share
from (
    select
        report_date,
        call_type,
        application_key,
        result,
        reason,
        outcome,
        outcome_side,
        is_answered,
        count(*) as calls
    from marts.fact_calls
    group by all
);

create table marts.mart_feed_reconciliation as
select
    file_id,
    file_name,
    kind as call_type,
    file_date,
    records,
    staged,
    rejected,
    coalesce(unusable, 0) as unusable,
    coalesce(exact_duplicates, 0) as exact_duplicates,
    coalesce(conflicts, 0) as conflicts,
    coalesce(in_fact, 0) as in_fact,
    staged - coalesce(in_fact, 0) - coalesce(exact_duplicates, 0) - coalesce(conflicts, 0) - coalesce(unusable, 0) as difference
from files
left join (select file_id, count(*) as unusable from unusable group by all) using (file_id)
left join (
    select
        file_id,
        count(*) filter (where role = 'exact_duplicate') as exact_duplicates,
        count(*) filter (where role = 'conflict') as conflicts
    from contested
    group by all
) using (file_id)
left join (select file_id, count(*) as in_fact from marts.fact_calls group by all) using (file_id);

create table marts.rejected_records as
select
    file_id,
    line,
    file_name,
    file_date,
    'load' as stage,
    reason_code,
    detail,
    raw
from source.raw_sinch.rejected_records
inner join files using (file_id)
union all
select
    file_id,
    source_line,
    file_name,
    files.file_date,
    'typing',
    reason_code,
    case reason_code
        when 'missing_call_id' then 'The record has no CallId, so it identifies no call.'
        when 'unreadable_call_time' then 'CallTime is not an ISO 8601 date and time, so the call has no day.'
        else 'The record has no CallTime, so the call has no day.'
    end,
    replace(text_of(looked_up.kind, looked_up), chr(31), ';')
from unusable
inner join looked_up using (file_id, source_line)
inner join files using (file_id);

create table marts.call_conflicts as
select
    contested.file_id,
    contested.source_line as line,
    md5(contested.call_type || '|' || contested.call_id) as call_key,
    contested.winner_file_id,
    contested.winner_line,
    concat_ws(
        ',',
        case when loser."UserSpaceId" <> winner."UserSpaceId" then 'user_space_id' end,
        case when loser."CallTime" <> winner."CallTime" then 'call_time' end,
        case when loser."Result" <> winner."Result" then 'result' end,
        case when loser."Reason" <> winner."Reason" then 'reason' end,
        case when loser."Duration" <> winner."Duration" then 'duration' end,
        case when loser."AnswerTime" <> winner."AnswerTime" then 'answer_time' end,
        case when loser."From" <> winner."From" then 'from' end,
        case when loser."To" <> winner."To" then 'to' end,
        case when loser."FromUserId" <> winner."FromUserId" then 'from_user_id' end,
        case when loser."ToUserId" <> winner."ToUserId" then 'to_user_id' end,
        case when loser."Amount" <> winner."Amount" then 'amount' end,
        case when loser."Currency" <> winner."Currency" then 'currency' end,
        case when loser."Custom" <> winner."Custom" then 'custom' end,
        case when loser."ApplicationKey" <> winner."ApplicationKey" then 'application_key' end,
        case when loser."UserId" <> winner."UserId" then 'user_id' end,
        case when coalesce(loser."ToCountryId", '') <> coalesce(winner."ToCountryId", '') then 'to_country_id' end
    ) as differing_fields
from contested
inner join looked_up as loser
    on contested.file_id = loser.file_id and contested.source_line = loser.source_line
inner join looked_up as winner
    on contested.winner_file_id = winner.file_id and contested.winner_line = winner.source_line
where contested.role = 'conflict';

create table marts.dim_applications as
select
    coalesce(seed.application_key, seen.application_key) as application_key,
    application_name,
    description,
    seed.application_key is not null as is_known,
    first_report_date,
    last_report_date
from (select * replace (guid(application_key) as application_key) from source.reference.applications) as seed
full join (
    select application_key, min(report_date) as first_report_date, max(report_date) as last_report_date
    from marts.mart_quality_daily
    where application_key is not null
    group by all
) as seen on seed.application_key = seen.application_key;

create table marts.dim_countries as
select
    coalesce(seed.country_code, seen.country_code) as country_code,
    country_name,
    region,
    time_zone,
    seed.country_code is not null as is_known,
    seen.country_code is not null as is_called
from source.reference.countries as seed
full join (
    select distinct destination_country as country_code from marts.mart_quality_daily
    where destination_country is not null
) as seen on seed.country_code = seen.country_code;

create table marts.dim_outcomes as
select * from source.reference.outcomes;

create table marts.dim_dates as
with years as (
    select distinct date_trunc('year', day)::date as first_day from (
        select report_date as day from marts.mart_quality_daily
        union all
        select file_date from files
    )
    where day is not null
)

select
    year(date_day)::integer as year_number,
    quarter(date_day)::integer as quarter_of_year,
    month(date_day)::integer as month_of_year,
    week(date_day)::integer as iso_week,
    isodow(date_day)::integer as iso_weekday,
    isodow(date_day) >= 6 as is_weekend,
    date_day,
    date_trunc('month', date_day)::date as month_start,
    date_trunc('week', date_day)::date as week_start
from (
    select unnest(generate_series(first_day, (first_day + interval 1 year - interval 1 day)::date, interval 1 day))::date as date_day
    from years
);
