"""One typed view of a diff, which everything that draws one reads: JSON, text, Markdown, pages.

A ``Diff`` keeps an engine open and reads rows on demand. Its view is a plain value of the same
counts (``catalog.diff.counts``) and explanations (``catalog.diff.findings``), which can be drawn,
kept and compared once the diff is closed. Whatever a drawing shows is in it, and in its JSON form.
"""

import datetime
from collections.abc import Mapping
from typing import Literal

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
from catalog.diff.findings import Delta, Distribution, PartitionSums, Renaming, Segment
from catalog.diff.plan import SchemaChange, Status
from catalog.model.judgement import Judgement


@dataclass(frozen=True, slots=True)
class End:
    """One end of a diff: the ref as it was written, and the commit it stood for.

    A place that is no commit, such as a directory, has no ``commit_id``: it is empty.

    Attributes:
        ref: How it was named.
        commit_id: The commit.
        time: When it was made, aware UTC; None if there is none, or nobody looked.
        author: Who made it.
        message: What its author said of it.
    """

    ref: str
    commit_id: str = ""
    time: datetime.datetime | None = None
    author: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ColumnView:
    """What happened to the cells of a column, with the most frequent changes of value.

    Attributes:
        name: The column.
        counts: What was counted.
        examples: The most frequent changes of value, the first first.
        types: Its SQL types before and after; None if it is on one side only.
        distinct: How many different changes of value there are; None if nobody counted.
        delta: By how much, or in which way, values changed; None if there is nothing to say.
        partition_sums: How its sum changed by partition; None if that is not known.
        segments: What rows with a changed cell here have in common.
        distribution: Values before and after; None unless asked for.
    """

    name: str
    counts: ColumnCounts
    examples: tuple[Example, ...] = ()
    types: tuple[str, str] | None = None
    distinct: int | None = None
    delta: Delta | None = None
    partition_sums: PartitionSums | None = None
    segments: tuple[Segment, ...] = ()
    distribution: Distribution | None = None

    @property
    def touched(self) -> bool:
        """Returns whether there is anything to say about the column."""
        counts = self.counts
        return bool(counts.changed or counts.filled or counts.within_tolerance)


@dataclass(frozen=True, slots=True)
class Partitioning:
    """How a table is partitioned, and which partitions it has, so that changed ones have a place.

    Attributes:
        columns: The partition columns, the outermost first.
        types: Their SQL types.
        count: Partitions before and after.
        unchanged: Partitions in which no row changed, in order of their values: each value in text
            form, None for NULL, and the rows; None if there are too many to list.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    count: tuple[int, int]
    unchanged: tuple[tuple[tuple[str | None, ...], int], ...] | None = None


@dataclass(frozen=True, slots=True)
class SampleRow:
    """A changed row to show; values are texts, None for NULL.

    Attributes:
        change: ``inserted``, ``deleted`` or ``updated``.
        columns: The columns that changed.
        before: All values before that are shown; None for an inserted row.
        after: All values after; None for a deleted row.
    """

    change: str
    columns: tuple[str, ...]
    before: Mapping[str, str | None] | None
    after: Mapping[str, str | None] | None


@dataclass(frozen=True, slots=True)
class TableView:
    """What happened to one table; see ``TableDiff`` for the meaning of each part.

    Attributes:
        partitions: Those in which something changed, in order of their values.
        partitioning: How it is partitioned; None if it is not, or nobody looked.
        segments: What changed rows have in common, whichever column changed.
        renamings: Columns that look renamed.
        explained_by: How many rows that did not change were looked at for ``segments``.
        sample: Changed rows to show; None unless asked for.
        ignored: Columns that were not compared since they are to be ignored.
        tolerances: By column, the difference that does not count, as it was written.
        is_query: Whether it is what a query returns: it has no files of its own.
        groups_by_key: Whether its key is what the query groups by, since none was given.
    """

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
    partitioning: Partitioning | None = None
    segments: tuple[Segment, ...] = ()
    renamings: tuple[Renaming, ...] = ()
    explained_by: int | None = None
    sample: tuple[SampleRow, ...] | None = None
    ignored: tuple[str, ...] = ()
    tolerances: Mapping[str, str] = field(default_factory=dict)
    is_query: bool = False
    groups_by_key: bool = False

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
    def outcome(self) -> Status | Literal["rewritten"]:
        """Returns what happened to the table: its status, or ``rewritten``.

        A table is ``rewritten`` if its files differ, and their rows and the schema do not.
        """
        same = self.status == "modified" and self.compared and not self.differs
        return "rewritten" if same else self.status

    @property
    def touched_columns(self) -> list[ColumnView]:
        """Returns the columns there is anything to say about."""
        return [column for column in self.columns if column.touched]


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A row of a metric: its group, and its figures on both sides, as texts.

    ``before`` is None if the group is new, ``after`` if it is gone.
    """

    key: Mapping[str, str | None]
    before: Mapping[str, str | None] | None
    after: Mapping[str, str | None] | None


@dataclass(frozen=True, slots=True)
class Metric:
    """A named query, before and after.

    Attributes:
        name: Its name.
        query: Its SQL.
        rows: What it returns, row by row, in order of the key.
        error: Why it could not be run; empty if it could.
        more: Rows that are not among ``rows``, since there are so many.
    """

    name: str
    query: str
    rows: tuple[MetricRow, ...] = ()
    error: str = ""
    more: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A table that was not compared, and why: ``it has no column amount``."""

    table: str
    reason: str


@dataclass(frozen=True, slots=True)
class Origin:
    """How the commit of the newer end wrote a table.

    Attributes:
        table: The table.
        operation: What was done: ``sql``, ``write``, ``snapshot``, ``merge`` …
        inputs: The tables that were read, each as ``table@commit``.
        statement: The SQL; None if there is none, or only its beginning is kept.
    """

    table: str
    operation: str
    inputs: tuple[str, ...] = ()
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What happened in all tables together.

    Attributes:
        tables: Tables that differ.
        added: Tables that are new, of these.
        removed: Tables that are gone, of these.
        inserted: Rows; None if rows were not compared, as for the next two.
        deleted: Rows.
        updated: Rows.
    """

    tables: int
    added: int
    removed: int
    inserted: int | None
    deleted: int | None
    updated: int | None


@dataclass(frozen=True, slots=True)
class DiffView:
    """What happened between two refs.

    Attributes:
        before: The older end.
        after: The newer end.
        tables: The tables that were asked for, or have changed.
        unchanged: How many tables both ends have alike, which are not among ``tables``; None if
            nobody counted.
        commits: How many commits lead from the one end to the other; None if that is not known,
            or they do not follow each other.
        metrics: Named queries, before and after.
        left_out: Tables that were not compared though they have changed, or were asked for.
        gate: What a gate found before the commit of the newer end was published; None if nothing
            was judged.
        origins: How that commit wrote the tables, as far as it says.
    """

    before: End
    after: End
    tables: tuple[TableView, ...]
    unchanged: int | None = None
    commits: int | None = None
    metrics: tuple[Metric, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    gate: Judgement | None = None
    origins: tuple[Origin, ...] = ()

    @property
    def totals(self) -> Totals:
        """Returns what happened in all tables together."""
        own = [table for table in self.tables if table.differs]
        compared = all(table.compared for table in own)

        def rows(kind: str) -> int | None:
            counts = (getattr(table.rows, kind) or 0 for table in own)
            return sum(counts) if compared else None

        return Totals(
            len(own),
            sum(table.status == "added" for table in own),
            sum(table.status == "removed" for table in own),
            rows("inserted"),
            rows("deleted"),
            rows("updated"),
        )

    @property
    def is_query(self) -> bool:
        """Returns whether results of a query were compared, not tables."""
        return any(table.is_query for table in self.tables)

    @property
    def differs(self) -> bool:
        """Returns whether any table differs."""
        return any(table.differs for table in self.tables)
