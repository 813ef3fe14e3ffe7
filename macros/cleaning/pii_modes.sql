{#-
    How each mart shows personal data, in intermediate.build_pii_modes: the pii_mode that a build was to
    give it and the one that it has. Changes are logged; a mart's newest entry counts. `cdr publish` and
    `cdr report` refuse a mart where the two differ: a build that was to hide something failed or was
    killed.
-#}

{% macro build_pii_modes() %}
    {{ return(build_log().incorporate(path={'identifier': 'build_pii_modes'})) }}
{% endmacro %}


{#- The marts among nodes that pii_mode may change: tables with personal data, or with codes. -#}
{% macro marts_with_personal_data(ids) %}
    {% set marts = [] %}
    {% for id in ids if id in graph.nodes %}
        {% set node = graph.nodes[id] %}
        {% set is_table = node.config.materialized not in ['view', 'ephemeral'] %}
        {% if node.resource_type == 'model' and node.schema == 'marts' and is_table %}
            {% set hidden = [] %}
            {% for name, column in node.columns.items() %}
                {% set meta = column.get('config', {}).get('meta') or column.meta %}
                {% set may_be_hidden = meta.get('contains_pii') or name in code_columns() %}
                {% if may_be_hidden %}{% do hidden.append(name) %}{% endif %}
            {% endfor %}
            {% if hidden %}{% do marts.append(node.schema ~ '.' ~ node.alias) %}{% endif %}
        {% endif %}
    {% endfor %}
    {{ return(marts) }}
{% endmacro %}


{#- Hook at the start of a run: the mode that its marts are to have. -#}
{% macro log_wanted_pii_modes() %}
    {% if is_building() and not flags.EMPTY %}
        {% set create %}
            create table if not exists {{ build_pii_modes() }} (
                relation {{ dbt.type_string() }},
                wanted {{ dbt.type_string() }},
                shown {{ dbt.type_string() }},
                entry bigint
            )
        {% endset %}
        {% do run_query(create) %}
        {{ return(log_pii_modes(marts_with_personal_data(selected_resources), is_built=false)) }}
    {% endif %}
{% endmacro %}


{#- Hook at the end of a run: the mode that the marts it built have. -#}
{% macro log_shown_pii_modes(results) %}
    {% if is_building() and not flags.EMPTY %}
        {% set built = results | selectattr('status', 'equalto', 'success') %}
        {% set marts = marts_with_personal_data(built | map(attribute='node.unique_id')) %}
        {{ return(log_pii_modes(marts, is_built=true)) }}
    {% endif %}
{% endmacro %}


{% macro log_pii_modes(marts, is_built) -%}
    {%- if marts -%}
        insert into {{ build_pii_modes() }}
        select
            marts.relation,
            '{{ var("pii_mode") }}' as wanted,
            {{ "'" ~ var("pii_mode") ~ "'" if is_built else 'newest.shown' }} as shown,
            coalesce(newest.entry, 0) + 1 as entry
        from (
            {%- for mart in marts %}
            select '{{ mart }}' as relation
            {{ 'union all' if not loop.last }}
            {%- endfor %}
        ) as marts
        left join (
            select
                relation,
                wanted,
                shown,
                entry,
                row_number() over (partition by relation order by entry desc) as place
            from {{ build_pii_modes() }}
        ) as newest
            on marts.relation = newest.relation and newest.place = 1
        where
            newest.wanted is distinct from '{{ var("pii_mode") }}'
            {%- if is_built %}
            or newest.shown is distinct from '{{ var("pii_mode") }}'
            {%- endif %}
    {%- endif -%}
{%- endmacro %}
