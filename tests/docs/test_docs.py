"""The pages match the project: the data dictionary, the variables, the marts, the folders."""

import re
from pathlib import Path

import contracts
import yaml
from dictionary import PAGE, REPOSITORY, dictionary, models

README = (REPOSITORY / "README.md").read_text()


def test_the_data_dictionary_is_that_of_the_yaml() -> None:
    assert PAGE.read_text() == dictionary(), "run make generated"


def test_the_readme_names_every_mart() -> None:
    assert [model["name"] for model in models() if f"`{model['name']}`" not in README] == []


def test_every_variable_is_documented_with_its_default() -> None:
    variables = yaml.safe_load((REPOSITORY / "dbt_project.yml").read_text())["vars"]
    page = (REPOSITORY / "models/README.md").read_text().split("## Variables\n")[1].split("\n## ")[0]
    rows = [line.replace("`", "").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    documented = {
        name: default
        for names, defaults, *_ in rows
        for name, default in zip(names.strip("| ").split(", "), defaults.split(", "), strict=True)
    }
    assert documented == {name: str(default) or "none" for name, default in variables.items()}


def test_every_environment_variable_is_documented() -> None:
    profile = (REPOSITORY / "profiles/profiles.yml").read_text()
    files = [
        path
        for folder, pattern in (("loader", "*.py"), ("models", "*.yml"), ("macros", "*.sql"))
        for path in (REPOSITORY / folder).rglob(pattern)
    ]
    used = set(re.findall(r"env_var\('(\w+)'", profile))
    for text in (profile, *(path.read_text() for path in files)):
        used |= set(re.findall(r"\bCDR_[A-Z_]+\b", text))
    # A build sets it itself.
    used.remove("CDR_PACKAGE_DIR")
    documented = (REPOSITORY / "profiles/README.md").read_text()
    table = documented.split("## Environment variables\n")[1].split("\n## ")[0]
    assert [name for name in sorted(used) if f"`{name}`" not in table] == []


def test_every_file_of_macros_is_listed() -> None:
    folder = REPOSITORY / "macros"
    page = (folder / "README.md").read_text()
    listed = {
        name for row in re.findall(r"^\|(.*?)\|", page, re.MULTILINE) for name in re.findall(r"`(.*?)`", row)
    }
    files = [path.relative_to(folder) for path in folder.rglob("*.sql")]
    missing = [path for path in files if not {str(path), f"{path.parts[0]}/"} & listed]
    assert missing == []


def test_every_folder_has_a_readme() -> None:
    folders = ["loader", "models", "seeds", "macros", "tests", "profiles", "tests/benchmarks", "."]
    assert [folder for folder in folders if not (REPOSITORY / folder / "README.md").is_file()] == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub derives them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    folders = (*("loader", "macros", "models", "profiles", "seeds", "tests", ".github"), ".")
    pages = [
        page
        for folder in folders
        for page in (REPOSITORY / folder).glob("**/*.md" if folder != "." else "*.md")
    ]
    broken = []
    for page in pages:
        for path, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
            target = page.parent / path if path else page
            if path.startswith("https://"):
                continue
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(REPOSITORY)}: {path}#{anchor}")
    assert broken == []


def test_sources_in_yaml_are_the_raw_tables_of_the_loader(tmp_path: Path) -> None:
    """Both create raw tables: dbt from the YAML, the loader from its own definition. The YAML omits the
    loader's own records, which no model reads.
    """
    import duckdb

    from loader.database.connection import opened

    with opened(tmp_path / "cdr.duckdb", "create"):
        pass
    with duckdb.connect(tmp_path / "cdr.duckdb") as connection:
        made = connection.execute(
            "select table_name, column_name, lower(data_type) from information_schema.columns"
            " where table_schema = 'raw_sinch'"
            " and table_name not in"
            " ('looks', 'schema_versions', 'redactions', 'redaction_keys')"
            " order by table_name, ordinal_position"
        ).fetchall()
    described = yaml.safe_load((REPOSITORY / "models/staging/sinch/_sinch__sources.yml").read_text())
    types = {"string": "varchar"}
    expected = [
        (table["name"], column["name"], types.get(column["data_type"], column["data_type"]))
        for table in sorted(described["sources"][0]["tables"], key=lambda table: str(table["name"]))
        for column in table["columns"]
    ]
    assert made == expected


def test_the_query_in_the_readme_is_the_one_that_make_demo_runs() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    query = makefile.split("define ANSWER\n")[1].split("\nendef")[0]
    assert f"```sql\n{query};\n```" in README


def test_every_promise_of_a_contract_is_tested_where_the_engine_does_not_keep_it() -> None:
    assert contracts.TEST.read_text() == contracts.with_list(), "run make generated"


def test_columns_of_marts_are_in_one_order() -> None:
    """The grain, then ids and texts, numbers, booleans, dates, timestamps."""
    kinds = ("string", "bigint|integer|double|decimal.*", "boolean", "date", "timestamp")

    def place(column: dict[str, str]) -> int:
        is_id = column["name"].endswith(("_id", "source_line", "winner_line"))
        return 0 if is_id else [bool(re.fullmatch(kind, column["data_type"])) for kind in kinds].index(True)

    for model in models():
        columns = model["columns"]
        names = [column["name"] for column in columns]
        grains = [column["name"] for column in columns if "unique" in column.get("data_tests", [])]
        keys = [[name] for name in grains] + [
            test["unique_combination"]["arguments"]["columns"]
            for test in model.get("data_tests", [])
            if "unique_combination" in test
        ]
        grain = next(key for key in keys if key == names[: len(key)])
        places = [place(column) for column in columns[len(grain) :]]
        assert places == sorted(places), model["name"]
