"""The history of a ref: its commits, described."""

from itertools import islice

from catalog.model.listings import CommitInfo, commit_info
from catalog.model.texts import check_integer
from catalog.operations.context import OperationContext
from catalog.repository.history import walk


def log(context: OperationContext, ref: str, limit: int | None) -> list[CommitInfo]:
    """Returns a commit and its ancestors; see ``Catalog.log``."""
    if limit is not None:
        check_integer(limit, "limit", least=0)
    return _walked(context, [context.resolve(ref).commit_id], limit)


def log_all(context: OperationContext, limit: int | None) -> list[CommitInfo]:
    """Returns the commits of all branches, newest first."""
    heads = [branch.commit_id for branch in context.repository.branches.list()]
    return _walked(context, [head for head in heads if head is not None], limit)


def _walked(context: OperationContext, starts: list[str], limit: int | None) -> list[CommitInfo]:
    walked = walk(context.repository.commits.read, *starts)
    return [commit_info(one.id, one.commit) for one in islice(walked, limit)]


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
