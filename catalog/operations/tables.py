"""The tables of a ref, with their partitions and files: metadata only."""

import difflib
from collections.abc import Iterable, Iterator

from catalog.errors import ErrorKind, NotFound
from catalog.model.datafile import DataFile
from catalog.model.listings import FileInfo, PartitionInfo, TableInfo
from catalog.model.names import canonical_name
from catalog.model.partition import readable_partition
from catalog.operations.context import OperationContext
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import file_info
from catalog.repository.repository import Repository
from catalog.repository.resolve import ResolvedRef


def find_table(repository: Repository, name: str, ref: ResolvedRef) -> StoredTable | None:
    """Returns a table by name without regard to case, None if there is none."""
    entry = repository.commits.entry(ref.commit_id, canonical_name(name))
    return None if entry is None else repository.commits.table(entry)


def stored_table(repository: Repository, name: str, ref: ResolvedRef) -> StoredTable:
    """Returns a table by name.

    Raises:
        NotFound: There is none; the hint names the nearest.
    """
    found = find_table(repository, name, ref)
    if found is None:
        raise unknown_table(name, ref.text, repository.commits.entries(ref.commit_id))
    return found


def unknown_table(name: str, ref: str, names: Iterable[str]) -> NotFound:
    """Returns the error for a table that a ref does not have."""
    known = sorted(names)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        hint = f"did you mean {' or '.join(near)}?"
    else:
        hint = f"its tables are: {', '.join(known[:20])}" if known else "it has no tables yet"
    return NotFound(f"no table {name!r} at {ref}", kind=ErrorKind.TABLE_NOT_FOUND, hint=hint)


def tables(context: OperationContext, ref: str) -> list[TableInfo]:
    """Returns the tables at a ref by name, with their totals."""
    commits, commit_id = context.repository.commits, context.resolve(ref).commit_id
    entries, derived = commits.entries(commit_id), set(commits.derived(commit_id))
    return [
        TableInfo(name, e.entry.rows, e.entry.size_bytes, e.entry.files, name in derived)
        for name, e in sorted(entries.items())
    ]


def partitions(context: OperationContext, name: str, ref: str) -> list[PartitionInfo]:
    """Returns the partitions of a table in order."""
    from catalog.repository.tables import partition_totals

    table = stored_table(context.repository, name, context.resolve(ref))
    return [
        PartitionInfo(
            readable_partition(table.snapshot, one.partition), one.rows, one.files, one.size_bytes
        )
        for one in partition_totals(context.repository.commits, table)
    ]


def files(context: OperationContext, name: str, ref: str) -> list[FileInfo]:
    """Returns the data files of a table by partition and path."""
    table = stored_table(context.repository, name, context.resolve(ref))
    return [
        file_info(context.repository.store, table.snapshot, file)
        for file in _data_files(context, table)
    ]


def _data_files(context: OperationContext, table: StoredTable) -> Iterator[DataFile]:
    from catalog.repository.tables import data_files  # loads pyarrow, which names need not

    return data_files(context.repository.commits, table, fields=())
