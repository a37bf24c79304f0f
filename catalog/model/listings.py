"""What listings return: commits, tables, columns, partitions and files."""

import datetime
import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass
from catalog.messages import shown

if TYPE_CHECKING:
    from catalog.model.commit import Commit, TableChange
    from catalog.model.table import TableSnapshot


SHOWN_TABLES = 5
"""Tables of a commit that are named where it is shown on a line."""


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

    def __repr__(self) -> str:
        return f"<Commit {', '.join(self._facts())}>"

    def __str__(self) -> str:
        return "  ".join(self._facts())

    def _repr_html_(self) -> str:
        commit_id, *others = map(html.escape, self._facts())
        return f"<p><code>{commit_id}</code> {'<br>'.join(others)}</p>"

    def _facts(self) -> list[str]:
        """Returns what tells it from others: id, time, author, message, and its tables."""
        time = self.time.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        names = ", ".join(self.tables[:SHOWN_TABLES])
        more = len(self.tables) - SHOWN_TABLES
        tables = f"{names} and {more:,} more" if more > 0 else names
        said = (self.id[:8], time, self.author, self.message.partition("\n")[0], tables)
        return [shown(one) for one in said if one]


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
