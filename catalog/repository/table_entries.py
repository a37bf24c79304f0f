"""Table entries of commits: inline, or in a tree where there are many.

Columns of a leaf of kind ``tables``: ``name``, ``snapshot`` (32 bytes), ``rows``,
``size``, ``files``; unhashed ``@pack``, ``@offset``, ``@length`` of the snapshot.
Leaves are sorted by name.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.dataclasses import dataclass, field
from catalog.model.commit import TableEntry
from catalog.model.table_names import checked_table_name
from catalog.repository.pack import Place

if TYPE_CHECKING:
    from catalog.repository.columnar import Columns
    from catalog.repository.index import Summary

KIND = "tables"


@dataclass(frozen=True, slots=True)
class PlacedEntry:
    """A table's name and entry, and where its snapshot is stored; None while being written."""

    name: str
    entry: TableEntry
    place: Place | None = field(compare=False)


class InlineEntries(dict[str, PlacedEntry]):
    """The table entries of a commit that has them in itself, by name."""

    _folded: dict[str, PlacedEntry] | None = None

    @property
    def held(self) -> int:
        """Returns how many entries it holds, and one for itself."""
        return 1 + len(self)

    def folded(self, name: str) -> PlacedEntry | None:
        """Returns the entry of a name without regard to case, None if there is none."""
        if self._folded is None:
            self._folded = {name.casefold(): entry for name, entry in reversed(self.items())}
        return self._folded.get(name.casefold())


class TableRows:
    """Sorts, stores and sums up table entries; see ``tree.RowKind``."""

    name = KIND
    points = True

    def key(self, row: PlacedEntry) -> bytes:
        """Returns the sort key of an entry."""
        return row.name.encode()

    def to_columns(self, rows: Sequence[PlacedEntry]) -> "Columns":
        """Returns entries as columns."""
        from catalog.repository.columnar import byte_strings, integers

        return {
            "name": byte_strings([r.name.encode() for r in rows]),
            "snapshot": byte_strings([bytes.fromhex(r.entry.snapshot) for r in rows]),
            "rows": integers([r.entry.rows for r in rows]),
            "size": integers([r.entry.size_bytes for r in rows]),
            "files": integers([r.entry.files for r in rows]),
        }

    def places(self, rows: Sequence[PlacedEntry], placed: Mapping[str, Place]) -> "Columns":
        """Returns the places of the snapshots."""
        from catalog.repository.index import place_columns

        return place_columns([(r.entry.snapshot, r.place) for r in rows], placed)

    def from_columns(self, columns: "Columns") -> list[PlacedEntry]:
        """Reads entries.

        Raises:
            CorruptData: A column that format 1 requires is missing.
        """
        from catalog.repository.columnar import counts, node_ids, texts
        from catalog.repository.index import stored_places

        names = [checked_table_name(name) for name in texts(columns, "name")]
        totals = (counts(columns, name) for name in ("rows", "size", "files"))
        entries = map(TableEntry, node_ids(columns, "snapshot"), *totals)
        return list(map(PlacedEntry, names, entries, stored_places(columns)))

    def keys(self, columns: "Columns") -> list[bytes]:
        """Returns the sort keys of entries.

        Raises:
            CorruptData: A column that format 1 requires is missing.
        """
        from catalog.repository.columnar import required

        return list(required(columns, "name").to_pylist())

    def summarise(self, columns: "Columns") -> "Summary":
        """Sums entries up."""
        from catalog.repository.index import Summary

        return Summary(*(sum(columns[name].to_pylist()) for name in ("rows", "size", "files")))
