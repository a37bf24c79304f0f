"""Snapshots: a table's state as a source has it, taken into the catalog."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.discover import discover
from catalog.formats.parquet import ParquetFooter
from catalog.formats.partition_columns import check_partition_column
from catalog.formats.source import Discovery, Layout, SourceFile
from catalog.formats.unify import Existing, Unified, unify
from catalog.model.datafile import DataFile
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.commits import Commits, StoredTable
from catalog.repository.stat_records import StatRecord, read_stat_records, write_stat_records
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore, RemoteFile
from catalog.write.snapshot import ingest
from catalog.write.snapshot.file_plan import FilePlan, KnownFiles, full_entries, plan_files
from catalog.write.snapshot.ingest import Mode, Taken
from catalog.write.snapshot.table_plan import (
    PartitionSpec,
    SnapshotRequest,
    partition_spec,
    table_snapshot,
)
from catalog.write.working_table import same_shape


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """Tells what a snapshot does to a table.

    Attributes:
        table: The table.
        changed: Whether anything differs from the branch.
        files_added: Files that come.
        files_removed: Files that go.
        files_kept: Files that stay.
        rows: Rows of the table afterwards.
        size_bytes: Bytes of the table afterwards.
        bytes_copied: Bytes that were copied into the catalog.
        warnings: What the user should know.
    """

    table: str
    changed: bool
    files_added: int
    files_removed: int
    files_kept: int
    rows: int
    size_bytes: int
    bytes_copied: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakenSnapshot:
    """Holds a snapshot ready to be committed; the update is None if nothing changed."""

    update: TableUpdate | None
    report: SnapshotReport
    lineage: Mapping[str, object]


def take_snapshot(
    store: ObjectStore,
    commits: Commits,
    name: str,
    base: StoredTable | None,
    source: str,
    request: SnapshotRequest,
    *,
    dry_run: bool,
) -> TakenSnapshot:
    """Takes a table's state from a source; the catalog's refs do not move.

    Args:
        store: Takes the files.
        commits: Reads the table.
        name: The table.
        base: The table as the branch has it; None if it is new.
        source: A directory, file or glob of Parquet.
        request: How.
        dry_run: Whether nothing may be written.

    Raises:
        InvalidInput: The source, its schema or the request makes no sense.
        CorruptData: A file is damaged, or changed while it was read.
        NotFound: The source is missing.
    """
    mode = Mode(request.mode)
    found = _discover(source, store, base, request)
    spec = partition_spec(found, base, request)
    known = KnownFiles.load(commits, base, spec, full=request.scope == "full")
    records = read_stat_records(store, name, found.root)
    footers: dict[str, ParquetFooter] = {}
    expected = {f.path: known.expected(f, spec, mode, records) for f in found.files}
    needed = [file for file in found.files if expected[file.path] is None]
    seen: dict[str, RemoteFile] = {}
    for file, (footer, learnt) in zip(needed, ingest.footers(store, needed), strict=True):
        footers[file.path] = footer
        seen.update({} if learnt is None else {file.path: learnt})
        _check_partition_columns(store, file, footer, spec)
    layouts = _layouts(found, footers, known, expected)
    unified = _unify(layouts, spec, base, request, empty=not found.files)
    snapshot = table_snapshot(unified, spec, base, request)
    taken: list[Taken] = []
    unknown = [
        file
        for file in found.files
        if expected[file.path] is None and not ingest.is_recorded(records, file)
    ]
    remote = ingest.copied_remotely(store, found.files, mode, seen, unknown)
    try:
        for file in found.files:
            taken.append(
                ingest.take(
                    store,
                    file,
                    mode,
                    records.get(file.relative),
                    remote=remote.get(file.path),
                    dry_run=dry_run,
                )
            )
        _check_listing(found, source, spec, store)
        plan = plan_files(name, taken, footers, unified, spec, known, mode, request.scope, store)
        if not dry_run:
            plan = replace(plan, added=_placed(store, plan, mode))
            _remember(store, name, found, taken, mode)
    finally:
        ingest.discard(taken)
    return _result(commits, name, base, snapshot, plan, found, request)


def _discover(
    source: str, store: ObjectStore, base: StoredTable | None, request: SnapshotRequest
) -> Discovery:
    names = [name for name, _ in request.partition_by or ()]
    if base is not None and not names:
        names = [name for name, _ in base.snapshot.partition_fields]
    found = discover(source, names, store=store, missing_ok=request.allow_empty)
    if not found.files:
        if not request.allow_empty:
            raise InvalidInput(
                f"{source} has no Parquet files",
                kind=ErrorKind.EMPTY_SOURCE,
                hint="--allow-empty takes it as a table without rows",
            )
        found = replace(found, columns=tuple(names))
    _check_apart(found, store)
    return found


def _check_apart(found: Discovery, store: ObjectStore) -> None:
    elsewhere = is_remote(found.root)
    if elsewhere != is_remote(store.location):
        return
    ends = (store.location, found.root)
    home, inner = (end if elsewhere else os.path.realpath(end) for end in ends)
    if inner == home or inner.startswith(home + os.sep):
        raise InvalidInput(
            f"{found.root} lies inside the catalog itself",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="export the table first, or name the files it came from",
        )
    within = f"{home.removeprefix(inner + os.sep)}{os.sep}"
    if within and any(file.relative.startswith(within) for file in found.files):
        raise InvalidInput(
            f"{found.root} has the catalog itself in it",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="name the directory of the table, or a pattern such as *.parquet",
        )


def _check_partition_columns(
    store: ObjectStore, file: SourceFile, footer: ParquetFooter, spec: PartitionSpec
) -> None:
    present = {name for name, _ in footer.columns}
    for name, kind, value in zip(spec.names, spec.kinds, spec.values[file.path], strict=True):
        if name in present:
            check_partition_column(
                file.path,
                footer,
                name,
                kind,
                value,
                opened=partial(ingest.readable_source, store, file),
            )


def _layouts(
    found: Discovery,
    footers: Mapping[str, ParquetFooter],
    known: KnownFiles,
    expected: Mapping[str, DataFile | None],
) -> dict[Layout, str]:
    layouts: dict[Layout, str] = {}
    for file in found.files:
        same = expected[file.path]
        columns = footers[file.path].columns if same is None else known.columns(same)
        layouts.setdefault(columns, file.path)
    return layouts


def _unify(
    layouts: Mapping[Layout, str],
    spec: PartitionSpec,
    base: StoredTable | None,
    request: SnapshotRequest,
    *,
    empty: bool,
) -> Unified:
    if base is None:
        if empty:
            raise InvalidInput(
                "a new table needs at least one file: it has no columns otherwise",
                kind=ErrorKind.EMPTY_SOURCE,
            )
        existing = None
    else:
        existing = Existing(base.snapshot.schema, base.snapshot.last_field_id)
    partition = list(zip(spec.names, spec.kinds, strict=True))
    keep = request.scope != "full" or empty
    return unify(layouts, partition, existing, keep_columns=keep)


def _check_listing(found: Discovery, source: str, spec: PartitionSpec, store: ObjectStore) -> None:
    """Checks that no file came, went or changed since the source was listed."""
    if not found.files:
        return

    def seen(files: Sequence[SourceFile]) -> list[tuple[str, int, int, int]]:
        return [(f.path, f.size_bytes, f.mtime_ns, f.inode) for f in files]

    again = discover(source, spec.names, store=store)
    if seen(again.files) != seen(found.files):
        before, after = set(seen(found.files)), set(seen(again.files))
        raise ingest.changed(min(before ^ after)[0])


def _placed(store: ObjectStore, plan: FilePlan, mode: Mode) -> tuple[DataFile, ...]:
    pairs = [(one, file.path) for one, file in zip(plan.sources, plan.added, strict=True)]
    guards = ingest.place(store, pairs, mode)
    return tuple(replace(file, guard=guard) for file, guard in zip(plan.added, guards, strict=True))


def _remember(
    store: ObjectStore, name: str, found: Discovery, taken: Sequence[Taken], mode: Mode
) -> None:
    if mode is Mode.REFERENCE:
        return
    records = {}
    for one in taken:
        ctime_ns = one.source.ctime_ns
        if mode is Mode.LINK:  # a new link is a change to the file
            try:
                ctime_ns = os.stat(one.source.path).st_ctime_ns
            except FileNotFoundError:
                continue
        records[one.source.relative] = StatRecord(
            one.source.size_bytes, one.source.mtime_ns, ctime_ns, one.source.inode, one.token
        )
    write_stat_records(store, name, found.root, records, now_ns=time.time_ns())


def _result(
    commits: Commits,
    name: str,
    base: StoredTable | None,
    snapshot: TableSnapshot,
    plan: FilePlan,
    found: Discovery,
    request: SnapshotRequest,
) -> TakenSnapshot:
    old = base.snapshot if base is not None else TableSnapshot(snapshot.schema, 0)
    respecified = old.partition_by != snapshot.partition_by
    changed = base is None or bool(plan.added or plan.removed) or not same_shape(old, snapshot)
    removed = plan.removed
    if base is not None and changed and not respecified:
        removed = full_entries(commits, base, removed, len(plan.added))
    warnings = list(plan.warnings)
    if found.ignored:
        warnings.append(f"{found.ignored} files in {found.root} are no Parquet and were left out")
    if base is not None:
        warnings.extend(_key_change(name, old, snapshot, old.files - len(plan.removed)))
    report = SnapshotReport(
        table=name,
        changed=changed,
        files_added=len(plan.added),
        files_removed=len(plan.removed),
        files_kept=old.files - len(plan.removed),
        rows=old.rows + sum(f.rows for f in plan.added) - sum(f.rows for f in removed),
        size_bytes=old.size_bytes
        + sum(f.size_bytes for f in plan.added)
        - sum(f.size_bytes for f in removed),
        bytes_copied=sum(f.size_bytes for f in plan.added) if request.mode == "copy" else 0,
        warnings=tuple(warnings),
    )
    lineage = {
        "operation": "snapshot",
        "source": found.root,
        "mode": request.mode,
        "scope": request.scope,
    }
    update = TableUpdate(name, base, snapshot, removed, plan.added) if changed else None
    return TakenSnapshot(update, report, lineage)


def _key_change(
    name: str, old: TableSnapshot, new: TableSnapshot, files_kept: int
) -> Iterator[str]:
    """Yields what to know where the key of a table becomes another."""
    if old.key == new.key:
        return
    before, after = (", ".join(side.key_names) for side in (old, new))
    if before:
        yield f"the key of {name} was {before} and is {after or 'none'} now"
    if after and files_kept:
        kept = (
            "1 file that stays was" if files_kept == 1 else f"{files_kept:,} files that stay were"
        )
        yield f"{kept} not looked at for NULL and duplicates in the key of {name} ({after})"
