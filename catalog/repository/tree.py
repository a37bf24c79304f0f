"""Trees of sorted rows in content-defined chunks, with an index of the same kind above.

The chunks of a level depend on nothing but its rows: the same rows give the same root,
whether built at once or edited step by step, and an edit rewrites a few nodes per level.

Source: prolly trees, as in Noms and Dolt.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from catalog.dataclasses import dataclass
from catalog.repository import columnar, index
from catalog.repository.columnar import Columns
from catalog.repository.index import Child, Summary
from catalog.repository.nodes import NodeReader, PackBuilder
from catalog.repository.pack import Place

Row = TypeVar("Row")
AnyRow = TypeVar("AnyRow")

MIN_ROWS = 64
"""Rows a chunk has at least before it may end: keeps sizes even, at little cost, since
chunks find back to the old boundaries within one or two."""

MAX_ROWS = 512
"""Rows after which a chunk ends in any case; hardly one chunk in a thousand gets there."""

BOUNDARY = (1 << 32) // 64
"""A row ends its chunk if its 32-bit hash is below this: one in 64, so chunks have about
128 rows, which keeps a one-row commit into 100,000 rows below 100 kB."""


@dataclass(frozen=True, slots=True)
class Root:
    """Points to a tree: the node at the top, and how many levels there are."""

    id: str
    levels: int
    place: Place | None

    @property
    def top(self) -> Child:
        """Returns the root as if it were a row of a node above it."""
        return Child(b"", self.id, Summary(0, 0, 0), self.place)


class RowKind(Protocol[Row]):
    """How rows of one kind are sorted, stored and summed up."""

    @property
    def name(self) -> str:
        """The kind of node that leaves are, part of their content."""

    @property
    def points(self) -> bool:
        """Whether rows point to other nodes, so that leaves have unhashed columns."""

    def key(self, row: Row) -> bytes:
        """Returns the sort key, unique within the tree."""

    def to_columns(self, rows: Sequence[Row]) -> Columns:
        """Returns the rows as columns."""

    def from_columns(self, columns: Columns) -> list[Row]:
        """Reads the rows back."""

    def keys(self, columns: Columns) -> list[bytes]:
        """Returns the sort keys of rows as columns."""

    def summarise(self, columns: Columns) -> Summary:
        """Sums rows up."""

    def places(self, rows: Sequence[Row], placed: Mapping[str, Place]) -> Columns:
        """Returns the unhashed columns: the places of the nodes that the rows point to."""


class Chunker(Generic[AnyRow]):
    """Cuts the rows of one level into chunks.

    A row ends its chunk if the chunk has ``MIN_ROWS`` rows or more and the first four
    bytes (big-endian) of SHA-256 over the level's number (one byte, leaves are 0) and the
    row's sort key are below ``BOUNDARY``, or if the chunk has ``MAX_ROWS`` rows.
    """

    def __init__(self, level: int, key: Callable[[AnyRow], bytes]) -> None:
        self._level = bytes([level])
        self._key = key
        self.open: list[AnyRow] = []

    def add(self, row: AnyRow) -> list[AnyRow] | None:
        """Takes the next row and returns the chunk that it ends, if it ends one."""
        self.open.append(row)
        count = len(self.open)
        if count < MIN_ROWS:
            return None
        digest = hashlib.sha256(self._level + self._key(row)).digest()
        if count < MAX_ROWS and int.from_bytes(digest[:4], "big") >= BOUNDARY:
            return None
        return self.close()

    def close(self) -> list[AnyRow]:
        """Ends the chunk and returns it."""
        chunk, self.open = self.open, []
        return chunk


def chunks(
    rows: Iterable[AnyRow], level: int, key: Callable[[AnyRow], bytes]
) -> Iterator[list[AnyRow]]:
    """Cuts all rows of a level into chunks."""
    chunker = Chunker(level, key)
    for row in rows:
        if (chunk := chunker.add(row)) is not None:
            yield chunk
    if chunker.open:
        yield chunker.close()


class TreeReader(Generic[Row]):
    """Reads the trees of one kind of rows."""

    def __init__(self, kind: RowKind[Row], nodes: NodeReader) -> None:
        self.kind = kind
        self._nodes = nodes

    def know(self, node_id: str, columns: Columns) -> None:
        """Takes the columns of a leaf that is being written, so that it need not be read.

        They must be what reading it gives: those of leaves that point to no nodes are.
        """
        self._nodes.know_columns(node_id, columns)

    def columns(self, leaf: Child) -> Columns:
        """Returns the verified columns of a leaf."""
        assert leaf.place is not None, "a node was read before it was written"
        return self._nodes.columns(leaf.id, self.kind.name, leaf.place)

    def rows(self, leaf: Child) -> list[Row]:
        """Returns the rows of a leaf."""
        return self.kind.from_columns(self.columns(leaf))

    def children(self, node: Child) -> list[Child]:
        """Returns the rows of an index node."""
        assert node.place is not None, "a node was read before it was written"
        kind = index.index_kind(self.kind.name)
        return self._nodes.parsed(node.id, node.place, kind=kind, parse=index.from_columns)

    def leaves(
        self, root: Root | None, wanted: Callable[[Summary], bool] | None = None
    ) -> Iterator[Child]:
        """Yields the leaves in order, looking only below nodes whose summary is wanted."""
        level = [] if root is None else [(root.top, root.levels)]
        while level:
            node, levels = level.pop()
            if levels == 1:
                yield node
                continue
            below = [c for c in self.children(node) if wanted is None or wanted(c.summary)]
            level.extend((child, levels - 1) for child in reversed(below))

    def scan(self, root: Root | None, start: bytes) -> Iterator[Row]:
        """Yields the rows whose key is at least ``start``, in order."""
        level = [] if root is None else [(root.top, root.levels)]
        while level:
            node, levels = level.pop()
            if levels == 1:
                yield from (row for row in self.rows(node) if self.kind.key(row) >= start)
                continue
            below = self.children(node)
            ends = [child.first for child in below[1:]] + [None]
            level.extend(
                (child, levels - 1)
                for child, end in reversed(list(zip(below, ends, strict=True)))
                if end is None or end > start
            )

    def find(self, root: Root | None, key: bytes) -> Row | None:
        """Returns the row of a key, None if there is none; no other row is read for it."""
        leaf, at = self._seek(root, key)
        if at is None:
            return None
        return self.kind.from_columns({name: c.slice(at, 1) for name, c in leaf.items()})[0]

    def holds(self, root: Root | None, key: bytes) -> bool:
        """Returns whether there is a row of a key."""
        return self._seek(root, key)[1] is not None

    def _seek(self, root: Root | None, key: bytes) -> tuple[Columns, int | None]:
        """Returns the leaf that a key is in, or would be, and its position there."""
        if root is None:
            return {}, None
        leaf = self.columns(self.leaf_of(root, key))
        keys = self.kind.keys(leaf)
        at = bisect_left(keys, key)
        return leaf, at if at < len(keys) and keys[at] == key else None

    def leaf_of(self, root: Root, key: bytes) -> Child:
        """Returns the leaf that a key is in, or would be; it is not read."""
        node = root.top
        for _ in range(root.levels - 1):
            rows = self.children(node)
            node = rows[max(bisect_right([row.first for row in rows], key) - 1, 0)]
        return node


class TreeWriter(Generic[Row]):
    """Writes new nodes of the trees of one kind of rows into a pack."""

    def __init__(self, kind: RowKind[Row], pack: PackBuilder) -> None:
        self.kind = kind
        self._pack = pack

    def build(self, rows: Iterable[Row]) -> Root | None:
        """Writes a tree of rows sorted by key; None if there are none."""
        leaves = [self.leaf(chunk) for chunk in chunks(rows, 0, self.kind.key)]
        return self.above(leaves, 1) if leaves else None

    def above(self, nodes: Sequence[Child], levels: int) -> Root:
        """Writes the index above all nodes, at least one, of a level; ``levels`` counts theirs."""
        while len(nodes) > 1:
            nodes = [self.node(chunk) for chunk in chunks(nodes, levels, attrgetter("first"))]
            levels += 1
        return Root(nodes[0].id, levels, nodes[0].place)

    def leaf(self, rows: Sequence[Row]) -> Child:
        """Writes a leaf."""
        columns, first = self.kind.to_columns(rows), self.kind.key(rows[0])
        return self.columns(first, columns, lambda placed: self.kind.places(rows, placed))

    def columns(
        self, first: bytes, columns: Columns, places: Callable[[Mapping[str, Place]], Columns]
    ) -> Child:
        """Writes the columns of a leaf, ``first`` its first sort key.

        ``places`` returns the unhashed columns, given the places of the pack's nodes.
        """
        node_id = columnar.node_id(self.kind.name, columns)
        place = self.stored(node_id)
        if place is None and self.kind.points:
            self._pack.add_columns(
                node_id, lambda placed: columnar.encode({**columns, **places(placed)})
            )
        elif place is None:
            frame = columnar.encode(columns)
            self._pack.add_columns(node_id, lambda _: frame)
        return Child(first, node_id, self.kind.summarise(columns), place)

    def node(self, rows: Sequence[Child]) -> Child:
        """Writes an index node."""
        columns = index.to_columns(rows)
        node_id = columnar.node_id(index.index_kind(self.kind.name), columns)
        place = self.stored(node_id)
        if place is None:
            self._pack.add_columns(
                node_id,
                lambda placed: columnar.encode(
                    {**columns, **index.place_columns([(r.id, r.place) for r in rows], placed)}
                ),
            )
        summary = index.merge_summaries([row.summary for row in rows])
        return Child(rows[0].first, node_id, summary, place)

    def stored(self, node_id: str) -> Place | None:
        """Returns the place of a node that need not be written again, None if it must be."""
        return None
