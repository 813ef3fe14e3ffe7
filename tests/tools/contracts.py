"""The list of models with contracts in a test of tests/engine; `make generated` writes it from the YAML."""

import re
from pathlib import Path

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
TEST = REPOSITORY / "tests/engine/assert_no_null_where_a_contract_forbids_it.sql"
_LIST = re.compile(r"(?<=set contracted = \[\n).*?(?=\] %})", re.DOTALL)


def contracted() -> list[str]:
    """Names of the models with a column that a contract forbids to be null."""
    return sorted(
        model["name"]
        for path in (REPOSITORY / "models").rglob("_*__models.yml")
        for model in yaml.safe_load(path.read_text())["models"]
        if any(column.get("constraints") for column in model["columns"])
    )


def with_list() -> str:
    """The test's text with the list as the YAML has it."""
    return _LIST.sub("".join(f"    '{name}',\n" for name in contracted()), TEST.read_text())


if __name__ == "__main__":
    TEST.write_text(with_list())
