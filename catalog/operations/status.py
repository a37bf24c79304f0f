"""Sources of tables, and what a snapshot of them would change."""

import os
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Literal, TypeAlias

from catalog.dataclasses import dataclass
from catalog.errors import CorruptData
from catalog.model.file_sets import is_file_set
from catalog.model.guards import GivenGuard, Guard
from catalog.model.lineage_reading import lineage_entry
from catalog.model.listings import CommitInfo, commit_info
from catalog.model.texts import path_text
from catalog.operations.context import OperationContext
from catalog.operations.tables import find_table, tables
from catalog.operations.transaction import CatalogTransaction
from catalog.repository.history import walk
from catalog.storage.external_files import is_remote
from catalog.write.snapshot.outcome import SnapshotReport
from catalog.write.transaction import Authorship

COMMITS_SEARCHED = 500
"""Commits among which the last snapshot of a table is looked for: more than a year of nightly ones,
and in a bucket a request for each that nobody has read before."""

State: TypeAlias = Literal["new", "changed", "unchanged", "missing"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a table comes from, and how a snapshot takes it.

    Attributes:
        table: The table.
        source: A directory, file or glob of Parquet, or a table of Delta or Iceberg.
        key: Key columns; None keeps the table's.
        partition_by: Names and types of the partition columns, a type of None being inferred;
            None takes them from the paths.
        mode: How the bytes get in.
        scope: What the source replaces.
        format: What the source is; ``auto`` is a directory of anything where the branch has the
            table as a file set.
        at: Which version of a table of Delta or Iceberg is meant; None is the newest.
        guard: What a snapshot may do to the table, as ``tx.snapshot`` takes it.
    """

    table: str
    source: str
    key: tuple[str, ...] | None = None
    partition_by: tuple[tuple[str, str | None], ...] | None = None
    mode: Literal["copy", "link", "reference"] = "copy"
    scope: Literal["full", "partitions", "append"] = "full"
    format: Literal["auto", "parquet", "delta", "iceberg", "files"] = "auto"
    at: str | None = None
    guard: GivenGuard | Guard | None = None


@dataclass(frozen=True, slots=True)
class TableStatus:
    """What a snapshot of a source would change.

    Attributes:
        table: The table.
        source: Its source.
        state: Whether the table would be made or changed, or its source is missing.
        files_added: Files that would come.
        files_removed: Files that would go.
        files_kept: Files that would stay.
        rows_before: Rows of the table on the branch; None if it is not there.
        report: What the snapshot would come to; None if the source is missing.
        last_snapshot: The newest commit of the branch that took the table from a source, of the
            last 500; None if none of them did.
    """

    table: str
    source: str
    state: State
    files_added: int
    files_removed: int
    files_kept: int
    rows_before: int | None = None
    report: SnapshotReport | None = None
    last_snapshot: CommitInfo | None = None


def status(context: OperationContext, sources: Sequence[Source], branch: str) -> list[TableStatus]:
    """Returns what a snapshot of some sources would change, without writing anything.

    Raises:
        CatalogError: A source could not be taken, as a snapshot would say.
    """
    known = {info.name.casefold(): info for info in tables(context, branch)}
    names = {one.table.casefold() for one in sources if one.table.casefold() in known}
    last = _last_snapshots(context, branch, names)
    found = []
    for one in sources:
        source, folded = path_text(one.source, "the source"), one.table.casefold()
        here = known.get(folded)
        report = None
        if _may_be_there(source):
            report = _report(context, one, source, branch=branch)
        state: State = "missing" if report is None else "changed" if report.changed else "unchanged"
        found.append(
            TableStatus(
                one.table,
                one.source,
                "new" if report is not None and here is None else state,
                files_added=0 if report is None else report.files_added,
                files_removed=0 if report is None else report.files_removed,
                files_kept=0 if report is None else report.files_kept,
                rows_before=None if here is None else here.rows,
                report=report,
                last_snapshot=last.get(folded),
            )
        )
    return found


def _may_be_there(source: str) -> bool:
    """Returns whether a source exists, as far as a look at its name tells."""
    elsewhere = is_remote(source) or source.startswith(("delta:", "iceberg:"))
    return elsewhere or bool(set("*?[") & set(source)) or os.path.exists(source)


def _report(context: OperationContext, one: Source, source: str, *, branch: str) -> SnapshotReport:
    """Returns what a snapshot of a source would come to."""
    form = one.format
    if form == "auto" and _is_file_set(context, one, branch):
        form = "files"
    with CatalogTransaction(context, Authorship(branch, context.author), dry_run=True) as tx:
        return tx.snapshot(
            one.table,
            source,
            key=one.key,
            partition_by=None if one.partition_by is None else dict(one.partition_by),
            mode=one.mode,
            scope=one.scope,
            format=form,
            at=one.at,
            allow_empty=True,
            guard=one.guard,
        )


def _last_snapshots(
    context: OperationContext, branch: str, tables: Collection[str]
) -> Mapping[str, CommitInfo]:
    """Returns the newest commits that took tables from a source, by their folded names."""
    found: dict[str, CommitInfo] = {}
    wanted = set(tables)
    head = context.resolve(branch).commit_id
    for logged in islice(walk(context.repository.commits.read, head), COMMITS_SEARCHED):
        if not wanted:
            break
        for name, stored in logged.commit.lineage.items():
            if name.casefold() in wanted and _is_snapshot(stored):
                wanted.remove(name.casefold())
                found[name.casefold()] = commit_info(logged.id, logged.commit)
    return found


def _is_snapshot(stored: object) -> bool:
    try:
        return lineage_entry(stored).operation == "snapshot"
    except CorruptData:  # reading the lineage itself says what is wrong
        return False


def _is_file_set(context: OperationContext, one: Source, branch: str) -> bool:
    table = find_table(context.repository, one.table, context.resolve(branch))
    return table is not None and is_file_set(table.snapshot.properties)
