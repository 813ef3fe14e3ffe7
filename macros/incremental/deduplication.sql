{#-
    Which of several records of a call wins: the latest file_date, then the latest loaded, then the last line.
-#}
{% macro newest_first() -%}
    case when file_date is null then 1 else 0 end,
    file_date desc,
    loaded_at desc,
    file_id desc,
    source_line desc
{%- endmacro %}


{#-
    All fields of a raw record as one text, to compare records. No field contains the separator; an absent
    field equals an empty one. Redacted records differ where they did before.
-#}
{% macro record_text(kind) -%}
    concat_ws(
        chr(31)
        {%- for column in kinds()[kind] %},
        coalesce({{ adapter.quote(column) }}, '')
        {%- endfor %},
        {{ kept(redaction('_extra'), 'redacted') }}
    )
{%- endmacro %}


{#-
    The fields in which two raw records of a kind differ: staging's names in the vendor's order, joined by
    commas.
-#}
{% macro differing_fields(one, other, call_type) -%}
    concat_ws(
        ','
        {%- for position in range(1, (kinds().values() | map('length') | max) + 1) %},
        case
            when
                split_part({{ one }}, chr(31), {{ position }})
                <> split_part({{ other }}, chr(31), {{ position }})
                then case {{ call_type }}
                    {%- for kind, columns in kinds().items() if columns | length >= position %}
                    when '{{ kind }}' then '{{ snake_case(columns[position - 1]) }}'
                    {%- endfor %}
                end
        end
        {%- endfor %}
    )
{%- endmacro %}
