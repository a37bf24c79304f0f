"""The entry point: runs a command, and turns what went wrong into a message and an exit code."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence

from typer.exceptions import TyperException

from catalog.errors import CatalogError, Conflict, StorageFailure
from cli.interruption import is_interruption
from cli.output import stderr, stdout
from cli.usage import UsageError

OK = 0
ANSWER_IS_NO = 1
USAGE = 2
ERROR = 3
CONFLICT = 4
INTERRUPTED = 130

DEBUG_VARIABLE = "PARQUETRY_DEBUG"


def main() -> None:
    """Runs the command line of this process and exits."""
    stdout.prepare()
    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and told: only Python is to end
    raise SystemExit(code)


def run(arguments: Sequence[str]) -> int:
    """Runs one command line.

    Args:
        arguments: The words after the program's name.

    Returns:
        The exit code. A closed stdout ends a command quietly with 0: its reader has seen
        what it wanted to see.
    """
    try:
        code = _run(arguments)
        stdout.flush()
    except stdout.ReaderGoneError:
        stdout.abandon()
        return OK
    except KeyboardInterrupt:
        return INTERRUPTED
    except CatalogError as failure:
        if is_interruption(failure):
            return INTERRUPTED
        stderr.error(failure)
        return _exit_code(failure)
    except TyperException as failure:
        return _usage(failure)
    except OSError as failure:
        stderr.error(StorageFailure(_described(failure)))
        return ERROR
    except Exception as failure:  # noqa: BLE001 - Python's own exit code 1 would mean "no"
        return INTERRUPTED if is_interruption(failure) else _bug(failure)
    return code


def _run(arguments: Sequence[str]) -> int:
    from typer.main import get_command

    from cli.application import application

    command = get_command(application)
    code = command.main(list(arguments), prog_name="parquetry", standalone_mode=False)
    return code if isinstance(code, int) else OK


def _exit_code(failure: CatalogError) -> int:
    if isinstance(failure, UsageError):
        return USAGE
    return CONFLICT if isinstance(failure, Conflict) else ERROR


def _usage(failure: TyperException) -> int:
    """Reports what typer has to say about the way a command was written."""
    context = getattr(failure, "ctx", None)
    text = failure.format_message().strip()
    if type(failure).__name__ == "NoArgsIsHelpError":
        stderr.note(text)
        return USAGE
    path = context.command_path if context is not None else "parquetry"
    possible = getattr(failure, "possibilities", None)
    if getattr(failure, "option_name", None) in ("-C", "--catalog"):
        hint = "it stands before the command: parquetry -C URI COMMAND"
    elif possible:
        text = failure.message
        hint = f"did you mean {' or '.join(sorted(possible))}?"
    else:
        hint = f"{path} --help"
    text = text.replace("Value error, ", "")
    message = text[:1].lower() + text[1:].rstrip(".")
    stderr.error(UsageError(message, hint=hint))
    return USAGE


def _described(failure: OSError) -> str:
    name = f"{failure.filename}: " if failure.filename else ""
    return f"{name}{failure.strerror or failure}"


def _bug(failure: Exception) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        stderr.note("".join(traceback.format_exception(failure)).rstrip())
    stderr.error(
        CatalogError(
            f"internal error: {type(failure).__name__}: {failure}",
            hint=f"this is a mistake in parquetry; {DEBUG_VARIABLE}=1 shows where",
        )
    )
    return ERROR


if __name__ == "__main__":
    main()
