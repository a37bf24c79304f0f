"""Fingerprints of many small files that come together, kept in one object beside their own."""

from collections.abc import Mapping, Sequence

from catalog.dataclasses import replace
from catalog.diff.fingerprints.completing import TakenFrom
from catalog.errors import CatalogError
from catalog.formats.footer import read_checked, source_label
from catalog.formats.joined_columns import stored_chunks
from catalog.model.datafile import DataFile, Identity
from catalog.model.fingerprint import Fingerprint, StoredChunk
from catalog.model.table import TableSnapshot
from catalog.repository.gathered import MOST_COLUMNS, Gathered, gathered_name, gatherings
from catalog.storage.store import ObjectStore


class Gathering:
    """Gathers the fingerprints of files that a table gets; threads may share it.

    ``sources`` say where files are read, by their paths in the catalog; without, nothing is
    gathered: files that the catalog writes itself are rarely as many.
    """

    def __init__(
        self,
        store: ObjectStore,
        table: TableSnapshot,
        files: Sequence[DataFile],
        *,
        sources: Mapping[str, TakenFrom],
    ) -> None:
        self._store = store
        self._sources = sources
        self._table = table
        self._names: dict[Identity, str] = {}
        self._prints: dict[Identity, Fingerprint] = {}
        if len(table.schema.fields) <= MOST_COLUMNS:
            for part in gatherings([file for file in files if file.path in sources]):
                found = [file.identity for file in part]
                self._names |= dict.fromkeys(found, gathered_name(found, table.key))

    def name(self, file: DataFile) -> str:
        """Returns the name of the object that is to have a file's fingerprint; empty if none."""
        return self._names.get(file.identity, "")

    def add(self, file: DataFile, prints: Fingerprint) -> None:
        """Adds the fingerprint of a file."""
        if file.identity in self._names:
            chunks = self._chunks(file, self._sources[file.path])
            self._prints[file.identity] = replace(prints, chunks=chunks)

    def keep(self) -> None:
        """Keeps what was gathered."""
        objects: dict[str, dict[Identity, Fingerprint]] = {}
        for identity, name in self._names.items():
            objects.setdefault(name, {})[identity] = self._prints[identity]
        for prints in objects.values():
            Gathered(self._store).keep(prints, self._table.key)

    def _chunks(self, file: DataFile, source: TakenFrom) -> Mapping[int, StoredChunk]:
        """Returns how a local file stores its columns, by field id."""
        opened = source.opened()
        if not isinstance(opened, str):
            return {}
        try:
            footer, _ = read_checked(opened, source_label(source.name))
        except CatalogError:  # it was read just now; whatever came in between is told elsewhere
            return {}
        found = stored_chunks(footer) or ()
        columns = self._table.file_schemas[file.file_schema].columns
        if len(found) != len(columns):
            return {}
        pairs = zip(columns, found, strict=True)
        return {column.field_id: one for column, one in pairs if one is not None}
