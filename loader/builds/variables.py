"""The project's variables, and those that dbt's option --vars gives."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from loader.paths import PROJECT_FILE, package_project


def declared_variables(root: Path) -> dict[str, Any]:
    """The variables that a project's file gives values to, its own scopes included."""
    import yaml  # type: ignore[import-untyped]

    project = yaml.safe_load((root / PROJECT_FILE).read_text(encoding="utf-8")) or {}
    declared = project.get("vars") or {}
    own = [value for value in declared.values() if isinstance(value, dict)]
    return {name: value for scope in [declared, *own] for name, value in scope.items()}


def pii_mode(root: Path, arguments: tuple[str, ...]) -> str:
    """The variable pii_mode as dbt will read it."""
    return str({**declared_variables(root), **_given(arguments)}.get("pii_mode", "clear"))


def unknown_variables(root: Path, arguments: tuple[str, ...]) -> list[str]:
    """A warning for each variable that is given and that no model reads: a misspelled one changes nothing."""
    package = package_project()
    declared = declared_variables(root) | declared_variables(package)
    warnings = []
    for name in map(str, _given(arguments)):
        near = get_close_matches(name, declared, n=1, cutoff=0.5)
        # A team's own models may read variables that have their default in the model.
        if name in declared or (root != package and not near):
            continue
        meant = f"did you mean {near[0]}?" if near else "dbt_project.yml has the list"
        warnings.append(f"--vars: there is no variable {name}, it changes nothing; {meant}")
    return warnings


def argument(arguments: tuple[str, ...], option: str) -> str | None:
    """The value of one of dbt's options, written with a blank or an equals sign; the last one counts."""
    value = None
    for at, each in enumerate(arguments):
        if each == option and at + 1 < len(arguments):
            value = arguments[at + 1]
        elif each.startswith(f"{option}="):
            value = each.partition("=")[2]
    return value


def _given(arguments: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    try:
        given = yaml.safe_load(argument(arguments, "--vars") or "")
    except yaml.YAMLError:
        # dbt will refuse it.
        return {}
    return given if isinstance(given, dict) else {}
