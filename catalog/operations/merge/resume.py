"""Merges in conflict: branches that hold them while they are settled.

Such a branch is called ``merge/<source>-into-<target>``. Its first commit has both heads as
parents: everything that could be merged, what ours has where it could not, and the table
``parquetry.conflicts``. When a conflict is settled, ``catalog.operations.merge.settlement`` tells.
"""

import shlex
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.errors import AlreadyExists, Conflict, ErrorKind, InvalidInput, MergeConflict, NotFound
from catalog.operations.merge.open_merges import (
    CONFLICT_TABLE,
    OpenMerge,
    branch_name,
    conflict_error,
    counted,
    find_merge,
    merge_command,
    the_merge,
)
from catalog.operations.merge.settlement import conflicts_at, take_side, unsettled
from catalog.operations.merge.steps import (
    ConflictedMerge,
    MergeReport,
    Resolutions,
    check_resolved,
    in_order,
    lineage_of,
    merged,
    merging,
    proposal,
    report,
    resolving,
    told_as,
    with_commit,
)
from catalog.repository.branches import HeldBranch, Stamp
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.history import is_ancestor
from catalog.write.merge.ends import Ends
from catalog.write.merge.table import MergeContext, MergeProgress
from catalog.write.publish import Proposal, publish
from catalog.write.rows.landing import land
from catalog.write.rows.target_schema import WriteRequest
from catalog.write.rows.write import write_rows
from catalog.write.working_table import WorkingTable

if TYPE_CHECKING:
    from catalog.catalog import Catalog


def check_none_open(owner: "Catalog", source: str, into: str) -> None:
    """Checks that the same merge is not under way already.

    Raises:
        AlreadyExists: It is, or its branch is taken.
    """
    name = branch_name(source, into)
    if owner.repository.branches.find(name) is not None:
        found = find_merge(owner, name)
        if found is None or (found.source, found.into) != (source, into):
            raise AlreadyExists(
                f"branch {name!r} is in the way of merging {source} into {into}",
                hint=f"delete it, if it can go: parquetry branch delete {shlex.quote(name)}",
            )
        raise AlreadyExists(
            f"the merge of {source} into {into} is under way on branch {name!r}",
            kind=ErrorKind.MERGE_UNDER_WAY,
            hint=f"{merge_command(source, into)} --continue (or --abort)",
        )


def check_no_conflict_table(owner: "Catalog", source: str, theirs: str, into: str) -> None:
    """Checks that what is merged brings no table of the name that merges in conflict need.

    Raises:
        InvalidInput: It does; mostly since it is itself a merge in conflict.
    """
    ours = owner.repository.commits.entries(owner.resolve(into).commit_id)
    for name, placed in owner.repository.commits.entries(theirs).items():
        mine = ours.get(name)
        same = mine is not None and mine.entry.snapshot == placed.entry.snapshot
        if name.casefold() == CONFLICT_TABLE and not same:
            raise InvalidInput(
                f"{source} has a table {name}, which only merges in conflict have",
                kind=ErrorKind.CONFLICT_TABLE,
                hint="a merge in conflict is completed by parquetry merge --continue; a table "
                "of your own needs another name",
            )


def leave_branch(
    owner: "Catalog",
    context: MergeContext,
    source: str,
    into: str,
    conflicted: ConflictedMerge,
    *,
    message: str,
    squash: bool,
) -> MergeConflict:
    """Leaves a branch that holds a merge in conflict; returns the error that tells of it."""
    ends, found = conflicted.ends, conflicted.merge
    name = branch_name(source, into)
    conflicts = found.conflicts
    updates = [*found.updates, _conflict_table(owner, context, ends, conflicts)]
    now = owner.clock()
    about = Description(
        author=owner.author,
        time=now,
        message=f"{message}: {counted(conflicts)}",
        metadata={
            "merge.into": into,
            "merge.source": source,
            "merge.base": ends.base,
            "merge.ours": ends.ours,
            "merge.theirs": ends.theirs,
            "merge.squash": "yes" if squash else "no",
            "merge.message": message,
        },
        lineage=lineage_of("merge", found, ends.theirs),
    )
    commit_id = owner.repository.writer().write([ends.ours, ends.theirs], updates, about)
    stamp = Stamp(owner.author, now, f"merge: {source} into {into}, in conflict")
    owner.repository.branches.create(name, commit_id, stamp)
    return conflict_error(source, into, conflicts, name)


def _check_sided(found: OpenMerge, left: pa.Table, resolve: Resolutions) -> None:
    """Checks that a side is taken for every table in which something is not settled.

    Raises:
        MergeConflict: For some it is not.
    """
    sides = resolving(resolve)
    tables = left["table_name"].to_pylist()
    open_rows = left.filter(pa.array([sides(table) is None for table in tables], pa.bool_()))
    if not open_rows.num_rows:
        return
    told = conflict_error(found.source, found.into, open_rows, found.branch)
    taken = {
        f"{shlex.quote(table)}={side}" for table in tables if (side := sides(table)) is not None
    }
    if not taken:
        raise told
    rest = {f"{shlex.quote(table)}=ours|theirs" for table in open_rows["table_name"].to_pylist()}
    options = " ".join(f"--resolve {one}" for one in sorted(taken) + sorted(rest))
    raise MergeConflict(
        told.message,
        conflicts=told.conflicts,
        branch=found.branch,
        hint=f"a side is taken when the merge is completed, for all tables at once: "
        f"{merge_command(found.source, found.into)} --continue {options}; "
        f"or change rows with parquetry sql --branch {shlex.quote(found.branch)} first",
    )


def _clash_anew(found: OpenMerge, conflicts: pa.Table) -> MergeConflict:
    """Returns the error for a branch that changed the same while a merge was being settled."""
    told = conflict_error(found.source, found.into, conflicts, found.branch)
    return MergeConflict(
        f"{found.into} was moved and clashes anew: {told.message}",
        conflicts=in_order(conflicts),
        branch=found.branch,
        hint=f"take a side: {merge_command(found.source, found.into)} --continue --resolve "
        "ours|theirs; or --abort, and merge again",
    )


def _conflict_table(
    owner: "Catalog", context: MergeContext, ends: Ends, conflicts: pa.Table
) -> TableUpdate:
    entries = owner.repository.commits.entries(ends.ours)
    if any(name.casefold() == CONFLICT_TABLE for name in entries):
        raise InvalidInput(
            f"{ends.ours[:8]} has a table {CONFLICT_TABLE}, which merges need for conflicts",
            hint="rename or drop that table",
        )
    write = context.write
    table = WorkingTable(CONFLICT_TABLE, None, None)
    landed = land(write.con, conflicts, write.work.folder)
    return write_rows(write, table, landed, WriteRequest("append")).update()


def abort_merge(owner: "Catalog", source: str | None, into: str | None) -> OpenMerge:
    """Drops a merge in conflict; nothing but its branch goes."""
    found = the_merge(owner, source, into)
    owner.branches.delete(found.branch)
    return found


def continue_merge(
    owner: "Catalog",
    source: str | None,
    into: str | None,
    *,
    message: str | None,
    resolve: Resolutions,
    progress: MergeProgress | None,
) -> MergeReport:
    """Completes a merge in conflict once all of it is settled; see ``Catalog.continue_merge``."""
    found = the_merge(owner, source, into)
    settled = found.head
    whole: Mapping[str, str] = {}
    check_resolved(owner, resolve, (found.ends.ours, found.ends.theirs))
    with merging(owner, progress=progress) as context:
        left = unsettled(owner, found)
        _check_sided(found, left, resolve)
        if left.num_rows:
            settled, whole = take_side(owner, context, found, left, resolve)
        hows = {**_told_before(owner, found), **whole}
        reports: list[MergeReport] = []

        def propose(held: HeldBranch, head: str) -> Proposal | None:
            _check_may_go(owner, found)
            ends = Ends(found.ends.ours, head, settled)
            merge = merged(owner, context, ends, resolve, whole=True, leave_out=(CONFLICT_TABLE,))
            again = {one.name: one.how for one in merge.tables if one.how in ("ours", "theirs")}
            merge = told_as(merge, {**hows, **again})
            if merge.conflicts.num_rows:
                raise _clash_anew(found, merge.conflicts)
            reports.append(report(found.into, ends, merge))
            read = owner.repository.commits.read
            known = is_ancestor(read, found.ends.theirs, head)
            parents = [head] if found.squash or known else [head, found.ends.theirs]
            if len(parents) == 1 and not merge.updates:
                return None
            lineage = lineage_of("merge", merge, found.ends.theirs)
            why = f"merge: {found.source}"
            text = message or found.message
            return proposal(owner, parents, merge.updates, text, why, lineage)

        commit_id = publish(owner.repository, found.into, propose)
    with suppress(NotFound):
        owner.branches.delete(found.branch)
    return with_commit(owner, reports[-1], commit_id)


def _check_may_go(owner: "Catalog", found: OpenMerge) -> None:
    """Checks that a merge's branch may go: nobody completed, dropped or settled more meanwhile.

    Raises:
        Conflict: Somebody did, or the branch is protected.
    """
    held = owner.repository.branches.find(found.branch)
    if held is None or held.commit_id is None:
        raise Conflict(
            f"somebody else completed or dropped the merge of {found.source} into {found.into} "
            "meanwhile",
            kind=ErrorKind.MERGE_GONE,
            hint=f"what became of it: parquetry reflog {shlex.quote(found.into)}",
        )
    if held.protected:
        raise Conflict(
            f"branch {found.branch!r} is protected, and goes when its merge is completed",
            kind=ErrorKind.BRANCH_PROTECTED,
            hint=f"first: parquetry branch protect {shlex.quote(found.branch)} --off",
        )
    if held.commit_id != found.head:
        raise Conflict(
            f"somebody else moved {found.branch} meanwhile",
            kind=ErrorKind.BRANCH_MOVED,
            hint="look at it, then run the command again: parquetry conflicts "
            f"{shlex.quote(found.branch)}",
        )


def _told_before(owner: "Catalog", found: OpenMerge) -> dict[str, str]:
    """Returns by name how tables came about that a merge in conflict did not just take."""
    lineage = owner.repository.commits.read(found.start).lineage
    tables = conflicts_at(owner, found.start)["table_name"].to_pylist()
    hows: dict[str, str] = dict.fromkeys(tables, "merged")
    for table, origin in lineage.items():
        how = origin.get("how") if isinstance(origin, Mapping) else None
        if isinstance(origin, Mapping) and how != "taken":
            hows[table] = "theirs" if how == "theirs" else "merged"
    return hows
