"""Merges of an open catalog, and what is made of the same three-way merge: rebase, revert."""

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace
from catalog.errors import Conflict, ErrorKind, InvalidInput, NotFound
from catalog.model import listings
from catalog.model.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.operations.dry_run import tried_out
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.history import merge_bases
from catalog.write.context import WriteContext
from catalog.write.file_fingerprints import keep_prints
from catalog.write.merge.commits import Merge, MergedTable, merge_commits
from catalog.write.merge.conflicts import conflict_table
from catalog.write.merge.ends import Ends
from catalog.write.merge.rows import Resolution
from catalog.write.merge.table import MergeContext, MergeProgress
from catalog.write.publish import Proposal, publish

if TYPE_CHECKING:
    from catalog.catalog import Catalog

Resolutions = Resolution | Mapping[str, Resolution] | None
"""Which side is taken where both clash: for all tables, or by table; None leaves conflicts."""


@dataclass(frozen=True, slots=True)
class TableMerge:
    """Tells what a merge did to a table.

    Attributes:
        table: The table.
        how: ``taken`` as theirs has it since ours left it alone, ``merged`` row by row,
            ``conflict``; ``ours`` or ``theirs`` if the whole table is as that side has it, though
            both changed it, since a side was to be taken where rows could not be merged.
        files_added: Files that came.
        files_removed: Files that went.
        conflicts: Rows and cells in which both sides clash.
    """

    table: str
    how: str
    files_added: int
    files_removed: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class MergeReport:
    """Tells what a merge did, or would do.

    Attributes:
        branch: The branch merged into.
        ends: The three commits: base, ours, theirs. A base to which several were merged in a
            dry run is gone.
        commit: The commit made; None if nothing was to be merged, or in a dry run.
        tables: The tables of which theirs was not what ours had anyway.
        conflicts: All conflicts; see ``MergeConflict``.
    """

    branch: str
    ends: Ends
    commit: CommitInfo | None
    tables: tuple[TableMerge, ...] = ()
    conflicts: pa.Table = field(default_factory=lambda: conflict_table(()))

    @property
    def is_up_to_date(self) -> bool:
        """Tells whether the branch had all that was to be merged already."""
        return self.ends.base == self.ends.theirs


class ConflictedMerge(Exception):
    """Carries a merge that cannot be completed to who decides what becomes of it."""

    def __init__(self, ends: Ends, merge: Merge) -> None:
        super().__init__("a merge is in conflict")
        self.ends = ends
        self.merge = merge


def merge_into(
    owner: "Catalog",
    source: str,
    into: str,
    *,
    message: str | None,
    squash: bool,
    resolve: Resolutions,
    dry_run: bool,
    progress: MergeProgress | None,
) -> MergeReport:
    """Merges a ref into a branch; see ``Catalog.merge``."""
    from catalog.operations.merge.resume import (
        check_no_conflict_table,
        check_none_open,
        leave_branch,
    )

    into = canonical_name(into)
    theirs = owner.resolve(source).commit_id
    check_resolved(owner, resolve, (_existing(owner, into), theirs))
    check_no_conflict_table(owner, source, theirs, into)
    if not dry_run:
        check_none_open(owner, source, into)
    text = message or f"merge {source} into {into}"
    reports: list[MergeReport] = []

    with (
        tried_out(owner, dry_run=dry_run) as owner,
        merging(owner, dry_run=dry_run, progress=progress) as context,
    ):

        def propose(held: HeldBranch, head: str) -> Proposal | None:
            ends = Ends(base_of(owner, context, head, theirs), head, theirs)
            if ends.base == theirs:
                reports.append(MergeReport(into, ends, None))
                return None
            found = merged(owner, context, ends, resolve, whole=True)
            if found.conflicts.num_rows:
                raise ConflictedMerge(ends, found)
            reports.append(report(into, ends, found))
            if dry_run or (squash and not found.updates):
                return None
            parents = [head] if squash else [head, theirs]
            lineage = lineage_of("merge", found, theirs)
            return proposal(owner, parents, found.updates, text, f"merge: {source}", lineage)

        try:
            commit_id = publish(owner.repository, into, propose)
        except ConflictedMerge as error:
            if dry_run:
                return report(into, error.ends, error.merge)
            raise leave_branch(
                owner, context, source, into, error, message=text, squash=squash
            ) from None
        return with_commit(owner, reports[-1], commit_id)


@contextmanager
def merging(
    owner: "Catalog", *, dry_run: bool = False, progress: MergeProgress | None = None
) -> Iterator[MergeContext]:
    """Yields what merging needs, with an engine of its own that is closed afterwards."""
    repository = owner.repository
    work = Workspace(store=repository.store)
    try:
        with engine_errors():
            yield MergeContext(
                WriteContext(work, repository, prints=None if dry_run else {}),
                progress=progress or (lambda table, done, total: None),
            )
    finally:
        work.close()


def base_of(owner: "Catalog", context: MergeContext, left: str, right: str) -> str:
    """Returns the commit where two parted, from which a merge starts.

    Commits that were merged into each other crosswise parted in several. These are merged first,
    to a commit that no branch is at; where they clash, it has what was there before, so that
    what the two made of it clashes again.
    """
    repository = owner.repository
    base, *others = merge_bases(repository.commits.read, left, right)
    for other in others:
        before = base_of(owner, context, base, other)
        found = merged(owner, context, Ends(before, base, other), "base")
        about = Description(owner.author, owner.clock(), "merge of merge bases")
        base = repository.writer().write([base, other], found.updates, about)
    return base


def merged(
    owner: "Catalog",
    context: MergeContext,
    ends: Ends,
    resolve: Resolutions | Literal["base"],
    *,
    whole: bool = False,
    leave_out: Sequence[str] = (),
) -> Merge:
    """Merges three commits and fingerprints the files that are new."""
    found = merge_commits(
        context,
        owner.repository.commits,
        ends,
        resolve=(lambda table: "base") if resolve == "base" else resolving(resolve),
        whole=whole,
        leave_out=leave_out,
    )
    for update in found.updates:
        if context.write.prints is not None and update.stored is None:
            keep_prints(owner.repository, update, context.write.prints, warn=False)
    return found


def resolving(resolve: Resolutions) -> Callable[[str], Resolution | None]:
    """Returns what says by table which side is taken.

    Raises:
        InvalidInput: A side is neither ``ours`` nor ``theirs``.
    """
    sides = list(resolve.values()) if isinstance(resolve, Mapping) else [resolve]
    for side in sides:
        if side not in (None, "ours", "theirs"):
            raise InvalidInput(f"cannot take {side!r} in a conflict", hint="ours or theirs")
    if isinstance(resolve, Mapping):
        by_table = {name.casefold(): side for name, side in resolve.items()}
        return lambda table: by_table.get(table.casefold())
    return lambda table: resolve


def check_resolved(owner: "Catalog", resolve: Resolutions, commits: Sequence[str]) -> None:
    """Checks that sides are taken for tables that some of the commits have.

    Raises:
        InvalidInput: A side is neither ``ours`` nor ``theirs``.
        NotFound: There is no such table.
    """
    resolving(resolve)
    if not isinstance(resolve, Mapping):
        return
    tables = sorted({name for c in commits for name in owner.repository.commits.entries(c)})
    known = {name.casefold() for name in tables}
    for name in resolve:
        if name.casefold() not in known:
            raise NotFound(
                f"no table {name!r} whose conflicts could be resolved",
                kind=ErrorKind.TABLE_NOT_FOUND,
                hint=f"there are: {', '.join(tables[:10])}{', …' if len(tables) > 10 else ''}",
            )


def proposal(
    owner: "Catalog",
    parents: Sequence[str],
    updates: Sequence[TableUpdate],
    message: str,
    why: str,
    lineage: Mapping[str, object],
    *,
    metadata: Mapping[str, str] | None = None,
    author: str | None = None,
) -> Proposal:
    """Returns a commit to be made, by the catalog's author and clock."""
    about = Description(
        author=author or owner.author,
        time=owner.clock(),
        message=message,
        metadata=metadata or {},
        lineage=lineage,
    )
    return Proposal(parents, updates, about, why)


def lineage_of(operation: str, found: Merge, source: str) -> dict[str, object]:
    """Returns what a commit says about where the tables of a merge come from."""
    return {
        one.name: {"operation": operation, "how": one.how, "source": f"{one.name}@{source}"}
        for one in found.tables
        if one.update is not None
    }


def told_as(found: Merge, hows: Mapping[str, str]) -> Merge:
    """Returns a merge that brings over what was merged before, with tables told as they were.

    Args:
        found: The merge.
        hows: How its tables came about, by name; those of which ours was taken whole are told
            though nothing changes in them.
    """
    there = {one.name for one in found.tables}
    kept = [name for name, how in hows.items() if how == "ours" and name not in there]
    return Merge(
        (
            *(replace(one, how=hows.get(one.name, one.how)) for one in found.tables),
            *(MergedTable(name, "ours", None, conflict_table(())) for name in kept),
        )
    )


def report(branch: str, ends: Ends, found: Merge) -> MergeReport:
    """Returns what a merge does as the facade tells it."""
    tables = tuple(
        TableMerge(
            one.name,
            one.how,
            0 if one.update is None else len(one.update.added),
            0 if one.update is None else len(one.update.removed),
            one.conflicts.num_rows,
        )
        for one in found.tables
    )
    return MergeReport(branch, ends, None, tables, in_order(found.conflicts))


def in_order(conflicts: pa.Table) -> pa.Table:
    """Returns conflicts by table, key and column; shorter keys first, as numbers go."""
    if not conflicts.num_rows:
        return conflicts
    length = pc.coalesce(pc.utf8_length(conflicts["key"]), pa.scalar(0, pa.int32()))
    order = ("table_name", "key_length", "key", "column_name", "kind")
    by = [(name, "ascending") for name in order]
    found = conflicts.append_column("key_length", length).sort_by(by)
    return found.select(conflicts.column_names)


def with_commit(owner: "Catalog", told: MergeReport, commit_id: str | None) -> MergeReport:
    """Returns a report with the commit that was made."""
    if commit_id is None:
        return told
    info = listings.commit_info(commit_id, owner.repository.commits.read(commit_id))
    return MergeReport(told.branch, told.ends, info, told.tables, told.conflicts)


def _existing(owner: "Catalog", branch: str) -> str:
    found = owner.repository.branches.find(branch)
    if found is None or found.commit_id is None:
        raise owner.repository.refs.unknown(branch)
    return found.commit_id


def open_branch(owner: "Catalog", branch: str) -> str:
    """Returns the head of a branch that may be changed otherwise than by merges.

    Raises:
        NotFound: There is no such branch.
        Conflict: It is protected.
    """
    found = owner.repository.branches.find(branch)
    if found is None or found.commit_id is None:
        raise owner.repository.refs.unknown(branch)
    if found.protected:
        raise Conflict(
            f"branch {branch!r} is protected: it changes only by merge",
            kind=ErrorKind.BRANCH_PROTECTED,
            hint="do it on a branch, then merge that: parquetry branch create NAME --at "
            f"{shlex.quote(branch)}",
        )
    return found.commit_id
