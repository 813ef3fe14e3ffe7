"""What dbt offers a model by name, for sqlfluff to render it without dbt, as if the target were DuckDB.

sqlfluff's own stand-ins cover ref, source, config, this and is_incremental. Each public name here is a name
in Jinja.
"""

import datetime as _datetime
import json as _json
import re as _re
from collections.abc import Callable as _Callable
from pathlib import Path as _Path
from types import SimpleNamespace as _Names
from typing import Any as _Any

from jinja2 import pass_context as _pass_context
from jinja2.runtime import Context as _Context
from yaml import safe_load as _safe_load

_PROJECT = _Path(__file__).resolve().parents[2] / "dbt_project.yml"
_VARIABLES = _safe_load(_PROJECT.read_text(encoding="utf-8"))["vars"]


@_pass_context
def _dispatch(context: _Context, name: str, *_: _Any) -> _Callable[..., _Any]:
    """The macro's DuckDB version where the caller's file has it, else a call of a function of that name."""
    macro = context.resolve(f"duckdb__{name}")
    return macro if callable(macro) else lambda *args: f"{name}({', '.join(map(str, args))})"


class _Package:
    """The macros by their package's name, as any project may call them."""

    def __getattr__(self, name: str) -> _Callable[..., _Any]:
        @_pass_context
        def macro(context: _Context, *args: _Any, **kwargs: _Any) -> _Any:
            found = context.resolve(name)
            return found(*args, **kwargs) if callable(found) else f"{name}({', '.join(map(str, args))})"

        if name.startswith("_"):
            raise AttributeError(name)
        return macro


class _Relation:
    """A named table; only its names matter."""

    def __init__(self, schema: str = "main", identifier: str = "relation", **_: _Any) -> None:
        self.schema = schema
        self.identifier = identifier

    def without_identifier(self) -> str:
        return self.schema

    def __str__(self) -> str:
        return f"{self.schema}.{self.identifier}"


def _raise(message: str, *_: _Any) -> None:
    raise ValueError(message)


adapter = _Names(quote='"{}"'.format, dispatch=_dispatch, get_columns_in_relation=lambda _: [])
api = _Names(Relation=_Names(create=_Relation))
dbt = _Names(
    type_string=lambda: "text",
    type_bigint=lambda: "bigint",
    type_timestamp=lambda: "timestamp",
    string_literal="'{}'".format,
    escape_single_quotes=lambda text: text.replace("'", "''"),
)
fromjson = _json.loads
exceptions = _Names(raise_compiler_error=_raise, warn=lambda _: "")
execute = False
graph: dict[str, _Any] = {}
flags = _Names(WHICH="compile", FULL_REFRESH=False)
modules = _Names(datetime=_datetime, re=_re)
sinch_cdr = _Package()
run_started_at = _datetime.datetime(2026, 1, 1, tzinfo=_datetime.UTC)
target = _Names(type="duckdb", name="dev", schema="main", database="cdr")


def env_var(_name: str, default: str = "") -> str:
    """The default: linting does not depend on the environment."""
    return default


def var(name: str, default: _Any = None) -> _Any:
    """The variable's value in dbt_project.yml."""
    return _VARIABLES.get(name, default)


def generate_database_name(_name: str | None = None, _node: object = None) -> str:
    """The database of every relation."""
    return str(target.database)
