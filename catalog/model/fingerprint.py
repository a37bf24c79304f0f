"""Fingerprints: what is known of the contents of a data file without opening it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

BLOCK_ROWS = 65_536
"""Rows of a block: few enough that a change is found closely, many enough that the digests of
a file stay far smaller than its footer."""

ALGORITHM = "blocks-4:xxh3-128"
"""Names how digests and summaries are made; a fingerprint of another algorithm is as good as
none."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """Tells of the keys of a data file.

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
    """Sums up a column of a data file, in the type that the file has for it.

    Attributes:
        nulls: Rows that are NULL.
        nans: Rows that are NaN.
        low: The least value, encoded (see ``values``); None if there is none, or it was not
            looked for.
        high: The greatest value, NaN above all.
        total: The sum of finite numbers; None if it was not taken.
        slack: How far the sum may be from the true one; 0 for all but floats.
    """

    nulls: int
    nans: int = 0
    low: bytes | None = None
    high: bytes | None = None
    total: Fraction | None = None
    slack: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class StoredColumns:
    """Tells of the columns of a data file without decoding them.

    Attributes:
        stored: By field id, a digest of 16 bytes over the column as it is stored: where two are
            equal, so are all values. None are taken of files that lie elsewhere.
        encoded: By field id, the same over values out of their compression; for key columns and
            those of text, for others where it was of use: taking it saves little over decoding.
        writer: Who wrote the file, as it says; empty if that is not known any more.
    """

    stored: Mapping[int, bytes] = field(default_factory=dict)
    encoded: Mapping[int, bytes] = field(default_factory=dict)
    writer: str = ""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Describes the contents of a data file as read through its file schema.

    Attributes:
        rows: Rows of the file.
        columns: By field id, a digest of 16 bytes for every block of rows, in order, over
            canonical values: digests that are equal mean values that are equal in order.
            Columns without digests can be equal or not.
        key: What is known of the keys; None for a table without a key.
        summaries: By field id, what columns sum up to; of columns that were not read, nothing.
        row_sum: Sum over all rows of 128 bits each, modulo 2**128: files, or sets of files, of
            equal sums hold the same rows in whatever order. None if it was not taken: for rows
            in the order of their key, and types without canonical form.
        stored: As in ``StoredColumns``.
        encoded: The same.
        writer: The same.
        keyed: By field id, digests as in ``columns``, of the rows brought into the order of their
            key. None where rows lie in that order, see ``by_key``; nor of files that were never
            read, lie elsewhere, are very large, or have keys that give no order.
    """

    rows: int
    columns: Mapping[int, tuple[bytes, ...]]
    key: KeyRecord | None = None
    summaries: Mapping[int, ColumnSummary] = field(default_factory=dict)
    row_sum: int | None = None
    stored: Mapping[int, bytes] = field(default_factory=dict)
    encoded: Mapping[int, bytes] = field(default_factory=dict)
    writer: str = ""
    keyed: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)

    @property
    def by_key(self) -> Mapping[int, tuple[bytes, ...]]:
        """Returns digests of the rows in the order of their key, by field id.

        Files whose key columns have equal ones hold the same keys, and a column with equal ones
        the same value for each of them. Columns without can be equal or not.
        """
        return self.columns if self.key is not None and self.key.ordered else self.keyed

    @property
    def unread(self) -> frozenset[int]:
        """Returns the field ids of columns of which only is known how they are stored."""
        return frozenset(self.stored.keys() - self.summaries.keys())


def stored_alike(
    one: StoredColumns | Fingerprint,
    field_id: int,
    other: StoredColumns | Fingerprint,
    other_id: int,
) -> bool:
    """Tells whether the stored bytes of columns of two files show equal values in order.

    Args:
        one: What is known of a file.
        field_id: Its column.
        other: What is known of another.
        other_id: Its column.
    """
    sides = ((one.stored, other.stored), (one.encoded, other.encoded))
    pairs = ((mine.get(field_id), theirs.get(other_id)) for mine, theirs in sides)
    return any(mine is not None and mine == theirs for mine, theirs in pairs)
