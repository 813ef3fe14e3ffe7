{#-
    A seed's column types and data tests (seeds/_seeds.yml), checked against its rows before they are loaded:
    the first row that breaks one is named by file, line, column and value. So a rule is written once, and
    holds for a team's own file, too.
-#}

{#- Hook before a seed is loaded: an engine's own error names neither line nor value. -#}
{% macro check_seed() %}
    {% if not execute or flags.WHICH not in ['seed', 'build'] %}{{ return('') }}{% endif %}
    {#- For its encoding: dbt reports Python's own error. -#}
    {% set file = model.root_path ~ '/' ~ model.original_file_path %}
    {% if is_file(file) %}{% do file_text(file) %}{% endif %}
    {% set rows = load_agate_table().rows %}
    {#- The rows as dbt reads them, with line breaks within quotes. -#}
    {% set columns = model.config.column_types.keys() | list %}
    {% set texts %}
        select *
        from (
            values
            {%- for row in rows %}
            {%- set values = [] -%}
            {%- for column in columns %}{% do values.append(row[column] or '') %}{% endfor %}
            ({{ loop.index + 1 }}, {{ text_literals(values) }}){{ ',' if not loop.last }}
            {%- endfor %}
        ) as texts (line, {{ columns | join(', ') }})
    {% endset %}
    {% if rows %}{% do check_rows(texts, model, model.original_file_path) %}{% endif %}
{% endmacro %}


{#- Raises an error for the first row of a query (line, a text for each column) that breaks a rule. -#}
{% macro check_rows(texts, seed, path) %}
    {% set types = seed.config.column_types %}
    {% set checks = [] %}
    {% for column, type in types.items() if type != 'string' %}
        {% do checks.append(check_of_type(column, type)) %}
    {% endfor %}
    {% set tests = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') %}
    {% for test in tests | selectattr('attached_node', 'equalto', seed.unique_id) %}
        {% if test.config.enabled and test.config.severity | lower == 'error' %}
            {% set check = check_of_test(test.test_metadata.name, test.test_metadata.kwargs) %}
            {% if check %}{% do checks.append(check) %}{% endif %}
        {% endif %}
    {% endfor %}
    {% if not checks %}{{ return('') }}{% endif %}
    {% set first_problem %}
        with texts as (
            {{ texts }}
        )

        select
            line,
            problem
        from (
            select
                texts.line,
                case
                    {%- for check in checks %}
                    when {{ check.fails or 'not holds_' ~ loop.index }} then concat(
                        '{{ check.columns | join(', ') }}: ', chr(39),
                        concat_ws(', ', {{ check.columns | join(', ') }}), chr(39), ' ', {{ check.problem }}
                    )
                    {%- endfor %}
                end as problem
            from texts
            inner join (
                select
                    {%- for check in checks if check.holds %}
                    coalesce({{ check.holds }}, false) as holds_{{ checks.index(check) + 1 }},
                    {%- endfor %}
                    line_of_file
                from ({{ typed_rows('select * from texts', types) }}) as typed_rows
            ) as typed
                on texts.line = typed.line_of_file
        ) as problems
        where problem is not null
        order by line
        limit 1
    {% endset %}
    {% for query in [first_problem] + ([rate_card_problem(texts)] if seed.name == 'rate_card' else []) %}
        {% for row in run_query(query).rows %}
            {% do exceptions.raise_compiler_error(path ~ ", line " ~ row['line'] ~ ", " ~ row['problem']) %}
        {% endfor %}
    {% endfor %}
{% endmacro %}


{#-
    A check: its columns, the problem as SQL, and SQL that is true where a row's texts fail it or, where
    that is none, SQL that is true where its typed columns `hold`.
-#}
{% macro seed_check(columns, problem, fails, holds=none) %}
    {{ return({'columns': columns, 'problem': problem, 'fails': fails, 'holds': holds}) }}
{% endmacro %}


{% macro check_of_type(column, type) %}
    {% if type == 'date' %}
        {% set shape = '[0-9]{4}-[0-9]{2}-[0-9]{2}' %}
        {% set problem = "is not a date (as 2026-11-01)" %}
    {% elif type in ['integer', 'bigint'] %}
        {% set shape = '[0-9]{1,9}' %}
        {% set problem = "is not an integer" %}
    {% elif type == 'boolean' %}
        {% set shape = '[tT][rR][uU][eE]|[fF][aA][lL][sS][eE]' %}
        {% set problem = "is neither true nor false" %}
    {% else %}
        {% set size = modules.re.findall('[0-9]+', type) | map('int') | list %}
        {% set shape = '[+-]?[0-9]{1,' ~ (size[0] - size[1]) ~ '}([.][0-9]{1,' ~ size[1] ~ '}0*)?' %}
        {% set rule = "a decimal point, at most " ~ size[1] ~ " decimals and no other signs" %}
        {% set problem = "is not a number with " ~ rule %}
    {% endif %}
    {% set fails %}
        {{ column }} <> ''
        and not (
            {{ matches(column, '^(' ~ shape ~ ')$') }}
            {%- if type == 'date' %}
            and coalesce(try_cast({{ column }} as date) >= date '0001-01-01', false)
            {%- endif %}
        )
    {% endset %}
    {{ return(seed_check([column], text_literal(problem), fails)) }}
{% endmacro %}


{#- None for a test of another kind. Keys are compared as the models compare them, in upper case. -#}
{% macro check_of_test(name, arguments) %}
    {% set columns = arguments.columns or [arguments.column_name] %}
    {% set column = columns[0] %}
    {% if name == 'not_null' %}
        {{ return(seed_check(columns, text_literal("is empty, but must have a value"), column ~ " = ''")) }}
    {% elif name in ['unique', 'unique_combination'] %}
        {% set key = [] %}
        {% for column in columns %}{% do key.append(upper_case(column)) %}{% endfor %}
        {% set first_line = "min(texts.line) over (partition by " ~ key | join(', ') ~ ")" %}
        {% set is_key = "true" if columns | length > 1 else column ~ " <> ''" %}
        {{ return(seed_check(
            columns,
            "concat('occurs twice, first on line ', " ~ first_line ~ ")",
            "texts.line > " ~ first_line ~ " and " ~ is_key,
        )) }}
    {% elif name == 'accepted_values' %}
        {% set values = arguments['values'] | map('string') | list %}
        {% set problem = text_literal("is not one of " ~ values | join(', ')) %}
        {{ return(seed_check(columns, problem, is_none_of(column, values))) }}
    {% elif name == 'relationships' %}
        {% set other = seed_node(modules.re.sub('^ref\\(.|.\\)$', '', arguments.to)) %}
        {% set texts = texts_of_seed(other) %}
        {% if texts %}
            {% set values %}select distinct {{ arguments.field }} from ({{ texts }}) as texts{% endset %}
            {% set problem = "is not listed as " ~ arguments.field ~ " in " ~ other.original_file_path %}
            {{ return(seed_check(columns, text_literal(problem), is_none_of(column, query_texts(values)))) }}
        {% endif %}
    {% elif name == 'rows_satisfy' %}
        {% set rule = arguments.condition %}
        {% set problem = text_literal("breaks the rule: " ~ rule.split() | join(' ')) %}
        {{ return(seed_check(columns, problem, none, holds=rule)) }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}


{#- The lines of a seed's own file (line, a text for each column); none where it cannot be read. -#}
{% macro texts_of_seed(seed) %}
    {% set path = seed.root_path ~ '/' ~ seed.original_file_path %}
    {% if not is_file(path) %}{{ return(none) }}{% endif %}
    {% set content = file_text(path) %}
    {{ return(csv_texts(content, csv_header(content, seed.original_file_path, seed.config.column_types))) }}
{% endmacro %}


{% macro is_none_of(column, values) -%}
    {{ column }} not in ({{ text_literals([''] + values) }})
{%- endmacro %}


{% macro seed_node(name) %}
    {% set seeds = graph.get('nodes', {}).values() | selectattr('resource_type', 'equalto', 'seed') %}
    {{ return(seeds | selectattr('name', 'equalto', name) | first) }}
{% endmacro %}
