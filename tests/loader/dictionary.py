"""The data dictionary in models/README.md; `python tests/loader/dictionary.py` writes it from the YAML."""

import re
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "models" / "README.md"
# What people query: the marts, and the staging tables that hold what was delivered.
DESCRIBED = ["marts/core/_core", "marts/cost/_cost", "marts/quality/_quality", "marts/feed/_feed"]

_SECTION = re.compile(r"(<!-- dictionary: [^>]*-->\n).*(<!-- end of dictionary -->)", re.DOTALL)
_DOCS = re.compile(r"{% docs (\w+) %}\n(.*?)\n{% enddocs %}", re.DOTALL)
_DOC = re.compile(r"{{ doc\('(\w+)'\) }}")


def models() -> list[dict[str, Any]]:
    """The described models as the YAML has them."""
    return [
        model
        for name in DESCRIBED
        for model in yaml.safe_load((REPOSITORY / f"models/{name}__models.yml").read_text())["models"]
    ]


def dictionary() -> str:
    """A table per model: name, type and meaning of each column."""
    docs = dict(_DOCS.findall((REPOSITORY / "models/_columns.md").read_text()))

    def text(description: str) -> str:
        return " ".join(_DOC.sub(lambda match: docs[match[1]], description).split()).replace("|", "\\|")

    parts = []
    for model in models():
        parts += [
            f"\n### `{model['name']}`\n",
            text(model["description"]),
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        for column in model["columns"]:
            parts.append(f"| `{column['name']}` | {column['data_type']} | {text(column['description'])} |")
    return "\n".join(parts) + "\n\n"


def with_current_dictionary(text: str) -> str:
    """A text whose dictionary is that of the YAML now."""
    return _SECTION.sub(lambda match: match[1] + dictionary() + match[2], text)


if __name__ == "__main__":
    README.write_text(with_current_dictionary(README.read_text()))
