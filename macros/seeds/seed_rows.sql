{#-
    The rows of a seed, as something to select from: those of the team's own CSV file (macros/seeds/team_seeds.sql), else the seed's own. So a team keeps its
    invoices and rates outside of the project, and no upgrade overwrites them. The file is read and checked here and goes into the statement as values: both
    engines then see the same, and the first field that does not fit is named by file, line and column.
-#}
{% macro seed_rows(name) %}
    {%- set seed = ref(name) -%}
    {%- if not execute or model.resource_type == 'unit_test' -%}{{ return(seed) }}{%- endif -%}
    {%- set own = team_seed(name) -%}
    {%- if not own -%}{{ return(seed) }}{%- endif -%}
    {%- if own.is_lost -%}
        {%- do exceptions.warn(
            own.path ~ ", which an earlier build took in place of the seed " ~ name ~ ", cannot be read: what it held then counts; put it back, or name another in CDR_"
            ~ name | upper ~ " ('project': none)"
        ) -%}
    {%- endif -%}
    {%- set nodes = graph.nodes.values() | selectattr('resource_type', 'equalto', 'seed') | selectattr('name', 'equalto', name) | list -%}
    {{ return(values_of_csv(own.content, own.path, nodes[0]) ~ " /* " ~ local_md5(own.content) ~ " */") }}
{% endmacro %}


{#- A CSV text as a subquery, by the types and rules of a seed; `path` is for messages. -#}
{% macro values_of_csv(text, path, seed) %}
    {% set types = seed.config.column_types %}
    {% set rows = csv_rows(text, path, types) %}
    {% set literals = csv_literals(rows, path, types) %}
    {% do check_rules(seed, rows, literals, path) %}
    {{ return("(" ~ select_literals(literals, types) ~ ") as file_rows") }}
{% endmacro %}


{#- The rows of a CSV text, as {'line', 'cells'} with the texts by column. `types`: the columns it must have, in any order. -#}
{% macro csv_rows(text, path, types) %}
    {% set state = {'header': none} %}
    {% set rows = [] %}
    {% for line in text.lstrip('\ufeff').split('\n') %}
        {% set place = path ~ ", line " ~ loop.index %}
        {% if not line.strip() %}
        {% elif state.header is none %}
            {% set header = [] %}
            {% for cell in csv_fields(line, place) %}{% do header.append(cell | lower) %}{% endfor %}
            {% if header | sort != types.keys() | sort %}
                {% do exceptions.raise_compiler_error(
                    place ~ ": the columns are " ~ header | join(', ') ~ "; they must be " ~ types.keys() | join(', ') ~ ", separated by commas"
                ) %}
            {% endif %}
            {% do state.update({'header': header}) %}
        {% else %}
            {% set cells = csv_fields(line, place) %}
            {% if cells | length != types | length %}
                {% do exceptions.raise_compiler_error(place ~ ": " ~ cells | length ~ " fields; there must be " ~ types | length) %}
            {% endif %}
            {% do rows.append({'line': loop.index, 'cells': dict(zip(state.header, cells))}) %}
        {% endif %}
    {% endfor %}
    {% if state.header is none %}
        {% do exceptions.raise_compiler_error(path ~ ": the file is empty; its first line must name the columns " ~ types.keys() | join(', ')) %}
    {% endif %}
    {{ return(rows) }}
{% endmacro %}


{#- The rows as SQL literals, each with its line first; an error where a field does not fit its type. -#}
{% macro csv_literals(rows, path, types) %}
    {% set literals = [] %}
    {% for row in rows %}
        {% set values = [row.line | string] %}
        {% for column, type in types.items() %}
            {% do values.append(csv_value(row.cells[column], type, path ~ ", line " ~ row.line ~ ", " ~ column)) %}
        {% endfor %}
        {% do literals.append("(" ~ values | join(', ') ~ ")") %}
    {% endfor %}
    {{ return(literals) }}
{% endmacro %}


{#- Literals as a query; `line`: what to select of each row's line. -#}
{% macro select_literals(literals, types, line='') %}
    {% set columns = [line] if line else [] %}
    {% for column, type in types.items() %}{% do columns.append("cast(" ~ column ~ " as " ~ csv_sql_type(type) ~ ") as " ~ column) %}{% endfor %}
    {% set nothing = "(" ~ (['null'] * (types | length + 1)) | join(', ') ~ ")" %}
    {{ return(
        "select " ~ columns | join(', ') ~ " from (values " ~ (literals or [nothing]) | join(', ') ~ ") as csv_rows (line_of_file, "
        ~ types.keys() | join(', ') ~ ")" ~ ("" if literals else " where false")
    ) }}
{% endmacro %}


{#- The fields of a line of a CSV file without the quotes around them. -#}
{% macro csv_fields(line, place) %}
    {% set text = line.rstrip('\r') ~ ',' %}
    {% if not modules.re.fullmatch('(?:[ \\t]*(?:"(?:[^"]|"")*"|[^",]*)[ \\t]*,)+', text) %}
        {% do exceptions.raise_compiler_error(place ~ ": the quotes are not in pairs") %}
    {% endif %}
    {% set cells = [] %}
    {% for cell in modules.re.findall('[ \\t]*("(?:[^"]|"")*"|[^",]*)[ \\t]*,', text) %}
        {% set cell = cell.strip() %}
        {% do cells.append(cell[1:-1].replace('""', '"').strip() if cell.startswith('"') else cell) %}
    {% endfor %}
    {{ return(cells) }}
{% endmacro %}


{% macro csv_sql_type(type) %}{{ return(dbt.type_string() if type == 'string' else type) }}{% endmacro %}


{#- A field as an SQL literal, null where it is empty; an error where it does not fit the type. -#}
{% macro csv_value(cell, type, place) %}
    {% if cell == '' %}{{ return('null') }}{% endif %}
    {% if type == 'string' %}{{ return(dbt.string_literal(dbt.escape_single_quotes(cell))) }}{% endif %}
    {% set problem = {'text': ''} %}
    {% if type == 'date' %}
        {% set parts = modules.re.fullmatch('([0-9]{4})-([0-9]{2})-([0-9]{2})', cell) %}
        {% set fits = {'it': false} %}
        {% if parts and 1 <= parts[2] | int <= 12 and parts[1] | int >= 1 %}
            {% set first = modules.datetime.date(parts[1] | int, parts[2] | int, 1) %}
            {% set day = first + modules.datetime.timedelta(days=parts[3] | int - 1) %}
            {% do fits.update({'it': parts[3] | int >= 1 and day.month == first.month}) %}
        {% endif %}
        {% if not fits.it %}{% do problem.update({'text': 'no date (as 2026-11-01)'}) %}{% endif %}
    {% elif type in ['integer', 'bigint'] %}
        {% if not modules.re.fullmatch('[0-9]{1,9}', cell) %}{% do problem.update({'text': 'no whole number'}) %}{% endif %}
    {% elif type == 'boolean' %}
        {% if cell | lower not in ['true', 'false'] %}{% do problem.update({'text': 'neither true nor false'}) %}{% endif %}
    {% else %}
        {% set size = modules.re.fullmatch('decimal\\(([0-9]+), *([0-9]+)\\)', type) %}
        {% set number = '[+-]?[0-9]{1,' ~ (size[1] | int - size[2] | int) ~ '}([.][0-9]{1,' ~ size[2] ~ '}0*)?' %}
        {% if not modules.re.fullmatch(number, cell) %}
            {% do problem.update({'text': 'no number with a decimal point, at most ' ~ size[2] ~ ' decimals and no other signs'}) %}
        {% endif %}
    {% endif %}
    {% if problem.text %}
        {% do exceptions.raise_compiler_error(place ~ ": '" ~ cell ~ "' is " ~ problem.text) %}
    {% endif %}
    {{ return("'" ~ cell ~ "'") }}
{% endmacro %}


{#-
    Before a seed is loaded: its first field that does not fit the column's type, or breaks a rule of the seed, is named by file, line, column and value. What the
    engine says of it is a statement of a thousand question marks.
-#}
{% macro check_seed() %}
    {% if not execute or flags.WHICH not in ['seed', 'build'] %}{{ return('') }}{% endif %}
    {#- For its encoding: of that dbt repeats Python's words. -#}
    {% set file = model.root_path ~ '/' ~ model.original_file_path %}
    {% if is_readable_here(file) %}{% do file_text(file) %}{% endif %}
    {% set path = model.original_file_path %}
    {% set types = model.config.column_types %}
    {% set rows = [] %}
    {% for row in load_agate_table().rows %}
        {% set cells = {} %}
        {% for column in types %}{% do cells.update({column: '' if row[column] is none else row[column] | string}) %}{% endfor %}
        {% do rows.append({'line': loop.index + 1, 'cells': cells}) %}
    {% endfor %}
    {% do check_rules(model, rows, csv_literals(rows, path, types), path) %}
{% endmacro %}
