"""The project as a package of somebody's own: another root project, profile, schemas and macros; slim CI."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import dbt_internals
import duckdb
import pytest
import yaml
from builders import delivery
from harness import REPOSITORY, Loader

from loader.synth import synthesise

PROJECT = {
    "name": "acme",
    "version": "1.0.0",
    "profile": "acme",
    "flags": {"send_anonymous_usage_stats": False, "indirect_selection": "buildable"},
    # dbt-spark's own macros do not do for the package's tables.
    "dispatch": [{"macro_namespace": "dbt", "search_order": ["acme", "sinch_cdr", "dbt"]}],
    "vars": {"sinch_cdr": {"short_call_seconds": 10}},
    "models": {
        "acme": {"+schema": "own", "+materialized": "table"},
        "sinch_cdr": {
            "staging": {"+schema": "acme_staging"},
            "intermediate": {"+schema": "acme_intermediate"},
            "marts": {"+schema": "acme_marts"},
        },
    },
    "seeds": {
        "acme": {
            "+schema": "reference",
            "+column_types": {
                "application_key": "string",
                "application_name": "string",
                "description": "string",
            },
        },
        "sinch_cdr": {"+schema": "acme_reference", "applications": {"+enabled": False}},
    },
}
FILES = {
    "models/mart_ours.sql": """
select
    call_type,
    count(*) as calls,
    {{ sinch_cdr.ratio('count(case when is_answered then 1 end)', 'count(*)') }} as asr
from {{ ref('fact_calls') }}
group by call_type
""",
    # Incremental by day, through a view of theirs.
    "models/our_calls.sql": """
{{ config(materialized='view', post_hook="{{ sinch_cdr.log_view() }}") }}
select report_date, duration_seconds, is_answered from {{ ref('fact_calls') }} where not is_abandoned
""",
    "models/mart_by_day.sql": """
{{ sinch_cdr.incremental_by_day() }}
select
    report_date,
    count(*) as calls,
    {{ sinch_cdr.whole('sum(duration_seconds)') }} as seconds,
    {{ sinch_cdr.ratio('count(case when is_answered then 1 end)', 'count(*)') }} as answered_share
from {{ ref('our_calls') }}
where {{ sinch_cdr.stale('report_date') }}
group by report_date
""",
    "models/mart_of_mart.sql": "select sum(calls) as calls from {{ ref('mart_ours') }}",
    "models/_models.yml": """
models:
  - name: mart_ours
    columns: [{name: call_type, data_tests: [{not_null: {config: {where: "calls > 0"}}}]}]
    data_tests:
      - sinch_cdr.unique_combination: {arguments: {columns: [call_type]}}
""",
    # Every team has one of its own for both; the package's nodes keep the package's.
    "macros/generate_schema_name.sql": """
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema }}_{{ custom_schema_name }}
{%- endmacro %}
""",
    "macros/get_where_subquery.sql": """
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') -%}
    {%- if where == 'changed' -%}{{ exceptions.raise_compiler_error('not ours') }}{%- endif -%}
    {%- do return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as ours' if where else relation) -%}
{%- endmacro %}
""",
    "seeds/applications.csv": """application_key,application_name,description
6f1c2d9a-4b7e-4c35-9a58-0d2e7b61c4f3,Ours,
""",
}
PARTS = ("dbt_project.yml", "macros", "models", "seeds", "selectors.yml", "tests/generic", "tests/engine")


class Project:
    """A root project with a copy of this one as its package."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.package = folder / "acme", folder / "package"
        for name in PARTS:
            source, target = REPOSITORY / name, self.package / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, target) if source.is_dir() else shutil.copyfile(source, target)
        for name, text in FILES.items():
            self.write(name, text)
        self.write("dbt_project.yml", yaml.safe_dump(PROJECT))
        self.write("packages.yml", yaml.safe_dump({"packages": [{"local": str(self.package)}]}))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def profile(self, **outputs: dict[str, Any]) -> None:
        self.write(
            "profiles.yml", yaml.safe_dump({"acme": {"target": next(iter(outputs)), "outputs": outputs}})
        )

    def dbt(self, *arguments: str) -> Any:
        folders = ["--project-dir", str(self.folder), "--profiles-dir", str(self.folder)]
        outcome = dbt_internals.run([*arguments, *folders])
        results = getattr(outcome.result, "results", [])
        failed = [
            f"{r.node.name}: {r.message}" for r in results if r.status not in ("success", "pass", "warn")
        ]
        assert outcome.success, f"{outcome.exception} {failed}"
        return outcome.result


def duckdb_output(database: Path | str, **more: Any) -> dict[str, Any]:
    settings = {"TimeZone": "UTC", "variable cdr_pii_key": ""}
    return {
        "type": "duckdb",
        "path": str(database),
        "schema": "team",
        "settings": settings,
        "threads": 2,
        **more,
    }


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Everything that dbt leaves is in that folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
        patch.setenv("DBT_WRITE_JSON", "true")
        yield


@pytest.fixture
def staged(tmp_path: Path) -> Loader:
    loader = Loader(tmp_path / "cdr.duckdb", tmp_path / "inbox")
    synthesise(loader.inbox, days=1, calls_per_day=40, seed=3)
    loader.stage(loader.inbox)
    return loader


SELECTED = ("-s", "+mart_of_mart", "+dim_applications", "+mart_failure_reasons_daily", "+mart_by_day")
BY_DAY = "select * from team_own.mart_by_day order by all"
EXPECTED_BY_DAY = """
    select
        report_date,
        count(*),
        cast(coalesce(sum(duration_seconds), 0) as bigint),
        count(case when is_answered then 1 end) / count(*)
    from acme_marts.fact_calls
    where not is_abandoned
    group by report_date
    order by all
"""


def test_a_package_of_another_project_and_slim_ci(staged: Loader, tmp_path: Path) -> None:
    project = Project(tmp_path)
    # Relative to where dbt runs: the copy further down is the same target, which dbt does not parse again.
    project.profile(prod=duckdb_output("cdr.duckdb"))
    with working_in(tmp_path):
        project.dbt("deps")
        result = project.dbt("build", *SELECTED, "--exclude-resource-type", "unit_test")
    # Tests of the package that read what changed lately, and theirs with a condition of its own.
    assert {r.node.package_name for r in result.results if r.node.resource_type == "test"} == {
        "acme",
        "sinch_cdr",
    }
    schemas = {name.split(".")[0] for name in staged.tables()}
    assert schemas == {
        "raw_sinch", "acme_staging", "acme_intermediate", "acme_marts", "acme_reference",
        "team_own", "team_reference",
    }  # fmt: skip
    assert staged.query("select calls from team_own.mart_of_mart") == [(40,)]
    assert staged.query("select count(*) from acme_marts.fact_calls") == [(40,)]
    assert staged.query("select count(*) > 0 from acme_intermediate.build_log where done") == [(True,)]

    state = tmp_path / "state"
    state.mkdir()
    shutil.copyfile(project.folder / "target" / "manifest.json", state / "manifest.json")
    check_increments(staged, project, tmp_path)
    ours = FILES["models/mart_ours.sql"]
    project.write("models/mart_ours.sql", ours.replace("count(*) as calls", "2 * count(*) as calls"))
    deferred = ("--defer", "--state", str(state))
    # Slim CI of what is incremental: on a copy of production's file that has its name.
    copy = tmp_path / "copy" / "cdr.duckdb"
    copy.parent.mkdir()
    shutil.copyfile(staged.database, copy)
    mart = project.package / "models/marts/quality/mart_failure_reasons_daily.sql"
    mart.write_text(mart.read_text() + "where reason is null\n")
    with working_in(copy.parent):
        result = project.dbt("run", "-s", "state:modified+", *deferred)
    assert {r.node.name for r in result.results} >= {
        "mart_failure_reasons_daily",
        "mart_ours",
        "mart_of_mart",
    }
    assert "fact_calls" not in {r.node.name for r in result.results}
    query = "select count(*) from acme_marts.mart_failure_reasons_daily where reason is not null"
    with duckdb.connect(copy, read_only=True) as connection:
        assert connection.execute(query).fetchall() == [(0,)]
    assert staged.query(query) != [(0,)]

    # Slim CI with a database of its own: production's is attached, and what did not change is read there.
    attached = [{"path": str(staged.database), "alias": "cdr", "read_only": True}]
    project.profile(ci=duckdb_output("ci.duckdb", attach=attached))
    with working_in(tmp_path):
        result = project.dbt(
            "build", "-s", "state:modified.body+", "--exclude", "package:sinch_cdr", *deferred
        )
    assert {r.node.name for r in result.results if r.node.resource_type == "model"} == {
        "mart_ours",
        "mart_of_mart",
    }
    with duckdb.connect(tmp_path / "ci.duckdb", read_only=True) as connection:
        assert connection.execute("select calls from team_own.mart_of_mart").fetchall() == [(2 * 41,)]


def test_what_a_team_calls_names_its_package() -> None:
    """The macros of increments and all that they call, on every engine: dbt looks up a name without a package
    in the project of the model.
    """
    define = r"{%-?\s*(?:macro|materialization) (\w+)[^%]*%}(.*?){%-?\s*end(?:macro|materialization)"
    macros = {
        name: re.sub(r"{#.*?#}", "", text, flags=re.DOTALL)
        for path in (REPOSITORY / "macros").rglob("*.sql")
        for name, text in re.findall(define, path.read_text(), flags=re.DOTALL)
    }
    waiting = {"incremental_by_day", "incremental_by_file", "incremental_by_unit", "stale", "log_view"}
    waiting |= {"ratio", "whole"}
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        called = re.findall(r"(?<![\w.'])(sinch_cdr\.)?(\w+)\(", macros[name])
        assert [other for package, other in called if not package and other in macros] == [], name
        dispatched = re.findall(r"adapter\.dispatch\('(\w+)'(, 'sinch_cdr')?\)", macros[name])
        assert all(package for _, package in dispatched), name
        found = {other for package, other in called if package}
        found |= {f"{engine}__{other}" for engine in ("duckdb", "spark") for other, _ in dispatched}
        waiting |= found - seen
    assert {"write_log", "spark__write_log", "fingerprint"} <= seen


def test_a_tag_is_a_package_and_only_its_marts_can_be_read(tmp_path: Path) -> None:
    project = Project(tmp_path)
    shutil.rmtree(project.package)
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        if (REPOSITORY / name).is_file():
            (project.package / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(REPOSITORY / name, project.package / name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "a release"], ["tag", "v0.1.0"]):
        subprocess.run([*git, *command], cwd=project.package, check=True)
    shutil.rmtree(project.package / "models")
    tag = {"git": str(project.package), "revision": "v0.1.0"}
    project.write("packages.yml", yaml.safe_dump({"packages": [tag]}))
    project.write("models/leans.sql", "select * from {{ ref('stg_sinch__files') }}")
    project.profile(prod=duckdb_output("cdr.duckdb"))
    with working_in(tmp_path):
        project.dbt("deps")
        with pytest.raises(AssertionError, match=r"stg_sinch__files.*protected"):
            project.dbt("parse")
        # As models/README.md shows for who needs one nevertheless.
        settings = deepcopy(PROJECT)
        settings["models"]["sinch_cdr"]["staging"]["+access"] = "public"
        project.write("dbt_project.yml", yaml.safe_dump(settings))
        manifest = project.dbt("parse")
    assert manifest.nodes["model.acme.leans"].depends_on.nodes == ["model.sinch_cdr.stg_sinch__files"]
    access = {
        node.name: str(node.access)
        for node in manifest.nodes.values()
        if node.resource_type == "model" and node.package_name == "sinch_cdr"
    }
    paths = {name.stem: name for name in (REPOSITORY / "models").rglob("*.sql")}
    for name, value in access.items():
        folder = paths[name].relative_to(REPOSITORY / "models").parts[0]
        expected = {"marts": ("public",), "staging": ("public",)}.get(folder, ("protected", "private"))
        assert value in expected, name
    assert access["signal_fas_like"] == "private"


def check_increments(staged: Loader, project: Project, folder: Path) -> None:
    """Follow deliveries, an upgrade of the package and a full refresh in their mart by day."""

    def built(*arguments: str) -> list[tuple[Any, ...]]:
        """The mart's rows, after a run that must leave it equal to a query of fact_calls."""
        with working_in(folder):
            project.dbt("run", "-s", "+mart_by_day", *arguments)
        rows = staged.query(BY_DAY)
        assert rows == staged.query(EXPECTED_BY_DAY)
        return rows

    def written() -> dict[str, Any]:
        query = """
            select unit, max(logged_at) from acme_intermediate.build_log
            where model = 'mart_by_day' and unit <> 'all' group by unit
        """
        return dict(staged.query(query))

    rows, before = staged.query(BY_DAY), written()
    assert staged.query(EXPECTED_BY_DAY) == rows
    # A late file touches another day alone; a correction of it takes a call away.
    name = "late_sip_terminated_2026-11-20.csv"
    staged.write(name, delivery("late-1", "late-2").replace("2026-11-22", "2026-11-20"))
    staged.stage(staged.inbox)
    day = date(2026, 11, 20)
    assert built() == [(day, 2, 120, 1.0), *rows]
    assert written().items() >= before.items()
    staged.write(name, delivery("late-1").replace("2026-11-22", "2026-11-20"))
    staged.stage(staged.inbox)
    rows = [(day, 1, 60, 1.0), *rows]
    assert built() == rows
    # An upgrade that computes calls otherwise.
    fact = project.package / "models/marts/core/fact_calls.sql"
    text = fact.read_text()
    fact.write_text(f"{text}where call_type <> 'sip_terminated'\n")
    fewer = built()
    assert sum(row[1] for row in fewer) < sum(row[1] for row in rows)
    fact.write_text(text)
    assert built("--full-refresh") == rows
    # A view whose SQL would not be followed.
    view = "models/our_calls.sql"
    project.write(view, re.sub(r", post_hook=\".*?\"", "", FILES[view]))
    with working_in(folder), pytest.raises(AssertionError, match="our_calls, which has no post-hook"):
        project.dbt("run", "-s", "mart_by_day")
    project.write(view, FILES[view])


@pytest.mark.spark
def test_a_package_of_another_project_on_spark(staged: Loader, tmp_path: Path) -> None:
    from pyspark.sql import SparkSession

    staged("export", tmp_path / "export", "-q")
    project = Project(tmp_path)
    ours = yaml.safe_load((REPOSITORY / "profiles" / "profiles.yml").read_text())["sinch_cdr"]["outputs"][
        "spark"
    ]
    project.profile(prod={**ours, "schema": "team"})
    with working_in(tmp_path), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CDR_EXPORT_DIR", str(tmp_path / "export"))
        patch.setenv("CDR_SPARK_WAREHOUSE", str(tmp_path / "warehouse"))
        patch.setenv("CDR_SPARK_PARTITIONS", "2")
        patch.setenv("CDR_MEMORY_LIMIT", "2GiB")
        project.dbt("deps")
        try:
            project.dbt("build", "-s", "+mart_of_mart", "--exclude-resource-type", "unit_test")
            session = SparkSession.builder.getOrCreate()
            (row,) = session.sql("select calls from team_own.mart_of_mart").collect()
            found = {row.namespace for row in session.sql("show schemas").collect()}
        finally:
            SparkSession.builder.getOrCreate().stop()
    assert row.calls == 40
    assert found >= {
        "acme_staging",
        "acme_intermediate",
        "acme_marts",
        "acme_reference",
        "team_own",
        "raw_sinch",
    }
    assert not found & {"staging", "intermediate", "marts", "reference"}
