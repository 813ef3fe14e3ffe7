"""The help texts in loader/README.md. `python tests/loader/help_texts.py` writes them anew."""

import re
import sys
from pathlib import Path

import click

REPOSITORY = Path(__file__).resolve().parents[2]
README = REPOSITORY / "loader" / "README.md"
WIDTH = 100

_BLOCK = re.compile(r"(<!-- help of (cdr[ a-z]*) -->\n```text\n).*?(```\n)", re.DOTALL)


def commands() -> dict[str, click.Command]:
    """Every command by what is typed to call it."""
    from loader.cli.main import main

    return {"cdr": main, **{f"cdr {name}": command for name, command in main.commands.items()}}


def with_current_help(text: str) -> str:
    """A text with every help block in it as the commands print it now."""
    found = commands()

    def block(match: re.Match[str]) -> str:
        command = found[match[2]]
        context = click.Context(command, info_name=match[2], terminal_width=WIDTH, max_content_width=WIDTH)
        return f"{match[1]}{command.get_help(context)}\n{match[3]}"

    return _BLOCK.sub(block, text)


def documented(text: str) -> list[str]:
    """The commands that a text has a help block of."""
    return [match[2] for match in _BLOCK.finditer(text)]


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    README.write_text(with_current_help(README.read_text()))
