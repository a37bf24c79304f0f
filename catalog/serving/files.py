"""Data files as clients find them: where the catalog has them, or written again in its cache."""

from collections.abc import Mapping, Sequence

from catalog.dataclasses import dataclass, replace
from catalog.errors import CorruptData, ErrorKind, NotFound, Unsupported
from catalog.formats.footer import checked_metadata, committed_label
from catalog.formats.iceberg.metadata_files import Form, PlacedFile
from catalog.formats.iceberg.metadata_footers import FooterFacts, read_facts
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.operations.publication.iceberg_files import file_key, written_in_form
from catalog.repository.datafiles import locate, readable
from catalog.serving.folders import MetadataFolder
from catalog.storage.store import ObjectStore

WRITTEN_BYTES = 1 << 28
"""Bytes of data files that are written again for a table while a client waits for it."""


@dataclass(frozen=True, slots=True)
class ServedFiles:
    """Where the data files of a table are; see ``Placing``.

    Attributes:
        store: The store of the catalog.
        folder: The folder of the table's metadata, below which files are written again.
        name: The table's name, for messages.
    """

    store: ObjectStore
    folder: MetadataFolder
    name: str

    def shared(self, file: DataFile) -> str:
        """Returns where a file is."""
        return locate(self.store, file)

    def rewritten(self, file: DataFile, form: Form) -> str | None:
        """Returns where a file is if it is written again."""
        return self.store.uri(self.folder.data_path(f"{file_key(file)}-{form.digest}.parquet"))

    def facts(self, files: Sequence[DataFile]) -> Sequence[FooterFacts]:
        """Returns what the footers of files say."""
        return read_facts(self.store, files)

    def bring(self, table: TableSnapshot, files: Sequence[PlacedFile]) -> Mapping[str, int]:
        """Writes files again that must be; returns the sizes of all by location.

        Raises:
            Unsupported: They are too large for that.
        """
        sizes = {one.location: one.file.size_bytes for one in files if one.form is None}
        again = [one for one in files if one.form is not None]
        size = sum(one.file.size_bytes for one in again)
        if size > WRITTEN_BYTES:
            raise Unsupported(
                f"readers of Iceberg cannot read {len(again)} files of table {self.name} as they "
                f"are, and they are too large to be written again for a client: {size} bytes",
                kind=ErrorKind.FORMAT_LIMIT,
                hint="publish the branch, or export the table",
            )
        paths = {
            one.location: self.folder.data_path(one.location.rpartition("/")[2]) for one in again
        }
        for one in again:
            self._check(one, paths[one.location])
        sizes.update(written_in_form(self.store, self.store, table=table, files=again, paths=paths))
        for path in paths.values():
            self.folder.keep(path)
        return sizes

    def _check(self, one: PlacedFile, path: str) -> None:
        """Removes a file that was written again and is whole no more, so that it is made anew."""
        found = self.store.info(path)
        if found is None:
            return
        there = replace(
            one.file, path=path, guard=None, size_bytes=found.size_bytes, token="", partition=()
        )
        try:
            source = readable(self.store, there)
            try:
                rows = checked_metadata(source, committed_label(path)).num_rows
            finally:
                if not isinstance(source, str):
                    source.close()
        except (CorruptData, NotFound, Unsupported):
            rows = -1
        if rows != one.file.rows:
            self.folder.drop(path)
