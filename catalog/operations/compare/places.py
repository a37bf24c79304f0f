"""Directories, files and patterns as sides of a comparison: read like snapshots, by reference."""

import glob
import os
from collections.abc import Callable, Sequence

from catalog.dataclasses import replace
from catalog.diff.view import End
from catalog.engine.connection import connection_on_demand
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound
from catalog.formats.open_table import TablePlace, table_place
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.operations.compare.sides import NAME, Side, changed
from catalog.repository.commits import StoredTable
from catalog.repository.pack import Place as PackPlace
from catalog.repository.repository import Repository
from catalog.write.snapshot.table_plan import SnapshotRequest, SnapshotTask
from catalog.write.snapshot.take import take_snapshot

_PATTERN = "*?[/\\"
"""Characters that no name of a table has: what has one before ``@`` is a path."""


def is_table_at(text: str) -> bool:
    """Returns whether a text means a table of the catalog: ``orders@main``.

    A file or directory of that name goes first.
    """
    if table_place(text) is not None:
        return False
    name, at, ref = text.partition("@")
    is_name = bool(name and at and ref) and not any(sign in name for sign in _PATTERN)
    return is_name and not os.path.lexists(text)


def read_place(
    repository: Repository,
    place: str,
    like: TableSnapshot | None = None,
    *,
    aside: Callable[[], str] | None = None,
) -> Side:
    """Reads what is at a place, as far as footers and logs tell it.

    Args:
        repository: What reads files for it; nothing is written there but in memory.
        place: A directory, a file or a pattern, here or in a bucket, or a table of another format:
            ``delta:PATH@VERSION``.
        like: The other side, whose columns of the same name have the same ids here.
        aside: Returns a directory for files of such a table that are read only after they were
            written again.

    Raises:
        NotFound: There is nothing.
        InvalidInput: There is no Parquet file, or their columns do not fit together.
        CorruptData: A file is damaged, or changes while it is read.
        Unsupported: It is a table of another format that is not read, or has a feature that is
            not known.
    """
    named, request = _request(place)
    with connection_on_demand(repository.store) as engine:
        task = SnapshotTask(
            repository,
            NAME,
            None if like is None else _base(like),
            place if named is None else named.place,
            request,
            dry_run=False,
            engine=engine,
            aside=aside,
        )
        try:
            taken = take_snapshot(task)
        except CorruptData as error:
            if error.kind == ErrorKind.SOURCE_CHANGED:
                raise changed(place) from error
            raise
        except NotFound as error:
            if error.kind != ErrorKind.SOURCE_NOT_FOUND:
                raise
            raise _missing(error, place) from error
        except InvalidInput as error:
            if error.kind != ErrorKind.EMPTY_SOURCE:
                raise
            raise InvalidInput(
                error.message, kind=error.kind, hint="name a place that has Parquet files"
            ) from error
    update = taken.update
    assert update is not None and update.snapshot is not None, "files were added"
    files = tuple(update.added)
    return Side(End(place), with_totals(update.snapshot, files), files, taken.report.warnings)


def _request(place: str) -> tuple[TablePlace | None, SnapshotRequest]:
    """Returns the table of another format that a place names, if it does, and how it is taken.

    A pattern is one of plain Parquet, wherever its files lie.
    """
    named = table_place(place)
    is_pattern = named is None and glob.has_magic(place) and not os.path.lexists(place)
    request = SnapshotRequest(
        key=(),
        mode="reference",
        fingerprints="later",
        format="parquet" if is_pattern else "auto",
        at=None if named is None else named.at,
    )
    return named, request


def _missing(error: NotFound, place: str) -> NotFound:
    advice = "check the path"
    if place.isidentifier():
        advice += f"; a table of a catalog is written with its ref: {place}@main"
    return NotFound(error.message, kind=error.kind, hint=advice)


def _base(like: TableSnapshot) -> StoredTable:
    """Returns a table without files that gives its columns their ids."""
    empty = replace(
        like, key=(), rows=0, size_bytes=0, files=0, partitions=0, file_schemas={}, manifest=None
    )
    if empty.source is not None:
        empty = replace(empty, source=replace(empty.source, version=None))
    empty = replace(empty, levels=0, properties={}, computed=None)
    return StoredTable(NAME, "", PackPlace("", 0, 0), empty, None)


def with_totals(table: TableSnapshot, files: Sequence[DataFile]) -> TableSnapshot:
    """Returns a table with the totals of its files."""
    return replace(
        table,
        rows=sum(file.rows for file in files),
        size_bytes=sum(file.size_bytes for file in files),
        files=len(files),
        partitions=len({file.partition for file in files}),
    )
