"""Statistics of data files as manifests store them: decoded when somebody asks for them.

A diff of a wide table asks for those of a few columns.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from catalog.model.datafile import ColumnStats
from catalog.repository import columnar
from catalog.repository.columnar import Columns

PREFIXES = ("nulls.", "nans.", "low.", "high.", "exact.")
"""What the columns of statistics are named, before the id of the field."""

_NAME = re.compile(r"(?:nulls|nans|low|high|exact)\.([1-9][0-9]{0,9})")

CACHED = 1 << 16
"""Statistics kept in a process, some 10 MB: a node is mostly read again with few rows changed."""

_known = lru_cache(CACHED)(ColumnStats)


class NodeStats:
    """The statistics that a node has, of all its entries."""

    def __init__(self, columns: Columns, count: int) -> None:
        """Takes the columns of the node, and how many entries it has."""
        self._columns = columns
        self._count = count
        self._read: dict[int, list[ColumnStats | None]] = {}
        self._entries: list[dict[int, ColumnStats]] | None = None

    def of_entries(self, fields: Iterable[int] | None) -> list[Mapping[int, ColumnStats]]:
        """Returns the statistics of each entry, of some fields; None means all.

        Some are decoded at once, so that nothing holds the node; all when they are asked for.
        """
        if fields is None:
            return [_EntryStats(self, row) for row in range(self._count)]
        return [*self._by_entry(fields)]

    def of_field(self, field: int) -> list[ColumnStats | None]:
        """Returns the statistics of one field in each entry, None where there are none."""
        found = self._read.get(field)
        if found is None:
            found = self._read[field] = self._decoded(field)
        return found

    def whole(self) -> list[dict[int, ColumnStats]]:
        """Returns all statistics of each entry."""
        if self._entries is None:
            named = map(_NAME.fullmatch, self._columns)
            fields = sorted({int(match[1]) for match in named if match is not None})
            self._entries = self._by_entry(fields)
        return self._entries

    def _by_entry(self, fields: Iterable[int]) -> list[dict[int, ColumnStats]]:
        entries: list[dict[int, ColumnStats]] = [{} for _ in range(self._count)]
        for field in fields:
            for entry, stats in zip(entries, self.of_field(field), strict=True):
                if stats is not None:
                    entry[field] = stats
        return entries

    def _decoded(self, field: int) -> list[ColumnStats | None]:
        names = [f"{prefix}{field}" for prefix in PREFIXES]
        if not any(name in self._columns for name in names):
            return [None] * self._count
        values = [columnar.optional(self._columns, name, self._count) for name in names]
        return [
            _known(nulls, nans, low, high, bool(exact))
            if nulls is not None or nans is not None or low is not None or high is not None
            else None
            for nulls, nans, low, high, exact in zip(*values, strict=True)
        ]


class _EntryStats(Mapping[int, ColumnStats]):
    """The statistics of one entry, by field id."""

    __slots__ = ("_node", "_row")

    def __init__(self, node: NodeStats, row: int) -> None:
        self._node = node
        self._row = row

    def __getitem__(self, field: int) -> ColumnStats:
        found = self._node.of_field(field)[self._row]
        if found is None:
            raise KeyError(field)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._node.whole()[self._row])

    def __len__(self) -> int:
        return len(self._node.whole()[self._row])

    def __eq__(self, other: object) -> bool:
        own = self._node.whole()[self._row]
        return own == (other._node.whole()[other._row] if isinstance(other, _EntryStats) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._node.whole()[self._row])

    def __reduce__(self) -> tuple[type, tuple[dict[int, ColumnStats]]]:
        return dict, (self._node.whole()[self._row],)
