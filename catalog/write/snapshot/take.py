"""Snapshots: a table's state as a source has it, taken into the catalog."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from catalog.collecting import rarely_collected
from catalog.dataclasses import dataclass, replace
from catalog.engine.file_types import as_read, check_values
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.discover import discover, list_source
from catalog.formats.parquet import ParquetFooter
from catalog.formats.partition_columns import check_partition_column
from catalog.formats.source import Discovery, SourceFile
from catalog.formats.unify import Unified, unify
from catalog.hints import Hint, Option, hint
from catalog.model.lineage import LineageEntry
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.repository.stat_records import StatRecord, read_stat_records, write_stat_records
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore, RemoteFile
from catalog.write.file_fingerprints import keep_prints
from catalog.write.snapshot import ingest
from catalog.write.snapshot.false_claims import false_claims, with_right_stats
from catalog.write.snapshot.file_plan import (
    FilePlan,
    KnownFiles,
    SourceFiles,
    expected_file,
    full_entries,
    plan_files,
)
from catalog.write.snapshot.ingest import Mode, TakenFile
from catalog.write.snapshot.placement import Placement
from catalog.write.snapshot.table_plan import (
    PartitionSpec,
    SnapshotTask,
    partition_spec,
    table_snapshot,
)
from catalog.write.working_table import same_shape


@dataclass(frozen=True, slots=True)
class SnapshotReport:
    """What a snapshot does to a table.

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
    """A snapshot ready to be committed; the update is None if nothing changed.

    Attributes:
        placement: Gives copies their places, which they need before they are read or committed.
    """

    update: TableUpdate | None
    report: SnapshotReport
    lineage: LineageEntry
    placement: Placement | None = None


def take_snapshot(task: SnapshotTask) -> TakenSnapshot:
    """Takes a table's state from a source; the catalog's refs do not move.

    All files are read before the first gets a place in the store.

    Raises:
        InvalidInput: The source, its schema or the request is not valid.
        CorruptData: A file is damaged, or changed while it was read.
        NotFound: The source is missing.
    """
    store, mode = task.store, task.mode
    listing = _discover(task)
    records = read_stat_records(store, task.name, listing.root)
    known = {file.path: ingest.recorded_token(records, file) for file in listing.files}
    with rarely_collected():
        source, seen, unified = _read_and_unify(task, listing, known)
    snapshot = table_snapshot(unified, source.spec, task)
    unknown = [
        file
        for file in listing.files
        if source.expected[file.path] is None and known[file.path] is None
    ]
    remote = ingest.copied_remotely(store, listing.files, mode, seen=seen, unknown=unknown)
    taken: list[TakenFile] = []
    try:
        for file in listing.files:
            taken.append(
                ingest.take(
                    store,
                    file,
                    mode,
                    known=known[file.path],
                    remote=remote.get(file.path),
                    dry_run=task.dry_run,
                )
            )
        _check_listing(task, listing)
        with rarely_collected():
            plan = plan_files(task, source, taken=taken, unified=unified)
        found = _result(task, snapshot, plan, listing=listing)
        if task.dry_run:
            ingest.discard(taken)
            return found
        found = _read(task, found, plan)
        placed = set(map(id, plan.sources))
        ingest.discard([one for one in taken if id(one) not in placed])
        pairs = [(one, file.path) for one, file in zip(plan.sources, plan.added, strict=True)]
        remember = partial(_remember, task, listing, taken)
        return _placed(found, Placement(store, pairs, mode, remember=remember), mode)
    except BaseException:
        ingest.discard(taken)
        raise


def _read_and_unify(
    task: SnapshotTask, listing: Discovery, tokens: Mapping[str, str | None]
) -> tuple[SourceFiles, dict[str, RemoteFile], Unified]:
    """Reads the files of a source as far as they are not known, and finds their common schema.

    If there is none, those that the table has already are read as well: earlier versions may have
    stored other types of them than the engine reads.
    """
    source, seen = _read_source(task, listing, tokens)
    try:
        return source, seen, _unify(task, source)
    except InvalidInput as error:
        if error.kind != ErrorKind.SCHEMA_MISMATCH or not any(source.expected.values()):
            raise
    source, seen = _read_source(task, listing, tokens, anew=True)
    return source, seen, _unify(task, source)


def _read(task: SnapshotTask, found: TakenSnapshot, plan: FilePlan) -> TakenSnapshot:
    """Reads the files that a table gets, for their fingerprints, where they are now."""
    if found.update is None or not task.request.fingerprints_now:
        return found
    sources = {
        file.path: ingest.taken_from(task.store, one, claims)
        for file, one, claims in zip(plan.added, plan.sources, plan.claims, strict=True)
    }
    wanted = task.request.prints
    kept = keep_prints(task.repository, found.update, {}, prints=wanted, sources=sources)
    added = tuple(with_right_stats(file, kept.prints[file.identity]) for file in plan.added)
    false = false_claims(found.update.snapshot, added, kept.prints, sources)
    warnings = (*found.report.warnings, *false, *kept.warnings)
    return replace(
        found,
        update=replace(found.update, added=added),
        report=replace(found.report, warnings=warnings),
    )


def _placed(found: TakenSnapshot, placement: Placement, mode: Mode) -> TakenSnapshot:
    """Returns a snapshot whose files have their guards; copies have none, and can wait."""
    if mode is Mode.COPY and found.update is not None:
        return replace(found, placement=placement)
    guards = placement.place()
    if found.update is None:
        return found
    added = tuple(
        replace(file, guard=guard) for file, guard in zip(found.update.added, guards, strict=True)
    )
    return replace(found, update=replace(found.update, added=added))


def _discover(task: SnapshotTask) -> Discovery:
    source, store, request = task.source, task.store, task.request
    names = [name for name, _ in request.partition_by or ()]
    if task.base is not None and not names:
        names = [name for name, _ in task.base.snapshot.partition_fields]
    listing = discover(source, names, store=store, missing_ok=request.allow_empty)
    if not listing.files:
        if not request.allow_empty:
            raise InvalidInput(
                f"{source} has no Parquet files",
                kind=ErrorKind.EMPTY_SOURCE,
                hint=_if_empty(listing),
            )
        listing = replace(listing, columns=tuple(names))
    _check_apart(listing, store)
    return listing


def _if_empty(listing: Discovery) -> Hint:
    empty = Option("allow_empty")
    if not listing.ignored:
        return hint("{} takes it as a table without rows", empty)
    return hint(
        "{} takes files of any kind; {} takes it as a table without rows",
        Option("format", "files"),
        empty,
    )


def _check_apart(listing: Discovery, store: ObjectStore) -> None:
    elsewhere = is_remote(listing.root)
    if elsewhere != is_remote(store.location):
        return
    ends = (store.location, listing.root)
    home, inner = (end if elsewhere else os.path.realpath(end) for end in ends)
    if inner == home or inner.startswith(home + os.sep):
        raise InvalidInput(
            f"{listing.root} is inside the catalog itself",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="export the table first, or name the files it came from",
        )
    within = f"{home.removeprefix(inner + os.sep)}{os.sep}"
    if within and any(file.relative.startswith(within) for file in listing.files):
        raise InvalidInput(
            f"{listing.root} contains the catalog itself",
            kind=ErrorKind.PATH_OUTSIDE,
            hint="name the directory of the table, or a pattern such as *.parquet",
        )


def _read_source(
    task: SnapshotTask,
    listing: Discovery,
    tokens: Mapping[str, str | None],
    *,
    anew: bool = False,
) -> tuple[SourceFiles, dict[str, RemoteFile]]:
    """Reads the footers of the files that are not recognised without that, or of all ``anew``.

    Returns:
        The files; what the server said about those that were read, by path.
    """
    store, request = task.store, task.request
    spec = partition_spec(listing, task.base, request)
    full = request.scope == "full"
    known = KnownFiles.load(task.repository.commits, task.base, spec, full=full)
    expected = {
        file.path: None
        if anew
        else expected_file(
            file,
            known,
            partition=spec.values[file.path],
            mode=task.mode,
            token=tokens[file.path],
        )
        for file in listing.files
    }
    needed = [file for file in listing.files if expected[file.path] is None]
    footers: dict[str, ParquetFooter] = {}
    seen: dict[str, RemoteFile] = {}
    for file, (stored, remote) in zip(needed, ingest.footers(store, needed), strict=True):
        footer = footers[file.path] = as_read(stored, file.path, task.engine)
        if request.fingerprints_now:
            check_values(footer, file.path, task.engine)
        seen.update({} if remote is None else {file.path: remote})
        _check_partition_columns(store, file, footer, spec=spec)
    return SourceFiles(listing, spec, known, expected, footers), seen


def _check_partition_columns(
    store: ObjectStore, file: SourceFile, footer: ParquetFooter, *, spec: PartitionSpec
) -> None:
    values = spec.values[file.path]
    for (name, stated), kind, value in zip(file.hive, spec.kinds, values, strict=True):
        present = [known for known, _ in footer.columns if known.casefold() == name.casefold()]
        if len(present) > 1:
            raise InvalidInput(
                f"{file.path} has columns {' and '.join(present)}, and {name} in its path",
                kind=ErrorKind.BAD_COLUMNS,
                hint="write the files with one of them",
            )
        for known in present:
            check_partition_column(
                file.path,
                footer,
                name=known,
                kind=kind,
                value=value,
                stated=stated,
                types=dict(zip(spec.names, spec.kinds, strict=True)),
                opened=partial(ingest.readable_source, store, file),
            )


def _unify(task: SnapshotTask, source: SourceFiles) -> Unified:
    base, empty = task.base, not source.listing.files
    if base is None and empty:
        raise InvalidInput(
            "a new table needs at least one file, from which it gets its columns",
            kind=ErrorKind.EMPTY_SOURCE,
            hint=hint("{} takes files of any kind", Option("format", "files"))
            if source.listing.ignored
            else "",
        )
    existing = None if base is None else base.snapshot
    partition = list(zip(source.spec.names, source.spec.kinds, strict=True))
    keep = task.request.scope != "full" or empty
    return unify(source.layouts(), partition, existing, keep_columns=keep)


def _check_listing(task: SnapshotTask, listing: Discovery) -> None:
    """Checks that no file came, went or changed since the source was listed."""
    if not listing.files:
        return

    def seen(files: Sequence[SourceFile]) -> set[tuple[str, int, int, int]]:
        return {(f.path, f.size_bytes, f.mtime_ns, f.inode) for f in files}

    before, after = seen(listing.files), seen(list_source(task.source, task.store).files)
    if before != after:
        raise ingest.changed(min(before ^ after)[0])


def _remember(task: SnapshotTask, listing: Discovery, taken: Sequence[TakenFile]) -> None:
    mode = task.mode
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
    write_stat_records(task.store, task.name, listing.root, records, now_ns=time.time_ns())


def _result(
    task: SnapshotTask, snapshot: TableSnapshot, plan: FilePlan, *, listing: Discovery
) -> TakenSnapshot:
    name, base, request = task.name, task.base, task.request
    old = base.snapshot if base is not None else TableSnapshot(snapshot.schema, 0)
    respecified = old.partition_by != snapshot.partition_by
    changed = base is None or bool(plan.added or plan.removed) or not same_shape(old, snapshot)
    removed = plan.removed
    if base is not None and changed and not respecified:
        removed = full_entries(task.repository.commits, base, removed, added=len(plan.added))
    warnings = [*plan.warnings, *listing.warnings]
    if base is not None:
        kept = old.files - len(plan.removed)
        warnings.extend(_key_change(name, old, snapshot, files_kept=kept))
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
    facts = {"source": listing.root, "mode": request.mode, "scope": request.scope}
    lineage = LineageEntry("snapshot", facts=facts)
    update = TableUpdate(name, base, snapshot, removed, plan.added) if changed else None
    return TakenSnapshot(update, report, lineage)


def _key_change(
    name: str, old: TableSnapshot, new: TableSnapshot, *, files_kept: int
) -> Iterator[str]:
    """Yields warnings about a change of a table's key."""
    if old.key == new.key:
        return
    before, after = (", ".join(side.key_names) for side in (old, new))
    if before:
        yield f"the key of {name} was {before} and is now {after or 'none'}"
    if after and files_kept:
        kept = (
            "1 file that stays was" if files_kept == 1 else f"{files_kept:,} files that stay were"
        )
        yield f"{kept} not checked for NULL and duplicates in the key of {name} ({after})"
