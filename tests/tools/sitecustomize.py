"""Python imports this first in a process that a test starts: it will share what dbt has parsed."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType


class Sharing(MetaPathFinder):
    """Adds to one import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "dbt.parser.manifest":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        assert spec is not None
        assert spec.loader is not None
        execute = spec.loader.exec_module

        def execute_and_share(module: ModuleType) -> None:
            from dbt_internals import parse_once

            execute(module)
            parse_once()

        spec.loader.exec_module = execute_and_share  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, Sharing())
