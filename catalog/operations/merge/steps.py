"""The steps of a merge: its base, its three-way merge, its report; rebase and revert share them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import pyarrow as pa

from catalog.dataclasses import dataclass, field, replace
from catalog.diff.counts import RowCounts
from catalog.diff.view import DiffView
from catalog.engine.failures import engine_errors
from catalog.engine.workspace import Workspace
from catalog.errors import ErrorKind, InvalidInput, NotFound
from catalog.flow.candidate import Candidate
from catalog.model.judgement import Judgement
from catalog.model.lineage import Input, LineageEntry, StoredLineage
from catalog.model.listings import CommitInfo
from catalog.model.texts import check_text
from catalog.operations.context import OperationContext
from catalog.operations.history import describe_commit
from catalog.operations.merge.circles import without_circles
from catalog.operations.merge.derived import DerivedMerge, DerivedMerger, DerivedTables
from catalog.repository.history import partings
from catalog.write.context import WriteContext
from catalog.write.file_fingerprints import keep_prints
from catalog.write.merge.commits import KnownTables, Merge, MergedTable, merge_commits, taken_whole
from catalog.write.merge.conflicts import conflict_table, in_order
from catalog.write.merge.ends import Ends, MergeContext, MergeProgress
from catalog.write.merge.merged_schema import Side

Resolutions = Side | Mapping[str, Side] | None
"""The side to take in a conflict: for all tables, or by table; None leaves conflicts."""


@dataclass(frozen=True, slots=True)
class TableMerge:
    """What a merge did to a table.

    Attributes:
        table: The table.
        how: ``taken`` as theirs has it since ours left it alone, ``merged`` row by row,
            ``refreshed`` if it is a derived table that was computed again, ``conflict``; ``ours``
            or ``theirs`` if the whole table is as that side has it, though both changed it: a side
            was to be taken where rows could not be merged, or the table is a derived one.
        files_added: Files that came.
        files_removed: Files that went.
        conflicts: Rows and cells in conflict.
        rows: Rows before and after, and how many changed if that was quickly told; None if
            nothing came of the merge, or it cannot be read.
    """

    table: str
    how: str
    files_added: int
    files_removed: int
    conflicts: int
    rows: RowCounts | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """How the conflicts of a merge were settled.

    Attributes:
        ours: Those in which ours was taken.
        theirs: Those in which theirs was taken.
        by_hand: Those settled on the branch that held the merge.
    """

    ours: int = 0
    theirs: int = 0
    by_hand: int = 0


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What a merge did, or would do.

    Attributes:
        branch: The branch merged into.
        ends: The three commits: base, ours, theirs. In a dry run, a base that was itself merged
            from several no longer exists.
        commit: The commit made; None if there was nothing to merge, or in a dry run.
        tables: The tables in which theirs differed from what ours already had.
        conflicts: All conflicts; see ``MergeConflict``.
        derived: What became of derived tables, each after its inputs: those that came or were
            computed, and those that are stale now.
        gate: What the gate of the branch found; None if nothing was judged.
        changes: Of a dry run that was asked for it, what would change on the branch.
        settled: How conflicts were settled, if the merge was in conflict before.
    """

    branch: str
    ends: Ends
    commit: CommitInfo | None
    tables: tuple[TableMerge, ...] = ()
    conflicts: pa.Table = field(default_factory=lambda: conflict_table(()))
    derived: tuple[DerivedMerge, ...] = ()
    gate: Judgement | None = None
    changes: DiffView | None = None
    settled: Settled | None = None

    @property
    def is_up_to_date(self) -> bool:
        """Returns whether the branch already had everything that was to be merged."""
        return self.ends.base == self.ends.theirs


@dataclass(frozen=True, slots=True)
class Merger:
    """Merges commits of a catalog, on an engine of its own.

    Attributes:
        context: The catalog.
        work: The engine, and what merging tables needs.
        known: What tables were merged to, so that a merge that lost a race does not merge again
            what nobody changed meanwhile.
    """

    context: OperationContext
    work: MergeContext
    known: KnownTables = field(default_factory=dict)

    def merge(
        self,
        ends: Ends,
        resolve: Resolutions | Literal["base"],
        *,
        whole: bool = False,
        leave_out: Sequence[str] = (),
    ) -> Merge:
        """Merges three commits, except some tables, and fingerprints the files that are new.

        With ``whole``, a side's whole table may be taken where the schemas conflict.

        Raises:
            NotFound: The data of a side that files are taken from was expired.
        """
        for side_id in (ends.theirs, *([ends.base] if resolve == "base" else [])):
            self.context.repository.expiry.check_kept(side_id, fresh=False)
        merge = merge_commits(
            self.work,
            ends,
            resolve=(lambda table: "base") if resolve == "base" else side_for(resolve),
            whole=whole,
            leave_out=leave_out,
            known=self.known,
        )
        if resolve != "base":
            repository, side = self.context.repository, side_for(resolve)
            merge = without_circles(repository, self.work, ends, merge, resolve=side)
        prints = self.work.write.prints
        for update in merge.updates:
            if prints is not None and update.stored is None:
                keep_prints(self.context.repository, update, prints, warn=False)
        self.work.write.check_read()
        return merge

    def settle(
        self,
        derived: DerivedMerger,
        ends: Ends,
        merge: Merge,
        *,
        sides: Mapping[str, str],
        target: str | None = None,
    ) -> DerivedTables:
        """Settles the derived tables of a commit on top of ours, once all others are merged.

        Args:
            derived: What settles them.
            ends: The commits that were merged.
            merge: What their merge does.
            sides: Commits whose tables may be taken whole, besides the target's, and where each
                of them parted from it.
            target: The commit merged into; None means ours.
        """
        repository, target = self.context.repository, target or ends.ours
        bases = {target: ends.base, **sides}
        candidate = Candidate(repository, ends.ours, merge.updates, also=tuple(bases))
        if not candidate.derived():
            return DerivedTables((), tuple(merge.updates))
        from catalog.operations.merge.settling import settle  # loads what analyses SQL

        settled = settle(
            derived,
            candidate,
            target=target,
            sides=tuple(bases),
            take=lambda name, side: taken_whole(
                self.work, Ends(bases[side], ends.ours, side), name
            ),
        )
        settled.check_read()
        return settled

    def base_of(self, left: str, right: str) -> str:
        """Returns the commit where two lines of history parted, from which their merge starts.

        Lines without a common root parted in the empty state. Lines that were merged into each
        other crosswise parted in several commits. These are merged first, into a commit that no
        branch points at; where they conflict, it has what their own base had, so that what the
        two lines made of it conflicts again.
        """
        repository = self.context.repository
        base, *others = partings(repository.commits.read, left, right)
        for other in others:
            merge = self.merge(Ends(self.base_of(base, other), base, other), "base")
            about = self.context.describe("merge of merge bases")
            base = repository.writer().write([base, other], merge.updates, about)
        return base


@contextmanager
def merging(
    context: OperationContext, *, dry_run: bool = False, progress: MergeProgress | None = None
) -> Iterator[Merger]:
    """Yields what merges commits; its engine is closed afterwards."""
    repository = context.repository
    work = Workspace(store=repository.store)
    try:
        with engine_errors():
            yield Merger(
                context,
                MergeContext(
                    WriteContext(work, repository, prints=None if dry_run else {}),
                    progress=progress or (lambda table, done, total: None),
                ),
            )
    finally:
        work.close()


def side_for(resolve: Resolutions) -> Callable[[str], Side | None]:
    """Returns a function from a table to the side that is taken for it.

    Raises:
        InvalidInput: A side is neither ``ours`` nor ``theirs``.
    """
    sides = list(resolve.values()) if isinstance(resolve, Mapping) else [resolve]
    for side in sides:
        if side not in (None, "ours", "theirs"):
            raise InvalidInput(f"cannot take {side!r} in a conflict", hint="ours or theirs")
    if isinstance(resolve, Mapping):
        for name in resolve:
            check_text(name, "a table to resolve")
        by_table = {name.casefold(): side for name, side in resolve.items()}
        return lambda table: by_table.get(table.casefold())
    return lambda table: resolve


def check_resolutions(
    context: OperationContext, resolve: Resolutions, commits: Sequence[str]
) -> None:
    """Checks that sides are taken for tables that some of the commits have.

    Raises:
        InvalidInput: A side is neither ``ours`` nor ``theirs``.
        NotFound: There is no such table.
    """
    side_for(resolve)
    if not isinstance(resolve, Mapping):
        return
    tables = sorted({name for c in commits for name in context.repository.commits.entries(c)})
    known = {name.casefold() for name in tables}
    for name in resolve:
        if name.casefold() not in known:
            raise NotFound(
                f"no table {name!r} to resolve conflicts of",
                kind=ErrorKind.TABLE_NOT_FOUND,
                hint=f"there are: {', '.join(tables[:10])}{', …' if len(tables) > 10 else ''}",
            )


def lineage_of(
    context: OperationContext,
    operation: str,
    merge: Merge,
    *,
    ends: Ends,
    origins: Sequence[str] = (),
) -> dict[str, StoredLineage]:
    """Returns what a commit records about where the tables of a merge come from.

    Args:
        context: The catalog.
        operation: What merged them.
        merge: What it did.
        ends: Where the tables come from: theirs, and ours if both went into a table.
        origins: The commits whose changes these are; none means theirs.
    """
    entries = context.repository.commits.entries
    found = {}
    for table in merge.tables:
        if table.update is None:
            continue
        sides = {"taken": [ends.theirs], "theirs": [ends.theirs], "ours": [ends.ours]}
        inputs = [
            Input(table.name, side, entry.entry.snapshot)
            for side in sides.get(table.how, [ends.ours, ends.theirs])
            if (entry := entries(side).get(table.name)) is not None
        ]
        found[table.name] = LineageEntry(
            operation, tuple(inputs), tuple(origins) or (ends.theirs,), facts={"how": table.how}
        ).stored()
    return found


def relabelled(merge: Merge, hows: Mapping[str, str]) -> Merge:
    """Relabels the tables of a merge with how they were first merged.

    Tables taken whole from ours are reported even though nothing changes in them.
    """
    names = {table.name for table in merge.tables}
    kept = [name for name, how in hows.items() if how == "ours" and name not in names]
    return Merge(
        (
            *(replace(table, how=hows.get(table.name, table.how)) for table in merge.tables),
            *(MergedTable(name, "ours", None, conflict_table(())) for name in kept),
        )
    )


def with_derived(merge: Merge, derived: DerivedTables) -> Merge:
    """Returns a merge with its derived tables as they were settled."""
    if not derived.tables:
        return merge
    updates = {update.name: update for update in derived.updates}
    refreshed = {one.table for one in derived.tables if one.refresh is not None}
    hows = {table.name: table.how for table in merge.tables}
    found = {table.name: table for table in merge.tables}
    for one in derived.tables:
        update = updates.get(one.table)
        if update is None and one.table not in found:
            continue
        kept = "ours" if update is None else hows.get(one.table, "taken")
        how = "refreshed" if one.table in refreshed else kept
        found[one.table] = MergedTable(one.table, how, update, conflict_table(()))
    return Merge(tuple(found[name] for name in sorted(found)))


def report_merge(
    branch: str, ends: Ends, merge: Merge, derived: Sequence[DerivedMerge] = ()
) -> MergeReport:
    """Returns what a merge does, as the facade reports it."""
    tables = tuple(
        TableMerge(
            table.name,
            table.how,
            0 if table.update is None else len(table.update.added),
            0 if table.update is None else len(table.update.removed),
            table.conflicts.num_rows,
        )
        for table in merge.tables
    )
    return MergeReport(branch, ends, None, tables, in_order(merge.conflicts), tuple(derived))


def with_commit(
    context: OperationContext, report: MergeReport, commit_id: str | None
) -> MergeReport:
    """Returns a report with the commit that was made."""
    if commit_id is None:
        return report
    return replace(report, commit=describe_commit(context, commit_id))
