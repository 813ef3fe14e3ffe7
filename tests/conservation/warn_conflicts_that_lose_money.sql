-- The newest record of a call counts, whatever it says. Where one that lost was answered or charged and the
-- one that counts is not, talk and money are in no mart: by currency, of the days written lately.
{{ config(severity='warn') }}

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
        {{ upper_case('result') }} = 'ANSWERED' as is_answered,
        currency,
        amount
    from {{ ref('int_calls__unioned') }}
    where
        {{ lately_called() }}
        and file_id in (select file_id from conflicts)
),

winners as (
    select
        file_id,
        source_line,
        is_answered,
        amount
    from {{ ref('fact_calls') }}
    where file_id in (select winner_file_id from conflicts)
),

outweighed as (
    select
        losers.currency,
        count(*) as records,
        sum(losers.amount) as amount
    from conflicts
    inner join losers
        on conflicts.file_id = losers.file_id and conflicts.source_line = losers.source_line
    inner join winners
        on conflicts.winner_file_id = winners.file_id and conflicts.winner_line = winners.source_line
    where
        (losers.is_answered and not winners.is_answered)
        or (losers.amount > 0 and coalesce(winners.amount, 0) <= 0)
    group by losers.currency
)

select
    concat(
        records, ' records were answered or charged, and the newer one of their call, which counts, is not',
        coalesce(concat(': ', amount, ' ', coalesce({{ code_or_shape('currency', 'currency') }}, 'in no currency')), ''),
        '; see marts.call_conflicts, and withdraw the newer file if it is the wrong one (`cdr withdraw`)'
    ) as message
from outweighed
order by records desc, currency asc
