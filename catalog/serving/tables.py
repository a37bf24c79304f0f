"""Tables as clients load them: Iceberg's metadata, cut to what a ref has, over the data files."""

import contextlib
import itertools
import json
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from catalog.dataclasses import dataclass, field
from catalog.engine.verification import verified
from catalog.errors import CatalogError, CorruptData, ErrorKind, NotFound, Unsupported
from catalog.formats.iceberg.metadata import (
    Destination,
    Metadata,
    RefKind,
    TableCommit,
    extend,
    with_refs,
)
from catalog.formats.iceberg.metadata_manifests import ManifestStore
from catalog.model.datafile import DataFile
from catalog.model.ids import content_id
from catalog.repository.repository import Repository
from catalog.repository.tables import changed_files, data_files
from catalog.serving.files import ServedFiles
from catalog.serving.folders import MetadataFolder
from catalog.serving.namespaces import FoundTable
from catalog.serving.states import State, states

T = TypeVar("T")

KEPT = 256
"""States of tables whose metadata is kept in memory, some 100 kB each."""

KEPT_ANSWERS = 32
"""Answers kept of each: the refs in them are other ones where a branch or a tag is asked for."""

MAX_TAGS = 100
"""Most tags of a catalog of which those of a table's history become refs of its metadata: with
more, the namespaces alone name them, since each would be read for it."""

Key = tuple[str, str, str]
"""What metadata is kept by: the table's id, the first and the last commit of the history."""


Refs = tuple[tuple[str, tuple[RefKind, str]], ...]
"""Refs of metadata by name, each with its kind and its commit."""


@dataclass(frozen=True, slots=True)
class LoadedTable:
    """A table as clients load it.

    Attributes:
        etag: What its metadata is known by: another one for each state.
        body: The answer to who loads it.
    """

    etag: str
    body: bytes


@dataclass(frozen=True, slots=True)
class _History:
    """The metadata of the states of a table.

    Attributes:
        folder: Where it is kept.
        metadata: The metadata, without refs.
        answers: What was answered so far, by refs.
    """

    folder: MetadataFolder
    metadata: Metadata
    answers: dict[Refs, LoadedTable] = field(default_factory=dict)


class TableCache:
    """Makes the metadata of tables, and keeps it while nothing moves."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._histories: OrderedDict[Key, _History | Unsupported] = OrderedDict()
        self._files: OrderedDict[Key, tuple[DataFile, ...]] = OrderedDict()
        self._tags: dict[str, str] = {}
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}

    def load(self, found: FoundTable) -> LoadedTable:
        """Returns a table as clients load it.

        Raises:
            Unsupported: Iceberg cannot say what the table is.
            CorruptData: A data file was changed since it was committed.
        """
        line = states(self._repository.commits, found.place.ref.commit_id, found.stored)
        with self._locks.setdefault(found.stored.snapshot.table_id, threading.Lock()):
            history, line = self._sound(line, found)
            refs = self._refs(found, line)
            return self._answer(history, refs)

    def _sound(self, line: list[State], found: FoundTable) -> tuple[_History, list[State]]:
        """Returns the history of a table, of which all files are as they were committed.

        If Iceberg cannot say what it was like before, or files of then are gone, it has the newest
        state only.
        """
        name = found.stored.name
        what = f"table {name} at {found.place.ref.text}"
        if len(line) > 1:
            try:
                return self._history(line, name, what), line
            except (Unsupported, CorruptData):
                pass
            except NotFound as error:
                if error.kind != ErrorKind.DATA_EXPIRED:
                    raise
        return self._history(line[-1:], name, what), line[-1:]

    def _history(self, line: Sequence[State], name: str, what: str) -> _History:
        """Returns a history, made again where its metadata is gone.

        Its files are looked at before what is in them is told, and after.

        Raises:
            Unsupported: Iceberg cannot say what the table is.
            CorruptData: A file is not what was committed to ``what``.
        """
        key = _key(line, len(line))
        files = self._files.get(key)
        if files is None:
            files = tuple(self._all_files(line))
        self._keep(self._files, key, files)
        for state in line:
            self._repository.expiry.check_there(state.id, files)
        verified(self._repository, files, what=what)
        known = self._histories.get(key)
        if isinstance(known, _History) and not known.folder.is_whole():
            known = None
        if known is None:
            try:
                known = self._made(line, name)
            except Unsupported as error:
                known = error
            verified(self._repository, files, what=what)
        self._keep(self._histories, key, known)
        if isinstance(known, Unsupported):
            raise known
        return known

    def _keep(self, kept: OrderedDict[Key, T], key: Key, made: T) -> None:
        """Keeps something as what was asked for last; what was not for longest goes."""
        with self._lock:
            kept[key] = made
            kept.move_to_end(key)
            while len(kept) > KEPT:
                kept.popitem(last=False)

    def _made(self, line: Sequence[State], name: str) -> _History:
        """Makes the metadata of a history, from that of its beginning if that is known."""
        for length in range(len(line) - 1, 0, -1):
            start = self._histories.get(_key(line, length))
            if isinstance(start, _History) and start.folder.is_whole():
                with contextlib.suppress(KeyError):  # a file there is another one by now
                    return self._extended(start, line, name)
        first = line[0].first
        folder = MetadataFolder(self._repository.store, first.table.snapshot.table_id, line[0].id)
        return self._extended(_History(folder, {}), line, name)

    def _extended(self, start: _History, line: Sequence[State], name: str) -> _History:
        done = len(start.metadata.get("snapshots", ()))
        to = Destination(
            name,
            start.folder.location,
            ServedFiles(self._repository.store, start.folder, name),
            ManifestStore(start.folder.read, start.folder.write),
        )
        commits = [
            self._commit(line[n], line[n - 1] if n else None) for n in range(done, len(line))
        ]
        return _History(start.folder, extend(start.metadata or None, commits, to))

    def _commit(self, state: State, before: State | None) -> TableCommit:
        commits, table = self._repository.commits, state.first.table

        def changes() -> tuple[list[DataFile], list[DataFile]]:
            assert before is not None, "the first state is told in full"
            return changed_files(
                commits,
                before.first.table,
                table,
                old_commit=before.commits[0],
                new_commit=state.id,
            )

        return TableCommit(
            state.id,
            state.first.commit.time,
            table.snapshot,
            lambda: data_files(commits, table),
            changes if before is not None else None,
            state.first.commit.message,
        )

    def _all_files(self, line: Sequence[State]) -> Iterator[DataFile]:
        """Yields the files of all states, without statistics.

        Others may have replaced a file that was taken where it is: then both are files of its name.
        """
        commits, seen = self._repository.commits, set[tuple[str, str, str | None]]()
        files = data_files(commits, line[-1].first.table, fields=())
        pairs = itertools.pairwise(line)
        gone = (file for before, state in pairs for file in self._gone(before, state))
        for file in itertools.chain(files, gone):
            stored = file.path, file.token, file.guard
            if stored not in seen:
                seen.add(stored)
                yield file

    def _gone(self, before: State, state: State) -> list[DataFile]:
        """Returns the files that went between two states."""
        gone, _ = changed_files(
            self._repository.commits,
            before.first.table,
            state.first.table,
            old_commit=before.commits[0],
            new_commit=state.id,
            fields=(),
        )
        return gone

    def _refs(self, found: FoundTable, line: Sequence[State]) -> Refs:
        """Returns the refs of a table's metadata: the one that is asked for, and tags before it."""
        at = {commit_id: state.id for state in line for commit_id in state.commits}
        refs: dict[str, tuple[RefKind, str]] = {
            name: ("tag", at[commit_id])
            for name, commit_id in self._tagged().items()
            if commit_id in at
        }
        if found.place.ref.branch is not None:
            refs[found.place.ref.branch] = "branch", line[-1].id
        return tuple(sorted(refs.items()))

    def _tagged(self) -> Mapping[str, str]:
        """Returns the commits of all tags by name, unless they are too many."""
        tags = self._repository.tags
        names = list(tags.names())
        if len(names) > MAX_TAGS:
            return {}
        for name in names:
            if name not in self._tags:  # tags never move
                with contextlib.suppress(CatalogError):  # a damaged one
                    tag = tags.find(name)
                    self._tags |= {} if tag is None else {name: tag.commit_id}
        return {name: self._tags[name] for name in names if name in self._tags}

    def _answer(self, history: _History, refs: Refs) -> LoadedTable:
        known = history.answers.get(refs)
        if known is not None:
            return known
        metadata = with_refs(history.metadata, dict(refs))
        content = json.dumps(metadata, ensure_ascii=False).encode()
        etag = content_id(content)
        location = history.folder.write(f"{etag}.metadata.json", content)
        body = {"metadata-location": location, "metadata": metadata, "config": {}}
        loaded = LoadedTable(etag, json.dumps(body, ensure_ascii=False).encode())
        if len(history.answers) >= KEPT_ANSWERS:
            history.answers.clear()
        history.answers[refs] = loaded
        return loaded


def _key(line: Sequence[State], length: int) -> Key:
    """Returns by what the metadata of the beginning of a history is kept."""
    return line[0].first.table.snapshot.table_id, line[0].id, line[length - 1].id
