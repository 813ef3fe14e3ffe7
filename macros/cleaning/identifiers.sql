{#- A GUID in lower case with dashes, however it is spelled; any other text as it is. -#}
{% macro guid(text) -%}
    {%- set four = '[0-9A-Fa-f]{4}' -%}
    case
        when {{ matches(text, '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$') }} then {{ text }}
        when {{ matches(text, '^' ~ four ~ four ~ ('-?' ~ four) * 3 ~ '-?' ~ four * 3 ~ '$') }}
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
    A phone number as 7 to 15 digits that do not begin with 0, with the + that it was delivered with;
    otherwise null. It may be the user of a sip: or tel: URI, or within `Name <...>`: escapes and the
    separators -.() and blank are removed there, and after a + without a URI, too. A local number with a
    global phone-context (tel:911-230-001;phone-context=+34) continues that. Null: a local number with
    another context, names, private, anonymous, alphabetic users, IP addresses, and numbers with a trunk
    zero in brackets, (0). No prefix is guessed.
-#}
{% macro phone_number(text) -%}
    {%- set scheme = '([sS][iI][pP][sS]?|[tT][eE][lL]):' -%}
    {%- set context = ';[pP][hH][oO][nN][eE]-[cC][oO][nN][tT][eE][xX][tT]=' -%}
    {%- set plain = '^[+]?[1-9][0-9]{6,14}$' -%}
    {%- set plain_uri = '^' ~ scheme ~ '([+]?[1-9][0-9]{6,14})([@:].*)?$' -%}
    {%- set may_hold_one = '^([+]|[^<>]*<|' ~ scheme ~ '|[0-9]{7,15}[@:;])' -%}
    {#- What these steps leave is a number in international form, or there is none. -#}
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


{#-
    The host of a SIP URI, alone or in `Name <...>`, in lower case, without user, port, parameters and
    headers: a name with a letter, an IPv4 address, or an IPv6 address in brackets; otherwise null. What
    stands alone behind `sip:` is a host only with a dot or in brackets: it may be a user.
-#}
{% macro sip_host(text) -%}
    {%- set name = '[-_.0-9A-Za-z]*[A-Za-z][-_.0-9A-Za-z]*' -%}
    {%- set with_dot = '[-_0-9A-Za-z]*[A-Za-z][-_0-9A-Za-z]*[.][-_.0-9A-Za-z]+' ~
        '|[-_0-9A-Za-z]+[.][-_.0-9A-Za-z]*[A-Za-z][-_.0-9A-Za-z]*' -%}
    {#- [ and ] without brackets around them: Java and RE2 write those differently in a class. -#}
    {%- set address = '[0-9]{1,3}([.][0-9]{1,3}){3}|[^-@:;?<>.0-9A-Za-z][0-9A-Fa-f:.]+]' -%}
    {%- set start = '^([^<>]*<)?[sS][iI][pP][sS]?:' -%}
    {%- set end = '(:[0-9]*)?([;?>].*)?$' -%}
    lower(coalesce(
        nullif({{ extract_pattern(text, start ~ '[^@<>]*@(' ~ name ~ '|' ~ address ~ ')' ~ end, 2) }}, ''),
        nullif({{ extract_pattern(text, start ~ '(' ~ with_dot ~ '|' ~ address ~ ')' ~ end, 2) }}, '')
    ))
{%- endmacro %}


{#- Whether a party is withheld: `private` or `anonymous` in any case, or nothing. -#}
{% macro is_withheld(text) -%}
    coalesce(lower({{ text }}) in ('private', 'anonymous', ''), true)
{%- endmacro %}


{#-
    The E.164 form of what phone_number returns. A + is believed; digits without one must begin with an
    assigned calling code and be as many as it can have.
-#}
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


{#-
    The calling code that a number or a prefix begins with: ITU-T E.164 lists those of one and two digits, all
    others have three.
-#}
{% macro calling_code(digits) -%}
    {{ extract_pattern(digits, '^(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|[0-9]{3})', 1) }}
{%- endmacro %}
