"""What a fingerprint records of one column, put together block by block."""

import pyarrow as pa

from catalog.dataclasses import dataclass
from catalog.diff.fingerprints.canonical import Block
from catalog.diff.fingerprints.canonical import block as canonical_block
from catalog.diff.fingerprints.claims import ClaimCheck
from catalog.diff.fingerprints.column_reader import has_day_zero
from catalog.diff.fingerprints.summary import BlockSummary, Summing
from catalog.formats.bounds import Claims
from catalog.model.schema import PhysicalColumn


@dataclass(frozen=True, slots=True)
class ColumnBlock:
    """What there is to know of a block of a column: the same for every file that holds it.

    Attributes:
        rows: The values.
        canonical: Their digest, and their canonical values.
        summary: What they add to the column's summary.
        agreed: Whether Arrow reads them as the engine does.
    """

    rows: pa.Array
    canonical: Block
    summary: BlockSummary
    agreed: bool


class ColumnFacts:
    """What a fingerprint records of one column.

    Attributes:
        field_id: The column's.
        agreed: Whether Arrow reads the column as the engine does; if not, only NULLs count.
            Of one of timestamps in 96 bits, ``int96``, that shows as they come.
        check: Compares its values with what the footer claims; None if it claims nothing.
        digests: The digests of the blocks; None if one of them has none.
        sum: What all blocks sum up to.
    """

    def __init__(
        self,
        column: PhysicalColumn,
        *,
        agreed: bool = True,
        int96: bool = False,
        claims: Claims | None = None,
    ) -> None:
        self.field_id = column.field_id
        self.agreed = agreed
        self.digests: list[bytes] | None = []
        self.sum = Summing(column.type)
        self.check = ClaimCheck(claims, column.type) if claims is not None and agreed else None
        self._kind = column.type
        self._int96 = int96

    def like(self, other: "ColumnFacts") -> bool:
        """Returns whether equal blocks are known to say the same of both columns."""
        plain = self.agreed and other.agreed and not (self._int96 or other._int96)
        return plain and self._kind == other._kind

    def look(self, rows: pa.Array) -> ColumnBlock:
        """Returns what there is to know of the next block."""
        agreed = self.agreed and not (self._int96 and has_day_zero(rows))
        canonical = canonical_block(rows) if agreed else Block(None, rows.null_count)
        summary = self.sum.summary_of(canonical, len(rows))
        return ColumnBlock(rows, canonical, summary, agreed)

    def add(self, found: ColumnBlock) -> None:
        """Adds the next block."""
        self.agreed = self.agreed and found.agreed
        self.sum.add(found.summary)
        if self.check is not None:
            self.check.add(found.rows, found.canonical, found.summary.claimed)
        if found.canonical.digest is None:
            self.digests = None
        elif self.digests is not None:
            self.digests.append(found.canonical.digest)
