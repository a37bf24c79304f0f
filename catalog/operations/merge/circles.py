"""Circles of derived tables that only a merge closes: each side has a part of it."""

from collections.abc import Callable

from catalog.errors import InvalidInput
from catalog.flow.candidate import Candidate
from catalog.model.derived import COMMAND, SQL
from catalog.model.table import TableSnapshot
from catalog.repository.repository import Repository
from catalog.write.merge.commits import Merge, MergedTable, taken_whole
from catalog.write.merge.conflicts import conflict_row, conflict_table
from catalog.write.merge.derivation import derivation
from catalog.write.merge.ends import Ends, MergeContext
from catalog.write.merge.merged_schema import Side


def without_circles(
    repository: Repository,
    context: MergeContext,
    ends: Ends,
    merge: Merge,
    *,
    resolve: Callable[[str], Side | None],
) -> Merge:
    """Puts tables whose definitions would form a circle in conflict, or takes a side for them.

    A circle that ours has itself, or one that is left with the sides taken, is left alone.

    Args:
        repository: The stored objects.
        context: What merging tables needs.
        ends: The commits that are merged.
        merge: What their merge does.
        resolve: The side to take for a table; None leaves a conflict.
    """
    settled: set[str] = set()
    while circle := _circle(Candidate(repository, ends.ours, merge.updates)):
        changed = [name for name in circle if _is_changed(context, ends, name)]
        if not changed or settled.intersection(changed):
            break
        settled.update(changed)
        found = {table.name: table for table in merge.tables}
        for name in changed:
            found[name] = _settled(context, ends, name, resolve(name))
        merge = Merge(tuple(found[name] for name in sorted(found)))
    return merge


def _circle(candidate: Candidate) -> tuple[str, ...]:
    """Returns the tables of a circle, each once; none if there is no circle."""
    if not candidate.derived():
        return ()
    from catalog.flow.derivation.graph import Graph  # loads what analyses SQL

    try:
        found = Graph(candidate).circle()
    except InvalidInput:
        return ()  # a definition is not valid, which is said when tables are computed
    return () if found is None else found.tables[:-1]


def _snapshot(context: MergeContext, commit_id: str, name: str) -> TableSnapshot | None:
    entry = context.commits.entries(commit_id).get(name)
    return None if entry is None else context.commits.table(entry).snapshot


def _is_changed(context: MergeContext, ends: Ends, name: str) -> bool:
    ours, theirs = (_snapshot(context, end, name) for end in (ends.ours, ends.theirs))
    return derivation(ours) != derivation(theirs)


def _settled(context: MergeContext, ends: Ends, name: str, side: Side | None) -> MergedTable:
    """Returns a table of a circle as the side has it that is to be taken; else in conflict."""
    if side == "theirs" and (update := taken_whole(context, ends, name)) is not None:
        return MergedTable(name, "theirs", update, conflict_table(()))
    if side is not None:
        return MergedTable(name, "ours", None, conflict_table(()))
    tables = [_snapshot(context, end, name) for end in (ends.base, ends.ours, ends.theirs)]
    base, ours, theirs = (
        None if table is None else table.properties.get(SQL) or table.properties.get(COMMAND)
        for table in tables
    )
    row = conflict_row(name, "derivation-cycle", (base, ours, theirs), column=SQL)
    return MergedTable(name, "conflict", None, conflict_table([row]))
