"""What listings return: commits, tables, columns, partitions and files."""

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass

if TYPE_CHECKING:
    from catalog.model.commit import Commit, TableChange
    from catalog.model.table import TableSnapshot


@dataclass(frozen=True, slots=True)
class CommitInfo:
    """A commit.

    Attributes:
        id: The commit id.
        parents: Ids of the parents.
        generation: 1 + the greatest of the parents'.
        message: The author's description.
        author: Who committed.
        time: When, aware UTC.
        tables: Names of the tables it changed.
        changes: By table, the files added and removed relative to the first parent.
        metadata: Free text by key.
        lineage: Provenance by written table.
        gate: What a gate found before it was published, as JSON; None if nothing was judged.
    """

    id: str
    parents: tuple[str, ...]
    generation: int
    message: str
    author: str
    time: datetime.datetime
    tables: tuple[str, ...]
    changes: "Mapping[str, TableChange]"
    metadata: Mapping[str, str]
    lineage: Mapping[str, object]
    gate: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A table at a commit in totals; ``derived`` if it has a definition."""

    name: str
    rows: int
    size_bytes: int
    files: int
    derived: bool = False


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column.

    Attributes:
        name: The column.
        type: Its type, as DuckDB names it.
        field_id: Its id, never reused in the table.
        key: Whether it is part of the key.
        partition: Whether the table is partitioned by it.
    """

    name: str
    type: str
    field_id: int
    key: bool
    partition: bool


@dataclass(frozen=True, slots=True)
class PartitionInfo:
    """A partition: its values in text form, None for NULL, and totals."""

    values: Mapping[str, str | None]
    rows: int
    files: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A data file; ``uri`` is where an engine reads it."""

    path: str
    uri: str
    rows: int
    size_bytes: int
    partition: Mapping[str, str | None]
    token: str


def commit_info(commit_id: str, commit: "Commit") -> CommitInfo:
    """Returns a commit as listings show it."""
    return CommitInfo(
        id=commit_id,
        parents=commit.parents,
        generation=commit.generation,
        message=commit.message,
        author=commit.author,
        time=commit.time,
        tables=tuple(sorted(commit.changes)),
        changes=commit.changes,
        metadata=commit.metadata,
        lineage=commit.lineage,
        gate=commit.gate,
    )


def column_infos(table: "TableSnapshot") -> list[ColumnInfo]:
    """Returns the columns of a table in order."""
    return [
        ColumnInfo(f.name, str(f.type), f.id, f.id in table.key, f.id in table.partition_by)
        for f in table.schema.fields
    ]
