"""One typed view of a diff, which everything that draws one reads: JSON, text, Markdown, pages.

A ``Diff`` keeps an engine open and reads rows on demand. Its view is a plain value of the same
counts (``catalog.diff.counts``), which can be drawn, kept and compared once the diff is closed.
"""

from catalog.dataclasses import dataclass, field
from catalog.diff.counts import (
    ColumnCounts,
    Coverage,
    Example,
    KeyProblems,
    PartitionCounts,
    RowCounts,
)
from catalog.diff.file_changes import FileChanges
from catalog.diff.plan import SchemaChange, Status


@dataclass(frozen=True, slots=True)
class End:
    """One end of a diff: the ref as it was written, and the commit it stood for.

    A place that is no commit, such as a directory, has no ``commit_id``: it is empty.
    """

    ref: str
    commit_id: str = ""


@dataclass(frozen=True, slots=True)
class ColumnView:
    """What happened to the cells of a column, with the most frequent changes of value."""

    name: str
    counts: ColumnCounts
    examples: tuple[Example, ...] = ()

    @property
    def touched(self) -> bool:
        """Returns whether there is anything to say about the column."""
        counts = self.counts
        return bool(counts.changed or counts.filled or counts.within_tolerance)


@dataclass(frozen=True, slots=True)
class TableView:
    """What happened to one table; see ``TableDiff`` for the meaning of each part."""

    name: str
    status: Status
    rows: RowCounts
    key: tuple[str, ...] = ()
    key_problems: KeyProblems = field(default_factory=KeyProblems)
    schema_changes: tuple[SchemaChange, ...] = ()
    columns: tuple[ColumnView, ...] = ()
    partitions: tuple[PartitionCounts, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    warnings: tuple[str, ...] = ()
    files: FileChanges | None = None
    is_file_set: bool = False

    @property
    def compared(self) -> bool:
        """Returns whether rows were compared, not metadata alone."""
        return self.rows.updated is not None

    @property
    def rows_changed(self) -> int:
        """Returns how many rows changed; 0 if rows were not compared."""
        rows = self.rows
        return (rows.inserted or 0) + (rows.deleted or 0) + (rows.updated or 0)

    @property
    def differs(self) -> bool:
        """Returns whether the table differs: in rows or schema, or if unread, in files."""
        if self.status in ("added", "removed") or self.schema_changes:
            return True
        return bool(self.rows_changed) if self.compared else self.status != "unchanged"

    @property
    def touched_columns(self) -> list[ColumnView]:
        """Returns the columns there is anything to say about."""
        return [column for column in self.columns if column.touched]


@dataclass(frozen=True, slots=True)
class DiffView:
    """What happened between two refs."""

    before: End
    after: End
    tables: tuple[TableView, ...]

    @property
    def differs(self) -> bool:
        """Returns whether any table differs."""
        return any(table.differs for table in self.tables)
