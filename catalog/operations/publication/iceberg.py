"""Tables published in the format of Iceberg: a snapshot for each commit, over shared data files.

Iceberg has no way to keep writers off a table in a directory. So what they would write is found by
the digest that each metadata file has of itself, and nothing is written after it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from catalog.dataclasses import dataclass, replace
from catalog.errors import AlreadyExists, CorruptData, ErrorKind, NotFound
from catalog.formats.iceberg.metadata import (
    COMMIT,
    TABLE_ID,
    Destination,
    Metadata,
    RefKind,
    TableCommit,
    commit_ids,
    extend,
    with_refs,
)
from catalog.formats.iceberg.metadata_manifests import ManifestStore
from catalog.formats.iceberg.metadata_types import check_columns
from catalog.hints import Option, hint
from catalog.model.datafile import DataFile
from catalog.model.ids import canonical_json, content_id
from catalog.model.published import Origin, Shown
from catalog.operations.context import OperationContext
from catalog.operations.publication.folder import create_version, replacement
from catalog.operations.publication.iceberg_files import PublishedFiles
from catalog.operations.publication.line import Line, visible
from catalog.operations.publication.table import Step, Written
from catalog.repository.commits import Commits
from catalog.repository.history import first_parents
from catalog.repository.tables import changed_files, data_files
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore

METADATA = "metadata"
"""The folder of metadata in that of the table."""

HINT = "version-hint.text"
"""Where readers of a directory look for the number of the newest metadata file."""

KEPT = 100
"""Metadata files that stay, the newest ones: somebody may read by the name of one of them."""

_METADATA = re.compile(r"v([0-9]{1,18})\.metadata\.json")
"""Names of metadata files."""

_LEFT_BEHIND = re.compile(
    r"\.parquetry/.*"
    r"|data/[0-9a-f]{32}(-[0-9a-f]{16})?\.parquet"
    rf"|{METADATA}/(snap-)?[0-9a-f]{{15}}-[0-9a-f]{{16}}(-m[0-9]+)?\.avro"
)
"""What a publication that never ended may have left where a table is going to begin."""

_CATALOG, _BRANCH, _TABLE = "parquetry.catalog", "parquetry.branch", "parquetry.table"
_STATE = "parquetry.table-snapshot"
_DIGEST = "parquetry.digest"


@dataclass(slots=True)
class _Pending:
    """What the next metadata file is to have.

    Attributes:
        number: Of the newest metadata file; 0 if there is none.
        metadata: Its content, and what was added since.
        state: The id of the table's snapshot that it shows.
        changed: Whether anything was added.
    """

    number: int = 0
    metadata: Metadata | None = None
    state: str = ""
    changed: bool = False


class IcebergPublication:
    """A table in the format of Iceberg; see ``TablePublication``.

    Args:
        context: The catalog.
        target: Where it is published.
        folder: The table's folder there; empty if it is the target itself.
        origin: What it is of.
        location: Where readers find the folder; None if that is where it is.
    """

    def __init__(
        self,
        context: OperationContext,
        target: ObjectStore,
        folder: str,
        *,
        origin: Origin,
        location: str | None = None,
    ) -> None:
        self.context, self.target, self.folder, self.origin = context, target, folder, origin
        place = target.uri(folder) if folder else target.location
        self.location = (place if location is None else location).rstrip("/")
        self._pending = _Pending()

    def shown(self) -> Shown | None:
        """Returns what the newest metadata shows."""
        numbers = self._numbers()
        if not numbers:
            self._check_empty()
            self._pending = _Pending()
            return None
        metadata = self._own(numbers[-1])
        if metadata is None or self._origin(metadata) != self.origin:
            raise self._foreign(numbers[-1])
        self._pending = _Pending(numbers[-1], metadata, metadata["properties"][_STATE])
        return self._shown()

    def check(self, step: Step) -> None:
        """Checks that Iceberg has the columns of a table."""
        if step.table is not None:
            check_columns(step.table.snapshot.schema, step.table.name)

    def write(self, shown: Shown | None, step: Step) -> Written:
        """Writes the snapshots of a commit; ``flush`` shows them to readers."""
        files = self._files()
        pending = self._pending
        before = pending.metadata
        if before is None or (step.continues and step.commit_id not in commit_ids(before)):
            pending.metadata = self._extended(before, step, files)
        else:  # the branch was moved: all is made again as if it had always been there
            line = Line(self.context.repository.commits, self.origin.table, step.commit_id)
            made: Metadata | None = None
            for one in line.steps(None):
                made = self._extended(made, one, files)
            # a line that never had the table has nothing to begin with
            pending.metadata = made or self._extended(before, step, files)
        pending.state = "" if step.table is None else step.table.id
        pending.changed = True
        return Written(self._shown(), *files.counts())

    def flush(self) -> None:
        """Writes the metadata file that shows all that was written.

        Raises:
            PublishedMeanwhile: Somebody else wrote one since ``shown``.
        """
        pending = self._pending
        if pending.metadata is None or not pending.changed:
            return
        pending.number += 1
        name = self._place(f"v{pending.number}.metadata.json")
        create_version(self.target, name, self._content(pending.metadata))
        pending.changed = False
        self._point_to(pending.number)

    def close(self, refs: Mapping[str, str], branch_head: str) -> None:
        """Brings refs up to date, and removes metadata files that are old."""
        pending = self._pending
        if pending.metadata is None:
            return
        if with_refs(pending.metadata, self._refs(pending.metadata)) != pending.metadata:
            pending.changed = True
            self.flush()
        self._point_to(pending.number)
        for number in self._numbers()[:-KEPT]:
            self.target.delete(self._place(f"v{number}.metadata.json"))

    @contextmanager
    def anew(self) -> "Iterator[IcebergPublication]":
        """Yields the table without any snapshot, which takes this one's place at the end."""
        numbers = self._numbers()
        own = [one for number in numbers if (one := self._own(number)) is not None]
        if not numbers:
            self._check_empty()
        elif not any(self._origin(one) == self.origin for one in own):
            raise self._foreign(numbers[-1])
        if is_remote(self.target.location):
            self._remove()
            yield self
            return
        with replacement(self.target, self.folder) as beside:
            made = IcebergPublication(
                self.context, self.target, beside, origin=self.origin, location=self.location
            )
            yield made
            made.flush()
        made.folder = self.folder

    def _extended(
        self, metadata: Metadata | None, step: Step, files: PublishedFiles
    ) -> Metadata | None:
        """Returns metadata with the snapshot of a step; None if there was no table yet."""
        commits = self.context.repository.commits
        commit = table_commit(commits, step)
        if commit is None:
            commit = self._emptied(metadata, step)
        if commit is None:
            return None
        begins = metadata is None or metadata["properties"][TABLE_ID] != commit.table.table_id
        store = ManifestStore(self._read, self._write)
        to = Destination(self.origin.table, self.location, files, store)
        return extend(None if begins else metadata, [commit], to)

    def _emptied(self, metadata: Metadata | None, step: Step) -> TableCommit | None:
        """Returns the state of a table that a commit dropped: as it was, without rows."""
        if metadata is None:
            return None
        commits = self.context.repository.commits
        before = commit_ids(metadata)[-1]
        entry = commits.entry(before, self.origin.table)
        table = step.before[1] if step.before is not None else None
        if table is None and entry is not None:
            table = commits.table(entry)
        if table is None:
            return None
        empty = replace(
            table.snapshot, rows=0, size_bytes=0, files=0, partitions=0, manifest=None, levels=0
        )
        logged = step.commit
        return TableCommit(step.commit_id, logged.time, empty, tuple, None, logged.message)

    def _files(self) -> PublishedFiles:
        return PublishedFiles(
            self.context, self.target, self.folder, self.location, self.origin.table
        )

    def _shown(self) -> Shown:
        pending = self._pending
        if pending.metadata is None:
            raise NotFound(f"no table {self.origin.table!r} was published yet")
        newest = pending.metadata["snapshots"][-1]
        number = pending.number + pending.changed
        commit = newest["summary"][COMMIT]
        return Shown(number, self.origin, commit, pending.state, newest["timestamp-ms"])

    def _refs(self, metadata: Metadata) -> dict[str, tuple[RefKind, str]]:
        """Returns the catalog's branches and tags at commits whose state is a snapshot."""
        repository = self.context.repository
        known = set(commit_ids(metadata))
        kinds: list[tuple[str, RefKind, str]] = [
            *(
                (one.name, "branch", one.commit_id)
                for one in repository.branches.heads()
                if one.commit_id is not None
            ),
            *((one.name, "tag", one.commit_id) for one in repository.tags.list()),
        ]
        found = {}
        for name, kind, commit_id in kinds:
            state = _state(repository.commits, self.origin.table, commit_id, known)
            if state is not None:
                found[name] = (kind, state)
        return found

    def _content(self, metadata: Metadata) -> bytes:
        """Returns a metadata file, which has a digest of itself."""
        origin = {
            _CATALOG: self.origin.catalog_id,
            _BRANCH: self.origin.branch,
            _TABLE: self.origin.table,
            _STATE: self._pending.state,
        }
        properties = {k: v for k, v in metadata["properties"].items() if k != _DIGEST} | origin
        whole = with_refs(metadata, self._refs(metadata)) | {"properties": properties}
        properties[_DIGEST] = _digest(whole)
        self._pending.metadata = whole
        return json.dumps(whole, ensure_ascii=False, indent=1).encode()

    def _origin(self, metadata: Metadata) -> Origin:
        said = metadata["properties"]
        return Origin(said.get(_CATALOG, ""), said.get(_BRANCH, ""), said.get(_TABLE, ""))

    def _own(self, number: int) -> Metadata | None:
        """Returns a metadata file, if it was written here; None for anybody else's."""
        content = self.target.read(self._place(f"v{number}.metadata.json")).data
        try:
            metadata = json.loads(content)
            said = metadata["properties"]
            whole = {**metadata, "properties": {k: v for k, v in said.items() if k != _DIGEST}}
            own = said[_DIGEST] == _digest(whole)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return metadata if own else None

    def _foreign(self, number: int) -> AlreadyExists:
        where = self.target.uri(self._place(f"v{number}.metadata.json"))
        return AlreadyExists(
            f"{where} was not published from this branch",
            kind=ErrorKind.FOREIGN_TARGET,
            hint=hint(
                "publish to another directory; if it began as a copy of this branch, {} makes it "
                "anew",
                Option("again"),
            ),
        )

    def _numbers(self) -> list[int]:
        """Returns the numbers of the metadata files, in order."""
        start = self._place("")
        names = (one.path.removeprefix(start) for one in self.target.list(f"{start}v"))
        return sorted(int(found[1]) for name in names if (found := _METADATA.fullmatch(name)))

    def _check_empty(self) -> None:
        """Checks that nothing is where a table is going to begin, but what a publication left."""
        for one in self.target.list(f"{self.folder}/" if self.folder else ""):
            inner = one.path.removeprefix(f"{self.folder}/" if self.folder else "")
            if not _LEFT_BEHIND.fullmatch(inner):
                raise AlreadyExists(
                    f"{self.target.uri(one.path)} is in the way: it is not of a table published "
                    "from here",
                    kind=ErrorKind.FOREIGN_TARGET,
                    hint="publish to another directory, or remove it",
                )

    def _place(self, name: str) -> str:
        return f"{self.folder}/{METADATA}/{name}".lstrip("/")

    def _read(self, location: str) -> bytes:
        path = f"{self.folder}{location.removeprefix(self.location)}".lstrip("/")
        try:
            return self.target.read(path).data
        except NotFound as error:
            raise CorruptData(
                f"{location} is gone, which says what files the published table has",
                kind=ErrorKind.OBJECT_NOT_FOUND,
                hint=hint("make the table anew from the commits: {}", Option("again")),
            ) from error

    def _write(self, name: str, content: bytes) -> str:
        with suppress(AlreadyExists):  # the same content has the same name
            self.target.create(self._place(name), content)
        return f"{self.location}/{METADATA}/{name}"

    def _point_to(self, number: int) -> None:
        """Tells readers of the directory which metadata file is the newest."""
        wanted = str(number).encode()
        with suppress(NotFound):
            if self.target.read(self._place(HINT)).data == wanted:
                return
        self.target.put(self._place(HINT), wanted)

    def _remove(self) -> None:
        """Removes the table, its newest metadata first."""
        for number in reversed(self._numbers()):
            self.target.delete(self._place(f"v{number}.metadata.json"))
        for one in list(self.target.list(f"{self.folder}/" if self.folder else "")):
            self.target.delete(one.path)


def table_commit(commits: Commits, step: Step) -> TableCommit | None:
    """Returns the state of a table that a step shows; None if the commit has no such table."""
    table, before = step.table, step.before
    if table is None:
        return None
    old = None if before is None else before[1]
    if old is not None and old.snapshot.table_id != table.snapshot.table_id:
        old = None

    def changes() -> tuple[Sequence[DataFile], Sequence[DataFile]]:
        old_commit = None if before is None else before[0]
        return changed_files(commits, old, table, old_commit=old_commit, new_commit=step.commit_id)

    return TableCommit(
        step.commit_id,
        step.commit.time,
        table.snapshot,
        lambda: data_files(commits, table),
        None if old is None else changes,
        step.commit.message,
    )


def _state(commits: Commits, table: str, commit_id: str, known: set[str]) -> str | None:
    """Returns the commit among some that shows a table as it is at another commit."""
    entry = commits.entry(commit_id, table)
    if entry is None:
        return None
    for logged in first_parents(commits.read, commit_id):
        if logged.id in known:
            then = commits.entry(logged.id, table)
            if then is None:
                return None
            same = then.entry.snapshot == entry.entry.snapshot or visible(
                commits.table(then).snapshot
            ) == visible(commits.table(entry).snapshot)
            return logged.id if same else None
    return None


def _digest(metadata: Mapping[str, Any]) -> str:
    return content_id(canonical_json(metadata))
