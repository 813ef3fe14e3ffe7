{#-
    The data tests of a seed, held against its rows before anything is built of them: what a test refuses is named by file, line, column and value. So a rule is
    written once, in seeds/_seeds.yml, and holds for a team's own file too.
-#}
{% macro check_rules(seed, rows, literals, path) %}
    {% for test in graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') | selectattr('attached_node', 'equalto', seed.unique_id) %}
        {% set rule = test.test_metadata %}
        {% set arguments = rule.kwargs %}
        {% set columns = arguments.columns or [arguments.column_name] %}
        {% if not test.config.enabled or test.config.severity | lower != 'error' %}
        {% elif rule.name == 'not_null' %}
            {% for row in rows if row.cells[columns[0]] == '' %}{% do refuse_row(row, columns, path, "is empty, and must not be") %}{% endfor %}
        {% elif rule.name in ['unique', 'unique_combination'] %}
            {% do check_unique(rows, columns, path) %}
        {% elif rule.name == 'accepted_values' %}
            {% set values = arguments['values'] | map('string') | list %}
            {% for row in rows if row.cells[columns[0]] not in [''] + values %}
                {% do refuse_row(row, columns, path, "is none of " ~ values | join(', ')) %}
            {% endfor %}
        {% elif rule.name == 'relationships' %}
            {% do check_reference(rows, columns, path, arguments) %}
        {% elif rule.name == 'rows_satisfy' and rows %}
            {% set broken = run_query(
                "select min(line_of_file) from (" ~ select_literals(literals, seed.config.column_types, 'line_of_file') ~ ") as seed_rows where not coalesce("
                ~ arguments.condition ~ ", false)"
            ).rows[0][0] %}
            {% for row in rows if row.line == broken %}
                {% do refuse_row(row, columns, path, "breaks the rule: " ~ arguments.condition.split() | join(' ')) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{#- Keys are compared as the models compare them, in upper case. -#}
{% macro check_unique(rows, columns, path) %}
    {% set lines = {} %}
    {% for row in rows %}
        {% set key = [] %}
        {% for column in columns %}{% do key.append(row.cells[column] | upper) %}{% endfor %}
        {% set key = key | join('\x1f') %}
        {% if key in lines and (columns | length > 1 or key) %}
            {% do refuse_row(row, columns, path, "is there twice, first on line " ~ lines[key]) %}
        {% endif %}
        {% do lines.setdefault(key, row.line) %}
    {% endfor %}
{% endmacro %}


{#- What another seed's file must have. -#}
{% macro check_reference(rows, columns, path, arguments) %}
    {% set name = modules.re.sub('^ref\\(.|.\\)$', '', arguments.to) %}
    {% set other = graph.nodes.values() | selectattr('resource_type', 'equalto', 'seed') | selectattr('name', 'equalto', name) | first %}
    {% if not rows or not other or not is_readable_here(other.root_path ~ '/' ~ other.original_file_path) %}{{ return('') }}{% endif %}
    {% set values = {'': true} %}
    {% for row in csv_rows(file_text(other.root_path ~ '/' ~ other.original_file_path), other.original_file_path, other.config.column_types) %}
        {% do values.update({row.cells[arguments.field]: true}) %}
    {% endfor %}
    {% for row in rows if row.cells[columns[0]] not in values %}
        {% do refuse_row(row, columns, path, "is no " ~ arguments.field ~ " of " ~ other.original_file_path) %}
    {% endfor %}
{% endmacro %}


{% macro refuse_row(row, columns, path, problem) %}
    {% set cells = [] %}
    {% for column in columns %}{% do cells.append(row.cells[column]) %}{% endfor %}
    {% do exceptions.raise_compiler_error(path ~ ", line " ~ row.line ~ ", " ~ columns | join(', ') ~ ": '" ~ cells | join(', ') ~ "' " ~ problem) %}
{% endmacro %}
