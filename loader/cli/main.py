"""The command `cdr`: thin commands over the package's functions."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import click

from loader.cli import daily, files, output, tables
from loader.cli.signals import ending_well
from loader.errors import CdrError


class _Group(click.Group):
    """Ends every failure with one line on stderr and exit code 2; with --json also a document on stdout. Its
    help has the first sentence of each command whole.
    """

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands' names and first sentences."""
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, self.commands[name].get_short_help_str(limit=1000)) for name in sorted(self.commands)]
            )

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        _prepare_streams()
        # Whatever the command writes may contain personal data.
        os.umask(0o077)
        try:
            with ending_well():
                code = super().main(arguments, **{**extra, "standalone_mode": False})
            output.flush()
            sys.exit(code if isinstance(code, int) else 0)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(2)
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else "cdr"
            _fail(f"{error.format_message()} See `{command} --help`", arguments)
        except click.ClickException as error:
            _fail(error.format_message(), arguments)
        except CdrError as error:
            _fail(str(error), arguments)
        except (click.Abort, KeyboardInterrupt):
            _fail(
                "interrupted; whole files are staged, run the command again for the rest",
                arguments,
                130,
            )
        except BrokenPipeError:
            _reader_is_gone()
        except output.LostOutput as error:
            _stdout_into_nothing()
            _fail(str(error), [], _code_without(arguments))
        except SystemExit as error:
            # click turns a BrokenPipeError into a SystemExit.
            if isinstance(error.__context__, BrokenPipeError):
                _reader_is_gone()
            raise
        except Exception as error:
            if isinstance(error, OSError) and {"--help", "--version"} & set(arguments):
                _stdout_into_nothing()
                _fail(f"cannot write the output ({error.strerror}); make room where it goes", [])
            if os.environ.get("CDR_DEBUG"):
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            _fail(
                f"unexpected {type(error).__name__}: {reason}; run again with CDR_DEBUG=1 for details",
                arguments,
            )


def _reader_is_gone() -> None:
    """Exit with 0: the reader of the output, `head` for example, has ended."""
    _stdout_into_nothing()
    sys.exit(0)


def _stdout_into_nothing() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)


def _code_without(arguments: list[str]) -> int:
    """The exit code of a command whose output is lost: 2, nothing done, where it only reads."""
    name = next((argument for argument in arguments if argument in main.commands), None)
    only_reads = name in (None, "files", "rejects", "status", "verify") or "--dry-run" in arguments
    return 2 if only_reads else 1


def _prepare_streams() -> None:
    """Make output never fail: spell out characters that the locale lacks, and discard what is written to a
    closed stream.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123


def _fail(message: str, arguments: list[str], code: int = 2) -> None:
    line = " ".join(message.split())
    if "--json" in arguments:
        # Where stdout cannot be written, stderr still has the line.
        try:
            output.print_json({"error": line, "exit_code": code})
            output.flush()
        except output.LostOutput:
            _stdout_into_nothing()
    with suppress(OSError):
        output.print_error(f"cdr: {line}")
    sys.exit(code)


@click.group(cls=_Group, context_settings={"max_content_width": 100})
@click.version_option(package_name="cdr-tables", prog_name="cdr")
def main() -> None:
    """Turn Sinch call-detail-record files into trusted tables.

    Exit codes: 0 done; 1 done, but records were rejected, or a check or a test failed; 2 nothing was done.
    """


for command in (
    *(daily.stage, daily.build, daily.run, daily.status),
    *(files.files, files.rejects, files.withdraw, files.purge, files.subject),
    *(tables.verify, tables.publish, tables.report, tables.export, tables.compact),
    *(tables.synth, tables.init),
):
    main.add_command(command)
