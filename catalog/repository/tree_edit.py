"""Edits of trees: only the nodes around changed rows are read and written."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from catalog.repository import columnar
from catalog.repository.columnar import Columns
from catalog.repository.index import Child
from catalog.repository.nodes import PackBuilder
from catalog.repository.pack import Place
from catalog.repository.tree import Chunker, Root, RowKind, TreeReader, TreeWriter

Row = TypeVar("Row")
AnyRow = TypeVar("AnyRow")


class LeafRow(NamedTuple, Generic[Row]):
    """A row of a leaf that is going to be written; one that stays is left in its columns, unread.

    A table of a hundred columns has some five hundred values a row; an edit needs the sort keys.
    A row is at a position of the leaf it is in now, or is new.
    """

    key: bytes
    leaf: Columns | None = None
    at: int = 0
    row: Row | None = None


def edit(
    reader: TreeReader[Row], root: Root | None, edits: Mapping[bytes, Row | None], pack: PackBuilder
) -> Root | None:
    """Writes a tree that differs from another in some rows; None is the empty tree.

    By sort key, ``edits`` has the row to put there, or None to take the row away. Without edits
    the old tree is returned.
    """
    writer = _EditWriter(reader, pack)
    if root is None:
        return writer.build(row for _, row in sorted(edits.items()) if row is not None)
    if not edits:
        return root

    def leaf_rows(node: Child) -> list[LeafRow[Row]]:
        writer.replaced[node.id] = node
        return kept_rows(reader.kind, reader.columns(node))

    def index_rows(node: Child) -> list[Child]:
        writer.replaced[node.id] = node
        return reader.children(node)

    leaves = _Cursor(reader, root, 0)
    put: dict[bytes, LeafRow[Row] | None] = dict.fromkeys(edits)
    put.update((key, LeafRow(key, row=row)) for key, row in edits.items() if row is not None)
    changed = _edit_level(leaves, put, 0, attrgetter("key"), leaf_rows, writer.edited_leaf)
    for level in range(1, root.levels):
        nodes = _Cursor(reader, root, level)
        changed = _edit_level(nodes, changed, level, attrgetter("first"), index_rows, writer.node)
    tops = [child for _, child in sorted(changed.items()) if child is not None]
    return _lowered(reader, writer, writer.above(tops, root.levels)) if tops else None


class _EditWriter(TreeWriter[Row]):
    """Writes only nodes that differ from those they replace.

    It remembers the index nodes it wrote, which cannot be read before the pack is.
    """

    def __init__(self, reader: TreeReader[Row], pack: PackBuilder) -> None:
        super().__init__(reader.kind, pack)
        self._reader = reader
        self.written: dict[str, Sequence[Child]] = {}
        self.replaced: dict[str, Child] = {}

    def node(self, rows: Sequence[Child]) -> Child:
        child = super().node(rows)
        self.written[child.id] = rows
        return child

    def stored(self, node_id: str) -> Place | None:
        old = self.replaced.get(node_id)
        return None if old is None else old.place

    def edited_leaf(self, rows: Sequence[LeafRow[Row]]) -> Child:
        columns = hashed_columns(self.kind, rows)
        child = self.columns(
            rows[0].key, columns, lambda placed: place_columns(self.kind, rows, placed)
        )
        if not self.kind.points:  # it is likely to be edited again
            self._reader.know(child.id, columns)
        return child


def _lowered(reader: TreeReader[Row], writer: _EditWriter[Row], root: Root) -> Root:
    """Takes away index nodes with a single row from the top."""
    while root.levels > 1:
        rows = writer.written.get(root.id) or reader.children(root.top)
        if len(rows) > 1:
            break
        root = Root(rows[0].id, root.levels - 1, rows[0].place)
    return root


class _Cursor(Generic[Row]):
    """Moves over the nodes of one level of a tree, reading only the index above them."""

    def __init__(self, reader: TreeReader[Row], root: Root, level: int) -> None:
        self._reader = reader
        self._root = root
        self._depth = root.levels - 1 - level
        self._path: list[tuple[list[Child], int]] = []

    def seek(self, key: bytes) -> Child:
        """Moves to the node that holds a key, or would."""
        self._path = []
        node = self._root.top
        for _ in range(self._depth):
            rows = self._reader.children(node)
            at = max(bisect_right([row.first for row in rows], key) - 1, 0)
            self._path.append((rows, at))
            node = rows[at]
        return node

    def next(self) -> Child | None:
        """Moves to the following node; None at the end of the level."""
        up = len(self._path) - 1
        while up >= 0 and self._path[up][1] + 1 == len(self._path[up][0]):
            up -= 1
        if up < 0:
            return None
        rows, at = self._path[up]
        self._path[up:] = [(rows, at + 1)]
        node = rows[at + 1]
        while len(self._path) < self._depth:
            rows = self._reader.children(node)
            self._path.append((rows, 0))
            node = rows[0]
        return node


def _edit_level(
    cursor: _Cursor[Row],
    edits: Mapping[bytes, AnyRow | None],
    level: int,
    key: Callable[[AnyRow], bytes],
    load: Callable[[Child], list[AnyRow]],
    write: Callable[[Sequence[AnyRow]], Child],
) -> dict[bytes, Child | None]:
    """Edits the rows of one level and returns the edits of the level above.

    Each run starts at the node of an edit, where a chunk starts in any case, and goes on
    until a chunk ends where an old one did.
    """
    keys = sorted(edits)
    above: dict[bytes, Child | None] = {}
    done = 0
    while done < len(keys):
        node: Child | None = cursor.seek(keys[done])
        chunker = Chunker(level, key)
        finished: list[list[AnyRow]] = []
        while node is not None:
            following = cursor.next()
            end = len(keys) if following is None else bisect_left(keys, following.first, done)
            rows = _merged(load(node), keys[done:end], edits, key)
            done = end
            finished.extend(c for row in rows if (c := chunker.add(row)) is not None)
            above[node.first] = None
            if not chunker.open:
                break
            node = following
        if chunker.open:
            finished.append(chunker.close())
        above.update((child.first, child) for child in map(write, finished))
    return above


def _merged(
    rows: Sequence[AnyRow],
    keys: Sequence[bytes],
    edits: Mapping[bytes, AnyRow | None],
    key: Callable[[AnyRow], bytes],
) -> list[AnyRow]:
    found: dict[bytes, AnyRow | None] = {key(row): row for row in rows}
    found.update((k, edits[k]) for k in keys)
    return [row for _, row in sorted(found.items()) if row is not None]


def kept_rows(kind: RowKind[Row], leaf: Columns) -> list[LeafRow[Row]]:
    """Returns the rows of a leaf."""
    return [LeafRow(key, leaf, at) for at, key in enumerate(kind.keys(leaf))]


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
