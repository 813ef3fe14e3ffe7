-- The macros of macros/engine/ and macros/cleaning/ by example, the same on DuckDB and Spark.
-- (Those that write tables are covered by tests/loader/test_spark.py.)
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
    ('days between', days_between("date '2026-11-30'", "date '2026-12-02'"), '2'),
    ('days before', days_between("date '2026-11-30'", "date '2026-11-29'"), '-1'),
    ('a date in UTC', date_in_zone("timestamp '2026-11-22 23:30:00'", 'UTC'), "date '2026-11-22'"),
    ('a date in winter', date_in_zone("timestamp '2026-01-22 22:30:00'", 'Europe/Stockholm'), "date '2026-01-22'"),
    ('a date in summer', date_in_zone("timestamp '2026-07-22 22:30:00'", 'Europe/Stockholm'), "date '2026-07-23'"),
    ('a date across the ocean', date_in_zone("timestamp '2026-11-22 04:59:59'", 'America/New_York'), "date '2026-11-21'"),
    ('Monday', iso_weekday("date '2026-11-23'"), '1'),
    ('Sunday', iso_weekday("date '2026-11-22'"), '7'),
    ('days from to', "(select count(*) from (" ~ days_from_to("date '2026-02-27'", "date '2026-03-02'") ~ ") as days)", '4'),
    ('the last day', "(select max(day) from (" ~ days_from_to("date '2026-02-27'", "date '2026-03-02'") ~ ") as days)", "date '2026-03-02'"),

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
{%- endfor %}
{#- One of each kind of blank and invisible character, by its code point, at both ends. -#}
{%- for character in [
    '\x1f', '\x7f', '\x85', '\xa0', '\xad', '\u0600', '\u061c', '\u1680', '\u180e', '\u2000', '\u200a', '\u200b', '\u200d', '\u200e', '\u200f', '\u2028',
    '\u2029', '\u202a', '\u202e', '\u202f', '\u205f', '\u2060', '\u2066', '\u2069', '\u3000', '\ufeff', '\ufff9', '\U000110bd', '\U0001d173', '\U000e0001', '\U000e007f',
] -%}
    {%- set text = "concat('" ~ character ~ " ', 'a" ~ character ~ "b', ' " ~ character ~ "')" -%}
    {%- do cases.append(('invisible character ' ~ loop.index, trim_blanks(text), "'a" ~ character ~ "b'")) -%}
{%- endfor -%}
{%- for text in ['', ' ', '-', ' NULL ', 'null', 'nil', 'None', '\\N'] -%}
    {%- do cases.append(('a word for none ' ~ text, clean_code(dbt.string_literal(dbt.escape_single_quotes(text))), 'null')) -%}
{%- endfor -%}
{%- for text in ['N/A', 'Null', 'none', '--', '0', 'N'] -%}
    {%- do cases.append(('no word for none ' ~ text, clean_code("' " ~ text ~ "'"), "'" ~ text ~ "'")) -%}
{%- endfor -%}
{%- do cases.append(('a name stays', clean_text("' None '"), "'None'")) -%}
{%- do cases.append(('an empty name', clean_text("' '"), 'null')) -%}
{%- for text, number in [('10000000', '10000000'), ('10000001', 'null'), ('0061', '61'), ('99999999999999999999', 'null'), ('12.5', 'null'), ('1e3', 'null'), ('-1', 'null')] -%}
    {%- do cases.append(('seconds ' ~ text, call_seconds("'" ~ text ~ "'"), number)) -%}
{%- endfor -%}
{%- for text, number in [('-1.5', '-1.5'), ('+12.1234560', '12.123456'), ('12.1234567', 'null'), ('0,5', 'null'), ('.5', 'null'), ('999999999999.999999', '999999999999.999999'), ('1000000000000', 'null')] -%}
    {%- do cases.append(('an amount ' ~ text, to_decimal("'" ~ text ~ "'"), "cast(" ~ number ~ " as decimal(18, 6))")) -%}
{%- endfor -%}
{%- for text, moment in [
    ('2026-11-22T15:39:31Z', '2026-11-22 15:39:31'),
    ('2026-11-22 15:39:31', '2026-11-22 15:39:31'),
    ('2026-11-22t15:39:31z', '2026-11-22 15:39:31'),
    ('2026-11-22T15:39', '2026-11-22 15:39:00'),
    ('2026-11-22T15:39Z', '2026-11-22 15:39:00'),
    ('2026-11-22 15:39+01', '2026-11-22 14:39:00'),
    ('2026-11-22T15:39:31,25Z', '2026-11-22 15:39:31.25'),
    ('2026-11-22T15:39:31.2729239Z', '2026-11-22 15:39:31.272923'),
    ('2026-11-22T15:39:31.999999999999999999', '2026-11-22 15:39:31.999999'),
    ('2026-11-22T15:39:31,2729239999+05:30', '2026-11-22 10:09:31.272923'),
    ('2026-11-22T00:30:00+01', '2026-11-21 23:30:00'),
    ('2026-11-22T00:30:00+0100', '2026-11-21 23:30:00'),
    ('2026-11-22T00:30:00+01:00', '2026-11-21 23:30:00'),
    ('2026-11-22T00:30:00-05', '2026-11-22 05:30:00'),
    ('2026-11-22T23:30:00.5-0130', '2026-11-23 01:00:00.5'),
    ('2026-12-31T23:59:60Z', '2027-01-01 00:00:00'),
    ('2026-12-31T23:59:60.75Z', '2027-01-01 00:00:00.75'),
    ('2027-01-01t05:29:60,5+0530', '2027-01-01 00:00:00.5'),
    ('2026-11-22 15:39:60', '2026-11-22 15:40:00'),
    ('2099-12-31T23:59:59.999999Z', '2099-12-31 23:59:59.999999'),
    ('2100-01-01T00:30:00+01:00', '2099-12-31 23:30:00'),
    ('1970-01-01T00:00:00Z', '1970-01-01 00:00:00'),
    ('0000-00-00 00:00:00', '0001-01-01 00:00:00'),
    ('2099-12-31T23:59:60Z', none), ('2100-01-01T00:00:00Z', none), ('2099-12-31T23:30:00-01:00', none), ('9999-12-31T23:59:59', none),
    ('2026-11-22', none), ('2026-11-22T15', none), ('2026-11-22T15:39:31.', none), ('2026-11-22T15:39.5', none), ('2026-11-22T24:00:00Z', none),
    ('2026-11-22T15:60:00Z', none), ('2026-11-22T15:39:61Z', none), ('2026-02-30T15:39:31Z', none), ('2026-02-30T15:39:60Z', none), ('2026-13-01T15:39Z', none),
    ('2026-11-22T15:39:31 +01:00', none), ('2026-11-22T15:39:31+1', none), ('2026-11-22T15:39:31+01:60', none), ('2026-11-22T15:39:31+18:00', none),
    ('2026-11-22T15:39:31ZZ', none), ('2026-11-22T15:39:31Zz', none), ('2026-11-22  15:39:31', none), ('22/11/2026 15:39:31', none), ('1795361971', none), ('', none),
] -%}
    {%- do cases.append(('a time ' ~ text, iso_timestamp("'" ~ text ~ "'"), "timestamp '" ~ moment ~ "'" if moment else 'null')) -%}
{%- endfor -%}
{%- for text, moment in [
    ('1990-01-01T00:00:00Z', '1990-01-01 00:00:00'), ('1989-12-31T23:30:00-01:00', '1990-01-01 00:30:00'), ('1990-01-01T00:30:00+01:00', none),
    ('1989-12-31T23:59:59.999999Z', none), ('1970-01-01T00:00:00Z', none), ('1900-01-01T00:00:00', none), ('0001-01-01T00:00:00+01:00', none),
    ('0000-12-31T23:00:00.000Z', none), ('0000-00-00T00:00:00Z', none),
] -%}
    {%- do cases.append((
        'a moment ' ~ text, null_if_no_moment(iso_timestamp("'" ~ text ~ "'")), "timestamp '" ~ moment ~ "'" if moment else 'null'
    )) -%}
    {%- do cases.append(('a time that can be read ' ~ text, iso_timestamp("'" ~ text ~ "'") ~ ' is not null', 'true')) -%}
{%- endfor -%}
{%- for text, number in [
    ('46700000002', '+46700000002'), ('+1234567', '+1234567'), ('123456789012345', '+123456789012345'),
    ('+46 70-000.00 01', '+46700000001'), ('+46 (70) 000 00 01', '+46700000001'),
    ('Bjorn <+4612341234>', '+4612341234'), ('Bjorn 2 <+46 12-341 234>', '+4612341234'), ('<46708000000>', '+46708000000'),
    ('"Bo, Ab" <sip:+46708000001@example.com>;tag=7', '+46708000001'), ('Bo <tel:+34-911-230-001>', '+34911230001'),
    ('tel:+34-911-230-001', '+34911230001'), ('tel:+34(911)230.001;ext=7', '+34911230001'), ('TEL:%2B34-911-230-001', '+34911230001'),
    ('tel:46708000000', '+46708000000'), ('tel:911-230-001;phone-context=+34', '+34911230001'), ('tel:911230001;ext=2;Phone-Context=+3-4;x=y', '+34911230001'),
    ('tel:+34-911-230-001;phone-context=+1', '+34911230001'), ('tel:+34911230001;phone-context=example.com', '+34911230001'),
    ('sip:%2B34911230001@sip.example.com', '+34911230001'), ('sip:%2b34%20911%2D230%2e001@192.0.2.17', '+34911230001'), ('sip:%2B%33%34911230001@x', '+34911230001'),
    ('sip:46708000000@sip.example.com:5061;transport=tls', '+46708000000'), ('SIPS:46708000001@example.com', '+46708000001'),
    ('sip:+46708000001;phone-context=example.com@example.com;user=phone', '+46708000001'), ('sip:911230001;phone-context=+34@x;user=phone', '+34911230001'),
    ('sip:46708000001:secret@example.com', '+46708000001'), ('sip:+46708000001?subject=x', '+46708000001'), ('46708000001@192.0.2.17', '+46708000001'),
    ('0700000001', none), ('0046700000001', none), ('+0034911230001', none), ('tel:0034911230001', none), ('sip:0034911230001@x', none), ('Bo <0700000001>', none),
    ('tel:0911230001;phone-context=+34', none), ('tel:911230001;phone-context=example.com', none), ('tel:112;phone-context=+34', none),
    ('+44 (0)20 7946 0000', none), ('tel:+44-(0)20-7946-0000', none), ('070-000 00 01', none), ('46 70 000 00 01', none),
    ('123456', none), ('1234567890123456', none), ('+123456', none), ('+1234567890123456', none), ('++46700000001', none), ('+', none), ('', none), ('-', none),
    ('private', none), ('anonymous', none), ('ACME24', none), ('alice', none), ('Bjorn <bjorn>', none), ('46700000001x', none), ('4670O000001', none),
    ('sip:alice@example.com', none), ('sip:alice46708000000@example.com', none), ('Bo <sip:alice@example.com>', none), ('sip:100@10.0.0.1', none),
    ('sip:anonymous@46708000000', none), ('sip:192.168.100.200', none), ('sip:192.168.100.200:5060', none), ('192.168.100.200', none), ('sip:%34@x', none),
] -%}
    {%- do cases.append(('a number ' ~ text, e164("'" ~ text ~ "'"), "'" ~ number ~ "'" if number else 'null')) -%}
{%- endfor %}

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
