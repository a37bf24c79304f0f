"""Data files of a published Iceberg table: shared with the catalog, or written with field ids."""

from collections.abc import Mapping, Sequence
from functools import partial

from catalog.dataclasses import dataclass, field
from catalog.engine.checks import checked
from catalog.engine.copying import field_ids_option
from catalog.engine.verification import verified
from catalog.formats.iceberg.metadata_files import Form, PlacedFile
from catalog.formats.iceberg.metadata_footers import FooterFacts, read_facts
from catalog.model.datafile import DataFile
from catalog.model.ids import canonical_json, content_id
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot
from catalog.operations.context import OperationContext
from catalog.operations.publication.rewriting import rewritten
from catalog.repository import sharing
from catalog.storage.store import ObjectStore

DATA = "data"
"""The folder of data files in that of the table."""

NAME_DIGITS = 32
"""Hex digits of the names of files: 128 bits of what they are made from."""


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """Where the data files of a published table are; see ``Placing``.

    Attributes:
        context: The catalog.
        target: Where the files are written.
        folder: The folder of the table there; empty if it is the target itself.
        location: Where readers find that folder.
        name: The table's name, for messages.
        brought: The files that were brought so far.
    """

    context: OperationContext
    target: ObjectStore
    folder: str
    location: str
    name: str
    brought: list[PlacedFile] = field(default_factory=list)

    def counts(self) -> tuple[int, int]:
        """Returns how many files were shared and written again."""
        shared = sum(1 for one in self.brought if one.form is None)
        return shared, len(self.brought) - shared

    def shared(self, file: DataFile) -> str:
        """Returns where a file is if it is read as it is."""
        return f"{self.location}/{DATA}/{file_key(file)}.parquet"

    def rewritten(self, file: DataFile, form: Form) -> str | None:
        """Returns where a file is if it is written again."""
        return f"{self.location}/{DATA}/{file_key(file)}-{form.digest}.parquet"

    def facts(self, files: Sequence[DataFile]) -> Sequence[FooterFacts]:
        """Returns what the footers of files say."""
        verified(self.context.repository, files, what=self._what)
        return read_facts(self.context.repository.store, files)

    def bring(self, table: TableSnapshot, files: Sequence[PlacedFile]) -> Mapping[str, int]:
        """Links, copies or writes files to their places; returns their sizes by location."""
        store = self.context.repository.store
        watch = verified(self.context.repository, [one.file for one in files], what=self._what)
        sizes: dict[str, int] = {}
        with checked([watch.check]):
            shared = [one for one in files if one.form is None]
            sharing.share(store, self.target, [(one.file, self._path(one)) for one in shared])
            sizes.update((one.location, one.file.size_bytes) for one in shared)
            paths = {one.location: self._path(one) for one in files if one.form is not None}
            sizes.update(written_in_form(store, self.target, table=table, files=files, paths=paths))
        self.brought.extend(files)
        return sizes

    @property
    def _what(self) -> str:
        return f"table {self.name}"

    def _path(self, one: PlacedFile) -> str:
        return f"{self.folder}{one.location.removeprefix(self.location)}".lstrip("/")


def file_key(file: DataFile) -> str:
    """Returns the name of a file: the same content in two partitions is two files."""
    values = [None if value is None else value.hex() for value in file.partition]
    return content_id(canonical_json([file.path, file.token, values]))[:NAME_DIGITS]


def written_in_form(
    store: ObjectStore,
    target: ObjectStore,
    *,
    table: TableSnapshot,
    files: Sequence[PlacedFile],
    paths: Mapping[str, str],
) -> dict[str, int]:
    """Writes those files again that have a form to be written in; returns sizes by location.

    Args:
        store: The store of the catalog.
        target: Where they are written.
        table: The table.
        files: The files.
        paths: Their paths there, by location.
    """
    grouped: dict[Form, list[PlacedFile]] = {}
    for one in files:
        if one.form is not None:
            grouped.setdefault(one.form, []).append(one)
    sizes: dict[str, int] = {}
    for form, members in grouped.items():
        columns = [column for column, _ in form.columns]
        written = rewritten(
            store,
            target,
            table=table,
            files=[(one.file, paths[one.location]) for one in members],
            held=partial(_columns, columns),
            options=field_ids_option({column.name: ids for column, ids in form.columns}),
        )
        sizes.update((one.location, written[paths[one.location]]) for one in members)
    return sizes


def _columns(columns: Sequence[Field], schema: FileSchema) -> Sequence[Field]:
    return columns
