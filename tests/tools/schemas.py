"""The JSON Schemas of what `--json` prints, ready to check documents with."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

FOLDER = files("loader.cli") / "schemas"


def read(name: str) -> dict[str, Any]:
    """One schema."""
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(schema, dict)
    return schema


@cache
def validator(command: str) -> Draft202012Validator:
    """What checks a command's documents; schemas refer to each other by file name."""
    registry: Registry[Any] = Registry().with_resource("common.json", Resource.from_contents(read("common")))
    return Draft202012Validator(read(command), registry=registry)


def check(command: str, document: dict[str, Any]) -> None:
    """Fail with the places where the document breaks its schema."""
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator(command).iter_errors(document)
    ]
    details = [
        f"{'/'.join(map(str, inner.absolute_path))}: {inner.message}"
        for error in validator(command).iter_errors(document)
        for inner in error.context or ()
    ]
    assert not errors, (details or errors)[:5]
