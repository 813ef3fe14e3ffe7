"""Every variable of the project works: no unit test depends on it, and the whole project builds with it."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from builders import delivery, header, record
from harness import REPOSITORY, Loader
from warehouse import Warehouse

from loader.builds.variables import unknown_variables

PROJECT = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text())
KEY = "sixteen characters or more"
# Each variable at another value than its own; numbers doubled.
OTHER: dict[str, Any] = {
    name: 2 * value for name, value in PROJECT["vars"].items() if isinstance(value, int | float) and value
} | {
    "reporting_timezone": "Europe/Stockholm",
    "reporting_currency": "USD",
    "longest_call_seconds": 600,
    "feed_expected_until": "2026-12-01",
    "custom_keys": ["campaign", {"name": "trip.id", "as": "trip", "contains_pii": False}],
    "pii_mode": "masked",
    "signals_fail_on": "critical",
    "test_scope": "all",
}
# Names of columns that hold numbers, user ids, free text, or what whoever delivers may write.
PERSONAL = re.compile(
    r"(from|to)(_user_id)?|(callee_)?user_?id|(from|to)userid"
    r"|call(er|ee)(_e164|_number)?|custom(_json)?|_?extra|raw|record_text|number"
    r"|entity|source_file|file_name|path|header|message",
    re.IGNORECASE,
)

NO_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
# What the mode of personal data changes.
SHOWN = ("-s", "path:models/marts", "int_calls__clear", "int_calls__custom")

# A record whose fields are in the wrong columns.
SHIFTED = {
    "Result": "anna@example.com",
    "Reason": "Anna Ek <+46705559911>",
    "Currency": "+46705559911",
    "ApplicationKey": "Anna Ek",
    "From": "+46705559911",
    "To": "+46705559911",
}

_MACRO = re.compile(r"{%-?\s*macro\s+(\w+)\(.*?\)\s*-?%}(.*?){%-?\s*endmacro", re.DOTALL)
_VARIABLE = re.compile(r"\bvar\(\s*['\"](\w+)['\"]")
_CONFIG = re.compile(r"{{\s*config\(.*?\)\s*}}", re.DOTALL)
_COMMENT = re.compile(r"{#.*?#}", re.DOTALL)


def macros() -> dict[str, str]:
    """The macros that shape a model's columns, by name; those that choose which rows it reads are turned off
    in unit tests.
    """
    return {
        name.split("__", 1)[-1]: body
        for path in sorted((REPOSITORY / "macros").rglob("*.sql"))
        if path.parent.name != "incremental"
        for name, body in _MACRO.findall(_COMMENT.sub("", path.read_text()))
    }


def variables_of(sql: str, known: dict[str, str]) -> set[str]:
    """The variables that a text reads, itself or by way of macros."""
    variables, seen, texts = set[str](), set[str](), [sql]
    while texts:
        text = texts.pop()
        variables |= set(_VARIABLE.findall(text))
        called = {name for name in re.findall(r"\b(\w+)\(", text) if name in known} - seen
        seen |= called
        texts += [known[name] for name in called]
    return variables


def yaml_files(pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted((REPOSITORY / "models").rglob(pattern)):
        yield yaml.safe_load(path.read_text())


def test_unit_tests_pin_every_variable_that_their_model_reads() -> None:
    known = macros()
    models = {path.stem: path.read_text() for path in (REPOSITORY / "models").rglob("*.sql")}
    assert variables_of(_CONFIG.sub("", models["mart_quality_daily"]), known) == {"short_call_seconds"}
    unpinned = [
        f"{test['name']}: {name}"
        for file in yaml_files("*__unit_tests.yml")
        for test in file["unit_tests"]
        for name in sorted(
            variables_of(_COMMENT.sub("", _CONFIG.sub("", models[test["model"]])), known)
            - set(test.get("overrides", {}).get("vars", {}))
        )
    ]
    assert unpinned == []


def test_columns_with_personal_data_are_marked() -> None:
    marked = 0
    for file in [*yaml_files("*__models.yml"), *yaml_files("*__sources.yml")]:
        tables = file.get("models", []) + [t for s in file.get("sources", []) for t in s["tables"]]
        for table in tables:
            for column in table["columns"]:
                if PERSONAL.fullmatch(column["name"]):
                    meta = column.get("config", {}).get("meta", {})
                    assert meta.get("contains_pii") is True, f"{table['name']}.{column['name']}"
                    marked += 1
    assert marked > 50


def test_another_value_is_tried_for_every_variable() -> None:
    assert OTHER.keys() == PROJECT["vars"].keys()
    assert all(PROJECT["vars"][name] != value for name, value in OTHER.items())


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A day of deliveries with numbers in every column that may hold one."""
    from loader.synth import synthesise

    folder = tmp_path_factory.mktemp("variables")
    synthesise(folder / "in", days=1, calls_per_day=200, seed=21)
    loader = Loader(folder / "cdr.duckdb", folder / "in")
    wrong = record("phone_terminated", "shifted", **SHIFTED, Amount="1.5")
    loader.write("cdr_phone_terminated_2026-11-23.csv", "\n".join([header("phone_terminated"), wrong, ""]))
    loader.stage(folder / "in")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_ENV_SECRET_CDR_PII_KEY", KEY)
        yield Warehouse(loader, folder / "target")


def hashed(value: str) -> str:
    inner = hashlib.sha256(f"{KEY}|{value}".encode()).hexdigest()
    return hashlib.sha256(f"{KEY}|{inner}".encode()).hexdigest()


def personal_values(loader: Loader) -> set[str]:
    """Numbers and user ids as delivered."""
    columns = [
        *(("phone_terminated", name) for name in ("From", "To", "UserId")),
        *(("phone_originated", name) for name in ("From", "To")),
        *(("app_app", name) for name in ("FromUserId", "ToUserId")),
        *(("sip_terminated", name) for name in ("From", "To")),
    ]
    return {
        value
        for kind, column in columns
        for (value,) in loader.query(f'select distinct "{column}" from raw_sinch.{kind}')
        if value and value not in ("private", "anonymous")
    }


def shown_values(loader: Loader, names: re.Pattern[str] = PERSONAL) -> set[str]:
    """Every text in the marts' columns of these names: by default those that hold personal data."""
    columns = loader.query(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'marts' and data_type = 'VARCHAR'"
    )
    return {
        value
        for table, column in columns
        if names.fullmatch(column)
        for (value,) in loader.query(f'select distinct "{column}" from marts.{table}')
        if value
    }


def numbers_in(folder: Path) -> set[str]:
    """Every run of digits as long as a number, in any file."""
    return {
        number
        for path in folder.rglob("*")
        if path.is_file()
        for number in re.findall(r"(?<!\d)\d{9,15}(?!\d)", path.read_bytes().decode("latin-1"))
    }


def arguments(variables: dict[str, Any]) -> tuple[str, ...]:
    return ("--vars", yaml.safe_dump(variables, default_flow_style=True, width=1000).strip())


def test_the_project_builds_with_every_variable_at_another_value(built: Warehouse) -> None:
    results = built.dbt("build", parse_arguments=arguments(OTHER)).results
    # All unit tests run, counted without dbt, so that a folder dropping out of the project is seen.
    ran = {result.node.unique_id for result in results if result.node.resource_type == "unit_test"}
    files = (REPOSITORY / "models").rglob("*__unit_tests.yml")
    assert len(ran) == sum(path.read_text().count("\n  - name: ") for path in files)
    # The example rates are into EUR: what is not converted into USD is reported, by currency.
    (warned,) = (result for result in results if result.node.name == "warn_unconverted_amounts")
    assert warned.status == "warn"
    warned_of = warned.node.compiled_code.replace('"sinch_cdr".', "")
    printed = " ".join(message for (message,) in built.loader.query(warned_of))
    assert re.search(r"\d+ charges in EUR from \S+ to \S+ are not in amount_reporting", printed)
    assert "seeds/fx_rates.csv has no rate to USD of that day or before; add it" in printed
    nobody_is_shown(built, r"\+?\d{3,11}\*{4}|\*{4}|private|anonymous")

    # Hashed, of what is built. Parsed once: in each mode a model reads the same.
    others = arguments(OTHER | {"pii_mode": "hashed"})
    built.dbt("build", *SHOWN, *NO_TESTS, *others, parse_arguments=arguments(OTHER))
    nobody_is_shown(built, r"[0-9a-f]{64}")
    # Equal values have one hash, and whoever has the key can try numbers.
    delivered = built.loader.query('select distinct "To" from raw_sinch.phone_terminated')
    hashes = {hashed(value) for (value,) in delivered if value}
    found = "select distinct callee from marts.fact_calls where call_type = 'phone_terminated'"
    assert {value for (value,) in built.loader.query(found) if value} == hashes


def nobody_is_shown(built: Warehouse, shape: str) -> None:
    """Require that marts and dbt's files have no personal value but of this shape."""
    personal = personal_values(built.loader)
    shown = shown_values(built.loader)
    assert len(personal) > 100
    assert len(shown) > 10
    assert not personal & shown
    plain = r"|cdr_[a-z_]+_\d{4}-\d{2}-\d{2}\.csv"
    assert [value for value in sorted(shown) if not re.fullmatch(shape + plain, value)] == []
    # Nor in columns that hold codes.
    codes = shown_values(built.loader, re.compile("result|reason|currency|application_key|entity"))
    assert "EUR" in codes
    assert not [value for value in codes if value.casefold() in map(str.casefold, SHIFTED.values())]
    # What is not a mart stays as delivered; what dbt writes beside the database holds nobody's number.
    delivered = built.loader.query('select distinct "To" from raw_sinch.phone_terminated order by 1')
    callees = 'select distinct "to" from staging.stg_sinch__phone_terminated order by 1'
    assert built.loader.query(callees) == delivered
    assert not {value.lstrip("+") for value in personal} & numbers_in(built.target_path)


@pytest.mark.soak
@pytest.mark.parametrize("name", OTHER)
def test_the_project_builds_with_one_variable_at_another_value(built: Warehouse, name: str) -> None:
    built.dbt("build", parse_arguments=arguments({name: OTHER[name]}))


@pytest.mark.parametrize("key", ["fifteen chars..", "x" * 40, " " * 40, " padded to be long "[:15] + " " * 9])
def test_a_key_that_can_be_guessed_is_refused(
    cdr: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("CDR_DATABASE", os.devnull)
    monkeypatch.setenv("DBT_ENV_SECRET_CDR_PII_KEY", key)
    message = cdr.error("build", "-q", "--vars", "{pii_mode: hashed}")
    assert "pii_mode is hashed and its key is missing, shorter than 16 characters or one character" in message
    assert "DBT_ENV_SECRET_CDR_PII_KEY" in message
    assert message.endswith("nothing was hashed, the tables are as they were")
    assert "in macro" not in message


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("--vars", "{reporting_tz: UTC}"), ["no variable reporting_tz, it changes nothing; did you mean"]),
        (("--vars={pii_mod: masked}",), ["no variable pii_mod, it changes nothing; did you mean pii_mode?"]),
        (("--vars", "qqqq: 1"), ["no variable qqqq, it changes nothing; dbt_project.yml has the list"]),
        (("--vars", "{reporting_timezone: UTC, pii_mode: clear}"), []),
        (("--vars", "no: [yaml"), []),
        (("--select", "fact_calls"), []),
    ],
)
def test_a_variable_that_does_not_exist_is_warned_about(
    arguments: tuple[str, ...], printed: list[str]
) -> None:
    warnings = unknown_variables(REPOSITORY, arguments)
    assert len(warnings) == len(printed)
    assert all(words in warning for words, warning in zip(printed, warnings, strict=True))


def test_a_build_that_could_not_mask_reports_it_last(
    cdr: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_TARGET_PATH", str(tmp_path / "target"))
    monkeypatch.setenv("DBT_LOG_PATH", str(tmp_path / "logs"))
    monkeypatch.setenv("CDR_DATABASE", os.devnull)
    cdr.write("cdr_sip_terminated_2026-11-22.csv", delivery("a"))
    cdr.stage(".")
    with duckdb.connect(cdr.database) as connection:
        connection.execute('alter table raw_sinch.sip_terminated drop column "Custom"')
    result = cdr(
        "build", "--select", "+rejected_records", *NO_TESTS, "--vars={pii_mode: masked}", "--json", code=1
    )
    printed = result.stderr.splitlines()[-1]
    assert printed.startswith("cdr: pii_mode is masked, and marts.rejected_records could not be built")
    document = json.loads(result.stdout)
    assert document["still_shown"] == printed.removeprefix("cdr: ")
    assert document["exit_code"] == 1
