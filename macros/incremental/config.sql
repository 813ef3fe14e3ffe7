{#-
    One line at the top of an incremental model is its config. models/README.md, "How increments are decided",
    shows each form and defines unit, part and version. Units are `file_id`, `call_date` (UTC days),
    `report_date` or, in fact_calls alone, `call`.
-#}

{#-
    A model whose rows belong to files: a staging model of a `kind` of file, which other models read by the
    day of its calls, or one that reads staging models.
-#}
{% macro incremental_by_file(kind=none) %}
    {% if kind %}
        {{ sinch_cdr.configure_increment({
            'unit': 'file_id',
            'column': 'file_id',
            'kind': kind,
            'part': 'call_date',
            'part_column': 'call_date',
        }) }}
        {{ config(contract={'enforced': true}) }}
    {% else %}
        {{ sinch_cdr.configure_increment({'unit': 'file_id', 'column': 'file_id'}) }}
    {% endif %}
{% endmacro %}


{#-
    A model whose rows belong to days: `report_date`, or `call_date` for UTC days. `column` holds the day
    where its name is another. `reaches` is the column of the day on which others read a row, where that is
    later. A change on one of `looks_back_days` days before recomputes a day, too.
-#}
{% macro incremental_by_day(day='report_date', column=none, reaches=none, looks_back_days=0) %}
    {{ sinch_cdr.configure_increment({
        'unit': day,
        'column': column or day,
        'part': day,
        'part_column': reaches or column or day,
        'part_is_unit': not reaches,
        'looks_back_days': looks_back_days,
    }) }}
{% endmacro %}


{#- fact_calls: a file's calls of a UTC day. `read_by_unit` names what is not part of the rule. -#}
{% macro incremental_by_call() %}
    {{ configure_increment({
        'unit': 'call',
        'column': 'call_date',
        'part': 'report_date',
        'part_column': 'report_date',
        'read_by_unit': ['int_fx_rates__daily'],
    }) }}
{% endmacro %}


{#- int_calls__contenders: the records of a file, with those of other files that have the same key. -#}
{% macro incremental_by_key() %}
    {{ configure_increment({'unit': 'file_id', 'column': 'file_id'}) }}
    {{ config(unique_key='key_hash', partition_by=none) }}
{% endmacro %}


{#- `partition_by` is for Spark: DuckDB has no partitions. -#}
{% macro configure_increment(increment) %}
    {{ config(
        materialized='incremental_by_unit', partition_by=increment.column, meta={'increment': increment}
    ) }}
{% endmacro %}
