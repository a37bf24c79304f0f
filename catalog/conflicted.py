"""Merges in conflict: branches that hold them while they are settled.

Such a branch is called ``merge/<source>-into-<target>``. Its first commit has both heads as
parents: everything that could be merged, what ours has where it could not, and the table
``parquetry.conflicts``. A conflict is settled when its row is deleted from that table, or when
the row, or cell, that it names is changed by a later commit on the branch.
"""

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from catalog.engine.connection import connect
from catalog.errors import AlreadyExists, InvalidInput, MergeConflict, NotFound
from catalog.merging import (
    ConflictedMerge,
    MergeReport,
    Resolutions,
    base_of,
    check_resolved,
    in_order,
    lineage_of,
    merged,
    merging,
    proposal,
    report,
    resolving,
    told_as_merged,
    with_commit,
)
from catalog.model.names import canonical_name, check_ref_name
from catalog.repository.branches import HeldBranch, Stamp
from catalog.repository.commit_writer import Description, TableUpdate
from catalog.repository.history import first_parents, is_ancestor
from catalog.write.frames import land
from catalog.write.merge import CONFLICTS, Ends
from catalog.write.merge_rows import Resolution, key_text
from catalog.write.merge_table import MergeContext
from catalog.write.publish import Proposal, publish
from catalog.write.table_write import write_rows
from catalog.write.working import WorkingTable
from catalog.write.write_shape import WriteRequest

if TYPE_CHECKING:
    from catalog.catalog import Catalog
    from catalog.reading import CatalogReader

PREFIX = "merge/"
CONFLICT_TABLE = "parquetry.conflicts"
"""The table that holds the conflicts of a merge, on its branch only."""

_OUTSIDE = re.compile(r"[^\w./-]+")


@dataclass(frozen=True, slots=True)
class OpenMerge:
    """Describes a merge in conflict.

    Attributes:
        branch: The branch that holds it.
        head: The commit that branch is at.
        start: Its first commit.
        into: The branch to be merged into.
        source: What is merged, as it was named.
        ends: The three commits it was made from.
        squash: Whether the merge is to have one parent only.
        message: The message of the merge to come.
    """

    branch: str
    head: str
    start: str
    into: str
    source: str
    ends: Ends
    squash: bool
    message: str


def branch_name(source: str, into: str) -> str:
    """Returns the branch that a merge in conflict leaves.

    A source that is no plain name (``main~1``) gets a digest, so that no two have one branch;
    names that would be too long are a digest alone.
    """
    source, into = canonical_name(source), canonical_name(into)
    digest = hashlib.sha256(f"{source}\0{into}".encode(errors="surrogatepass")).hexdigest()
    plain = _OUTSIDE.sub("-", source).strip("-./")
    name = f"{PREFIX}{plain if plain == source else f'{plain}-{digest[:6]}'}-into-{into}"
    try:
        return check_ref_name(name)
    except InvalidInput:
        return f"{PREFIX}{digest[:16]}"


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
            kind="merge-under-way",
            hint=f"{_command(source, into)} --continue (or --abort)",
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
                kind="conflict-table",
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
        message=f"{message}: {_counted(conflicts)}",
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


def conflict_error(source: str, into: str, conflicts: pa.Table, branch: str) -> MergeConflict:
    """Returns the error that tells of conflicts."""
    tables = sorted(set(conflicts["table_name"].to_pylist()))
    listed = ", ".join(tables[:5]) + (" …" if len(tables) > 5 else "")
    return MergeConflict(
        f"merging {source} into {into}: {_counted(conflicts)} in {listed}; {into} was not moved",
        conflicts=in_order(conflicts),
        branch=branch,
        hint=f"look at them: parquetry conflicts {shlex.quote(branch)}; change rows there with "
        f"parquetry sql --branch {shlex.quote(branch)}, or take a side with --resolve "
        "ours|theirs; then "
        f"{_command(source, into)} --continue (or --abort)",
    )


def _counted(conflicts: pa.Table) -> str:
    count = conflicts.num_rows
    return f"{count} conflict{'s' if count != 1 else ''}"


def _clash_anew(found: OpenMerge, conflicts: pa.Table) -> MergeConflict:
    """Returns the error for a branch that changed the same while a merge was being settled."""
    told = conflict_error(found.source, found.into, conflicts, found.branch)
    return MergeConflict(
        f"{found.into} was moved and clashes anew: {told.message}",
        conflicts=in_order(conflicts),
        branch=found.branch,
        hint=f"take a side: {_command(found.source, found.into)} --continue --resolve "
        "ours|theirs; or --abort, and merge again",
    )


def _command(source: str, into: str) -> str:
    return f"parquetry merge {shlex.quote(source)} --into {shlex.quote(into)}"


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


def open_merges(owner: "CatalogReader") -> list[OpenMerge]:
    """Returns the merges in conflict, by branch."""
    found = (
        find_merge(owner, branch.name)
        for branch in owner.repository.branches.list()
        if branch.name.startswith(PREFIX)
    )
    return [one for one in found if one is not None]


def find_merge(owner: "CatalogReader", branch: str) -> OpenMerge | None:
    """Returns the merge that a branch holds, None if it holds none."""
    held = owner.repository.branches.find(canonical_name(branch))
    if held is None or held.commit_id is None:
        return None
    for logged in first_parents(owner.repository.commits.read, held.commit_id):
        about = logged.commit.metadata
        if "merge.ours" in about:
            ends = Ends(about["merge.base"], about["merge.ours"], about["merge.theirs"])
            return OpenMerge(
                held.name,
                held.commit_id,
                logged.id,
                about["merge.into"],
                about["merge.source"],
                ends,
                about["merge.squash"] == "yes",
                about["merge.message"],
            )
    return None


def the_merge(owner: "CatalogReader", source: str | None, into: str | None) -> OpenMerge:
    """Returns the merge in conflict that is meant.

    Args:
        owner: The catalog.
        source: What is merged, or the branch that holds the merge; None if there is but one.
        into: The branch merged into; None means any.

    Raises:
        NotFound: There is none.
        InvalidInput: There are several.
    """
    every = open_merges(owner)
    fitting = [
        one
        for one in every
        if (source is None or source in (one.source, one.branch))
        and (into is None or into in (one.into, one.branch))
    ]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(one.branch for one in every)
    if not fitting:
        raise NotFound(
            f"no merge in conflict{f' of {source}' if source else ''}",
            kind="merge-not-found",
            hint=f"there are: {names}" if names else "there is none to continue or abort",
        )
    raise InvalidInput("several merges are in conflict", hint=f"name one: {names}")


def abort_merge(owner: "Catalog", source: str | None, into: str | None) -> OpenMerge:
    """Drops a merge in conflict; nothing but its branch goes."""
    found = the_merge(owner, source, into)
    owner.branches.delete(found.branch)
    return found


def continue_merge(
    owner: "Catalog", source: str | None, into: str | None, *, resolve: Resolutions
) -> MergeReport:
    """Completes a merge in conflict once all of it is settled; see ``Catalog.continue_merge``."""
    found = the_merge(owner, source, into)
    settled = found.head
    check_resolved(owner, resolve, (found.ends.ours, found.ends.theirs))
    with merging(owner) as context:
        left = unsettled(owner, found)
        sides = resolving(resolve)
        if any(sides(table) is None for table in left["table_name"].to_pylist()):
            raise conflict_error(found.source, found.into, left, found.branch)
        if left.num_rows:
            settled = _taken(owner, context, found, left, resolve)
        reports: list[MergeReport] = []
        by_rows = _merged_by_rows(owner, found)

        def propose(held: HeldBranch, head: str) -> Proposal | None:
            ends = Ends(found.ends.ours, head, settled)
            merge = merged(owner, context, ends, resolve, leave_out=(CONFLICT_TABLE,))
            merge = told_as_merged(merge, by_rows)
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
            return proposal(owner, parents, merge.updates, found.message, why, lineage)

        commit_id = publish(owner.repository, found.into, propose)
    with suppress(NotFound):
        owner.branches.delete(found.branch)
    return with_commit(owner, reports[-1], commit_id)


def _merged_by_rows(owner: "Catalog", found: OpenMerge) -> set[str]:
    """Returns the tables that a merge in conflict did not take from one side as they are."""
    lineage = owner.repository.commits.read(found.start).lineage
    by_rows = set(conflicts_at(owner, found.start)["table_name"].to_pylist())
    for table, origin in lineage.items():
        if isinstance(origin, Mapping) and origin.get("how") != "taken":
            by_rows.add(table)
    return by_rows


def _taken(
    owner: "Catalog",
    context: MergeContext,
    found: OpenMerge,
    left: pa.Table,
    resolve: Resolutions,
) -> str:
    """Returns a commit in which one side is taken for what is not settled by hand.

    Raises:
        InvalidInput: Ours was chosen by hand for some rows of a table, theirs is for the rest.
    """
    sides = resolving(resolve)
    wanted: dict[str, Resolution] = {
        name: sides(name) or "ours" for name in left["table_name"].to_pylist()
    }
    for table in _kept_by_hand(owner, found, left):
        if wanted.get(table) == "theirs":
            raise InvalidInput(
                f"conflicts of table {table!r} were settled by deleting their rows from "
                f"{CONFLICT_TABLE}, which keeps ours: taking theirs would take it there too",
                kind="settled-otherwise",
                hint="change the other rows by hand, or abort and merge with --resolve theirs",
            )
    names = {name for c in (found.ends.ours, found.ends.theirs) for name in _names(owner, c)}
    ends = replace(found.ends, base=base_of(owner, context, found.ends.ours, found.ends.theirs))
    every: dict[str, Resolution] = {**dict.fromkeys(names, "ours"), **wanted}
    again = merged(owner, context, ends, every)
    if again.conflicts.num_rows:
        raise conflict_error(found.source, found.into, again.conflicts, found.branch)
    about = Description(owner.author, owner.clock(), f"{found.message}: resolved")
    writer = owner.repository.writer()
    taken = writer.write([found.ends.ours, found.ends.theirs], again.updates, about)
    both = merged(
        owner, context, Ends(found.start, found.head, taken), "ours", leave_out=(CONFLICT_TABLE,)
    )
    return writer.write([found.head, taken], both.updates, about)


def _names(owner: "Catalog", commit_id: str) -> Iterable[str]:
    return owner.repository.commits.entries(commit_id)


def _kept_by_hand(owner: "Catalog", found: OpenMerge, left: pa.Table) -> set[str]:
    """Returns tables with conflicts whose rows were deleted, while others are not settled."""
    first = Counter(_told(row) for row in conflicts_at(owner, found.start).to_pylist())
    now = Counter(_told(row) for row in conflicts_at(owner, found.head).to_pylist())
    return {table for table, *_ in first - now} & set(left["table_name"].to_pylist())


def _told(row: dict[str, str | None]) -> tuple[str, ...]:
    return tuple(row[name] or "" for name in ("table_name", "kind", "key", "column_name"))


def unsettled(owner: "CatalogReader", found: OpenMerge) -> pa.Table:
    """Returns the conflicts that are not settled yet."""
    left = conflicts_at(owner, found.head)
    rows = left.to_pylist()
    settled: dict[str, dict[str, set[str] | None]] = {}
    for table in {str(row["table_name"]) for row in rows}:
        settled[table] = dict(_changed_since(owner, found, table))

    def is_open(row: dict[str, str | None]) -> bool:
        cells = settled[str(row["table_name"])]
        key = row["key"]
        if key is None or key not in cells:
            return True
        columns = cells[key]
        return not (columns is None or row["column_name"] is None or row["column_name"] in columns)

    return pa.Table.from_pylist([row for row in rows if is_open(row)], schema=CONFLICTS)


def conflicts_at(owner: "CatalogReader", commit_id: str) -> pa.Table:
    """Returns the conflicts that a commit of a merge's branch lists, by table and key."""
    if CONFLICT_TABLE not in owner.repository.commits.entries(commit_id):
        return CONFLICTS.empty_table()
    query = f"SELECT {', '.join(CONFLICTS.names)} FROM {CONFLICT_TABLE}"
    with owner.connect(commit_id) as session:
        return in_order(session.sql(query).to_arrow_table().cast(CONFLICTS))


def _changed_since(
    owner: "CatalogReader", found: OpenMerge, table: str
) -> Iterator[tuple[str, set[str] | None]]:
    """Yields the keys of rows changed on the merge's branch, with the columns; None is all."""
    entries = owner.repository.commits.entries
    if table not in entries(found.head) or table not in entries(found.start):
        return
    compared = owner.diff(found.start, found.head, tables=[table], level="rows")[table]
    shape = owner.table(table, found.head)
    if not shape.key or not (
        compared.rows.inserted or compared.rows.deleted or compared.rows.updated
    ):
        return
    with connect() as con:
        con.register("changes", compared.changes())
        keys = [f"k{n}" for n, _ in enumerate(shape.key)]
        names = ", ".join([*keys, "change", "columns", "f", "t"])
        query = f"SELECT {key_text(shape, keys)}, change, columns FROM changes AS q({names})"
        for key, change, columns in con.sql(query).fetchall():
            yield key, set(columns or ()) if change == "updated" else None
