"""What is known of the past of a row: who last changed its cells, and every state it had."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass, field
from catalog.model.listings import CommitInfo

RowValues: TypeAlias = Mapping[str, object]
"""The values of a row by column, in the order of the table; None is NULL."""

RowChange: TypeAlias = Literal["inserted", "reinserted", "updated", "deleted", "unknown"]
"""What a commit did to a row; ``unknown``: it had it, and what was before cannot be read."""

CellChange: TypeAlias = Literal[
    "inserted", "filled", "cleared", "corrected", "column_added", "unknown"
]
"""What a commit did to a cell. It came with its row (``inserted``) or as NULL with its column
(``column_added``); ``unknown``: the commit had it, and what was before cannot be read."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A commit whose part in the past of a row cannot be read.

    Attributes:
        commit_id: The commit.
        reason: Why, for people.
    """

    commit_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class CellBlame:
    """Which commit gave a cell its value.

    Attributes:
        column: The column.
        value: The value; None is NULL.
        change: What the commit did to the cell.
        before: The value before, of a cell that was filled, cleared or corrected.
        commit: The commit.
    """

    column: str
    value: object
    change: CellChange
    before: object
    commit: CommitInfo


@dataclass(frozen=True, slots=True)
class RowBlame:
    """Which commits made a row what it is.

    Attributes:
        values: All of its values.
        change: What the last commit that changed it did.
        commit: That commit.
        cells: For each column asked for, the commit that gave it its value.
    """

    values: RowValues
    change: RowChange
    commit: CommitInfo
    cells: tuple[CellBlame, ...]


@dataclass(frozen=True, slots=True)
class Blame:
    """Which commits made the rows of a key what they are.

    Attributes:
        table: The table.
        ref: The state that was asked for.
        commit_id: The commit of the ref.
        key: The key that the rows were followed by.
        rows: The rows that have it: one, unless the table's key is not unique.
        gaps: Commits that could not be read.
        files_opened: How many data files were opened.
    """

    table: str
    ref: str
    commit_id: str
    key: RowValues
    rows: tuple[RowBlame, ...]
    gaps: tuple[Gap, ...]
    files_opened: int


@dataclass(frozen=True, slots=True)
class RowState:
    """What a commit did to a row.

    Attributes:
        commit: The commit.
        table: The name of the table there.
        change: What it did.
        changed_columns: Of an updated row, the columns whose values differ.
        before: The row in the first parent; None if it came.
        after: The row; None if it went.
        moved: Whether an updated row is in another partition now.
        rows: Rows with this key after the commit.
        note: What the commit did to the table, where that matters for the row; often empty.
    """

    commit: CommitInfo
    table: str
    change: RowChange
    changed_columns: tuple[str, ...] = ()
    before: RowValues | None = None
    after: RowValues | None = None
    moved: bool = False
    rows: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class RowHistory:
    """The states of the rows of a key, newest first.

    Attributes:
        table: The table.
        ref: Where the history ends.
        commit_id: The commit of the ref.
        key: The key that the rows were followed by.
        states: What commits did to the rows.
        more: Whether there are older ones, left out by a limit.
        gaps: Commits that could not be read.
        files_opened: How many data files were opened.
    """

    table: str
    ref: str
    commit_id: str
    key: RowValues
    states: tuple[RowState, ...]
    more: bool = False
    gaps: tuple[Gap, ...] = field(default=())
    files_opened: int = 0
