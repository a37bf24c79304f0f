"""Merges of an open catalog, and what is made of the same three-way merge: rebase, revert."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog import listings
from catalog.comparisons import comparable
from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace
from catalog.errors import Conflict, InvalidInput
from catalog.fingerprinting import keep_prints, load_prints
from catalog.listings import CommitInfo
from catalog.model.names import canonical_name
from catalog.repository.branches import HeldBranch
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.history import merge_base
from catalog.write.context import WriteContext
from catalog.write.merge import CONFLICTS, Ends, Merge, Resolve, merge_commits
from catalog.write.merge_rows import Resolution
from catalog.write.merge_table import MergeContext
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
        how: ``taken`` as theirs has it, ``merged`` row by row, or ``conflict``.
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
        ends: The three commits: base, ours, theirs.
        commit: The commit made; None if nothing was to be merged, or in a dry run.
        tables: The tables of which theirs was not what ours had anyway.
        conflicts: All conflicts; see ``MergeConflict``.
    """

    branch: str
    ends: Ends
    commit: CommitInfo | None
    tables: tuple[TableMerge, ...] = ()
    conflicts: pa.Table = field(default_factory=CONFLICTS.empty_table)

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
) -> MergeReport:
    """Merges a ref into a branch; see ``Catalog.merge``."""
    from catalog.conflicted import check_none_open, leave_branch

    into = canonical_name(into)
    theirs = owner.resolve(source).commit_id
    _existing(owner, into)
    if not dry_run:
        check_none_open(owner, source, into)
    text = message or f"merge {source} into {into}"
    reports: list[MergeReport] = []

    with merging(owner, dry_run=dry_run) as context:

        def propose(held: HeldBranch, head: str) -> Proposal | None:
            ends = Ends(merge_base(owner.repository.commits.read, head, theirs), head, theirs)
            if ends.base == theirs:
                reports.append(MergeReport(into, ends, None))
                return None
            found = merged(owner, context, ends, resolve)
            if found.conflicts.num_rows:
                raise ConflictedMerge(ends, found)
            reports.append(report(into, ends, found))
            if dry_run:
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
def merging(owner: "Catalog", *, dry_run: bool = False) -> Iterator[MergeContext]:
    """Yields what merging needs, with an engine of its own that is closed afterwards."""
    repository = owner.repository
    work = Workspace(store=repository.store)
    try:
        with engine_errors():
            yield MergeContext(
                WriteContext(work, repository.store, repository.commits, dry_run),
                lambda plan: load_prints(repository, plan, None).prints,
                comparable,
            )
    finally:
        work.close()


def merged(
    owner: "Catalog",
    context: MergeContext,
    ends: Ends,
    resolve: Resolutions,
    *,
    leave_out: Sequence[str] = (),
) -> Merge:
    """Merges three commits and fingerprints the files that are new."""
    found = merge_commits(
        context,
        owner.repository.commits,
        ends,
        resolve=resolving(resolve),
        leave_out=leave_out,
    )
    if not context.write.dry_run:
        for update in found.updates:
            if update.stored is None:
                keep_prints(owner.repository, update)
    return found


def resolving(resolve: Resolutions) -> Resolve:
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
    return MergeReport(branch, ends, None, tables, found.conflicts)


def with_commit(owner: "Catalog", told: MergeReport, commit_id: str | None) -> MergeReport:
    """Returns a report with the commit that was made."""
    if commit_id is None:
        return told
    info = listings.commit_info(commit_id, owner.repository.commits.read(commit_id))
    return MergeReport(told.branch, told.ends, info, told.tables, told.conflicts)


def _existing(owner: "Catalog", branch: str) -> None:
    if owner.repository.branches.find(branch) is None:
        raise owner.repository.refs.unknown(branch)


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
            f"branch {branch!r} is protected: it changes only by merge", kind="branch-protected"
        )
    return found.commit_id
