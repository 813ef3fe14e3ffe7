{#- A GUID in its one spelling, lower case with dashes; any other text as it is. -#}
{% macro guid(text) -%}
    case
        when {{ matches(text, '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') }} then {{ text }}
        when {{ matches(text, '^[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}$') }}
            then {{ dashed_guid("replace(lower(" ~ text ~ "), '-', '')") }}
        else {{ text }}
    end
{%- endmacro %}

{% macro dashed_guid(hex) -%}
    concat(
        substr({{ hex }}, 1, 8), '-', substr({{ hex }}, 9, 4), '-', substr({{ hex }}, 13, 4), '-',
        substr({{ hex }}, 17, 4), '-', substr({{ hex }}, 21, 12)
    )
{%- endmacro %}


{#-
    A phone number as digits, with the + that it was delivered with, or null. Taken, unless they begin with 0, are 7 to 15 digits: alone, or as the user of a sip: or
    tel: URI or within `Name <...>`, where escapes and the separators -.() and blank are undone (behind a + also without a URI). A local number with a
    global phone-context (tel:911-230-001;phone-context=+34) continues that; one with any other is in a plan of its own. Not taken: names, private,
    anonymous, alphabetic users, IP addresses, and numbers with a trunk zero in brackets, (0). No prefix is guessed at.
-#}
{% macro phone_number(text) -%}
    {%- set scheme = '([sS][iI][pP][sS]?|[tT][eE][lL]):' -%}
    {%- set context = ';[pP][hH][oO][nN][eE]-[cC][oO][nN][tT][eE][xX][tT]=' -%}
    {%- set plain = '^[+]?[1-9][0-9]{6,14}$' -%}
    {%- set plain_uri = '^' ~ scheme ~ '([+]?[1-9][0-9]{6,14})([@:].*)?$' -%}
    {%- set may_hold_one = '^([+]|[^<>]*<|' ~ scheme ~ '|[0-9]{7,15}[@:;])' -%}
    {#- Each step takes something away; what is then no number in international form has none. -#}
    {%- set steps = [
        ('^[^<>]*<([^<>]*)>.*$', '$1'),
        ('%2[bB]', '+'),
        ('%3([0-9])', '$1'),
        ('%(20|28|29|2[dDeE])', '-'),
        ('^[sS][iI][pP][sS]?:[0-9]{1,3}([.][0-9]{1,3}){3}([@:;?].*)?$', ''),
        ('^' ~ scheme, ''),
        ('^([1-9(][-.() 0-9]*)(;[^@]*)?' ~ context ~ '([+][-.() 0-9]+)([;@].*)?$', '$3-$1'),
        ('^[^+].*' ~ context ~ '.*$', ''),
        ('[;@:?].*$', ''),
        ('^.*[(]0.*$', ''),
        ('[-.() ]', ''),
    ] -%}
    {%- set number = namespace(text=text) -%}
    {%- for pattern, replacement in steps -%}
        {%- set number.text = replace_pattern(number.text, pattern, replacement) -%}
    {%- endfor -%}
    case
        when {{ matches(text, plain) }} then {{ text }}
        when {{ matches(text, plain_uri) }} then {{ extract_pattern(text, plain_uri, 2) }}
        when {{ matches(text, may_hold_one) }}
            then nullif({{ extract_pattern(number.text, '^([+]?[1-9][0-9]{6,14})$', 1) }}, '')
    end
{%- endmacro %}


{#- Whether a party is withheld: `private` or `anonymous` in any case, or nothing. -#}
{% macro is_withheld(text) -%}
    coalesce(lower({{ text }}) in ('private', 'anonymous', ''), true)
{%- endmacro %}


{#- The E.164 form of what phone_number gives: a + is believed; digits without one begin with an assigned calling code and are as many as it can have. -#}
{% macro e164(number, calling_code, lengths) -%}
    case
        when {{ number }} like '+%' then {{ number }}
        when
            {{ calling_code }} is not null
            and (
                {{ lengths }} is null
                or concat(' ', {{ lengths }}, ' ') like concat('% ', length({{ number }}), ' %')
            )
            then concat('+', {{ number }})
    end
{%- endmacro %}


{#- The calling code that a number or a prefix begins with, by the plan of ITU-T E.164: which digits are a code of one or two. -#}
{% macro calling_code(digits) -%}
    {{ extract_pattern(digits, '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})', 1) }}
{%- endmacro %}
