"""The exit codes of commands: one table, for the program, its help and its reference."""

from enum import IntEnum

from catalog.errors import CatalogError, Conflict, GateRefused
from cli.usage import UsageError


class ExitCode(IntEnum):
    """An exit code, and when a command ends with it."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> "ExitCode":
        """Makes a code of its number and its meaning."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "done; also when the reader of stdout stopped reading"
    ANSWER_IS_NO = (
        1,
        "the answer is no: differences under `--exit-code`, a table that is not reproduced, a "
        "check that fails, a change that a contract, a guard or a gate does not allow, a failed "
        "statement in a shell, damage that `fsck` found",
    )
    USAGE = 2, "wrong usage"
    ERROR = 3, "an error"
    CONFLICT = 4, "a conflict with somebody else's change, also in a dry run"
    INTERRUPTED = 130, "interrupted, also by SIGTERM or SIGHUP"


def exit_code(failure: type[CatalogError]) -> ExitCode:
    """Returns the exit code of a class of errors."""
    if issubclass(failure, UsageError):
        return ExitCode.USAGE
    if issubclass(failure, GateRefused):
        return ExitCode.ANSWER_IS_NO
    return ExitCode.CONFLICT if issubclass(failure, Conflict) else ExitCode.ERROR
