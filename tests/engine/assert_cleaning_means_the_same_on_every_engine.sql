-- The macros of macros/cleaning/ by example, the same on DuckDB and Spark. Examples are Jinja lists:
-- noqa: disable=layout.indent,layout.long_lines
{{ config(tags=['constant']) }}
{#- As JSON: the Jinja of dbt 2 has no other escapes than of four digits. -#}
{%- set invisible = fromjson('[
    "\\u001f", "\\u007f", "\\u0085", "\\u00a0", "\\u00ad", "\\u0600", "\\u061c", "\\u1680", "\\u180e", "\\u2000",
    "\\u200a", "\\u200b", "\\u200d", "\\u200e", "\\u200f", "\\u2028", "\\u2029", "\\u202a", "\\u202e", "\\u202f",
    "\\u205f", "\\u2060", "\\u2066", "\\u2069", "\\u3000", "\\ufeff", "\\ufff9", "\\ud804\\udcbd",
    "\\ud834\\udd73", "\\udb40\\udc01", "\\udb40\\udc7f"
]') -%}
{%- set trimmed = [
    (' a b ', 'a b'), ('', none), (' ', none), ('Åsa é', 'Åsa é'), ('~ ~', '~ ~'), ('None', 'None'), ('-', '-'), ('\t\r\n', none),
] -%}
{%- set codes = [
    (' N/A ', 'N/A'), ('Null', 'Null'), ('none', 'none'), ('--', '--'), ('0', '0'), ('N', 'N'),
    ('', none), (' ', none), ('-', none), (' NULL ', none), ('null', none), ('nil', none), ('None', none), ('\\N', none),
] -%}
{%- for character in invisible -%}
    {%- do trimmed.append((character ~ ' a' ~ character ~ 'b ' ~ character, 'a' ~ character ~ 'b')) -%}
    {%- do codes.append((character ~ 'NULL' ~ character, none)) -%}
{%- endfor -%}
{%- set seconds = [
    ('0', '0'), ('0061', '61'), ('10000000', '10000000'), ('10000001', none), ('99999999999999999999', none), ('12.5', none), ('1e3', none),
    ('-1', none),
] -%}
{%- set amounts = [
    ('0', '0.000000'), ('-1.5', '-1.500000'), ('+12.1234560', '12.123456'), ('999999999999.999999', '999999999999.999999'),
    ('12.1234567', none), ('0,5', none), ('.5', none), ('1000000000000', none),
] -%}
{%- set times = [
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
{%- set moments = [
    ('1990-01-01T00:00:00Z', '1990-01-01 00:00:00'), ('1989-12-31T23:30:00-01:00', '1990-01-01 00:30:00'), ('1990-01-01T00:30:00+01:00', none),
    ('1989-12-31T23:59:59.999999Z', none), ('1970-01-01T00:00:00Z', none), ('1900-01-01T00:00:00', none), ('0001-01-01T00:00:00+01:00', none),
    ('0000-12-31T23:00:00.000Z', none), ('0000-00-00T00:00:00Z', none),
] -%}
{%- set numbers = [
    ('46700000002', '46700000002'), ('+1234567', '+1234567'), ('123456789012345', '123456789012345'),
    ('+46 70-000.00 01', '+46700000001'), ('+46 (70) 000 00 01', '+46700000001'),
    ('Bjorn <+4612341234>', '+4612341234'), ('Bjorn 2 <+46 12-341 234>', '+4612341234'), ('<46708000000>', '46708000000'),
    ('"Bo, Ab" <sip:+46708000001@example.com>;tag=7', '+46708000001'), ('Bo <tel:+34-911-230-001>', '+34911230001'),
    ('tel:+34-911-230-001', '+34911230001'), ('tel:+34(911)230.001;ext=7', '+34911230001'), ('TEL:%2B34-911-230-001', '+34911230001'),
    ('tel:46708000000', '46708000000'), ('tel:911-230-001;phone-context=+34', '+34911230001'), ('tel:911230001;ext=2;Phone-Context=+3-4;x=y', '+34911230001'),
    ('tel:+34-911-230-001;phone-context=+1', '+34911230001'), ('tel:+34911230001;phone-context=example.com', '+34911230001'),
    ('sip:%2B34911230001@sip.example.com', '+34911230001'), ('sip:%2b34%20911%2D230%2e001@192.0.2.17', '+34911230001'), ('sip:%2B%33%34911230001@x', '+34911230001'),
    ('sip:46708000000@sip.example.com:5061;transport=tls', '46708000000'), ('SIPS:46708000001@example.com', '46708000001'),
    ('sip:+46708000001;phone-context=example.com@example.com;user=phone', '+46708000001'), ('sip:911230001;phone-context=+34@x;user=phone', '+34911230001'),
    ('sip:46708000001:secret@example.com', '46708000001'), ('sip:+46708000001?subject=x', '+46708000001'), ('46708000001@192.0.2.17', '46708000001'),
    ('0700000001', none), ('0046700000001', none), ('+0034911230001', none), ('tel:0034911230001', none), ('sip:0034911230001@x', none), ('Bo <0700000001>', none),
    ('tel:0911230001;phone-context=+34', none), ('tel:911230001;phone-context=example.com', none), ('tel:112;phone-context=+34', none),
    ('+44 (0)20 7946 0000', none), ('tel:+44-(0)20-7946-0000', none), ('070-000 00 01', none), ('46 70 000 00 01', none),
    ('123456', none), ('1234567890123456', none), ('+123456', none), ('+1234567890123456', none), ('++46700000001', none), ('+', none), ('', none), ('-', none),
    ('private', none), ('anonymous', none), ('ACME24', none), ('alice', none), ('Bjorn <bjorn>', none), ('46700000001x', none), ('4670O000001', none),
    ('sip:alice@example.com', none), ('sip:alice46708000000@example.com', none), ('Bo <sip:alice@example.com>', none), ('sip:100@10.0.0.1', none),
    ('sip:anonymous@46708000000', none), ('sip:192.168.100.200', none), ('sip:192.168.100.200:5060', none), ('192.168.100.200', none), ('sip:%34@x', none),
] -%}
{%- set reasons = [
    ('486', 'sip|486'), ('486 BUSY HERE', 'sip|486'), ('200 OK', 'sip|200'), ('699;X', 'sip|699'), ('SIP;CAUSE=486', 'sip|486'),
    ('Q.850;CAUSE=17', 'q850|17'), ('Q.850 ; TEXT="A;CAUSE=34,B" ; CAUSE = 017', 'q850|17'), ('SIP;TEXT="BUSY HERE";CAUSE=486;X=Y', 'sip|486'),
    ('SIP;CAUSE=200;TEXT="OK", Q.850;CAUSE=16', 'sip|200'),
    ('', none), ('4860', none), ('48', none), ('199 X', none), ('299 X', none), ('700 X', none), ('CAUSE=17', none), ('Q.850;TEXT="CAUSE=17"', none),
    ('PREEMPTION;CAUSE=1', none), ('Q.850;CAUSE=1777', none), ('BUSY', none),
] -%}
{%- set phrases = [('NORMAL_CLEARING', 'NORMAL CLEARING'), ('NORMAL  _ CLEARING', 'NORMAL CLEARING'), ('USER BUSY', 'USER BUSY')] -%}
{%- set hosts = [
    ('sip:46708000000@SIP.Example.com:5061;transport=tls', 'sip.example.com'), ('sip:a;b=c@pbx2', 'pbx2'),
    ('"Front desk" <sip:+46708000000@sip.example.com>;tag=1', 'sip.example.com'), ('sip:pbx1.example.com', 'pbx1.example.com'),
    ('SIPS:desk@192.0.2.19:5060?subject=x', '192.0.2.19'), ('sip:bob@[2001:DB8::1]:5060', '[2001:db8::1]'),
    ('sip:alice', none), ('sip:alice@46701234567', none), ('alice@example.com', none), ('+46708000000', none), ('', none),
] -%}
{%- set tenants = [
    ('{"tenant":"acme"}', 'acme'), ('{"a":1, "Tenant" : " acme co "}', 'acme co'), ('{"TENANT":7}', '7'), ('{"tenant":true}', 'true'),
    ('{"tenant":null}', none), ('{"tenant":{"id":1}}', none), ('{"tenant":["a"]}', none), ('{"tenant":""}', none), ('{"a":{"tenant":"x"}}', none),
    ('["tenant=acme"]', none), ('{"a":"tenant=acme"}', none), ('{tenant=acme}', none), ('{"x":1,', none), ('{x tenant=acme', 'acme'),
    ('tenant=acme', 'acme'), ('Tenant=acme&a=b', 'acme'), ('a=b,TENANT=acme', 'acme'), ('a=b|tenant=acme|c=d', 'acme'), ('a b tenant=acme c', 'acme'),
    ('a=b, tenant=acme, c=d', 'acme'), ('a=b\ntenant=acme', 'acme'), ('tenant=acme%20co%C3%A9&b=1', 'acme coé'), ('tenant=a+b', 'a+b'), ('tenant=5%', '5%'),
    ('tenant=a%zz', 'a%zz'), ('tenant=%FF', '%FF'), ('tenant=', none), ('subtenant=x', none), ('sub-tenant=x', none), ('tenants=x', none), ('tenant', none),
    ('tenant=a=b', 'a=b'), ('tenant=a;b', 'a;b'), ('tenant=one&tenant=two', 'one'),
    ('tenant: acme co, Ltd', 'acme co, Ltd'), ('X-A: b\r\nTENANT :acme\r\nX-C: d', 'acme'), ('X-A: b\n tenant:\tacme \n', 'acme'), ('a tenant: acme', none),
    ('tenant: acme%20co', 'acme%20co'), ('X-A: tenant=acme', 'acme'), ('tenant:', none), ('', none), ('****', none),
] -%}
{%- set trips = [
    ('{"trip":{"id":83370,"leg":2}}', '83370'), ('{"Trip":{"ID":"t1"}}', 't1'), ('{"trip.id":"flat","trip":{"id":"deep"}}', 'flat'), ('{"trip":"id"}', none),
    ('{"trip":null}', none), ('{"trip":[1]}', none), ('trip.id=7', '7'), ('tripxid=7', none), ('trip.id: 7', '7'),
] -%}
{%- set guids = [
    ('6F1C2D9A4B7E4C359A580D2E7B61C4F3', '6f1c2d9a-4b7e-4c35-9a58-0d2e7b61c4f3'),
    ('6F1C2D9A-4B7E-4C35-9A58-0D2E7B61C4F3', '6f1c2d9a-4b7e-4c35-9a58-0d2e7b61c4f3'), ('6F1C2D9A', '6F1C2D9A'),
] -%}
{%- set examples = [
    ('clean_text', clean_text('delivered'), trimmed),
    ('clean_code', clean_code('delivered'), codes),
    ('call_seconds', call_seconds('delivered'), seconds),
    ('to_decimal', to_decimal('delivered'), amounts),
    ('iso_timestamp', iso_timestamp('delivered'), times),
    ('null_if_no_moment', null_if_no_moment(iso_timestamp('delivered')), moments),
    ('phone_number', phone_number('delivered'), numbers),
    ('sip_reason_code', sip_reason_code('delivered'), reasons),
    ('sip_reason_phrase', sip_reason_phrase('delivered'), phrases),
    ('guid', guid('delivered'), guids),
    ('sip_host', sip_host('delivered'), hosts),
    ('custom_text__tenant', clean_text(custom_text('delivered', 'tenant')), tenants),
    ('custom_text__path', clean_text(custom_text('delivered', 'trip.id')), trips),
] %}

with

{% for macro_name, expression, texts in examples %}
{{ macro_name }}_texts as (
    {% for text, expected in texts -%}
    select
        {{ dbt.string_literal(dbt.escape_single_quotes(text)) }} as delivered,
        {% if expected is none %}null{% else %}{{ dbt.string_literal(dbt.escape_single_quotes(expected)) }}{% endif %} as expected
    {{ 'union all' if not loop.last }}
    {% endfor %}
),
{% endfor %}

cases as (
    {% for macro_name, expression, texts in examples -%}
    select
        '{{ macro_name }}' as macro_name,
        delivered,
        cast({{ expression }} as {{ dbt.type_string() }}) as found,
        expected
    from {{ macro_name }}_texts
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    macro_name,
    delivered,
    found,
    expected
from cases
where found is distinct from expected
