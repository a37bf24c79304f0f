"""What explains the changes of a table, as values: by how much, in which way, and where."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Common:
    """A ratio or difference that many changed cells have in common.

    Attributes:
        value: The ratio or difference in text form, such as ``1.19``.
        cells: How many of the cells have it.
    """

    value: str
    cells: int


@dataclass(frozen=True, slots=True)
class NumberDelta:
    """By how much the numbers or times of a column changed, over its corrected cells.

    Cells with NaN or an infinity on a side are not among them.

    Attributes:
        cells: How many corrected cells that is.
        up: Cells that are greater now.
        down: Cells that are smaller now.
        total: The sum of all differences in text form; None for times, and if not all corrected
            cells were looked at.
        low: The least difference in text form; of times an interval.
        median: The median difference.
        high: The greatest difference.
        ratios: Least, median and greatest of after ÷ before, where both are numbers on the same
            side of 0; None if no cell has one, one is beyond what doubles hold, and for times.
        common_ratio: The ratio that more than half of the cells have, as far as the decimal places
            of the values after allow; None if none is that of so many. It may be negative.
        common_difference: The same for the difference.
        looked_at: How many corrected cells were looked at, with those that have no difference;
            fewer than the column has if there are so many that only the first rows were read.
    """

    cells: int
    up: int
    down: int
    low: str
    median: str
    high: str
    total: str | None = None
    ratios: tuple[float, float, float] | None = None
    common_ratio: Common | None = None
    common_difference: Common | None = None
    looked_at: int | None = None


TextKind: TypeAlias = Literal[
    "case", "blanks", "prefix_added", "prefix_removed", "suffix_added", "suffix_removed", "other"
]
"""How a text became another.

``case``: only upper and lower case differ; ``blanks``: only white space; ``prefix_added`` and the
like: the one is the other, which is not empty, with something before or behind it.
"""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """In which way the texts of a column changed, over its corrected cells.

    Attributes:
        cells: How many corrected cells that is.
        kinds: How many of them changed in which way; ways that occur.
        affix: The text that was added or removed in all cells of the commonest such kind; None if
            it differs, is longer than 200 characters, or there is no such kind.
        looked_at: How many corrected cells were looked at, as of ``NumberDelta``.
    """

    cells: int
    kinds: Mapping[TextKind, int] = field(default_factory=dict)
    affix: str | None = None
    looked_at: int | None = None


Delta: TypeAlias = NumberDelta | TextDelta


@dataclass(frozen=True, slots=True)
class PartitionSums:
    """How the sum of a column changed by partition, over the rows that statistics cover.

    Attributes:
        partitions: Partitions in which it did.
        out_of: Partitions with files that differ.
        low: The least change of these, in percent of the sum before.
        median: The median change.
        high: The greatest change.
    """

    partitions: int
    out_of: int
    low: float
    median: float
    high: float


@dataclass(frozen=True, slots=True)
class Segment:
    """What changed rows have in common, and others have not: ``only channel = phone``.

    It says where the changes are, never why.

    Attributes:
        column: The column of few values.
        values: Its values in text form that the changed rows have; None for NULL.
        change: Which rows: ``inserted``, ``deleted``, ``updated``.
        cells_of: Of updated rows, those with a changed cell in this column; None means all.
        rows: Rows of these that have one of the values.
        out_of: All of these rows that were looked at.
        others: Rows that did not change and have one of the values.
        others_out_of: Rows that did not change and were looked at, a sample of them.
    """

    column: str
    values: tuple[str | None, ...]
    change: Literal["inserted", "deleted", "updated"]
    rows: int
    out_of: int
    others: int
    others_out_of: int
    cells_of: str | None = None


@dataclass(frozen=True, slots=True)
class Renaming:
    """Columns that look like one that was renamed: one went, one came, with the same values.

    Attributes:
        before: The column that went.
        after: The column that came.
        equal: Matched rows with equal values.
        out_of: Matched rows that were looked at.
    """

    before: str
    after: str
    equal: int
    out_of: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """How the values of a column are distributed before and after, to be drawn.

    Attributes:
        kind: ``ranges`` of numbers or times, or ``values``, the most frequent.
        labels: Of ranges their n + 1 edges in text form; else n values, None for NULL.
        before: n numbers of rows.
        after: n numbers of rows.
        others: Rows with a value that is not among them, before and after.
        nulls: Rows without a value, before and after; of ``values`` they are among these.
        rows: Rows it covers, before and after.
    """

    kind: Literal["ranges", "values"]
    labels: tuple[str | None, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    others: tuple[int, int] = (0, 0)
    nulls: tuple[int, int] = (0, 0)
    rows: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Findings:
    """What explains the changes of a table.

    Attributes:
        distinct: How many different changes of value a column has, by column; counted exactly.
        deltas: By how much, or in which way, values of a column changed, by column.
        partition_sums: How the sums of columns changed by partition, by column.
        segments: What changed rows have in common; the strongest first.
        renamings: Columns that look renamed.
        distributions: Values before and after, by column; only if they were asked for.
        sample: How many rows that did not change were looked at; None if none were asked for.
    """

    distinct: Mapping[str, int] = field(default_factory=dict)
    deltas: Mapping[str, Delta] = field(default_factory=dict)
    partition_sums: Mapping[str, PartitionSums] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    renamings: tuple[Renaming, ...] = ()
    distributions: Mapping[str, Distribution] = field(default_factory=dict)
    sample: int | None = None
