"""The help texts in loader/COMMANDS.md. `make generated` writes them."""

import sys
from pathlib import Path

import click

REPOSITORY = Path(__file__).resolve().parents[2]
COMMANDS = REPOSITORY / "loader" / "COMMANDS.md"
WIDTH = 100


def commands() -> dict[str, click.Command]:
    """Every command by what is typed to call it."""
    from loader.cli.main import main

    return {"cdr": main, **{f"cdr {name}": command for name, command in main.commands.items()}}


def help_page() -> str:
    """The page as the commands print their help now."""
    parts = ["# Commands\n\nWhat `--help` prints. Written by `make generated`; a test compares.\n"]
    for name, command in commands().items():
        context = click.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
        parts.append(f"\n## {name}\n\n```text\n{command.get_help(context)}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    COMMANDS.write_text(help_page())
