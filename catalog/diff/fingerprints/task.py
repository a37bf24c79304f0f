"""A task that computes what is missing of a file's fingerprint, wherever it is run."""

from collections.abc import Sequence

from catalog.dataclasses import dataclass, replace
from catalog.diff.fingerprints.compute import compute
from catalog.diff.fingerprints.keyed_file import KeyedFile
from catalog.diff.fingerprints.row_digester import RowWords
from catalog.diff.fingerprints.row_rule import has_row_digests
from catalog.model.fingerprint import Fingerprint, StoredColumns
from catalog.repository.datafiles import readable
from catalog.repository.fingerprints import Fingerprints
from catalog.repository.row_digests import RowDigests
from catalog.storage.reopening import Opening, finish_writes, opening_of
from catalog.storage.store import ObjectStore


@dataclass(frozen=True, slots=True)
class PrintsTask:
    """Computes the fingerprint of a file, and stores it; a task of an executor that travels.

    Attributes:
        store: The store of the catalog, or how it is opened.
        keyed: The file.
        like: Fingerprints of files that may store columns alike.
        known: What is known of how the file stores its columns.
        needed: Field ids of the columns that must be read; None means all.
    """

    store: ObjectStore | Opening
    keyed: KeyedFile
    like: Sequence[Fingerprint]
    known: StoredColumns | None
    needed: set[int] | None

    @property
    def size_bytes(self) -> int:
        """Returns the size of the file."""
        return self.keyed.file.size_bytes

    def packed(self) -> "PrintsTask | None":
        """Returns the task as a value; None if only this process reaches the store."""
        opening = self.store if isinstance(self.store, Opening) else opening_of(self.store)
        return None if opening is None else replace(self, store=opening, like=tuple(self.like))

    def cancel(self) -> None:
        """Does nothing: a file takes little time, and its fingerprint serves later."""

    def run(self) -> Fingerprint:
        """Computes the fingerprint.

        Raises:
            CorruptData: The file cannot be read.
        """
        store = self.store.open() if isinstance(self.store, Opening) else self.store
        keyed, rows = self.keyed, list[RowWords]()
        with_rows = has_row_digests(keyed.table, keyed.file)
        made = compute(
            readable(store, keyed.file),
            keyed,
            self.like,
            known=self.known,
            needed=self.needed,
            digests="kept" if with_rows else "summed",
            take_rows=rows.append if with_rows else None,
        )
        keep(store, keyed, made, rows)
        if isinstance(self.store, Opening):
            finish_writes(store)
        return made


def keep(
    store: ObjectStore,
    keyed: KeyedFile,
    made: Fingerprint,
    rows: Sequence[RowWords] = (),
    *,
    gathered: str = "",
) -> None:
    """Stores the fingerprint of a file, and the digests of its rows, if there are any.

    Args:
        store: The store of the catalog.
        keyed: The file.
        made: Its fingerprint.
        rows: What the digests of its rows are.
        gathered: Names the object that is to have the fingerprints of other files, too.
    """
    Fingerprints(store).keep(keyed.file, keyed.key, made, gathered=gathered)
    for one in rows:
        RowDigests(store).keep(keyed.table, keyed.file, one.words.data, held=one.held)
