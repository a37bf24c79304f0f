"""A table of Delta: its versions, and the live rows of each."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import repeat
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.dataclasses import replace
from catalog.errors import CorruptData, ErrorKind, InvalidInput, NotFound, Unsupported
from catalog.formats.delta.empty_texts import empty_values
from catalog.formats.delta.features import MAPPING, check_readable, unsupported
from catalog.formats.delta.folder import Commits, LogFolder
from catalog.formats.delta.library import as_table, delta_errors, open_version
from catalog.formats.delta.mirror import LogMirror
from catalog.formats.delta.paths import file_path, named_twice
from catalog.formats.delta.reading import live_batches
from catalog.formats.delta.schema import DeltaColumn, read_schema
from catalog.formats.footer import file_of
from catalog.formats.parquet import StoredFooter
from catalog.formats.source import Layout, SourceFormat
from catalog.formats.table_state import (
    FileSteps,
    ListedLater,
    LiveFile,
    TableState,
    TableVersion,
)
from catalog.formats.version_times import EPOCH, moment, time_of
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore

if TYPE_CHECKING:
    from deltalake import DeltaTable

MAX_OPENED = 4
"""Versions that are kept open: what is asked about one is mostly asked again at once, and the one
before it; each may list a hundred thousand files."""

DELETED = "rows of it are deleted"
"""Why a file with a deletion vector is rewritten."""

NESTED = "fields inside its columns have other names than in the table"
"""Why a file is rewritten that has structs whose fields were renamed."""


class DeltaSource:
    """A table of Delta; see ``SourceTable``."""

    format = SourceFormat.DELTA

    def __init__(self, root: str, store: ObjectStore | None) -> None:
        """Takes the table's directory, absolute, or its URI."""
        self.root = root
        self._store = store
        self._log = LogFolder(root, store)
        self._opened: OrderedDict[int, _Version] = OrderedDict()

    @cached_property
    def _mirror(self) -> LogMirror | None:
        """The log as the library reads it, if it is in a bucket."""
        return LogMirror(self.root, self._store) if is_remote(self.root) else None

    @cached_property
    def _commits(self) -> Commits:
        """What the log held when it was listed first: later versions do not count."""
        found = self._log.commits()
        if found.latest < 0:
            raise CorruptData(f"the log of {self.root} has no versions", kind=ErrorKind.LOG_DAMAGED)
        return found

    def versions(self, since: int | None = None) -> Sequence[TableVersion]:
        """Returns the versions that can still be read, oldest first; see ``SourceTable``."""
        oldest, latest = self._commits.oldest(), self._commits.latest
        if oldest is None:
            self._commits.check(self.root, latest)
            return ()
        self._commits.check(self.root, latest)
        found: list[TableVersion] = []
        for number in self._commits.listed(max(oldest, since or 0)):
            parent = found[-1].number if found else None
            found.append(self._version(number, parent))
        return found

    def state(self, at: str | None = None) -> TableState:
        """Returns a version: the newest, or that of a number or a time (ISO 8601)."""
        number = self._number(at)
        self._commits.check(self.root, number)
        opened = self._open(number)
        columns = opened.columns
        parent = number - 1 if number else None
        return TableState(
            format=self.format,
            root=self.root,
            table_id=opened.table_id,
            version=self._version(number, parent),
            columns=tuple(one.column for one in columns),
            partition_by=opened.partition_by,
            key=(),
            files=ListedLater(lambda: self._files(opened)),
            reading=_text_digest(str([str(one.stored) for one in columns])),
        )

    def mark(self, version: int) -> str:
        """Returns what tells a version from one of its number in another history: its own log."""
        if version not in self._commits.written:
            return ""
        return _text_digest(self._log.read(version))

    def steps(self, since: TableState | TableVersion, to: TableState) -> FileSteps | None:
        """Returns what another version has otherwise; None if the log does not tell it."""
        number = since.number if isinstance(since, TableVersion) else since.version.number
        commits = self._commits
        start = commits.start(number) if 0 <= number <= commits.latest else None
        if start is None or any(one not in commits.written for one in range(start + 1, number + 1)):
            return None
        before, after = self._open(number), self._open(to.version.number)
        gone, come = before.unlike(after), after.unlike(before)
        return FileSteps(
            added=tuple(self._files(after, come)), removed=tuple(self._files(before, gone))
        )

    def settled(
        self, state: TableState, file: LiveFile, *, footer: StoredFooter, columns: Layout
    ) -> LiveFile:
        """Returns a live file with what only its own footer tells.

        Raises:
            Unsupported: Its columns have other ids than their names say.
        """
        opened = self._open(state.version.number)
        opened.check_ids(file.path, footer)
        known = {one.physical: one for one in opened.columns}
        if any(
            name in known and known[name].stored != known[name].column.type for name, _ in columns
        ):
            return replace(file, rewritten=NESTED, revision="names")
        return file

    def rows(self, state: TableState, file: LiveFile) -> Iterator[pa.RecordBatch]:
        """Yields the live rows of one file, under the columns' names at the version."""
        opened = self._open(state.version.number)
        vector = opened.vectors.get(file.path)
        yield from live_batches(self._store, file.path, opened.columns, vector)

    def _number(self, at: str | None) -> int:
        if at is None:
            return self._commits.latest
        if at.isascii() and at.isdigit():
            return int(at)
        try:
            time = time_of(at)
        except ValueError as error:
            raise InvalidInput(
                f"{at!r} is neither the number of a version nor a time",
                hint="write a number, e.g. 12, or a time such as 2024-01-31T12:00:00Z",
            ) from error
        self._commits.check(self.root, self._commits.latest)
        before = [one for one in self.versions() if one.time <= time]
        if not before:
            raise NotFound(
                f"{self.root} has no version of {at} or before",
                kind=ErrorKind.VERSION_NOT_FOUND,
            )
        return before[-1].number

    def _open(self, number: int) -> "_Version":
        found = self._opened.get(number)
        if found is None:
            place, mirror = self.root, self._mirror
            if mirror is not None:
                place = mirror.fetch(self._commits, number)
            try:
                table = open_version(place, number, shown=self.root)
            except (CorruptData, Unsupported):
                start = self._commits.start(number) or 0
                if start in self._commits.checkpoints:
                    self._log.check_checkpoint(start)
                written = self._commits.written
                self._log.check_lines(n for n in range(start, number + 1) if n in written)
                raise
            with delta_errors(self.root):
                found = _Version(self.root, table, mirror)
                found.empty_values = partial(empty_values, place, self._commits, number)
            self._opened[number] = found
            while len(self._opened) > MAX_OPENED:
                self._opened.popitem(last=False)
        return found

    def _files(self, opened: "_Version", places: Iterable[int] | None = None) -> Iterator[LiveFile]:
        """Yields the live files of a version: all, or those at some places of its list."""
        chosen = range(len(opened.listed)) if places is None else tuple(places)
        values: Iterable[Mapping[str, object]] = repeat({})
        if opened.partition_by:
            values = opened.partition_values(None if places is None else chosen)
        for n, value in zip(chosen, values, strict=False):
            stated, size, rows = opened.listed[n]
            path = file_path(self.root, stated)
            vector = opened.vectors.get(path)
            yield LiveFile(
                path=path,
                size_bytes=size,
                rows=rows,
                partition=opened.partition(stated, value),
                rewritten="" if vector is None else DELETED,
                revision="" if vector is None else _digest(vector),
            )

    def _version(self, number: int, parent: int | None) -> TableVersion:
        """Returns what the log says of a version."""
        written = self._commits.written.get(number)
        if written is None:  # the log begins with a checkpoint, which says nothing
            return TableVersion(number, EPOCH)
        info = _commit_info(self._log.read(number))
        stated = info.get("inCommitTimestamp", info.get("timestamp"))
        time = written
        if isinstance(stated, int):
            with suppress(OverflowError):  # no year has it
                time = moment(stated)
        details = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in info.items()
            if name not in ("timestamp", "inCommitTimestamp", "operation", "userMetadata")
        }
        return TableVersion(
            number,
            time,
            str(info.get("operation") or ""),
            str(info.get("userMetadata") or ""),
            details,
            parent,
        )


class _Version:
    """A version that the library has opened."""

    def __init__(self, root: str, table: "DeltaTable", mirror: LogMirror | None) -> None:
        self.table = table
        self._mirror = mirror
        protocol, about = table.protocol(), table.metadata()
        settings = about.configuration
        features = protocol.reader_features if protocol.min_reader_version >= 3 else None
        check_readable(root, protocol.min_reader_version, features, settings)
        mode = settings.get(MAPPING, "none")
        self.columns: tuple[DeltaColumn, ...] = read_schema(root, table.schema().to_json(), mode)
        self.partition_by = tuple(about.partition_columns)
        self.table_id = str(about.id)
        self._checked: set[bytes] = set()
        self.empty_values: Callable[[], Mapping[str, frozenset[str]]] = dict
        self._has_vectors = "deletionVectors" in (features or ())
        self._root = root

    def check_ids(self, path: str, footer: StoredFooter) -> None:
        """Checks that columns which are found by id in files have their names, too.

        Writers give both. The library goes by names, others by ids: where they disagree, nobody
        knows which rows there are.

        Raises:
            Unsupported: They do not.
        """
        names = {one.field_id: one.physical for one in self.columns if one.field_id is not None}
        key = footer.structure.elements
        if not names or key in self._checked:
            return
        schema = pq.read_schema(pa.BufferReader(file_of(footer.raw)))
        for field in schema:
            stored = (field.metadata or {}).get(b"PARQUET:field_id", b"")
            expected = names.get(int(stored)) if stored.isdigit() else None
            if expected is not None and expected != field.name:
                raise unsupported(
                    self._root, f"columns found by ids alone (column {field.name!r} of {path})"
                )
        self._checked.add(key)

    @cached_property
    def actions(self) -> pa.Table:
        """The live files as the log has them."""
        with delta_errors(self._root):
            return as_table(self.table.get_add_actions())

    @cached_property
    def listed(self) -> list[tuple[str, int, int | None]]:
        """Path, size and rows of the live files, as the log states them.

        Raises:
            CorruptData: One file is named twice: nobody knows how often its rows count.
        """
        names = ("path", "size_bytes", "num_records")
        paths, sizes, rows = (self.actions[name].to_pylist() for name in names)
        twice = named_twice(self._root, paths)
        if twice is not None:
            raise CorruptData(
                f"the log of {self._root} names the file {twice} twice",
                kind=ErrorKind.LOG_DAMAGED,
                hint="take a version before it",
            )
        return list(zip(paths, sizes, rows, strict=True))

    def partition_values(self, places: Iterable[int] | None) -> Iterator[Mapping[str, object]]:
        """Yields the partition values of live files, by column.

        Args:
            places: Those at which places of the list; None for all.

        Raises:
            Unsupported: There is one that Python has no value for.
        """
        values: pa.ChunkedArray = self.actions["partition"]
        try:
            yield from values.to_pylist() if places is None else (values[n].as_py() for n in places)
        except (OverflowError, ValueError) as error:
            what = f"a partition value that is out of range: {error}"
            raise unsupported(self._root, what) from error

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """The sizes of the live files by their paths."""
        return {path: size for path, size, _ in self.listed}

    def partition(self, stated: str, values: Mapping[str, object]) -> tuple[object, ...]:
        """Returns the partition values of a file.

        An empty text is one for a text or binary column, as the library reads it, though it lists
        NULL; and NULL for all others.
        """
        found = tuple(values[name] for name in self.partition_by)
        if not any(values[name] is None for name in self._texts):
            return found
        empty = self._empty.get(stated, frozenset())
        return tuple(
            self._texts.get(name) if value is None and self._physical[name] in empty else value
            for name, value in zip(self.partition_by, found, strict=True)
        )

    @cached_property
    def _texts(self) -> dict[str, str | bytes]:
        """What an empty text is in the partition columns that can have one."""
        kinds = {one.column.name: one.column.type for one in self.columns}
        nothing: dict[str, str | bytes] = {"VARCHAR": "", "BLOB": b""}
        found = {name: nothing.get(str(kinds[name])) for name in self.partition_by}
        return {name: value for name, value in found.items() if value is not None}

    @cached_property
    def _physical(self) -> dict[str, str]:
        """The names that the log has for the columns."""
        return {one.column.name: one.physical for one in self.columns}

    @cached_property
    def _empty(self) -> Mapping[str, frozenset[str]]:
        return self.empty_values()

    def unlike(self, other: "_Version") -> list[int]:
        """Returns the places of live files that another version has not, or with other rows."""
        unlike = []
        for n, (stated, size, _) in enumerate(self.listed):
            same = other.sizes.get(stated) == size
            if same and (self.vectors or other.vectors):
                path = file_path(self._root, stated)
                mine, its = self.vectors.get(path), other.vectors.get(path)
                same = mine is its or (mine is not None and its is not None and mine.equals(its))
            if not same:
                unlike.append(n)
        return unlike

    @cached_property
    def vectors(self) -> Mapping[str, pa.Array]:
        """Which rows of files are live, for the files that have deleted ones.

        The library applies them whether or not the table declares the feature.

        Raises:
            CorruptData: One is of no live file that is known here.
        """
        if self._mirror is not None and self._has_vectors:
            self._mirror.fetch_vectors()
        with delta_errors(self._root):
            found = as_table(self.table.deletion_vectors())
        vectors = {
            self._found_path(path): vector.values
            for path, vector in zip(
                found.column("filepath").to_pylist(), found.column("selection_vector"), strict=True
            )
        }
        if vectors:
            live = {file_path(self._root, stated) for stated, _, _ in self.listed}
            lost = min(vectors.keys() - live, default=None)
            if lost is not None:
                raise CorruptData(
                    f"the log of {self._root} deletes rows of {lost} by another name of the file",
                    kind=ErrorKind.LOG_DAMAGED,
                    hint="take a version before it",
                )
        return vectors

    def _found_path(self, uri: str) -> str:
        """Returns the path of a data file by the library's URI of it."""
        path = unquote(uri)
        if path.startswith("file://"):
            path = path.removeprefix("file://")
        if self._mirror is not None and path.startswith(f"{self._mirror.path}/"):
            path = f"{self._root}{path.removeprefix(self._mirror.path)}"
        return path


def _text_digest(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(data).hexdigest()[:32]


def _digest(vector: pa.Array) -> str:
    kept = vector.to_numpy(zero_copy_only=False)
    return hashlib.sha256(kept.tobytes()).hexdigest()[:32]


def _commit_info(log: bytes) -> Mapping[str, Any]:
    """Returns what a version says about itself; nothing if it says none."""
    for line in log.splitlines():
        if b'"commitInfo"' in line:
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict) and isinstance(found.get("commitInfo"), dict):
                return found["commitInfo"]  # type: ignore[no-any-return]
    return {}
