"""loader/README.md says what the commands say, and names every reason code and state."""

import re

import click
from help_texts import COMMANDS, REPOSITORY, commands, help_page

from loader.database.manifest import State
from loader.parsing.records import Reason


def test_help_texts_are_those_of_the_commands() -> None:
    assert COMMANDS.read_text() == help_page(), "run make generated"


def test_every_reason_code_and_state_is_documented() -> None:
    text = (REPOSITORY / "loader" / "README.md").read_text()
    for words in (Reason, State):
        rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
        assert [word for word in words if word not in rows] == []


def test_options_that_the_readme_names_exist() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", (REPOSITORY / "loader" / "README.md").read_text()))
    known = {
        option
        for command in commands().values()
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }
    # Options of dbt, passed on by `cdr build`.
    assert named - known <= {"--help", "--full-refresh", "--select", "--store-failures"}
