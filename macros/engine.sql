{#-
    Everything that differs between engines, and nothing else. Each macro says what differs.
    `default__` raises: an engine nobody has thought about must not build silently wrong tables.
-#}

{% macro unsupported_engine(macro_name) %}
    {{ exceptions.raise_compiler_error(
        "macro " ~ macro_name ~ " has no version for the adapter '" ~ target.type ~ "': add one to macros/engine.sql"
    ) }}
{% endmacro %}


{#- Surrounding blanks removed. The syntax for a set of characters differs. -#}
{% macro trim_blanks(text) %}{{ return(adapter.dispatch('trim_blanks')(text)) }}{% endmacro %}

{% macro default__trim_blanks(text) %}{{ unsupported_engine('trim_blanks') }}{% endmacro %}

{% macro duckdb__trim_blanks(text) -%}
    {#- Trimming a set of characters is slow: do it only where the first or last one sorts before '!', as blanks do. -#}
    case when {{ text }} < '!' or right({{ text }}, 1) < '!' then trim({{ text }}, e' \t\r\n\f\x0b') else {{ text }} end
{%- endmacro %}

{% macro spark__trim_blanks(text) -%}
    trim(both ' \t\r\n\u000c\u000b' from {{ text }})
{%- endmacro %}


{#- Upper case, letter by letter. Spark makes two letters of a sharp s. -#}
{% macro upper_case(text) %}{{ return(adapter.dispatch('upper_case')(text)) }}{% endmacro %}

{% macro default__upper_case(text) %}{{ unsupported_engine('upper_case') }}{% endmacro %}

{% macro duckdb__upper_case(text) -%}
    upper({{ text }})
{%- endmacro %}

{% macro spark__upper_case(text) -%}
    upper(replace({{ text }}, 'ß', 'ẞ'))
{%- endmacro %}


{#-
    Whether a text matches a pattern; write the anchors, and [0-9] for \d (Spark drops the backslash). The name differs, and what a line end is:
    for Spark several characters are, and its $ also stands before the last one.
-#}
{% macro matches(text, pattern) %}{{ return(adapter.dispatch('matches')(text, pattern)) }}{% endmacro %}

{% macro default__matches(text, pattern) %}{{ unsupported_engine('matches') }}{% endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}

{% macro spark__matches(text, pattern) -%}
    {{ text }} rlike {{ java_pattern(pattern) }}
{%- endmacro %}

{#- (?d): only a line feed ends a line; \z: the very end. -#}
{% macro java_pattern(pattern) -%}
    '(?d){{ pattern | replace("$", "\\\\z") }}'
{%- endmacro %}


{#- The part of a text that a group of a pattern matches, an empty text where it matches nothing. Patterns differ as in `matches`. -#}
{% macro extract_pattern(text, pattern, group) %}{{ return(adapter.dispatch('extract_pattern')(text, pattern, group)) }}{% endmacro %}

{% macro default__extract_pattern(text, pattern, group) %}{{ unsupported_engine('extract_pattern') }}{% endmacro %}

{% macro duckdb__extract_pattern(text, pattern, group) -%}
    regexp_extract({{ text }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{% macro spark__extract_pattern(text, pattern, group) -%}
    regexp_extract({{ text }}, {{ java_pattern(pattern) }}, {{ group }})
{%- endmacro %}


{#- Every match of a pattern replaced, $1 the first group. DuckDB replaces only the first match without 'g', and writes \1. -#}
{% macro replace_pattern(text, pattern, replacement) %}{{ return(adapter.dispatch('replace_pattern')(text, pattern, replacement)) }}{% endmacro %}

{% macro default__replace_pattern(text, pattern, replacement) %}{{ unsupported_engine('replace_pattern') }}{% endmacro %}

{% macro duckdb__replace_pattern(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement | replace("$", "\\") }}', 'g')
{%- endmacro %}

{% macro spark__replace_pattern(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ java_pattern(pattern) }}, '{{ replacement }}')
{%- endmacro %}


{#-
    An ISO 8601 text that already has the right shape and at most six decimals, as a UTC timestamp; null where it names no moment.
    DuckDB's plain timestamp reads Z but drops an offset silently, so a text with one goes through timestamptz; Spark's
    timestamp honours it (session time zone UTC).
-#}
{% macro utc_timestamp(text) %}{{ return(adapter.dispatch('utc_timestamp')(text)) }}{% endmacro %}

{% macro default__utc_timestamp(text) %}{{ unsupported_engine('utc_timestamp') }}{% endmacro %}

{% macro duckdb__utc_timestamp(text) -%}
    case
        when regexp_matches({{ text }}, '[+-][0-9]{2}:?[0-9]{2}$')
            then try_cast({{ text }} as timestamptz) at time zone 'UTC'
        else try_cast({{ text }} as timestamp)
    end
{%- endmacro %}

{% macro spark__utc_timestamp(text) -%}
    try_cast({{ text }} as timestamp)
{%- endmacro %}


{#- Seconds from one timestamp to another, with their fraction. -#}
{% macro seconds_between(started_at, ended_at) %}{{ return(adapter.dispatch('seconds_between')(started_at, ended_at)) }}{% endmacro %}

{% macro default__seconds_between(started_at, ended_at) %}{{ unsupported_engine('seconds_between') }}{% endmacro %}

{% macro duckdb__seconds_between(started_at, ended_at) -%}
    (epoch_us({{ ended_at }}) - epoch_us({{ started_at }})) / 1000000.0::double
{%- endmacro %}

{% macro spark__seconds_between(started_at, ended_at) -%}
    cast(unix_micros({{ ended_at }}) - unix_micros({{ started_at }}) as double) / 1000000
{%- endmacro %}


{#- A timestamp some whole seconds later. -#}
{% macro add_seconds(moment, seconds) %}{{ return(adapter.dispatch('add_seconds')(moment, seconds)) }}{% endmacro %}

{% macro default__add_seconds(moment, seconds) %}{{ unsupported_engine('add_seconds') }}{% endmacro %}

{% macro duckdb__add_seconds(moment, seconds) -%}
    {{ moment }} + to_seconds({{ seconds }})
{%- endmacro %}

{% macro spark__add_seconds(moment, seconds) -%}
    timestamp_micros(unix_micros({{ moment }}) + {{ seconds }} * 1000000)
{%- endmacro %}


{#- Whole days from one date to another. -#}
{% macro days_between(from_date, to_date) %}{{ return(adapter.dispatch('days_between')(from_date, to_date)) }}{% endmacro %}

{% macro default__days_between(from_date, to_date) %}{{ unsupported_engine('days_between') }}{% endmacro %}

{% macro duckdb__days_between(from_date, to_date) -%}
    cast({{ to_date }} - {{ from_date }} as integer)
{%- endmacro %}

{% macro spark__days_between(from_date, to_date) -%}
    datediff({{ to_date }}, {{ from_date }})
{%- endmacro %}


{#- The calendar date of a UTC timestamp in an IANA time zone. -#}
{% macro date_in_zone(moment, zone) %}{{ return(adapter.dispatch('date_in_zone')(moment, zone)) }}{% endmacro %}

{% macro default__date_in_zone(moment, zone) %}{{ unsupported_engine('date_in_zone') }}{% endmacro %}

{% macro duckdb__date_in_zone(moment, zone) -%}
    {%- if zone == 'UTC' -%}
        cast({{ moment }} as date)
    {%- else -%}
        cast({{ moment }} at time zone 'UTC' at time zone '{{ zone }}' as date)
    {%- endif -%}
{%- endmacro %}

{% macro spark__date_in_zone(moment, zone) -%}
    cast(from_utc_timestamp({{ moment }}, '{{ zone }}') as date)
{%- endmacro %}


{#-
    Whether a text is valid JSON (RFC 8259). DuckDB's validator also takes NaN, Infinity and a comma after the last element: where it finds the text good,
    they are looked for outside of strings. Spark has no validator and its parser stops after the first value; only one value fits both into [] and behind a key.
-#}
{% macro is_json(text) %}{{ return(adapter.dispatch('is_json')(text)) }}{% endmacro %}

{% macro default__is_json(text) %}{{ unsupported_engine('is_json') }}{% endmacro %}

{% macro duckdb__is_json(text) -%}
    {%- set not_json = '[nN][aA]|[iI][nN]|,[ \t\r\n]*[]}]' -%}
    case
        when not coalesce(json_valid({{ text }}), false) then false
        when not regexp_matches({{ text }}, '{{ not_json }}') then true
        else not regexp_matches(regexp_replace({{ text }}, '"([^"\\]|\\.)*"', '""', 'g'), '{{ not_json }}')
    end
{%- endmacro %}

{% macro spark__is_json(text) -%}
    (
        try_parse_json(concat('[', {{ text }}, ']')) is not null
        and try_parse_json(concat('{"value":', {{ text }}, '}')) is not null
    )
{%- endmacro %}


{#-
    A bigint that is equal for equal texts: eight bytes to look up instead of a long key. Different texts may share one, so
    callers compare the texts themselves afterwards. The function differs; values are never compared across engines.
-#}
{% macro key_hash(text) %}{{ return(adapter.dispatch('key_hash')(text)) }}{% endmacro %}

{% macro default__key_hash(text) %}{{ unsupported_engine('key_hash') }}{% endmacro %}

{% macro duckdb__key_hash(text) -%}
    cast(md5_number({{ text }}) >> 65 as bigint)
{%- endmacro %}

{% macro spark__key_hash(text) -%}
    xxhash64({{ text }})
{%- endmacro %}


{#- A query with every `day` from one date to another. -#}
{% macro days_from_to(first_day, last_day) %}{{ return(adapter.dispatch('days_from_to')(first_day, last_day)) }}{% endmacro %}

{% macro default__days_from_to(first_day, last_day) %}{{ unsupported_engine('days_from_to') }}{% endmacro %}

{% macro duckdb__days_from_to(first_day, last_day) -%}
    select cast(unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day)) as date) as day
{%- endmacro %}

{% macro spark__days_from_to(first_day, last_day) -%}
    select explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day)) as day
{%- endmacro %}


{#- Day of the ISO week, Monday 1 to Sunday 7. -#}
{% macro iso_weekday(day) %}{{ return(adapter.dispatch('iso_weekday')(day)) }}{% endmacro %}

{% macro default__iso_weekday(day) %}{{ unsupported_engine('iso_weekday') }}{% endmacro %}

{% macro duckdb__iso_weekday(day) -%}
    cast(isodow({{ day }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(day) -%}
    weekday({{ day }}) + 1
{%- endmacro %}


{#- The secret of pii_mode hashed, from the environment by way of the profile: never part of compiled SQL, logs or the manifest. -#}
{% macro pii_key() %}{{ return(adapter.dispatch('pii_key')()) }}{% endmacro %}

{% macro default__pii_key() %}{{ unsupported_engine('pii_key') }}{% endmacro %}

{% macro duckdb__pii_key() -%}
    getvariable('cdr_pii_key')
{%- endmacro %}

{% macro spark__pii_key() -%}
    {#- Spark puts the setting there when it reads the statement; between r" and " every other character means itself. -#}
    r"${spark.cdr.pii.key}"
{%- endmacro %}


{#- A text hashed with the secret. The name of the function differs. -#}
{% macro keyed_hash(text) %}{{ return(adapter.dispatch('keyed_hash')(text)) }}{% endmacro %}

{% macro default__keyed_hash(text) %}{{ unsupported_engine('keyed_hash') }}{% endmacro %}

{% macro duckdb__keyed_hash(text) -%}
    sha256({{ pii_key() }} || '|' || {{ text }})
{%- endmacro %}

{% macro spark__keyed_hash(text) -%}
    sha2({{ pii_key() }} || '|' || {{ text }}, 256)
{%- endmacro %}


{#- A statement that deletes the rows with these values (literals) of a column, or all rows for none; no statement for an empty list. -#}
{% macro delete_where_in(relation, column, literals) %}{{ return(adapter.dispatch('delete_where_in')(relation, column, literals)) }}{% endmacro %}

{% macro default__delete_where_in(relation, column, literals) %}{{ unsupported_engine('delete_where_in') }}{% endmacro %}

{% macro duckdb__delete_where_in(relation, column, literals) -%}
    {%- if literals is none -%}
        delete from {{ relation }}
    {%- elif literals -%}
        delete from {{ relation }} where {{ in_list(column, literals) }}
    {%- endif -%}
{%- endmacro %}

{#- The partitions are dropped, so that a day or file without rows leaves nothing behind; all of them where the table is computed whole. -#}
{% macro spark__delete_where_in(relation, column, literals) -%}
    {%- if literals is none -%}
        truncate table {{ relation }}
    {%- elif literals -%}
        alter table {{ relation }} drop if exists
        {%- for literal in literals %} partition ({{ column }} = {{ literal }}){{ ',' if not loop.last }}{% endfor %}
    {%- endif -%}
{%- endmacro %}


{#- How an incremental model's new rows get in after what they replace was deleted. Spark has no transactions: it puts whole partitions in place. -#}
{% macro replacing_strategy() %}{{ return(adapter.dispatch('replacing_strategy')()) }}{% endmacro %}

{% macro default__replacing_strategy() %}{{ unsupported_engine('replacing_strategy') }}{% endmacro %}

{% macro duckdb__replacing_strategy() %}{{ return('append') }}{% endmacro %}

{% macro spark__replacing_strategy() %}{{ return('insert_overwrite') }}{% endmacro %}


{#- How a table is kept that loses single rows. Spark's Parquet tables lose whole partitions only: there it is made anew by each build. -#}
{% macro losing_rows() %}{{ return(adapter.dispatch('losing_rows')()) }}{% endmacro %}

{% macro default__losing_rows() %}{{ unsupported_engine('losing_rows') }}{% endmacro %}

{% macro duckdb__losing_rows() %}{{ return('incremental') }}{% endmacro %}

{% macro spark__losing_rows() %}{{ return('table') }}{% endmacro %}


{#- The column whose every value is a partition of an incremental model; the same as delete_where_in is called with. DuckDB has none. -#}
{% macro partition_column(column) %}{{ return(adapter.dispatch('partition_column')(column)) }}{% endmacro %}

{% macro default__partition_column(column) %}{{ unsupported_engine('partition_column') }}{% endmacro %}

{% macro duckdb__partition_column(column) %}{{ return(none) }}{% endmacro %}

{% macro spark__partition_column(column) %}{{ return(column) }}{% endmacro %}


{#- What follows the columns in `create table`. DuckDB has no partitions. -#}
{% macro partitioned_by(column) %}{{ return(adapter.dispatch('partitioned_by')(column)) }}{% endmacro %}

{% macro default__partitioned_by(column) %}{{ unsupported_engine('partitioned_by') }}{% endmacro %}

{% macro duckdb__partitioned_by(column) %}{% endmacro %}

{% macro spark__partitioned_by(column) -%}
    using parquet partitioned by ({{ column }})
{%- endmacro %}


{#-
    A statement that adds rows to the build log. Spark writes the model's part of it anew, keeping of each unit the newest row: each statement would
    otherwise leave a file, and two models writing at a time would be in each other's way.
-#}
{% macro add_to_log(rows_sql) %}{{ return(adapter.dispatch('add_to_log')(rows_sql)) }}{% endmacro %}

{% macro default__add_to_log(rows_sql) %}{{ unsupported_engine('add_to_log') }}{% endmacro %}

{% macro duckdb__add_to_log(rows_sql) -%}
    insert into {{ build_log() }} by name {{ rows_sql }}
{%- endmacro %}

{% macro spark__add_to_log(rows_sql) -%}
    insert overwrite table {{ build_log() }} partition (model)
    select
        seq,
        unit_type,
        unit,
        version,
        logged_at,
        model
    from (
        select
            *,
            row_number() over (partition by unit_type, unit order by seq desc) as recency
        from (
            select * from {{ build_log() }} where model = '{{ this.name }}'
            union all
            {{ rows_sql }}
        ) as history
    ) as ranked
    where recency = 1
{%- endmacro %}


{#- The raw tables of the sources. DuckDB holds them, so the missing ones are made; on Spark they are files. -#}
{% macro default__create_raw_tables() %}{{ unsupported_engine('create_raw_tables') }}{% endmacro %}

{% macro duckdb__create_raw_tables() %}
    {% for source in graph.sources.values() if source.source_name == 'raw_sinch' %}
        create schema if not exists {{ adapter.quote(source.schema) }};
        create table if not exists {{ source.relation_name }} (
            {% for column in source.columns.values() -%}
            {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if not loop.last }}
            {% endfor %}
        );
    {% endfor %}
{% endmacro %}

{#- Over the Parquet files of `cdr export` in CDR_EXPORT_DIR, made anew each time: the files are the tables. Empty ones where the variable is not set. -#}
{% macro spark__create_raw_tables() %}
    {% set folder = env_var('CDR_EXPORT_DIR', '') %}
    {% for source in graph.sources.values() if source.source_name == 'raw_sinch' %}
        {% set partitioned = source.name not in ['files', 'rejected_records'] %}
        {% do run_query("create schema if not exists " ~ source.schema) %}
        {% do run_query("drop table if exists " ~ source.relation_name) %}
        {% set create %}
            create table {{ source.relation_name }} (
                {% for column in source.columns.values() -%}
                {{ adapter.quote(column.name) }} {{ column.data_type }}{{ ',' if partitioned or not loop.last }}
                {% endfor %}
                {% if partitioned %}file_date date{% endif %}
            )
            using parquet
            {% if partitioned %}partitioned by (file_date){% endif %}
            {% if folder %}location '{{ folder }}/{{ source.name }}'{% endif %}
        {% endset %}
        {% do run_query(create) %}
        {% if folder and partitioned %}
            {% do run_query("msck repair table " ~ source.relation_name) %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{#- ---------------------------------------------------------------- dbt-spark's own macros, where they do not do -#}

{#-
    A table is made empty and then filled. Made and filled in one statement, a killed build would leave files where there is no table, and Spark
    refuses to make a table there.
-#}
{% macro spark__create_table_as(temporary, relation, compiled_code, language='sql') -%}
    {%- if temporary -%}
        {{ create_temporary_view(relation, compiled_code) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(compiled_code) }}
            {%- set compiled_code = get_select_subquery(compiled_code) -%}
        {%- endif -%}
        {%- set partition_by = config.get('partition_by', []) -%}
        {%- set partition_by = [partition_by] if partition_by is string else partition_by -%}
        {%- set columns = adapter.get_column_schema_from_query(compiled_code) -%}
        {%- call statement('create_empty_table') -%}
            create table {{ relation }} (
                {%- for column in columns %}
                {{ column.quoted }} {{ column.dtype }}{{ ',' if not loop.last }}
                {%- endfor %}
            )
            using {{ config.get('file_format', 'parquet') }}
            {{ partition_cols(label='partitioned by') }}
            {{ comment_clause() }}
        {%- endcall -%}
        {#- Partition columns come last, whatever was said. -#}
        {%- set names = columns | map(attribute='name') | reject('in', partition_by) | list + partition_by %}
        insert into {{ relation }}
        select
            {%- for name in names %}
            {{ adapter.quote(name) }}{{ ',' if not loop.last }}
            {%- endfor %}
        from ({{ compiled_code }}) as filling
    {%- endif -%}
{%- endmacro %}


{#- A text between quotes: a backslash means itself. dbt-spark's own minds the quotes only. -#}
{% macro spark__escape_single_quotes(expression) -%}
    {{ expression | replace('\\', '\\\\') | replace("'", "\\'") }}
{%- endmacro %}


{#- dbt-spark's own puts values between quotes as they are: a quote in a name breaks the statement, and null becomes the text None. -#}
{% macro spark__load_csv_rows(model, agate_table) %}
    {% set types = model.config.column_types %}
    {% set rows = [] %}
    {% for row in agate_table.rows %}
        {% set values = [] %}
        {% for name in agate_table.column_names %}
            {% set text = 'null' if row[name] is none else dbt.string_literal(dbt.escape_single_quotes(row[name] | string)) %}
            {% do values.append("cast(" ~ text ~ " as " ~ types.get(name, 'string') ~ ")") %}
        {% endfor %}
        {% do rows.append("(" ~ values | join(', ') ~ ")") %}
    {% endfor %}
    {% set sql %}
        insert into {{ this }} values
        {{ rows | join(',\n') }}
    {% endset %}
    {% do adapter.add_query(sql, abridge_sql_log=True) %}
    {{ return(sql) }}
{% endmacro %}


{#- Parquet tables hold no constraints, and dbt-spark takes every table for a Delta one unless told otherwise. The tests check what constraints say. -#}
{% macro spark__persist_constraints(relation, model) %}{% endmacro %}
