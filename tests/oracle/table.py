"""A table as the oracle sees it: columns, and rows as tuples."""

from dataclasses import dataclass, field

from tests.oracle.types import Type

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """Is a column: its name, its type, and its id if the catalog gave one."""

    name: str
    type: Type
    field_id: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Is one side of a diff.

    Attributes:
        columns: The columns, in order; partition columns among them.
        rows: All rows, one value for each column.
        key: The key columns declared, or none.
        partition_by: The partition columns, outermost first.
        shared: For each row, whether it lies in a file that both sides have. Empty says
            that no row does. Shared rows are never among the rows compared.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    key: tuple[str, ...] = ()
    partition_by: tuple[str, ...] = ()
    shared: tuple[bool, ...] = field(default=())

    def __post_init__(self) -> None:
        assert all(len(row) == len(self.columns) for row in self.rows)
        assert not self.shared or len(self.shared) == len(self.rows)

    def compared(self) -> tuple[Row, ...]:
        """Gives the rows of the files that only this side has."""
        if not self.shared:
            return self.rows
        return tuple(row for row, shared in zip(self.rows, self.shared, strict=True) if not shared)

    def position(self, name: str) -> int:
        """Finds the place of a column in the rows."""
        return [column.name for column in self.columns].index(name)

    def has(self, name: str) -> bool:
        """Says whether a column of this very name exists."""
        return any(column.name == name for column in self.columns)
