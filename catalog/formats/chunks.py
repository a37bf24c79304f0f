"""Column chunks as footers describe them, checked for all that Arrow would end the process on."""

from collections.abc import Sequence
from typing import Any

from catalog.dataclasses import dataclass
from catalog.formats.thrift import Fields
from catalog.model.ids import excerpt

_BOOLEAN, _INT32, _INT64, _INT96, _FLOAT, _DOUBLE, _BYTE_ARRAY, _FIXED = range(8)
_WIDTHS = {_BOOLEAN: 1, _INT32: 4, _INT64: 8, _INT96: 12, _FLOAT: 4, _DOUBLE: 8}
_CODECS = range(8)
_ENCODINGS = frozenset((0, 2, 3, 4, 5, 6, 7, 8, 9))
_PAGES = range(4)
_BOUNDS = (1, 2, 5, 6)
"""Fields of a chunk's statistics that hold a bound."""


class Damaged(ValueError):
    """What is wrong with a footer."""


class EncryptedColumn(Damaged):
    """A column that would be encrypted, if the file said by which algorithm."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of plain values, as a footer describes it.

    Attributes:
        kind: Number of its physical type.
        length: Bytes of a value of fixed length; 0 for other types.
        definition: Its greatest definition level.
        repetition: Its greatest repetition level: 0 outside lists and maps.
    """

    path: tuple[str, ...]
    kind: int
    length: int
    definition: int
    repetition: int

    @property
    def name(self) -> str:
        """Returns its path as text, for messages."""
        return repr(".".join(self.path))[1:-1]


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group: its rows, and per leaf the fields of ``ColumnMetaData``."""

    rows: int
    chunks: Sequence[Fields]


def row_group(group: object, leaves: Sequence[Leaf], size: int) -> RowGroup:
    """Returns a row group of a file of a size.

    Raises:
        Damaged: It cannot be one.
    """
    if not isinstance(group, dict):
        raise Damaged("a row group is missing")
    chunks = list_of(group, 1)
    if len(chunks) != len(leaves):
        raise Damaged(f"a row group has {len(chunks)} columns, the schema {len(leaves)}")
    metas = [_chunk(chunk, leaf, size) for chunk, leaf in zip(chunks, leaves, strict=True)]
    rows = integer(group, 3)
    for meta, leaf in zip(metas, leaves, strict=True):
        if not leaf.repetition and meta[5] != rows:
            raise Damaged(f"column {leaf.name} has {meta[5]} values in a row group of {rows} rows")
    return RowGroup(rows, metas)


def _chunk(chunk: object, leaf: Leaf, size: int) -> Fields:
    """Returns the fields of the metadata of a column chunk after checking them."""
    if not isinstance(chunk, dict):
        raise Damaged(f"column {leaf.name} is missing from a row group")
    if 8 in chunk or 9 in chunk:
        raise EncryptedColumn(leaf.name)
    if 1 in chunk:
        raise Damaged(f"column {leaf.name} is kept in another file")
    meta = chunk.get(3)
    if not isinstance(meta, dict):
        raise Damaged(f"column {leaf.name} has no metadata in a row group")
    if meta.get(1) != leaf.kind:
        raise Damaged(f"column {leaf.name} has another type in a row group than in the schema")
    if meta.get(4) not in _CODECS:
        raise Damaged(f"column {leaf.name} is compressed by codec {meta.get(4)}, unknown here")
    encodings = list_of(meta, 2)
    if not _ENCODINGS.issuperset(encodings):
        raise Damaged(f"column {leaf.name} has encodings {encodings}, some unknown here")
    if 13 in meta:
        _check_pages(list_of(meta, 13), leaf)
    values, start = integer(meta, 5), integer(meta, 9)
    stored = integer(meta, 7)
    dictionary = integer(meta, 11, default=start)
    if (values and max(start, dictionary) >= size) or stored > size:
        raise Damaged(f"column {leaf.name} would be outside the file")
    stats = meta.get(12)
    if stats is not None:
        _check_statistics(stats, leaf)
    sizes = meta.get(16)
    if sizes is not None:
        _check_sizes(sizes, leaf)
    return meta


def _check_pages(pages: Sequence[object], leaf: Leaf) -> None:
    """Checks how many pages of which kind and encoding there are said to be."""
    for one in pages:
        known = isinstance(one, dict) and one.get(1) in _PAGES and one.get(2) in _ENCODINGS
        if not known:
            raise Damaged(f"column {leaf.name} has pages of kinds or encodings unknown here")


def _check_statistics(stats: object, leaf: Leaf) -> None:
    if not isinstance(stats, dict):
        raise Damaged(f"column {leaf.name} has statistics of no known form")
    width = _WIDTHS.get(leaf.kind)
    for number in _BOUNDS:
        if number in stats:
            bound = stats[number]
            if not isinstance(bound, bytes) or (width is not None and len(bound) != width):
                raise Damaged(f"column {leaf.name} has statistics of another size than its type")


def _check_sizes(sizes: object, leaf: Leaf) -> None:
    """Checks statistics of the sizes of values, and of how often each level occurs."""
    if not isinstance(sizes, dict):
        raise Damaged(f"column {leaf.name} has statistics of no known form")
    for number, most in ((2, leaf.repetition), (3, leaf.definition)):
        levels = sizes.get(number)
        if levels and (not isinstance(levels, list) or len(levels) != most + 1):
            raise Damaged(f"column {leaf.name} has statistics of other levels than its own")
    if 1 in sizes and leaf.kind != _BYTE_ARRAY:
        raise Damaged(f"column {leaf.name} has statistics of another type")


def integer(fields: Fields, number: int, *, default: int | None = None) -> int:
    """Returns a field that must be a number from 0."""
    found = fields.get(number, default)
    if type(found) is not int or not 0 <= found < 1 << 63:
        raise Damaged(f"its footer has {excerpt(found)} where a number is expected")
    return found


def list_of(fields: Fields, number: int) -> list[Any]:
    """Returns a field that must be a list."""
    found = fields.get(number)
    if not isinstance(found, list):
        raise Damaged("its footer lacks a list")
    return found
