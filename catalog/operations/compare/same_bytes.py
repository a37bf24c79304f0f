"""Files of two sides that hold the same bytes: found before any is decoded, by comparing them.

Two files are one where they are hard links; else those of one size and partition are compared byte
by byte, which ends at the first difference and costs less than a hash of each.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from catalog.dataclasses import dataclass, replace
from catalog.errors import StorageFailure
from catalog.model.datafile import DataFile
from catalog.operations.compare.sides import Side
from catalog.storage.failures import machine_failure
from catalog.threads import Threads

CHUNK_BYTES = 1 << 18
"""Bytes that are compared at a time: both fit the caches of a processor."""

TAIL_BYTES = 1 << 16
"""Bytes at the end that are compared first: the footer tells most files apart."""

CANDIDATES = 4
"""Files of one size that a file is compared with byte by byte: more of them are not the same file
written elsewhere, but many that are alike, and are compared by their rows."""

_Node: TypeAlias = tuple[int, int]
"""The device and the inode of a file."""

Locate: TypeAlias = Callable[[DataFile], str | None]
"""Returns the local path of a file; None if it is in a bucket."""


@dataclass(frozen=True, slots=True)
class _Local:
    """A local file of a side: where it is, and which file of the file system that is."""

    file: DataFile
    path: str
    node: _Node


def with_shared_content(sides: tuple[Side, Side], locate: Locate) -> tuple[Side, Side]:
    """Returns both sides, their files of the same bytes with the same token.

    Those of a table keep theirs. Other local files get tokens of their own: size, time and inode
    may be equal by chance on two file systems.

    Raises:
        StorageFailure: A file cannot be read.
    """
    before, after = ({} if side.held is not None else _local(side.files, locate) for side in sides)
    tokens: dict[_Node, str] = {}
    for side, local in sorted(zip(sides, (before, after), strict=True), key=_tables_first):
        for one in local.values():
            own = f"file:{one.node[0]}+{one.node[1]}"
            tokens.setdefault(one.node, one.file.token if side.is_table else own)
    for mine, theirs in _same_bytes(list(before.values()), list(after.values()), tokens):
        both = mine.node, theirs.node
        token = tokens[both[1 if sides[1].is_table else 0]]
        tokens.update(dict.fromkeys(both, token))

    def named(side: Side, local: Mapping[int, _Local]) -> Side:
        files = tuple(
            replace(file, token=tokens[local[n].node]) if n in local else file
            for n, file in enumerate(side.files)
        )
        return replace(side, files=files)

    return named(sides[0], before), named(sides[1], after)


def _tables_first(one: tuple[Side, object]) -> bool:
    return not one[0].is_table


def _local(files: Sequence[DataFile], locate: Locate) -> dict[int, _Local]:
    """Returns the local files by their places."""
    found = {}
    for place, file in enumerate(files):
        path = locate(file)
        if path is not None:
            status = _status(path)
            found[place] = _Local(file, path, (status.st_dev, status.st_ino))
    return found


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise _unreadable(path, error) from error


def _same_bytes(
    old: Sequence[_Local], new: Sequence[_Local], tokens: Mapping[_Node, str]
) -> Iterator[tuple[_Local, _Local]]:
    """Yields pairs of files, no file twice, that hold the same bytes."""
    known = {tokens[one.node] for one in old} & {tokens[one.node] for one in new}
    groups: defaultdict[object, tuple[list[_Local], list[_Local]]] = defaultdict(lambda: ([], []))
    for number, files in enumerate((old, new)):
        for one in files:
            if tokens[one.node] not in known:
                file = one.file
                mark = file.size_bytes, file.rows, file.partition, file.file_schema
                groups[mark][number].append(one)
    both = [group for group in groups.values() if group[0] and group[1]]
    with Threads(os.cpu_count() or 1) as pool:
        for pairs in pool.map(_pairs, both):
            yield from pairs


def _pairs(group: tuple[list[_Local], list[_Local]]) -> list[tuple[_Local, _Local]]:
    """Returns the pairs of files of one size that hold the same bytes."""
    waiting, found = list(group[0]), []
    for theirs in group[1]:
        name = os.path.basename(theirs.path)
        nearest = sorted(waiting, key=lambda one: os.path.basename(one.path) != name)
        for mine in nearest[:CANDIDATES]:
            if _holds_the_same(mine.path, theirs.path, theirs.file.size_bytes):
                found.append((mine, theirs))
                waiting.remove(mine)
                break
    return found


def _holds_the_same(one: str, other: str, size_bytes: int) -> bool:
    """Returns whether two files of a size hold the same bytes, the end of them first."""
    try:
        with open(one, "rb", buffering=0) as first, open(other, "rb", buffering=0) as second:
            mine, theirs = first.fileno(), second.fileno()
            tail = max(0, size_bytes - TAIL_BYTES)
            if os.pread(mine, TAIL_BYTES, tail) != os.pread(theirs, TAIL_BYTES, tail):
                return False
            place = 0
            while place < tail:
                piece = os.pread(mine, CHUNK_BYTES, place)
                if not piece or piece != os.pread(theirs, len(piece), place):
                    return False
                place += len(piece)
            return True
    except OSError as error:
        raise _unreadable(error.filename or one, error) from error


def _unreadable(path: str, error: OSError) -> StorageFailure:
    failed = f"cannot read {path}"
    return machine_failure(error, failed) or StorageFailure(
        f"{failed}: {error.strerror}", hint="check its permissions"
    )
