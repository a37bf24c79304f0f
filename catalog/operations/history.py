"""The history of a ref: its commits, described."""

import difflib
from collections.abc import Iterator
from itertools import islice

from catalog.errors import ErrorKind, NotFound
from catalog.model.commit_filter import EVERY, CommitFilter
from catalog.model.listings import CommitInfo, commit_info
from catalog.model.texts import check_integer
from catalog.operations.context import OperationContext
from catalog.repository.history import walk


def log(
    context: OperationContext, ref: str, limit: int | None, *, wanted: CommitFilter = EVERY
) -> list[CommitInfo]:
    """Returns a commit and its ancestors; see ``Catalog.log``."""
    if limit is not None:
        check_integer(limit, "limit", least=0)
    return _walked(context, [context.resolve(ref).commit_id], limit, wanted=wanted)


def log_all(
    context: OperationContext, limit: int | None, wanted: CommitFilter = EVERY
) -> list[CommitInfo]:
    """Returns the commits of all branches, newest first."""
    heads = [branch.commit_id for branch in context.repository.branches.heads()]
    return _walked(context, [head for head in heads if head is not None], limit, wanted=wanted)


def _walked(
    context: OperationContext, starts: list[str], limit: int | None, *, wanted: CommitFilter
) -> list[CommitInfo]:
    """Returns commits and their ancestors, as far as they are wanted.

    Raises:
        NotFound: None is, and there never was a table that is asked for.
    """
    changed: set[str] = set()
    commits = list(islice(_wanted(context, starts, wanted, changed=changed), limit))
    if not commits and wanted.tables and limit != 0:
        _check_tables(context, starts, wanted, changed=changed)
    return commits


def _wanted(
    context: OperationContext, starts: list[str], wanted: CommitFilter, *, changed: set[str]
) -> Iterator[CommitInfo]:
    """Yields the commits that are wanted, and notes the names of all tables that were changed.

    A commit is never older than its ancestors, so the first that is too old ends the walk.
    """
    for logged in walk(context.repository.commits.read, *starts):
        commit = logged.commit
        if wanted.since is not None and commit.time < wanted.since:
            return
        changed.update(commit.changes)
        if wanted.takes(commit):
            yield commit_info(logged.id, commit)


def _check_tables(
    context: OperationContext, starts: list[str], wanted: CommitFilter, *, changed: set[str]
) -> None:
    """Checks that tables that no commit changed are at least known.

    Raises:
        NotFound: One is not: it may be misspelt.
    """
    here = {name for start in starts for name in context.repository.commits.entries(start)}
    known = {name.casefold(): name for name in here | changed}
    for table in wanted.tables:
        if table.casefold() not in known:
            near = difflib.get_close_matches(table.casefold(), known, n=2)
            raise NotFound(
                f"no commit changed a table {table!r}",
                kind=ErrorKind.TABLE_NOT_FOUND,
                hint=f"did you mean {' or '.join(known[one] for one in near)}?" if near else "",
            )


def changed_definitions(
    context: OperationContext, commit: CommitInfo
) -> dict[str, tuple[str | None, str | None]]:
    """Returns the definitions that a commit changed: what the first parent had, and what it has.

    They are by table; None stands for a table that is not derived, or not there.
    """
    from catalog.model.derived import definition_text

    commits = context.repository.commits
    ends = (commit.parents[0] if commit.parents else None, commit.id)

    def definition(commit_id: str | None, table: str) -> str | None:
        entry = None if commit_id is None else commits.entry(commit_id, table)
        return None if entry is None else definition_text(commits.table(entry).snapshot.properties)

    derived = {name for one in ends if one is not None for name in commits.derived(one)}
    found = {
        name: (definition(ends[0], name), definition(ends[1], name))
        for name in sorted(derived & commit.changes.keys())
    }
    return {name: (before, after) for name, (before, after) in found.items() if before != after}


def describe_commit(context: OperationContext, commit_id: str) -> CommitInfo:
    """Returns a commit, described."""
    return commit_info(commit_id, context.repository.commits.read(commit_id))
