"""Files of the same rows: those that were put together from others, and the others.

What stands for a file is a number of 128 bits: of an ordinary one it is made of its identity, of
one that was put together it is the sum of those that it was made of, modulo 2**128. So files, or
sets of files, of equal sums have the same rows, however often they were put together since.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set

from catalog.model.datafile import DataFile
from catalog.model.ids import canonical_json
from catalog.model.schema import FileSchema

STANDING_BYTES = 16
"""Bytes of what stands for files."""

ALGORITHM = "rows-of-1"
"""Names how it is made."""

_MODULUS = 1 << (8 * STANDING_BYTES)


def standing(file: DataFile) -> int:
    """Returns what stands for the rows of a file."""
    if file.rows_of is not None:
        return int.from_bytes(file.rows_of)
    partition = [None if value is None else value.hex() for value in file.partition]
    about = canonical_json([ALGORITHM, file.token, partition, file.file_schema])
    return int.from_bytes(hashlib.sha256(about).digest()[:STANDING_BYTES])


def standing_of(files: Iterable[DataFile]) -> int:
    """Returns what stands for the rows of several files together."""
    return sum(map(standing, files)) % _MODULUS


def rows_of(files: Iterable[DataFile], *, without: Iterable[DataFile] = ()) -> bytes:
    """Returns what a file records that is put together from others.

    Where they become several files, each records a share, and all shares together are what stands
    for the others: ``without`` are those whose shares are taken already.
    """
    return ((standing_of(files) - standing_of(without)) % _MODULUS).to_bytes(STANDING_BYTES)


def regrouped(
    before: Sequence[DataFile],
    after: Sequence[DataFile],
    *,
    columns: Set[int],
    schemas: Mapping[str, FileSchema],
) -> tuple[Sequence[DataFile], Sequence[DataFile]]:
    """Returns those files of a partition, before and after, that have the same rows as a whole.

    It is all of one side and, of the other, all files, or those that were put together: other
    files may have come beside these. A column that a file does not hold may have been dropped when
    it was put together, and be there again: such a file stands for nothing but itself.

    Args:
        before: The files that only the older side has.
        after: Those that only the newer side has.
        columns: Field ids of the columns, partition columns aside, of both sides.
        schemas: The file schemas of both.
    """
    made = [[f for f in files if f.rows_of is not None] for files in (before, after)]
    if not before or not after or not (made[0] or made[1]):
        return (), ()
    held: dict[str, bool] = {}
    for file in (*made[0], *made[1]):
        known = held.get(file.file_schema)
        if known is None:
            there = {column.field_id for column in schemas[file.file_schema].columns}
            known = held[file.file_schema] = columns <= there
        if not known:
            return (), ()
    sums = standing_of(before), standing_of(after)
    if sums[0] == sums[1]:
        return before, after
    if made[1] and sums[0] == standing_of(made[1]):
        return before, made[1]
    if made[0] and standing_of(made[0]) == sums[1]:
        return made[0], after
    return (), ()
