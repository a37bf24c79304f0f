"""Rows of leaves that are edited: those that stay are left in their columns, never read.

A table of a hundred columns has some five hundred values a row; an edit needs the sort keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, NamedTuple, TypeVar

from catalog.repository import columnar
from catalog.repository.columnar import Columns
from catalog.repository.pack import Place
from catalog.repository.tree import RowKind

Row = TypeVar("Row")


class LeafRow(NamedTuple, Generic[Row]):
    """A row of a leaf that is going to be written.

    Attributes:
        key: Its sort key.
        leaf: The leaf it is in now; None if it is new.
        at: Its position there.
        row: The row, if it is new.
    """

    key: bytes
    leaf: Columns | None = None
    at: int = 0
    row: Row | None = None


def kept_rows(kind: RowKind[Row], leaf: Columns) -> list[LeafRow[Row]]:
    """Returns the rows of a leaf."""
    return [LeafRow(key, leaf, at) for at, key in enumerate(kind.keys(leaf))]


def row_key(row: LeafRow[Row]) -> bytes:
    """Returns the sort key of a row."""
    return row.key


def hashed_columns(kind: RowKind[Row], rows: Sequence[LeafRow[Row]]) -> Columns:
    """Returns the columns of a leaf of some rows, at least one, without those of places."""
    return columnar.joined(list(_parts(rows, hashed=True, come=kind.to_columns)))


def place_columns(
    kind: RowKind[Row], rows: Sequence[LeafRow[Row]], placed: Mapping[str, Place]
) -> Columns:
    """Returns the unhashed columns of a leaf; see ``RowKind.places``."""
    parts = list(_parts(rows, hashed=False, come=lambda come: kind.places(come, placed)))
    return columnar.joined(parts) if any(parts) else {}


def _parts(
    rows: Sequence[LeafRow[Row]], *, hashed: bool, come: Callable[[Sequence[Row]], Columns]
) -> Iterator[Columns]:
    at = 0
    while at < len(rows):
        first, end = rows[at], at + 1
        while end < len(rows) and _goes_on(first, rows[end], end - at):
            end += 1
        if first.leaf is None:
            yield come([row.row for row in rows[at:end] if row.row is not None])
        else:
            yield {
                name: column.slice(first.at, end - at)
                for name, column in first.leaf.items()
                if name.startswith("@") is not hashed
            }
        at = end


def _goes_on(first: LeafRow[Row], row: LeafRow[Row], distance: int) -> bool:
    return row.leaf is first.leaf and (row.leaf is None or row.at == first.at + distance)
