"""Which versions of a table come to a branch next; pure decisions about what its log lists."""

import datetime
from collections.abc import Callable, Sequence, Set

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound
from catalog.formats.table_state import TableVersion
from catalog.hints import Blank, Option, hint


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a branch of imported versions stands.

    Attributes:
        branch: The branch.
        head: The commit it points at.
        last: The version that this commit has.
        time: When that version was made, as the log said then; None if that is not known.
        table_id: The id of the table of another format that it was taken from.
        imported: Returns all versions on the branch.
    """

    branch: str
    head: str
    last: int
    time: datetime.datetime | None
    table_id: str
    imported: Callable[[], Set[int]]


@dataclass(frozen=True, slots=True)
class Log:
    """What the log of a table lists.

    Attributes:
        root: The table's directory, or URI.
        counts: Whether versions are counted, so that each is one more than the one before it.
        line: The versions that led to the newest one and can still be read, oldest first.
    """

    root: str
    counts: bool
    line: tuple[TableVersion, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The versions that the user wants; None where there is no limit."""

    first: int | None
    last: int | None


def pending(log: Log, standing: Standing | None, bounds: Bounds) -> tuple[TableVersion, ...]:
    """Returns the versions that are to be imported, oldest first.

    Of a table that was rolled back to a version that the branch has, that version comes again.

    Raises:
        CorruptData: The log has lost versions that come next, or is another one.
        InvalidInput: The branch is past the version to begin from.
        NotFound: The log does not list a version that is wanted.
    """
    numbers = [one.number for one in log.line]
    for number in (bounds.first, bounds.last):
        if number is not None and number not in numbers:
            raise _not_listed(log, number)
    ends = [numbers.index(one) for one in (bounds.first, bounds.last) if one is not None]
    if ends != sorted(ends):
        raise InvalidInput(
            f"version {bounds.first} of {log.root} came after version {bounds.last}",
            hint="name the older one as the first",
        )
    start = 0 if standing is None else _next(log, standing, numbers, bounds)
    first = start if bounds.first is None else numbers.index(bounds.first)
    if first < start and standing is not None and numbers[first] not in standing.imported():
        raise InvalidInput(
            f"branch {standing.branch!r} is past version {numbers[first]} of {log.root}, which "
            "it does not have: versions come in their order",
            kind=ErrorKind.IMPORT_BROKEN,
            hint=hint("import it into a branch of its own: {}", Option("branch", Blank("NAME"))),
        )
    end = len(numbers) if bounds.last is None else numbers.index(bounds.last) + 1
    return log.line[max(first, start) : end]


def _next(log: Log, standing: Standing, numbers: Sequence[int], bounds: Bounds) -> int:
    """Returns the place in the line of the first version that the branch lacks."""
    if standing.last in numbers:
        place = numbers.index(standing.last)
        if not _is_same(log.line[place], standing):
            what = f"version {standing.last} of {log.root} is not the one that was imported"
            raise _another_log(what, standing)
        return place + 1
    if not numbers or (log.counts and numbers[-1] < standing.last):
        what = f"the log of {log.root} ends before version {standing.last}"
        raise _another_log(what, standing)
    imported = standing.imported()
    shared = [place for place, number in enumerate(numbers) if number in imported]
    if shared:  # it was rolled back since
        return min(shared[-1] + 1, len(numbers) - 1)
    if bounds.first is not None:
        return 0
    raise CorruptData(
        f"branch {standing.branch!r} has version {standing.last} of {log.root}, and the oldest "
        f"that its log still has is {numbers[0]}: those between are gone",
        kind=ErrorKind.VERSION_NOT_FOUND,
        hint=hint("go on without them: {}", Option("from_version", str(numbers[0]))),
    )


def is_again(version: TableVersion, standing: Standing, log: Log) -> bool:
    """Returns whether a version that comes next is one that the table was rolled back to."""
    if log.counts or standing.last in [one.number for one in log.line]:
        return False
    return version.number in standing.imported()


def _is_same(version: TableVersion, standing: Standing) -> bool:
    """Returns whether a version is the one of its number that was imported, as far as told."""
    return not version.operation or standing.time in (None, version.time)


def _another_log(what: str, standing: Standing) -> CorruptData:
    return CorruptData(
        f"{what}: it is not the log that branch {standing.branch!r} was imported from",
        kind=ErrorKind.IMPORT_BROKEN,
        hint=hint("import it into another branch: {}", Option("branch", Blank("NAME"))),
    )


def _not_listed(log: Log, number: int) -> NotFound:
    listed = f"{log.line[0].number} to {log.line[-1].number}" if log.line else "none"
    return NotFound(
        f"the log of {log.root} no longer has version {number}, or never had it",
        kind=ErrorKind.VERSION_NOT_FOUND,
        hint=f"it has: {listed}",
    )
