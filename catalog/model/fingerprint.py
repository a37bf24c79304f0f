"""Fingerprints: what is known about the contents of a data file without opening it."""

from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

from catalog.dataclasses import dataclass, field

BLOCK_ROWS = 65_536
"""Rows of a block: few enough to locate a change closely, many enough that the digests of a file
stay far smaller than its footer."""

ALGORITHM = "blocks-7:xxh3-128"
"""Names how digests and summaries are computed; fingerprints of other algorithms are ignored."""


ROW_DIGEST_ALGORITHM = "rows-2:64"
"""Names how digests of rows are computed; those of other algorithms are ignored."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Facts about the keys of a data file.

    Attributes:
        nulls: Rows with NULL in the key.
        duplicates: Rows that share their key with another row of the file.
        low: Sort key at or below that of every row; None if unknown.
        high: Sort key at or above that of every row; None if unknown.
        ordered: Whether every key is above that of the row before, NULL in none of them.
    """

    nulls: int
    duplicates: int
    low: bytes | None = None
    high: bytes | None = None
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """Statistics of a column of a data file, in the type that it has in the file.

    Attributes:
        nulls: Rows that are NULL.
        nans: Rows that are NaN.
        low: The least value, encoded (see ``values``); None if there is none, or it was not
            computed.
        high: The greatest value, NaN above all.
        total: The sum of finite numbers; None if it was not computed.
        slack: How far the sum may be from the true one; 0 for all but floats.
        negative_zeros: Whether a float is -0.0, which digests take for 0.0; None if that is not
            known.
    """

    nulls: int
    nans: int = 0
    low: bytes | None = None
    high: bytes | None = None
    total: Fraction | None = None
    slack: Fraction = Fraction(0)
    negative_zeros: bool | None = None


@dataclass(frozen=True, slots=True)
class StoredColumns:
    """Facts about the columns of a data file that need no decoding.

    Attributes:
        stored: By field id, a digest of 16 bytes over the column as it is stored: where two are
            equal, so are all values. Not computed for remote files.
        encoded: By field id, the same over decompressed values; for key and text columns, and for
            others where it was of use: computing it saves little over decoding.
        writer: The program that wrote the file, as the file says; empty if unknown.
    """

    stored: Mapping[int, bytes] = field(default_factory=dict)
    encoded: Mapping[int, bytes] = field(default_factory=dict)
    writer: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of comparing the statistics of a column in a footer with its values.

    Attributes:
        claims: A digest of those statistics.
        contradiction: What of them is wrong, for people; empty if nothing is.
    """

    claims: bytes
    contradiction: str


class StoredChunk(NamedTuple):
    """How a file of one row group stores a column that is not nested.

    Attributes:
        element: What the file's schema says of the column, as its footer has it.
        place: Where the column lies; see ``formats.joined_columns``.
    """

    element: bytes
    place: bytes


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The contents of a data file as read through its file schema.

    Attributes:
        rows: Rows of the file.
        columns: By field id, a digest of 16 bytes for every block of rows, in order, over
            canonical values: equal digests mean equal values in order.
            Columns without digests can be equal or not.
        key: Facts about the keys; None for a table without a key.
        summaries: By field id, statistics of the columns that were read.
        row_sum: Sum over all rows of 128 bits each, made of their digests, modulo 2**128: files, or
            sets of files, of equal sums hold the same rows in any order, if all give their columns
            the same names. None if it was not computed: for rows in the order of their key without
            digests, and where digests do not hold all columns.
        stored: This, ``encoded`` and ``writer`` are as in ``StoredColumns``.
        verdicts: By field id, whether statistics in the footer agree with the values; empty for
            files that were never part of a snapshot's source.
        chunks: By field id, how the file stores the column, where that is kept.
    """

    rows: int
    columns: Mapping[int, tuple[bytes, ...]]
    key: KeyRecord | None = None
    summaries: Mapping[int, ColumnSummary] = field(default_factory=dict)
    row_sum: int | None = None
    stored: Mapping[int, bytes] = field(default_factory=dict)
    encoded: Mapping[int, bytes] = field(default_factory=dict)
    writer: str = ""
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    chunks: Mapping[int, StoredChunk] = field(default_factory=dict, compare=False)

    @property
    def unread(self) -> frozenset[int]:
        """Returns the field ids of columns of which only stored bytes are known."""
        return frozenset(self.stored.keys() - self.summaries.keys())


def stored_alike(
    one: StoredColumns | Fingerprint,
    field_id: int,
    other: StoredColumns | Fingerprint,
    other_id: int,
) -> bool:
    """Returns whether the stored bytes of columns of two files show equal values in order."""
    mine = one.stored.get(field_id)
    if mine is not None and mine == other.stored.get(other_id):
        return True
    mine = one.encoded.get(field_id)
    return mine is not None and mine == other.encoded.get(other_id)
