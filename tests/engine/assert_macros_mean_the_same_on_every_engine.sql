-- The macros of macros/engine/ and of macros/cleaning/pii.sql by example: the same on both engines. (Those
-- that write tables are covered by tests/models/test_spark.py.) Examples are Jinja lists:
-- noqa: disable=layout.indent
{{ config(tags=['constant']) }}
{%- set lf, cr, nbsp = 'chr(10)', 'chr(13)', 'chr(160)' -%}
{%- set blanks = "concat(' ', chr(9), chr(10), chr(11), chr(12), chr(13))" -%}
{%- set cases = [
    ('blanks around a text', trim_blanks("concat(" ~ blanks ~ ", 'a b', " ~ blanks ~ ")"), "'a b'"),
    ('letters that name a blank', trim_blanks("'fnurbtx fnurbtx'"), "'fnurbtx fnurbtx'"),
    ('only blanks', trim_blanks(blanks), "''"),
    ('blanks to keep', trim_blanks("concat('a', " ~ nbsp ~ ", ' b', " ~ lf ~ ", ' ')"), "concat('a', " ~ nbsp ~ ", ' b')"),
    ('letters beyond ASCII', trim_blanks("' Åsa é '"), "'Åsa é'"),
    ('a tilde', trim_blanks("'~ ~'"), "'~ ~'"),
    ('no text', trim_blanks('cast(null as ' ~ dbt.type_string() ~ ')'), 'null'),

    ('upper case', upper_case("'straße åé'"), "'STRAẞE ÅÉ'"),

    ('matches', matches("'ab12'", '^[a-z]+[0-9]{2}$'), 'true'),
    ('matches anywhere', matches("'xab12x'", '[0-9]'), 'true'),
    ('matches not', matches("'ab123'", '^[a-z]+[0-9]{2}$'), 'false'),
    ('a line feed behind', matches("concat('12', " ~ lf ~ ")", '^[0-9]+$'), 'false'),
    ('a carriage return behind', matches("concat('12', " ~ cr ~ ")", '^[0-9]+$'), 'false'),
    ('any character but a line feed', matches("concat('a', " ~ lf ~ ")", '^a.$'), 'false'),
    ('any character', matches("concat('a', " ~ cr ~ ")", '^a.$'), 'true'),
    ('matches nothing', matches('cast(null as ' ~ dbt.type_string() ~ ')', '^a$'), 'null'),

    ('extracts a group', extract_pattern("'ab12cd'", '([a-z]+)([0-9]+)', 2), "'12'"),
    ('extracts to the end', extract_pattern("concat('<1>', " ~ cr ~ ", 'x')", '^<([0-9])>.*$', 1), "'1'"),
    ('extracts nothing', extract_pattern("'ab'", '([0-9]+)', 1), "''"),

    ('replaces every match', replace_pattern("'a1b22c333'", '[0-9]{2,}', '*'), "'a1b*c*'"),
    ('replaces by group', replace_pattern("'a123'", '([0-9]+)[0-9]$', '$1*'), "'a12*'"),

    ('UTC', utc_timestamp("'2026-11-22T15:39:31Z'"), "timestamp '2026-11-22 15:39:31'"),
    ('no offset', utc_timestamp("'2026-11-22 15:39:31'"), "timestamp '2026-11-22 15:39:31'"),
    ('an offset', utc_timestamp("'2026-11-22T00:30:00+01:00'"), "timestamp '2026-11-21 23:30:00'"),
    ('an offset without colon', utc_timestamp("'2026-11-22T15:39:31.25-0530'"), "timestamp '2026-11-22 21:09:31.25'"),
    ('seven decimals', utc_timestamp("'2026-11-22T15:39:31.9999999Z'"), "timestamp '2026-11-22 15:39:31.999999'"),
    ('no such day', utc_timestamp("'2026-02-30T15:39:31Z'"), 'null'),
    ('a leap second', utc_timestamp("'2026-11-22T23:59:60Z'"), 'null'),

    (
        'seconds between',
        seconds_between("timestamp '2026-11-21 23:59:59.75'", "timestamp '2026-11-22 00:01:00'"),
        'cast(60.25 as double)',
    ),
    (
        'a microsecond',
        seconds_between("timestamp '2026-11-22 00:00:00.000001'", "timestamp '2026-11-22 00:00:00'"),
        'cast(-0.000001 as double)',
    ),
    ('seconds later', add_seconds("timestamp '2026-11-21 23:59:59.5'", '61'), "timestamp '2026-11-22 00:01:00.5'"),
    ('a wall clock in UTC', time_in_zone("timestamp '2026-11-22 23:30:00.5'", 'UTC'), "timestamp '2026-11-22 23:30:00.5'"),
    ('a wall clock in summer', time_in_zone("timestamp '2026-07-22 22:30:00'", 'Europe/Stockholm'), "timestamp '2026-07-23 00:30:00'"),
    (
        'clocks of zones in a column',
        "(select max(" ~ wall_clock("timestamp '2026-11-22 23:30:00.5'", 'zone') ~ ") from (select 'Asia/Kolkata' as zone union all select null) as zones)",
        "timestamp '2026-11-23 05:00:00.5'",
    ),
    ('days between', days_between("date '2026-11-30'", "date '2026-12-02'"), '2'),
    ('days before', days_between("date '2026-11-30'", "date '2026-11-29'"), '-1'),
    ('a date in UTC', date_in_zone("timestamp '2026-11-22 23:30:00'", 'UTC'), "date '2026-11-22'"),
    ('a date in winter', date_in_zone("timestamp '2026-01-22 22:30:00'", 'Europe/Stockholm'), "date '2026-01-22'"),
    ('a date in summer', date_in_zone("timestamp '2026-07-22 22:30:00'", 'Europe/Stockholm'), "date '2026-07-23'"),
    ('a date across the ocean', date_in_zone("timestamp '2026-11-22 04:59:59'", 'America/New_York'), "date '2026-11-21'"),
    ('Monday', iso_weekday("date '2026-11-23'"), '1'),
    ('Sunday', iso_weekday("date '2026-11-22'"), '7'),
    ('each day', "(select count(*) from (select " ~ each_day("date '2026-02-27'", "date '2026-03-02'") ~ " as day) as days)", '4'),
    ('the last day', "(select max(day) from (select " ~ each_day("date '2026-02-27'", "date '2026-03-02'") ~ " as day) as days)", "date '2026-03-02'"),

    ('equal hashes', key_hash("'a|1'") ~ ' = ' ~ key_hash("concat('a', '|', '1')"), 'true'),
    ('different hashes', key_hash("'a|1'") ~ ' = ' ~ key_hash("'a|2'"), 'false'),
    ('a hash with the secret', 'length(' ~ keyed_hash("'a'") ~ ')', '64'),
    ('hashes with the secret', keyed_hash("'a'") ~ ' = ' ~ keyed_hash("'b'"), 'false'),
] -%}
{%- for text, shown in [
    ('+46701234567', '+4670123****'), ('4670123', '467****'), ('123456', '****'), ('1234567890123456', '****'), ('++4670123456', '****'),
    ('private', 'private'), ('Anonymous', 'Anonymous'), ('anonymous@example.com', '****'), ('a', '****'), ('anna.svensson19850101', '****'),
    ('Anna Svensson +46701234567', '****'), ('sip:46701234567@example.com', '****'), ('+46 70 123 45 67', '****'),
] -%}
    {%- do cases.append(('masked ' ~ text, masked("'" ~ text ~ "'"), "'" ~ shown ~ "'")) -%}
{%- endfor -%}
{%- do cases.append(('masked nothing', masked('cast(null as ' ~ dbt.type_string() ~ ')'), 'null')) -%}
{%- for text, plain in [
    ('cdr_phone_terminated_2026-11-22.csv', true), ('CDR_APP_APP_20261122_001.csv', true), ('2026-11-22.csv', true), ('sip_terminated.csv', true),
    ('phone_originated_2026-11-01_2026-11-30.csv', true), ('cdr.csv.2026-11-22-04-00-01', true), ('cdr.csv.1', true), ('cdr_123456.csv', true),
    ('cdr_1234567.csv', false), ('cdr_46701234567_2026-11-22.csv', false), ('cdr_070-123-45-67.csv', false), ('070-1234567.csv', false),
    ('cdr_19850101-1234.csv', false), ('anna.csv', false), ('cdr_anna_2026-11-22.csv', false), ('cdr_phone_terminated_2026-11-22_part.csv', false),
    ('', false),
] -%}
    {%- do cases.append((
        'plain file name ' ~ text, is_plain_file_name("'" ~ text ~ "'"), plain | string | lower
    )) -%}
{%- endfor -%}
{%- for text in [
    '{"foo": "x, y", "n": -1.5e3}', '[1, {"a": null}]', '"text"', '42', '-0', 'true', 'null', ' {"a": 1} ', '{"a": 1, "a": 2}', '{}', '[]',
    '{"NaN": "Infinity, ]"}', '{"a": "nan", "b": [1]}', '{"a": "\\"NaN,]"}',
] -%}
    {%- do cases.append((
        'JSON ' ~ text, is_json(dbt.string_literal(dbt.escape_single_quotes(text))), 'true'
    )) -%}
{%- endfor -%}
{%- for text in [
    '', ' ', 'ride 7', '{foo: 1}', "{'foo': 1}", '{"foo": 1', '{"a": 1} x', '1 2', '1, 2', '1, "a": 2', '1], [2', '1}, {"a": 2', '[1,]', '[1, ]',
    '{"a": 1,}', 'NaN', '[NaN]', '{"a": -Infinity}', 'Infinity', 'inf', '007', '1.', '.5', '+1', "'a'", 'None', '/* */ 1',
] -%}
    {%- do cases.append((
        'no JSON ' ~ text, is_json(dbt.string_literal(dbt.escape_single_quotes(text))), 'false'
    )) -%}
{%- endfor -%}
{%- for text, fields in [
    ('a, b ,\n', 'a|b||'), ('\ufeff\n\n "a ""b"", \'c\'" ,\t2\r\n', 'a "b", \'c\'|2|'), ('\\N,$1', '\\N|$1|'), ('" a\u00a0","",', 'a|||'),
    ('\n \r\n', none), ('1"0,2', none), ('a,"b', none),
] -%}
    {%- do cases.append((
        'CSV ' ~ text,
        "(select max(replace(fields, chr(10), '|')) from (" ~ csv_lines(text) ~ ") as lines)",
        'null' if fields is none else text_literal(fields),
    )) -%}
{%- endfor -%}
{%- do cases.append(('lines', "(select max(line) from (" ~ each_line("'a\n\nb'") ~ ") as lines)", '3')) %}

with

cases as (
    {% for name, found, expected in cases -%}
    select
        {{ dbt.string_literal(dbt.escape_single_quotes(name)) }} as example,
        cast({{ found }} as {{ dbt.type_string() }}) as found,
        cast({{ expected }} as {{ dbt.type_string() }}) as expected
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    example,
    found,
    expected
from cases
where found is distinct from expected
