"""What a diff counts, as values: rows, cells, partitions, statistics, keys, examples."""

from collections.abc import Mapping

from catalog.dataclasses import dataclass
from catalog.diff.file_changes import FileChanges
from catalog.diff.findings import Findings

EXAMPLES = 2
"""Examples per column: one shows the rule, a second the exception."""

TEXT_LENGTH = 200
"""Characters of a value that an example shows at most."""


@dataclass(frozen=True, slots=True)
class RowCounts:
    """The numbers of rows of a table.

    Attributes:
        before: Rows on the older side.
        after: Rows on the newer side.
        inserted: Rows that were inserted; None if rows were not compared, as for the next three.
        deleted: Rows that were deleted.
        updated: Rows of one key whose other cells differ.
        moved: Updated rows that are in another partition now.
    """

    before: int
    after: int
    inserted: int | None = None
    deleted: int | None = None
    updated: int | None = None
    moved: int | None = None


@dataclass(frozen=True, slots=True)
class SideStats:
    """Statistics of a column on one side, over the rows covered.

    Attributes:
        nulls: Rows that are NULL.
        low: The smallest value in DuckDB's text form; None if there is none.
        high: The greatest value, NaN above all.
        mean: The mean of numbers; None if there is none, or it is not finite.
        total: The sum of numbers in DuckDB's text form, doubles to 12 significant digits.
    """

    nulls: int
    low: str | None = None
    high: str | None = None
    mean: float | None = None
    total: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnCounts:
    """What happened to the cells of a column, in numbers.

    Attributes:
        changed: Cells of updated rows that differ.
        filled: Changed cells that were NULL; of an added column, matched rows with a value.
        cleared: Changed cells that are NULL now.
        corrected: Changed cells with a value on both sides.
        within_tolerance: Cells that differ by no more than is allowed, which are not changed.
        before: Statistics of the older side; None where no cell changed, unless all are asked for.
        after: Statistics of the newer side.
        covered: Rows the statistics cover, before and after.
    """

    changed: int = 0
    filled: int = 0
    cleared: int = 0
    corrected: int = 0
    within_tolerance: int = 0
    before: SideStats | None = None
    after: SideStats | None = None
    covered: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PartitionCounts:
    """What happened in one partition, in numbers.

    Attributes:
        values: Partition values by column in text form; None for NULL.
        inserted: Rows that were inserted.
        deleted: Rows that were deleted.
        updated: Rows that changed, in the partition where they are now.
        filled: Cells filled in them.
        cleared: Cells cleared in them.
        corrected: Cells corrected in them.
        rows: Rows the partition has, before and after; None if that is not known.
    """

    values: Mapping[str, str | None]
    inserted: int = 0
    deleted: int = 0
    updated: int = 0
    filled: int = 0
    cleared: int = 0
    corrected: int = 0
    rows: tuple[int, int] | None = None

    @property
    def rows_changed(self) -> int:
        """Returns how many rows changed."""
        return self.inserted + self.deleted + self.updated


@dataclass(frozen=True, slots=True)
class KeyProblems:
    """The numbers of rows that their key does not identify, before and after.

    Attributes:
        null: Rows with NULL in the key.
        duplicate: Rows that share their key with another row.
        all_rows: Whether all rows were looked at, or only those of files that differ.
    """

    null: tuple[int, int] = (0, 0)
    duplicate: tuple[int, int] = (0, 0)
    all_rows: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A change of value in a column; values are in DuckDB's text form.

    Attributes:
        column: The column.
        before: The value before; None for NULL.
        after: The value after.
        count: In how many rows; None if that was not counted.
        key: The key of one such row, by column.
        skipped: Characters at the beginning of both, the same in both, that are not shown: texts
            that differ late are shown from a little before that place.
        lengths: Characters of both values, 0 for NULL, if one is not shown in full; else None.
    """

    column: str
    before: str | None
    after: str | None
    count: int | None
    key: Mapping[str, str | None]
    skipped: int = 0
    lengths: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a diff had to look at.

    Attributes:
        partitions_compared: Partitions with files that differ.
        partitions_skipped: Partitions whose files are the same.
        files_added: Files that only the newer side has.
        files_removed: Files that only the older side has.
        files_kept: Files of both sides.
        bytes_read: Size of the data files that were opened.
    """

    partitions_compared: int = 0
    partitions_skipped: int = 0
    files_added: int = 0
    files_removed: int = 0
    files_kept: int = 0
    bytes_read: int = 0


@dataclass(frozen=True, slots=True)
class TableCounts:
    """What comparing the rows of a table counts, and the size of the files opened for it.

    Attributes:
        warnings: What to know before trusting them.
        files: What happened to files, if the table is a file set.
        findings: What explains the changes; empty if that was not asked for.
    """

    rows: RowCounts
    columns: Mapping[str, ColumnCounts]
    partitions: tuple[PartitionCounts, ...] = ()
    key_problems: KeyProblems = KeyProblems()
    examples: tuple[Example, ...] = ()
    bytes_read: int = 0
    warnings: tuple[str, ...] = ()
    files: FileChanges | None = None
    findings: Findings = Findings()
