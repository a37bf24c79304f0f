"""The Parquet files of a source: one walk, whatever holds the files."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.hive_path import segments
from catalog.formats.source import Listing, OtherTable, SourceFile, SourceFormat
from catalog.formats.source_names import Pattern, State, is_ducklake, is_parquet, marked_formats

Parts: TypeAlias = tuple[str, ...]
"""A path below a root, name by name."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder of a source.

    Attributes:
        is_folder: Whether more is below it.
        is_file: Whether it can be read like a file; a pipe cannot.
        is_link: Whether it stands for something elsewhere.
    """

    name: str
    is_folder: bool
    is_file: bool = True
    is_link: bool = False


class Tree(Protocol):
    """What holds the files of a source: directories, or the names in a bucket.

    Attributes:
        root: The folder that the source is, or that holds all that its pattern matches.
    """

    root: str

    def entries(self, folder: Parts) -> Sequence[Entry]:
        """Returns what is in a folder."""

    def holds(self, folder: Parts, pattern: str) -> bool:
        """Returns whether a folder has a name that matches."""

    def file(self, parts: Parts) -> SourceFile:
        """Returns a file as it is now."""

    def real_path(self, parts: Parts) -> str:
        """Returns where something really is.

        Raises:
            InvalidInput: It is a link to nothing, out of the root, or to a folder around it.
        """


@dataclass(frozen=True, slots=True)
class _Place:
    """Something on the way: its path, and where in the pattern it is."""

    parts: Parts
    state: State

    @property
    def hive(self) -> tuple[tuple[str, str | None], ...]:
        """Returns the partition that everything in it is in."""
        return tuple(segments("/".join((*self.parts, ""))))


class Walk:
    """A walk through a source. Links are followed once all else is known.

    ``own`` is the catalog that takes the files: whoever lists them says why it is no source.
    """

    def __init__(self, tree: Tree, pattern: Pattern, own: str) -> None:
        self._tree, self._pattern, self._own = tree, pattern, own
        self._files: dict[str, SourceFile] = {}
        self._walked: set[tuple[str, object, State]] = set()
        self._links: list[tuple[_Place, Entry]] = []
        self._ignored = 0
        self._repeated = 0
        self._table: OtherTable | None = None

    def listing(self) -> Listing:
        """Returns what was found.

        Raises:
            InvalidInput: A link leads out of the root, or a name is that of a pipe or a device.
            Unsupported: A table of another format is below the root.
        """
        self._walk(_Place((), self._pattern.start))
        while self._links:
            at, entry = self._links.pop()
            target = self._tree.real_path(at.parts)
            if not entry.is_folder:
                if self._takes(at, entry):
                    self._add(self._tree.file(at.parts), target)
            elif (target, at.hive, at.state) in self._walked:
                self._repeated += 1
            else:
                self._walk(at)
        return Listing(
            self._tree.root,
            list(self._files.values()),
            self._ignored,
            self._repeated,
            self._pattern.names_files,
            self._table,
        )

    def _walk(self, start: _Place) -> None:
        """Adds what is below a folder, but for what links there lead to."""
        real = self._tree.real_path(start.parts)
        pending = [start]
        while pending:
            place = pending.pop()
            here = "/".join((real, *place.parts[len(start.parts) :]))
            self._walked.add((here, place.hive, place.state))
            entries = self._tree.entries(place.parts)
            self._check_format(place.parts, here, {entry.name for entry in entries})
            for entry in entries:
                state = self._pattern.after(place.state, entry.name)
                at = _Place((*place.parts, entry.name), state)
                if not state:
                    continue
                if entry.is_link:
                    self._links.append((at, entry))
                elif entry.is_folder:
                    pending.append(at)
                elif self._takes(at, entry):
                    self._add(self._tree.file(at.parts), f"{here}/{entry.name}")

    def _takes(self, at: _Place, entry: Entry) -> bool:
        """Returns whether something that is no folder is a file of the source."""
        if not self._pattern.covers(at.state):
            return False
        if not is_parquet(entry.name):
            self._ignored += 1
            return False
        if not entry.is_file:
            raise not_a_file("/".join((self._tree.root, *at.parts)))
        return True

    def _add(self, file: SourceFile, target: str) -> None:
        """Adds a file by where it really is; links to it do not add it again."""
        known = self._files.setdefault(target, file)
        if known is file:
            return
        if known.hive != file.hive:
            raise InvalidInput(
                f"{file.path} and {known.path} are one file, in two partitions",
                kind=ErrorKind.MIXED_PARTITIONING,
                hint="write a copy of it, or remove the link",
            )
        self._repeated += 1

    def _check_format(self, folder: Parts, here: str, names: set[str]) -> None:
        found = [
            kind
            for kind, marker, inner in marked_formats(names)
            if not inner or self._tree.holds((*folder, marker), inner)
        ]
        if SourceFormat.PARQUETRY in found and here == self._own:
            found.remove(SourceFormat.PARQUETRY)
        found += [SourceFormat.DUCKLAKE] if any(map(is_ducklake, names)) else []
        if not found:
            return
        table = OtherTable("/".join((self._tree.root, *folder)), found[0])
        if folder:
            raise other_format(table)
        self._table = table


def not_a_file(path: str) -> InvalidInput:
    """Returns the error for something that would be read without end, or not at all."""
    return InvalidInput(
        f"{path} is neither a file nor a directory, but a pipe, a socket or a device",
        kind=ErrorKind.NOT_A_FILE,
        hint="write its rows to a file, or leave it out",
    )


_READERS = {SourceFormat.DELTA: "delta_scan", SourceFormat.ICEBERG: "iceberg_scan"}
"""What reads tables of other formats in DuckDB."""


def other_format(table: OtherTable) -> Unsupported:
    """Returns the error for a source that is, or has, a table of another format."""
    if table.format is SourceFormat.PARQUETRY:
        problem = "is a catalog or lies in one: its files are those of all commits"
        advice = "export the table from that catalog, and give what was exported"
    else:
        problem = "its files alone do not say which rows count"
        advice = f"write its current rows to plain Parquet with a reader of {table.format}"
        if table.format in _READERS:
            query = f"FROM {_READERS[table.format]}('{table.root}')"
            advice += f", e.g. in DuckDB: COPY ({query}) TO 'orders.parquet'"
        advice += "; then give those files"
    return Unsupported(
        f"{table.root} is a table of {table.format}: {problem}",
        kind=ErrorKind.OTHER_FORMAT,
        hint=advice,
    )
