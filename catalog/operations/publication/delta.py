"""Tables published in the format of Delta: a log of our own beside shared data files.

The log says of itself that nobody else may write it; see ``log_types.READ_ONLY``. A version is one
file that is created if it is not there: so of two who publish at once, one sees that it was late.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from catalog.dataclasses import dataclass
from catalog.engine.checks import checked
from catalog.engine.verification import verified
from catalog.errors import AlreadyExists, CorruptData, ErrorKind
from catalog.formats.delta.log_actions import (
    LOG,
    AddedFile,
    add_line,
    encoded_path,
    info_line,
    live_paths,
    log_path,
    remove_line,
    shape_lines,
    shown_by,
    version_bytes,
    version_of,
)
from catalog.formats.delta.log_files import Naming, held_columns, is_plain, is_shared, may_be_ours
from catalog.formats.delta.log_types import held_as, schema_json
from catalog.formats.delta.log_values import stats_json
from catalog.formats.version_times import milliseconds
from catalog.hints import Option, hint
from catalog.model.datafile import DataFile
from catalog.model.published import Origin, Shown
from catalog.model.schema import Field, FileSchema
from catalog.model.table import TableSnapshot
from catalog.operations.context import OperationContext
from catalog.operations.publication.folder import create_version, replacement
from catalog.operations.publication.rewriting import rewritten
from catalog.operations.publication.table import Step, Written
from catalog.repository import sharing
from catalog.repository.commits import StoredTable
from catalog.repository.datafiles import readable
from catalog.repository.tables import changed_files, data_files
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore

FOOTERS_AT_ONCE = 16
"""Footers that are read at a time where each is a request."""


@dataclass(frozen=True, slots=True)
class DeltaPublication:
    """A table in the format of Delta; see ``TablePublication``.

    Attributes:
        context: The catalog.
        target: Where it is published.
        folder: The table's directory there; empty if it is the target itself.
        origin: What it is of.
    """

    context: OperationContext
    target: ObjectStore
    folder: str
    origin: Origin

    def shown(self) -> Shown | None:
        """Returns what the newest version shows.

        Raises:
            AlreadyExists: The newest version, or what is in the way, is somebody else's.
            CorruptData: A version before it is gone.
        """
        versions = self._versions()
        if not versions:
            self._check_empty()
            return None
        newest = versions[-1]
        if newest >= len(versions):  # which files are live is known from all of them
            gone = min(set(range(newest)).difference(versions))
            raise CorruptData(
                f"version {gone} of {self.target.uri(self._place(LOG))} is gone",
                kind=ErrorKind.LOG_DAMAGED,
                hint=hint("make the table anew from the commits: {}", Option("again")),
            )
        found = shown_by(newest, self._read(newest))
        if found is None or found.origin != self.origin:
            raise self._foreign(newest)
        return found

    def _read(self, version: int) -> bytes:
        return self.target.read(self._place(log_path(version))).data

    def _foreign(self, version: int) -> AlreadyExists:
        """Returns the error for a version that is not of this publication."""
        where = self.target.uri(self._place(LOG))
        return AlreadyExists(
            f"version {version} of {where} was not published from this branch",
            kind=ErrorKind.FOREIGN_TARGET,
            hint=hint(
                "publish to another directory; if it began as a copy of this branch, {} makes it "
                "anew",
                Option("again"),
            ),
        )

    def check(self, step: Step) -> None:
        """Checks that Delta has the columns of a table."""
        if step.table is not None:
            schema_json(step.table.snapshot.schema.fields)

    def write(self, shown: Shown | None, step: Step) -> Written:
        """Writes the version after the newest one."""
        version = 0 if shown is None else shown.version + 1
        moment = max(step.commit.time, step.moved_at or step.commit.time)
        commit_ms = milliseconds(moment)
        time_ms = commit_ms if shown is None else max(commit_ms, shown.time_ms + 1)
        snapshot = "" if step.table is None else step.table.id
        now = Shown(version, self.origin, step.commit_id, snapshot, time_ms)
        operation = "DROP" if step.table is None else "WRITE" if step.continues else "RESTORE"
        lines = [info_line(now, step.commit, operation=operation)]
        change = self._change(step)
        if change.shape is not None:
            first = shown is None
            lines += shape_lines(change.shape, self.origin, time_ms=time_ms, first=first)
        lines += [remove_line(path, time_ms) for path in change.removed]
        written = Written(now, files_removed=len(change.removed))
        if step.table is not None:
            added, anew = self._bring(step.table, change.added)
            lines += [add_line(file, time_ms) for file in added]
            written = Written(now, len(added) - anew, anew, len(change.removed))
        self._create(log_path(version), version_bytes(lines))
        if not is_remote(self.target.location):  # deltalake goes by it to find versions by time
            with suppress(OSError):
                os.utime(self.target.uri(self._place(log_path(version))), (time_ms / 1000,) * 2)
        return written

    @contextmanager
    def anew(self) -> Iterator["DeltaPublication"]:
        """Yields the table without any version, which takes this one's place at the end."""
        versions = self._versions()
        first = shown_by(0, self._read(versions[0])) if versions else None
        if not versions:
            self._check_empty()
        elif first is None or first.origin != self.origin:
            raise self._foreign(versions[0])
        if is_remote(self.target.location):
            self._remove()
            yield self
            return
        with replacement(self.target, self.folder) as beside:
            yield DeltaPublication(self.context, self.target, beside, self.origin)

    def flush(self) -> None:
        """Does nothing: each version is seen once it is written."""

    def close(self, refs: Mapping[str, str], branch_head: str) -> None:
        """Does nothing: a Delta table has no names for versions."""

    def _place(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path

    def _versions(self) -> list[int]:
        names = (one.path.rpartition("/")[2] for one in self.target.list(self._place(f"{LOG}/")))
        return sorted(number for number in map(version_of, names) if number is not None)

    def _check_empty(self) -> None:
        """Checks that there is nothing where a table is going to begin, but for our own files."""
        others = (
            one.path
            for one in self.target.list(self._place("") if self.folder else "")
            if not one.path.startswith(".parquetry/") and not may_be_ours(one.path)
        )
        found = next(others, None)
        if found is not None:
            raise AlreadyExists(
                f"{self.target.uri(found)} is in the way: it is not of a table published from here",
                kind=ErrorKind.FOREIGN_TARGET,
                hint="publish to another directory, or remove it",
            )

    def _change(self, step: Step) -> "_Change":
        """Returns in which files and columns the next version differs from the newest."""
        repository = self.context.repository
        commits = repository.commits
        if step.table is None:
            return _Change(None, sorted(self._live()), [])
        table = step.table.snapshot
        naming = Naming(table)
        fields = [field.id for field in table.schema.fields]
        if step.before is None:
            live = self._live()
            files = {naming.path(f): f for f in data_files(commits, step.table, fields=fields)}
            kept = {encoded_path(path) for path in files} & live
            added = [(f, path) for path, f in files.items() if encoded_path(path) not in kept]
            return _Change(table, sorted(live - kept), added)
        old_commit, old = step.before
        if is_same_shape(old.snapshot, table):
            removed, come = changed_files(
                commits,
                old,
                step.table,
                old_commit=old_commit,
                new_commit=step.commit_id,
                fields=fields,
            )
        else:
            removed = list(data_files(commits, old, fields=()))
            come = list(data_files(commits, step.table, fields=fields))
        gone = {Naming(old.snapshot).path(file) for file in removed}
        files = {naming.path(file): file for file in come}
        shape = None if is_same_shape(old.snapshot, table) else table
        added = [(file, path) for path, file in files.items() if path not in gone]
        return _Change(shape, [encoded_path(path) for path in sorted(gone - files.keys())], added)

    def _live(self) -> set[str]:
        """Returns the paths of the files that the newest version has, as the log has them."""
        return live_paths(map(self._read, self._versions()))

    def _bring(
        self, table: StoredTable, files: Sequence[tuple[DataFile, str]]
    ) -> tuple[list[AddedFile], int]:
        """Puts data files at their places; returns them, and how many were written anew."""
        repository = self.context.repository
        store, snapshot = repository.store, table.snapshot
        what = f"table {table.name}"
        watch = verified(repository, [file for file, _ in files], what=what)
        with checked([watch.check]):
            plain = self._plain(snapshot, [file for file, _ in files])
            placed = [(file, self._place(path)) for file, path in files]
            shared = [pair for pair in placed if pair[0].path in plain]
            anew = [pair for pair in placed if pair[0].path not in plain]
            sharing.share(store, self.target, shared)
            sizes = {path: file.size_bytes for file, path in shared}
            columns = partial(_written_columns, snapshot)
            sizes.update(rewritten(store, self.target, table=snapshot, files=anew, held=columns))
        naming = Naming(snapshot)
        inner = [f for f in snapshot.schema.fields if f.id not in snapshot.partition_by]
        held = {
            schema_id: {column.field_id for column in schema.columns}
            for schema_id, schema in snapshot.file_schemas.items()
        }
        added = [
            AddedFile(
                path,
                sizes[self._place(path)],
                naming.partition(file),
                stats_json(file, inner, held[file.file_schema]),
            )
            for file, path in files
        ]
        return added, len(anew)

    def _plain(self, table: TableSnapshot, files: Sequence[DataFile]) -> set[str]:
        """Returns the paths, in the catalog, of the files that readers read rightly as they are."""
        fit = {schema_id for schema_id, s in table.file_schemas.items() if is_shared(s, table)}
        fitting = [file for file in files if file.file_schema in fit]
        look = partial(_has_plain_columns, self.context.repository.store)
        if not any(is_remote(file.path) for file in fitting) and not is_remote(
            self.context.repository.store.location
        ):
            return {file.path for file in fitting if look(file)}
        from catalog.threads import Threads

        with Threads(FOOTERS_AT_ONCE) as pool:
            answers = list(pool.map(look, fitting))
        return {file.path for file, plain in zip(fitting, answers, strict=True) if plain}

    def _create(self, path: str, data: bytes) -> None:
        """Creates a version.

        Raises:
            PublishedMeanwhile: There is one already that is not the same.
        """
        place = self._place(path)
        if is_remote(self.target.location):
            self._versions()  # a listing waits for the files that are under way
        create_version(self.target, place, data)

    def _remove(self) -> None:
        """Removes the table, its newest version first: what is left is an older state of it."""
        for version in reversed(self._versions()):
            self.target.delete(self._place(log_path(version)))
        for one in list(self.target.list(self._place(""))):
            self.target.delete(one.path)


@dataclass(frozen=True, slots=True)
class _Change:
    """How a version differs from the one before.

    Attributes:
        shape: The table, if its columns are others; None if they are the same.
        removed: Paths of files that go, as the log has them.
        added: Files that come, with their paths below the table's directory.
    """

    shape: TableSnapshot | None
    removed: Sequence[str]
    added: Sequence[tuple[DataFile, str]]


def is_same_shape(one: TableSnapshot, other: TableSnapshot) -> bool:
    """Returns whether two states of a table have the same columns, for readers of the log."""
    return one.table_id == other.table_id and (
        (one.schema, one.partition_by) == (other.schema, other.partition_by)
    )


def _written_columns(table: TableSnapshot, schema: FileSchema) -> list[Field]:
    """Returns the columns of a file that is written anew, in the types that Delta has."""
    columns = held_columns(schema, table)
    return [Field(f.id, f.name, held_as(f.type, f.name)) for f in columns]


def _has_plain_columns(store: ObjectStore, file: DataFile) -> bool:
    source = readable(store, file)
    try:
        return is_plain(source)
    finally:
        if not isinstance(source, str):
            source.close()
