{{
    config(
        materialized=losing_rows(),
        incremental_strategy='delete+insert',
        unique_key='key_hash',
        on_schema_change='fail',
        pre_hook=["{{ log_reset() }}", "{{ clear_when_computed_whole() }}"],
        post_hook=[
            "{{ drop_uncontested(staged_files()) }}",
            "{{ log_files(staged_files()) }}",
            "{{ log_settings() }}",
        ],
    )
}}

{%- set changes = changed_files(staged_files()) %}

with

-- Of the whole history only eight bytes a call are read; texts are compared below, for the few keys that
-- occur more than once.
{% if changes.everything %}
contested_keys as (
    select key_hash
    from {{ ref('int_calls__unioned') }}
    where key_hash is not null
    group by key_hash
    having count(*) > 1
),
{% else %}
added_keys as (
    select distinct key_hash
    from {{ ref('int_calls__unioned') }}
    where key_hash is not null and {{ in_list('file_id', changes.added) }}
),

contested_keys as (
    select history.key_hash
    from {{ ref('int_calls__unioned') }} as history
    inner join added_keys
        on history.key_hash = added_keys.key_hash
    group by history.key_hash
    having count(*) > 1
    union
    select key_hash
    from {{ this }}
    where {{ in_list('file_id', changes.removed) }}
),
{% endif %}

candidates as (
    select
        file_id,
        source_line,
        key_hash,
        call_type,
        call_date,
        file_date,
        loaded_at
    from {{ ref('int_calls__unioned') }}
    where key_hash in (select key_hash from contested_keys)
),

records as (
    select
        file_id,
        source_line,
        {{ clean_text('call_id') }} as call_id,
        record_text
    from {{ ref('stg_sinch__records') }}
),

delivered as (
    select
        candidates.*,
        records.call_id,
        records.record_text
    from candidates
    inner join records
        on candidates.file_id = records.file_id and candidates.source_line = records.source_line
),

ranked as (
    select
        *,
        count(*) over (partition by call_type, call_id) as contenders,
        row_number() over among_equals as rank_among_equals,
        row_number() over of_all as rank_of_all,
        first_value(file_id) over of_all as winner_file_id,
        first_value(source_line) over of_all as winner_line
    from delivered
    window
        of_all as (partition by call_type, call_id order by {{ newest_first() }}),
        among_equals as (partition by call_type, call_id, record_text order by {{ newest_first() }})
),

final as (
    select
        file_id,
        source_line,
        key_hash,
        call_id,
        call_type,
        winner_file_id,
        winner_line,
        case
            when rank_of_all = 1 then 'winner'
            when rank_among_equals > 1 then 'exact_duplicate'
            else 'conflict'
        end as role,
        call_date
    from ranked
    where contenders > 1
)

select * from final
