{#- A text as a literal. -#}
{% macro text_literal(text) %}{{ return(dbt.string_literal(dbt.escape_single_quotes(text))) }}{% endmacro %}


{#- Texts as SQL, with commas between. A macro call for each text would take longer than loading a seed. -#}
{% macro text_literals(texts) -%}
    {%- for text in texts -%}
        {{- ', ' if not loop.first -}}
        {{ text_literal(text) if "'" in text or '\\' in text else "'" ~ text ~ "'" }}
    {%- endfor -%}
{%- endmacro %}


{#- A row of a relation that has this alias as one text; rows that differ have different ones. -#}
{% macro row_text(alias) %}{{ return(adapter.dispatch('row_text', 'sinch_cdr')(alias)) }}{% endmacro %}

{% macro duckdb__row_text(alias) -%}
    cast({{ alias }} as {{ dbt.type_string() }})
{%- endmacro %}

{% macro spark__row_text(alias) -%}
    to_json(struct({{ alias }}.*), map('timestampFormat', 'yyyy-MM-dd HH:mm:ss.SSSSSS'))
{%- endmacro %}


{#- A query (line, text) of the lines of a text. -#}
{% macro each_line(text) %}{{ return(adapter.dispatch('each_line')(text)) }}{% endmacro %}

{% macro duckdb__each_line(text) -%}
    select
        unnest(range(1, len(lines) + 1)) as line,
        unnest(lines) as text
    from (select string_split({{ text }}, chr(10)) as lines) as texts
{%- endmacro %}

{% macro spark__each_line(text) -%}
    select
        place + 1 as line,
        text
    from (select posexplode(split({{ text }}, chr(10))) as (place, text)) as lines
{%- endmacro %}


{#-
    A text without the blank and invisible characters at its ends: blanks and separators of every kind,
    controls, and format characters such as zero-width spaces, byte order marks and direction marks (Unicode
    categories Z, Cc and Cf). Engines disagree on what a blank is, so both read one list of them.
-#}
{% macro trim_blanks(text) %}{{ return(adapter.dispatch('trim_blanks')(text)) }}{% endmacro %}

{% macro duckdb__trim_blanks(text) -%}
    {#- A pattern is slow: only where the first or last character is not a visible one of ASCII. -#}
    case
        when {{ text }} between '!' and '~' and array_extract({{ text }}, -1) between '!' and '~'
            then {{ text }}
        else regexp_replace({{ text }}, '{{ blanks_at_the_ends() }}', '', 'g')
    end
{%- endmacro %}

{% macro spark__trim_blanks(text) -%}
    regexp_replace({{ text }}, '{{ blanks_at_the_ends() | replace("\\", "\\\\") }}', '')
{%- endmacro %}

{#-
    A pattern that both engines read: blank and invisible characters at the start of a text and at its end.
-#}
{% macro blanks_at_the_ends() -%}
    {%- set ranges = [
        '00-20', '7f-a0', 'ad', '600-605', '61c', '6dd', '70f', '890-891', '8e2', '1680', '180e', '2000-200f',
        '2028-202f', '205f-2064', '2066-206f', '3000', 'feff', 'fff9-fffb', '110bd', '110cd', '13430-1343f',
        '1bca0-1bca3', '1d173-1d17a', 'e0001', 'e0020-e007f',
    ] -%}
    {%- set characters -%}
        {%- for range in ranges %}\x{ {{- range | replace('-', '}-\\x{') -}} }{% endfor -%}
    {%- endset -%}
    \A[{{ characters }}]+|[{{ characters }}]+\z
{%- endmacro %}


{#- Upper case, letter by letter. Spark turns a sharp s into two letters. -#}
{% macro upper_case(text) %}{{ return(adapter.dispatch('upper_case')(text)) }}{% endmacro %}

{% macro duckdb__upper_case(text) -%}
    upper({{ text }})
{%- endmacro %}

{% macro spark__upper_case(text) -%}
    upper(replace({{ text }}, 'ß', 'ẞ'))
{%- endmacro %}


{#-
    Whether a text matches a pattern; write the anchors, and [0-9] for \d (Spark drops the backslash). The
    function's name differs, and line ends: for Spark several characters are one, and its $ also matches
    before the last one.
-#}
{% macro matches(text, pattern) %}{{ return(adapter.dispatch('matches')(text, pattern)) }}{% endmacro %}

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


{#-
    The part of a text that a group of a pattern matches; an empty text where it matches nothing. Patterns are
    those of `matches`.
-#}
{% macro extract_pattern(text, pattern, group) %}
    {{ return(adapter.dispatch('extract_pattern')(text, pattern, group)) }}
{% endmacro %}

{% macro duckdb__extract_pattern(text, pattern, group) -%}
    regexp_extract({{ text }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{% macro spark__extract_pattern(text, pattern, group) -%}
    regexp_extract({{ text }}, {{ java_pattern(pattern) }}, {{ group }})
{%- endmacro %}


{#-
    A text with every match of a pattern replaced; $1 is the first group. DuckDB writes \1, and replaces only
    the first match without 'g'.
-#}
{% macro replace_pattern(text, pattern, replacement) %}
    {{ return(adapter.dispatch('replace_pattern')(text, pattern, replacement)) }}
{% endmacro %}

{% macro duckdb__replace_pattern(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement | replace("$", "\\") }}', 'g')
{%- endmacro %}

{% macro spark__replace_pattern(text, pattern, replacement) -%}
    regexp_replace({{ text }}, {{ java_pattern(pattern) }}, '{{ replacement }}')
{%- endmacro %}


{#-
    Whether a text is valid JSON (RFC 8259). DuckDB's validator also accepts NaN, Infinity and a comma after
    the last element: a text that it accepts is searched for them, strings left out. Spark has no validator,
    and its parser stops after the first value; only a single value fits both into [] and after a key.
-#}
{% macro is_json(text) %}{{ return(adapter.dispatch('is_json')(text)) }}{% endmacro %}

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
    What a member of a JSON object holds, as text; its name may be in any case, and several names lead to a
    member of a member. Null if there is none, or if it begins with { or [: it is an object or a list. The
    text must be valid JSON, or null.
-#}
{% macro json_member(json, names) %}{{ return(adapter.dispatch('json_member')(json, names)) }}{% endmacro %}

{% macro duckdb__json_member(json, names) -%}
    {%- set value = namespace(sql=json) -%}
    {%- for name in names -%}
        {%- set is_meant = "lambda member: lower(member) = '" ~ name | lower ~ "'" -%}
        {%- set value.sql -%}
            json_extract({{ value.sql }}, '/' || list_filter(json_keys({{ value.sql }}), {{ is_meant }})[1])
        {%- endset -%}
    {%- endfor -%}
    case
        when not regexp_matches(json_extract_string({{ value.sql }}, '$'), '^[{[]')
            then json_extract_string({{ value.sql }}, '$')
    end
{%- endmacro %}

{% macro spark__json_member(json, names) -%}
    {%- set value = namespace(sql=json) -%}
    {%- for name in names -%}
        {%- set value.sql -%}
            get(
                filter(
                    map_entries(from_json({{ value.sql }}, 'map<string,string>')),
                    member -> lower(member.key) = '{{ name | lower }}'
                ),
                0
            ).value
        {%- endset -%}
    {%- endfor -%}
    case when not {{ value.sql }} rlike '^[{\\[]' then {{ value.sql }} end
{%- endmacro %}


{#-
    A text with its percent escapes (UTF-8) undone; + stays. A text with another % or with escapes that are no
    UTF-8 stays as it is.
-#}
{% macro undo_percent(text) %}{{ return(adapter.dispatch('undo_percent')(text)) }}{% endmacro %}

{% macro duckdb__undo_percent(text) -%}
    case
        when regexp_matches({{ text }}, '%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?$)') then {{ text }}
        else coalesce(try(url_decode({{ text }})), {{ text }})
    end
{%- endmacro %}

{#- Java writes a replacement character for what is no UTF-8. -#}
{% macro spark__undo_percent(text) -%}
    case
        when {{ text }} rlike '(?s)%([^0-9A-Fa-f]|.[^0-9A-Fa-f]|.?\\z)' then {{ text }}
        when contains(try_url_decode(replace({{ text }}, '+', '%2B')), '\uFFFD') then {{ text }}
        else coalesce(try_url_decode(replace({{ text }}, '+', '%2B')), {{ text }})
    end
{%- endmacro %}


{#- Different numbers of a group as one text, sorted, with commas between. -#}
{% macro numbers_joined(number) %}{{ return(adapter.dispatch('numbers_joined')(number)) }}{% endmacro %}

{% macro duckdb__numbers_joined(number) -%}
    array_to_string(list_sort(list(distinct {{ number }})), ',')
{%- endmacro %}

{% macro spark__numbers_joined(number) -%}
    array_join(array_sort(collect_set({{ number }})), ',')
{%- endmacro %}
