"""Table entries of a commit that keeps them in a tree: only those that are asked for are read."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

from catalog.repository.index import Child
from catalog.repository.nodes import NodeReader
from catalog.repository.table_entries import PlacedEntry, TableRows
from catalog.repository.tree import MIN_ROWS, Root, TreeReader

PLAIN = 0x80
"""Characters from here on may be others in more ways than by their case: the long s is an s."""


class TreeEntries(Mapping[str, PlacedEntry]):
    """The table entries of a commit by name.

    To find one reads the nodes on its way; to go through all reads the tree, once.
    """

    def __init__(self, nodes: NodeReader, root: Root) -> None:
        self.reader = TreeReader(TableRows(), nodes)
        self._nodes = nodes
        self.root = root
        self._all: dict[str, PlacedEntry] | None = None

    def __getitem__(self, name: str) -> PlacedEntry:
        if self._all is not None:
            return self._all[name]
        rows, at = self._leaf(name)
        if at == len(rows) or rows[at].name != name:
            raise KeyError(name)
        return rows[at]

    def _leaf(self, name: str) -> tuple[Sequence[PlacedEntry], int]:
        key = name.encode(errors="surrogatepass")  # no table is called so
        rows = self._rows(self.reader.leaf_of(self.root, key))
        return rows, bisect_left(rows, key, key=self.reader.kind.key)

    def _rows(self, leaf: Child) -> Sequence[PlacedEntry]:
        """Returns the rows of a leaf, which are kept with it."""
        assert leaf.place is not None, "a node was read before it was written"
        kind = self.reader.kind
        return self._nodes.parsed(leaf.id, leaf.place, kind=kind.name, parse=kind.from_columns)

    def __iter__(self) -> Iterator[str]:
        return iter(self._loaded())

    def __len__(self) -> int:
        return len(self._loaded())

    def __bool__(self) -> bool:
        return True  # a tree has a row at least

    @property
    def held(self) -> int:
        """Returns how many entries it holds, and one for itself; not those of the nodes it read."""
        return 1 + (0 if self._all is None else len(self._all))

    def has_more_than(self, count: int) -> bool:
        """Returns whether there are more entries than that; mostly, the index tells."""
        leaves, levels = [self.root.top], self.root.levels
        while levels > 1 and len(leaves) * MIN_ROWS <= count + MIN_ROWS:
            leaves = [child for node in leaves for child in self.reader.children(node)]
            levels -= 1
        if (len(leaves) - 1) * MIN_ROWS > count:  # all nodes but the last have so many rows
            return True
        return len(self) > count

    def folded(self, name: str) -> PlacedEntry | None:
        """Returns the entry of a name without regard to case, None if there is none."""
        wanted = name.casefold()
        level: list[tuple[Child, int, str | None]] = [(self.root.top, self.root.levels, None)]
        while level:
            node, levels, end = level.pop()
            if levels == 1:
                for row in self._rows(node):
                    if row.name.casefold() == wanted:
                        return row
                continue
            below = self.reader.children(node)
            firsts = [child.first.decode(errors="replace") for child in below]
            ranges = zip(below, firsts, [*firsts[1:], end], strict=True)
            level.extend(
                (child, levels - 1, until)
                for child, first, until in reversed(list(ranges))
                if _may_hold(first, until, wanted)
            )
        return None

    def _loaded(self) -> dict[str, PlacedEntry]:
        if self._all is None:
            leaves = self.reader.leaves(self.root)
            self._all = {row.name: row for leaf in leaves for row in self._rows(leaf)}
        return self._all


def _may_hold(first: str, end: str | None, folded: str) -> bool:
    """Returns whether there may be a text from ``first`` on, before ``end``, that folds to a text.

    It says so of some ranges that have none.
    """
    if end is None:
        return True
    pairs = zip(first, end, strict=False)
    same = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    if not folded.startswith(same.casefold()):
        return False
    rest = folded[len(same.casefold()) :]
    least, greatest = (
        ord(text[len(same)]) if len(text) > len(same) else 0 for text in (first, end)
    )
    if not rest or greatest >= PLAIN or ord(rest[0]) >= PLAIN:
        return True
    return any(least <= ord(one) <= greatest for one in (rest[0], rest[0].upper()))
