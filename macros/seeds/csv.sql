{#-
    The lines of a CSV text that are not blank, as a query (line, fields). `fields` are the line's fields
    without quotes and outer blanks, a line feed after each; null where the quotes are not in pairs.
-#}
{% macro csv_lines(content) -%}
    {%- set blank = '[ \t\r\u000b\f\u00a0\u2000-\u200a\u3000]' -%}
    {%- set field = blank ~ '*(?:"' ~ blank ~ '*([^"]*(?:""[^"]*)*)"|([^",]*))' ~ blank ~ '*,' -%}
    {%- set fields = replace_pattern("concat(text, ',')", field, '$1$2\n') -%}
    select
        line,
        case
            when {{ matches("concat(text, ',')", '^(' ~ field ~ ')+$') }}
                then replace({{ replace_pattern(fields, blank ~ '+\n', '\n') }}, '""', '"')
        end as fields
    from ({{ each_line(text_literal(content.lstrip('\ufeff'))) }}) as lines
    where not {{ matches('text', '^' ~ blank ~ '*$') }}
{%- endmacro %}


{#-
    The first line of a CSV text: {'line', 'columns', 'left_out'}. An error where it does not name the columns
    of `types`, in any order, but for those of `optional`, or where a later line has not as many fields.
-#}
{% macro csv_header(content, path, types, optional=[]) %}
    {% set found %}
        select
            line,
            fields
        from (
            select
                *,
                row_number() over (order by line) as place,
                first_value(number_of_fields) over (order by line) as number_of_names
            from (
                select
                    *,
                    length(fields) - length(replace(fields, chr(10), '')) as number_of_fields
                from ({{ csv_lines(content) }}) as lines
            ) as counted
        ) as placed
        where
            place = 1
            or fields is null
            or number_of_fields <> number_of_names
        order by line
        limit 2
    {% endset %}
    {% set expected = types.keys() | join(', ') %}
    {% set header = {} %}
    {% for row in run_query(found).rows %}
        {% set place = path ~ ", line " ~ row['line'] %}
        {% if row['fields'] is none %}
            {% do exceptions.raise_compiler_error(place ~ ": the quotes are not in pairs") %}
        {% endif %}
        {% set fields = row['fields'].split('\n')[:-1] %}
        {% if header %}
            {% set problem = fields | length ~ " fields; there must be " ~ header.columns | length %}
            {% do exceptions.raise_compiler_error(place ~ ": " ~ problem) %}
        {% endif %}
        {% set columns = fields | map('lower') | list %}
        {% set left_out = optional | reject('in', columns) | list %}
        {% do header.update({'line': row['line'], 'columns': columns, 'left_out': left_out}) %}
        {% if (columns + left_out) | sort != types.keys() | sort %}
            {% set problem = ": the columns are " ~ columns | join(', ') %}
            {% set remedy = "; they must be " ~ expected ~ ", separated by commas" %}
            {% set may_lack = "; it may lack " ~ optional | join(', ') if optional else "" %}
            {% do exceptions.raise_compiler_error(place ~ problem ~ remedy ~ may_lack) %}
        {% endif %}
    {% else %}
        {% set problem = "the file is empty; its first line must name the columns " ~ expected %}
        {% do exceptions.raise_compiler_error(path ~ ": " ~ problem) %}
    {% endfor %}
    {{ return(header) }}
{% endmacro %}


{#- The lines of a CSV text below its header, as a query (line, a text for each column). -#}
{% macro csv_texts(content, header) -%}
    select
        line
        {%- for column in header.columns %},
        split_part(fields, chr(10), {{ loop.index }}) as {{ column }}
        {%- endfor %}
        {%- for column in header.left_out %},
        '' as {{ column }}
        {%- endfor %}
    from ({{ csv_lines(content) }}) as lines
    where line > {{ header.line }}
{%- endmacro %}


{#- Such texts by the types of a seed's columns, null where they are empty or do not fit, and their line. -#}
{% macro typed_rows(texts, types) -%}
    select
        line as line_of_file
        {%- for column, type in types.items() %},
        {%- set type = dbt.type_string() if type == 'string' else type %}
        try_cast(nullif({{ column }}, '') as {{ type }}) as {{ column }}
        {%- endfor %}
    from ({{ texts }}) as texts
{%- endmacro %}
