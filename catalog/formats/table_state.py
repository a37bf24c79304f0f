"""What a table of another format is at one of its versions: its live rows, as files and columns."""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Protocol, overload

import pyarrow as pa

from catalog.dataclasses import dataclass, field
from catalog.formats.parquet import StoredFooter
from catalog.formats.source import Layout, SourceFormat
from catalog.model.types import DataType


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column of a table of another format.

    Attributes:
        name: Its name at this version.
        type: Its type at this version, as tables here have it.
        identity: What stays with the column through renames, and no other column of the table ever
            has: the physical name of Delta, the field id of Iceberg as text.
    """

    name: str
    type: DataType
    identity: str


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A data file of a version, as the table's log has it.

    Attributes:
        path: Absolute, or a URI; decoded.
        size_bytes: Its size as the log states it.
        rows: Its rows as the log states them, deleted ones included; None if it does not.
        partition: Values of the partition columns in order, of Python; None is NULL.
        columns: The identity of the column that each physical column of the file holds, by its
            name in the file; None if names in the file are the identities themselves, or if it
            takes the file's footer to know it (see ``SourceTable.settled``). A column of the file
            that is not named belongs to none of the table, as one that was dropped.
        rewritten: Why the file cannot be taken as it is (deleted rows, a default for a column
            that it lacks); empty if it can. Its live rows then come from ``SourceTable.rows``.
        revision: For one that is rewritten, what tells its rows at this version from those that it
            has at another: a digest of what was deleted. Equal ones are rewritten once.
    """

    path: str
    size_bytes: int
    rows: int | None
    partition: tuple[object, ...] = ()
    columns: Mapping[str, str] | None = None
    rewritten: str = ""
    revision: str = ""


class ListedLater(Sequence[LiveFile]):
    """Files that are listed when they are first looked at: whoever goes by steps needs none."""

    def __init__(self, list_files: Callable[[], Iterable[LiveFile]]) -> None:
        """Takes what lists them."""
        self._list_files = list_files

    @cached_property
    def _files(self) -> tuple[LiveFile, ...]:
        return tuple(self._list_files())

    @overload
    def __getitem__(self, place: int) -> LiveFile: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[LiveFile, ...]: ...

    def __getitem__(self, place: int | slice) -> LiveFile | tuple[LiveFile, ...]:
        """Returns a file, or some."""
        return self._files[place]

    def __len__(self) -> int:
        """Returns how many there are."""
        return len(self._files)

    def __iter__(self) -> Iterator[LiveFile]:
        """Yields them."""
        return iter(self._files)


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A version in a table's log.

    Attributes:
        number: The version of Delta, the snapshot id of Iceberg.
        time: When it was made, aware UTC.
        operation: What made it, in the format's own word; empty if it does not say.
        message: What its author said about it; empty if nothing.
        details: What else the log says of it, as text by name.
        parent: The version that it was made from; None for the first.
    """

    number: int
    time: datetime.datetime
    operation: str = ""
    message: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class TableState:
    """A version of a table of another format.

    Attributes:
        format: The format.
        root: The table's own directory, absolute, or a URI.
        table_id: The id that the table itself has, which a table made anew in the place has not.
        version: The version.
        columns: Its columns in order, partition columns included.
        partition_by: The names of the columns whose value is one per file, in order.
        key: The names of the columns that identify a row, possibly none.
        files: Its live data files.
        warnings: What the user should know.
        reading: A digest of what else decides how a file is read than the names, types and
            identities of columns: fields within them, defaults. While it is the same, a file need
            not be settled again.
    """

    format: SourceFormat
    root: str
    table_id: str
    version: TableVersion
    columns: tuple[SourceColumn, ...]
    partition_by: tuple[str, ...]
    key: tuple[str, ...]
    files: Sequence[LiveFile]
    warnings: tuple[str, ...] = ()
    reading: str = ""


@dataclass(frozen=True, slots=True)
class FileSteps:
    """What came to a table, and went, between two of its versions of one shape.

    A file that is deleted rows of comes, and its older form goes.
    """

    added: tuple[LiveFile, ...]
    removed: tuple[LiveFile, ...]


class SourceTable(Protocol):
    """A table of another format that was opened; nothing is ever written there."""

    format: SourceFormat
    root: str

    def versions(self, since: int | None = None) -> Sequence[TableVersion]:
        """Returns the versions that can still be read, oldest first.

        Args:
            since: Older ones than this may be left out, where versions are counted.

        Raises:
            CorruptData: The log has a gap, or is damaged; the message names the file.
            Unsupported: A feature of the table is not known; the message names it.
        """

    def state(self, at: str | None = None) -> TableState:
        """Returns a version: the newest, or that of a number, a time (ISO 8601) or a tag.

        Raises:
            CorruptData: The log has a gap, or is damaged; the message names the file.
            NotFound: There is no such version, or it can no longer be read.
            Unsupported: A feature of the table is not known; the message names it.
        """

    def mark(self, version: int) -> str:
        """Returns what tells a version from one of its number in another history of the table.

        It has another history after its log was restored from a backup. Empty if nothing tells.
        """

    def steps(self, since: TableState | TableVersion, to: TableState) -> FileSteps | None:
        """Returns what a later version has otherwise; None if the log does not tell it cheaply."""

    def settled(
        self, state: TableState, file: LiveFile, *, footer: StoredFooter, columns: Layout
    ) -> LiveFile:
        """Returns a live file with what only its own footer tells.

        That is which column of the table each of its columns holds, where the format goes by ids
        in the file, and whether it must be rewritten for what it lacks.

        Args:
            state: The version that it is a file of.
            file: The file, which is not ``rewritten`` for what the log says.
            footer: Its footer.
            columns: Names and types of its columns, as the engine reads them.

        Raises:
            Unsupported: The file has what is not known; the message names it.
        """

    def rows(self, state: TableState, file: LiveFile) -> Iterator[pa.RecordBatch]:
        """Yields the live rows of one file, under the columns' names at the version.

        Partition columns may be left out.

        Raises:
            CorruptData: The file is missing or damaged.
        """
