-- The newest record of a call counts, whatever it contains. If a losing record was charged and has another
-- time or other parties, two calls had one CallId, and one of them is in no mart. If a losing record was
-- answered or charged and the winner is not, talk and money are in no mart. By currency, for the days written
-- lately.
{{ config(severity='warn', meta={'findings': 'messages'}) }}

-- The days written lately are known once this is built:
-- depends_on: {{ ref('fact_calls') }}

with

conflicts as (
    select
        file_id,
        source_line,
        winner_file_id,
        winner_line
    from {{ ref('int_calls__contested') }}
    where role = 'conflict' and {{ lately_called() }}
),

losers as (
    select
        file_id,
        source_line,
        coalesce(caller_e164, caller) as caller,
        coalesce(callee_e164, callee) as callee,
        currency,
        amount,
        is_answered,
        called_at
    from {{ ref('int_calls__classified') }}
    where
        {{ lately_called() }}
        and file_id in (select file_id from conflicts)
),

winners as (
    select
        file_id,
        source_line,
        coalesce(caller_e164, caller) as caller,
        coalesce(callee_e164, callee) as callee,
        amount,
        is_answered,
        called_at
    from {{ ref('int_calls__classified') }}
    where file_id in (select winner_file_id from conflicts)
),

compared as (
    select
        losers.currency,
        losers.amount,
        losers.amount <> 0
        and (
            losers.called_at <> winners.called_at
            or losers.caller is distinct from winners.caller
            or losers.callee is distinct from winners.callee
        ) as is_another_call,
        (losers.is_answered and not winners.is_answered)
        or (losers.amount > 0 and coalesce(winners.amount, 0) <= 0) as is_outweighed
    from conflicts
    inner join losers
        on conflicts.file_id = losers.file_id and conflicts.source_line = losers.source_line
    inner join winners
        on conflicts.winner_file_id = winners.file_id and conflicts.winner_line = winners.source_line
),

summed as (
    select
        currency,
        coalesce(is_another_call, false) as is_another_call,
        count(*) as records,
        sum(amount) as amount
    from compared
    where is_another_call or is_outweighed
    group by
        currency,
        coalesce(is_another_call, false)
),

worded as (
    select
        is_another_call,
        records,
        currency,
        cast(amount as {{ dbt.type_string() }})
        || coalesce(' ' || {{ code_or_shape('currency', 'currency') }}, ' in no currency') as amount_text
    from summed
)

select
    case
        when is_another_call
            then concat(
                    'two calls of one CallId: ', amount_text, ' of ', records, ' older records are in no',
                    ' mart, since the newest record of an id counts; see marts.call_conflicts;',
                    ' was the id used again, or rounded by a spreadsheet? Ask for the file with ids of',
                    ' their own'
                )
        else
            concat(
                records,
                case when records = 1 then ' record was' else ' records were' end,
                ' answered or charged, and the newer one of ',
                case when records = 1 then 'its' else 'their' end,
                ' call, which counts, is not', coalesce(': ' || amount_text, ''),
                '; see marts.call_conflicts,',
                ' and withdraw the newer file if it is the wrong one (`cdr withdraw`)'
            )
    end as message
from worded
order by is_another_call desc, records desc, currency asc
