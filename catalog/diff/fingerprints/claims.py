"""What a footer claims about the values of a column, compared with the values as they are read."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from catalog.diff.fingerprints.canonical import Block, Fixed
from catalog.diff.fingerprints.canonical import block as canonical_block
from catalog.diff.fingerprints.summary import EncodedEdges, encoded_edges
from catalog.diff.fingerprints.text import byte_edges
from catalog.engine.arrow_arrays import from_numpy
from catalog.formats.bounds import ITEMS, Claim, Claims
from catalog.model.fingerprint import Fingerprint, Verdict
from catalog.model.types import DataType, Scalar

BOUNDS = "bounds that leave values out"


def unproved(known: Fingerprint, claims: Mapping[int, Claims]) -> set[int]:
    """Returns the field ids of columns of which it is not known whether claims are right."""
    return {
        field_id
        for field_id, said in claims.items()
        if field_id not in known.verdicts or known.verdicts[field_id].claims != said.digest
    }


class ClaimCheck:
    """Compares what a footer claims of a column, row group by row group, with its values."""

    def __init__(self, claims: Claims, kind: DataType, path: Sequence[int] = ()) -> None:
        self._claims = claims
        self._kind = kind
        self._path = path
        self._leaves = [ClaimCheck(one.claims, one.kind, one.path) for one in claims.leaves]
        self._groups = iter(claims.groups)
        self._group: Claim | None = next(self._groups, None)
        self._rows = self._nulls = 0
        self._contradiction = claims.fault

    def add(self, rows: pa.Array, block: Block, edges: EncodedEdges | None) -> None:
        """Adds a block of rows, of which a summary has found the least and greatest value."""
        for leaf in self._leaves:
            leaf.add(rows, block, None)
        if self._contradiction or not isinstance(self._kind, Scalar):
            return
        for claim, start, length in self._parts(len(rows)):
            if self._path:
                part = _values(rows.slice(start, length), self._path)
                inner = canonical_block(part)
                nulls, fixed, known = inner.nulls, inner.fixed, None
            elif length == len(rows):
                part, nulls, fixed, known = rows, block.nulls, block.fixed, edges
            else:
                part = rows.slice(start, length)
                nulls, known = part.null_count, None
                fixed = _cut(block.fixed, start, length)
            self._check(claim, part, nulls, fixed=fixed, edges=known)

    def verdict(self) -> Verdict:
        """Returns what was found."""
        inner = (leaf.verdict().contradiction for leaf in self._leaves)
        return Verdict(self._claims.digest, self._contradiction or next(filter(None, inner), ""))

    def _parts(self, rows: int) -> Iterator[tuple[Claim, int, int]]:
        """Yields how a block is cut by row groups: the claim, the first row and how many."""
        start = 0
        while start < rows and self._group is not None:
            length = min(rows - start, self._group.rows - self._rows)
            yield self._group, start, length
            start += length
            self._rows += length
            if self._rows == self._group.rows:
                self._end(self._group)
                self._group = next(self._groups, None)
                self._rows = self._nulls = 0

    def _end(self, claim: Claim) -> None:
        if claim.nulls is not None and claim.nulls != self._nulls:
            self._contradiction = f"{claim.nulls:,} NULLs instead of {self._nulls:,}"

    def _check(
        self,
        claim: Claim,
        part: pa.Array,
        nulls: int,
        *,
        fixed: Fixed | None,
        edges: EncodedEdges | None,
    ) -> None:
        self._nulls += nulls
        if nulls == len(part) or (claim.low is None and claim.high is None):
            return
        assert isinstance(self._kind, Scalar), "others have no claims"
        if fixed is not None:
            edges = edges or encoded_edges(fixed, self._kind)
            if edges is not None and _outside(claim, edges):
                self._contradiction = BOUNDS
            return
        found = byte_edges(part, used=False)
        if found is not None and _outside(claim, found):
            found = byte_edges(part, used=True)
            if found is not None and _outside(claim, found):
                self._contradiction = BOUNDS


def _values(rows: pa.Array, path: Sequence[int]) -> pa.Array:
    """Returns the values at a path in a nested column; those of a NULL struct are NULL."""
    steps = iter(path)
    for step in steps:
        if isinstance(rows.type, pa.BaseExtensionType):
            rows = rows.storage
        if pa.types.is_map(rows.type):  # of a part, Arrow would return the entries of the whole
            own = rows.take(from_numpy(np.arange(len(rows))))
            rows = own.items if next(steps) else own.keys
        else:
            rows = rows.flatten() if step == ITEMS else rows.flatten()[step]
    return rows


def _outside(claim: Claim, edges: tuple[bytes | None, bytes | None]) -> bool:
    low, high = edges
    below = claim.low is not None and low is not None and low < claim.low
    return below or (claim.high is not None and high is not None and high > claim.high)


def _cut(fixed: Fixed | None, start: int, length: int) -> Fixed | None:
    if fixed is None:
        return None
    rows = slice(start, start + length)
    valid = None if fixed.valid is None else fixed.valid[rows]
    return Fixed(fixed.tag, valid, fixed.values[rows])
