"""Digests of the rows of a file in the making, block by block and column by column."""

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.canonical import Block, Fixed, TextBytes
from catalog.diff.fingerprints.column_reader import FileColumns
from catalog.diff.fingerprints.mixing import Words
from catalog.diff.fingerprints.row_digest import CellHasher, hash_kind, row_sum
from catalog.engine.arrow_arrays import zeros
from catalog.model.schema import PhysicalColumn
from catalog.model.types import Scalar


@dataclass(frozen=True, slots=True)
class RowWords:
    """The digests of a file's rows.

    Attributes:
        words: The digests, in the order of the file.
        held: The names in the file of the columns that they hold.
    """

    words: Words
    held: frozenset[str]


class RowDigester:
    """Forms the digests of rows that come in blocks.

    They hold the columns that Arrow reads as the engine does and whose values have a hash, all of
    one type throughout the file; partition columns are not among them, nor are columns of one name.

    Attributes:
        held: The columns that they hold, by field id.
        failed: Columns of which a value has no hash: digests of all rows have to leave them out.
    """

    def __init__(
        self,
        columns: Sequence[PhysicalColumn],
        *,
        partition_by: Collection[int],
        file: FileColumns | None = None,
        left_out: Collection[str] = (),
    ) -> None:
        inner = [column for column in columns if column.field_id not in partition_by]
        times = Counter(column.name for column in inner)
        usable = None if file is None else file.digestible
        self._inner = {column.field_id for column in inner}
        self.held = {
            column.field_id: CellHasher(column.name)
            for column in inner
            if isinstance(column.type, Scalar)
            and times[column.name] == 1
            and column.name not in left_out
            and (usable is None or column.field_id in usable)
        }
        self._names = {column.field_id: column.name for column in inner}
        self.failed: set[str] = set()
        self._due = np.uint64(0)

    def add(
        self,
        sums: Words,
        field_id: int,
        rows: pa.Array,
        known: Block | None = None,
    ) -> None:
        """Adds a block of a column to the digests of its rows, which ``settle`` completes.

        Args:
            sums: The digests so far.
            field_id: The column.
            rows: Its values.
            known: What a fingerprint needs of them, which saves bringing them into one form again.
        """
        hasher = self.held.get(field_id)
        if hasher is None or self.failed:
            return
        if hash_kind(rows.type) is None:
            del self.held[field_id]
            return
        values: Fixed | TextBytes | None = None
        if known is not None and not pa.types.is_dictionary(rows.type):
            values = known.fixed or known.text
        due = hasher.add(sums, rows, values)
        if due is None:
            self.failed.add(self._names[field_id])
        else:
            self._due = np.add(self._due, due, dtype=np.uint64)

    def settle(self, sums: Words) -> None:
        """Completes the digests of a block to which all columns were added.

        What columns add to every row is added once for all of them.
        """
        sums += self._due
        self._due = np.uint64(0)

    def finish(self, blocks: Sequence[Words]) -> RowWords | None:
        """Returns the digests of all rows; None if a column has to be left out of them."""
        if self.failed:
            return None
        words = blocks[0] if len(blocks) == 1 else zeros(sum(map(len, blocks)))
        if len(blocks) != 1:
            np.concatenate([words[:0], *blocks], out=words)
        return RowWords(words, frozenset(self._names[field_id] for field_id in self.held))

    @property
    def is_whole(self) -> bool:
        """Returns whether digests hold all columns, partition columns aside."""
        return not self.failed and self.held.keys() == self._inner

    def total(self, blocks: Sequence[Words]) -> int | None:
        """Returns the sum over all rows; None if it does not hold all columns."""
        return sum(map(row_sum, blocks)) % (1 << 128) if self.is_whole else None
