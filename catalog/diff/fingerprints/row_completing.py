"""Digests of rows that are missing: computed from a file, or from those of one much like it."""

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from catalog.dataclasses import replace
from catalog.diff.fingerprints.column_reader import FileColumns, opened
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.mixing import Words
from catalog.diff.fingerprints.reuse import alike, looked_at
from catalog.diff.fingerprints.row_digest import row_sum
from catalog.diff.fingerprints.row_digester import RowDigester, RowWords
from catalog.diff.fingerprints.row_rule import MOST_ROWS
from catalog.engine.arrow_arrays import zeros
from catalog.formats.footer import ParquetSource
from catalog.model.datafile import DataFile
from catalog.model.fingerprint import BLOCK_ROWS, Fingerprint, StoredColumns
from catalog.model.table import TableSnapshot
from catalog.repository.datafiles import local_path, readable
from catalog.repository.row_digests import KeptDigests, RowDigests
from catalog.storage.store import ObjectStore

CHANGED_SHARE = 0.4
"""Share of the columns up to which those that changed are read of both files."""


def complete_row_digests(
    store: ObjectStore, table: TableSnapshot, file: DataFile
) -> KeptDigests | None:
    """Returns the digests of a file's rows, which are computed and kept if they are missing.

    Where nothing can be written, they are held in memory.

    Returns:
        The digests; None for files that have none: Arrow cannot decode them, or they are too large.

    Raises:
        CorruptData: The file cannot be read, or holds other rows than its entry says.
    """
    digests = RowDigests(store)
    found = digests.read(table, file)
    if found is not None or file.rows > MOST_ROWS:
        return found
    made = row_words(readable(store, file), KeyedFile(table, file, table.key))
    if made is None:
        return None
    return digests.keep(table, file, made.words.data, held=made.held)


def row_words(source: ParquetSource, keyed: KeyedFile) -> RowWords | None:
    """Computes the digests of a file's rows.

    Returns:
        The digests, in which columns are left out that have a value without a hash; None if the
        file has other rows than its entry says.

    Raises:
        CorruptData: The file cannot be read.
    """
    left_out: set[str] = set()
    while True:
        with opened(source, keyed) as file:
            if file.rows != keyed.file.rows:
                return None
            digester = RowDigester(
                keyed.columns,
                partition_by=keyed.table.partition_by,
                file=file,
                left_out=left_out,
            )
            held = set(digester.held)
            places = [n for n, column in enumerate(keyed.columns) if column.field_id in held]
            words = _summed(file, places, digester)
        found = digester.finish([words])
        if found is not None:
            return found
        left_out |= digester.failed


def _summed(file: FileColumns, places: Sequence[int], digester: RowDigester) -> Words:
    """Returns the digests that some columns add up to; it is of no use if a column failed."""
    words = zeros(file.rows)
    start = 0
    for batch in file.batches(places, rows=BLOCK_ROWS) if places else ():
        sums = words[start : start + batch.num_rows]
        for place, column in zip(places, batch.columns, strict=True):
            digester.add(sums, file.columns[place].field_id, column.combine_chunks())
        digester.settle(sums)
        start += batch.num_rows
        if digester.failed:
            break
    return words


def words_like(
    store: ObjectStore,
    source: str,
    keyed: KeyedFile,
    *,
    stored: StoredColumns,
    donors: Iterable[tuple[DataFile, Fingerprint]],
) -> RowWords | None:
    """Returns the digests of a file's rows from those of another file that stores most of it alike.

    Only the columns in which they differ are read, of both.

    Args:
        store: Where the digests of other files are kept.
        source: The file.
        keyed: What it is.
        stored: How its columns are stored.
        donors: Files with as many rows in its partition, and their fingerprints.

    Returns:
        The digests; None if there is no such file.

    Raises:
        CorruptData: The file cannot be read.
    """
    laid_alike = [one for one in donors if one[0].file_schema == keyed.file.file_schema]
    if not laid_alike:
        return None
    donor, prints = max(laid_alike, key=lambda one: len(alike(stored, one[1])))
    same = alike(stored, prints)
    by = keyed.table.partition_by
    changed = [
        n
        for n, column in enumerate(keyed.columns)
        if column.field_id not in same and column.field_id not in by
    ]
    if len(changed) > CHANGED_SHARE * len(keyed.columns):
        return None
    kept = RowDigests(store).read(keyed.table, donor)
    content = None if kept is None else kept.words()
    if kept is None or content is None:
        return None
    words = np.frombuffer(content, np.dtype("<u8")).astype(np.uint64)
    if not changed:
        return RowWords(words, kept.held)
    other = KeyedFile(keyed.table, donor, keyed.key)
    path = local_path(store, donor)
    if path is None or looked_at(path, other).stored != prints.stored:
        return None  # it is no longer what it was
    names = {keyed.columns[n].name for n in changed}
    before = _part(path, other, changed, held=kept.held & names)
    after = _part(source, keyed, changed, held=None)
    if before is None or after is None:
        return None
    words -= before.words
    words += after.words
    return RowWords(words, (kept.held - names) | after.held)


def _part(
    source: str, keyed: KeyedFile, places: Sequence[int], *, held: Collection[str] | None
) -> RowWords | None:
    """Returns what some columns add to the digests of rows; None if they are not as expected."""
    columns = [keyed.columns[place] for place in places]
    with opened(source, keyed) as file:
        if file.rows != keyed.file.rows:
            return None
        digester = RowDigester(columns, partition_by=keyed.table.partition_by, file=file)
        found = digester.finish([_summed(file, places, digester)])
    return found if found is not None and held in (None, found.held) else None


def with_row_sum(prints: Fingerprint, keyed: KeyedFile, rows: RowWords) -> Fingerprint:
    """Returns a fingerprint with the sum over its rows, if their digests hold all columns."""
    by = keyed.table.partition_by
    names = [column.name for column in keyed.columns if column.field_id not in by]
    whole = len(names) == len(rows.held) and rows.held.issuperset(names)
    return replace(prints, row_sum=row_sum(rows.words) if whole else None)
