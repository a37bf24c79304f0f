"""The Parquet files of a source: one walk, whatever holds the files."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import ErrorKind, InvalidInput, Unsupported
from catalog.formats.hive_path import segments
from catalog.formats.source import Listing, OtherTable, SourceFile, SourceFormat
from catalog.formats.source_names import Pattern, State, is_ducklake, is_parquet, marked_formats
from catalog.hints import Blank, Call, Option, hint

Parts: TypeAlias = tuple[str, ...]
"""A path below a root, name by name."""


Hive: TypeAlias = tuple[tuple[str, str | None], ...]
"""Column and text per hive segment of a path, in order; None is NULL."""


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

    def file(self, relative: str, hive: Hive) -> SourceFile:
        """Returns a file as it is now; ``hive`` is the partition that it is in."""

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
    def prefix(self) -> str:
        """Returns what the relative paths of everything in it begin with."""
        return "/".join((*self.parts, ""))

    @property
    def hive(self) -> Hive:
        """Returns the partition that everything in it is in."""
        return tuple(segments(self.prefix))


class Walk:
    """A walk through a source. Links are followed once all else is known.

    ``own`` is the catalog that takes the files: whoever lists them says why it is no source.
    """

    def __init__(self, tree: Tree, pattern: Pattern, own: str) -> None:
        self._tree, self._pattern, self._own = tree, pattern, own
        self._files: dict[str, SourceFile] = {}
        self._walked: set[tuple[str, object, State]] = set()
        self._links: list[tuple[_Place, _Place, Entry]] = []
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
            folder, at, entry = self._links.pop()
            target = self._tree.real_path(at.parts)
            if not entry.is_folder:
                self._take(entry, f"{folder.prefix}{entry.name}", folder.hive, target)
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
            prefix, hive = place.prefix, place.hive
            self._walked.add((here, hive, place.state))
            entries = self._tree.entries(place.parts)
            self._check_format(place.parts, here, {entry.name for entry in entries})
            for entry in entries:
                state = self._pattern.after(place.state, entry.name)
                if not state:
                    continue
                if entry.is_link:
                    at = _Place((*place.parts, entry.name), state)
                    if entry.is_folder or self._pattern.covers(state):
                        self._links.append((place, at, entry))
                elif entry.is_folder:
                    pending.append(_Place((*place.parts, entry.name), state))
                elif self._pattern.covers(state):
                    self._take(entry, f"{prefix}{entry.name}", hive, f"{here}/{entry.name}")

    def _take(self, entry: Entry, relative: str, hive: Hive, target: str) -> None:
        """Adds a file by where it really is, if it is one; links to it do not add it again."""
        if not is_parquet(entry.name):
            self._ignored += 1
            return
        if not entry.is_file:
            raise not_a_file(f"{self._tree.root}/{relative}")
        known = self._files.get(target)
        if known is None:
            self._files[target] = self._tree.file(relative, hive)
        elif known.hive == hive:
            self._repeated += 1
        else:
            raise InvalidInput(
                f"{self._tree.root}/{relative} and {known.path} are one file, in two partitions",
                kind=ErrorKind.MIXED_PARTITIONING,
                hint="write a copy of it, or remove the link",
            )

    def _check_format(self, folder: Parts, here: str, names: set[str]) -> None:
        found = [
            kind
            for kind, marker, inner in marked_formats(names)
            if not inner or self._tree.holds((*folder, marker), inner)
        ]
        if SourceFormat.PARQUETRY in found and here == self._own:
            found.remove(SourceFormat.PARQUETRY)
        found += [SourceFormat.DUCKLAKE] if folder and any(map(is_ducklake, names)) else []
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


_TAKEN = (SourceFormat.DELTA, SourceFormat.ICEBERG)
"""Formats of tables that are taken themselves, at any version."""


def other_format(table: OtherTable, *, by_pattern: bool = False) -> Unsupported:
    """Returns the error for a source that is, or has, a table of another format.

    Args:
        table: That table.
        by_pattern: Whether its files were named, by a pattern.
    """
    if table.format is SourceFormat.PARQUETRY:
        problem = "is a catalog or lies in one: its files are those of all commits"
        advice = hint("export the table from that catalog, and give what was exported")
    else:
        problem = "its files alone do not say which rows count"
        advice = hint(
            f"write its current rows to plain Parquet with a reader of {table.format}; then give "
            "those files"
        )
    if table.format in _TAKEN:
        advice = hint("take the table itself: {}", Call("snapshot", (Blank("TABLE"), table.root)))
    if by_pattern:
        as_it_is = Option("format", "parquet")
        advice = hint(f"{advice.text}; {{}} takes the files as they are", *advice.parts, as_it_is)
    return Unsupported(
        f"{table.root} is a table of {table.format}: {problem}",
        kind=ErrorKind.OTHER_FORMAT,
        hint=advice,
    )
