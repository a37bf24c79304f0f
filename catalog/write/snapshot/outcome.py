"""What a snapshot comes to: the update of the table, and the report about it."""

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from catalog.dataclasses import dataclass, replace
from catalog.diff.plan import SchemaChange
from catalog.errors import ErrorKind, InvalidInput
from catalog.formats.source import Discovery
from catalog.model.judgement import Violation
from catalog.model.lineage import LineageEntry
from catalog.model.table import TableSnapshot
from catalog.repository.commit_writer import TableUpdate
from catalog.storage.external_files import is_remote
from catalog.storage.store import ObjectStore
from catalog.write.context import FreshPrints
from catalog.write.file_fingerprints import keep_prints
from catalog.write.snapshot import ingest
from catalog.write.snapshot.drift import (
    PartitionChange,
    partition_changes,
    schema_changes,
    stray_indexes,
)
from catalog.write.snapshot.false_claims import false_claims, with_right_stats
from catalog.write.snapshot.file_plan import FilePlan, KnownFiles, full_entries
from catalog.write.snapshot.ingest import Mode
from catalog.write.snapshot.placement import Placement
from catalog.write.snapshot.table_plan import SnapshotJudge, SnapshotTask, check_key_stays
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
        rows_before: Rows of the table on the branch; None if it is new.
        schema_changes: How its columns, key and partitioning change; empty if it is new.
        key: Its key columns afterwards.
        null_keys: Rows of the files that come with NULL in the key; None if nobody looked, as in a
            dry run.
        repeated_keys: Rows of the files that come whose key others of them have, too; None if
            nobody looked.
        partitions: The partitions that come, go or have other files, in order; empty if the table
            is not partitioned, or was in another way.
        violations: What its guard does not allow; nothing is committed then.
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
    rows_before: int | None = None
    schema_changes: tuple[SchemaChange, ...] = ()
    key: tuple[str, ...] = ()
    null_keys: int | None = None
    repeated_keys: int | None = None
    partitions: tuple[PartitionChange, ...] = ()
    violations: tuple[Violation, ...] = ()


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


def fingerprinted(
    task: SnapshotTask,
    found: TakenSnapshot,
    plan: FilePlan,
    fresh: FreshPrints | None = None,
) -> TakenSnapshot:
    """Reads the files that a table gets, for their fingerprints, where they are now.

    Those of files that were just written may be ``fresh``.
    """
    if found.update is None or not task.request.fingerprints_now:
        return found
    sources = {
        file.path: ingest.taken_from(task.store, one, claims)
        for file, one, claims in zip(plan.added, plan.sources, plan.claims, strict=True)
    }
    wanted = task.request.prints
    kept = keep_prints(task.repository, found.update, fresh or {}, prints=wanted, sources=sources)
    added = tuple(with_right_stats(file, kept.prints[file.identity]) for file in found.update.added)
    false = false_claims(found.update.snapshot, added[: len(plan.added)], kept.prints, sources)
    nothing_came = (0, 0) if found.report.key and not added else (None, None)
    nulls, repeated = kept.bad_keys or nothing_came
    report = replace(
        found.report,
        warnings=(*found.report.warnings, *false, *kept.warnings),
        null_keys=nulls,
        repeated_keys=repeated,
    )
    return replace(found, update=replace(found.update, added=added), report=report)


def with_guards(found: TakenSnapshot, placement: Placement, mode: Mode) -> TakenSnapshot:
    """Returns a snapshot whose files have their guards; copies have none, and can wait."""
    if mode is Mode.COPY and found.update is not None:
        return replace(found, placement=placement)
    guards = placement.place()
    if found.update is None:
        return found
    listed, written = found.update.added[: len(guards)], found.update.added[len(guards) :]
    guarded = [replace(file, guard=guard) for file, guard in zip(listed, guards, strict=True)]
    return replace(found, update=replace(found.update, added=(*guarded, *written)))


def check_apart(listing: Discovery, store: ObjectStore) -> None:
    """Checks that a source is neither in the catalog nor around it.

    Raises:
        InvalidInput: It is.
    """
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


def outcome(
    task: SnapshotTask,
    snapshot: TableSnapshot,
    plan: FilePlan,
    *,
    listing: Discovery,
    known: KnownFiles,
    facts: Mapping[str, str | int] = MappingProxyType({}),
) -> TakenSnapshot:
    """Returns what a plan comes to; ``facts`` are recorded of the source."""
    name, base, request = task.name, task.base, task.request
    old = base.snapshot if base is not None else TableSnapshot(snapshot.schema, 0)
    added = (*plan.added, *plan.written)
    respecified = old.partition_by != snapshot.partition_by
    changed = base is None or bool(added or plan.removed) or not same_shape(old, snapshot)
    removed = plan.removed
    if base is not None and changed and not respecified:
        removed = full_entries(task.repository.commits, base, removed, added=len(added))
    before = None if base is None else base.snapshot
    warnings = [*plan.warnings, *listing.warnings, *stray_indexes(name, before, snapshot)]
    if base is not None:
        kept = old.files - len(plan.removed)
        warnings.extend(_key_change(name, old, snapshot, files_kept=kept))
    copied = added if request.mode == "copy" else plan.written
    rows = old.rows + sum(f.rows for f in added) - sum(f.rows for f in removed)
    report = SnapshotReport(
        table=name,
        changed=changed,
        files_added=len(added),
        files_removed=len(plan.removed),
        files_kept=old.files - len(plan.removed),
        rows=rows,
        size_bytes=old.size_bytes
        + sum(f.size_bytes for f in added)
        - sum(f.size_bytes for f in removed),
        bytes_copied=sum(f.size_bytes for f in copied),
        warnings=tuple(warnings),
        rows_before=None if base is None else old.rows,
        schema_changes=schema_changes(name, before, snapshot),
        key=snapshot.key_names,
        partitions=partition_changes(
            task.repository.commits, base, snapshot, plan=plan, known=known
        ),
        violations=violations(task.judge, name, before=before, after=replace(snapshot, rows=rows)),
    )
    about = {"source": listing.root, "mode": request.mode, "scope": request.scope, **facts}
    lineage = LineageEntry("snapshot", facts=about)
    if not report.violations:
        check_key_stays(snapshot.schema, task)
    taken = changed and not report.violations
    update = TableUpdate(name, base, snapshot, removed, added) if taken else None
    return TakenSnapshot(update, report, lineage)


def violations(
    judge: SnapshotJudge | None,
    name: str,
    *,
    before: TableSnapshot | None,
    after: TableSnapshot,
) -> tuple[Violation, ...]:
    """Returns what a snapshot does that is not allowed; a table that is new may be anything."""
    return () if judge is None or before is None else judge(name, before, after)


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
