"""Manifests: the trees of data-file entries, and how entries are stored.

Columns of a leaf: ``path``, ``token``, ``guard``, ``schema`` (file schema id, 32 bytes),
``size``, ``rows``, ``part.N`` (encoded value of the Nth partition column), and by field id
F: ``nulls.F``, ``nans.F``, ``low.F``, ``high.F`` (encoded bounds), ``exact.F`` (1 or NULL).
``unsound`` are field ids in ASCII, with commas between them, or NULL. Of file sets, ``blobs`` is
the id (32 bytes) of the list of contents, ``elsewhere`` how many of them are not the catalog's.
``of`` is what stands for the files that one was put together from (16 bytes), or NULL.
Leaves are of kind ``files`` and sorted by partition values, then path.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat

from catalog.errors import CorruptData
from catalog.model.datafile import BlobList, ColumnStats, DataFile, may_lie_at
from catalog.model.ids import excerpt
from catalog.model.partition import Partition
from catalog.model.same_rows import STANDING_BYTES
from catalog.model.values import sort_key, stored_sort_key
from catalog.repository import columnar
from catalog.repository.columnar import Columns
from catalog.repository.entry_stats import NodeStats
from catalog.repository.index import Summary, value_range
from catalog.repository.pack import Place

KIND = "files"

_FIELD_IDS = re.compile(rb"[1-9][0-9]{0,9}(,[1-9][0-9]{0,9})*")


class DataFileRows:
    """Sorts, stores and sums up data-file entries; see ``tree.RowKind``."""

    name = KIND
    points = False

    def __init__(self, partition_columns: int, fields: Iterable[int] | None = None) -> None:
        """Takes how many partition columns there are, and whose statistics to read: None: all."""
        self._partition_columns = partition_columns
        self._fields = fields

    def key(self, row: DataFile) -> bytes:
        """Returns the sort key of an entry."""
        return sort_key(row.partition, row.path)

    def to_columns(self, rows: Sequence[DataFile]) -> Columns:
        """Returns entries as columns."""
        columns = {
            "path": columnar.byte_strings([r.path.encode() for r in rows]),
            "token": columnar.byte_strings([r.token.encode() for r in rows]),
            "guard": columnar.byte_strings([r.guard.encode() if r.guard else None for r in rows]),
            "schema": columnar.byte_strings([bytes.fromhex(r.file_schema) for r in rows]),
            "size": columnar.integers([r.size_bytes for r in rows]),
            "rows": columnar.integers([r.rows for r in rows]),
            "unsound": columnar.byte_strings([_listed(r.unsound) for r in rows]),
            **_blob_columns(rows),
            **_origin_columns(rows),
        }
        for n in range(self._partition_columns):
            columns[f"part.{n}"] = columnar.byte_strings([r.partition[n] for r in rows])
        unknown = ColumnStats()
        known = [dict(r.stats) for r in rows]
        for field in sorted({field for own in known for field in own}):
            stats = [own.get(field, unknown) for own in known]
            columns[f"nulls.{field}"] = columnar.integers([s.nulls for s in stats])
            columns[f"nans.{field}"] = columnar.integers([s.nans for s in stats])
            columns[f"low.{field}"] = columnar.byte_strings([s.low for s in stats])
            columns[f"high.{field}"] = columnar.byte_strings([s.high for s in stats])
            columns[f"exact.{field}"] = columnar.integers([1 if s.exact else None for s in stats])
        return columns

    def from_columns(self, columns: Columns) -> list[DataFile]:
        """Reads entries."""
        return self.read(columns, self._fields)

    def read(self, columns: Columns, fields: Iterable[int] | None) -> list[DataFile]:
        """Reads entries with the statistics of some fields; None means all.

        Reading few is several times as fast.

        Raises:
            CorruptData: A column that format 1 requires is missing.
        """
        paths, tokens = columnar.texts(columns, "path"), columnar.texts(columns, "token")
        schemas = columnar.node_ids(columns, "schema")
        sizes, rows = columnar.counts(columns, "size"), columnar.counts(columns, "rows")
        count = len(paths)
        guards = _guards(columns, count)
        for path, guard in zip(paths, guards, strict=True):
            if not may_lie_at(path, guard):
                raise CorruptData(
                    f"a table is said to have the file {excerpt(path)}, which it cannot have"
                )
        partitions = self._partitions(columns, count)
        stats = NodeStats(columns, count).of_entries(fields)
        unsound = map(_field_ids, columnar.optional(columns, "unsound", count))
        facts = (tokens, sizes, rows, partitions, schemas, guards, stats, unsound)
        return list(map(DataFile, paths, *facts, _blobs(columns, count), _origins(columns, count)))

    def totals(self, columns: Columns) -> Iterator[tuple[Partition, int, int, int]]:
        """Yields the partition of each entry, its rows, 1 for a file, and its size.

        Raises:
            CorruptData: A column that format 1 requires is missing.
        """
        sizes, rows = columnar.counts(columns, "size"), columnar.counts(columns, "rows")
        return zip(self._partitions(columns, len(sizes)), rows, repeat(1), sizes, strict=False)

    def keys(self, columns: Columns) -> list[bytes]:
        """Returns the sort keys of entries.

        Raises:
            CorruptData: A column that format 1 requires is missing.
        """
        paths = columnar.required(columns, "path").to_pylist()
        return list(map(stored_sort_key, self._partitions(columns, len(paths)), paths))

    def summarise(self, columns: Columns) -> Summary:
        """Sums entries up."""
        sizes = columns["size"].to_pylist()
        return Summary(
            sum(columns["rows"].to_pylist()),
            sum(sizes),
            len(sizes),
            tuple(value_range(part) for part in self._parts(columns, len(sizes))),
        )

    def _partitions(self, columns: Columns, count: int) -> list[tuple[bytes | None, ...]]:
        parts = self._parts(columns, count)
        return list(zip(*parts, strict=True)) if parts else [()] * count

    def _parts(self, columns: Columns, count: int) -> list[list[bytes | None]]:
        return [
            columnar.optional(columns, f"part.{n}", count) for n in range(self._partition_columns)
        ]

    def places(self, rows: Sequence[DataFile], placed: Mapping[str, Place]) -> Columns:
        """Returns nothing: entries point to no nodes."""
        return {}


def _listed(ids: Sequence[int]) -> bytes | None:
    return ",".join(map(str, ids)).encode() if ids else None


def _field_ids(stored: bytes | None) -> tuple[int, ...]:
    if stored is None:
        return ()
    if not _FIELD_IDS.fullmatch(stored):
        raise CorruptData(f"column 'unsound' of a node has {excerpt(stored)}")
    return tuple(map(int, stored.split(b",")))


def _blob_columns(rows: Sequence[DataFile]) -> Columns:
    """Returns the columns that only entries of file sets have a value in."""
    lists = [row.blobs for row in rows]
    if not any(lists):
        return {}
    return {
        "blobs": columnar.byte_strings([bytes.fromhex(one.id) if one else None for one in lists]),
        "elsewhere": columnar.integers([(one and one.elsewhere) or None for one in lists]),
    }


def _blobs(columns: Columns, count: int) -> list[BlobList | None]:
    if "blobs" not in columns:
        return [None] * count
    ids, elsewhere = (columnar.optional(columns, name, count) for name in ("blobs", "elsewhere"))
    if any(one is not None and len(one) != columnar.ID_BYTES for one in ids):
        raise CorruptData("column 'blobs' of a node holds what is not an id")
    if any(number is not None and number < 0 for number in elsewhere):
        raise CorruptData("column 'elsewhere' of a node has values below zero")
    pairs = zip(ids, elsewhere, strict=True)
    return [None if one is None else BlobList(one.hex(), number or 0) for one, number in pairs]


def _origin_columns(rows: Sequence[DataFile]) -> Columns:
    """Returns the column in which only files have a value that were put together from others."""
    if all(row.rows_of is None for row in rows):
        return {}
    return {"of": columnar.byte_strings([row.rows_of for row in rows])}


def _origins(columns: Columns, count: int) -> list[bytes | None]:
    if "of" not in columns:
        return [None] * count
    found = columnar.optional(columns, "of", count)
    if any(one is not None and len(one) != STANDING_BYTES for one in found):
        raise CorruptData("column 'of' of a node does not hold 16 bytes")
    return found


def _guards(columns: Columns, count: int) -> list[str | None]:
    try:
        return [g.decode() if g else None for g in columnar.optional(columns, "guard", count)]
    except UnicodeDecodeError as error:
        raise CorruptData("column 'guard' of a node is not UTF-8") from error
