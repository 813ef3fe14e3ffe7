"""The data dictionary in models/DICTIONARY.md; `make generated` writes it from the YAML."""

import re
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "models" / "DICTIONARY.md"
_DOCS = re.compile(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", re.DOTALL)
_DOC = re.compile(r"{{ doc\('(\w+)'\) }}")


def models() -> list[dict[str, Any]]:
    """The models of the marts as the YAML has them."""
    return [
        model
        for path in sorted((REPOSITORY / "models" / "marts").rglob("_*__models.yml"))
        for model in yaml.safe_load(path.read_text()).get("models", [])
    ]


def dictionary() -> str:
    """The page: a table per model with name, type and meaning of each column."""
    docs = dict(_DOCS.findall((REPOSITORY / "models/_columns.md").read_text()))

    def text(description: str) -> str:
        return " ".join(_DOC.sub(lambda match: docs[match[1]], description).split()).replace("|", "\\|")

    parts = [
        "# Data dictionary\n\nThe marts, their columns, types and meanings. Written from the YAML files by "
        "`make generated`; a test compares.\n"
    ]
    for model in models():
        parts += [
            f"\n## `{model['name']}`\n",
            text(model["description"]),
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        for column in model["columns"]:
            parts.append(f"| `{column['name']}` | {column['data_type']} | {text(column['description'])} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PAGE.write_text(dictionary())
