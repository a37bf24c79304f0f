"""Runs a command, and turns what went wrong into a message and an exit code."""

import os
import traceback
from collections.abc import Sequence
from typing import Any, Protocol

from typer.exceptions import TyperException

from catalog.errors import CatalogError, StorageFailure
from catalog.storage.failures import machine_failure
from cli.exit_codes import ExitCode, exit_code
from cli.interruption import is_interruption, passed_on
from cli.output import stderr, stdout
from cli.usage import UsageError

PROGRAM = "parquetry"

DEBUG_VARIABLE = "PARQUETRY_DEBUG"

EXPLAINED = "parquetry.explained"
"""Where a command's context has what explains errors about files of the catalog it opened."""


class Command(Protocol):
    """A command of typer's."""

    def main(self, args: Sequence[str], prog_name: str, *, standalone_mode: bool) -> Any:
        """Runs a command line; returns its exit code, or anything else for 0."""


def run(command: Command, arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code.

    A closed stdout ends a command quietly with 0: its reader has seen what it wanted to see.
    """
    stdout.forget_requests()
    try:
        with stderr.logged(), passed_on():
            code = command.main(list(arguments), PROGRAM, standalone_mode=False)
        stdout.flush()
    except stdout.ReaderGoneError:
        stdout.abandon()
        return ExitCode.OK
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except CatalogError as failure:
        if is_interruption(failure):
            return ExitCode.INTERRUPTED
        stderr.error(failure)
        return exit_code(type(failure))
    except TyperException as failure:
        return _usage(failure)
    except Exception as failure:  # noqa: BLE001 - Python's own exit code 1 would mean "no"
        return ExitCode.INTERRUPTED if is_interruption(failure) else _last_resort(failure)
    return code if isinstance(code, int) else ExitCode.OK


def _usage(failure: TyperException) -> int:
    """Reports what typer has to say about the way a command was written."""
    context = getattr(failure, "ctx", None)
    text = failure.format_message().strip()
    if type(failure).__name__ == "NoArgsIsHelpError":
        stderr.note(text)
        return ExitCode.USAGE
    path = context.command_path if context is not None else PROGRAM
    possible = getattr(failure, "possibilities", None)
    if getattr(failure, "option_name", None) in ("-C", "--catalog"):
        hint = "put it before the command: parquetry -C URI COMMAND"
    elif possible:
        text = failure.message
        hint = f"did you mean {' or '.join(sorted(possible))}?"
    else:
        hint = f"{path} --help"
    text = text.replace("Value error, ", "")
    message = text[:1].lower() + text[1:].rstrip(".")
    stderr.error(UsageError(message, hint=hint))
    return ExitCode.USAGE


def _described(failure: OSError) -> str:
    name = f"{failure.filename}: " if failure.filename else ""
    return f"{name}{failure.strerror or failure}"


def _last_resort(failure: Exception) -> int:
    """Reports an error that nobody has put into words: of the machine, or a mistake of ours."""
    if os.environ.get(DEBUG_VARIABLE):
        stderr.note("".join(traceback.format_exception(failure)).rstrip())
    told = machine_failure(failure)
    if told is None and isinstance(failure, OSError):
        told = StorageFailure(_described(failure))
    stderr.error(
        told
        or CatalogError(
            f"internal error: {type(failure).__name__}: {failure}",
            hint=f"this is a bug in parquetry; {DEBUG_VARIABLE}=1 shows where",
        )
    )
    return ExitCode.ERROR
