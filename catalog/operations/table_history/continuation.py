"""Where a branch of imported versions stands, as its commits tell."""

import datetime

from catalog.errors import AlreadyExists, CorruptData, ErrorKind, InvalidInput
from catalog.formats.source import SourceFormat
from catalog.hints import Blank, Call, Option, hint
from catalog.model.commit import parse_time
from catalog.operations.context import OperationContext
from catalog.operations.table_history.description import VERSION_KEYS, table_id_key, time_key
from catalog.operations.table_history.plan import Standing
from catalog.repository.branch_errors import protected_error
from catalog.repository.history import first_parents


def standing_of(
    context: OperationContext, branch: str, table: str, *, format: SourceFormat
) -> Standing | None:
    """Returns where a branch stands; None if it is to be begun.

    Raises:
        AlreadyExists: The branch has no imported versions.
        Conflict: It is protected.
        InvalidInput: Somebody has changed it since the last version, or it is another table's.
    """
    held = context.repository.branches.find(branch)
    if held is None or held.commit_id is None:
        return None
    if held.protected:
        raise protected_error(branch)
    head, read = held.commit_id, context.repository.commits.read
    version_key = VERSION_KEYS[format]
    last = _number(read(head).metadata.get(version_key))
    if last is None:
        raise _not_at_a_version(context, branch, head, version_key=version_key)
    entries = context.repository.commits.entries(head)
    if context.repository.commits.entry(head, table) is None:
        raise InvalidInput(
            f"branch {branch!r} has the versions of {', '.join(entries) or 'no table'}, not of "
            f"{table}",
            kind=ErrorKind.IMPORT_BROKEN,
            hint=hint("name another branch: {}", Option("branch", Blank("NAME"))),
        )

    def imported() -> frozenset[int]:
        stated = (one.commit.metadata.get(version_key) for one in first_parents(read, head))
        return frozenset(number for one in stated if (number := _number(one)) is not None)

    said = read(head).metadata
    table_id = said.get(table_id_key(format), "")
    return Standing(branch, head, last, _time(said.get(time_key(format))), table_id, imported)


def check_same_table(standing: Standing, root: str, table_id: str) -> None:
    """Checks that a branch continues with the table that it began with.

    Raises:
        CorruptData: The table was made anew, or is another one.
    """
    if standing.table_id != table_id:
        raise CorruptData(
            f"{root} is another table than the one that branch {standing.branch!r} has the "
            "versions of: it was made anew, or lies elsewhere",
            kind=ErrorKind.IMPORT_BROKEN,
            hint=hint(
                "import it into another branch, {}, or give this one up first: {}",
                Option("branch", Blank("NAME")),
                Call("branches.delete", (standing.branch,)),
            ),
        )


def _number(stated: str | None) -> int | None:
    """Returns a version as metadata tell it; None if that is not a number."""
    digits = (stated or "").removeprefix("-")
    return int(stated or "") if digits.isascii() and digits.isdigit() and len(digits) < 20 else None


def _time(stated: str | None) -> datetime.datetime | None:
    """Returns a time as metadata tell it; None if that is not a time."""
    try:
        return None if stated is None else parse_time(stated)
    except CorruptData:
        return None


def _not_at_a_version(
    context: OperationContext, branch: str, head: str, *, version_key: str
) -> AlreadyExists | InvalidInput:
    """Returns the error for a branch whose head is not an imported version."""
    for logged in first_parents(context.repository.commits.read, head):
        if version_key in logged.commit.metadata:
            return InvalidInput(
                f"branch {branch!r} was moved since: commit {head[:8]} is not a version of the "
                f"table, as {logged.id[:8]} below it is",
                kind=ErrorKind.IMPORT_BROKEN,
                hint=hint(
                    "keep the changes on another branch: {}; then take this one back: {}",
                    Call("branches.create", (Blank("NAME"),), at=head[:8]),
                    Call("reset", (branch,), to=logged.id[:8]),
                ),
            )
    return AlreadyExists(
        f"branch {branch!r} was not begun by an import",
        kind=ErrorKind.REF_EXISTS,
        hint=hint("name another branch: {}", Option("branch", Blank("NAME"))),
    )
