"""The history of a ref: its commits, described."""

from catalog.model.listings import CommitInfo, commit_info
from catalog.model.texts import check_integer
from catalog.operations.context import OperationContext
from catalog.repository.history import walk


def log(context: OperationContext, ref: str, limit: int | None) -> list[CommitInfo]:
    """Returns a commit and its ancestors; see ``Catalog.log``."""
    if limit is not None:
        check_integer(limit, "limit", least=0)
    start = context.resolve(ref).commit_id
    found: list[CommitInfo] = []
    for logged in walk(context.repository.commits.read, start):
        if limit is not None and len(found) >= limit:
            break
        found.append(commit_info(logged.id, logged.commit))
    return found


def describe_commit(context: OperationContext, commit_id: str) -> CommitInfo:
    """Returns a commit, described."""
    return commit_info(commit_id, context.repository.commits.read(commit_id))
